//! How many messages a second go from an outbox over the embedded carrier into a consumer's table,
//! on one SQLite file: `cargo run --release -p broker --example throughput -- 100000`.
//!
//! One order of a hundred fails, so it also shows what a long run leaves behind. The events are
//! published before the clock starts; the number is that of reading, handling and committing.

use std::error::Error;
use std::sync::Arc;

use broker::{Carrier, Component, Consumer, Embedded, Message, Pattern, Reaction, ReactionError};
use broker::{MessageId, Settings, Topic};
use contracts::dead_letters::FAILURES;
use kit::codes;
use kit::time::{Clock, SystemClock};
use store::{Database, Envelope, Migration, Schema, SqliteFile, Statement, Store, StoreError};
use tokio::sync::watch;
use uuid::Uuid;

const ORDERS: &str = "shop.orders";
const NOTE: Statement = Statement {
    name: "till_note",
    sql: "INSERT INTO till_seen (key, version) VALUES (?1, ?2)",
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
    postgres: &[],
    statements: &[&NOTE],
};

/// How many orders there are, and how many events one transaction publishes.
const KEYS: u64 = 1_000;
const PUBLISHED_AT_ONCE: u64 = 500;

async fn publish(shop: &Store, messages: u64) -> Result<(), Box<dyn Error>> {
    let mut number = 0;
    while number < messages {
        let until = messages.min(number + PUBLISHED_AT_ONCE);
        let now = SystemClock.now();
        let mut events: Vec<Envelope> = Vec::new();
        for number in number..until {
            let key = format!("order-{}", number % KEYS);
            let id = MessageId::from_uuid(Uuid::from_u128(u128::from(number)));
            let data = serde_json::json!({ "order": key, "number": number });
            let of = ("shop", key.as_str());
            let mut event = Message::work(id, of, ("shop.order_changed", 1), now, &data)?;
            event.aggregateversion = Some(number / KEYS + 1);
            events.push(event.envelope(ORDERS)?);
        }
        number = until;
        shop.write(move |tx| tx.publish_many(&events))
            .await
            .map_err(|error: StoreError| error)?;
    }
    Ok(())
}

fn reaction(handled: Arc<watch::Sender<u64>>) -> Reaction {
    Reaction::new(ORDERS, move |tx, message| {
        handled.send_modify(|count| *count += 1);
        if message.subject.ends_with("99") && message.subject.len() == "order-999".len() {
            let code = &codes::ROW_MUST_KEEP_CONSTRAINTS;
            return Err(ReactionError::refused(code, "one of a hundred fails"));
        }
        let version = i64::try_from(message.aggregateversion.unwrap_or_default()).unwrap_or(0);
        tx.execute(&NOTE, &[message.subject.as_str().into(), version.into()])?;
        Ok(())
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let messages: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(100_000), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let file = SqliteFile::open(&folder.path().join("florin.db")).await?;
    let database = Database::Sqlite(file.clone());
    let shop = Store::open(&database, &SHOP, &[ORDERS]).await?;
    let till = Store::open(&database, &TILL, &[FAILURES]).await?;
    publish(&shop, messages).await?;

    let settings = Arc::new(Settings::default());
    let embedded = Embedded::new(settings.clone());
    embedded.register("shop", &shop);
    embedded.register("till", &till);
    let topic = Topic {
        name: ORDERS.to_owned(),
        pattern: Pattern::Events,
        publishers: vec!["shop".to_owned()],
        consumers: vec!["till".to_owned()],
    };
    embedded.declare(std::slice::from_ref(&topic)).await?;
    let component = Component {
        name: "till".into(),
        store: till.clone(),
        clock: Arc::new(SystemClock),
        settings,
    };
    let (stop, stopping) = watch::channel(false);
    let consumer = Consumer::new(component, topic, reaction(Arc::new(watch::Sender::new(0))))?;
    let started = SystemClock.now();
    let last = shop
        .outbox_events(Some(ORDERS), store::Position::default(), 1)
        .await?;
    assert!(!last.is_empty(), "there is something to handle");
    let run = consumer.run(Arc::new(embedded.clone()), stopping);
    let finished = async {
        let end = i64::try_from(messages)?;
        let mut changes = tokio::time::interval(std::time::Duration::from_millis(20));
        loop {
            changes.tick().await;
            let at = till.read(|tx| tx.cursor("shop", ORDERS)).await;
            if at.map_err(|error: StoreError| error)?.sequence >= end {
                break;
            }
        }
        let taken = SystemClock.now().since(started).unwrap_or_default();
        stop.send_replace(true);
        Ok::<_, Box<dyn Error>>(taken)
    };
    let ((), taken) = tokio::join!(run, finished);
    let taken = taken?;
    let parked = till.read(|tx| tx.parked_topic_count(ORDERS)).await;
    let parked = parked.map_err(|error: StoreError| error)?;
    embedded.trim(&SystemClock).await?;
    let depth = shop.outbox_depth().await?;
    let rate = u128::from(messages) * 1_000_000 / taken.as_micros().max(1);
    println!(
        "{messages} messages in {taken:?}: {rate} a second; {parked} parked, {} kept",
        depth.events
    );
    Ok(())
}
