//! Traces: which are recorded, and how they leave the process.
//!
//! Promises: without a collector nothing leaves and spans are not recorded, yet have ids; with one,
//! spans go out in batches over OTLP/HTTP (protobuf) from two threads of the library, never from a
//! task of ours. The queue is bounded and a full one loses spans rather than making anybody wait;
//! a collector that is down or slow costs spans and lines in the log, nothing else. A trace that a
//! caller began is recorded if the caller records it; of those that begin here, a share.

use std::time::Duration;

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SamplingDecision, SamplingResult,
    SdkTracerProvider, ShouldSample,
};
use tracing::Subscriber;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::logs::own_spans;

/// Most spans that wait for the collector: a second of the greatest load a process is measured
/// at, some megabytes.
const QUEUE_SPANS_MAX: usize = 8_192;

/// Most spans of one request to the collector; the SDK's own default.
const BATCH_SPANS_MAX: usize = 512;

/// How long a span waits for others; the SDK's own default.
const BATCH_DELAY: Duration = Duration::from_secs(5);

/// How long the collector may take for a batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long stopping waits for the last batches: as long as one batch, because what drains the
/// process has its own limits and a collector that is down must not double them.
const STOP_TIMEOUT: Duration = EXPORT_TIMEOUT;

/// The path of traces beneath a collector's address (OTLP/HTTP, section on endpoints).
const PATH: &str = "/v1/traces";

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    /// Its address: `http://collector:4318`.
    pub address: String,
    /// Of a thousand traces that begin here, how many are recorded.
    pub sampled_per_mille: u16,
}

/// The collector cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the address of the collector of traces must be usable: {0}")]
pub struct CollectorError(String);

/// What makes spans, and sends them.
#[derive(Clone)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Traces of a process that says it is `service`.
    pub(crate) fn start(
        service: &'static str,
        collector: Option<&Collector>,
    ) -> Result<Self, CollectorError> {
        // Not the default resource and batch, which read the environment.
        let resource = Resource::builder_empty()
            .with_attribute(KeyValue::new("service.name", service))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let share = Share {
            per_mille: collector.map_or(0, |collector| collector.sampled_per_mille),
        };
        let builder = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(share)));
        let provider = match collector {
            None => builder.build(),
            Some(collector) => builder.with_span_processor(batches(collector)?).build(),
        };
        Ok(Self { provider })
    }

    /// The layer that turns our spans, and no event and no library's span, into those of traces.
    /// Events stay in the log, which has the ids.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("florin"))
            .with_context_activation(false)
            .with_tracked_inactivity(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_filter(own_spans())
    }

    /// Sends what waits, for [`STOP_TIMEOUT`] at most. Blocks.
    pub(crate) fn stop(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(STOP_TIMEOUT) {
            tracing::warn!(%error, "last traces lost");
        }
    }
}

fn batches(collector: &Collector) -> Result<BatchSpanProcessor, CollectorError> {
    let address = collector.address.trim_end_matches('/');
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{address}{PATH}"))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| CollectorError(error.to_string()))?;
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SPANS_MAX)
        .with_max_export_batch_size(BATCH_SPANS_MAX)
        .with_scheduled_delay(BATCH_DELAY)
        .build();
    Ok(BatchSpanProcessor::builder(exporter)
        .with_batch_config(config)
        .build())
}

/// Records a share of the traces, the same ones wherever it is asked: the id decides. The SDK's
/// own sampler wants its share as a float.
#[derive(Debug, Clone, Copy)]
struct Share {
    per_mille: u16,
}

impl ShouldSample for Share {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        // The lower 64 bits are random; as a fraction of 2^64 they fall below the share.
        let [.., a, b, c, d, e, f, g, h] = trace.to_bytes();
        let fraction = u128::from(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        let sampled = (fraction * 1000) >> 64 < u128::from(self.per_mille);
        let state = parent.map(|parent| parent.span().span_context().trace_state().clone());
        SamplingResult {
            decision: if sampled {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: Vec::new(),
            trace_state: state.unwrap_or_default(),
        }
    }
}
