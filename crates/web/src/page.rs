//! Pages: `?limit=&cursor=` in, `{"items":[…],"next_cursor":null}` out.
//!
//! Promises: a limit outside 1..=PAGE_ITEMS_MAX and a cursor that was not given out are refused by
//! name; without a limit a page has PAGE_ITEMS_DEFAULT items. A cursor is the last row's sort key,
//! opaque to callers and stable between calls; it is not a secret and carries no permission.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::codes;
use kit::limits;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::params::Query;
use crate::problem::Problem;

/// Where a page continues: the sort key of the last item of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor that holds `key`, the sort key of the last item of a page.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// Reads the wire form; what [`Cursor::encode`] did not make is `cursor_must_be_valid`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > limits::CURSOR_BYTES_MAX {
            return Err(cursor_refused());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| cursor_refused())?;
        String::from_utf8(bytes)
            .map(Self)
            .map_err(|_| cursor_refused())
    }

    /// The sort key inside.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }

    /// The wire form: base64url without padding (RFC 4648, section 5).
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
}

/// Which page is asked for. An extractor for routes without filters; a route with filters puts
/// `limit` and `cursor` into its own query type and calls [`PageQuery::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// How many items at most: 1..=PAGE_ITEMS_MAX.
    pub limit: u32,
    /// Where to continue; none is the first page.
    pub cursor: Option<Cursor>,
}

/// The wire form of [`PageQuery`].
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "the fields are read through serde and utoipa")]
struct PageParams {
    /// Items on the page: 1 to 200, 50 if not given.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    /// Checks the two parameters: `page_limit_must_be_in_range`, `cursor_must_be_valid`.
    pub fn parse(limit: Option<u32>, cursor: Option<&str>) -> Result<Self, Problem> {
        let items_max = limits::PAGE_ITEMS_MAX;
        let limit = limit.unwrap_or(limits::PAGE_ITEMS_DEFAULT);
        if !(1..=items_max).contains(&limit) {
            return Err(Problem::new(&codes::PAGE_LIMIT_MUST_BE_IN_RANGE)
                .detail(format!("the limit must be from 1 to {items_max}")));
        }
        Ok(Self {
            limit,
            cursor: cursor.map(Cursor::parse).transpose()?,
        })
    }
}

impl PageQuery {
    /// The sort key after which the page begins, as its type reads it; `None` for the first page.
    /// A key that the type cannot read is `cursor_must_be_valid`.
    pub fn after<K: FromStr>(&self) -> Result<Option<K>, Problem> {
        let key = self.cursor.as_ref().map(|cursor| cursor.key().parse());
        key.transpose().map_err(|_| cursor_refused())
    }

    /// How many rows to ask the store for: one more than fit, which proves a next page.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.limit + 1
    }
}

/// The refusal of a cursor that was not given out.
fn cursor_refused() -> Problem {
    Problem::new(&codes::CURSOR_MUST_BE_VALID)
        .detail("the cursor must be the next_cursor of an earlier page of the same list")
}

impl IntoParams for PageQuery {
    fn into_params(
        parameter_in_provider: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
    ) -> Vec<utoipa::openapi::path::Parameter> {
        PageParams::into_params(parameter_in_provider)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(params) = Query::<PageParams>::from_request_parts(parts, state).await?;
        Self::parse(params.limit, params.cursor.as_deref())
    }
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page from up to `query.limit + 1` rows: the one too many proves that there is a next
    /// page and is dropped; `key` gives the sort key of an item for the cursor.
    #[must_use]
    pub fn from_rows(mut rows: Vec<T>, query: &PageQuery, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = if more { rows.last() } else { None };
        let next_cursor = last.map(|item| Cursor::new(key(item)).encode());
        Self {
            items: rows,
            next_cursor,
        }
    }

    /// The same page with every item in another shape, such as its wire form.
    pub fn map<U>(self, shape: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(shape).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

impl<T: Serialize> axum::response::IntoResponse for Page<T> {
    fn into_response(self) -> axum::response::Response {
        axum::Json(self).into_response()
    }
}
