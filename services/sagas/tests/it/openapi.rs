//! The recorded description of the interface is what is served, and its examples work as written.
//!
//! When the interface is meant to change, the failing test says which file to copy where.

use testkit::{Interface, for_each_database};

use super::*;

async fn interface(it: &Running) -> Interface {
    let service = service(it.deps.clone()).await;
    let about = "Sagas: starting, their timelines, retrying and cancelling";
    Interface::of(&service.expect("every definition is there"), about)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_the_recorded_one() {
    for_each_database(async |database| {
        let it = start(&database).await;
        interface(&it).await.assert_recorded();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_access_table_has_a_route() {
    for_each_database(async |database| {
        let it = start(&database).await;
        interface(&it).await.assert_declared();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_work_as_written() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let interface = interface(&it).await;
        let example = |name: &str| interface.example(name);
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
