//! Error answers: RFC 9457 problem documents with a stable code and a remedy.
//!
//! Promises: the media type is `application/problem+json`; `type` is `urn:florin:problem:<code>`;
//! a server error (status 500 and above) never shows its detail to the caller, it is logged
//! instead (a 503 shows its `errors`: `/readyz` names what is missing);
//! [`complete`] makes a problem of every error answer, also of those axum gives itself.
//! It does not decide which code an error has: that is the caller's table in `kit::codes`.

use axum::body::Body as HttpBody;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kit::codes::{self, Code};
use serde::Serialize;
use utoipa::ToSchema;

use crate::RequestId;

/// The media type of a problem document (RFC 9457, section 3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// One thing that is wrong in a request, named by a JSON pointer (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer into the body, or the name of a parameter.
    #[schema(example = "/amount/currency")]
    pub pointer: String,
    /// A stable code from the table of error codes.
    #[schema(example = "field_must_be_known")]
    pub code: String,
    /// What must hold, in words.
    pub detail: String,
}

/// An error answer in the making; answered as the document [`ProblemDocument`].
///
/// `?` makes one of any `&'static Code`; the status comes from the code.
#[derive(Debug, Clone)]
pub struct Problem {
    code: &'static Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    headers: Option<Box<HeaderMap>>,
}

/// The wire form of a [`Problem`] (RFC 9457, section 3.1, with `code`, `remedy` and `errors`).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `urn:florin:problem:<code>`.
    #[serde(rename = "type")]
    #[schema(example = "urn:florin:problem:field_must_be_known")]
    type_uri: String,
    /// What kind of problem this is, in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The stable code: programs decide by this and by nothing else.
    code: &'static str,
    /// What is wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What the caller can do about it.
    remedy: &'static str,
    /// The request's id, the same as in `x-request-id` and in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The fields that are wrong, if it is about fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl Problem {
    /// A problem of this code without further detail.
    #[must_use]
    pub fn new(code: &'static Code) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            headers: None,
        }
    }

    /// What is wrong this time. For a server error it goes to the log, never to the caller.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names one field that is wrong; `pointer` is a JSON pointer into the body (RFC 6901).
    #[must_use]
    pub fn field(
        mut self,
        pointer: impl Into<String>,
        code: &'static Code,
        detail: impl Into<String>,
    ) -> Self {
        self.errors.push(FieldError {
            pointer: pointer.into(),
            code: code.name.to_owned(),
            detail: detail.into(),
        });
        self
    }

    /// Adds a response header, such as `Retry-After`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().insert(name, value);
        self
    }

    /// The code that decides status, title and remedy.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        self.code
    }

    /// The HTTP status of the code; a code with an impossible status answers 500.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn document(&self, instance: Option<&RequestId>) -> ProblemDocument {
        let shown = !self.status().is_server_error();
        ProblemDocument {
            type_uri: format!("urn:florin:problem:{}", self.code.name),
            title: self.code.title,
            status: self.status().as_u16(),
            code: self.code.name,
            detail: self.detail.clone().filter(|_| shown),
            remedy: self.code.remedy,
            instance: instance.map(|id| id.as_str().to_owned()),
            errors: if self.status() == StatusCode::INTERNAL_SERVER_ERROR {
                Vec::new()
            } else {
                self.errors.clone()
            },
        }
    }

    fn body(&self, instance: Option<&RequestId>) -> Vec<u8> {
        serde_json::to_vec(&self.document(instance))
            .expect("a document of strings and numbers is always JSON")
    }
}

impl From<&'static Code> for Problem {
    fn from(code: &'static Code) -> Self {
        Self::new(code)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.status().is_server_error() {
            tracing::error!(
                code = self.code.name,
                detail = self.detail,
                "request failed"
            );
        }
        let mut response = Response::new(HttpBody::from(self.body(None)));
        *response.status_mut() = self.status();
        if let Some(headers) = &self.headers {
            response.headers_mut().extend(headers.as_ref().clone());
        }
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.extensions_mut().insert(self);
        response
    }
}

/// Makes the answer to `id` complete: a problem gets its `instance`, and an error answer that is
/// not a problem yet (axum's own rejections, a bare status) becomes one of the same status.
pub fn complete(response: Response, id: &RequestId) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None => Problem::new(code_of(status)),
    };
    let (mut parts, _) = response.into_parts();
    parts.status = problem.status();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    Response::from_parts(parts, HttpBody::from(problem.body(Some(id))))
}

/// The code of an error answer that carries none.
fn code_of(status: StatusCode) -> &'static Code {
    match status {
        StatusCode::NOT_FOUND => &codes::ROUTE_MUST_EXIST,
        StatusCode::METHOD_NOT_ALLOWED => &codes::METHOD_MUST_BE_ALLOWED,
        StatusCode::PAYLOAD_TOO_LARGE => &codes::BODY_MUST_FIT_LIMIT,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => &codes::CONTENT_TYPE_MUST_BE_SUPPORTED,
        StatusCode::SERVICE_UNAVAILABLE => &codes::LOAD_MUST_BE_WITHIN_LIMIT,
        StatusCode::GATEWAY_TIMEOUT => &codes::REQUEST_MUST_END_IN_TIME,
        status if status.is_client_error() => &codes::REQUEST_MUST_BE_WELL_FORMED,
        _ => &codes::INTERNAL_ERROR,
    }
}
