//! Liveness, readiness, keys, and where metrics are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use host::{Readiness, WorkError};
use kit::time::Clock;
use store::{Schema, Store};

use crate::toy;

const SCHEMA: Schema = Schema {
    service: "toy",
    sqlite: &[],
    postgres: &[],
    statements: &[],
};

#[tokio::test]
async fn readiness_names_what_is_missing_and_liveness_does_not_care() {
    let up = Arc::new(AtomicBool::new(true));
    let check = up.clone();
    let readiness = Readiness::new("engine", move || {
        let up = check.load(Ordering::Relaxed);
        async move {
            if up {
                Ok(())
            } else {
                Err(WorkError::from("password=hunter2"))
            }
        }
    });
    let app = toy::world()
        .await
        .start(vec![toy::service().ready(readiness)])
        .await;
    app.get("/readyz").send().await.expect(200);
    up.store(false, Ordering::Relaxed);
    let answer = app.get("/readyz").send().await.expect(503);
    assert_eq!(answer.code(), "service_must_be_ready");
    assert_eq!(answer.json["errors"][0]["pointer"], "toy.engine");
    assert!(!answer.text.contains("hunter2"));
    app.get("/livez").send().await.expect(200);
}

#[tokio::test]
async fn without_its_database_a_process_lives_and_is_not_ready() {
    let world = toy::world().await;
    let store = Store::open(&world.database, &SCHEMA, &[]).await.unwrap();
    let clock: Arc<dyn Clock> = world.clock();
    let app = world
        .start(vec![toy::service().stored(&store, &clock)])
        .await;
    app.get("/readyz").send().await.expect(200);
    if let store::Database::Sqlite(file) = &app.world.database {
        file.close().await;
    }
    let answer = app.get("/readyz").send().await.expect(503);
    assert_eq!(answer.json["errors"][0]["pointer"], "toy.store");
    app.get("/livez").send().await.expect(200);
}

#[tokio::test]
async fn public_keys_are_published_and_only_those() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    let answer = app.get("/.well-known/jwks.json").send().await.expect(200);
    let key = answer.json["keys"][0].as_object().unwrap();
    assert_eq!(key["crv"], "Ed25519");
    assert!(!key.contains_key("d"));
}

#[tokio::test]
async fn metrics_have_their_own_listener_where_one_is_given() {
    let mut world = toy::world().await;
    world.settings.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    let app = world.start(vec![toy::service()]).await;
    app.get("/metrics").send().await.expect(404);
    let address = app.running().metrics_address().unwrap();
    let response = reqwest::get(format!("http://{address}/metrics"))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let other = reqwest::get(format!("http://{address}/livez"))
        .await
        .unwrap();
    assert_eq!(other.status(), 404);
}

#[tokio::test]
async fn metrics_are_not_on_a_listener_that_others_reach() {
    let mut world = toy::world().await;
    world.settings.listen = "0.0.0.0:0".parse().unwrap();
    let app = world.start(vec![toy::service()]).await;
    let port = app.running().address().port();
    let response = reqwest::get(format!("http://127.0.0.1:{port}/metrics"))
        .await
        .unwrap();
    assert_eq!(response.status(), 404);
}
