//! The whole service over every carrier: the ladder, letters, what operators decide, and events
//! that were parked, with the server in between that a deployment has.
//!
//! A server's queues are not looked into: these tests wait until something has come about, while
//! the clock of the world goes on by itself. What happens exactly when is tried in the other files.

use serde_json::json;
use testkit::carriers::{Kind, for_each_carrier};

use super::*;

/// How often it is looked, and how much the clock goes on each time.
const LOOK: Duration = Duration::from_millis(5);
/// How long anything may take on a machine that does much else.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// More than the days for which what the ladder sent can come back.
const FORGOTTEN: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Milliseconds where people have seconds.
fn quick() -> broker::Settings {
    broker::Settings {
        ladder: [10, 15, 20].map(Duration::from_millis).to_vec(),
        upkeep: LOOK,
        ..settings()
    }
}

async fn carried(kind: Kind, database: &TestDatabase) -> Running {
    let quick = quick();
    let ladder = quick.ladder.clone();
    start_over(kind.messages(quick), ladder, database).await
}

impl Running {
    /// Waits until there is what is looked for.
    async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let looks = async {
            let mut ticks = tokio::time::interval(LOOK);
            loop {
                ticks.tick().await;
                self.app.world.clock.advance(LOOK);
                if let Some(found) = look().await {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(WAIT_MAX, looks).await;
        match found {
            Ok(found) => found,
            Err(_) => panic!(
                "{what} did not come about; open: {:?}",
                self.letters("open").await
            ),
        }
    }

    /// Waits until so much was handled; answers it in the order of the toys.
    async fn until_handled(&self, count: usize) -> Vec<(String, String)> {
        let what = format!("{count} messages handled");
        self.until(&what, async || {
            let mut handled = self.toys.handled().await;
            handled.sort();
            (handled.len() >= count).then_some(handled)
        })
        .await
    }

    /// Waits until so many letters are open; answers them, the oldest first.
    async fn until_open(&self, count: usize) -> Vec<Value> {
        let what = format!("{count} open letters");
        self.until(&what, async || {
            let mut open = self.letters("open").await;
            open.reverse();
            (open.len() == count).then_some(open)
        })
        .await
    }

    /// The open letter about this toy.
    async fn until_open_about(&self, toy: &str) -> Value {
        self.until(toy, async || {
            let open = self.letters("open").await;
            open.into_iter().find(|letter| letter["subject"] == toy)
        })
        .await
    }

    /// What was handled about a toy, in its order.
    async fn said(&self, toy: &str) -> Vec<String> {
        let handled = self.toys.handled().await.into_iter();
        let about = handled.filter(|(about, _)| about == toy);
        about.map(|(_, said)| said.replace('"', "")).collect()
    }

    /// Waits until this was handled about a toy.
    async fn until_said(&self, toy: &str, expected: &[&str]) {
        self.until(&format!("{toy} {expected:?}"), async || {
            let said = self.said(toy).await;
            assert!(expected.starts_with(&said.iter().map(String::as_str).collect::<Vec<_>>()));
            (said.len() == expected.len()).then_some(())
        })
        .await;
    }

    /// The changes of a letter, oldest first.
    async fn changes(&self, id: &str) -> Vec<String> {
        let letter = self.letter(id).await;
        let history = letter["history"].as_array().expect("a list").iter().rev();
        history.map(|line| text(line, "change")).collect()
    }
}

fn done(toy: &str) -> (String, String) {
    (toy.to_owned(), "\"do it\"".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_and_what_passes_after_failures_is_handled_over_every_carrier() {
    for_each_carrier(async |kind, database| {
        let it = carried(kind, &database).await;
        it.configure("fail_then_pass", 3).await;
        it.toys.ask("pass", "toy-1").await;
        it.toys.ask("fail_then_pass", "toy-2").await;
        let handled = it.until_handled(2).await;
        assert_eq!(handled, [done("toy-1"), done("toy-2")]);
        assert!(it.letters("open").await.is_empty());
        let climbed = it.only("retrying").await;
        assert_eq!(climbed["attempts"], 2);
        let changes = it.changes(&text(&climbed, "id")).await;
        assert_eq!(changes, ["sent_again", "sent_again"]);
        it.app.world.clock.advance(FORGOTTEN);
        let purged = it.app.fire("dead-letters.purge_closed").await;
        purged.expect("the timer runs");
        assert!(it.letters("retrying").await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_climbs_every_rung_and_what_is_not_configured_none_over_every_carrier() {
    for_each_carrier(async |kind, database| {
        let it = carried(kind, &database).await;
        it.configure("fail", 3).await;
        it.toys.ask("fail", "toy-1").await;
        it.toys.ask("fail_then_pass", "toy-2").await;
        it.until_open(2).await;
        let climbed = it.until_open_about("toy-1").await;
        assert_eq!(climbed["attempts"], 4);
        let id = text(&climbed, "id");
        let changes = it.changes(&id).await;
        assert_eq!(
            changes,
            ["sent_again", "sent_again", "sent_again", "opened"]
        );
        let at_once = it.until_open_about("toy-2").await;
        assert_eq!(at_once["attempts"], 1);
        // Too early, and then after the repair: by each key once.
        it.decide(&id, "redrive", "early").await.expect(200);
        let again = async || (it.letter(&id).await["attempts"] == 5).then_some(());
        it.until("the redriven message failed again", again).await;
        it.toys.repair("fail");
        it.decide(&id, "redrive", "repaired").await.expect(200);
        it.decide(&id, "redrive", "repaired").await.expect(200);
        it.decide(&id, "redrive", "once-more").await.expect(200);
        assert_eq!(it.until_handled(1).await, [done("toy-1")]);
        it.toys.ask("pass", "toy-3").await;
        assert_eq!(it.until_handled(2).await, [done("toy-1"), done("toy-3")]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_edit_discard_and_redrive_in_bulk_over_every_carrier() {
    for_each_carrier(async |kind, database| {
        let it = carried(kind, &database).await;
        for number in 0..5 {
            it.toys.ask("fail", &format!("toy-{number}")).await;
        }
        it.until_open(5).await;
        it.toys.repair("fail");
        let edited = text(&it.until_open_about("toy-0").await, "id");
        let document = text(&it.letter(&edited).await, "document");
        let better = document.replace("do it", "do it well");
        it.edit(&edited, &better, "edit").await.expect(200);
        let discarded = text(&it.until_open_about("toy-1").await, "id");
        it.decide(&discarded, "discard", "discard")
            .await
            .expect(200);
        let filter = json!({ "topic": "toys.commands", "type": "fail", "limit": 2 });
        let mut body = with(because(), filter);
        let mut counts = Vec::new();
        for call in ["bulk-1", "bulk-2"] {
            let done = it.write(OPERATOR, REDRIVES, call, &body).await.expect(200);
            counts.push(done.json["redriven"].clone());
            body["cursor"] = done.json["next_cursor"].clone();
        }
        assert_eq!(counts, [2, 1]);
        assert_eq!(body["cursor"], json!(null));
        let mut expected: Vec<_> = (2..5)
            .map(|number| done(&format!("toy-{number}")))
            .collect();
        expected.insert(0, ("toy-0".to_owned(), "\"do it well\"".to_owned()));
        assert_eq!(it.until_handled(4).await, expected);
        it.decide(&discarded, "redrive", "late").await.expect(409);
        assert!(it.letters("open").await.is_empty());
        assert_eq!(
            it.toys.handled().await.len(),
            4,
            "what was discarded is not"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_event_is_decided_and_its_key_catches_up_in_order_over_every_carrier() {
    for_each_carrier(async |kind, database| {
        let it = carried(kind, &database).await;
        for toy in ["edited", "discarded", "repaired"] {
            for (version, said) in [(1, "first"), (2, "broken"), (3, "third")] {
                it.toys.tell(toy, version, said).await;
            }
        }
        it.toys.tell("healthy", 1, "only").await;
        it.until_said("healthy", &["only"]).await;
        it.until_open(3).await;
        for toy in ["edited", "discarded", "repaired"] {
            let letter = it.until_open_about(toy).await;
            assert_eq!(
                (&letter["kind"], &letter["attempts"]),
                (&json!("event"), &json!(4))
            );
            assert_eq!(
                it.said(toy).await,
                ["first"],
                "its key waits for a decision"
            );
        }
        let id = async |toy: &str| text(&it.until_open_about(toy).await, "id");
        let edited = id("edited").await;
        let document = text(&it.letter(&edited).await, "document");
        let document = document.replace("broken", "second");
        it.edit(&edited, &document, "edit").await.expect(200);
        it.decide(&id("discarded").await, "discard", "2")
            .await
            .expect(200);
        it.toys.repair("repaired");
        it.decide(&id("repaired").await, "redrive", "3")
            .await
            .expect(200);
        it.until_said("edited", &["first", "second", "third"]).await;
        it.until_said("discarded", &["first", "third"]).await;
        it.until_said("repaired", &["first", "broken", "third"])
            .await;
        it.toys.tell("discarded", 4, "fourth").await;
        it.until_said("discarded", &["first", "third", "fourth"])
            .await;
        assert!(it.letters("open").await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_message_and_what_is_no_report_become_letters_over_every_carrier() {
    for_each_carrier(async |kind, database| {
        let it = carried(kind, &database).await;
        it.configure("fail", 1).await;
        // Every character of it is escaped in the report.
        let said = json!("\"".repeat(broker::DOCUMENT_BYTES_MAX / 2 - 1_024));
        it.toys.ask_for("fail", "toy-1", &said).await;
        let strange = "not even JSON".to_owned();
        it.send(it.deps.ids.next(), FAILURES, strange.clone()).await;
        let letters = it.until_open(2).await;
        let unreadable = letters.iter().find(|letter| letter["kind"] == "unreadable");
        let unreadable = text(unreadable.expect("one is"), "id");
        assert_eq!(it.letter(&unreadable).await["document"], json!(strange));
        let largest = it.until_open_about("toy-1").await;
        assert_eq!(largest["attempts"], 2);
        let id = text(&largest, "id");
        it.toys.repair("fail");
        it.decide(&id, "redrive", "1").await.expect(200);
        let handled = it.until_handled(1).await;
        assert_eq!(handled, [("toy-1".to_owned(), said.to_string())]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_wait_while_too_many_letters_are_open_over_every_carrier() {
    for_each_carrier(async |kind, database| {
        let it = carried(kind, &database).await;
        let max = LETTERS_OPEN_MAX as usize;
        for _ in 0..max {
            it.send_report(&failure(&it)).await;
        }
        let open = it.until_open(max).await;
        for _ in 0..3 {
            it.send_report(&failure(&it)).await;
        }
        for (key, letter) in open.iter().take(3).enumerate() {
            let id = text(letter, "id");
            it.decide(&id, "discard", &key.to_string())
                .await
                .expect(200);
        }
        let all = async || {
            let discarded = it.letters("discarded").await.len();
            let open = it.letters("open").await.len();
            assert!(open <= max, "{open}");
            (open == max && discarded == 3).then_some(())
        };
        it.until("those that waited have come", all).await;
    })
    .await;
}
