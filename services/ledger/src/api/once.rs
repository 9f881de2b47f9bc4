//! Writes with an idempotency key: books, commodities, accounts, imports.
//!
//! A book's journal and the record of keys are two files, so they cannot change in one transaction
//! as in other services. The order is: look the key up → note who asks → append to the journal,
//! durable → record the key with the reply → reply.
//!
//! Promises: the same key with the same body is answered with the first reply, byte for byte; with
//! another body it is refused and nothing is done; of many at once one is decided and the others
//! get its reply. A refusal is not kept, so it is decided anew. Records are kept as long as
//! everywhere, see `store::Idempotency`.
//!
//! A call that is cut off (a crash, a caller who hangs up) between the journal and the record has
//! no record, as it had no reply. Nothing is lost: what is in the journal is durable. Nothing is
//! doubled, because every such write says its own name (a book its name, a commodity its code, an
//! account its path, a transaction its id) and the book decides a repeat by that name: it answers
//! 200 with `already_applied`, and that is the reply which is recorded then. Two things a record
//! would have held are open for what was cut off: an account that somebody changed in between is
//! no longer as asked (409), and under the same key another body is a write of its own.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use store::{Idempotency, IdempotentRequest, StoreError, StoredReply};
use tokio::sync::{Mutex, MutexGuard};
use web::{IdempotencyKey, Problem};

use super::{Answer, App};

/// How many writes with a key can be under way at once. Two keys that share a place wait for each
/// other's flush; a place is a few words of memory, and so many writes fill a batch well.
const PLACES: usize = 1_024;

/// One at a time for each key. One process writes a book, so no other has to be waited for.
#[derive(Clone)]
pub(crate) struct Keys(Arc<[Mutex<()>]>);

impl Keys {
    pub(crate) fn new() -> Self {
        Self((0..PLACES).map(|_| Mutex::new(())).collect())
    }

    async fn wait(&self, key: &IdempotencyKey) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (&key.principal, &key.route, &key.key).hash(&mut hasher);
        let place = hasher.finish() % PLACES as u64;
        let place = usize::try_from(place).expect("a place is less than PLACES");
        self.0[place].lock().await
    }
}

/// Answers a call with the reply it had, or with what comes of `write`, which is then kept.
///
/// `write` has a durable effect when it succeeds, and none when it fails. If the reply cannot be
/// kept the answer is an error though the effect is there; a repeat tells.
pub(super) async fn answer_once<T: Serialize>(
    app: &App,
    key: &IdempotencyKey,
    body: &[u8],
    write: impl Future<Output = Result<Answer<T>, Problem>>,
) -> Result<Response, Problem> {
    let _alone = app.keys.wait(key).await;
    let request = IdempotentRequest::new(key.principal.as_str(), &key.route, &key.key, body);
    let (asked, now) = (request.clone(), app.clock.now());
    let known = app
        .store
        .read(move |tx| tx.idempotency_find(&asked, now))
        .await
        .map_err(|error| failed(&error))?;
    if let Some(first) = known {
        return Ok(respond(first));
    }
    let Answer { status, body } = write.await?;
    let body = serde_json::to_vec(&body)
        .expect("a wire type has string keys and no serialisation that fails");
    let reply = StoredReply {
        status: status.as_u16(),
        body,
    };
    let kept = app.store.write(move |tx| {
        if let Idempotency::Done(first) = tx.idempotency_begin(&request, now)? {
            return Ok(first);
        }
        tx.idempotency_finish(&request, &reply)?;
        Ok(reply.clone())
    });
    kept.await.map(respond).map_err(|error| failed(&error))
}

fn failed(error: &StoreError) -> Problem {
    Problem::new(error.code()).detail(error.to_string())
}

fn respond(reply: StoredReply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).expect("the store keeps statuses of replies made here");
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
