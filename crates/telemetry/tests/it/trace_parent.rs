//! `traceparent` as the standard writes it.

use telemetry::TraceParent;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The examples of W3C Trace Context, section 3.2, and what it calls invalid.
#[test]
fn a_trace_parent_is_read_as_the_standard_says() {
    let text = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let parent = TraceParent::parse(&text).unwrap();
    assert_eq!(parent.trace_id(), TRACE);
    assert_eq!(parent.span_id(), "00f067aa0ba902b7");
    assert!(parent.sampled());
    assert_eq!(parent.to_string(), text);
    let later = format!("01-{TRACE}-00f067aa0ba902b7-00-more");
    assert!(!TraceParent::parse(&later).unwrap().sampled());
    for invalid in [
        "",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        assert_eq!(TraceParent::parse(invalid), None, "{invalid}");
    }
}
