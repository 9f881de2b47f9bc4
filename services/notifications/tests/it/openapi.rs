//! The recorded description of the interface is what is served, and its examples work as written.
//!
//! When the interface is meant to change, the failing test says which file to copy where.

use testkit::{Interface, for_each_database};

use super::*;

fn interface(it: &Running) -> Interface {
    let about = "Templates, messages, and each customer's mailbox";
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
        let template = it
            .write(OPERATOR, TEMPLATES, "1", &example("CreateTemplate"))
            .await;
        template.expect(201);
        let path = format!("{TEMPLATES}/deal-executed/preview");
        let preview = it
            .write(OPERATOR, &path, "2", &example("PreviewTemplate"))
            .await;
        assert_eq!(preview.expect(200).json, example("Preview"));
        let sent = it
            .write(DEALS, MESSAGES, "3", &example("SendMessage"))
            .await
            .expect(201)
            .json;
        assert_eq!(sent["body"], example("Preview")["body"]);
        let listed = it.read(SUPPORT, TEMPLATES).await.expect(200).json;
        assert_eq!(listed["items"][0], example("TemplateSummary"));
        let loaded = it
            .read(SUPPORT, &format!("{TEMPLATES}/deal-executed"))
            .await
            .expect(200);
        let line = with(
            example("HistoryLine"),
            json!({ "changed_at": "2025-06-02T09:00:00.000000Z" }),
        );
        assert_eq!(loaded.json["history"][0], line);
    })
    .await;
}
