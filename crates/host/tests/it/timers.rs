//! Timers run when fired, one at a time, and survive what their work does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use host::{FireError, Timer, WorkError};
use testkit::together;
use tokio::sync::Notify;

use crate::toy;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn runs_of_one_timer_never_overlap() {
    let (running, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (now, peak) = (running.clone(), most.clone());
    let timer = Timer::new("work", HOUR, move || {
        let (now, peak) = (now.clone(), peak.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let app = toy::world()
        .await
        .start(vec![toy::service().timer(timer)])
        .await;
    let runs = together((0..10).map(|_| app.fire("toy.work"))).await;
    assert!(runs.iter().all(Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failure_and_a_panic_are_failures_and_the_timer_goes_on() {
    let runs = Arc::new(AtomicU32::new(0));
    let count = runs.clone();
    let timer = Timer::new("work", HOUR, move || {
        let run = count.fetch_add(1, Ordering::SeqCst);
        async move {
            match run {
                0 => Err(WorkError::from("the wind")),
                1 => panic!("the storm"),
                _ => Ok(()),
            }
        }
    });
    let app = toy::world()
        .await
        .start(vec![toy::service().timer(timer)])
        .await;
    let failed = app.fire("toy.work").await.unwrap_err();
    assert_eq!(failed.to_string(), "timer must succeed: toy.work: the wind");
    assert!(matches!(
        app.fire("toy.work").await,
        Err(FireError::Failed { .. })
    ));
    app.fire("toy.work").await.unwrap();
    assert!(matches!(
        app.fire("toy.other").await,
        Err(FireError::Unknown(_))
    ));
}

#[tokio::test]
async fn timers_run_by_themselves_where_they_are_let() {
    let ran = Arc::new(Notify::new());
    let signal = ran.clone();
    let timer = Timer::new("work", Duration::from_millis(1), move || {
        signal.notify_one();
        async { Ok(()) }
    });
    let mut world = toy::world().await;
    world.settings.timers = true;
    let app = world.start(vec![toy::service().timer(timer)]).await;
    ran.notified().await;
    ran.notified().await;
    app.stop().await;
}
