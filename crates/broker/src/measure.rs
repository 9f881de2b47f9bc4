//! What is measured: names and labels of the broker's metrics, in one place.
//!
//! Promises: labels come from the topology and from this source only, so their number is bounded.

use kit::time::Timestamp;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use store::{OUTBOX_ROWS_MAX, OutboxDepth, Store, StoreError};

/// A carrier, a store behind it, or a relay's lease failed; by carrier.
pub(crate) fn carrier_failed(carrier: &'static str) {
    counter!("florin_carrier_failures_total", "carrier" => carrier).increment(1);
}

/// Messages that a carrier confirmed.
pub(crate) fn published(service: &str) -> Counter {
    counter!("florin_messages_published_total", "service" => service.to_owned())
}

/// The meters of one consumer of one topic. Made when it runs, as the recorder is installed by
/// then.
pub(crate) struct Meters {
    pub(crate) handled: Counter,
    pub(crate) repeated: Counter,
    pub(crate) parked: Counter,
    pub(crate) reported: Counter,
    pub(crate) age: Histogram,
    pub(crate) parked_events: Gauge,
}

impl Meters {
    pub(crate) fn new(topic: &str, consumer: &str) -> Self {
        let (topic, consumer) = (topic.to_owned(), consumer.to_owned());
        let result = |result: &'static str| {
            counter!(
                "florin_messages_handled_total",
                "topic" => topic.clone(), "consumer" => consumer.clone(), "result" => result
            )
        };
        Self {
            handled: result("handled"),
            repeated: result("repeated"),
            parked: result("parked"),
            reported: result("reported"),
            age: histogram!(
                "florin_message_age_seconds",
                "topic" => topic.clone(), "consumer" => consumer.clone()
            ),
            parked_events: gauge!(
                "florin_parked_events", "topic" => topic.clone(), "consumer" => consumer.clone()
            ),
        }
    }
}

/// Measures an outbox, and says whether it is full: from then on its service is refused to
/// publish, until there is room again.
pub(crate) async fn outbox(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let depth: OutboxDepth = store.outbox_depth().await?;
    let kinds = [
        ("events", depth.events),
        ("work", depth.work),
        ("delayed", depth.delayed),
    ];
    for (kind, rows) in kinds {
        let shown = u32::try_from(rows).unwrap_or(u32::MAX);
        gauge!("florin_outbox_rows", "service" => store.service(), "kind" => kind).set(shown);
    }
    let oldest = depth.oldest.and_then(|oldest| now.since(oldest));
    gauge!("florin_outbox_oldest_seconds", "service" => store.service())
        .set(oldest.unwrap_or_default());
    store.set_outbox_full(kinds.iter().any(|(_, rows)| *rows >= OUTBOX_ROWS_MAX));
    Ok(())
}
