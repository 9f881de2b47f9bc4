//! An end to waiting: what does not come about fails with words.

use std::future::Future;
use std::time::Duration;

/// How long is waited for what takes milliseconds, and on a machine that does much else a second.
pub const IN_TIME: Duration = Duration::from_secs(10);

/// What this answers, within [`IN_TIME`]; else the test fails and names what did not come.
///
/// A future that blocks its thread is not bounded by this.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(answer) = tokio::time::timeout(IN_TIME, future).await else {
        panic!("not in time: {what}");
    };
    answer
}
