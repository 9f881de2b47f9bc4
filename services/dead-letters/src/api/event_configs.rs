//! Handlers of `/dead-letters/v1/event-configs`.

use ::host::{Call, Reply, write_once};
use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use web::{
    Body, Etag, IdempotencyKey, IfMatch, IfNoneMatch, Page, PageQuery, Path, Principal, Problem,
};

use super::change_by;
use super::wire::{EventConfigView, PutEventConfig};
use crate::Deps;
use crate::domain::Reject;
use crate::domain::event_config::{EVENT_CONFIGS_MAX, EventConfig, Version, check_seen};
use crate::domain::names::MessageType;
use crate::error::Error;
use crate::store;

/// List event configurations by name
#[utoipa::path(
    get,
    path = "/dead-letters/v1/event-configs",
    tag = "event configurations",
    params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<EventConfigView>))
)]
pub async fn list_event_configs(
    State(deps): State<Deps>,
    query: PageQuery,
) -> Result<Page<EventConfigView>, Problem> {
    let after = query.after::<MessageType>()?;
    let rows = query.rows();
    let read = deps
        .store
        .read(move |tx| store::list_event_configs(tx, after.as_ref(), rows).map_err(Error::from));
    let page = Page::from_rows(read.await?, &query, |config: &EventConfig| {
        config.name.to_string()
    });
    Ok(page.map(EventConfigView::from))
}

/// Read an event configuration
#[utoipa::path(
    get,
    path = "/dead-letters/v1/event-configs/{name}",
    tag = "event configurations",
    params(("name" = String, Path, description = "The type of message")),
    responses(
        (status = 200, description = "The configuration", body = EventConfigView),
        (status = 304, description = "Unchanged since the version of If-None-Match"),
        (status = 404, description = "`event_config_must_exist`"),
    )
)]
pub async fn load_event_config(
    State(deps): State<Deps>,
    Path(name): Path<MessageType>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let read = deps.store.read(move |tx| {
        let found = store::find_event_config(tx, name.as_str())?;
        Ok::<_, Error>(found.ok_or(Reject::EventConfigMustExist)?)
    });
    let config = read.await?;
    let version = Etag(config.revision.into());
    Ok(known.answer(version, &EventConfigView::from(config)))
}

/// Say how often a type of message is sent again
///
/// Without `If-Match` where there is no configuration yet, with the ETag of the one there is to
/// change it. It holds for the next failure of each message.
#[utoipa::path(
    put,
    path = "/dead-letters/v1/event-configs/{name}",
    tag = "event configurations",
    params(
        ("name" = String, Path, description = "The type of message"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is changed"),
        IdempotencyKey
    ),
    request_body = PutEventConfig,
    responses(
        (status = 201, description = "The configuration is new", body = EventConfigView),
        (status = 200, description = "The configuration is changed", body = EventConfigView),
        (status = 409, description = "`event_configs_must_be_few`"),
        (status = 412, description = "`version_must_match`"),
        (status = 428, description = "`version_must_be_stated`"),
    )
)]
pub async fn put_event_config(
    State(deps): State<Deps>,
    (principal, key): (Principal, IdempotencyKey),
    Path(name): Path<MessageType>,
    seen: Result<IfMatch, Problem>,
    Body { value, bytes }: Body<PutEventConfig>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &bytes, change.at);
    let seen = seen_version(seen)?;
    write_once(&deps.store, call, move |tx| {
        let before = store::find_event_config(tx, name.as_str())?;
        check_seen(before.as_ref(), seen)?;
        if before.is_none() && store::count_event_configs(tx)? >= EVENT_CONFIGS_MAX {
            let max = EVENT_CONFIGS_MAX;
            return Err(Reject::EventConfigsMustBeFew { max }.into());
        }
        let config = EventConfig {
            name: name.clone(),
            revision: before.as_ref().map_or(0, |before| before.revision) + 1,
            max_retries: value.max_retries,
            changed_by: change.by.clone(),
            changed_at: change.at,
        };
        store::save_event_config(tx, &config)?;
        let was = before.as_ref().map(|before| before.max_retries);
        let detail = json!({ "max_retries": value.max_retries, "was": was });
        change.audit(tx, "event_config_put", &name, detail)?;
        let reply = match before {
            None => Reply::created,
            Some(_) => Reply::ok,
        };
        Ok::<_, Error>(reply(&EventConfigView::from(config)))
    })
    .await
}

/// Delete an event configuration
///
/// Messages of the type are no longer sent again: the next failure of each is a dead letter.
#[utoipa::path(
    delete,
    path = "/dead-letters/v1/event-configs/{name}",
    tag = "event configurations",
    params(
        ("name" = String, Path, description = "The type of message"),
        ("If-Match" = String, Header, description = "The ETag of what is deleted"),
        IdempotencyKey
    ),
    responses(
        (status = 200, description = "The configuration as it was", body = EventConfigView),
        (status = 404, description = "`event_config_must_exist`"),
        (status = 412, description = "`version_must_match`"),
        (status = 428, description = "`version_must_be_stated`"),
    )
)]
pub async fn delete_event_config(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Path(name): Path<MessageType>,
    seen: IfMatch,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &[], change.at);
    let seen = seen_version(Ok(seen))?;
    write_once(&deps.store, call, move |tx| {
        let before = store::find_event_config(tx, name.as_str())?;
        let before = before.ok_or(Reject::EventConfigMustExist)?;
        check_seen(Some(&before), seen)?;
        store::delete_event_config(tx, &name)?;
        let detail = json!({ "was": before.max_retries });
        change.audit(tx, "event_config_deleted", &name, detail)?;
        Ok::<_, Error>(Reply::ok(&EventConfigView::from(before)))
    })
    .await
}

/// What the caller says of the version they saw; a header that is not well formed is refused.
fn seen_version(seen: Result<IfMatch, Problem>) -> Result<Version, Problem> {
    match seen {
        Ok(IfMatch::Any) => Ok(Version::Any),
        Ok(IfMatch::Version(version)) => Ok(Version::Of(version)),
        Err(problem) if problem.code().name == kit::codes::VERSION_MUST_BE_STATED.name => {
            Ok(Version::Unstated)
        }
        Err(problem) => Err(problem),
    }
}
