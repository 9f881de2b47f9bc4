//! Toy services: `shop` publishes orders and sends tasks, `till` handles both, `letters` keeps
//! what failed and decides about it.
//!
//! What they note is what the tests count: a row for every effect, with nothing in the table that
//! would refuse a second one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use broker::{Message, MessageId, Pattern, Reaction, ReactionError, Topic};
use contracts::dead_letters::{DECISIONS, Decision, FAILURES, Failure};
use kit::codes;
use kit::time::Timestamp;
use store::{Migration, Schema, Statement, Store, StoreError, Tx};
use tokio::sync::watch;
use uuid::Uuid;

/// Events about orders, by order.
pub const ORDERS: &str = "shop.orders";
/// Tasks for the till.
pub const TASKS: &str = "till.tasks";
/// The type of a task.
pub const TASK: &str = "till.do_task";

pub const NOTE: Statement = Statement {
    name: "till_note",
    sql: "INSERT INTO till_seen (topic, key, version, trace) VALUES (?1, ?2, ?3, ?4)",
};
pub const SEEN: Statement = Statement {
    name: "till_seen",
    sql: "SELECT key, version FROM till_seen WHERE topic = ?1 ORDER BY place LIMIT 10000",
};
pub const SEEN_COUNT: Statement = Statement {
    name: "till_seen_count",
    sql: "SELECT count(*) FROM till_seen WHERE topic = ?1",
};
pub const KEEP: Statement = Statement {
    name: "letters_keep",
    sql: "INSERT INTO letters_failure (report, document) VALUES (?1, ?2)",
};
pub const KEPT: Statement = Statement {
    name: "letters_kept",
    sql: "SELECT document FROM letters_failure ORDER BY place LIMIT 10000",
};

pub const MADE: Statement = Statement {
    name: "shop_made",
    sql: "SELECT key, version FROM shop_made ORDER BY key LIMIT 100",
};
pub const MAKE: Statement = Statement {
    name: "shop_make",
    sql: "INSERT INTO shop_made (key, version) VALUES (?1, 1) \
          ON CONFLICT (key) DO UPDATE SET version = shop_made.version + 1 RETURNING version",
};

pub const SHOP: Schema = Schema {
    service: "shop",
    sqlite: &[Migration {
        name: "V1__shop",
        sql: "CREATE TABLE shop_made (key TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__shop",
        sql: "CREATE TABLE shop_made (key text PRIMARY KEY, version bigint NOT NULL)",
    }],
    statements: &[&MADE, &MAKE],
};
pub const TILL: Schema = Schema {
    service: "till",
    sqlite: &[Migration {
        name: "V1__till",
        sql: "CREATE TABLE till_seen (place INTEGER PRIMARY KEY AUTOINCREMENT, \
              topic TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, trace TEXT, \
              CHECK (key <> 'forbidden')) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__till",
        sql: "CREATE TABLE till_seen (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
              topic text NOT NULL, key text NOT NULL, version bigint NOT NULL, trace text, \
              CHECK (key <> 'forbidden'))",
    }],
    statements: &[&NOTE, &SEEN, &SEEN_COUNT],
};
pub const LETTERS: Schema = Schema {
    service: "letters",
    sqlite: &[Migration {
        name: "V1__letters",
        sql: "CREATE TABLE letters_failure (place INTEGER PRIMARY KEY AUTOINCREMENT, \
              report BLOB NOT NULL, document TEXT NOT NULL) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__letters",
        sql: "CREATE TABLE letters_failure (place bigint GENERATED ALWAYS AS IDENTITY \
              PRIMARY KEY, report uuid NOT NULL, document text NOT NULL)",
    }],
    statements: &[&KEEP, &KEPT],
};

/// The topics of the toys, as a topology would declare them.
pub fn topics() -> Vec<Topic> {
    let topic = |name: &str, pattern, publishers: &[&str], consumers: &[&str]| Topic {
        name: name.to_owned(),
        pattern,
        publishers: publishers.iter().map(|name| (*name).to_owned()).collect(),
        consumers: consumers.iter().map(|name| (*name).to_owned()).collect(),
    };
    vec![
        topic(ORDERS, Pattern::Events, &["shop"], &["till"]),
        topic(TASKS, Pattern::Work, &["shop", "letters"], &["till"]),
        topic(FAILURES, Pattern::Work, &["till"], &["letters"]),
        topic(DECISIONS, Pattern::Events, &["letters"], &["till"]),
    ]
}

/// The declared topic of this name.
pub fn topic(name: &str) -> Topic {
    let mut topics = topics().into_iter();
    topics.find(|topic| topic.name == name).unwrap()
}

/// What is wrong with the till just now, and how often anything ran.
#[derive(Clone)]
pub struct Mood {
    refused: Arc<Mutex<BTreeSet<String>>>,
    panicking: Arc<Mutex<BTreeSet<String>>>,
    waiting: Arc<Mutex<BTreeSet<String>>>,
    pub runs: Arc<watch::Sender<u64>>,
}

impl Mood {
    pub fn good() -> Self {
        Self {
            refused: Arc::default(),
            panicking: Arc::default(),
            waiting: Arc::default(),
            runs: Arc::new(watch::Sender::new(0)),
        }
    }

    pub fn refuse(&self, key: &str) {
        lock(&self.refused).insert(key.to_owned());
    }

    pub fn panic(&self, key: &str) {
        lock(&self.panicking).insert(key.to_owned());
    }

    pub fn hold(&self, key: &str) {
        lock(&self.waiting).insert(key.to_owned());
    }

    pub fn heal(&self) {
        lock(&self.refused).clear();
        lock(&self.panicking).clear();
        lock(&self.waiting).clear();
    }

    fn check(&self, key: &str) -> Result<(), ReactionError> {
        if lock(&self.panicking).contains(key) {
            panic!("the till panics about {key}, as the test asked it to");
        }
        if lock(&self.refused).contains(key) {
            let code = &codes::ROW_MUST_KEEP_CONSTRAINTS;
            return Err(ReactionError::refused(code, "the till refuses this key"));
        }
        if lock(&self.waiting).contains(key) {
            let reason = "the till is closed".to_owned();
            return Err(ReactionError::Wait { reason });
        }
        Ok(())
    }

    /// What the till does with a topic.
    pub fn reaction(&self, name: &'static str) -> Reaction {
        let mood = self.clone();
        Reaction::new(name, move |tx, message| {
            mood.runs.send_modify(|runs| *runs += 1);
            note(tx, name, message)?;
            // After the write, so that what is left half done is seen to be undone.
            mood.check(&message.subject)
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the till does with a message.
pub fn note(tx: &mut Tx<'_>, topic: &str, message: &Message) -> Result<(), StoreError> {
    let version = message
        .aggregateversion
        .unwrap_or(u64::from(message.attempt));
    let version = i64::try_from(version).unwrap();
    let subject = message.subject.as_str();
    let trace = message.traceparent.as_deref();
    let values = [topic.into(), subject.into(), version.into(), trace.into()];
    tx.execute_later(&NOTE, &values)
}

/// Keeps every failure; work is sent again at once until its third attempt, if `retrying`.
pub fn keep_failures(retrying: bool, runs: Arc<watch::Sender<u64>>) -> Reaction {
    Reaction::new(FAILURES, move |tx, message| {
        runs.send_modify(|runs| *runs += 1);
        let failure: Failure = message.data()?;
        let document = message.data.get();
        tx.execute(&KEEP, &[message.id.uuid().into(), document.into()])?;
        let is_work = failure.kind == contracts::dead_letters::FailureKind::Work;
        if retrying && is_work && failure.attempt < 3 {
            let mut again = Message::parse(&failure.document)?;
            again.attempt = failure.attempt;
            let now = failure.failed_at;
            let due = now
                .checked_add(std::time::Duration::from_millis(5))
                .unwrap();
            tx.send(&again.sending(TASKS, now, due)?)?;
        }
        Ok(())
    })
}

/// The id with this number.
pub fn id(number: u128) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(number))
}

/// An event about an order.
pub fn order(key: &str, version: u64, now: Timestamp) -> Message {
    let mut hash = u128::from(version);
    for byte in key.bytes() {
        hash = hash
            .wrapping_mul(0x100_0000_01b3)
            .wrapping_add(u128::from(byte));
    }
    let data = serde_json::json!({ "order": key, "version": version });
    let mut message = Message::work(
        id(hash),
        ("shop", key),
        ("shop.order_changed", 1),
        now,
        &data,
    )
    .unwrap();
    message.aggregateversion = Some(version);
    message.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
    message
}

/// A task.
pub fn task(number: u128, about: &str, now: Timestamp) -> Message {
    let data = serde_json::json!({ "about": about });
    Message::work(id(number), ("shop", about), (TASK, 1), now, &data).unwrap()
}

/// What the till noted of a topic, in its order.
pub async fn seen(store: &Store, topic: &'static str) -> Vec<(String, i64)> {
    let seen = store.read(move |tx| {
        let rows = tx.query(&SEEN, &[topic.into()])?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.int(1)?)))
            .collect()
    });
    seen.await.map_err(|error: StoreError| error).unwrap()
}

/// How much the till noted of a topic.
pub async fn seen_count(store: &Store, topic: &'static str) -> i64 {
    let count = store.read(move |tx| {
        let row = tx.query_one_opt(&SEEN_COUNT, &[topic.into()])?;
        row.unwrap().int(0)
    });
    count.await.map_err(|error: StoreError| error).unwrap()
}

/// The failures that were reported, in the order they came.
pub async fn failures(store: &Store) -> Vec<Failure> {
    let kept = store.read(|tx| {
        let rows = tx.query(&KEPT, &[])?;
        rows.iter().map(|row| row.text(0)).collect()
    });
    let kept: Vec<String> = kept.await.map_err(|error: StoreError| error).unwrap();
    let kept = kept
        .iter()
        .map(|document| serde_json::from_str(document).unwrap());
    kept.collect()
}

/// Makes the next change of an order, publishes it, and sends a task for it; answers its number.
pub async fn make(store: &Store, key: &str, now: Timestamp) -> i64 {
    let key = key.to_owned();
    let made: Result<i64, StoreError> = store
        .write(move |tx| {
            let row = tx.query_one_opt(&MAKE, &[key.as_str().into()])?;
            let made = row.unwrap().int(0)?;
            let version = u64::try_from(made).unwrap();
            let order = order(&key, version, now);
            tx.publish(&order.envelope(ORDERS).unwrap())?;
            let task = task(order.id.uuid().as_u128(), &format!("{key}/{made}"), now);
            tx.send(&task.sending(TASKS, now, now).unwrap())?;
            Ok(made)
        })
        .await;
    made.unwrap()
}

/// How often each order was changed.
pub async fn made(store: &Store) -> Vec<(String, i64)> {
    let made = store.read(|tx| {
        let rows = tx.query(&MADE, &[])?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.int(1)?)))
            .collect()
    });
    made.await.map_err(|error: StoreError| error).unwrap()
}

/// Tries what is dead again, as operators would decide.
pub async fn revive(store: &Store, keys: Vec<String>, now: Timestamp) {
    let revived: Result<(), StoreError> = store
        .write(move |tx| {
            for key in &keys {
                let head = tx.parked_next(ORDERS, key)?;
                if let Some(head) = head.filter(|head| head.dead) {
                    tx.parked_revive(head.id, None, now)?;
                }
            }
            Ok(())
        })
        .await;
    revived.unwrap();
}

/// Publishes a decision of the letters.
pub async fn decide(store: &Store, decision: Decision) {
    let message = Message::event(
        id(0xdec0 + u128::from(decision.revision)),
        &decision,
        decision.decided_at,
        None,
    );
    let envelope = message.unwrap().envelope(DECISIONS).unwrap();
    let published: Result<(), StoreError> = store.write(move |tx| tx.publish(&envelope)).await;
    published.unwrap();
}
