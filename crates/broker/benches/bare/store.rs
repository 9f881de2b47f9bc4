//! PostgreSQL without a store: an event appended in a transaction of its own, as a store does it,
//! over as many connections as a store has.

use std::time::Duration;

use kit::time::{Clock as _, SystemClock};
use store::Envelope;
use testkit::postgres::private_database;
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

use crate::toys;

/// Connections of a store to PostgreSQL, unless told otherwise.
const CONNECTIONS: usize = 8;
/// What a store sends for one event that is published alone, all in one exchange.
const BEGIN: &str = "START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ WRITE";
const APPEND: &str = "INSERT INTO shop.shop_outbox (id, topic, key, version, payload, created) \
    VALUES ($1, $2, $3, $4, $5, $6)";

/// How long it takes to append so many events.
pub async fn one_insert_per_transaction(events: usize) -> Duration {
    let database = private_database().await;
    database
        .migrate(&toys::SHOP)
        .await
        .expect("a new database takes the tables");
    let address = database.login_url("shop").await;
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let connected = tokio_postgres::connect(&address, NoTls).await;
        let (client, connection) = connected.expect("the server takes connections");
        tokio::spawn(connection);
        clients.push(client);
    }
    let started = SystemClock.now();
    let mut writers = JoinSet::new();
    for (writer, client) in clients.into_iter().enumerate() {
        writers.spawn(async move {
            let append = client.prepare(APPEND).await.expect("the table is there");
            for event in (writer..events).step_by(CONNECTIONS) {
                append_alone(
                    &client,
                    &append,
                    crate::envelope(event, 1, SystemClock.now()),
                )
                .await;
            }
        });
    }
    writers.join_all().await;
    crate::since(started)
}

async fn append_alone(client: &Client, append: &tokio_postgres::Statement, event: Envelope) {
    let version = i64::try_from(event.version).expect("a small version");
    let created = event.created.micros();
    let values: [&(dyn ToSql + Sync); 6] = [
        &event.id,
        &event.topic,
        &event.key,
        &version,
        &event.document,
        &created,
    ];
    let appended = client.execute(append, &values);
    // Polled in this order, so sent in this order, before any is answered.
    let (begin, commit) = (client.batch_execute(BEGIN), client.batch_execute("COMMIT"));
    tokio::try_join!(biased; begin, appended, commit).expect("the server takes events");
}
