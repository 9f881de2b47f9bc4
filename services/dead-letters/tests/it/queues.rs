//! The seed's queues: what passes, what fails, what fails and then passes; and what operators do
//! with what failed.

use serde_json::json;
use testkit::{for_each_database, together};

use super::*;

fn done(toy: &str) -> (String, String) {
    (toy.to_owned(), "\"do it\"".to_owned())
}

/// The change, attempt and time of every line of a letter's history, oldest first.
fn lines(letter: &Value) -> Vec<(String, Value, Value)> {
    let lines = letter["history"].as_array().expect("a list").iter().rev();
    let line = |line: &Value| {
        let failure = line["failure"].clone();
        (
            text(line, "change"),
            failure["attempt"].clone(),
            failure["failed_at"].clone(),
        )
    };
    lines.map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_handled_and_never_heard_of() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.configure("pass", 3).await;
        it.toys.ask("pass", "toy-1").await;
        it.settle().await;
        assert_eq!(it.toys.handled().await, [done("toy-1")]);
        for state in ["retrying", "open", "redriven", "discarded"] {
            assert!(it.letters(state).await.is_empty(), "{state}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_and_then_passes_climbs_and_is_no_dead_letter() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.configure("fail_then_pass", 3).await;
        it.toys.ask("fail_then_pass", "toy-1").await;
        it.settle().await;
        let retrying = it.only("retrying").await;
        assert_eq!(retrying["attempts"], 1);
        assert_eq!(retrying["due_at"], after_start(10));
        it.wait(9).await;
        assert_eq!(
            it.only("retrying").await["attempts"],
            1,
            "the rung is ten seconds"
        );
        it.wait(1).await;
        let retrying = it.only("retrying").await;
        assert_eq!(retrying["attempts"], 2);
        assert_eq!(retrying["due_at"], after_start(25));
        assert_eq!(it.toys.handled().await, []);
        it.wait(15).await;
        assert_eq!(it.toys.handled().await, [done("toy-1")]);
        let letter = it.letter(&text(&retrying, "id")).await;
        assert_eq!(
            letter["document"],
            json!(null),
            "nobody has to see what was handled"
        );
        let (none, once) = (json!(after_start(0)), json!(after_start(10)));
        let sent = |attempt: u32, at: Value| ("sent_again".to_owned(), json!(attempt), at);
        assert_eq!(lines(&letter), [sent(1, none), sent(2, once)]);
        it.wait(600).await;
        assert_eq!(it.toys.handled().await.len(), 1);
        assert!(it.letters("open").await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_climbs_the_ladder_and_becomes_a_letter_with_its_history() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.configure("fail", 3).await;
        it.toys.ask("fail", "toy-1").await;
        it.settle().await;
        for seconds in [10, 15, 20] {
            assert!(it.letters("open").await.is_empty());
            it.wait(seconds).await;
        }
        let open = it.only("open").await;
        let letter = it.letter(&text(&open, "id")).await;
        let shown = [
            "kind", "consumer", "topic", "type", "subject", "attempts", "code", "reason",
        ];
        let shown = shown.map(|member| letter[member].clone());
        let expected = json!([
            "work",
            "toys",
            "toys.commands",
            "fail",
            "toy-1",
            4,
            "resource_must_exist",
            "attempt 4 failed"
        ]);
        assert_eq!(json!(shown), expected);
        let line = |change: &str, attempt: u32, seconds: u64| {
            (
                change.to_owned(),
                json!(attempt),
                json!(after_start(seconds)),
            )
        };
        let climbed = [
            line("sent_again", 1, 0),
            line("sent_again", 2, 10),
            line("sent_again", 3, 25),
            line("opened", 4, 45),
        ];
        assert_eq!(lines(&letter), climbed);
        let message = Message::parse(&text(&letter, "document")).expect("it is a message");
        assert_eq!((message.subject.as_str(), message.attempt), ("toy-1", 3));
        it.wait(600).await;
        assert_eq!(
            it.only("open").await["attempts"],
            4,
            "it waits for a person"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_configured_is_a_letter_at_once() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.toys.ask("fail", "toy-1").await;
        it.settle().await;
        assert_eq!(it.only("open").await["attempts"], 1);
        assert!(it.letters("retrying").await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_after_the_repair_is_handled_once() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.toys.ask("fail", "toy-1").await;
        it.settle().await;
        let id = text(&it.only("open").await, "id");
        // Too early: it fails again and is the same letter.
        it.decide(&id, "redrive", "1").await.expect(200);
        it.settle().await;
        let letter = it.letter(&id).await;
        assert_eq!(
            (&letter["state"], &letter["attempts"]),
            (&json!("open"), &json!(2))
        );
        let changes: Vec<_> = lines(&letter)
            .into_iter()
            .map(|(change, ..)| change)
            .collect();
        assert_eq!(changes, ["opened", "redriven", "opened"]);

        it.toys.repair("fail");
        let redriven = it.decide(&id, "redrive", "2").await.expect(200).json;
        assert_eq!(redriven["state"], "redriven");
        // By the same key, by another, and while it may be on its way.
        it.decide(&id, "redrive", "2").await.expect(200);
        it.decide(&id, "redrive", "3").await.expect(200);
        it.settle().await;
        assert_eq!(it.toys.handled().await, [done("toy-1")]);
        assert_eq!(it.letter(&id).await["state"], "redriven");
        assert!(it.letters("open").await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_not_redriven() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.toys.ask("fail", "toy-1").await;
        it.settle().await;
        it.toys.repair("fail");
        let before = it.only("open").await;
        let id = text(&before, "id");
        it.store.set_outbox_full(true);
        it.decide(&id, "redrive", "1").await.expect(503);
        assert_eq!(it.only("open").await, before);
        let body = with(because(), json!({ "topic": "toys.commands" }));
        it.write(OPERATOR, REDRIVES, "2", &body).await.expect(503);
        assert_eq!(it.only("open").await, before);
        it.store.set_outbox_full(false);
        it.decide(&id, "redrive", "1").await.expect(200);
        it.settle().await;
        assert_eq!(it.toys.handled().await, [done("toy-1")]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_operators_at_once_redrive_a_letter_once() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.toys.ask("fail", "toy-1").await;
        it.settle().await;
        it.toys.repair("fail");
        let id = text(&it.only("open").await, "id");
        let keys: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let calls = keys.iter().map(|key| it.decide(&id, "redrive", key));
        let answers = together(calls).await;
        assert!(
            answers.iter().any(|answer| answer.status == 200),
            "{answers:?}"
        );
        let answered = answers.iter().map(|answer| answer.status);
        assert!(
            answered.clone().all(|status| [200, 503].contains(&status)),
            "{answers:?}"
        );
        it.settle().await;
        assert_eq!(it.toys.handled().await, [done("toy-1")]);
        let letter = it.letter(&id).await;
        assert_eq!(letter["history"].as_array().map(Vec::len), Some(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_redrive_is_handled_as_edited_and_the_original_is_kept() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.toys.ask("fail", "toy-1").await;
        it.settle().await;
        it.toys.repair("fail");
        let id = text(&it.only("open").await, "id");
        let document = text(&it.letter(&id).await, "document");
        let edited = document.replace("do it", "do it well");
        it.edit(&id, &edited, "1").await.expect(200);
        it.settle().await;
        let handled = it.toys.handled().await;
        assert_eq!(handled, [("toy-1".to_owned(), "\"do it well\"".to_owned())]);
        let letter = it.letter(&id).await;
        assert_eq!(letter["document"], json!(edited));
        assert_eq!(letter["original"], json!(document));
        let newest = &letter["history"][0];
        assert_eq!(newest["change"], "edited");
        assert_eq!(newest["changed_by"], "ops-1");
        assert_eq!(newest["reason"], because()["reason"]);
        assert_eq!(newest["document"], json!(edited));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_is_never_handled() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.toys.ask("fail", "toy-1").await;
        it.settle().await;
        it.toys.repair("fail");
        let id = text(&it.only("open").await, "id");
        let discarded = it.decide(&id, "discard", "1").await.expect(200).json;
        assert_eq!(discarded["state"], "discarded");
        it.decide(&id, "discard", "2").await.expect(200);
        it.decide(&id, "redrive", "3").await.expect(409);
        it.wait(600).await;
        assert_eq!(it.toys.handled().await, []);
        let lines = it.audit().await;
        let line = ("letter_discarded".to_owned(), "ops-1".to_owned(), id);
        let times = lines.iter().filter(|is| **is == line).count();
        assert_eq!(times, 1, "{lines:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_letters_are_redriven_in_bounded_calls_each_once() {
    for_each_database(async |database| {
        let it = start(&database).await;
        for number in 0..7 {
            it.toys.ask("fail", &format!("toy-{number}")).await;
        }
        it.toys.ask("fail_then_pass", "other").await;
        it.settle().await;
        // One that cannot be redriven does not hold the others back.
        let unreadable = Failure {
            kind: FailureKind::Unreadable,
            message_id: None,
            message_type: Some("fail".to_owned()),
            ..failure(&it)
        };
        it.report(&unreadable).await;
        it.toys.repair("fail");
        let filter = json!({ "topic": "toys.commands", "type": "fail", "limit": 3 });
        let (mut body, mut counts) = (with(because(), filter), Vec::new());
        for call in 0.. {
            let key = format!("bulk-{call}");
            let done = it
                .write(OPERATOR, REDRIVES, &key, &body)
                .await
                .expect(200)
                .json;
            let again = it
                .write(OPERATOR, REDRIVES, &key, &body)
                .await
                .expect(200)
                .json;
            assert_eq!(again, done, "a repeat is answered as the first time");
            counts.push((done["redriven"].clone(), done["skipped"].clone()));
            match done["next_cursor"].as_str() {
                Some(cursor) => body["cursor"] = json!(cursor),
                None => break,
            }
        }
        let counted = |redriven: u32, skipped: u32| (json!(redriven), json!(skipped));
        assert_eq!(counts, [counted(3, 0), counted(3, 0), counted(1, 1)]);
        it.settle().await;
        let mut handled = it.toys.handled().await;
        handled.sort();
        let all: Vec<_> = (0..7)
            .map(|number| done(&format!("toy-{number}")))
            .collect();
        assert_eq!(handled, all);
        let open = it.letters("open").await;
        let types: Vec<_> = open.iter().map(|letter| &letter["type"]).collect();
        assert_eq!(types, ["fail", "fail_then_pass"], "the others stay");
    })
    .await;
}
