//! Stopping: no request fails, what cannot end is cut off and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use host::Stop;
use testkit::{TestApp, together};
use tokio::sync::Semaphore;
use web::Role;

use crate::toy::{self, Waiting};

/// Calls until it is asked to leave, as a balancer does; every answer must be good.
async fn load(app: &TestApp, begun: &Semaphore) -> u32 {
    // A client of its own, so that every loop keeps its own connection.
    let client = reqwest::Client::new();
    let url = format!("{}/toy/v1/things", app.url());
    let token = app.token(Role::Operator, "alice");
    let mut answers = 0;
    loop {
        let response = client.get(&url).bearer_auth(&token).send().await;
        let response = response.expect("no request fails while the host drains");
        assert_eq!(response.status(), 200);
        let leave = response
            .headers()
            .get("connection")
            .is_some_and(|value| value == "close");
        assert_eq!(response.text().await.unwrap(), "alice");
        answers += 1;
        begun.add_permits(1);
        if leave {
            return answers;
        }
    }
}

#[tokio::test]
async fn no_request_fails_under_load() {
    const LOOPS: u32 = 16;
    let mut world = toy::world().await;
    world.settings.drain_notice = Duration::from_secs(20);
    let waiting = Waiting::default();
    let app = world.start(vec![toy::waiting(&waiting)]).await;
    let begun = Semaphore::new(0);
    let long = app
        .get("/toy/v1/wait")
        .caller(Role::Operator, "alice")
        .send();
    let stop = async {
        waiting.entered.notified().await;
        let _ = begun.acquire_many(LOOPS * 4).await.unwrap();
        app.running().begin_stop();
        // During the notice the doors are open, and readiness says not to come.
        loop {
            let ready = app.get("/readyz").send().await;
            if ready.status == 503 {
                assert_eq!(ready.code(), "service_must_not_be_draining");
                break;
            }
        }
        waiting.release.notify_one();
    };
    let loops = together((0..LOOPS).map(|_| load(&app, &begun)));
    let (answers, long, ()) = tokio::join!(loops, long, stop);
    assert!(answers.iter().all(|count| *count >= 1), "{answers:?}");
    assert_eq!(long.expect(200).text, "waited");
    let (_, drained) = app.stop().await;
    assert_eq!(drained.connections_cut, 0);
}

#[tokio::test]
async fn what_does_not_end_is_cut_off_and_counted() {
    let mut world = toy::world().await;
    world.settings.drain_timeout = Duration::from_millis(20);
    let waiting = Waiting::default();
    let app = world.start(vec![toy::waiting(&waiting)]).await;
    let client = reqwest::Client::new();
    let url = format!("{}/toy/v1/wait", app.url());
    let call = client
        .get(url)
        .bearer_auth(app.token(Role::Operator, "alice"))
        .send();
    let stop = async {
        waiting.entered.notified().await;
        app.stop().await.1
    };
    tokio::select! {
        drained = stop => assert_eq!(drained.connections_cut, 1),
        answer = call => panic!("answered without a release: {answer:?}"),
    }
}

#[tokio::test]
async fn services_stop_after_the_last_request() {
    let (order, stopped) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (count, flag) = (order.clone(), stopped.clone());
    let stop = Stop::new("writer", move || {
        count.fetch_add(1, Ordering::SeqCst);
        flag.store(true, Ordering::SeqCst);
        async { Ok(()) }
    });
    let app = toy::world()
        .await
        .start(vec![toy::service().stop(stop)])
        .await;
    app.get("/toy/v1/things")
        .caller(Role::Operator, "alice")
        .send()
        .await
        .expect(200);
    assert!(!stopped.load(Ordering::SeqCst));
    let url = app.url();
    app.stop().await;
    assert!(stopped.load(Ordering::SeqCst));
    assert_eq!(order.load(Ordering::SeqCst), 1);
    assert!(reqwest::get(format!("{url}/livez")).await.is_err());
}
