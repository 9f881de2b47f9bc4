//! Every span of ours has a trace, log lines name it, and what goes out of it carries it on.

use serde_json::Value;
use telemetry::{Received, Request, TraceParent, current_traceparent, timer_span};
use tracing::Span;

use crate::captured::captured;

const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn request(parent: Option<&str>) -> Span {
    telemetry::request_span(&Request {
        id: "r-1",
        method: "GET",
        route: Some("/things/{id}"),
        parent: parent.and_then(TraceParent::parse),
    })
}

fn message(traceparent: Option<&str>) -> Span {
    telemetry::message_span(&Received {
        topic: "notes.added",
        consumer: "shelf",
        kind: "noted",
        id: "evt_1",
        traceparent,
    })
}

/// The trace that a line names, with what it names the span.
#[track_caller]
fn ids(line: &Value) -> (&str, &str) {
    let text = |key: &str| line[key].as_str().unwrap_or_else(|| panic!("{line}"));
    (text("trace_id"), text("span_id"))
}

#[test]
fn a_request_continues_the_callers_trace_and_its_sampling_in_a_span_of_its_own() {
    for (sent, flags) in [(SENT.to_owned(), "01"), (SENT.replace("-01", "-00"), "00")] {
        let lines = captured("info", || {
            request(Some(&sent)).in_scope(|| {
                let own = current_traceparent().unwrap();
                assert!(
                    own.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
                    "{own}"
                );
                assert!(!own.contains("00f067aa0ba902b7"), "{own}");
                assert!(own.ends_with(flags), "{own}");
                tracing::info!(own, "inside");
            });
        });
        let (trace, span) = ids(&lines[0]);
        let own = format!("00-{trace}-{span}-{flags}");
        assert_eq!(lines[0]["own"], own.as_str());
        assert_eq!(lines[0]["span"]["http.route"], "/things/{id}");
    }
}

#[test]
fn what_carries_no_trace_or_a_malformed_one_begins_a_new_one_each_time() {
    let mut seen = std::collections::BTreeSet::new();
    let lines = captured("info", || {
        for span in [
            request(None),
            request(Some("00-xyz")),
            timer_span("purge"),
            message(None),
            message(Some("no trace")),
        ] {
            span.in_scope(|| tracing::info!("inside"));
        }
    });
    for line in &lines {
        let (trace, span) = ids(line);
        assert_eq!((trace.len(), span.len()), (32, 16), "{line}");
        assert!(seen.insert(trace.to_owned()), "twice: {trace}");
    }
    assert_eq!(seen.len(), 5);
}

#[test]
fn a_message_continues_the_trace_in_which_it_was_published_wherever_it_is_handled() {
    let lines = captured("info", || {
        let published = request(None).in_scope(current_traceparent);
        timer_span("poll").in_scope(|| {
            message(published.as_deref()).in_scope(|| tracing::info!(published, "handled"));
        });
    });
    let (trace, span) = ids(&lines[0]);
    let published = lines[0]["published"].as_str().unwrap();
    assert!(published.contains(trace) && !published.contains(span));
    for (field, expected) in [
        ("messaging.destination.name", "notes.added"),
        ("messaging.consumer.group.name", "shelf"),
        ("messaging.message.id", "evt_1"),
        ("message.type", "noted"),
    ] {
        assert_eq!(lines[0]["span"][field], expected);
    }
}

#[test]
fn a_line_names_its_trace_in_an_inner_span_and_behind_a_filter_that_hides_spans() {
    for filter in ["info", "error"] {
        let lines = captured(filter, || {
            request(Some(SENT)).in_scope(|| {
                let inner = tracing::info_span!("inner", step = 1);
                inner.in_scope(|| tracing::error!("failed"));
            });
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(ids(&lines[0]).0, "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}

#[test]
fn outside_of_a_span_and_without_a_subscriber_there_is_no_trace() {
    let lines = captured("info", || {
        assert_eq!(current_traceparent(), None);
        tracing::info!("outside");
    });
    assert_eq!(lines[0].get("trace_id"), None);
    message(Some(SENT)).in_scope(|| {
        assert_eq!(current_traceparent(), None);
    });
}
