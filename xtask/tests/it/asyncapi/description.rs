//! What the document says: every topic, edge and message, and schemas that refuse what is no such
//! message.

use std::path::Path;

use contracts::catalogue::{Entry, MESSAGES, RETIRED, Retired};
use contracts::dead_letters::Failure;
use contracts::notifications::{MessageRead, TemplateChanged};
use serde_json::{Value, json};
use topology::Topology;
use xtask::asyncapi::{self, DescribeError, describe, schema};

use super::{ENTRIES, ROOT, SYSTEM, document, system};

#[test]
fn the_text_has_its_keys_in_order_and_is_the_same_every_time() {
    let (once, again) = (document(), document());
    assert_eq!(asyncapi::text(&once), asyncapi::text(&again));
    let shuffled = json!({ "b": [{ "d": 1, "c": 2 }], "a": 3 });
    assert_eq!(
        asyncapi::text(&shuffled),
        "{\n  \"a\": 3,\n  \"b\": [\n    {\n      \"c\": 2,\n      \"d\": 1\n    }\n  ]\n}\n"
    );
}

#[test]
fn every_topic_and_edge_of_the_topology_is_described() {
    let document = document();
    for topic in system().topics() {
        let channel = &document["channels"][&topic.name];
        assert_eq!(channel["address"], topic.name.as_str());
        assert_eq!(channel["description"], topic.why.as_str());
        assert_eq!(channel["x-florin-key"], topic.key.as_str());
    }
    for (id, action, message) in [
        (
            "dead-letters.publishes.dead-letters.decisions",
            "send",
            "parked_event_decided",
        ),
        (
            "dead-letters.consumes.dead-letters.failures",
            "receive",
            "report_failure",
        ),
        (
            "notifications.publishes.dead-letters.failures",
            "send",
            "report_failure",
        ),
        (
            "notifications.consumes.dead-letters.decisions",
            "receive",
            "parked_event_decided",
        ),
    ] {
        let operation = &document["operations"][id];
        assert_eq!(operation["action"], action, "{id}");
        let reference = operation["messages"][0]["$ref"]
            .as_str()
            .expect("a reference");
        assert!(
            reference.ends_with(&format!("/messages/dead-letters.{message}")),
            "{reference}"
        );
        assert!(
            schema::referred(&document, reference).is_some(),
            "{reference}"
        );
    }
    let operations = document["operations"].as_object().expect("an object");
    assert_eq!(operations.len(), 5);
}

/// The schema of a message as it is carried, without references.
fn payload(document: &Value, message: &str) -> Value {
    let schema = &document["components"]["messages"][message]["payload"];
    schema::inlined(schema, &|reference| schema::referred(document, reference))
}

fn is_valid(schema: &Value, instance: &Value) -> bool {
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .should_validate_formats(true)
        .build(schema)
        .expect("the schema is well-formed");
    validator.is_valid(instance)
}

#[test]
fn every_example_is_of_its_schema_and_of_its_type() {
    let recorded = asyncapi::document(Path::new(ROOT)).expect("there is a document");
    for document in [document(), recorded] {
        let messages = document["components"]["messages"]
            .as_object()
            .expect("an object");
        assert!(!messages.is_empty());
        for (name, message) in messages {
            let example = &message["examples"][0]["payload"];
            assert!(
                is_valid(&payload(&document, name), example),
                "{name}: {example:#}"
            );
            let entry = MESSAGES
                .iter()
                .find(|entry| entry.name == name)
                .expect("a row");
            let data = entry
                .reread(&example["data"])
                .expect("the payload is of the type");
            assert_eq!(data, example["data"], "{name}");
            assert_eq!(example["schemaversion"], entry.schema_version);
        }
    }
}

#[test]
fn the_schemas_refuse_what_is_not_such_a_message() {
    let document = document();
    let name = "notifications.template_changed";
    let schema = payload(&document, name);
    let example = document["components"]["messages"][name]["examples"][0]["payload"].clone();
    let check = |pointer: &str, value: Value| {
        let mut changed = example.clone();
        *changed.pointer_mut(pointer).expect("it is there") = value;
        assert!(
            !is_valid(&schema, &changed),
            "{pointer} must be refused: {changed:#}"
        );
    };
    check("/specversion", json!("0.3"));
    check("/id", json!("msg_01jd0000000000000000000000"));
    check("/source", json!("/ledger"));
    check("/type", json!("notifications.message_read"));
    check("/time", json!("yesterday"));
    check("/schemaversion", json!(0));
    check("/aggregateversion", json!(0));
    check("/data", json!("text"));
    check("/data/change", json!("renamed"));
    check("/data/version", json!("2"));
    check("/data/changed_at", json!("2026-02-30T12:00:00Z"));
    let mut unknown = example.clone();
    unknown["tracestate"] = json!("a=b");
    unknown["data"]["later"] = json!({ "added": true });
    assert!(
        is_valid(&schema, &unknown),
        "fields that are not known are ignored"
    );
}

#[test]
fn catalogue_and_topology_must_fit() {
    let check = |text: &str, entries: &[Entry], retired: &[Retired], expected: DescribeError| {
        let topology = Topology::parse(text).expect("the topology is well-formed");
        assert_eq!(describe(&topology, entries, retired), Err(expected));
    };
    let name = "notifications.template_changed".to_owned();
    let template = Entry::event::<TemplateChanged>();
    let twice = [ENTRIES, &[template]].concat();
    check(SYSTEM, &twice, &[], DescribeError::Twice(name.clone()));
    let retired = Retired {
        name: template.name,
        why: "nobody asked",
    };
    check(
        SYSTEM,
        ENTRIES,
        &[retired],
        DescribeError::UsedAgain(name.clone()),
    );
    let silent = DescribeError::Silent("notifications.templates".to_owned());
    check(SYSTEM, &ENTRIES[1..], &[], silent);
    let undeclared = DescribeError::Undeclared {
        message: "notifications.message_read".to_owned(),
        topic: "notifications.messages".to_owned(),
    };
    let more = [ENTRIES, &[Entry::event::<MessageRead>()]].concat();
    check(SYSTEM, &more, &[], undeclared);
    let topic = "notifications.templates".to_owned();
    let changed = |change: &dyn Fn(&mut Entry)| {
        let mut entry = template;
        change(&mut entry);
        [&[entry], &ENTRIES[1..]].concat()
    };
    let (message, source_name) = (name.clone(), "ledger".to_owned());
    let named = DescribeError::Named {
        message,
        source_name,
    };
    check(
        SYSTEM,
        &changed(&|entry| entry.source = Some("ledger")),
        &[],
        named,
    );
    let source = DescribeError::Source {
        message: "ledger.x".to_owned(),
        topic: topic.clone(),
    };
    let foreign = changed(&|entry| (entry.source, entry.name) = (Some("ledger"), "ledger.x"));
    check(SYSTEM, &foreign, &[], source);
    let pattern = DescribeError::Pattern {
        message: name,
        topic,
    };
    check(SYSTEM, &changed(&|entry| entry.source = None), &[], pattern);
}

#[test]
fn a_message_of_a_component_that_is_not_there_yet_is_left_out() {
    let ledgerless = Topology::parse(SYSTEM).expect("the topology is well-formed");
    let mut later = Entry::work::<Failure>();
    (later.name, later.topic) = ("deals.reserve", "deals.commands");
    let with = describe(&ledgerless, &[ENTRIES, &[later]].concat(), &[]);
    assert_eq!(with, Ok(document()));
}

#[test]
fn a_retired_type_is_not_in_the_catalogue_and_says_why() {
    for Retired { name, why } in RETIRED {
        assert!(MESSAGES.iter().all(|entry| entry.name != *name), "{name}");
        assert!(!why.trim().is_empty(), "{name}");
    }
}
