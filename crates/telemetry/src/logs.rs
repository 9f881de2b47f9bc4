//! Structured logs: one JSON object per line.
//!
//! Promises: a filter that does not parse is refused; nothing is written but what passes the
//! filter. The text of a panic is dropped, because it may hold a customer's data; its place in the
//! source is kept.

use std::panic;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Why logs cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// Not a filter.
    #[error("log filter must be like `info` or `warn,ledger=debug`: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody was first.
    #[error("logs must be started once")]
    Started,
}

/// Writes the process's log to standard output from now on; call it once, first.
///
/// `filter` is a list of `target=level` (syntax of `tracing_subscriber::EnvFilter`).
pub fn start_logs(filter: &str) -> Result<(), LogsError> {
    let subscriber = subscriber(filter, std::io::stdout)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogsError::Started)?;
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
    Ok(())
}

/// The subscriber of [`start_logs`], with another place to write to.
pub fn subscriber<W>(filter: &str, writer: W) -> Result<impl Subscriber + Send + Sync, LogsError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Ok(tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_writer(writer)
        .finish())
}
