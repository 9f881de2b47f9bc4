//! Structured logs: one JSON object per line.
//!
//! Promises: a filter that does not parse is refused; nothing is written but what passes the
//! filter; a line written inside a span of [`crate::request_span`] and its kind begins with
//! `trace_id` and `span_id`, whatever the filter. The text of a panic is dropped, because it may
//! hold a customer's data; its place in the source is kept.

use std::fmt;
use std::panic;

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, FilterFn, ParseError, filter_fn};
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, fmt as lines};

use crate::{TraceParent, spans};

/// The layer that writes lines of log.
pub(crate) fn layer<S, W>(filter: &str, writer: W) -> Result<impl Layer<S> + use<S, W>, ParseError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let format = lines::format()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    // Spans of traces are seen at any level: a line that passes the filter says where it stood.
    let filter = EnvFilter::try_new(filter)?.or(own_spans());
    let filter = filter.and(filter_fn(is_discreet));
    Ok(lines::layer()
        .event_format(Traced(format))
        .fmt_fields(JsonFields::new())
        .with_writer(writer)
        .with_filter(filter))
}

/// Lets the spans of traces pass, and nothing else.
pub(crate) fn own_spans() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    filter_fn(|metadata| metadata.is_span() && metadata.target() == spans::TARGET)
}

/// Whether a line can be written whatever the filter. The client of RabbitMQ writes whole messages
/// into its warnings, and a message may hold a customer's data; its errors hold none.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    *metadata.level() == Level::ERROR || !metadata.target().starts_with("lapin")
}

/// From now on a panic is logged by its place.
pub(crate) fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
}

/// The library's line with the ids of the trace in front. The library's format knows nothing of
/// traces, and another writer of JSON would be a second one.
struct Traced(Format<Json>);

impl<S, N> FormatEvent<S, N> for Traced
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let span = context.parent_span();
        let here: Option<TraceParent> = span.and_then(|span| {
            span.scope()
                .find_map(|span| span.extensions().get().copied())
        });
        let Some(here) = here else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        let rest = line.strip_prefix('{').ok_or(fmt::Error)?;
        let (trace, span) = (here.trace_id(), here.span_id());
        write!(
            writer,
            "{{\"trace_id\":\"{trace}\",\"span_id\":\"{span}\",{rest}"
        )
    }
}
