//! Request bodies: JSON read strictly, within a bound.
//!
//! Promises: another media type is 415; more than the bound is 413, before it is all read; text
//! that is not JSON is 400 with the pointer reached; a field that is unknown, missing, given twice
//! or of the wrong form is 422 with its JSON pointer, whether or not the wire type says
//! `deny_unknown_fields`; nesting is bounded (128 levels, serde_json's own limit). It does not
//! check business rules.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use kit::codes::{self, Code};
use kit::limits;
use serde::de::DeserializeOwned;

use crate::pointer;
use crate::problem::Problem;

/// A JSON body of at most `BODY_BYTES_MAX` bytes.
#[derive(Debug, Clone)]
pub struct Body<T> {
    /// What the body says.
    pub value: T,
    /// The body as it was sent: what an idempotency record hashes.
    pub bytes: Bytes,
}

/// A JSON body of at most `BULK_BODY_BYTES_MAX` bytes, for the routes that take many items.
#[derive(Debug, Clone)]
pub struct BulkBody<T> {
    /// What the body says.
    pub value: T,
    /// The body as it was sent: what an idempotency record hashes.
    pub bytes: Bytes,
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = collect(request, limits::BODY_BYTES_MAX).await?;
        Ok(Self {
            value: parse(&bytes)?,
            bytes,
        })
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for BulkBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = collect(request, limits::BULK_BODY_BYTES_MAX).await?;
        Ok(Self {
            value: parse(&bytes)?,
            bytes,
        })
    }
}

/// Reads the body up to `bytes_max`; a declared length beyond it is refused unread.
async fn collect(request: Request, bytes_max: usize) -> Result<Bytes, Problem> {
    if !is_json(&request) {
        return Err(Problem::new(&codes::CONTENT_TYPE_MUST_BE_SUPPORTED)
            .detail("the content-type must be application/json"));
    }
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let body = http_body_util::Limited::new(request.into_body(), bytes_max);
    match http_body_util::BodyExt::collect(body).await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_large(bytes_max)),
        Err(_) => Err(Problem::new(&codes::BODY_MUST_BE_JSON).detail("the body ended early")),
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(&codes::BODY_MUST_FIT_LIMIT)
        .detail(format!("the body must be at most {bytes_max} bytes"))
}

/// `application/json` or a `+json` type, with any parameters but another charset than UTF-8.
fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else {
        return false;
    };
    let Ok(text) = value.to_str() else {
        return false;
    };
    let mut parts = text.to_ascii_lowercase();
    parts.retain(|character| !character.is_ascii_whitespace() && character != '"');
    let mut parts = parts.split(';');
    let media = parts.next().unwrap_or_default();
    let json = media == "application/json"
        || (media.starts_with("application/") && media.ends_with("+json"));
    json && parts.all(|part| !part.starts_with("charset=") || part == "charset=utf-8")
}

/// Reads one JSON value strictly; the errors are those of the module.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut unknown: Option<Vec<String>> = None;
    let mut track = serde_path_to_error::Track::new();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_ignored::deserialize(
        serde_path_to_error::Deserializer::new(&mut json, &mut track),
        |path| {
            unknown.get_or_insert_with(|| pointer::tokens(&path));
        },
    );
    let value = parsed.and_then(|value| json.end().map(|()| value));
    let value = value.map_err(|error| refuse(&error, pointer::of_path(&track.path())))?;
    match unknown {
        None => Ok(value),
        Some(tokens) => {
            let document = serde_json::from_slice(bytes).unwrap_or_default();
            let pointer = pointer::within(&document, &tokens);
            Err(invalid(
                pointer,
                &codes::FIELD_MUST_BE_KNOWN,
                "unknown field",
            ))
        }
    }
}

fn invalid(pointer: String, code: &'static Code, detail: &str) -> Problem {
    Problem::new(&codes::BODY_MUST_MATCH_SCHEMA)
        .detail("the body does not have the form this route asks for")
        .field(pointer, code, detail)
}

fn refuse(error: &serde_json::Error, at: String) -> Problem {
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full);
    if error.is_syntax() || error.is_eof() || error.is_io() {
        return Problem::new(&codes::BODY_MUST_BE_JSON)
            .detail("the body is not JSON")
            .field(at, &codes::BODY_MUST_BE_JSON, full);
    }
    if message.starts_with("unknown field") {
        return invalid(at, &codes::FIELD_MUST_BE_KNOWN, message);
    }
    let member = |prefix: &str| {
        let name = message.strip_prefix(prefix)?.strip_suffix('`')?;
        let mut pointer = at.clone();
        pointer::push(&mut pointer, name);
        Some(pointer)
    };
    if let Some(pointer) = member("missing field `") {
        return invalid(pointer, &codes::FIELD_MUST_BE_PRESENT, message);
    }
    if let Some(pointer) = member("duplicate field `") {
        return invalid(pointer, &codes::FIELD_MUST_NOT_REPEAT, message);
    }
    invalid(at, &codes::FIELD_MUST_MATCH_SCHEMA, without_value(message))
}

/// What was expected, without what was found: a value in the wrong place may be a card number,
/// and problems are kept by callers and by what stands between.
fn without_value(message: &str) -> &str {
    let repeats = ["invalid ", "unknown variant "];
    let expected = message.rfind(", expected ").map(|at| at + ", ".len());
    match expected {
        Some(at) if repeats.iter().any(|start| message.starts_with(start)) => &message[at..],
        _ => message,
    }
}
