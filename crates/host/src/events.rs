//! Events on their way into the outbox.
//!
//! Promises: an event is kept as a CloudEvents 1.0 document in structured JSON form, so that every
//! carrier can deliver it as it stands; it is kept if and only if the transaction is. It does not
//! deliver.

use contracts::Event;
use kit::id::{IdSource, Kind};
use kit::time::Timestamp;
use serde_json::json;
use store::{Envelope, StoreError, Tx};

/// The kind of id an event has.
enum EventKind {}

impl Kind for EventKind {
    const PREFIX: &'static str = "evt";
}

/// Appends `event`, which happened at `at`, to the outbox of the service `tx` belongs to.
///
/// # Errors
///
/// [`StoreError::UndeclaredTopic`] if the service does not publish on the event's topic.
pub fn publish<E: Event>(
    tx: &mut Tx<'_>,
    ids: &IdSource,
    event: &E,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = ids.next::<EventKind>();
    let key = event.key();
    // CloudEvents 1.0, sections 2.4 and 3: the context attributes, and two extensions.
    let document = json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("/{}", E::SOURCE),
        "type": E::TYPE,
        "subject": key,
        "time": at,
        "datacontenttype": "application/json",
        "schemaversion": E::SCHEMA_VERSION,
        "aggregateversion": event.revision(),
        "data": event,
    });
    tx.publish(&Envelope {
        id: id.uuid(),
        topic: E::TOPIC.to_owned(),
        key,
        version: u64::from(event.revision()),
        document: document.to_string(),
        created: at,
    })
}
