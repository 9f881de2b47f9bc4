//! What the recorded AsyncAPI document says of a message is what a message is: every example of it
//! is read, and written again the same; every attribute of the envelope is one we know.

use std::collections::BTreeSet;

use broker::Message;
use serde_json::Value;

fn document() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/asyncapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_example_is_a_message_and_is_written_as_it_was_read() {
    let document = document();
    let messages = document["components"]["messages"].as_object().unwrap();
    assert!(!messages.is_empty());
    for (name, described) in messages {
        let examples = described["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{name}");
        for example in examples {
            let payload = &example["payload"];
            let read = Message::parse(&payload.to_string()).unwrap();
            assert_eq!(read.kind, *name);
            let written: Value = serde_json::from_str(&read.document()).unwrap();
            assert_eq!(written, *payload, "{name}");
        }
    }
}

#[test]
fn the_envelope_has_the_attributes_of_a_message_and_no_other() {
    let document = document();
    let envelope = &document["components"]["schemas"]["CloudEvent"]["properties"];
    let described: BTreeSet<&str> = envelope
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let data = serde_json::json!({});
    let now = kit::time::Timestamp::from_micros(0);
    let mut message =
        Message::work(crate::toys::id(1), ("shop", "order"), ("t", 1), now, &data).unwrap();
    message.aggregateversion = Some(1);
    message.attempt = 1;
    message.traceparent = Some("00-0".to_owned());
    let written: Value = serde_json::from_str(&message.document()).unwrap();
    let written: BTreeSet<&str> = written
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(described, written);
}
