//! Which definitions a process may start with.

use saga::engine::Error;
use store::StoreError;
use testkit::for_each_database;

use super::*;

async fn refused(deps: Deps) -> Error {
    match service(deps).await {
        Ok(_) => panic!("the service started"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_version_that_sagas_are_on_is_refused_by_name() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.with_saga("1").await;
        let empty = Deps {
            definitions: Arc::new(sagas::shipped().expect("what ships keeps every rule")),
            ..it.deps.clone()
        };
        let error = refused(empty).await.to_string();
        assert!(
            error.contains("definition=manual_create_order version=1"),
            "{error}"
        );
        let second = load(&ORDER.replace("version = 1", "version = 2"));
        let mut both = Definitions::new();
        both.add(load(ORDER)).expect("it is the first");
        both.add(second).expect("it is the second");
        let both = Deps {
            definitions: Arc::new(both),
            ..it.deps.clone()
        };
        service(both).await.expect("every version is there");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_says_something_else_than_before_is_refused_by_name() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let changed = ORDER.replace("deadline_ms = 60_000", "deadline_ms = 61_000");
        let mut definitions = Definitions::new();
        definitions.add(load(&changed)).expect("it is the first");
        let changed = Deps {
            definitions: Arc::new(definitions),
            ..it.deps.clone()
        };
        let error = refused(changed).await;
        assert!(
            matches!(error, Error::VersionMustNotChange { version: 1, .. }),
            "{error}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_without_a_topic_is_refused_by_name() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let deps = Deps {
            topics: sagas::EDGES.publishes,
            ..it.deps.clone()
        };
        let error = refused(deps).await;
        let undeclared = matches!(error, Error::Store(StoreError::UndeclaredTopic { .. }));
        assert!(undeclared, "{error}");
    })
    .await;
}

#[test]
fn the_topic_of_the_contract_is_that_of_the_engine() {
    assert_eq!(contracts::sagas::EVENTS, saga::wire::EVENTS);
}
