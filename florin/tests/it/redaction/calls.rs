//! Every route there is, called with the corpus wherever a call has room for it.

use std::collections::BTreeMap;
use std::path::Path;

use kit::limits::TARGET_BYTES_MAX;
use reqwest::{Client, Method};
use serde_json::{Map, Value, json};
use web::AccessTable;

use super::corpus::{CORPUS, percent};
use crate::binary::token_of;

/// Who calls and what is known of bodies.
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) url: String,
    /// By role.
    tokens: BTreeMap<String, String>,
    /// The recorded documents of all services.
    documents: Vec<Value>,
}

/// What was answered.
pub(super) struct Told {
    pub(super) what: String,
    pub(super) status: u16,
    pub(super) text: String,
}

impl Caller {
    pub(super) fn new(home: &Path, url: &str) -> Self {
        let roles = AccessTable::embedded().rows().map(|(_, rule)| &rule.roles);
        let mut tokens = BTreeMap::new();
        for role in roles.flatten().map(|role| role.name()) {
            if role != "service" && !tokens.contains_key(role) {
                tokens.insert(role.to_owned(), token_of(home, role));
            }
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi");
        let documents = std::fs::read_dir(folder).unwrap().map(|entry| {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            serde_json::from_str(&text).unwrap()
        });
        Self {
            client: Client::new(),
            url: url.to_owned(),
            tokens,
            documents: documents.collect(),
        }
    }

    pub(super) fn token(&self, role: &str) -> &str {
        &self.tokens[role]
    }

    /// Calls every route of the access table with every piece, in three ways: as one who may,
    /// with a body of the right shape; as one who may, with one that breaks off; as nobody.
    pub(super) async fn everywhere(&self) -> Vec<Told> {
        let mut told = Vec::new();
        for ((method, path), rule) in AccessTable::embedded().rows() {
            let role = rule.roles.iter().map(|role| role.name());
            let token = role.flat_map(|role| self.tokens.get(role)).next();
            for piece in CORPUS {
                let whole = self.body(method, path, piece);
                let broken = whole.as_ref().map(|body| cut(&body.to_string()));
                let whole = whole.map(|body| body.to_string());
                let nobody = piece.is_ascii().then(|| piece.to_owned());
                for (token, body) in [
                    (token.cloned(), whole),
                    (token.cloned(), broken),
                    (nobody, None),
                ] {
                    let call = self.call(method, &target(path, piece), piece);
                    let call = match token {
                        Some(token) => call.bearer_auth(token),
                        None => call,
                    };
                    let call = match body {
                        Some(body) => call.header("content-type", "application/json").body(body),
                        None => call,
                    };
                    told.push(sent(&format!("{method} {path}"), call).await);
                }
            }
        }
        told
    }

    /// Calls what is no route, with methods that are none and media types that are not served.
    pub(super) async fn nowhere(&self) -> Vec<Told> {
        let mut told = Vec::new();
        let service = "/notifications/v1/templates";
        for piece in CORPUS {
            let inside = percent(piece);
            for path in [
                format!("/{inside}"),
                format!("{service}/{inside}/{inside}"),
                format!("{service}?{inside}={inside}&limit={inside}"),
                format!("/livez/{inside}?{inside}"),
                format!("/{}", inside.repeat(TARGET_BYTES_MAX / inside.len() + 1)),
            ] {
                let call = self
                    .call("GET", &path, piece)
                    .bearer_auth(self.token("operator"));
                told.push(sent("no route", call).await);
            }
            if let Ok(method) = Method::from_bytes(piece.as_bytes()) {
                let call = self.call(method.as_str(), service, piece);
                told.push(sent("no method", call).await);
            }
            for media in ["text/plain", "application/json", "multipart/form-data"] {
                let call = self.call("POST", service, piece);
                let call = call.bearer_auth(self.token("operator"));
                let call = call.header("content-type", media).body(piece);
                told.push(sent("no body of ours", call).await);
            }
        }
        told
    }

    /// A call with the piece in each header that can carry it.
    fn call(&self, method: &str, path: &str, piece: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut call = self.client.request(method, format!("{}{path}", self.url));
        let quoted = format!("\"{piece}\"");
        for (name, value) in [
            ("idempotency-key", piece),
            ("if-match", &quoted),
            ("if-none-match", &quoted),
            ("user-agent", piece),
            ("referer", piece),
            ("cookie", piece),
            ("x-forwarded-for", piece),
            ("x-api-key", piece),
            ("traceparent", piece),
            ("tracestate", piece),
            ("baggage", piece),
            ("x-customer", piece),
        ] {
            if value.is_ascii() {
                call = call.header(name, value);
            }
        }
        // What has the shape of an id is one: see docs/operations/telemetry.md.
        let harmless = piece.contains([' ', '@', '+', '!', ':']);
        if harmless && piece.is_ascii() {
            call = call.header("x-request-id", piece);
        }
        call
    }

    /// A body of the shape that the recorded document wants, with the piece for every text.
    fn body(&self, method: &str, path: &str, piece: &str) -> Option<Value> {
        let method = method.to_lowercase();
        let (document, operation) = self.documents.iter().find_map(|document| {
            let operation = &document["paths"][path.replace("{*", "{")][&method];
            (!operation.is_null()).then_some((document, operation))
        })?;
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let mut body = (!schema.is_null()).then(|| filled(document, schema, piece, 0))?;
        if let Some(members) = body.as_object_mut() {
            // What nobody asked for comes along too, as a name and as a value.
            let unknown =
                ["password", "card"].map(|name| (name.to_owned(), json!({ "it": piece })));
            if piece.len().is_multiple_of(2) {
                members.extend(unknown);
            }
        }
        Some(body)
    }
}

/// Deep enough for every recorded document; none of them describes a tree.
const DEPTH_MAX: usize = 8;

fn filled(document: &Value, schema: &Value, piece: &str, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let pointed = document.pointer(reference.trim_start_matches('#')).unwrap();
        return filled(document, pointed, piece, depth + 1);
    }
    for many in ["oneOf", "anyOf", "allOf"] {
        let first = schema[many].as_array().and_then(|all| {
            let present = |one: &&Value| one["type"] != "null";
            all.iter().find(present)
        });
        if let Some(first) = first {
            return filled(document, first, piece, depth + 1);
        }
    }
    if let Some(choices) = schema["enum"].as_array() {
        return choices[0].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].clone(),
        kind => kind.clone(),
    };
    match kind.as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object();
            let mut members: Map<String, Value> = properties
                .into_iter()
                .flatten()
                .map(|(name, schema)| (name.clone(), filled(document, schema, piece, depth + 1)))
                .collect();
            if members.is_empty() {
                members.insert(piece.to_owned(), json!(piece));
            }
            Value::Object(members)
        }
        Some("array") => json!([filled(document, &schema["items"], piece, depth + 1)]),
        Some("integer") => json!(1),
        Some("boolean") => json!(true),
        _ => json!(piece),
    }
}

/// The path with the piece for each parameter and in the query.
fn target(pattern: &str, piece: &str) -> String {
    let inside = percent(piece);
    let parts = pattern.split('/').map(|part| match part {
        "{book}" if piece.len().is_multiple_of(2) => "main",
        part if part.starts_with('{') => &inside,
        part => part,
    });
    let path: Vec<&str> = parts.collect();
    format!("{}?q={inside}&{inside}=1", path.join("/"))
}

/// The text up to the middle.
fn cut(text: &str) -> String {
    text.chars().take(text.chars().count() * 2 / 3).collect()
}

pub(super) async fn sent(what: &str, call: reqwest::RequestBuilder) -> Told {
    let answer = call.send().await.unwrap();
    Told {
        what: what.to_owned(),
        status: answer.status().as_u16(),
        text: answer.text().await.unwrap(),
    }
}
