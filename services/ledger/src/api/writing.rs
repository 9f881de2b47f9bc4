//! Who writes, and whether for real.
//!
//! Promises: what a person with a duty asks a book to write is a line in the audit log before it
//! is decided, because the journal says what happened and not who asked. The line says what was
//! asked for; whether it was done is in the journal under the same id. Components are not noted:
//! their ids are derived from their own intents.

use std::future::Future;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use store::{AuditEntry, StoreError};
use web::{IdempotencyKey, Principal, PrincipalKind, Problem, Query, Role};

use super::once::answer_once;
use super::wire::WriteQuery;
use super::{Answer, App};

/// The part of a write that is the same for all of them.
pub(super) struct Writing {
    /// Whether nothing is to be written.
    pub(super) dry_run: bool,
    principal: Principal,
    route: String,
}

impl FromRequestParts<App> for Writing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, app).await?;
        let Query(query) = Query::<WriteQuery>::from_request_parts(parts, app).await?;
        let route = format!("{} {}", parts.method, parts.uri.path());
        Ok(Self {
            dry_run: query.dry_run,
            principal,
            route,
        })
    }
}

impl Writing {
    /// Answers what comes of `write`, once per key. A dry run has no effect to be had twice: it
    /// neither looks its key up nor records it, so the same key can then be used for real.
    pub(super) async fn once<T: Serialize>(
        &self,
        app: &App,
        key: &IdempotencyKey,
        body: &[u8],
        write: impl Future<Output = Result<Answer<T>, Problem>>,
    ) -> Result<Response, Problem> {
        if self.dry_run {
            return write.await.map(IntoResponse::into_response);
        }
        answer_once(app, key, body, write).await
    }

    /// Notes what is about to be asked of a book, unless it is for show.
    pub(super) async fn note(&self, app: &App, what: Value) -> Result<(), Problem> {
        if self.dry_run {
            return Ok(());
        }
        note(app, &self.principal, &self.route, what).await
    }
}

/// Notes what a person with a duty is about to ask for.
pub(super) async fn note(
    app: &App,
    principal: &Principal,
    route: &str,
    what: Value,
) -> Result<(), Problem> {
    let is_duty = |role: &Role| !matches!(role, Role::Customer | Role::Service);
    if principal.kind != PrincipalKind::Person || !principal.roles.iter().any(is_duty) {
        return Ok(());
    }
    let entry = AuditEntry {
        recorded: app.clock.now(),
        actor: principal.subject.to_string(),
        action: "staff_write".to_owned(),
        subject: route.to_owned(),
        detail: what,
    };
    let noted = app.store.write(move |tx| tx.audit(&entry)).await;
    noted.map_err(|error: StoreError| Problem::new(error.code()).detail(error.to_string()))
}
