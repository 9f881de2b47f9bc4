//! What a callee answered.

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde::de::DeserializeOwned;

use super::error::{CallError, Trouble};
use super::target::Asked;

/// An answer with a status of success, whole.
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) asked: Asked,
}

impl Answer {
    /// The status, 200 to 299.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header that is text, such as `etag`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// [`CallError::Unavailable`] if a read was answered with something else; of a write it is
    /// [`CallError::OutcomeUnknown`], although it was probably done.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        let read = serde_json::from_slice(&self.body);
        read.map_err(|_| self.asked.failed(true, Trouble::Unreadable, None))
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (status, bytes) = (self.status, self.body.len());
        write!(formatter, "Answer({status}, {bytes} bytes)")
    }
}
