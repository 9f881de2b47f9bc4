//! A write over HTTP: once per idempotency key, in one transaction with its reply and audit line.
//!
//! Every write handler reads: parse → [`write_once`] (begin with the key → load → decide → save
//! rows and outbox → commit → reply). The part in the brackets that is the same everywhere stands
//! here, the rest in the closure.
//!
//! Promises: the closure's effect, the stored reply and, for staff, a line in the audit log are
//! one transaction; a repeat with the same body is answered with the first reply, byte for byte,
//! and nothing else happens; one with another body is refused; a refusal is not kept, so it is
//! decided anew. It does not know what is written.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kit::time::Timestamp;
use serde::Serialize;
use serde_json::json;
use store::{AuditEntry, Idempotency, IdempotentRequest, Store, StoreError, StoredReply, Tx};
use web::{IdempotencyKey, Principal, PrincipalKind, Problem, Role};

/// Who asks for what, and by which key a repeat is known.
#[derive(Debug, Clone)]
pub struct Call {
    request: IdempotentRequest,
    staff: Option<AuditEntry>,
    now: Timestamp,
}

impl Call {
    /// A call with this body, empty for a request without one.
    #[must_use]
    pub fn new(principal: &Principal, key: &IdempotencyKey, body: &[u8], now: Timestamp) -> Self {
        let request =
            IdempotentRequest::new(principal.subject.as_str(), &key.route, &key.key, body);
        let detail = json!({ "idempotency_key": key.key });
        let staff = staff_entry(principal, "staff_write", &key.route, detail, now);
        Self {
            request,
            staff,
            now,
        }
    }
}

/// The reply to a write: a status and a JSON body, as it is stored for a repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    stored: StoredReply,
}

impl Reply {
    /// 200: done, or done before.
    #[must_use]
    pub fn ok(body: &impl Serialize) -> Self {
        Self::new(StatusCode::OK, body)
    }

    /// 201: made.
    #[must_use]
    pub fn created(body: &impl Serialize) -> Self {
        Self::new(StatusCode::CREATED, body)
    }

    fn new(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body)
            .expect("a wire type has string keys and no serialisation that fails");
        Self {
            stored: StoredReply {
                status: status.as_u16(),
                body,
            },
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.stored.body));
        *response.status_mut() = StatusCode::from_u16(self.stored.status)
            .expect("the store keeps statuses of replies made here");
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// Runs `change` unless this call was answered before, and answers it.
///
/// `change` may run more than once (see [`Store::write`]); it has no effect but through `tx`.
/// Cost: one transaction; two rows beside those of `change`, three for staff.
pub async fn write_once<E, F>(store: &Store, call: Call, change: F) -> Result<Reply, Problem>
where
    E: From<StoreError> + Into<Problem> + Send + 'static,
    F: Fn(&mut Tx<'_>) -> Result<Reply, E> + Send + 'static,
{
    let written = store.write(move |tx| {
        if let Idempotency::Done(stored) = tx.idempotency_begin(&call.request, call.now)? {
            return Ok(Reply { stored });
        }
        let reply = change(tx)?;
        tx.idempotency_finish(&call.request, &reply.stored)?;
        if let Some(entry) = &call.staff {
            tx.audit(entry)?;
        }
        Ok(reply)
    });
    written.await.map_err(E::into)
}

/// Reads what belongs to somebody else: for staff, with a line in the audit log that is kept if
/// and only if the read succeeds. `whose` says what was looked at: an id or a subject.
pub async fn read_audited<T, E, F>(
    store: &Store,
    principal: &Principal,
    whose: &str,
    now: Timestamp,
    read: F,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: From<StoreError> + Into<Problem> + Send + 'static,
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    let entry = staff_entry(principal, "staff_read", whose, json!({}), now);
    let found = store.write(move |tx| {
        let found = read(tx)?;
        if let Some(entry) = &entry {
            tx.audit(entry)?;
        }
        Ok(found)
    });
    found.await.map_err(E::into)
}

/// The audit line of a person with a duty; none for customers and components, whose own actions
/// are in the history of what they touch.
fn staff_entry(
    principal: &Principal,
    action: &str,
    subject: &str,
    detail: serde_json::Value,
    now: Timestamp,
) -> Option<AuditEntry> {
    let duty = principal
        .roles
        .iter()
        .any(|role| !matches!(role, Role::Customer | Role::Service));
    (principal.kind == PrincipalKind::Person && duty).then(|| AuditEntry {
        recorded: now,
        actor: principal.subject.to_string(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        detail,
    })
}
