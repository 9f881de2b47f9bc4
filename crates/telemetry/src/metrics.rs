//! Metrics in the text format of Prometheus.
//!
//! Promises: one recorder per process, however often it is asked for; times are histograms with
//! the buckets below; labels are what the callers give, and they give only values from closed sets
//! (route patterns, status codes, names in the source). Every metric has a text of help.
//! Nothing listens: the host renders.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::help::HELP;

/// Upper bounds of the buckets of every histogram of seconds, from a group commit on a good disk
/// to the longest request there may be. The promise of p95 < 200 ms is one of them.
const BUCKETS_SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0,
];

static RECORDER: OnceLock<Metrics> = OnceLock::new();

/// Renders what was measured. Clones are the same recorder.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// All metrics as Prometheus text (exposition format 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds the samples since the last call into the histograms; without it they grow. The host
    /// calls it from a timer.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// The recorder of the process; the first call installs it.
///
/// Panics if another recorder was installed by someone else, which no crate here does.
#[must_use]
pub fn start_metrics() -> Metrics {
    RECORDER
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS_SECONDS)
                .expect("the list of buckets is not empty")
                .build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).expect("this is the only recorder");
            for (name, help) in HELP {
                // The recorder keeps help by name, of whatever kind the metric is.
                metrics::describe_gauge!(*name, *help);
            }
            Metrics { handle }
        })
        .clone()
}
