//! The recorded description of the interface is what is served, and its examples work as written.
//!
//! When the interface is meant to change, the failing test says which file to copy where.

use std::path::Path;

use host::Topology;
use serde_json::Value;
use testkit::{assert_recorded, for_each_database};
use web::{AccessTable, openapi};

use super::*;

async fn described(it: &Running) -> String {
    let service = service(it.deps.clone())
        .await
        .expect("every definition is there");
    let api = service.router.get_openapi().clone();
    let about = "Sagas: starting, their timelines, retrying and cancelling";
    openapi::text(&openapi::finish(api, "Florin sagas", about))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_the_recorded_one() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert_recorded(&root.join("docs/openapi/sagas.json"), &described(&it).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_access_table_has_a_route() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let service = service(it.deps.clone())
            .await
            .expect("every definition is there");
        let routes = openapi::routes(service.router.get_openapi());
        let rows = AccessTable::embedded().rows().map(|(route, _)| route);
        let own = rows.filter(|(_, path)| path.starts_with("/sagas/"));
        let own: Vec<_> = own.cloned().collect();
        assert!(own.iter().all(|row| routes.contains(row)), "{own:?}");
        assert_eq!(own.len(), routes.len());
        let known = Topology::parse(include_str!("../../../../topology.toml"));
        let known = known.expect("a test of the host parses it");
        let used = known.check_used(service.name, &service.edges);
        assert_eq!(used, Ok(()), "what the topology declares is done");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_work_as_written() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let description: Value = serde_json::from_str(&described(&it).await).expect("it is JSON");
        let example = |name: &str| description["components"]["schemas"][name]["example"].clone();
        let begun = it
            .write(DEALS, REGISTER, "1", &example("RegisterSaga"))
            .await;
        assert_eq!(begun.expect(201).json, example("SagaSummary"));
        let path = format!("{SAGAS}/saga_01jwqt8vr0e5zb4s9gc0dqf3xa");
        let saga = it.read(AUDITOR, &path).await.expect(200).json;
        assert_eq!(saga["steps"][0], example("SagaStep"));
        let change = &example("SagaChange");
        assert_eq!(saga["timeline"][0]["lines"][0], change["lines"][0]);
        let cancel = format!("{path}/cancel");
        it.write(OPERATOR, &cancel, "2", &example("CancelSaga"))
            .await
            .expect(200);
    })
    .await;
}
