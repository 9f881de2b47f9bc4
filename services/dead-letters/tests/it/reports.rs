//! What comes on the topic of failures, from whom it may: repeats, what is no report, what lies,
//! what is large, and more than there is room for.

use testkit::for_each_database;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_report_changes_nothing() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let failed = failure(&it);
        it.report(&failed).await;
        it.report(&failed).await;
        let id = text(&it.only("open").await, "id");
        let letter = it.letter(&id).await;
        assert_eq!(letter["history"].as_array().map(Vec::len), Some(1));
        it.decide(&id, "redrive", "1").await.expect(200);
        it.report(&failed).await;
        assert_eq!(
            it.letter(&id).await["state"],
            "redriven",
            "it is about the time before"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_report_becomes_a_letter_and_holds_nothing_up() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let now = it.deps.clock.now();
        let message = |kind: &str, said: &Value| {
            let id = it.deps.ids.next();
            let message = Message::work(id, ("toys", "x"), (kind, 1), now, said);
            message.expect("it is JSON")
        };
        let other = message("dead-letters.other", &json!({}));
        it.send(other.id, FAILURES, other.document()).await;
        let empty = message(REPORT_FAILURE, &json!({}));
        it.send(empty.id, FAILURES, empty.document()).await;
        it.send(it.deps.ids.next(), FAILURES, "not even JSON".to_owned())
            .await;
        it.report(&failure(&it)).await;
        let letters = it.letters("open").await;
        let kinds: Vec<_> = letters.iter().map(|letter| text(letter, "kind")).collect();
        assert_eq!(
            kinds.iter().filter(|kind| *kind == "unreadable").count(),
            3,
            "{kinds:?}"
        );
        assert_eq!(kinds.len(), 4);
        let mut documents = Vec::new();
        for letter in letters
            .iter()
            .filter(|letter| letter["kind"] == "unreadable")
        {
            assert_eq!(letter["consumer"], "dead-letters");
            assert_eq!(letter["message_id"], json!(null));
            let whole = it.letter(&text(letter, "id")).await;
            documents.push(text(&whole, "document"));
        }
        assert!(
            documents.contains(&"not even JSON".to_owned()),
            "{documents:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_work_sent_to_a_topic_that_is_not_their_own() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.configure("pass", 20).await;
        for (consumer, topic) in [
            ("deals", "toys.commands"),
            ("toys", "toys.events"),
            ("dead-letters", "dead-letters.decisions"),
        ] {
            let forged = Failure {
                consumer: consumer.to_owned(),
                topic: topic.to_owned(),
                ..failure(&it)
            };
            it.report(&forged).await;
        }
        assert_eq!(it.letters("open").await.len(), 3);
        it.wait(600).await;
        assert_eq!(it.toys.handled().await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_message_fails_climbs_and_becomes_a_letter() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.configure("fail", 1).await;
        // Every character of it is escaped in the report.
        let said = json!("\"".repeat(broker::DOCUMENT_BYTES_MAX / 2 - 1_024));
        it.toys.ask_for("fail", "toy-1", &said).await;
        it.settle().await;
        it.wait(10).await;
        let letter = it.letter(&text(&it.only("open").await, "id")).await;
        let message = Message::parse(&text(&letter, "document")).expect("it is a message");
        let data: Value = message.data().expect("it is JSON");
        assert_eq!(data, said);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_wait_while_too_many_letters_are_open_and_none_is_lost() {
    for_each_database(async |database| {
        let it = start(&database).await;
        for _ in 0..LETTERS_OPEN_MAX {
            it.send_report(&failure(&it)).await;
        }
        it.settle().await;
        it.send_report(&failure(&it)).await;
        let open = it.letters("open").await;
        assert_eq!(open.len(), LETTERS_OPEN_MAX as usize);
        let closed = text(&open[0], "id");
        it.decide(&closed, "discard", "1").await.expect(200);
        it.settle().await;
        let open = it.letters("open").await;
        assert_eq!(
            open.len(),
            LETTERS_OPEN_MAX as usize,
            "the one that waited has come"
        );
        assert!(open.iter().all(|letter| text(letter, "id") != closed));
    })
    .await;
}
