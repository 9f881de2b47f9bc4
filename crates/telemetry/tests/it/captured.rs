//! What a closure logs, as the lines a process would write.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use telemetry::{Settings, TelemetryError};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The lines that pass the filter while `log` runs, without a collector.
pub(crate) fn captured(filter: &str, log: impl FnOnce()) -> Vec<Value> {
    try_captured(filter, log).unwrap()
}

pub(crate) fn try_captured(filter: &str, log: impl FnOnce()) -> Result<Vec<Value>, TelemetryError> {
    let sink = Captured::default();
    let settings = Settings {
        filter: filter.to_owned(),
        service: "test",
        collector: None,
    };
    let (subscriber, telemetry) = telemetry::subscriber(&settings, sink.clone())?;
    tracing::subscriber::with_default(subscriber, log);
    telemetry.stop();
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    Ok(lines.collect())
}
