//! JSON Schemas within a document: references taken in, keys in order.

use serde_json::{Map, Value};

/// How deep schemas may lie in each other: far more than any payload has, and a schema that holds
/// itself ends.
const DEPTH_MAX: usize = 32;

/// The same value with the keys of every object in the order of letters, whatever order the map
/// of this build keeps.
#[must_use]
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort();
            keys.into_iter()
                .map(|key| (key.clone(), sorted(&object[key])))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// The schema with every `$ref` replaced by what `find` says is behind it; what stands beside a
/// reference stays, and wins. A reference to nothing stays as it is.
#[must_use]
pub fn inlined(schema: &Value, find: &dyn Fn(&str) -> Option<Value>) -> Value {
    within(schema, find, DEPTH_MAX)
}

fn within(schema: &Value, find: &dyn Fn(&str) -> Option<Value>, depth: usize) -> Value {
    if depth == 0 {
        return schema.clone();
    }
    match schema {
        Value::Object(object) => {
            let behind = object
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(find)
                .map(|target| within(&target, find, depth - 1));
            let mut taken_in = match &behind {
                Some(Value::Object(target)) => target.clone(),
                _ => Map::new(),
            };
            for (key, value) in object {
                if key != "$ref" || behind.is_none() {
                    taken_in.insert(key.clone(), within(value, find, depth - 1));
                }
            }
            taken_in.into()
        }
        Value::Array(items) => items
            .iter()
            .map(|item| within(item, find, depth - 1))
            .collect(),
        other => other.clone(),
    }
}

/// The part of a document that a reference such as `#/components/schemas/NAME` names.
#[must_use]
pub fn referred(document: &Value, reference: &str) -> Option<Value> {
    document.pointer(reference.strip_prefix('#')?).cloned()
}

/// The schema without `format: int32` and its like: they are signed, and our integers are mostly
/// not. What an integer may be, `minimum` and `maximum` say.
#[must_use]
pub fn without_widths(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let is_width = |key: &str, value: &Value| {
                key == "format"
                    && value
                        .as_str()
                        .is_some_and(|format| format.starts_with("int"))
            };
            let kept = object.iter().filter(|(key, value)| !is_width(key, value));
            kept.map(|(key, value)| (key.clone(), without_widths(value)))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(without_widths).collect(),
        other => other.clone(),
    }
}
