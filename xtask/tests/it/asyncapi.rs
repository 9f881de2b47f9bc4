//! The document of messages: what is recorded, what it says, and which changes it refuses.

use std::path::Path;
use std::process::Command;

use contracts::catalogue::{Entry, MESSAGES, RETIRED, Retired};
use contracts::dead_letters::{Decision, Failure};
use contracts::notifications::{MessageRead, TemplateChanged};
use serde_json::{Value, json};
use topology::Topology;
use xtask::asyncapi::{self, AsyncApiError, DescribeError, changes, describe, schema};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A system in which both patterns have messages.
const SYSTEM: &str = r#"
[[component]]
name = "dead-letters"
why = "keeps what failed"
publishes = [{ to = "dead-letters.decisions", why = "consumers learn what becomes of a message" }]
consumes = [{ to = "dead-letters.failures", why = "what failed is kept" }]

[[component]]
name = "notifications"
why = "keeps mailboxes"
publishes = [
    { to = "notifications.templates", why = "others learn of a new wording" },
    { to = "dead-letters.failures", why = "what could not be handled is reported" },
]
consumes = [{ to = "dead-letters.decisions", why = "parked events go on" }]

[[topic]]
name = "dead-letters.decisions"
pattern = "events"
key = "consumer"
why = "what becomes of parked events"

[[topic]]
name = "dead-letters.failures"
pattern = "work"
key = "none"
why = "what could not be handled"

[[topic]]
name = "notifications.templates"
pattern = "events"
key = "template key"
why = "what happens to a template"
"#;

const ENTRIES: &[Entry] = &[
    Entry::event::<TemplateChanged>(),
    Entry::work::<Failure>(),
    Entry::event::<Decision>(),
];

fn system() -> Topology {
    Topology::parse(SYSTEM).expect("the topology is well-formed")
}

fn document() -> Value {
    describe(&system(), ENTRIES, &[]).expect("catalogue and topology fit")
}

#[test]
fn the_document_is_what_is_recorded() {
    let refused = asyncapi::record(Path::new(ROOT), true).err();
    assert!(refused.is_none(), "{}", refused.expect("it was refused"));
}

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

/// A change of the document, and the one complaint it must cause; none if it is an addition.
fn check(change: impl Fn(&mut Value), complaint: &str) {
    let mut now = document();
    change(&mut now);
    assert_ne!(now, document(), "nothing was changed");
    let found: Vec<String> = changes::between(&document(), &now)
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected: Vec<&str> = [complaint]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    assert_eq!(found, expected);
}

const TEMPLATE: &str = "notifications.template_changed";
const DECIDED: &str = "dead-letters.parked_event_decided";
const REPORTED: &str = "dead-letters.report_failure";

fn data<'a>(document: &'a mut Value, message: &str) -> &'a mut Value {
    &mut document["components"]["schemas"][message]
}

fn raised(document: &mut Value, message: &str) {
    document["components"]["messages"][message]["x-florin-schema-version"] = json!(2);
}

fn without(list: &mut Value, name: &str) {
    list.as_array_mut()
        .expect("a list")
        .retain(|item| item != name);
}

fn take(object: &mut Value, name: &str) -> Value {
    let taken = object.as_object_mut().expect("an object").remove(name);
    taken.expect("it is there")
}

#[test]
fn what_is_an_addition_is_accepted() {
    check(
        |now| {
            data(now, TEMPLATE)["properties"]["reason"] = json!({ "type": "string" });
            raised(now, TEMPLATE);
        },
        "",
    );
    check(
        |now| data(now, TEMPLATE)["description"] = json!("Otherwise."),
        "",
    );
    check(
        |now| data(now, TEMPLATE)["properties"]["change"]["description"] = json!("Else."),
        "",
    );
    check(|now| now["info"]["version"] = json!("0.2.0"), "");
    check(
        |now| {
            drop(take(
                &mut now["operations"],
                "dead-letters.consumes.dead-letters.failures",
            ))
        },
        "",
    );
    check(
        |now| {
            let mut message = now["components"]["messages"][TEMPLATE].clone();
            message["name"] = json!("notifications.template_named");
            now["components"]["messages"]["notifications.template_named"] = message;
            now["channels"]["notifications.templates"]["messages"]["notifications.template_named"] =
                json!({ "$ref": "#/components/messages/notifications.template_named" });
        },
        "",
    );
    check(
        |now| now["components"]["schemas"]["CloudEvent"]["properties"]["tracestate"] = json!({}),
        "",
    );
    check(
        |now| {
            take(&mut now["channels"], "notifications.templates");
            now["x-florin-retired"][TEMPLATE] = json!("templates have no events any more");
        },
        "",
    );
}

#[test]
fn a_message_that_is_removed_renamed_or_moved_is_refused() {
    let gone = "message notifications.template_changed must stay: it was removed or renamed, and \
                is not retired";
    check(
        |now| drop(take(&mut now["channels"], "notifications.templates")),
        gone,
    );
    check(
        |now| {
            let messages = &mut now["channels"]["notifications.templates"]["messages"];
            messages["notifications.template_edited"] = take(messages, TEMPLATE);
        },
        gone,
    );
    check(
        |now| {
            let channel = take(&mut now["channels"], "notifications.templates");
            now["channels"]["notifications.wordings"] = channel;
        },
        "message notifications.template_changed must stay on topic notifications.templates",
    );
    check(
        |now| now["channels"]["notifications.templates"]["x-florin-pattern"] = json!("work"),
        "topic notifications.templates must keep its pattern events",
    );
    let mut then = document();
    then["x-florin-retired"]["notifications.old"] = json!("nobody asked");
    let found = changes::between(&then, &document());
    let message = "notifications.old".to_owned();
    assert_eq!(found, [changes::Change::Revived { message }]);
}

#[test]
fn a_field_that_is_removed_renamed_required_or_optional_is_refused() {
    check(
        |now| {
            take(&mut data(now, TEMPLATE)["properties"], "version");
            without(&mut data(now, TEMPLATE)["required"], "version");
        },
        "message notifications.template_changed must keep field data.version: it was removed or \
         renamed",
    );
    check(
        |now| {
            let properties = &mut data(now, REPORTED)["properties"];
            properties["kind_of"] = take(properties, "message_type");
            raised(now, REPORTED);
        },
        "message dead-letters.report_failure must keep field data.message_type: it was removed or \
         renamed",
    );
    check(
        |now| {
            let required = data(now, REPORTED)["required"]
                .as_array_mut()
                .expect("a list");
            required.push(json!("message_id"));
        },
        "message dead-letters.report_failure must leave field data.message_id optional: messages \
         in archives lack it",
    );
    check(
        |now| {
            data(now, TEMPLATE)["properties"]["reason"] = json!({ "type": "string" });
            let required = data(now, TEMPLATE)["required"]
                .as_array_mut()
                .expect("a list");
            required.push(json!("reason"));
            raised(now, TEMPLATE);
        },
        "message notifications.template_changed must not require field data.reason: messages in \
         archives lack it",
    );
    check(
        |now| without(&mut data(now, TEMPLATE)["required"], "version"),
        "message notifications.template_changed must always have field data.version: consumers \
         rely on it",
    );
}

#[test]
fn a_field_that_may_hold_something_else_is_refused() {
    let check = |field: &str, keyword: &str, value: Value| {
        let message = "notifications.template_changed";
        let expected = format!(
            "message {message} must keep what field data.{field} may hold: `{keyword}` changed"
        );
        check(
            |now| data(now, message)["properties"][field][keyword] = value.clone(),
            &expected,
        );
    };
    check("version", "type", json!("string"));
    check("version", "type", json!(["integer", "null"]));
    check("version", "minimum", json!(1));
    check("version", "maximum", json!(9));
    check("template_key", "pattern", json!("^[a-z]+$"));
    check("template_key", "maxLength", json!(20));
    check("changed_at", "format", json!("date"));
    check("change", "enum", json!(["created"]));
    check("change", "enum", json!(["created", "retired", "renamed"]));
}

#[test]
fn a_variant_that_comes_or_goes_is_refused() {
    check(
        |now| {
            let decision = data(now, DECIDED);
            let variants = decision["allOf"][0]["oneOf"]
                .as_array_mut()
                .expect("a list");
            variants.pop().expect("there are variants");
        },
        "message dead-letters.parked_event_decided must keep what field data may hold: `oneOf` \
         changed",
    );
    check(
        |now| {
            let all = data(now, DECIDED)["allOf"].as_array_mut().expect("a list");
            let fields = all
                .iter_mut()
                .find(|part| part["properties"]["topic"].is_object());
            let fields = fields.expect("the fields beside the variants");
            fields["properties"]["note"] = json!({ "type": "string" });
        },
        "message dead-letters.parked_event_decided must raise SCHEMA_VERSION: field data.note was \
         added",
    );
}

#[test]
fn a_version_that_is_not_raised_or_goes_back_is_refused() {
    check(
        |now| data(now, TEMPLATE)["properties"]["reason"] = json!({ "type": "string" }),
        "message notifications.template_changed must raise SCHEMA_VERSION: field data.reason was \
         added",
    );
    check(
        |now| now["components"]["messages"][TEMPLATE]["x-florin-schema-version"] = json!(0),
        "message notifications.template_changed must not lower SCHEMA_VERSION from 1",
    );
    check(
        |now| {
            let own = &mut now["components"]["messages"][TEMPLATE]["payload"]["allOf"][1];
            own["properties"]["source"]["const"] = json!("/templates");
        },
        "message notifications.template_changed must keep what field source may hold: `const` \
         changed",
    );
}

/// A repository with this system in which the document was recorded and committed once.
fn repository(document: &Value) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder for the test");
    let topology = std::fs::read_to_string(Path::new(ROOT).join("topology.toml"))
        .expect("the topology is there");
    std::fs::write(root.path().join("topology.toml"), topology).expect("it is written");
    std::fs::create_dir(root.path().join("docs")).expect("the folder is made");
    git(root.path(), &["init", "--quiet"]);
    commit(root.path(), document);
    root
}

fn commit(root: &Path, document: &Value) {
    std::fs::write(root.join(asyncapi::PATH), asyncapi::text(document)).expect("it is written");
    git(root, &["add", asyncapi::PATH]);
    git(root, &["commit", "--quiet", "--message", "Record"]);
}

fn git(root: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["-c", "user.name=test", "-c", "user.email=test@localhost"])
        .args(arguments)
        .status()
        .expect("git is installed");
    assert!(done.success(), "git {arguments:?}");
}

/// The real document with a field that the code does not have, as if it had been taken out.
fn with_more() -> Value {
    let mut then = asyncapi::document(Path::new(ROOT)).expect("there is a document");
    data(&mut then, TEMPLATE)["properties"]["gone"] = json!({ "type": "string" });
    then
}

#[test]
fn a_committed_version_is_compared_even_if_the_file_is_deleted_or_written_anew() {
    let root = repository(&with_more());
    let refused = |check: bool| match asyncapi::record(root.path(), check) {
        Err(AsyncApiError::Incompatible(changes)) => changes.len(),
        other => panic!("it must be refused: {other:?}"),
    };
    assert_eq!(refused(false), 1);
    std::fs::remove_file(root.path().join(asyncapi::PATH)).expect("the file is deleted");
    assert_eq!(refused(false), 1);
    let now = asyncapi::document(Path::new(ROOT)).expect("there is a document");
    commit(root.path(), &now);
    assert_eq!(
        refused(true),
        1,
        "the version before the present commit is compared too"
    );
}

#[test]
fn a_compatible_version_is_written_and_then_checked() {
    let mut then = asyncapi::document(Path::new(ROOT)).expect("there is a document");
    data(&mut then, TEMPLATE)["description"] = json!("Otherwise.");
    let root = repository(&then);
    let differs = asyncapi::record(root.path(), true).expect_err("another text is recorded");
    assert!(
        differs.to_string().contains("`cargo xtask asyncapi`"),
        "{differs}"
    );
    assert_eq!(asyncapi::record(root.path(), false).ok(), Some(2));
    assert_eq!(asyncapi::record(root.path(), true).ok(), Some(2));
}

#[test]
fn a_retired_type_is_not_in_the_catalogue_and_says_why() {
    for Retired { name, why } in RETIRED {
        assert!(MESSAGES.iter().all(|entry| entry.name != *name), "{name}");
        assert!(!why.trim().is_empty(), "{name}");
    }
}
