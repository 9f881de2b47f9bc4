//! What the host answers by itself: too much at once, too long, too late.

use std::time::Duration;

use kit::codes;
use testkit::World;

use super::{Seen, provoked, start_faults};

pub async fn refused(seen: &mut Seen) {
    let mut world = World::sqlite().await;
    world.settings.request_timeout = Duration::from_millis(20);
    let (app, _) = start_faults(world).await;
    let waits = provoked(&app, "wait");
    seen.refused(waits, &codes::REQUEST_MUST_END_IN_TIME).await;

    let mut world = World::sqlite().await;
    world.settings.requests_max = 1;
    // Longer than the test takes: the notice ends with the last connection.
    world.settings.drain_notice = Duration::from_secs(20);
    let (app, faults) = start_faults(world).await;
    let others = async {
        faults.entered.notified().await;
        let second = provoked(&app, "wait");
        seen.refused(second, &codes::LOAD_MUST_BE_WITHIN_LIMIT)
            .await;
        app.running().begin_stop();
        // The host hears of it on a task of its own.
        let draining = loop {
            let ready = app.get("/readyz").send().await;
            if ready.status != 200 {
                break ready;
            }
        };
        seen.note(&draining, &codes::SERVICE_MUST_NOT_BE_DRAINING);
        faults.release.notify_one();
    };
    let (held, ()) = tokio::join!(provoked(&app, "wait").send(), others);
    held.expect(200);
    app.stop().await;
}
