//! The recorded description of the interface is what is served, and its examples work as written.
//!
//! When the interface is meant to change, the failing test says which file to copy where.

use std::path::Path;

use serde_json::Value;
use testkit::{assert_recorded, for_each_database};
use web::{AccessTable, openapi};

use super::*;

/// The description of the service that serves.
fn description(it: &Running) -> Value {
    let api = service(it.deps.clone()).router.get_openapi().clone();
    serde_json::from_str(&text(api)).expect("the description is JSON")
}

fn text(api: utoipa::openapi::OpenApi) -> String {
    let title = "Florin notifications";
    openapi::text(&openapi::finish(
        api,
        title,
        "Templates, messages, and each customer's mailbox",
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_the_recorded_one() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let api = service(it.deps.clone()).router.get_openapi().clone();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert_recorded(&root.join("docs/openapi/notifications.json"), &text(api));
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
        let own = rows.filter(|(_, path)| path.starts_with("/notifications/"));
        let own: Vec<_> = own.cloned().collect();
        assert!(own.iter().all(|row| routes.contains(row)), "{own:?}");
        assert_eq!(own.len(), routes.len());
        let used = it
            .app
            .world
            .topology
            .check_used(service.name, &service.edges);
        assert_eq!(used, Ok(()), "what the topology declares is done");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_work_as_written() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let description = description(&it);
        let example = |name: &str| description["components"]["schemas"][name]["example"].clone();
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
