//! The recorded description of the interface is what is served.
//!
//! When the interface is meant to change, the failing test says which file to copy where.

use std::path::Path;

use testkit::assert_recorded;
use web::{AccessTable, openapi};

use super::*;

async fn description() -> utoipa::openapi::OpenApi {
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
    service(deps)
        .expect("the journals can be opened")
        .router
        .get_openapi()
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_the_recorded_one() {
    let about = "Books, accounts, transactions and holds; the journal and its proof";
    let api = openapi::finish(description().await, "Florin ledger", about);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    assert_recorded(&root.join("docs/openapi/ledger.json"), &openapi::text(&api));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_access_table_has_a_route() {
    let routes = openapi::routes(&description().await);
    let rows = AccessTable::embedded().rows().map(|(route, _)| route);
    let own: Vec<_> = rows
        .filter(|(_, path)| path.starts_with("/ledger/"))
        .cloned()
        .collect();
    assert!(own.iter().all(|row| routes.contains(row)), "{own:?}");
    assert_eq!(own.len(), routes.len());
}
