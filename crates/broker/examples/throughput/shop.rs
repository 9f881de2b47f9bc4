//! The shop that publishes, the till that handles, and the letters that send again: their tables,
//! their topics, and what they do.

use std::sync::Arc;
use std::time::Duration;

use broker::{Message, MessageId, Pattern, Reaction, ReactionError, Topic};
use contracts::dead_letters::{FAILURES, Failure, FailureKind};
use kit::codes;
use kit::time::{Clock, SystemClock, Timestamp};
use store::{
    Database, Envelope, Migration, Schema, SqliteFile, Statement, Store, StoreError, Work,
};
use testkit::postgres::private_database;
use tokio::sync::watch;
use uuid::Uuid;

use crate::Outcome;

pub const ORDERS: &str = "shop.orders";
pub const TASKS: &str = "till.tasks";

const NOTE: Statement = Statement {
    name: "till_note",
    sql: "INSERT INTO till_seen (key, version) VALUES (?1, ?2)",
};
pub const SEEN: Statement = Statement {
    name: "till_seen",
    sql: "SELECT count(*) FROM till_seen",
};
pub const TILL_ROWS: Statement = Statement {
    name: "till_rows",
    sql: "SELECT (SELECT count(*) FROM till_inbox), (SELECT count(*) FROM till_inbox_work), \
          (SELECT count(*) FROM till_parked), (SELECT count(*) FROM till_parked_topics), \
          (SELECT count(*) FROM till_cursors), (SELECT count(*) FROM till_leases)",
};
pub const LETTERS_ROWS: Statement = Statement {
    name: "letters_rows",
    sql: "SELECT (SELECT count(*) FROM letters_inbox), \
          (SELECT count(*) FROM letters_inbox_work), (SELECT count(*) FROM letters_parked), \
          (SELECT count(*) FROM letters_parked_topics), \
          (SELECT count(*) FROM letters_cursors), (SELECT count(*) FROM letters_leases)",
};
const SHOP: Schema = Schema {
    service: "shop",
    sqlite: &[],
    postgres: &[],
    statements: &[],
};
const TILL: Schema = Schema {
    service: "till",
    sqlite: &[Migration {
        name: "V1__till",
        sql: "CREATE TABLE till_seen (place INTEGER PRIMARY KEY, key TEXT, version INTEGER) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__till",
        sql: "CREATE TABLE till_seen (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
              key text, version bigint)",
    }],
    statements: &[&NOTE, &SEEN, &TILL_ROWS],
};
const LETTERS: Schema = Schema {
    service: "letters",
    sqlite: &[],
    postgres: &[],
    statements: &[&LETTERS_ROWS],
};
const SCHEMAS: [(&Schema, &[&str]); 3] = [
    (&SHOP, &[ORDERS, TASKS]),
    (&TILL, &[FAILURES]),
    (&LETTERS, &[TASKS]),
];

/// How many orders there are, and how many messages one transaction publishes.
pub const KEYS: u64 = 1_000;
const PUBLISHED_AT_ONCE: u64 = 500;

/// How far publishing may be ahead of handling.
const AHEAD: u64 = 50_000;

pub fn topics() -> [Topic; 3] {
    let topic = |name: &str, pattern, publishers: &[&str], consumer: &str| Topic {
        name: name.to_owned(),
        pattern,
        publishers: publishers.iter().map(|name| (*name).to_owned()).collect(),
        consumers: vec![consumer.to_owned()],
    };
    [
        topic(ORDERS, Pattern::Events, &["shop"], "till"),
        topic(TASKS, Pattern::Work, &["shop", "letters"], "till"),
        topic(FAILURES, Pattern::Work, &["till"], "letters"),
    ]
}

/// Whether an order is one of the hundredth that fails.
fn fails(order: &str) -> bool {
    order.len() == "order-999".len() && order.ends_with("99") || order == "order-99"
}

/// One of ten is a task, about an order of which the hundredth part fails too.
fn is_task(number: u64) -> bool {
    number % 10 == 9
}

/// The events and the task of a number of messages, in their order.
fn portion(from: u64, until: u64, now: Timestamp) -> Outcome<(Vec<Envelope>, Vec<Work>)> {
    let (mut events, mut tasks) = (Vec::new(), Vec::new());
    for number in from..until {
        let id = MessageId::from_uuid(Uuid::from_u128(u128::from(number)));
        let data = serde_json::json!({ "number": number });
        // Of each kind the orders come in turn.
        let (of_kind, kind) = match is_task(number) {
            true => (number / 10, "till.do_task"),
            false => (number / 10 * 9 + number % 10, "shop.order_changed"),
        };
        let key = format!("order-{}", of_kind % KEYS);
        let mut message = Message::work(id, ("shop", &key), (kind, 1), now, &data)?;
        if is_task(number) {
            tasks.push(message.sending(TASKS, now, now)?);
        } else {
            message.aggregateversion = Some(of_kind / KEYS + 1);
            events.push(message.envelope(ORDERS)?);
        }
    }
    Ok((events, tasks))
}

pub async fn publish(
    shop: &Store,
    messages: u64,
    mut handled: watch::Receiver<u64>,
) -> Outcome<()> {
    let mut number = 0;
    while number < messages {
        handled
            .wait_for(|handled| number <= handled + AHEAD)
            .await?;
        let until = messages.min(number + PUBLISHED_AT_ONCE);
        let (events, tasks) = portion(number, until, SystemClock.now())?;
        let published = shop.write(move |tx| {
            tx.publish_many(&events)?;
            tx.send_many(&tasks)
        });
        published.await.map_err(|error: StoreError| error)?;
        number = until;
    }
    Ok(())
}

/// What the till does with an order or a task.
pub fn handle(topic: &str, handled: Arc<watch::Sender<u64>>) -> Reaction {
    Reaction::new(topic, move |tx, message| {
        handled.send_modify(|handled| *handled += 1);
        if fails(&message.subject) && message.attempt == 0 {
            let code = &codes::ROW_MUST_KEEP_CONSTRAINTS;
            return Err(ReactionError::refused(code, "one of a hundred fails"));
        }
        let version = i64::try_from(message.aggregateversion.unwrap_or_default()).unwrap_or(0);
        tx.execute(&NOTE, &[message.subject.as_str().into(), version.into()])?;
        Ok(())
    })
}

/// Sends a task that failed again, for a little later.
pub fn send_again() -> Reaction {
    Reaction::new(FAILURES, |tx, message| {
        let failure: Failure = message.data()?;
        if failure.kind == FailureKind::Work {
            let mut again = Message::parse(&failure.document)?;
            again.attempt = failure.attempt;
            let now = SystemClock.now();
            let due = now.checked_add(Duration::from_secs(1)).unwrap_or(now);
            tx.send(&again.sending(TASKS, now, due)?)?;
        }
        Ok(())
    })
}

/// The stores, and what must live as long as they do.
pub async fn open(postgres: bool) -> Outcome<([Store; 3], Box<dyn std::any::Any>)> {
    let mut stores = Vec::new();
    let kept: Box<dyn std::any::Any> = if postgres {
        let private = private_database().await;
        for (schema, topics) in SCHEMAS {
            private.migrate(schema).await?;
            let database = private.database(schema.service).await;
            stores.push(Store::open(&database, schema, topics).await?);
        }
        Box::new(private)
    } else {
        let folder = tempfile::tempdir()?;
        let file = SqliteFile::open(&folder.path().join("florin.db")).await?;
        for (schema, topics) in SCHEMAS {
            let database = Database::Sqlite(file.clone());
            stores.push(Store::open(&database, schema, topics).await?);
        }
        Box::new(folder)
    };
    let stores = stores.try_into().ok().expect("a store for each schema");
    Ok((stores, kept))
}
