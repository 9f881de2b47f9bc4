//! What happens by the clock: old letters go, open letters stay and are counted.

use testkit::for_each_database;

use super::*;

const DAY: u64 = 24 * 60 * 60;

impl Running {
    async fn purge(&self) {
        let fired = self.app.fire("dead-letters.purge_closed").await;
        fired.expect("the timer runs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_letters_are_deleted_after_their_time_and_open_ones_never() {
    for_each_database(async |database| {
        let it = start(&database).await;
        for _ in 0..3 {
            it.report(&failure(&it)).await;
        }
        let letters = it.letters("open").await;
        it.decide(&text(&letters[0], "id"), "redrive", "1")
            .await
            .expect(200);
        it.decide(&text(&letters[1], "id"), "discard", "2")
            .await
            .expect(200);
        it.settle().await;
        it.wait(u64::from(LETTER_DAYS) * DAY).await;
        it.purge().await;
        assert_eq!(
            it.letters("redriven").await.len(),
            1,
            "it is kept for its time"
        );
        it.wait(1).await;
        it.purge().await;
        let counts = async |state| it.letters(state).await.len();
        assert_eq!(
            [counts("redriven").await, counts("discarded").await],
            [0, 0]
        );
        it.wait(3650 * DAY).await;
        it.purge().await;
        assert_eq!(counts("open").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_letters_are_counted_by_topic_and_consumer() {
    for_each_database(async |database| {
        let it = start(&database).await;
        // A consumer of its own: all tests of the process share one recorder.
        let consumer = if it.postgres {
            "counted-there"
        } else {
            "counted-here"
        };
        let failed = || Failure {
            consumer: consumer.to_owned(),
            ..failure(&it)
        };
        let shown = async || {
            let fired = it.app.fire("dead-letters.measure").await;
            fired.expect("the timer runs");
            let text = it.app.get("/metrics").send().await.expect(200).text;
            let open = "florin_dead_letters_open";
            let is = |line: &&str| line.starts_with(open) && line.contains(consumer);
            let line = text.lines().find(is).unwrap_or_default().to_owned();
            assert!(
                line.is_empty() || line.contains("topic=\"toys.commands\""),
                "{line}"
            );
            line.split(' ').next_back().unwrap_or_default().to_owned()
        };
        assert_eq!(shown().await, "");
        it.report(&failed()).await;
        it.report(&failed()).await;
        assert_eq!(shown().await, "2");
        for (key, letter) in it.letters("open").await.iter().enumerate() {
            assert_eq!(shown().await, (2 - key).to_string());
            let id = text(letter, "id");
            it.decide(&id, "discard", &key.to_string())
                .await
                .expect(200);
        }
        assert_eq!(shown().await, "0");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ladder_sent_is_forgotten_when_it_cannot_come_back() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.configure("fail_then_pass", 3).await;
        it.toys.ask("fail_then_pass", "toy-1").await;
        it.settle().await;
        it.wait(10).await;
        it.wait(15).await;
        it.wait(29 * DAY).await;
        it.purge().await;
        assert_eq!(it.letters("retrying").await.len(), 1);
        it.wait(2 * DAY).await;
        it.purge().await;
        assert_eq!(it.letters("retrying").await.len(), 0);
    })
    .await;
}
