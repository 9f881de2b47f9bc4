//! Handlers of `/notifications/v1/templates`.

use ::host::{Call, Reply, write_once};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use web::{Body, Etag, IdempotencyKey, IfNoneMatch, Page, PageQuery, Path, Principal, Problem};

use super::change_by;
use super::wire::{CreateTemplate, Preview, PreviewTemplate, TemplateSummary, TemplateView};
use crate::Deps;
use crate::domain::Reject;
use crate::domain::names::TemplateKey;
use crate::domain::template::{self, Command, Template};
use crate::domain::wording;
use crate::error::Error;
use crate::store;

/// Changes of a template that are shown with it.
const HISTORY_ROWS: u32 = 50;

/// Make the next version of a template
///
/// The first version if the key is new. It is in use from now on, also if the key was retired.
/// Versions never change; messages keep the text of the version they were rendered from.
#[utoipa::path(
    post,
    path = "/notifications/v1/templates",
    tag = "templates",
    params(IdempotencyKey),
    request_body = CreateTemplate,
    responses(
        (status = 201, description = "The new version is in use", body = TemplateView),
        (status = 422, description = "`wording_must_fit`, `wording_must_parse`, \
            `subject_must_be_one_line`, `variable_must_be_declared`, `declaration_must_be_used`, \
            `declaration_must_be_unique`, `declarations_must_be_few`"),
    )
)]
pub async fn create_template(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Body { value, bytes }: Body<CreateTemplate>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &bytes, change.at);
    let (key, command) = (value.key.clone(), value.command());
    write_once(&deps.store, call, move |tx| {
        let before = store::find_template(tx, &key)?;
        let (template, events) = template::handle(before, command.clone(), change.at)?;
        store::save_template(tx, &change, &template, &events)?;
        Ok::<_, Error>(Reply::created(&TemplateView::new(template, Vec::new())))
    })
    .await
}

/// List templates by key
#[utoipa::path(
    get,
    path = "/notifications/v1/templates",
    tag = "templates",
    params(PageQuery),
    responses((status = 200, description = "A page of templates", body = Page<TemplateSummary>))
)]
pub async fn list_templates(
    State(deps): State<Deps>,
    query: PageQuery,
) -> Result<Page<TemplateSummary>, Problem> {
    let after = query.after::<TemplateKey>()?;
    let rows = query.rows();
    let read = deps
        .store
        .read(move |tx| store::list_templates(tx, after.as_ref(), rows).map_err(Error::from));
    let page = Page::from_rows(read.await?, &query, |template: &Template| {
        template.key.to_string()
    });
    Ok(page.map(|template| TemplateSummary::from(&template)))
}

/// Read a template: its newest version and its history
#[utoipa::path(
    get,
    path = "/notifications/v1/templates/{key}",
    tag = "templates",
    params(("key" = String, Path, description = "The template's key")),
    responses(
        (status = 200, description = "The template", body = TemplateView),
        (status = 304, description = "Unchanged since the version of If-None-Match"),
        (status = 404, description = "`template_must_exist`"),
    )
)]
pub async fn load_template(
    State(deps): State<Deps>,
    Path(key): Path<TemplateKey>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let read = deps.store.read(move |tx| {
        let template = store::find_template(tx, &key)?.ok_or(Reject::TemplateMustExist)?;
        let history = store::list_template_history(tx, &key, HISTORY_ROWS)?;
        Ok::<_, Error>((template, history))
    });
    let (template, history) = read.await?;
    let version = Etag(template.revision.into());
    Ok(known.answer(version, &TemplateView::new(template, history)))
}

/// Retire a template
///
/// All its versions; a new version brings the key back into use. Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/notifications/v1/templates/{key}/retire",
    tag = "templates",
    params(("key" = String, Path, description = "The template's key"), IdempotencyKey),
    responses(
        (status = 200, description = "The template is retired", body = TemplateView),
        (status = 404, description = "`template_must_exist`"),
    )
)]
pub async fn retire_template(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Path(template_key): Path<TemplateKey>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &[], change.at);
    write_once(&deps.store, call, move |tx| {
        let before = store::find_template(tx, &template_key)?;
        let (template, events) = template::handle(before, Command::Retire, change.at)?;
        store::save_template(tx, &change, &template, &events)?;
        Ok::<_, Error>(Reply::ok(&TemplateView::new(template, Vec::new())))
    })
    .await
}

/// Render a template without sending
///
/// Says what a message with these parameters would say now, and writes nothing.
#[utoipa::path(
    post,
    path = "/notifications/v1/templates/{key}/preview",
    tag = "templates",
    params(("key" = String, Path, description = "The template's key")),
    request_body = PreviewTemplate,
    responses(
        (status = 200, description = "What a message would say", body = Preview),
        (status = 404, description = "`template_must_exist`"),
        (status = 409, description = "`template_must_be_in_use`"),
        (status = 422, description = "`parameter_must_be_given`, `parameter_must_be_declared`, \
            `parameter_must_be_of_its_kind`, `text_must_fit`, `subject_must_be_one_line`"),
    )
)]
pub async fn preview_template(
    State(deps): State<Deps>,
    Path(key): Path<TemplateKey>,
    Body { value, .. }: Body<PreviewTemplate>,
) -> Result<Json<Preview>, Problem> {
    let read = deps.store.read(move |tx| {
        let template = store::find_template(tx, &key)?.ok_or(Reject::TemplateMustExist)?;
        let version = template.in_use()?;
        let text = wording::render(&version.wording, &version.parameters, &value.parameters)?;
        Ok::<_, Error>(text)
    });
    Ok(Json(read.await?.into()))
}
