//! Where traces go, and how many.

use serde::{Deserialize, Serialize};

use super::check::ConfigError;

/// The share of all traces, in thousandths.
const PER_MILLE_MAX: u16 = 1000;

/// Where traces go, and how many.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The collector of OpenTelemetry: `http://collector:4318`; without it no trace is exported.
    pub traces: Option<String>,
    /// Of a thousand traces that begin here, how many are exported.
    pub sampled_per_mille: u16,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            traces: None,
            sampled_per_mille: PER_MILLE_MAX,
        }
    }
}

impl Telemetry {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, what: &str| {
            Err(ConfigError {
                place: format!("telemetry.{key}"),
                what: what.to_owned(),
            })
        };
        let usable = |address: &str| {
            let rest = address.strip_prefix("http://").unwrap_or_default();
            let server = rest.strip_suffix('/').unwrap_or(rest);
            !server.is_empty() && !server.contains(['/', '@', '?', '#'])
        };
        if self.traces.as_deref().is_some_and(|text| !usable(text)) {
            return wrong(
                "traces",
                "must be like http://collector:4318: no TLS, no login, no path; \
                 a collector beside the process adds what is beyond it",
            );
        }
        if self.sampled_per_mille > PER_MILLE_MAX {
            return wrong("sampled_per_mille", "must be at most 1000");
        }
        Ok(())
    }

    /// The collector, if there is one.
    pub(super) fn collector(&self) -> Option<::telemetry::Collector> {
        let address = self.traces.clone()?;
        Some(::telemetry::Collector {
            address,
            sampled_per_mille: self.sampled_per_mille,
        })
    }
}
