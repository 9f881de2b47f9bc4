//! Handlers of `/notifications/v1/messages` and of what staff see of a recipient.

use std::collections::BTreeMap;

use ::host::{Call, Reply, read_audited, write_once};
use axum::extract::State;
use axum::response::Response;
use contracts::notifications::MessageId;
use kit::name::Subject;
use web::{
    Body, Etag, IdempotencyKey, IfNoneMatch, Page, PageQuery, Path, Principal, Problem, Query, Role,
};

use super::change_by;
use super::wire::{MailboxQuery, MessageRecord, MessageView, SendMessage};
use crate::Deps;
use crate::domain::Reject;
use crate::domain::message::{self, Command, Message};
use crate::error::Error;
use crate::store::{self, Place};

/// Send a message, at once or at its time
///
/// It is rendered now, from the newest version of its template, and never changes. A repeat with
/// the same `reference` and content is answered 200 with the first message, whatever its
/// idempotency key.
#[utoipa::path(
    post,
    path = "/notifications/v1/messages",
    tag = "messages",
    params(IdempotencyKey),
    request_body = SendMessage,
    responses(
        (status = 201, description = "The message is sent, or scheduled", body = MessageView),
        (status = 200, description = "It was accepted before", body = MessageView),
        (status = 404, description = "`template_must_exist`"),
        (status = 409, description = "`template_must_be_in_use`, `reference_must_be_unused`"),
        (status = 422, description = "`parameter_must_be_given`, `parameter_must_be_declared`, \
            `parameter_must_be_of_its_kind`, `text_must_fit`, `subject_must_be_one_line`, \
            `send_at_must_be_ahead`, `send_at_must_be_near`"),
    )
)]
pub async fn send_message(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Body { value, bytes }: Body<SendMessage>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &bytes, change.at);
    let (id, request) = (deps.ids.next(), value.request(principal.subject));
    write_once(&deps.store, call, move |tx| {
        let before = match &request.reference {
            Some(reference) => store::find_message_by_reference(tx, &request.sender, reference)?,
            None => None,
        };
        let template = store::find_template(tx, &request.template_key)?.map(Box::new);
        let command = Command::Send {
            id,
            request: request.clone(),
            template,
        };
        let (message, events) = message::handle(before, command, change.at)?;
        store::save_message(tx, &change, &message, &events)?;
        let reply = if events.is_empty() {
            Reply::ok
        } else {
            Reply::created
        };
        Ok::<_, Error>(reply(&MessageView::from(message)))
    })
    .await
}

/// List the caller's mailbox, newest first
#[utoipa::path(
    get,
    path = "/notifications/v1/messages",
    tag = "messages",
    params(MailboxQuery),
    responses((status = 200, description = "A page of messages", body = Page<MessageView>))
)]
pub async fn list_mailbox(
    State(deps): State<Deps>,
    principal: Principal,
    Query(query): Query<MailboxQuery>,
) -> Result<Page<MessageView>, Problem> {
    let page = PageQuery::parse(query.limit, query.cursor.as_deref())?;
    let after = page.after::<Place>()?.unwrap_or(Place::FIRST);
    let rows = page.rows();
    let list = if query.unread {
        store::list_unread
    } else {
        store::list_mailbox
    };
    let read = deps
        .store
        .read(move |tx| list(tx, &principal.subject, after, rows).map_err(Error::from));
    let place = |message: &Message| Place::of(message).expect("a mailbox holds what was sent");
    let page = Page::from_rows(read.await?, &page, |message| place(message).to_string());
    Ok(page.map(MessageView::from))
}

/// Read a message of the caller's mailbox
#[utoipa::path(
    get,
    path = "/notifications/v1/messages/{id}",
    tag = "messages",
    params(("id" = String, Path, description = "The message's id")),
    responses(
        (status = 200, description = "The message", body = MessageView),
        (status = 304, description = "Unchanged since the version of If-None-Match"),
        (status = 404, description = "`message_must_exist`"),
    )
)]
pub async fn load_message(
    State(deps): State<Deps>,
    principal: Principal,
    Path(id): Path<MessageId>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let read = deps.store.read(move |tx| {
        let found = store::find_message_of_recipient(tx, id, &principal.subject)?;
        Ok::<_, Error>(found.ok_or(Reject::MessageMustExist)?)
    });
    let message = read.await?;
    let version = Etag(message.revision.into());
    Ok(known.answer(version, &MessageView::from(message)))
}

/// Mark a message of the caller's mailbox as read
///
/// The first time counts; repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/notifications/v1/messages/{id}/read",
    tag = "messages",
    params(("id" = String, Path, description = "The message's id"), IdempotencyKey),
    responses(
        (status = 200, description = "The message is read", body = MessageView),
        (status = 404, description = "`message_must_exist`"),
    )
)]
pub async fn mark_message_read(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Path(id): Path<MessageId>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &[], change.at);
    write_once(&deps.store, call, move |tx| {
        let before = store::find_message_of_recipient(tx, id, &change.by)?;
        let (message, events) = message::handle(before, Command::MarkRead, change.at)?;
        store::save_message(tx, &change, &message, &events)?;
        Ok::<_, Error>(Reply::ok(&MessageView::from(message)))
    })
    .await
}

/// Take a scheduled message back
///
/// By its sender, or by an operator. Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/notifications/v1/messages/{id}/cancel",
    tag = "messages",
    params(("id" = String, Path, description = "The message's id"), IdempotencyKey),
    responses(
        (status = 200, description = "The message will not be sent", body = MessageView),
        (status = 404, description = "`message_must_exist`"),
        (status = 409, description = "`message_must_be_scheduled`"),
    )
)]
pub async fn cancel_message(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Path(id): Path<MessageId>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &[], change.at);
    let any_sender = principal.has(Role::Operator);
    write_once(&deps.store, call, move |tx| {
        let before = if any_sender {
            store::find_message(tx, id)?
        } else {
            store::find_message_of_sender(tx, id, &change.by)?
        };
        let (message, events) = message::handle(before, Command::Cancel, change.at)?;
        store::save_message(tx, &change, &message, &events)?;
        Ok::<_, Error>(Reply::ok(&MessageView::from(message)))
    })
    .await
}

/// List all messages for a recipient, with who changed them when
///
/// Also what is not sent yet and what was cancelled, the newest accepted first. Each call leaves a
/// line in the audit log.
#[utoipa::path(
    get,
    path = "/notifications/v1/recipients/{recipient}/messages",
    tag = "messages",
    params(("recipient" = String, Path, description = "The recipient's subject"), PageQuery),
    responses((status = 200, description = "A page of messages", body = Page<MessageRecord>))
)]
pub async fn list_messages_of_recipient(
    State(deps): State<Deps>,
    principal: Principal,
    Path(recipient): Path<Subject>,
    query: PageQuery,
) -> Result<Page<MessageRecord>, Problem> {
    let before = query.after::<MessageId>()?.unwrap_or(MessageId::MAX);
    let (rows, whose, now) = (query.rows(), recipient.to_string(), deps.clock.now());
    let read = read_audited(&deps.store, &principal, &whose, now, move |tx| {
        let messages = store::list_of_recipient(tx, &recipient, before, rows)?;
        let (Some(newest), Some(oldest)) = (messages.first(), messages.last()) else {
            return Ok((messages, Vec::new()));
        };
        let (from, to) = (oldest.content.id, newest.content.id);
        let history = store::list_message_history(tx, &recipient, from, to)?;
        Ok::<_, Error>((messages, history))
    });
    let (messages, history) = read.await?;
    let mut histories: BTreeMap<MessageId, Vec<_>> = BTreeMap::new();
    for (id, entry) in history {
        histories.entry(id).or_default().push(entry);
    }
    let page = Page::from_rows(messages, &query, |message| message.content.id.to_string());
    Ok(page.map(|message| {
        let history = histories.remove(&message.content.id).unwrap_or_default();
        MessageRecord::new(message, history)
    }))
}
