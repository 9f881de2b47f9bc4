//! The OpenAPI document of a router with everything the conventions have.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{Page, PageQuery, Path, Problem};

#[derive(Serialize, Deserialize, ToSchema)]
struct Thing {
    name: String,
}

#[utoipa::path(get, path = "/toy/v1/books/{book}/accounts/{*account}",
    params(("book" = String, Path), ("account" = String, Path)),
    responses((status = 200, body = Thing), (status = 404, description = "No such account")))]
async fn read(Path((book, account)): Path<(String, String)>) -> Result<Json<Thing>, Problem> {
    Ok(Json(Thing {
        name: format!("{book} {account}"),
    }))
}

#[utoipa::path(get, path = "/toy/v1/things", params(PageQuery),
    responses((status = 200, body = Page<Thing>)))]
async fn list(query: PageQuery) -> Page<Thing> {
    Page::from_rows(Vec::new(), &query, |thing: &Thing| thing.name.clone())
}

fn router() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(read))
        .routes(routes!(list))
}

fn document() -> Value {
    let api = web::openapi::finish(router().into_openapi(), "Toy", "A toy");
    serde_json::from_str(&web::openapi::text(&api)).unwrap()
}

#[test]
fn routes_are_those_of_the_router() {
    let routes = web::openapi::routes(router().get_openapi());
    let expected = [
        (
            "GET".to_owned(),
            "/toy/v1/books/{book}/accounts/{*account}".to_owned(),
        ),
        ("GET".to_owned(), "/toy/v1/things".to_owned()),
    ];
    assert_eq!(routes, expected);
}

#[tokio::test]
async fn a_wildcard_serves_the_whole_rest_and_is_shown_as_a_parameter() {
    use tower::ServiceExt as _;
    let app = axum::Router::from(router());
    let request = axum::http::Request::get("/toy/v1/books/main/accounts/customers/c1/EUR")
        .body(String::new());
    let response = app.oneshot(request.unwrap()).await.unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), 1024)
        .await
        .unwrap();
    assert_eq!(bytes, r#"{"name":"main customers/c1/EUR"}"#);
    let document = document();
    assert!(document["paths"]["/toy/v1/books/{book}/accounts/{account}"].is_object());
    assert_eq!(document["paths"].as_object().unwrap().len(), 2);
}

#[test]
fn every_operation_shows_its_token_and_its_problems() {
    let document = document();
    assert_eq!(
        document["openapi"]
            .as_str()
            .unwrap()
            .split('.')
            .take(2)
            .collect::<Vec<_>>(),
        ["3", "1"]
    );
    assert_eq!(
        document["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );
    let problem = "#/components/schemas/Problem";
    let response = &document["components"]["responses"]["Problem"]["content"];
    assert_eq!(
        response["application/problem+json"]["schema"]["$ref"],
        problem
    );
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["get"];
        assert!(operation["security"][0]["bearer"].is_array(), "{path}");
        for status in ["401", "403", "default"] {
            let reference = &operation["responses"][status]["$ref"];
            assert_eq!(
                reference, "#/components/responses/Problem",
                "{path} {status}"
            );
        }
    }
    let read = &document["paths"]["/toy/v1/books/{book}/accounts/{account}"]["get"];
    let content = &read["responses"]["404"]["content"]["application/problem+json"];
    assert_eq!(content["schema"]["$ref"], problem);
}

/// Every `$ref` of the document leads somewhere in it.
#[test]
fn every_reference_resolves() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 5);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn the_text_is_always_the_same() {
    let text = || {
        web::openapi::text(&web::openapi::finish(
            router().into_openapi(),
            "Toy",
            "A toy",
        ))
    };
    assert_eq!(text(), text());
    assert!(text().ends_with("}\n"));
}
