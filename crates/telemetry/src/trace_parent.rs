//! The trace that something outside belongs to, in the text of W3C Trace Context.
//!
//! Promises: level 1, section 3.2; a malformed text is as good as none, and nothing of it is kept.
//! `tracestate` is not carried on, as section 3.3 allows.

use std::fmt;

/// A `traceparent`: a trace, and the span in it that waits for what is done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) sampled: bool,
}

impl TraceParent {
    /// Reads `version-trace-parent-flags`; version `ff` and all-zero ids are malformed. A later
    /// version may carry more fields after the flags.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('-');
        let version = fields.next()?;
        hex(version, 2)?;
        let trace = hex(fields.next()?, 32)?;
        let span = u64::try_from(hex(fields.next()?, 16)?).ok()?;
        let flags = hex(fields.next()?, 2)?;
        let surplus = version == "00" && fields.next().is_some();
        if version == "ff" || trace == 0 || span == 0 || surplus {
            return None;
        }
        Some(Self {
            trace,
            span,
            sampled: flags & 1 == 1,
        })
    }

    /// The id of the trace: 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The id of the span: 16 lower-case hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub fn sampled(&self) -> bool {
        self.sampled
    }
}

/// The text of version `00`, which is what this program speaks.
impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(
            formatter,
            "00-{:032x}-{:016x}-{flags:02x}",
            self.trace, self.span
        )
    }
}

/// Lower-case digits only, as the standard says; a sign or an upper-case digit is malformed.
fn hex(text: &str, length: usize) -> Option<u128> {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let well_formed = text.len() == length && text.bytes().all(digit);
    well_formed
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}
