//! Every code the service can refuse a request with, where it points, and that it leaves nothing.

use kit::codes::notifications as own;
use kit::codes::{self, Code};
use serde_json::{Value, json};
use testkit::{Refusals, for_each_database};

use super::*;

/// A request that must be refused: path, body, code, pointer.
type Refusal = (String, Value, &'static Code, &'static str);

const SCHEMA_BROKEN: &Code = &codes::BODY_MUST_MATCH_SCHEMA;

/// A message to Ann with some members replaced.
fn message(changes: Value, code: &'static Code, pointer: &'static str) -> Refusal {
    (MESSAGES.to_owned(), with(hello(), changes), code, pointer)
}

/// The same with another name.
fn named(name: Value, code: &'static Code, pointer: &'static str) -> Refusal {
    message(json!({ "parameters": { "name": name } }), code, pointer)
}

/// A version of the template with some members replaced.
fn template(changes: Value, code: &'static Code, pointer: &'static str) -> Refusal {
    (
        TEMPLATES.to_owned(),
        with(greeting("{{ name }}"), changes),
        code,
        pointer,
    )
}

/// A call of a path with a body.
fn call(path: String, body: Value, code: &'static Code, pointer: &'static str) -> Refusal {
    (path, body, code, pointer)
}

fn text(name: &str) -> Value {
    json!({ "name": name, "kind": "text", "required": true })
}

/// What the templates `greeting`, `retired` and `long` and the reference `taken` refuse.
fn refused_messages() -> Vec<Refusal> {
    let retired = json!({ "template_key": "retired", "parameters": {} });
    let surplus = json!({ "parameters": { "name": "Ann", "age": 7 } });
    let long = json!({ "template_key": "long", "parameters": { "name": "a".repeat(2000) } });
    let taken = json!({ "reference": "taken", "recipient": "cus_bob" });
    let at_once = json!({ "send_at": "2025-06-02T09:00:00Z" });
    let far = json!({ "send_at": "2026-06-04T09:00:00Z" });
    vec![
        message(
            json!({ "template_key": "unknown" }),
            &own::TEMPLATE_MUST_EXIST,
            "",
        ),
        message(retired, &own::TEMPLATE_MUST_BE_IN_USE, ""),
        message(
            json!({ "parameters": {} }),
            &own::PARAMETER_MUST_BE_GIVEN,
            "/parameters/name",
        ),
        message(surplus, &own::PARAMETER_MUST_BE_DECLARED, "/parameters/age"),
        named(
            json!(7),
            &own::PARAMETER_MUST_BE_OF_ITS_KIND,
            "/parameters/name",
        ),
        named(json!("a\nb"), &own::SUBJECT_MUST_BE_ONE_LINE, ""),
        named(json!("a".repeat(200)), &own::TEXT_MUST_FIT, ""),
        message(long, &own::TEXT_MUST_FIT, ""),
        message(at_once, &own::SEND_AT_MUST_BE_AHEAD, "/send_at"),
        message(far, &own::SEND_AT_MUST_BE_NEAR, "/send_at"),
        message(taken, &own::REFERENCE_MUST_BE_UNUSED, "/reference"),
        message(
            json!({ "reference": "two words" }),
            SCHEMA_BROKEN,
            "/reference",
        ),
        message(json!({ "recipient": "" }), SCHEMA_BROKEN, "/recipient"),
        message(json!({ "channel": "pigeon" }), SCHEMA_BROKEN, "/channel"),
    ]
}

fn refused_templates() -> Vec<Refusal> {
    let names: Vec<Value> = (0..33).map(|number| text(&format!("a{number}"))).collect();
    let declared = |parameters: &[Value]| json!({ "parameters": parameters });
    let unused = declared(&[text("name"), text("b")]);
    let twice = declared(&[text("name"), text("name")]);
    let many = declared(&names);
    let long = json!({ "subject": "s".repeat(201) });
    let open = json!({ "body": "a\n{% if name %}" });
    let filter = json!({ "subject": "{{ name | upper }}" });
    let lines = json!({ "subject": "a\n{{ name }}" });
    vec![
        template(json!({ "key": "Not Kebab" }), SCHEMA_BROKEN, "/key"),
        template(
            declared(&[text("Name")]),
            SCHEMA_BROKEN,
            "/parameters/0/name",
        ),
        template(long, &own::WORDING_MUST_FIT, "/subject"),
        template(json!({ "body": "" }), &own::WORDING_MUST_FIT, "/body"),
        template(open, &own::WORDING_MUST_PARSE, "/body"),
        template(filter, &own::WORDING_MUST_PARSE, "/subject"),
        template(lines, &own::SUBJECT_MUST_BE_ONE_LINE, ""),
        template(declared(&[]), &own::VARIABLE_MUST_BE_DECLARED, "/subject"),
        template(unused, &own::DECLARATION_MUST_BE_USED, "/parameters/1"),
        template(
            twice,
            &own::DECLARATION_MUST_BE_UNIQUE,
            "/parameters/1/name",
        ),
        template(many, &own::DECLARATIONS_MUST_BE_FEW, "/parameters"),
    ]
}

/// What is refused about things that are named in the path; `sent` is a message that was sent.
fn refused_paths(sent: &str) -> Vec<Refusal> {
    let template = |rest: &str| format!("{TEMPLATES}/{rest}");
    let message = |rest: &str| format!("{MESSAGES}/{rest}");
    let given = || json!({ "parameters": {} });
    let none = || json!({});
    let wrong = &codes::PATH_MUST_MATCH_SCHEMA;
    let missing = message("msg_7zzzzzzzzzzzzzzzzzzzzzzzzz/cancel");
    let other = message("tpl_7zzzzzzzzzzzzzzzzzzzzzzzzz/cancel");
    let greeting = template("greeting/preview");
    vec![
        call(
            template("unknown/retire"),
            none(),
            &own::TEMPLATE_MUST_EXIST,
            "",
        ),
        call(template("Not-Kebab/retire"), none(), wrong, "key"),
        call(
            template("unknown/preview"),
            given(),
            &own::TEMPLATE_MUST_EXIST,
            "",
        ),
        call(
            template("retired/preview"),
            given(),
            &own::TEMPLATE_MUST_BE_IN_USE,
            "",
        ),
        call(
            greeting,
            given(),
            &own::PARAMETER_MUST_BE_GIVEN,
            "/parameters/name",
        ),
        call(
            message(&format!("{sent}/cancel")),
            none(),
            &own::MESSAGE_MUST_BE_SCHEDULED,
            "",
        ),
        call(missing, none(), &own::MESSAGE_MUST_EXIST, ""),
        call(other, none(), wrong, "id"),
    ]
}

/// Makes what the tables above speak of; says the id of the message that was sent.
async fn furnish(it: &Running) -> String {
    let other = |key: &str, body: &str| with(greeting(body), json!({ "key": key }));
    let plain = with(
        other("retired", "b"),
        json!({ "subject": "s", "parameters": [] }),
    );
    it.write(OPERATOR, TEMPLATES, "retired", &plain)
        .await
        .expect(201);
    it.act(OPERATOR, &format!("{TEMPLATES}/retired/retire"), "retire")
        .await
        .expect(200);
    let long = with(
        other("long", &"{{ name }}".repeat(9)),
        json!({ "subject": "s" }),
    );
    it.write(OPERATOR, TEMPLATES, "long", &long)
        .await
        .expect(201);
    let taken = with(hello(), json!({ "reference": "taken" }));
    let sent = it
        .write(OPERATOR, MESSAGES, "taken", &taken)
        .await
        .expect(201)
        .json;
    sent["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_code_and_its_pointer_and_leaves_nothing() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let sent = furnish(&it).await;
        let before = (it.events().await, it.audit().await);
        let refusals = [
            refused_messages(),
            refused_templates(),
            refused_paths(&sent),
        ]
        .concat();
        let mut met = Refusals::of(&["notifications"]);
        for (number, (path, body, code, pointer)) in refusals.iter().enumerate() {
            let answer = it.write(OPERATOR, path, &number.to_string(), body).await;
            met.check(&answer, code, pointer);
        }
        met.assert_all_met();
        assert_eq!((it.events().await, it.audit().await), before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conventions_of_http_hold() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let operator = |path: &str| it.app.post(path).caller(OPERATOR.0, OPERATOR.1);
        let keyless = operator(MESSAGES).json(&hello()).send().await.expect(400);
        assert_eq!(keyless.code(), codes::IDEMPOTENCY_KEY_MUST_BE_PRESENT.name);
        it.write(OPERATOR, MESSAGES, "1", &hello())
            .await
            .expect(201);
        let other = with(hello(), json!({ "recipient": "cus_bob" }));
        let reused = it.write(OPERATOR, MESSAGES, "1", &other).await.expect(422);
        assert_eq!(reused.code(), codes::IDEMPOTENCY_KEY_REUSED.name);
        let plain = operator(MESSAGES)
            .key("2")
            .body("text/plain", "hello")
            .send()
            .await;
        assert_eq!(
            plain.expect(415).code(),
            codes::CONTENT_TYPE_MUST_BE_SUPPORTED.name
        );
        let cut = operator(MESSAGES)
            .key("2")
            .body("application/json", "{")
            .send()
            .await;
        assert_eq!(cut.expect(400).code(), codes::BODY_MUST_BE_JSON.name);
        for (query, code) in [
            ("limit=0", codes::PAGE_LIMIT_MUST_BE_IN_RANGE),
            ("limit=201", codes::PAGE_LIMIT_MUST_BE_IN_RANGE),
            ("cursor=!", codes::CURSOR_MUST_BE_VALID),
            ("cursor=bm9uc2Vuc2U", codes::CURSOR_MUST_BE_VALID),
            ("unread=maybe", codes::QUERY_MUST_MATCH_SCHEMA),
            ("page=2", codes::QUERY_MUST_MATCH_SCHEMA),
        ] {
            let answer = it
                .read(ANN, &format!("{MESSAGES}?{query}"))
                .await
                .expect(400);
            assert_eq!(answer.code(), code.name, "{query}");
        }
    })
    .await;
}
