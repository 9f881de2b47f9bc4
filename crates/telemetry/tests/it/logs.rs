//! A log line is one JSON object; what is redacted is not in it.

use telemetry::Redacted;

use crate::captured::{captured, try_captured};

#[test]
fn a_line_is_one_json_object_with_the_fields_of_its_span() {
    let lines = captured("info", || {
        let span = tracing::info_span!("request", request_id = "r-1");
        span.in_scope(|| tracing::info!(status = 200, text = "two\nlines \"quoted\"", "request"));
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["message"], "request");
    assert_eq!(lines[0]["status"], 200);
    assert_eq!(lines[0]["text"], "two\nlines \"quoted\"");
    assert_eq!(lines[0]["span"]["request_id"], "r-1");
    assert!(lines[0]["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn what_is_redacted_is_not_in_the_log_however_it_is_printed() {
    #[derive(Debug)]
    struct Card {
        #[allow(dead_code, reason = "read by Debug")]
        number: Redacted<String>,
    }
    for secret in [
        "4111111111111111",
        "hunter2",
        "+972-50-1234567",
        "jane.doe@example.org",
    ] {
        let value = Redacted(secret.to_owned());
        let card = Card {
            number: value.clone(),
        };
        let lines = captured("info", || {
            tracing::info!(%value, debug = ?value, card = ?card, "paid by {value} {card:?}");
        });
        assert!(!lines[0].to_string().contains(secret));
        assert_eq!(lines[0]["value"], "[redacted]");
    }
}

#[test]
fn the_filter_decides_and_a_wrong_one_is_refused() {
    let lines = captured("warn,chatty=debug", || {
        tracing::info!("quiet");
        tracing::debug!(target: "chatty", "heard");
        tracing::warn!("heard");
    });
    assert_eq!(lines.len(), 2);
    for wrong in ["x=loudly", "[", "info,,=x"] {
        assert!(try_captured(wrong, || {}).is_err(), "{wrong}");
    }
}

#[test]
fn a_library_that_writes_messages_into_its_warnings_is_not_heard_whatever_the_filter() {
    let lines = captured("trace,lapin=trace", || {
        tracing::warn!(target: "lapin::returned_messages", "a whole message");
        tracing::error!(target: "lapin::channel", "the channel is gone");
        tracing::warn!("ours");
    });
    let heard: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(heard, ["the channel is gone", "ours"]);
}
