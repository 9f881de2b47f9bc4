//! Work over the whole path: each task once, whoever competes for it, and again if it failed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use broker::{Afterwards, Message, Reaction, Settings};
use contracts::dead_letters::FailureKind;
use kit::time::{Clock, SystemClock};
use store::StoreError;
use testkit::{IN_TIME, for_each_database};

use crate::rig::{Kind, Rig, on_every_rig};
use crate::toys::{self, TASKS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_competing_consumers_one_does_each_task() {
    on_every_rig(async |mut rig| {
        rig.start();
        // Two more, as if in other processes.
        for _ in 0..2 {
            rig.consume(rig.till.clone(), rig.mood.reaction(TASKS));
        }
        for part in 0..10 {
            let tasks: Vec<(u128, &str)> = (part * 30 + 1..=part * 30 + 30)
                .map(|number| (number, "task"))
                .collect();
            rig.send(&tasks).await;
        }
        rig.until_seen(TASKS, 300).await;
        rig.stop().await;
        assert_eq!(toys::seen_count(&rig.till.store, TASKS).await, 300);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_task_is_reported_once_per_attempt_and_done_once_when_it_heals() {
    on_every_rig(async |mut rig| {
        rig.mood.refuse("bad");
        rig.mood.panic("worse");
        rig.start_carrying();
        rig.start_till();
        rig.start_letters(true);
        rig.send(&[(1, "good"), (2, "bad"), (3, "fine"), (4, "worse")])
            .await;
        rig.until_failures(6).await;
        rig.until_seen(TASKS, 2).await;
        let failures = toys::failures(&rig.letters.store).await;
        for (subject, code) in [
            ("bad", "row_must_keep_constraints"),
            ("worse", "internal_error"),
        ] {
            let of = failures.iter().filter(|failure| failure.subject == subject);
            let of: Vec<_> = of.collect();
            let attempts: Vec<u32> = of.iter().map(|failure| failure.attempt).collect();
            assert_eq!(attempts, [1, 2, 3], "{subject}");
            assert!(of.iter().all(|failure| failure.kind == FailureKind::Work));
            assert!(
                of.iter()
                    .all(|failure| failure.code == code && failure.topic == TASKS)
            );
        }
        // Somebody sends the last attempt again, twice: it is done once.
        rig.mood.heal();
        let last = failures
            .iter()
            .rfind(|failure| failure.subject == "bad")
            .unwrap();
        let mut again = broker::Message::parse(&last.document).unwrap();
        again.attempt = 3;
        let now = SystemClock.now();
        let again = again.sending(TASKS, now, now).unwrap();
        let sent: Result<(), StoreError> = rig
            .letters
            .store
            .write(move |tx| tx.send_many(&[again.clone(), again.clone()]))
            .await;
        sent.unwrap();
        rig.until_seen(TASKS, 3).await;
        // What came after both has been done, so both have come.
        rig.send(&[(5, "last")]).await;
        rig.until_seen(TASKS, 4).await;
        rig.stop().await;
        let mut seen = toys::seen(&rig.till.store, TASKS).await;
        seen.sort();
        let expected = [("bad", 3), ("fine", 0), ("good", 0), ("last", 0)];
        assert_eq!(
            seen,
            expected.map(|(about, attempt)| (about.to_owned(), attempt))
        );
        assert_eq!(toys::failures(&rig.letters.store).await.len(), 6);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_must_wait_holds_up_what_is_behind_it_and_nothing_before_it() {
    on_every_rig(async |mut rig| {
        if !rig.carrier.reads_outboxes() {
            return; // A server gives work in any order, and so in any batches.
        }
        rig.mood.hold("held");
        let runs = rig.mood.runs.subscribe();
        rig.start_carrying();
        rig.send(&[(1, "before"), (2, "held"), (3, "behind")]).await;
        rig.start_till();
        rig.start_letters(false);
        rig.until_seen(TASKS, 1).await;
        let tries = *runs.borrow();
        rig.until("it is tried again", async || *runs.borrow() >= tries + 3)
            .await;
        assert_eq!(
            toys::seen(&rig.till.store, TASKS).await,
            [("before".to_owned(), 0)]
        );
        rig.mood.heal();
        rig.until_seen(TASKS, 3).await;
        rig.stop().await;
        assert!(toys::failures(&rig.letters.store).await.is_empty());
    })
    .await;
}

/// Is told to stop in the first batch, when the second has been read.
fn stopped_in_the_first(rig: &Rig, batch: usize, runs: &Arc<AtomicUsize>) -> Reaction {
    let (stopping, runs) = (rig.stopping.clone(), runs.clone());
    let (read, reads) = channel();
    let reads = Mutex::new(reads);
    let reading = move |_: &Message| {
        let _ = read.send(());
        Ok(())
    };
    Reaction::many(TASKS, reading, move |tx, arrived| {
        if runs.fetch_add(1, Ordering::Relaxed) == 0 {
            for _ in 0..2 * batch {
                let read = reads.lock().unwrap().recv_timeout(IN_TIME);
                read.expect("the next batch is read while this one is handled");
            }
            stopping.send_replace(true);
        }
        for task in arrived {
            toys::note(tx, TASKS, task.message())?;
        }
        Ok(Afterwards::default())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_with_much_to_do_stops_between_two_batches_and_goes_on_where_it_was() {
    const BATCH: usize = 3;
    for_each_database(async |database| {
        let settings = Settings {
            batch_max: BATCH,
            ..Settings::default()
        };
        let mut rig = Rig::open_with(Kind::Embedded, database, settings).await;
        let tasks: Vec<(u128, &str)> = (1..=3_000).map(|number| (number, "task")).collect();
        rig.send(&tasks).await;
        let runs = Arc::new(AtomicUsize::new(0));
        let reaction = stopped_in_the_first(&rig, BATCH, &runs);
        rig.consume(rig.till.clone(), reaction);
        rig.until_seen(TASKS, 1).await;
        rig.stop().await;
        assert_eq!(runs.load(Ordering::Relaxed), 1, "it stopped at once");
        assert_eq!(toys::seen_count(&rig.till.store, TASKS).await, 3);
        rig.start_till();
        rig.until_seen(TASKS, 3_000).await;
        rig.stop().await;
        assert_eq!(toys::seen_count(&rig.till.store, TASKS).await, 3_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_is_not_a_message_is_reported_and_holds_nothing_up() {
    on_every_rig(async |mut rig| {
        let now = SystemClock.now();
        let long = format!("not JSON {}", "é".repeat(broker::UNREADABLE_BYTES_MAX));
        for (number, document) in [(1, long), (2, String::new())] {
            let mut bad = toys::task(number, "bad", now)
                .sending(TASKS, now, now)
                .unwrap();
            bad.document = document;
            let sent: Result<(), StoreError> = rig.shop.store.write(move |tx| tx.send(&bad)).await;
            sent.unwrap();
        }
        rig.send(&[(3, "good")]).await;
        rig.start();
        rig.until_seen(TASKS, 1).await;
        rig.until_failures(2).await;
        rig.stop().await;
        for failure in toys::failures(&rig.letters.store).await {
            assert_eq!(failure.kind, FailureKind::Unreadable);
            assert!(failure.document.len() <= broker::UNREADABLE_BYTES_MAX);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_is_not_due_waits() {
    on_every_rig(async |mut rig| {
        rig.start();
        let now = SystemClock.now();
        let due = now
            .checked_add(std::time::Duration::from_millis(90))
            .unwrap();
        let later = toys::task(1, "later", now)
            .sending(TASKS, now, due)
            .unwrap();
        let sent: Result<(), StoreError> = rig.shop.store.write(move |tx| tx.send(&later)).await;
        sent.unwrap();
        rig.send(&[(2, "now")]).await;
        rig.until_seen(TASKS, 2).await;
        assert!(SystemClock.now() >= due);
        rig.stop().await;
        // Which came first is up to the machine: what is sent now may take longer than that.
        let mut seen = toys::seen(&rig.till.store, TASKS).await;
        seen.sort();
        let about: Vec<&str> = seen.iter().map(|(about, _)| about.as_str()).collect();
        assert_eq!(about, ["later", "now"]);
    })
    .await;
}
