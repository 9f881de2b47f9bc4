//! Calls of the client library that wait for the server.
//!
//! Promises: no thread that serves requests ever waits for Kafka, and nobody waits longer than a
//! limit. What does not answer in time keeps a borrowed thread until the library's own limits end
//! it. It starts no task.

use std::time::Duration;

use rdkafka::error::KafkaResult;
use tokio::runtime::Handle;

use super::unavailable;
use crate::CarrierError;

/// Runs a call on a thread that may wait, and waits for its answer as long as it may take.
pub async fn within<T: Send + 'static>(
    time_max: Duration,
    what: &str,
    call: impl FnOnce() -> KafkaResult<T> + Send + 'static,
) -> Result<T, CarrierError> {
    match tokio::time::timeout(time_max, tokio::task::spawn_blocking(call)).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => Err(unavailable(what, &error)),
        Ok(Err(_)) => Err(unavailable(what, &"the process is ending")),
        Err(_) => Err(unavailable(what, &"no answer in time")),
    }
}

/// Drops what says goodbye to the server when it is dropped: a consumer leaves its group.
pub fn drop_apart<T: Send + 'static>(client: T) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || drop(client))),
        Err(_) => drop(client),
    }
}
