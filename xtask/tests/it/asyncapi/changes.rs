//! Which changes of the document are additions, and what is said of every other.

use serde_json::{Value, json};
use xtask::asyncapi::changes;

use super::{TEMPLATE, data, document};

const DECIDED: &str = "dead-letters.parked_event_decided";
const REPORTED: &str = "dead-letters.report_failure";

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
