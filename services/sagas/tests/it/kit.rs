//! Two sagas with every fault there is, on both databases.

use testkit::for_each_database;
use testkit::sagas::{Build, Engine, play_with_every_fault};

use super::*;

/// The service as it ships, with the definition under test.
const BUILD: Build = |engine: Engine| {
    Box::pin(async move {
        let service = service(Deps {
            store: engine.store,
            clock: engine.clock,
            ids: engine.ids,
            definitions: engine.definitions,
            topics: engine.edges.publishes,
            kept_days: Deps::KEPT_DAYS,
        });
        let service = service.await.expect("every definition is there");
        service.edges(engine.edges)
    })
};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_ends_clean_whatever_goes_wrong() {
    for_each_database(async |database| {
        play_with_every_fault(&database, load(ORDER), BUILD).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_steps_at_four_participants_end_clean_whatever_goes_wrong() {
    for_each_database(async |database| {
        play_with_every_fault(&database, load(SHIPMENT), BUILD).await;
    })
    .await;
}
