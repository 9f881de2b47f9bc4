//! Path and query parameters over HTTP.

use axum::Router;
use axum::http::Request;
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt as _;
use web::{PageQuery, Path, Query};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    after: Option<u32>,
}

fn router() -> Router {
    Router::new()
        .route(
            "/things/{id}",
            get(|Path(id): Path<u32>| async move { id.to_string() }),
        )
        .route(
            "/pair/{a}/{b}",
            get(|Path((a, b)): Path<(u32, u32)>| async move { format!("{a}{b}") }),
        )
        .route(
            "/things",
            get(|Query(it): Query<Filter>| async move { format!("{:?}", it.after) }),
        )
        .route(
            "/pages",
            get(|page: PageQuery| async move { page.limit.to_string() }),
        )
}

async fn call(path: &str) -> (u16, String) {
    let response = router()
        .oneshot(Request::get(path).body(String::new()).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 16)
        .await
        .unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn parameters_that_fit_are_read() {
    assert_eq!(call("/things/7").await, (200, "7".into()));
    assert_eq!(call("/things?after=3").await, (200, "Some(3)".into()));
    assert_eq!(call("/things").await, (200, "None".into()));
    assert_eq!(call("/pages?limit=3").await, (200, "3".into()));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let cases = [
        ("/things/x", "path_must_match_schema"),
        ("/pair/1/x", "path_must_match_schema"),
        ("/things?after=x", "query_must_match_schema"),
        ("/things?before=1", "query_must_match_schema"),
        ("/things?after=1&after=2", "query_must_match_schema"),
        ("/pages?limit=0", "page_limit_must_be_in_range"),
        ("/pages?limit=x", "query_must_match_schema"),
        ("/pages?size=1", "query_must_match_schema"),
        ("/pages?cursor=!", "cursor_must_be_valid"),
    ];
    for (path, code) in cases {
        let (status, text) = call(path).await;
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (status, document["code"].as_str()),
            (400, Some(code)),
            "{path}: {text}"
        );
    }
    let (_, text) = call("/things/x").await;
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["errors"][0]["pointer"], "id");
}
