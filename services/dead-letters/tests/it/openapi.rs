//! The recorded description of the interface is what is served, and its examples work as written.
//!
//! When the interface is meant to change, the failing test says which file to copy where.

use testkit::{Interface, for_each_database};

use super::*;

fn interface(it: &Running) -> Interface {
    let about = "Messages that could not be handled, and what operators decide about them";
    Interface::of(&service(it.deps.clone()), about)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_the_recorded_one() {
    for_each_database(async |database| {
        let it = start(&database).await;
        interface(&it).assert_recorded();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_access_table_has_a_route() {
    for_each_database(async |database| {
        let it = start(&database).await;
        interface(&it).assert_declared();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_work_as_written() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let interface = interface(&it);
        let example = |name: &str| interface.example(name);
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
