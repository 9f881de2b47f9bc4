//! Starts logs and traces together: they share the spans.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::logs;
use crate::traces::{Collector, CollectorError, Traces};

/// What is logged and where traces go.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Levels by target (syntax of `tracing_subscriber::EnvFilter`).
    pub filter: String,
    /// The name by which the collector knows the process.
    pub service: &'static str,
    /// Where traces go; without it they stay.
    pub collector: Option<Collector>,
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Not a filter.
    #[error("log filter must be like `info` or `warn,ledger=debug`: {0}")]
    Filter(#[from] ParseError),
    /// Traces cannot be sent.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// Somebody was first.
    #[error("telemetry must be started once")]
    Started,
}

/// Logs and traces of a process that has started them.
#[must_use = "what is not stopped loses its last traces"]
pub struct Telemetry {
    traces: Traces,
}

impl Telemetry {
    /// Sends the traces that wait, for five seconds at most. It blocks: the runtime must be told.
    pub fn stop(self) {
        self.traces.stop();
    }
}

/// Writes the process's log to standard output and sends its traces from now on; call it once,
/// first.
pub fn start(settings: &Settings) -> Result<Telemetry, TelemetryError> {
    let (subscriber, telemetry) = subscriber(settings, io::stdout)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Started)?;
    logs::log_panics();
    Ok(telemetry)
}

/// The subscriber of [`start`], with another place to write the log to.
pub fn subscriber<W>(
    settings: &Settings,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, Telemetry), TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = logs::layer(&settings.filter, writer)?;
    let traces = Traces::start(settings.service, settings.collector.as_ref())?;
    let subscriber = Registry::default().with(traces.layer()).with(lines);
    Ok((subscriber, Telemetry { traces }))
}
