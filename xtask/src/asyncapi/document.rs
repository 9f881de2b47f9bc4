//! Puts topology and catalogue together into one document.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalogue::{Entry, Retired};
use serde_json::{Map, Value, json};
use topology::{Component, Edge, EdgeKind, Pattern, Topic, Topology};

use super::schema::{inlined, without_widths};

/// Why catalogue and topology do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    /// Two rows have one type.
    #[error("message {0} must be in the catalogue once")]
    Twice(String),
    /// A type that was retired is in use again.
    #[error("message {0} is retired: its name must not be used again")]
    UsedAgain(String),
    /// The name of an event does not say whose it is.
    #[error("event {message} must have a type that begins with `{source_name}.`")]
    Named {
        /// The type.
        message: String,
        /// The component that publishes it.
        source_name: String,
    },
    /// The component exists, its topic does not.
    #[error("message {message} must go to a topic of topology.toml, which has no {topic}")]
    Undeclared {
        /// The type.
        message: String,
        /// The topic.
        topic: String,
    },
    /// An event on a topic of work, or work on one of events.
    #[error("message {message} must go to a topic of its own pattern, which {topic} is not")]
    Pattern {
        /// The type.
        message: String,
        /// The topic.
        topic: String,
    },
    /// An event of a component that does not publish on its topic.
    #[error("event {message} must come from the component that publishes on {topic}")]
    Source {
        /// The type.
        message: String,
        /// The topic.
        topic: String,
    },
    /// A topic that carries nothing that is known.
    #[error("topic {0} must carry a message of the catalogue in crates/contracts")]
    Silent(String),
}

/// The document of these messages on these topics.
///
/// A message of a component that the topology does not have yet is left out, as the component is;
/// everything else must fit.
pub fn describe(
    topology: &Topology,
    messages: &[Entry],
    retired: &[Retired],
) -> Result<Value, DescribeError> {
    check_names(messages, retired)?;
    let mut carried: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in messages {
        if carries(topology, entry)? {
            carried.entry(entry.topic).or_default().push(entry);
        }
    }
    // What goes there is named by the definitions of sagas, and described in docs/sagas.md.
    let of_sagas = |name: &str| name == contracts::sagas::EVENTS || name.ends_with(".commands");
    for topic in topology.topics() {
        if of_sagas(&topic.name) {
            carried.entry(&topic.name).or_default();
        }
        let entries = carried
            .get_mut(topic.name.as_str())
            .ok_or_else(|| DescribeError::Silent(topic.name.clone()))?;
        entries.sort_by_key(|entry| entry.name);
    }
    let described: Vec<&Entry> = carried.values().flatten().copied().collect();
    let retired: Map<String, Value> = retired
        .iter()
        .map(|one| (one.name.to_owned(), one.why.into()))
        .collect();
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": info(),
        "defaultContentType": CONTENT_TYPE,
        "servers": servers(),
        "channels": channels(topology, &carried),
        "operations": operations(topology, &carried),
        "components": components(topology, &described),
        RETIRED: retired,
    }))
}

/// CloudEvents 1.0, JSON format, section 3: structured content mode.
const CONTENT_TYPE: &str = "application/cloudevents+json";
/// The extension that holds a message's version of schema.
pub const SCHEMA_VERSION: &str = "x-florin-schema-version";
/// The extension that holds the types that are published no more, each with its reason.
pub const RETIRED: &str = "x-florin-retired";
/// The extension that holds a channel's pattern.
pub const PATTERN: &str = "x-florin-pattern";

fn check_names(messages: &[Entry], retired: &[Retired]) -> Result<(), DescribeError> {
    let mut seen = BTreeSet::new();
    for Entry { name, source, .. } in messages {
        let message = (*name).to_owned();
        if !seen.insert(name) {
            return Err(DescribeError::Twice(message));
        }
        if retired.iter().any(|one| one.name == *name) {
            return Err(DescribeError::UsedAgain(message));
        }
        if let Some(source) = source
            && !name.starts_with(&format!("{source}."))
        {
            let source_name = (*source).to_owned();
            return Err(DescribeError::Named {
                message,
                source_name,
            });
        }
    }
    Ok(())
}

/// Whether the topology carries this message; an error if it should and does not fit.
fn carries(topology: &Topology, entry: &Entry) -> Result<bool, DescribeError> {
    let (message, name) = (entry.name.to_owned(), entry.topic.to_owned());
    let owner = name.split('.').next().unwrap_or_default();
    let is_there = |component: &str| topology.components().any(|one| one.name == component);
    let Some(topic) = topology.topics().find(|topic| topic.name == name) else {
        if is_there(owner) || entry.source.is_some_and(is_there) {
            let topic = name;
            return Err(DescribeError::Undeclared { message, topic });
        }
        return Ok(false);
    };
    let topic_name = topic.name.clone();
    match (entry.source, topic.pattern) {
        (None, Pattern::Work) => Ok(true),
        (Some(source), Pattern::Events) if topology.publishers(&name) == [source] => Ok(true),
        (Some(_), Pattern::Events) => Err(DescribeError::Source {
            message,
            topic: topic_name,
        }),
        _ => Err(DescribeError::Pattern {
            message,
            topic: topic_name,
        }),
    }
}

fn info() -> Value {
    json!({
        "title": "Florin messages",
        "version": env!("CARGO_PKG_VERSION"),
        "description": INFO,
        "license": {
            "name": "Apache-2.0",
            "url": "https://www.apache.org/licenses/LICENSE-2.0",
        },
    })
}

const INFO: &str = "\
Every message that goes between the services of Florin: events, of which each consumer \
gets all, in order per key; and work, which one component does. Each is a CloudEvents 1.0 \
document in structured JSON form. Messages evolve by adding optional fields: consumers \
ignore fields they do not know, and a breaking change is a new type. Delivery is at least \
once; the `id` tells a repeat. Within one process the outbox itself is read, and no server \
is needed.";

fn servers() -> Value {
    json!({
        "rabbitmq": server("amqp", Some("0.9.1"), "5672", "RabbitMQ, if it is the carrier"),
        "kafka": server("kafka", None, "9092", "Apache Kafka, if it is the carrier"),
    })
}

fn server(protocol: &str, version: Option<&str>, port: &str, description: &str) -> Value {
    let mut server = json!({
        "host": "{host}:{port}",
        "protocol": protocol,
        "description": description,
        "variables": {
            "host": { "description": "where the operator runs it" },
            "port": { "default": port, "description": "where it listens" },
        },
    });
    if let Some(version) = version {
        server["protocolVersion"] = version.into();
    }
    server
}

fn channels(topology: &Topology, carried: &BTreeMap<&str, Vec<&Entry>>) -> Value {
    topology
        .topics()
        .map(|topic| {
            let messages: Map<String, Value> = carried[topic.name.as_str()]
                .iter()
                .map(|entry| {
                    (
                        entry.name.to_owned(),
                        reference("components/messages", entry.name),
                    )
                })
                .collect();
            let channel = json!({
                "address": topic.name,
                "description": topic.why,
                "messages": messages,
                "bindings": {
                    "amqp": amqp_channel(topic),
                    "kafka": { "topic": topic.name, "bindingVersion": KAFKA },
                },
                PATTERN: word(topic.pattern),
                "x-florin-key": topic.key,
            });
            (topic.name.clone(), channel)
        })
        .collect::<Map<_, _>>()
        .into()
}

fn word(pattern: Pattern) -> &'static str {
    match pattern {
        Pattern::Events => "events",
        Pattern::Work => "work",
    }
}

/// Events go through an exchange of their own to each consumer's queues, work to one queue.
fn amqp_channel(topic: &Topic) -> Value {
    let name = &topic.name;
    match topic.pattern {
        Pattern::Events => json!({
            "is": "routingKey",
            "exchange": {
                "name": format!("florin.events.{name}"),
                "type": "direct",
                "durable": true,
                "autoDelete": false,
            },
            "bindingVersion": AMQP,
        }),
        Pattern::Work => json!({
            "is": "queue",
            "queue": { "name": name, "durable": true, "exclusive": false, "autoDelete": false },
            "bindingVersion": AMQP,
        }),
    }
}

/// The version of the AMQP bindings this document follows.
const AMQP: &str = "0.3.0";
/// The version of the Kafka bindings this document follows.
const KAFKA: &str = "0.5.0";

fn operations(topology: &Topology, carried: &BTreeMap<&str, Vec<&Entry>>) -> Value {
    let mut operations = Map::new();
    for component in topology.components() {
        for kind in [EdgeKind::Publishes, EdgeKind::Consumes] {
            for edge in component.edges(kind) {
                let id = format!("{}.{kind}.{}", component.name, edge.to);
                let entries = &carried[edge.to.as_str()];
                operations.insert(id, operation(component, kind, edge, entries));
            }
        }
    }
    operations.into()
}

fn operation(component: &Component, kind: EdgeKind, edge: &Edge, entries: &[&Entry]) -> Value {
    let sends = kind == EdgeKind::Publishes;
    let within = format!("channels/{}/messages", edge.to);
    let messages: Vec<Value> = entries
        .iter()
        .map(|entry| reference(&within, entry.name))
        .collect();
    // Kept on disk, and returned rather than dropped; acknowledged once its effect is committed.
    let amqp = match sends {
        true => json!({ "deliveryMode": 2, "mandatory": true, "bindingVersion": AMQP }),
        false => json!({ "ack": true, "bindingVersion": AMQP }),
    };
    let mut operation = json!({
        "action": if sends { "send" } else { "receive" },
        "channel": reference("channels", &edge.to),
        "summary": edge.why,
        "messages": messages,
        "bindings": { "amqp": amqp },
        "x-florin-component": component.name,
    });
    if !sends {
        let group = json!({
            "type": "string",
            "description": "the consumer and the topic, after the namespace of the configuration",
            "pattern": format!("\\.{}\\.{}$", component.name, edge.to.replace('.', "\\.")),
        });
        operation["bindings"]["kafka"] = json!({ "groupId": group, "bindingVersion": KAFKA });
    }
    operation
}

fn components(topology: &Topology, entries: &[&Entry]) -> Value {
    let mut schemas = Map::new();
    let mut messages = Map::new();
    schemas.insert(ENVELOPE.to_owned(), envelope());
    for entry in entries {
        let schema = entry.schema();
        let find = |reference: &str| {
            let name = reference.strip_prefix("#/components/schemas/")?;
            schema.parts.get(name).cloned()
        };
        let mut payload = without_widths(&inlined(&schema.root, &find));
        payload["title"] = entry.name.into();
        let example = example(entry, &topology.publishers(entry.topic));
        let mut message = message(entry, &payload);
        message["examples"] = json!([{ "name": "example", "payload": example }]);
        messages.insert(entry.name.to_owned(), message);
        schemas.insert(entry.name.to_owned(), payload);
    }
    json!({ "schemas": schemas, "messages": messages })
}

fn message(entry: &Entry, payload: &Value) -> Value {
    let mut own = json!({
        "type": { "const": entry.name },
        "data": reference("components/schemas", entry.name),
    });
    let mut whole = json!({ "type": "object" });
    if let Some(source) = entry.source {
        own["source"] = json!({ "const": format!("/{source}") });
        whole["required"] = json!(["aggregateversion"]);
    }
    whole["properties"] = own;
    let key = match entry.source {
        Some(_) => "the subject: events with one key stay in order",
        None => "the id: work has no order, and every process of the consumer gets some",
    };
    json!({
        "name": entry.name,
        "title": entry.name,
        "summary": payload["description"],
        "contentType": CONTENT_TYPE,
        "payload": { "allOf": [reference("components/schemas", ENVELOPE), whole] },
        "bindings": {
            "kafka": { "key": { "type": "string", "description": key }, "bindingVersion": KAFKA },
        },
        SCHEMA_VERSION: entry.schema_version,
    })
}

/// The name of the schema that every message shares.
const ENVELOPE: &str = "CloudEvent";

/// CloudEvents 1.0, sections 2.4 and 3, with the extensions that Florin adds.
fn envelope() -> Value {
    let text = |what: &str| json!({ "type": "string", "minLength": 1, "description": what });
    json!({
        "type": "object",
        "description": "a CloudEvents 1.0 document in structured JSON form",
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype",
            "schemaversion", "data",
        ],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": {
                "type": "string",
                "pattern": "^evt_[0-7][0-9a-hjkmnp-tv-z]{25}$",
                "description": "unique; a repeat carries the same",
            },
            "source": text("the component it comes from, after a slash"),
            "type": text("what happened, or what is asked for"),
            "subject": {
                "type": "string",
                "description": "what it is about; events with one subject stay in order",
            },
            "time": {
                "type": "string",
                "format": "date-time",
                "description": "when it happened",
            },
            "datacontenttype": { "const": "application/json" },
            "schemaversion": {
                "type": "integer",
                "minimum": 1,
                "maximum": u16::MAX,
                "description": "the version of the schema of `data`",
            },
            "aggregateversion": {
                "type": "integer",
                "minimum": 1,
                "description": "how often the subject has changed; on events only",
            },
            "attempt": {
                "type": "integer",
                "minimum": 0,
                "maximum": u32::MAX,
                "description": "how often handling it has failed before; none is 0",
            },
            "traceparent": text("the trace it belongs to, as W3C Trace Context writes it"),
            "data": { "type": "object", "description": "what it says" },
        },
    })
}

/// The example as it is carried, from the first of those who send it.
fn example(entry: &Entry, senders: &[&str]) -> Value {
    let sample = entry.sample();
    let source = senders
        .first()
        .expect("a topic of the topology has a publisher");
    let mut example = json!({
        "specversion": "1.0",
        "id": "evt_01jd0000000000000000000000",
        "source": format!("/{source}"),
        "type": entry.name,
        "subject": sample.subject,
        "time": "2026-02-28T12:00:00.000000Z",
        "datacontenttype": "application/json",
        "schemaversion": entry.schema_version,
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": sample.payload,
    });
    if let Some(revision) = sample.revision {
        example["aggregateversion"] = revision.into();
    }
    example
}

fn reference(within: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/{within}/{name}") })
}
