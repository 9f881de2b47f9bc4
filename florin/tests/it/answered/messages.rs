//! What notifications refuse.

use kit::codes::notifications as own;
use kit::codes::{self, Code};
use serde_json::{Value, json};
use testkit::{Answer, TestApp};

use super::{OPERATOR, Seen, with};

const TEMPLATES: &str = "/notifications/v1/templates";
const MESSAGES: &str = "/notifications/v1/messages";

/// A template in use, of which messages are made.
fn greeting() -> Value {
    json!({
        "key": "greeting", "subject": "For {{ name }}", "body": "Hello {{ name }}!",
        "parameters": [parameter("name")],
    })
}

fn parameter(name: &str) -> Value {
    json!({ "name": name, "kind": "text", "required": true })
}

fn hello() -> Value {
    json!({
        "recipient": "cus_ann", "template_key": "greeting", "parameters": { "name": "Ann" },
    })
}

fn named(name: Value) -> Value {
    json!({ "parameters": { "name": name } })
}

async fn write(app: &TestApp, path: &str, key: &str, body: &Value) -> Answer {
    let call = app.post(path).caller(OPERATOR.0, OPERATOR.1);
    call.key(key).json(body).send().await
}

/// Makes what is spoken of; says the path of a message that was sent.
async fn furnish(app: &TestApp) -> String {
    write(app, TEMPLATES, "t1", &greeting()).await.expect(201);
    let retired = with(greeting(), json!({ "key": "retired" }));
    write(app, TEMPLATES, "t2", &retired).await.expect(201);
    let retire = format!("{TEMPLATES}/retired/retire");
    let retire = app.post(&retire).caller(OPERATOR.0, OPERATOR.1).key("t3");
    retire.send().await.expect(200);
    let taken = with(hello(), json!({ "reference": "taken" }));
    let sent = write(app, MESSAGES, "m1", &taken).await.expect(201);
    format!("{MESSAGES}/{}", sent.json["id"].as_str().unwrap())
}

pub async fn refused(app: &TestApp, seen: &mut Seen) {
    let sent = furnish(app).await;
    let messages: [(Value, &Code); 11] = [
        (
            json!({ "template_key": "unknown" }),
            &own::TEMPLATE_MUST_EXIST,
        ),
        (
            json!({ "template_key": "retired" }),
            &own::TEMPLATE_MUST_BE_IN_USE,
        ),
        (json!({ "parameters": {} }), &own::PARAMETER_MUST_BE_GIVEN),
        (
            json!({ "parameters": { "name": "Ann", "age": "7" } }),
            &own::PARAMETER_MUST_BE_DECLARED,
        ),
        (named(json!(7)), &own::PARAMETER_MUST_BE_OF_ITS_KIND),
        (named(json!("a\nb")), &own::SUBJECT_MUST_BE_ONE_LINE),
        (named(json!("a".repeat(200))), &own::TEXT_MUST_FIT),
        (
            json!({ "send_at": "2025-06-02T09:00:00Z" }),
            &own::SEND_AT_MUST_BE_AHEAD,
        ),
        (
            json!({ "send_at": "2026-06-04T09:00:00Z" }),
            &own::SEND_AT_MUST_BE_NEAR,
        ),
        (
            json!({ "reference": "taken", "recipient": "cus_bob" }),
            &own::REFERENCE_MUST_BE_UNUSED,
        ),
        (json!({ "recipient": "" }), &codes::BODY_MUST_MATCH_SCHEMA),
    ];
    for (number, (changes, code)) in messages.into_iter().enumerate() {
        let body = with(hello(), changes);
        let answer = write(app, MESSAGES, &format!("refused-{number}"), &body).await;
        seen.note(&answer, code);
    }
    templates(app, seen).await;
    for (path, code) in [
        (format!("{sent}/cancel"), &own::MESSAGE_MUST_BE_SCHEDULED),
        (
            format!("{MESSAGES}/msg_7zzzzzzzzzzzzzzzzzzzzzzzzz/cancel"),
            &own::MESSAGE_MUST_EXIST,
        ),
    ] {
        let cancel = app.post(&path).caller(OPERATOR.0, OPERATOR.1).key("c");
        seen.refused(cancel, code).await;
    }
}

async fn templates(app: &TestApp, seen: &mut Seen) {
    let declared = |parameters: &[Value]| json!({ "parameters": parameters });
    let many: Vec<Value> = (0..33)
        .map(|number| parameter(&format!("a{number}")))
        .collect();
    let templates: [(Value, &Code); 6] = [
        (json!({ "body": "" }), &own::WORDING_MUST_FIT),
        (
            json!({ "body": "a\n{% if name %}" }),
            &own::WORDING_MUST_PARSE,
        ),
        (declared(&[]), &own::VARIABLE_MUST_BE_DECLARED),
        (
            declared(&[parameter("name"), parameter("b")]),
            &own::DECLARATION_MUST_BE_USED,
        ),
        (
            declared(&[parameter("name"), parameter("name")]),
            &own::DECLARATION_MUST_BE_UNIQUE,
        ),
        (declared(&many), &own::DECLARATIONS_MUST_BE_FEW),
    ];
    for (number, (changes, code)) in templates.into_iter().enumerate() {
        let body = with(greeting(), changes);
        let answer = write(app, TEMPLATES, &format!("wording-{number}"), &body).await;
        seen.note(&answer, code);
    }
}
