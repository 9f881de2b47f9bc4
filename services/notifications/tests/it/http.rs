//! Every endpoint as its documentation says, and every code it can answer.

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

        it.advance(Duration::from_secs(60));
        let read = it
            .act(ANN, &format!("{path}/read"), "1")
            .await
            .expect(200)
            .json;
        let state = json!({ "state": "read", "read_at": "2025-06-02T09:01:00.000000Z" });
        assert_eq!(read, with(expected, state));
        it.advance(Duration::from_secs(60));
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
                it.advance(Duration::from_secs(1));
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
        it.advance(Duration::from_secs(7 * 24 * 60 * 60));
        let much_later = it.write(DEALS, MESSAGES, "1", &body).await.expect(200);
        assert_eq!(much_later.json, first.json);
    })
    .await;
}
