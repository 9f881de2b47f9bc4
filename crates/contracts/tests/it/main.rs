//! Every message of the catalogue: what consumers bear, and that its schema says what they need.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalogue::{Entry, MESSAGES};
use serde_json::{Map, Value, json};

/// Puts a field that nobody knows into every object.
fn with_unknown(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut more: Map<String, Value> = object
                .iter()
                .map(|(name, value)| (name.clone(), with_unknown(value)))
                .collect();
            more.insert("added_later".to_owned(), json!({ "by": ["others"] }));
            more.into()
        }
        Value::Array(items) => items.iter().map(with_unknown).collect(),
        other => other.clone(),
    }
}

#[test]
fn fields_that_are_not_known_are_ignored() {
    for entry in MESSAGES {
        let payload = entry.sample().payload;
        let more = with_unknown(&payload);
        assert_ne!(more, payload);
        let read = entry.reread(&more).expect("unknown fields are accepted");
        assert_eq!(read, payload, "{}", entry.name);
    }
}

/// The fields of the payload itself, each with whether it is required.
fn fields(entry: &Entry) -> BTreeMap<String, bool> {
    let schema = entry.schema();
    let mut all = BTreeMap::new();
    let parts = schema.root["allOf"].as_array().cloned();
    for part in parts.unwrap_or_else(|| vec![schema.root.clone()]) {
        let required = part["required"].as_array().cloned().unwrap_or_default();
        let properties = part["properties"].as_object().cloned().unwrap_or_default();
        for name in properties.keys() {
            let required = required.iter().any(|one| one == name);
            all.insert(name.clone(), required);
        }
    }
    all
}

#[test]
fn a_field_is_optional_in_the_schema_if_and_only_if_it_is_to_the_reader() {
    for entry in MESSAGES {
        let payload = entry.sample().payload;
        let fields = fields(entry);
        assert!(!fields.is_empty(), "{} has fields", entry.name);
        for (name, required) in fields {
            let mut less = payload.clone();
            let taken = less.as_object_mut().and_then(|object| object.remove(&name));
            assert!(taken.is_some(), "the example of {} has {name}", entry.name);
            let read = entry.reread(&less);
            assert_eq!(read.is_err(), required, "{} {name}: {read:?}", entry.name);
            if let Ok(read) = read {
                assert_eq!(read, less, "{} {name} is left out again", entry.name);
            }
        }
    }
}

#[test]
fn every_type_and_source_has_a_row_once_and_a_version() {
    let names: BTreeSet<&str> = MESSAGES.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), MESSAGES.len());
    for entry in MESSAGES {
        assert!(entry.schema_version >= 1, "{}", entry.name);
        let sample = entry.sample();
        assert_eq!(sample, entry.sample(), "the example is the same every time");
        assert!(!sample.subject.is_empty(), "{}", entry.name);
        assert_eq!(
            sample.revision.is_some(),
            entry.source.is_some(),
            "{}",
            entry.name
        );
    }
}
