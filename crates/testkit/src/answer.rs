//! A small HTTP client: a call in the making, and its answer.

use host::Running;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use web::Role;

use crate::TestApp;

/// A request in the making; [`Call::send`] sends it.
#[must_use = "a call that is not sent does nothing"]
pub struct Call<'a> {
    app: &'a TestApp,
    request: reqwest::RequestBuilder,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages of tests: method, path, and the beginning of the body.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl Answer {
    /// The `code` of a problem document; empty if it is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// A header's text; empty without one.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The same answer if it has this status; else the test fails and shows the answer.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} → {}", self.asked, self.text);
        self
    }
}

impl<'a> Call<'a> {
    pub(crate) fn new(app: &'a TestApp, method: Method, path: &str) -> Self {
        let request = app.client.request(method, format!("{}{path}", app.url()));
        Self { app, request }
    }

    /// Calls as this subject with this role; a `service` calls the service of the path, others the
    /// deployment.
    pub fn caller(self, role: Role, subject: &str) -> Self {
        let token = self.app.token(role, subject);
        self.token(&token)
    }

    /// Calls with this token.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Gives the write its idempotency key.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sends this JSON.
    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// Sends these bytes under this media type.
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.request = self
            .request
            .header("content-type", media_type)
            .body(body.into());
        self
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        let request = self.request.build().expect("a test's request is one");
        let asked = asked(&request);
        let response = self.app.client.execute(request).await;
        let response = response.expect("the service under test answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the answer ends");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer {
            asked,
            status,
            headers,
            text,
            json,
        }
    }
}

/// A request in a few words.
fn asked(request: &reqwest::Request) -> String {
    let url = request.url();
    let query = url
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let body = String::from_utf8_lossy(body.unwrap_or_default());
    format!("{} {}{query} {body:.300}", request.method(), url.path())
}

/// Where a running host is reached.
pub(crate) fn url(running: &Running) -> String {
    format!("http://{}", running.address())
}
