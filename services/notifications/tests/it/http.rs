//! Every endpoint as its documentation says, and every code it can answer.

use kit::codes::{self, Code};
use serde_json::{Value, json};
use testkit::for_each_database;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn templates_have_versions_and_can_be_retired() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let made = it
            .write(OPERATOR, TEMPLATES, "1", &greeting("Hello {{ name }}!"))
            .await;
        let made = made.expect(201).json;
        let expected = json!({
            "key": "greeting",
            "version": 1,
            "state": "in_use",
            "subject": "For {{ name }}",
            "body": "Hello {{ name }}!",
            "parameters": [{ "name": "name", "kind": "text", "required": true }],
            "created_at": "2025-06-02T09:00:00.000000Z",
        });
        assert_eq!(made, expected);
        let second = it
            .write(OPERATOR, TEMPLATES, "2", &greeting("Hi {{ name }}!"))
            .await;
        assert_eq!(second.expect(201).json["version"], 2);

        let path = format!("{TEMPLATES}/greeting");
        let retired = it
            .act(OPERATOR, &format!("{path}/retire"), "3")
            .await
            .expect(200)
            .json;
        assert_eq!(retired["state"], "retired");
        assert_eq!(retired["retired_at"], "2025-06-02T09:00:00.000000Z");
        let again = it
            .act(OPERATOR, &format!("{path}/retire"), "4")
            .await
            .expect(200)
            .json;
        assert_eq!(again, retired);
        it.write(OPERATOR, TEMPLATES, "5", &greeting("Hey {{ name }}!"))
            .await
            .expect(201);

        let loaded = it.read(SUPPORT, &path).await.expect(200).json;
        assert_eq!(loaded["version"], 3);
        assert_eq!(loaded["state"], "in_use");
        assert_eq!(loaded["body"], "Hey {{ name }}!");
        let words: Vec<_> = loaded["history"]
            .as_array()
            .expect("a list")
            .iter()
            .collect();
        let words: Vec<_> = words.iter().map(|line| &line["change"]).collect();
        assert_eq!(words, ["created", "retired", "created", "created"]);
        assert_eq!(loaded["history"][0]["changed_by"], "ops-1");
        let events = vec![
            (
                "notifications.template_changed".to_owned(),
                "greeting".to_owned()
            );
            4
        ];
        assert_eq!(it.events().await, events);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_listed_by_key_page_by_page() {
    for_each_database(async |database| {
        let it = start(&database).await;
        for key in ["b", "c", "a"] {
            let body = with(greeting("{{ name }}"), json!({ "key": key }));
            it.write(OPERATOR, TEMPLATES, key, &body).await.expect(201);
        }
        let first = it
            .read(SUPPORT, &format!("{TEMPLATES}?limit=2"))
            .await
            .expect(200)
            .json;
        let summary = |key: &str| json!({ "key": key, "version": 1, "state": "in_use" });
        assert_eq!(first["items"], json!([summary("a"), summary("b")]));
        let cursor = first["next_cursor"].as_str().expect("a next page");
        let path = format!("{TEMPLATES}?limit=2&cursor={cursor}");
        let second = it.read(SUPPORT, &path).await.expect(200).json;
        assert_eq!(
            second,
            json!({ "items": [summary("c")], "next_cursor": null })
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_renders_and_writes_nothing() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let before = (it.events().await, it.audit().await);
        let path = format!("{TEMPLATES}/greeting/preview");
        let body = json!({ "parameters": { "name": "Ann" } });
        let call = it
            .app
            .post(&path)
            .caller(OPERATOR.0, OPERATOR.1)
            .json(&body);
        let preview = call.send().await.expect(200).json;
        assert_eq!(
            preview,
            json!({ "subject": "For Ann", "body": "Hello Ann!" })
        );
        assert_eq!((it.events().await, it.audit().await), before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_read_and_listed() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let body = with(hello(), json!({ "reference": "deal_1" }));
        let sent = it.write(DEALS, MESSAGES, "1", &body).await.expect(201).json;
        let id = sent["id"].as_str().expect("an id").to_owned();
        assert!(id.starts_with("msg_"), "{id}");
        let expected = json!({
            "id": id,
            "channel": "mailbox",
            "recipient": "cus_ann",
            "sender": "deals",
            "reference": "deal_1",
            "template_key": "greeting",
            "template_version": 1,
            "parameters": { "name": "Ann" },
            "subject": "For Ann",
            "body": "Hello Ann!",
            "state": "sent",
            "sent_at": "2025-06-02T09:00:00.000000Z",
        });
        assert_eq!(sent, expected);

        // A later version changes nothing that was sent.
        it.write(OPERATOR, TEMPLATES, "2", &greeting("Hi {{ name }}!"))
            .await
            .expect(201);
        let path = format!("{MESSAGES}/{id}");
        assert_eq!(it.read(ANN, &path).await.expect(200).json, expected);

        it.app
            .world
            .clock
            .advance(std::time::Duration::from_secs(60));
        let read = it
            .act(ANN, &format!("{path}/read"), "1")
            .await
            .expect(200)
            .json;
        let state = json!({ "state": "read", "read_at": "2025-06-02T09:01:00.000000Z" });
        assert_eq!(read, with(expected, state));
        it.app
            .world
            .clock
            .advance(std::time::Duration::from_secs(60));
        let again = it
            .act(ANN, &format!("{path}/read"), "2")
            .await
            .expect(200)
            .json;
        assert_eq!(again, read, "marking twice changes nothing");

        let listed = it.read(ANN, MESSAGES).await.expect(200).json;
        assert_eq!(listed, json!({ "items": [read], "next_cursor": null }));
        let unread = it
            .read(ANN, &format!("{MESSAGES}?unread=true"))
            .await
            .expect(200)
            .json;
        assert_eq!(unread["items"], json!([]));
        let told = |kind: &str, about: &str| (format!("notifications.{kind}"), about.to_owned());
        let events = [
            told("template_changed", "greeting"),
            told("message_sent", &id),
            told("template_changed", "greeting"),
            told("message_read", &id),
        ];
        assert_eq!(it.events().await, events);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_paged_newest_first() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        for number in 0..5 {
            let key = number.to_string();
            it.write(DEALS, MESSAGES, &key, &hello()).await.expect(201);
            // Two at the same instant: the id decides.
            if number % 2 == 0 {
                it.app
                    .world
                    .clock
                    .advance(std::time::Duration::from_secs(1));
            }
        }
        let whole = it.read(ANN, MESSAGES).await.expect(200).json;
        let ids = |page: &Value| -> Vec<Value> {
            let items = page["items"].as_array().expect("a list");
            items.iter().map(|item| item["id"].clone()).collect()
        };
        let mut newest_first = ids(&whole);
        assert_eq!(newest_first.len(), 5);
        newest_first.sort_by_key(|id| std::cmp::Reverse(id.to_string()));
        assert_eq!(ids(&whole), newest_first);
        for filter in ["", "&unread=true"] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("{MESSAGES}?limit=2{filter}{cursor}");
                let page = it.read(ANN, &path).await.expect(200).json;
                seen.extend(ids(&page));
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, newest_first, "{filter}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_has_is_not_sent_again() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let sent = it
            .write(DEALS, MESSAGES, "1", &hello())
            .await
            .expect(201)
            .json;
        let message = format!("{MESSAGES}/{}", sent["id"].as_str().expect("an id"));
        for (caller, path) in [(SUPPORT, format!("{TEMPLATES}/greeting")), (ANN, message)] {
            let first = it.read(caller, &path).await.expect(200);
            let tag = first.header("etag").to_owned();
            let repeat = it
                .app
                .get(&path)
                .caller(caller.0, caller.1)
                .header("if-none-match", &tag);
            let repeat = repeat.send().await.expect(304);
            assert_eq!(
                (repeat.text.as_str(), repeat.header("etag")),
                ("", tag.as_str())
            );
            let other = it.app.get(&path).caller(caller.0, caller.1);
            other
                .header("if-none-match", "\"99\"")
                .send()
                .await
                .expect(200);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_a_recipient_with_history_and_leave_a_line() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let sent = it
            .write(DEALS, MESSAGES, "1", &hello())
            .await
            .expect(201)
            .json;
        let later = with(hello(), json!({ "send_at": "2025-06-03T09:00:00Z" }));
        let later = it
            .write(DEALS, MESSAGES, "2", &later)
            .await
            .expect(201)
            .json;
        let path = "/notifications/v1/recipients/cus_ann/messages";
        let seen = it.read(SUPPORT, path).await.expect(200).json;
        let line = |revision: u32, change: &str| {
            json!({
                "revision": revision,
                "change": change,
                "changed_by": "deals",
                "changed_at": "2025-06-02T09:00:00.000000Z",
            })
        };
        let scheduled = with(later, json!({ "history": [line(1, "scheduled")] }));
        let history = json!({ "history": [line(1, "scheduled"), line(2, "sent")] });
        let sent = with(sent, history);
        assert_eq!(seen["items"], json!([scheduled, sent]));
        let first = it
            .read(SUPPORT, &format!("{path}?limit=1"))
            .await
            .expect(200)
            .json;
        assert_eq!(first["items"], json!([scheduled]));
        let cursor = first["next_cursor"].as_str().expect("a next page");
        let next = it
            .read(SUPPORT, &format!("{path}?cursor={cursor}"))
            .await
            .expect(200)
            .json;
        assert_eq!(next["items"], json!([sent]));
        let nobody = "/notifications/v1/recipients/cus_nobody/messages";
        assert_eq!(
            it.read(SUPPORT, nobody).await.expect(200).json["items"],
            json!([])
        );

        let line = |action: &str, actor: &str, subject: &str| {
            (action.to_owned(), actor.to_owned(), subject.to_owned())
        };
        let mut lines = vec![line("staff_write", "ops-1", &format!("POST {TEMPLATES}"))];
        lines.extend(vec![line("staff_read", "sup-1", "cus_ann"); 3]);
        lines.push(line("staff_read", "sup-1", "cus_nobody"));
        assert_eq!(it.audit().await, lines);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_by_key_or_reference_changes_nothing() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let body = with(hello(), json!({ "reference": "deal_1" }));
        let first = it.write(DEALS, MESSAGES, "1", &body).await.expect(201);
        let events = it.events().await;
        let same_key = it.write(DEALS, MESSAGES, "1", &body).await.expect(201);
        assert_eq!(same_key.text, first.text, "the first reply, byte for byte");
        let same_reference = it.write(DEALS, MESSAGES, "2", &body).await.expect(200);
        assert_eq!(same_reference.json, first.json);

        // Not even when the template changed or went meanwhile.
        it.act(OPERATOR, &format!("{TEMPLATES}/greeting/retire"), "1")
            .await
            .expect(200);
        let after = it.write(DEALS, MESSAGES, "3", &body).await.expect(200);
        assert_eq!(after.json, first.json);
        assert_eq!(
            it.events().await.len(),
            events.len() + 1,
            "only the retiring was told"
        );

        // References are each sender's own.
        it.write(OPERATOR, TEMPLATES, "2", &greeting("{{ name }}"))
            .await
            .expect(201);
        let wallets = (Role::Service, "wallets");
        it.write(wallets, MESSAGES, "1", &body).await.expect(201);
        // A key is forgotten after seven days, a reference is not.
        it.app
            .world
            .clock
            .advance(std::time::Duration::from_secs(7 * 24 * 60 * 60));
        let much_later = it.write(DEALS, MESSAGES, "1", &body).await.expect(200);
        assert_eq!(much_later.json, first.json);
    })
    .await;
}

/// Sends one request that must be refused, and says the code and the pointer it was refused with.
async fn refused(it: &Running, what: &str, path: &str, body: &Value) -> (u16, String, String) {
    let answer = it.write(OPERATOR, path, what, body).await;
    let document = &answer.json;
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{what}"
    );
    let remedy = codes::find(answer.code()).map(|code| code.remedy);
    assert_eq!(
        document["remedy"].as_str(),
        remedy,
        "{what}: {}",
        answer.text
    );
    let pointer = document["errors"][0]["pointer"]
        .as_str()
        .unwrap_or_default();
    (answer.status, answer.code().to_owned(), pointer.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_code_and_its_pointer() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let lone =
            |body: &str| json!({ "key": "lone", "subject": "s", "body": body, "parameters": [] });
        it.write(OPERATOR, TEMPLATES, "lone", &lone("b"))
            .await
            .expect(201);
        it.act(OPERATOR, &format!("{TEMPLATES}/lone/retire"), "lone")
            .await
            .expect(200);
        let long = with(greeting("{{ name }}"), json!({ "key": "long" }));
        let nine = json!({ "body": "{{ name }}".repeat(9), "subject": "s" });
        it.write(OPERATOR, TEMPLATES, "long", &with(long, nine))
            .await
            .expect(201);
        let taken = with(hello(), json!({ "reference": "taken" }));
        let sent = it
            .write(OPERATOR, MESSAGES, "taken", &taken)
            .await
            .expect(201)
            .json;
        let sent = format!("{MESSAGES}/{}", sent["id"].as_str().expect("an id"));
        let before = (it.events().await, it.audit().await.len());

        use kit::codes::notifications as own;
        let mut met = Vec::new();
        let mut check = async |path: &str, body: Value, code: &'static Code, pointer: &str| {
            let what = format!("{} {path} {body}", met.len());
            let key = met.len().to_string();
            let expected = (code.status, code.name.to_owned(), pointer.to_owned());
            assert_eq!(refused(&it, &key, path, &body).await, expected, "{what}");
            met.push(code);
        };
        let message = |changes: Value| with(hello(), changes);
        let template = |changes: Value| with(greeting("{{ name }}"), changes);
        let named = |value: Value| message(json!({ "parameters": { "name": value } }));
        let parameter = |name: &str| json!({ "name": name, "kind": "text", "required": true });

        let unknown = message(json!({ "template_key": "unknown" }));
        check(MESSAGES, unknown, &own::TEMPLATE_MUST_EXIST, "").await;
        let retired = message(json!({ "template_key": "lone", "parameters": {} }));
        check(MESSAGES, retired, &own::TEMPLATE_MUST_BE_IN_USE, "").await;
        let nothing = message(json!({ "parameters": {} }));
        check(
            MESSAGES,
            nothing,
            &own::PARAMETER_MUST_BE_GIVEN,
            "/parameters/name",
        )
        .await;
        let surplus = message(json!({ "parameters": { "name": "Ann", "age": 7 } }));
        check(
            MESSAGES,
            surplus,
            &own::PARAMETER_MUST_BE_DECLARED,
            "/parameters/age",
        )
        .await;
        let number = named(json!(7));
        check(
            MESSAGES,
            number,
            &own::PARAMETER_MUST_BE_OF_ITS_KIND,
            "/parameters/name",
        )
        .await;
        check(
            MESSAGES,
            named(json!("a\nb")),
            &own::SUBJECT_MUST_BE_ONE_LINE,
            "",
        )
        .await;
        check(
            MESSAGES,
            named(json!("a".repeat(200))),
            &own::TEXT_MUST_FIT,
            "",
        )
        .await;
        let long = with(
            named(json!("a".repeat(2000))),
            json!({ "template_key": "long" }),
        );
        check(MESSAGES, long, &own::TEXT_MUST_FIT, "").await;
        let past = message(json!({ "send_at": "2025-06-02T09:00:00Z" }));
        check(MESSAGES, past, &own::SEND_AT_MUST_BE_AHEAD, "/send_at").await;
        let far = message(json!({ "send_at": "2026-06-04T09:00:00Z" }));
        check(MESSAGES, far, &own::SEND_AT_MUST_BE_NEAR, "/send_at").await;
        let other = message(json!({ "reference": "taken", "recipient": "cus_bob" }));
        check(
            MESSAGES,
            other,
            &own::REFERENCE_MUST_BE_UNUSED,
            "/reference",
        )
        .await;
        let malformed = message(json!({ "reference": "two words" }));
        check(
            MESSAGES,
            malformed,
            &codes::BODY_MUST_MATCH_SCHEMA,
            "/reference",
        )
        .await;
        let malformed = message(json!({ "recipient": "" }));
        check(
            MESSAGES,
            malformed,
            &codes::BODY_MUST_MATCH_SCHEMA,
            "/recipient",
        )
        .await;
        let unknown = message(json!({ "channel": "pigeon" }));
        check(
            MESSAGES,
            unknown,
            &codes::BODY_MUST_MATCH_SCHEMA,
            "/channel",
        )
        .await;

        let malformed = template(json!({ "key": "Not Kebab" }));
        check(TEMPLATES, malformed, &codes::BODY_MUST_MATCH_SCHEMA, "/key").await;
        let malformed = template(json!({ "parameters": [parameter("Name")] }));
        let at = "/parameters/0/name";
        check(TEMPLATES, malformed, &codes::BODY_MUST_MATCH_SCHEMA, at).await;
        let long = template(json!({ "subject": "s".repeat(201) }));
        check(TEMPLATES, long, &own::WORDING_MUST_FIT, "/subject").await;
        let empty = template(json!({ "body": "" }));
        check(TEMPLATES, empty, &own::WORDING_MUST_FIT, "/body").await;
        let open = template(json!({ "body": "a\n{% if name %}" }));
        check(TEMPLATES, open, &own::WORDING_MUST_PARSE, "/body").await;
        let filter = template(json!({ "subject": "{{ name | upper }}" }));
        check(TEMPLATES, filter, &own::WORDING_MUST_PARSE, "/subject").await;
        let lines = template(json!({ "subject": "a\n{{ name }}" }));
        check(TEMPLATES, lines, &own::SUBJECT_MUST_BE_ONE_LINE, "").await;
        let undeclared = template(json!({ "parameters": [] }));
        check(
            TEMPLATES,
            undeclared,
            &own::VARIABLE_MUST_BE_DECLARED,
            "/subject",
        )
        .await;
        let unused = template(json!({ "parameters": [parameter("name"), parameter("b")] }));
        check(
            TEMPLATES,
            unused,
            &own::DECLARATION_MUST_BE_USED,
            "/parameters/1",
        )
        .await;
        let twice = template(json!({ "parameters": [parameter("name"), parameter("name")] }));
        let at = "/parameters/1/name";
        check(TEMPLATES, twice, &own::DECLARATION_MUST_BE_UNIQUE, at).await;
        let names: Vec<Value> = (0..33)
            .map(|number| parameter(&format!("a{number}")))
            .collect();
        let many = template(json!({ "parameters": names }));
        check(
            TEMPLATES,
            many,
            &own::DECLARATIONS_MUST_BE_FEW,
            "/parameters",
        )
        .await;

        let none = json!({});
        let path = format!("{TEMPLATES}/unknown/retire");
        check(&path, none.clone(), &own::TEMPLATE_MUST_EXIST, "").await;
        let path = format!("{TEMPLATES}/Not-Kebab/retire");
        check(&path, none.clone(), &codes::PATH_MUST_MATCH_SCHEMA, "key").await;
        let preview = |key: &str| format!("{TEMPLATES}/{key}/preview");
        let given = json!({ "parameters": {} });
        check(
            &preview("unknown"),
            given.clone(),
            &own::TEMPLATE_MUST_EXIST,
            "",
        )
        .await;
        check(
            &preview("lone"),
            given.clone(),
            &own::TEMPLATE_MUST_BE_IN_USE,
            "",
        )
        .await;
        let at = "/parameters/name";
        check(
            &preview("greeting"),
            given,
            &own::PARAMETER_MUST_BE_GIVEN,
            at,
        )
        .await;
        check(
            &format!("{sent}/cancel"),
            none.clone(),
            &own::MESSAGE_MUST_BE_SCHEDULED,
            "",
        )
        .await;
        let path = format!("{MESSAGES}/msg_7zzzzzzzzzzzzzzzzzzzzzzzzz/cancel");
        check(&path, none.clone(), &own::MESSAGE_MUST_EXIST, "").await;
        let path = format!("{MESSAGES}/tpl_7zzzzzzzzzzzzzzzzzzzzzzzzz/cancel");
        check(&path, none, &codes::PATH_MUST_MATCH_SCHEMA, "id").await;

        let missed: Vec<_> = own::CODES
            .iter()
            .filter(|code| !met.contains(code))
            .collect();
        assert!(missed.is_empty(), "codes that no request met: {missed:?}");
        let after = (it.events().await, it.audit().await.len());
        assert_eq!(after, before, "a refusal leaves nothing");
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
        let text = operator(MESSAGES)
            .key("2")
            .body("text/plain", "hello")
            .send()
            .await;
        assert_eq!(
            text.expect(415).code(),
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
