//! Handlers of `/sagas/v1`.

use ::host::{Call, Reply, read_audited, write_once};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use saga::engine::{self, Entry, Registration, Summary};
use saga::{Fit, SagaId};
use serde_json::json;
use web::{Body, Etag, IdempotencyKey, Page, PageQuery, Path, Principal, Problem, Query};

use super::change_by;
use super::wire::{CancelSaga, Change, RegisterSaga, SagaSummary, SagaView, SagasQuery};
use crate::Shared;
use crate::error::Error;

/// Changes that are shown with a saga: more than any has that was not retried for long; the rest
/// is under `/timeline`.
const TIMELINE_ROWS: u32 = 200;

/// Start a saga
///
/// By the component that the definition names, which is where most start one in the transaction of
/// what it is about, through their outbox. The same id with the same content is the same saga.
#[utoipa::path(
    post,
    path = "/sagas/v1/register",
    tag = "sagas",
    params(IdempotencyKey),
    request_body = RegisterSaga,
    responses(
        (status = 201, description = "The saga has begun", body = SagaSummary),
        (status = 200, description = "It had begun before", body = SagaSummary),
        (status = 403, description = "`starter_must_be_its_own`"),
        (status = 409, description = "`saga_id_must_be_unused`"),
        (status = 422, description = "`definition_must_exist`, `saga_context_must_fit`"),
    )
)]
pub async fn register_saga(
    State(shared): State<Shared>,
    principal: Principal,
    key: IdempotencyKey,
    Body { value, bytes }: Body<RegisterSaga>,
) -> Result<Reply, Problem> {
    let now = shared.clock.now();
    let call = Call::new(&principal, &key, &bytes, now);
    let registration = Registration {
        id: value.saga_id.unwrap_or_else(|| shared.ids.next()),
        definition: value.definition,
        by: principal.subject.to_string(),
        fields: value.context,
        traceparent: telemetry::current_traceparent(),
    };
    let engine = shared.engine;
    write_once(&shared.store, call, move |tx| {
        let handled = engine.register(tx, registration.clone(), now)?;
        let reply = if handled.fit == Fit::Repeated {
            Reply::ok
        } else {
            Reply::created
        };
        Ok::<_, Error>(reply(&SagaSummary::from(&handled.instance)))
    })
    .await
}

/// List sagas, newest first
///
/// Without their context. `stuck=true` shows those that somebody should look at.
#[utoipa::path(
    get,
    path = "/sagas/v1/sagas",
    tag = "sagas",
    params(SagasQuery),
    responses((status = 200, description = "A page of sagas", body = Page<SagaSummary>))
)]
pub async fn list_sagas(
    State(shared): State<Shared>,
    Query(query): Query<SagasQuery>,
) -> Result<Page<SagaSummary>, Problem> {
    let page = PageQuery::parse(query.limit, query.cursor.as_deref())?;
    let before = page.after::<SagaId>()?.unwrap_or(SagaId::MAX);
    let (rows, filter, engine) = (page.rows(), query.filter(), shared.engine);
    let read = shared.store.read(move |tx| {
        let listed = engine.list(tx, &filter, before, rows);
        listed.map_err(Error::from)
    });
    let page = Page::from_rows(read.await?, &page, |it: &Summary| it.id.to_string());
    Ok(page.map(SagaSummary::from))
}

/// Read a saga: its steps, its context and its timeline
///
/// A context can hold personal data: each call leaves a line in the audit log. The timeline begins
/// at the start; what is more than 200 changes is under `/timeline`.
#[utoipa::path(
    get,
    path = "/sagas/v1/sagas/{id}",
    tag = "sagas",
    params(("id" = String, Path, description = "The saga's id")),
    responses(
        (status = 200, description = "The saga", body = SagaView),
        (status = 404, description = "`saga_must_exist`"),
    )
)]
pub async fn load_saga(
    State(shared): State<Shared>,
    principal: Principal,
    Path(id): Path<SagaId>,
) -> Result<Response, Problem> {
    let (whose, now, engine) = (id.to_string(), shared.clock.now(), shared.engine);
    let read = read_audited(&shared.store, &principal, &whose, now, move |tx| {
        let found = engine.find(tx, id)?;
        let stored = found.ok_or(engine::Error::SagaMustExist { saga: id })?;
        let timeline = engine.timeline(tx, id, 0, TIMELINE_ROWS)?;
        let definition = engine
            .definitions()
            .find(&stored.instance.definition, stored.instance.version);
        Ok::<_, Error>((definition.cloned(), stored, timeline))
    });
    let (definition, stored, timeline) = read.await?;
    let version = Etag(stored.revision);
    let view = SagaView::new(definition.as_deref(), stored.instance, timeline);
    Ok((version, Json(view)).into_response())
}

/// List what happened to a saga, oldest first
///
/// Each call leaves a line in the audit log.
#[utoipa::path(
    get,
    path = "/sagas/v1/sagas/{id}/timeline",
    tag = "sagas",
    params(("id" = String, Path, description = "The saga's id"), PageQuery),
    responses(
        (status = 200, description = "A page of changes", body = Page<Change>),
        (status = 404, description = "`saga_must_exist`"),
    )
)]
pub async fn list_timeline(
    State(shared): State<Shared>,
    principal: Principal,
    Path(id): Path<SagaId>,
    query: PageQuery,
) -> Result<Page<Change>, Problem> {
    let after = query.after::<i64>()?.unwrap_or_default();
    let (whose, now, engine) = (id.to_string(), shared.clock.now(), shared.engine);
    let rows = query.rows();
    let read = read_audited(&shared.store, &principal, &whose, now, move |tx| {
        let found = engine.find(tx, id)?;
        found.ok_or(engine::Error::SagaMustExist { saga: id })?;
        engine.timeline(tx, id, after, rows).map_err(Error::from)
    });
    let page = Page::from_rows(read.await?, &query, |it: &Entry| it.revision.to_string());
    Ok(page.map(Change::from))
}

/// Have a saga try again at once
///
/// It sends its present command now, and as often again as its definition says. Participants
/// recognise a repeat, so this never does a thing twice.
#[utoipa::path(
    post,
    path = "/sagas/v1/sagas/{id}/retry",
    tag = "sagas",
    params(("id" = String, Path, description = "The saga's id"), IdempotencyKey),
    responses(
        (status = 200, description = "The command is on its way", body = SagaSummary),
        (status = 404, description = "`saga_must_exist`"),
        (status = 409, description = "`saga_must_wait`"),
    )
)]
pub async fn retry_saga(
    State(shared): State<Shared>,
    principal: Principal,
    key: IdempotencyKey,
    Path(id): Path<SagaId>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &shared);
    let call = Call::new(&principal, &key, &[], change.at);
    let engine = shared.engine;
    write_once(&shared.store, call, move |tx| {
        let handled = engine.retry(tx, id, change.by.clone(), change.at)?;
        if handled.fit != Fit::Taken {
            return Err(Error::SagaMustWait);
        }
        change.audit(tx, "saga_retried", id, json!({ "reason": "" }))?;
        Ok(Reply::ok(&SagaSummary::from(&handled.instance)))
    })
    .await
}

/// Cancel a saga
///
/// What it did is undone, last step first, and so is a step whose outcome is not known. Past the
/// step that cannot be undone it is refused. Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/sagas/v1/sagas/{id}/cancel",
    tag = "sagas",
    params(("id" = String, Path, description = "The saga's id"), IdempotencyKey),
    request_body = CancelSaga,
    responses(
        (status = 200, description = "It is being undone, or was before", body = SagaSummary),
        (status = 404, description = "`saga_must_exist`"),
        (status = 409, description = "`saga_must_be_cancellable`"),
    )
)]
pub async fn cancel_saga(
    State(shared): State<Shared>,
    principal: Principal,
    key: IdempotencyKey,
    Path(id): Path<SagaId>,
    Body { value, bytes }: Body<CancelSaga>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &shared);
    let call = Call::new(&principal, &key, &bytes, change.at);
    let (engine, reason) = (shared.engine, value.reason);
    write_once(&shared.store, call, move |tx| {
        let handled = engine.cancel(tx, id, (change.by.clone(), &reason), change.at)?;
        if matches!(handled.fit, Fit::Noted(_)) {
            return Err(Error::SagaMustBeCancellable);
        }
        change.audit(tx, "saga_cancelled", id, json!({ "reason": reason }))?;
        Ok(Reply::ok(&SagaSummary::from(&handled.instance)))
    })
    .await
}
