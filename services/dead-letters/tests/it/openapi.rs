//! The recorded description of the interface is what is served, and its examples work as written.
//!
//! When the interface is meant to change, the failing test says which file to copy where.

use std::path::Path;

use testkit::{assert_recorded, for_each_database};
use web::{AccessTable, openapi};

use super::*;

fn described(it: &Running) -> String {
    let api = service(it.deps.clone()).router.get_openapi().clone();
    let title = "Florin dead letters";
    let about = "Messages that could not be handled, and what operators decide about them";
    openapi::text(&openapi::finish(api, title, about))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_the_recorded_one() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let recorded = root.join("docs/openapi/dead-letters.json");
        assert_recorded(&recorded, &described(&it));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_access_table_has_a_route() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let service = service(it.deps.clone());
        let routes = openapi::routes(service.router.get_openapi());
        let rows = AccessTable::embedded().rows().map(|(route, _)| route);
        let own = rows.filter(|(_, path)| path.starts_with("/dead-letters/"));
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
        let description: Value = serde_json::from_str(&described(&it)).expect("it is JSON");
        let example = |name: &str| description["components"]["schemas"][name]["example"].clone();
        let edit = example("EditLetter");
        let document = text(&edit, "document");
        let message = Message::parse(&document).expect("the example is a message");
        let failed = Failure {
            message_id: Some(message.id),
            message_type: Some(message.kind.clone()),
            document: document.replace("red", "rde"),
            ..failure(&it)
        };
        it.report(&failed).await;
        let id = text(&it.only("open").await, "id");
        let path = format!("{LETTERS}/{id}/edit");
        let call = it.app.post(&path).caller(OPERATOR.0, OPERATOR.1).key("1");
        let edited = call.header("if-match", "\"1\"").json(&edit).send().await;
        edited.expect(200);
        it.report(&failure(&it)).await;
        it.report(&failure(&it)).await;
        let bulk = it
            .write(OPERATOR, REDRIVES, "2", &example("RedriveLetters"))
            .await;
        assert_eq!(bulk.expect(200).json, example("Redriven"));
        it.report(&failure(&it)).await;
        let id = text(&it.only("open").await, "id");
        let path = format!("{LETTERS}/{id}/redrive");
        it.write(OPERATOR, &path, "3", &example("Decide"))
            .await
            .expect(200);
        let config = example("EventConfig");
        let path = format!("{CONFIGS}/{}", text(&config, "name"));
        let call = it.app.call(reqwest::Method::PUT, &path).key("4");
        let call = call.caller(OPERATOR.0, OPERATOR.1);
        let put = call.json(&example("PutEventConfig")).send().await;
        assert_eq!(put.expect(201).json, config);
    })
    .await;
}
