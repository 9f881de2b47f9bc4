//! What many messages leave behind: every table within its bound.

use kit::time::{Clock, SystemClock};
use store::{Envelope, StoreError};

use crate::rig::on_every_rig;
use crate::toys::{self, ORDERS};

/// How many orders, each changed so often; one of a hundred fails. The constants may be
/// raised for a longer run.
const KEYS: u64 = 200;
const VERSIONS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_of_which_some_fail_leave_only_what_waits_for_a_decision() {
    on_every_rig(async |mut rig| {
        let failing = KEYS / 100;
        for key in 0..failing {
            rig.mood.refuse(&format!("order-{key}"));
        }
        rig.start();
        for version in 1..=VERSIONS {
            let now = SystemClock.now();
            let orders = (0..KEYS).map(|key| toys::order(&format!("order-{key}"), version, now));
            let events: Vec<Envelope> = orders
                .map(|order| order.envelope(ORDERS).unwrap())
                .collect();
            let published: Result<(), StoreError> = rig
                .shop
                .store
                .write(move |tx| tx.publish_many(&events))
                .await;
            published.unwrap();
        }
        let handled = i64::try_from((KEYS - failing) * VERSIONS).unwrap();
        rig.until_seen(ORDERS, handled).await;
        rig.until("parking", async || rig.parked().await == failing * VERSIONS)
            .await;
        rig.until_failures(usize::try_from(failing).unwrap()).await;
        let (shop, till) = (&rig.shop.store, &rig.till.store);
        rig.until("empty outboxes", async || {
            let depth = shop.outbox_depth().await.unwrap();
            // Embedded, the newest events stay for replay; these are fewer than those kept.
            let kept = if rig.carrier.reads_outboxes() {
                KEYS * VERSIONS
            } else {
                0
            };
            let reports = till.outbox_depth().await.unwrap();
            (depth.events, depth.work, reports.delayed) == (kept, 0, 0) && reports.work <= 1
        })
        .await;
        rig.stop().await;
        assert_eq!(toys::seen_count(&rig.till.store, ORDERS).await, handled);
    })
    .await;
}
