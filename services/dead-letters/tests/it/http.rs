//! Every endpoint as its documentation says.

use reqwest::Method;
use testkit::for_each_database;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_listed_and_read_with_its_document_and_history() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let failed = failure(&it);
        it.report(&failed).await;
        let listed = it.only("open").await;
        let id = text(&listed, "id");
        assert!(id.starts_with("ltr_"), "{id}");
        let expected = json!({
            "id": id,
            "kind": "work",
            "consumer": "toys",
            "topic": "toys.commands",
            "message_id": failed.message_id,
            "type": "pass",
            "subject": "toy-1",
            "sent_at": after_start(0),
            "attempts": 1,
            "code": "toy_must_exist",
            "reason": "no such toy",
            "failed_at": after_start(0),
            "state": "open",
            "opened_at": after_start(0),
        });
        assert_eq!(listed, expected);
        let read = it
            .read(OPERATOR, &format!("{LETTERS}/{id}"))
            .await
            .expect(200);
        assert_eq!(read.header("etag"), "\"1\"");
        let line = json!({
            "revision": 1,
            "change": "opened",
            "changed_by": "dead-letters",
            "changed_at": after_start(0),
            "reason": "no such toy",
            "failure": { "attempt": 1, "code": "toy_must_exist", "failed_at": after_start(0) },
        });
        let whole = json!({ "document": failed.document, "history": [line] });
        assert_eq!(read.json, with(expected, whole));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_filtered_and_paged_newest_first() {
    for_each_database(async |database| {
        let it = start(&database).await;
        for number in 0..5 {
            let mut failed = failure(&it);
            if number % 2 == 1 {
                failed.consumer = "deals".to_owned();
                failed.topic = "deals.commands".to_owned();
                failed.message_type = Some("deals.approve".to_owned());
            }
            it.report(&failed).await;
            it.app.world.clock.advance(Duration::from_secs(1));
        }
        let count = async |query: &str| {
            let page = it
                .read(AUDITOR, &format!("{LETTERS}?{query}"))
                .await
                .expect(200);
            page.json["items"].as_array().expect("a list").len()
        };
        let since = after_start(3);
        for (query, expected) in [
            ("", 5),
            ("consumer=deals", 2),
            ("topic=toys.commands", 3),
            ("type=deals.approve", 2),
            ("consumer=deals&topic=toys.commands", 0),
            (&format!("since={since}"), 2),
            (&format!("since={since}&consumer=deals"), 1),
            ("state=redriven", 0),
        ] {
            assert_eq!(count(query).await, expected, "{query}");
        }
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{LETTERS}?limit=2{cursor}");
            let page = it.read(AUDITOR, &path).await.expect(200).json;
            let items = page["items"].as_array().expect("a list");
            seen.extend(items.iter().map(|item| text(item, "id")));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let mut newest_first = seen.clone();
        newest_first.sort_by(|one, other| other.cmp(one));
        newest_first.dedup();
        assert_eq!(seen.len(), 5);
        assert_eq!(seen, newest_first);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn event_configurations_are_made_changed_and_deleted_for_the_version_that_was_seen() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let path = format!("{CONFIGS}/toys.make");
        let call = |method: Method, key: &str, seen: Option<&str>, retries: u32| {
            let call = it
                .app
                .call(method, &path)
                .caller(OPERATOR.0, OPERATOR.1)
                .key(key);
            let call = match seen {
                Some(seen) => call.header("if-match", seen),
                None => call,
            };
            call.json(&json!({ "max_retries": retries }))
        };
        let made = call(Method::PUT, "1", None, 3)
            .send()
            .await
            .expect(201)
            .json;
        let expected = json!({
            "name": "toys.make",
            "max_retries": 3,
            "revision": 1,
            "changed_by": "ops-1",
            "changed_at": after_start(0),
        });
        assert_eq!(made, expected);
        let again = call(Method::PUT, "1", None, 3)
            .send()
            .await
            .expect(201)
            .json;
        assert_eq!(again, expected, "a repeat is answered as the first time");
        let loaded = it.read(AUDITOR, &path).await.expect(200);
        assert_eq!(loaded.header("etag"), "\"1\"");
        call(Method::PUT, "2", None, 5).send().await.expect(428);
        call(Method::PUT, "3", Some("\"2\""), 5)
            .send()
            .await
            .expect(412);
        let changed = call(Method::PUT, "4", Some("\"1\""), 5)
            .send()
            .await
            .expect(200);
        assert_eq!(changed.json["max_retries"], 5);
        assert_eq!(changed.json["revision"], 2);
        let listed = it.read(AUDITOR, CONFIGS).await.expect(200).json;
        assert_eq!(
            listed,
            json!({ "items": [changed.json], "next_cursor": null })
        );
        call(Method::DELETE, "5", Some("\"1\""), 0)
            .send()
            .await
            .expect(412);
        call(Method::DELETE, "6", Some("\"2\""), 0)
            .send()
            .await
            .expect(200);
        it.read(AUDITOR, &path).await.expect(404);
        call(Method::PUT, "7", Some("*"), 5)
            .send()
            .await
            .expect(412);
    })
    .await;
}
