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
