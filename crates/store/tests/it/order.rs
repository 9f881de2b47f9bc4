//! The outbox is read in the order of commits: a reader that goes on after the last position it
//! was given misses nothing, also while transactions overlap.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use store::{Envelope, Position, Store, StoreError, Work};
use testkit::postgres::private_database;
use testkit::{for_each_database, in_time};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{NOTES, NOW, NUMBER, TOPIC, settled};

const ASKED: &str = "other.commands";

fn event(number: u128) -> Envelope {
    Envelope {
        id: Uuid::from_u128(number),
        topic: TOPIC.into(),
        key: format!("note_{number}"),
        version: 1,
        document: format!("{{\"number\":{number}}}"),
        created: NOW,
    }
}

fn work(number: u128) -> Work {
    Work {
        id: Uuid::from_u128(number),
        topic: ASKED.into(),
        key: "tidy_up".into(),
        document: format!("{{\"number\":{number}}}"),
        created: NOW,
        due: NOW,
    }
}

/// A reader that moves its positions forward, as a relay or a consumer does.
#[derive(Default)]
struct Reader {
    events_to: Position,
    work_to: Position,
    events: Vec<u128>,
    work: Vec<u128>,
}

impl Reader {
    /// Reads what there is, a few rows at a time.
    async fn read(&mut self, store: &Store, topics: bool) {
        while self.step(store, topics, 3).await {}
    }

    /// Reads a few rows; whether there were any.
    async fn step(&mut self, store: &Store, topics: bool, rows_max: usize) -> bool {
        let (events_of, work_of) = (topics.then_some(TOPIC), topics.then_some(ASKED));
        let events = store.outbox_events(events_of, self.events_to, rows_max);
        let events = events.await.unwrap();
        let work = store.outbox_work(work_of, self.work_to, rows_max);
        let work = work.await.unwrap();
        let any = !events.is_empty() || !work.is_empty();
        for (position, event) in events {
            assert!(position > self.events_to, "positions rise");
            self.events_to = position;
            self.events.push(event.id.as_u128());
        }
        for (position, work) in work {
            assert!(position > self.work_to, "positions rise");
            self.work_to = position;
            self.work.push(work.id.as_u128());
        }
        any
    }
}

/// Whether events, and work, are committed and not shown.
async fn held_back(store: &Store, topics: bool) -> [bool; 2] {
    let (events_of, work_of) = (topics.then_some(TOPIC), topics.then_some(ASKED));
    let start = Position::default();
    let events = store.outbox_events_page(events_of, start, 9);
    let events = events.await.unwrap();
    let work = store.outbox_work_page(work_of, start, 9).await.unwrap();
    [events.held_back, work.held_back]
}

/// Lets a closure say that it has written, and wait until it may go on. What has run once is not
/// held up again.
fn gate() -> (impl Fn() + Send + Sync, oneshot::Receiver<()>, Sender<()>) {
    let (wrote, written) = oneshot::channel();
    let (go, may_go) = channel::<()>();
    let ends = Mutex::new(Some((wrote, may_go)));
    let wait = move || {
        let ends = ends.lock().unwrap().take();
        if let Some((wrote, may_go)) = ends {
            wrote.send(()).unwrap();
            may_go.recv().unwrap();
        }
    };
    (wait, written, go)
}

/// On PostgreSQL only: on SQLite no two transactions are open at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_began_earlier_and_commits_later_is_not_skipped() {
    let database = private_database().await;
    database.migrate(&NOTES).await.unwrap();
    let login = database.database("notes").await;
    let store = Store::open(&login, &NOTES, &[TOPIC, ASKED]).await.unwrap();
    for topics in [false, true] {
        let first = if topics { 11 } else { 1 };
        let (wait, written, go) = gate();
        let slow = {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .write(move |tx| {
                        tx.publish(&event(first))?;
                        tx.send(&work(first))?;
                        // The number of the transaction, as its rows are written at the end.
                        tx.query(&NUMBER, &[])?;
                        wait();
                        Ok::<_, StoreError>(())
                    })
                    .await
            })
        };
        in_time("the first has written", written).await.unwrap();
        let quick = store.write(move |tx| {
            tx.publish(&event(first + 1))?;
            tx.send(&work(first + 1))
        });
        let quick = in_time("another commits while the first is open", quick);
        quick.await.unwrap();
        assert_eq!(held_back(&store, topics).await, [true, true]);
        let (mut reader, mut watch) = (Reader::default(), Reader::default());
        reader.read(&store, topics).await;
        assert!(
            !reader.events.contains(&(first + 1)),
            "the older one is still open"
        );
        assert!(
            !reader.work.contains(&(first + 1)),
            "the older one is still open"
        );
        let ended = store.transactions_ended();
        go.send(()).unwrap();
        let slow = in_time("the first commits when it may", slow).await;
        slow.unwrap().unwrap();
        assert!(ended.has_changed().unwrap());
        settled(&store).await;
        assert_eq!(held_back(&store, topics).await, [false, false]);
        reader.read(&store, topics).await;
        watch.read(&store, topics).await;
        assert_eq!(reader.events, watch.events);
        assert_eq!(reader.events[reader.events.len() - 2..], [first, first + 1]);
        assert_eq!(reader.work, watch.work);
        assert_eq!(reader.work[reader.work.len() - 2..], [first, first + 1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_finds_everything_once_while_many_write() {
    const WRITERS: u128 = 6;
    const EACH: u128 = 20;
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = store.clone();
            writers.spawn(async move {
                for turn in 0..EACH {
                    let number = writer * EACH + turn;
                    let write = store.write(move |tx| {
                        tx.publish(&event(number))?;
                        tx.send(&work(number))?;
                        if number % 7 == 3 {
                            return Err(StoreError::WorkMustBeRecent);
                        }
                        Ok(())
                    });
                    assert_eq!(write.await.is_err(), number % 7 == 3);
                }
            });
        }
        let mut reader = Reader::default();
        while !writers.is_empty() {
            reader.read(&store, false).await;
            while let Some(ended) = writers.try_join_next() {
                ended.unwrap();
            }
            tokio::task::yield_now().await;
        }
        settled(&store).await;
        reader.read(&store, false).await;
        for mut found in [reader.events, reader.work] {
            found.sort_unstable();
            let kept = (0..WRITERS * EACH).filter(|number| number % 7 != 3);
            assert_eq!(found, kept.collect::<Vec<_>>());
        }
    })
    .await;
}

/// On PostgreSQL only: on SQLite there are no numbers of transactions.
#[tokio::test]
async fn transactions_are_ordered_as_numbers_are() {
    let database = private_database().await;
    database.migrate(&NOTES).await.unwrap();
    let login = database.database("notes").await;
    let store = Store::open(&login, &NOTES, &[TOPIC, ASKED]).await.unwrap();
    for number in [100, 9, 10] {
        let id = Uuid::from_u128(number);
        let sql = format!(
            "INSERT INTO notes.notes_outbox (transaction, id, topic, key, version, payload, \
             created) VALUES ('{number}', '{id}', '{TOPIC}', 'a', 1, '{{}}', 0); \
             INSERT INTO notes.notes_outbox_work (transaction, id, topic, key, document, \
             created, due) VALUES ('{number}', '{id}', '{ASKED}', 'a', '{{}}', 0, 0)"
        );
        database.run_as_migrator(&sql).await;
    }
    for topics in [false, true] {
        let mut reader = Reader::default();
        for found in 1..=3 {
            reader.step(&store, topics, 1).await;
            assert_eq!(reader.events.len(), found);
        }
        assert_eq!(
            (reader.events, reader.work),
            (vec![9, 10, 100], vec![9, 10, 100])
        );
        assert_eq!(reader.events_to.transaction, 100);
    }
}

#[tokio::test]
async fn an_outbox_with_another_servers_numbers_is_refused_at_the_start() {
    let outbox = "INSERT INTO notes.notes_outbox (transaction, id, topic, key, version, payload, \
                  created) VALUES ('9000000000', gen_random_uuid(), 'a', 'a', 1, '{}', 0)";
    let work = "INSERT INTO notes.notes_outbox_work (transaction, id, topic, key, document, \
                created, due) VALUES ('9000000000', gen_random_uuid(), 'a', 'a', '{}', 0, 0)";
    for restore in [outbox, work] {
        let database = private_database().await;
        database.migrate(&NOTES).await.unwrap();
        let login = database.database("notes").await;
        Store::open(&login, &NOTES, &[]).await.map(drop).unwrap();
        database.run_as_migrator(restore).await;
        let refused = Store::open(&login, &NOTES, &[]).await.map(drop);
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, StoreError::Unsuitable { .. }),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn topics_are_read_apart_and_pages_are_bounded() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, "notes.note_gone"]).await;
        store
            .write(|tx| {
                for number in 0..6 {
                    let topic = if number % 2 == 0 {
                        TOPIC
                    } else {
                        "notes.note_gone"
                    };
                    tx.publish(&Envelope {
                        topic: topic.into(),
                        ..event(number)
                    })?;
                    tx.send(&Work {
                        topic: topic.into(),
                        ..work(number)
                    })?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        settled(&store).await;
        let page = async |topic, after, rows_max| {
            let events = store.outbox_events(topic, after, rows_max).await.unwrap();
            let work = store.outbox_work(topic, after, rows_max).await.unwrap();
            let events: Vec<_> = events.iter().map(|(_, event)| event.id.as_u128()).collect();
            let work: Vec<_> = work.iter().map(|(_, work)| work.id.as_u128()).collect();
            assert_eq!(events, work);
            events
        };
        let start = Position::default();
        assert_eq!(page(None, start, 100).await, [0, 1, 2, 3, 4, 5]);
        assert_eq!(page(None, start, usize::MAX).await, [0, 1, 2, 3, 4, 5]);
        assert_eq!(page(None, start, 2).await, [0, 1]);
        assert_eq!(page(Some(TOPIC), start, 100).await, [0, 2, 4]);
        assert_eq!(page(Some("notes.note_gone"), start, 2).await, [1, 3]);
        assert_eq!(page(Some("notes.unknown"), start, 2).await, [] as [u128; 0]);
        let read = store.outbox_events(None, start, 2).await.unwrap();
        assert_eq!(
            read[1],
            (
                read[1].0,
                Envelope {
                    topic: "notes.note_gone".into(),
                    ..event(1)
                }
            )
        );
        let after = read[1].0;
        assert_eq!(page(None, after, 2).await, [2, 3]);
        assert_eq!(page(Some(TOPIC), after, 2).await, [2, 4]);
    })
    .await;
}

#[tokio::test]
async fn a_page_of_large_documents_ends_early_and_the_next_goes_on() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        let document = "x".repeat(kit::limits::BODY_BYTES_MAX);
        store
            .write(move |tx| {
                for number in 1..=10 {
                    let document = document.clone();
                    tx.publish(&Envelope {
                        document,
                        ..event(number)
                    })?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        settled(&store).await;
        let first = store.outbox_events(None, Position::default(), 100).await;
        let first = first.unwrap();
        assert_eq!(first.len(), 8);
        let next = store.outbox_events(None, first[7].0, 100).await.unwrap();
        let next: Vec<_> = next.iter().map(|(_, event)| event.id.as_u128()).collect();
        assert_eq!(next, [9, 10]);
        store.write(|tx| tx.publish(&event(11))).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_commit_with_messages_is_heard_of_and_no_other() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        let changes = Arc::new(store.outbox_changes());
        let heard = async |write: fn(&mut store::Tx<'_>) -> Result<(), StoreError>| {
            let mut changes = (*changes).clone();
            changes.mark_unchanged();
            let _ = store.write(write).await;
            changes.has_changed().unwrap()
        };
        assert!(heard(|tx| tx.publish(&event(1))).await);
        assert!(heard(|tx| tx.send(&work(1))).await);
        assert!(!heard(|tx| tx.send_many(&[])).await);
        assert!(!heard(|tx| tx.cursor("other", TOPIC).map(drop)).await);
        let refused = |tx: &mut store::Tx<'_>| {
            tx.publish(&event(2))?;
            Err(StoreError::WorkMustBeRecent)
        };
        assert!(!heard(refused).await);
    })
    .await;
}

#[tokio::test]
async fn a_commit_is_heard_of_by_those_who_read_its_topics_and_by_no_other() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        let [mut events, mut asked, mut all] = [
            store.outbox_changes_of(TOPIC),
            store.outbox_changes_of(ASKED),
            store.outbox_changes(),
        ];
        let mut heard = async |write: fn(&mut store::Tx<'_>) -> Result<(), StoreError>| {
            for changes in [&mut events, &mut asked, &mut all] {
                changes.mark_unchanged();
            }
            store.write(write).await.unwrap();
            [&events, &asked, &all].map(|changes| changes.has_changed().unwrap())
        };
        let both = |tx: &mut store::Tx<'_>| {
            tx.publish(&event(2))?;
            tx.send(&work(2))
        };
        let delayed = |tx: &mut store::Tx<'_>| {
            let due = NOW.checked_add(std::time::Duration::from_secs(1)).unwrap();
            tx.send(&Work { due, ..work(3) })
        };
        assert_eq!(heard(|tx| tx.publish(&event(1))).await, [true, false, true]);
        assert_eq!(heard(|tx| tx.send(&work(1))).await, [false, true, true]);
        assert_eq!(heard(both).await, [true, true, true]);
        assert_eq!(
            heard(delayed).await,
            [false, false, true],
            "a relay takes it"
        );
        assert_eq!(heard(|_| Ok(())).await, [false, false, false]);
        let foreign = store.outbox_changes_of("other.topic");
        store.write(|tx| tx.publish(&event(4))).await.unwrap();
        assert!(
            foreign.has_changed().unwrap(),
            "whoever reads what is not declared hears of all"
        );
    })
    .await;
}
