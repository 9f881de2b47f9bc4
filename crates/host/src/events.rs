//! Events on their way into the outbox.
//!
//! Promises: an event is kept as a CloudEvents 1.0 document in structured JSON form, so that every
//! carrier can deliver it as it stands; it is kept if and only if the transaction is. It does not
//! deliver.

use broker::{Message, MessageError, MessageId, MessageKind};
use contracts::Event;
use kit::id::IdSource;
use kit::time::Timestamp;
use store::{StoreError, Tx};

/// Appends `event`, which happened at `at`, to the outbox of the service `tx` belongs to. It
/// carries the trace of the current span.
///
/// # Errors
///
/// [`StoreError::UndeclaredTopic`] if the service does not publish on the event's topic,
/// [`StoreError::TooLarge`] if it does not fit a message.
pub fn publish<E: Event>(
    tx: &mut Tx<'_>,
    ids: &IdSource,
    event: &E,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id: MessageId = ids.next::<MessageKind>();
    let trace = telemetry::current_traceparent();
    let message = Message::event(id, event, at, trace).map_err(too_large)?;
    tx.publish(&message.envelope(E::TOPIC).map_err(too_large)?)
}

/// What a message of ours can be refused for: its types are right, so it is its size.
fn too_large(_: MessageError) -> StoreError {
    StoreError::TooLarge {
        part: "message",
        bytes_max: broker::DOCUMENT_BYTES_MAX,
    }
}
