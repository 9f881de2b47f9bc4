//! OpenAPI 3.1 documents from the routers that serve.
//!
//! Promises: every operation shows the bearer scheme it needs and the problem document it answers
//! errors with; a wildcard path is shown as a plain parameter, which is what OpenAPI can say; the
//! text of the same routers is always the same, so that it can be recorded and compared.

use axum::http::StatusCode;
use utoipa::PartialSchema as _;
use utoipa::ToSchema as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, PathItem, Ref, RefOr, ResponseBuilder,
    SecurityRequirement,
};

use crate::access::Route;
use crate::problem::{self, FieldError, ProblemDocument};

/// The name of the security scheme.
const BEARER: &str = "bearer";

/// The name of the problem response every operation shares.
const PROBLEM: &str = "Problem";

/// The routes a document describes, with the paths as the router has them. Take them before
/// [`finish`], which changes wildcards.
#[must_use]
pub fn routes(api: &OpenApi) -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, item) in &api.paths.paths {
        for (method, _) in operations(item) {
            routes.push((method.to_owned(), path.clone()));
        }
    }
    routes
}

/// Completes a router's document: title, version, bearer scheme, problem answers, plain paths.
#[must_use]
pub fn finish(mut api: OpenApi, title: &str, description: &str) -> OpenApi {
    api.info = InfoBuilder::new()
        .title(title)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .build();
    add_components(api.components.get_or_insert_default());
    let paths = std::mem::take(&mut api.paths.paths);
    for (path, mut item) in paths {
        for operation in operations_mut(&mut item) {
            complete(operation);
        }
        api.paths.paths.insert(plain(&path), item);
    }
    api
}

/// The document as the text that is recorded: indented JSON with a final line feed.
#[must_use]
pub fn text(api: &OpenApi) -> String {
    let mut text = serde_json::to_string_pretty(api).expect("an OpenAPI document is always JSON");
    text.push('\n');
    text
}

/// `/a/{*rest}` → `/a/{rest}`.
fn plain(path: &str) -> String {
    path.replace("{*", "{")
}

fn add_components(components: &mut Components) {
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components
        .schemas
        .insert(FieldError::name().into_owned(), FieldError::schema());
    components.schemas.insert(
        ProblemDocument::name().into_owned(),
        ProblemDocument::schema(),
    );
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    components
        .security_schemes
        .insert(BEARER.to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    let content = ContentBuilder::new()
        .schema(Some(RefOr::Ref(Ref::from_schema_name(
            ProblemDocument::name(),
        ))))
        .build();
    let response = ResponseBuilder::new()
        .description("A problem document (RFC 9457); decide by its `code`")
        .content(problem::MEDIA_TYPE, content)
        .build();
    components
        .responses
        .insert(PROBLEM.to_owned(), RefOr::T(response));
}

/// Gives an operation its security requirement and its answers for errors: those every route can
/// have, and everything else as the default.
fn complete(operation: &mut Operation) {
    operation
        .security
        .get_or_insert_with(|| vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    let shared = || RefOr::Ref(Ref::from_response_name(PROBLEM));
    let common = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].map(|status| status.as_u16());
    let names = common
        .iter()
        .map(u16::to_string)
        .chain(["default".to_owned()]);
    for name in names {
        operation
            .responses
            .responses
            .entry(name)
            .or_insert_with(shared);
    }
    for (status, response) in &mut operation.responses.responses {
        let error = status.starts_with('4') || status.starts_with('5');
        if let RefOr::T(inner) = response
            && error
            && inner.content.is_empty()
        {
            inner.content.extend(problem_content());
        }
    }
}

fn problem_content() -> Option<(String, RefOr<utoipa::openapi::Content>)> {
    let schema = RefOr::Ref(Ref::from_schema_name(ProblemDocument::name()));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    Some((problem::MEDIA_TYPE.to_owned(), RefOr::T(content)))
}

fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let all = [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("DELETE", &item.delete),
        ("OPTIONS", &item.options),
        ("HEAD", &item.head),
        ("PATCH", &item.patch),
        ("TRACE", &item.trace),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}
