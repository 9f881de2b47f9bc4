//! Events that their consumer parked: the letter, the decision, and the key that catches up.

use testkit::for_each_database;

use super::*;

fn said(toy: &str, what: &str) -> (String, String) {
    (toy.to_owned(), format!("\"{what}\""))
}

impl Running {
    /// Waits until this many events were handled: parked ones are looked for by the clock of the
    /// machine.
    async fn handled(&self, count: usize) -> Vec<(String, String)> {
        let handled = async {
            loop {
                self.settle().await;
                let handled = self.toys.handled().await;
                if handled.len() >= count {
                    return handled;
                }
            }
        };
        let handled = tokio::time::timeout(Duration::from_secs(30), handled).await;
        handled.expect("they are handled in time")
    }

    /// Waits until there is an open letter whose last failure was this one.
    async fn dead(&self, failed_at: String) -> Value {
        let dead = async {
            loop {
                self.settle().await;
                let letters = self.letters("open").await;
                if let [letter] = letters.as_slice()
                    && letter["failed_at"] == json!(failed_at)
                {
                    return letter.clone();
                }
            }
        };
        let dead = tokio::time::timeout(Duration::from_secs(30), dead).await;
        dead.expect("it fails in time")
    }

    /// Lets the consumer's own ladder pass for an event that failed once.
    async fn climb(&self) {
        for (seconds, then) in [(10, (2, false)), (15, (3, false)), (20, (3, true))] {
            self.app.world.clock.advance(Duration::from_secs(seconds));
            self.parked(then).await;
        }
    }

    /// Waits until the first parked event of toy-1 has failed so often, for the last time or not.
    async fn parked(&self, then: (u32, bool)) {
        let parked = async {
            while self.toys.parked().await != Some(then) {
                tokio::task::yield_now().await;
            }
        };
        let parked = tokio::time::timeout(Duration::from_secs(30), parked).await;
        parked.expect("it is tried in time");
    }
}

/// A toy whose first event is handled and whose second fails for good, with a third behind it and
/// another toy that is not held up. Answers the letter.
async fn broken(it: &Running) -> Value {
    it.toys.tell("toy-1", 1, "first").await;
    it.toys.tell("toy-1", 2, "broken").await;
    it.toys.tell("toy-1", 3, "third").await;
    it.toys.tell("toy-2", 1, "other").await;
    let handled = it.handled(2).await;
    assert_eq!(handled, [said("toy-1", "first"), said("toy-2", "other")]);
    assert!(
        it.letters("open").await.is_empty(),
        "its consumer retries it first"
    );
    it.climb().await;
    let letter = it.dead(after_start(45)).await;
    assert_eq!(letter["kind"], "event");
    assert_eq!(letter["subject"], "toy-1");
    assert_eq!(letter["attempts"], 4);
    assert_eq!(
        it.toys.handled().await.len(),
        2,
        "its key waits for a decision"
    );
    letter
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_event_is_handled_in_its_place_and_its_key_catches_up_in_order() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let id = text(&broken(&it).await, "id");
        let document = text(&it.letter(&id).await, "document");
        let edited = document.replace("broken", "second");
        it.edit(&id, &edited, "1").await.expect(200);
        let handled = it.handled(4).await;
        assert_eq!(
            handled[2..],
            [said("toy-1", "second"), said("toy-1", "third")]
        );
        it.toys.tell("toy-1", 4, "fourth").await;
        assert_eq!(it.handled(5).await[4], said("toy-1", "fourth"));
        assert_eq!(it.letter(&id).await["state"], "redriven");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_event_that_fails_again_is_the_same_letter() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let id = text(&broken(&it).await, "id");
        it.decide(&id, "redrive", "1").await.expect(200);
        it.settle().await;
        // It is tried at once, and then climbs the ladder again.
        it.parked((1, false)).await;
        it.climb().await;
        let again = it.dead(after_start(90)).await;
        assert_eq!(text(&again, "id"), id);
        it.toys.repair("toy-1");
        it.decide(&id, "redrive", "2").await.expect(200);
        let handled = it.handled(4).await;
        assert_eq!(
            handled[2..],
            [said("toy-1", "broken"), said("toy-1", "third")]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_event_is_passed_over_and_its_key_goes_on() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let id = text(&broken(&it).await, "id");
        it.decide(&id, "discard", "1").await.expect(200);
        let handled = it.handled(3).await;
        assert_eq!(handled[2..], [said("toy-1", "third")]);
    })
    .await;
}
