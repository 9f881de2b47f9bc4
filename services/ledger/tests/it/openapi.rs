//! The recorded description of the interface is what is served.
//!
//! When the interface is meant to change, the failing test says which file to copy where.

use testkit::Interface;

use super::*;

async fn interface() -> Interface {
    let world = World::sqlite().await;
    let store = Store::open(&world.database, &SCHEMA, &[]).await;
    let deps = Deps {
        store: store.expect("the tables of every service can be made"),
        journals: sqlite(&folder(&world)),
        clock: world.clock(),
        zone: Zone::utc(),
        limits: Limits::default(),
        export_rows_max: Deps::EXPORT_ROWS_MAX,
        fatal: watch::Sender::new(None),
    };
    let about = "Books, accounts, transactions and holds; the journal and its proof";
    Interface::of(&service(deps).expect("the journals can be opened"), about)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_the_recorded_one() {
    interface().await.assert_recorded();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_access_table_has_a_route() {
    interface().await.assert_declared();
}
