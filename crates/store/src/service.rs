//! What the store knows of an open service: its prefix, its topics, the texts of its statements,
//! which of them have run, and the state of its outbox.
//!
//! Promises: a statement that is listed has its text written once, when the store is opened.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::drain::OutboxState;
use crate::drain::reading::expanded;
use crate::error::StoreError;
use crate::schema::Schema;
use crate::statement::{Recorder, Statement, check_verb};

/// The statements on the tables every service has; `{service}` in them stands for the prefix.
const OWN: &[&[&Statement]] = &[
    crate::audit::STATEMENTS,
    crate::cursor::STATEMENTS,
    crate::idempotency::STATEMENTS,
    crate::inbox::STATEMENTS,
    crate::lease::STATEMENTS,
    crate::outbox::STATEMENTS,
    crate::parked::STATEMENTS,
    crate::steps::STATEMENTS,
];

/// An open service. Shared by its stores and by every closure of it.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) prefix: Arc<str>,
    pub(crate) topics: BTreeSet<String>,
    pub(crate) recorder: Recorder,
    pub(crate) outbox: OutboxState,
    /// By name, the text as it is prepared.
    own: HashMap<&'static str, String>,
    /// By name, the text as the service wrote it and as it is prepared.
    listed: HashMap<&'static str, (&'static str, String)>,
}

impl Service {
    pub(crate) fn new(schema: &Schema, topics: &[&str]) -> Self {
        let prefix = schema.prefix();
        let own = OWN.iter().chain(crate::drain::STATEMENTS);
        let own = own.copied().flatten().map(|statement| {
            let text = expanded(statement.sql).replace("{service}", &prefix);
            (statement.name, keyed(&prefix, &text))
        });
        let listed = schema.statements.iter().map(|statement| {
            let text = keyed(&prefix, statement.sql);
            (statement.name, (statement.sql, text))
        });
        Self {
            name: schema.service,
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            recorder: Recorder::default(),
            outbox: OutboxState::new(topics),
            own: own.collect(),
            listed: listed.collect(),
            prefix: prefix.into(),
        }
    }

    /// The text of a statement on the tables every service has.
    pub(crate) fn own_text(&self, statement: &Statement) -> &str {
        self.own
            .get(statement.name)
            .expect("every statement of this crate is in the list of its module")
    }

    /// The text under which a service's statement is prepared. One that is not in the schema is
    /// written, and checked, anew each time.
    pub(crate) fn text(&self, statement: &Statement) -> Result<Cow<'_, str>, StoreError> {
        match self.listed.get(statement.name) {
            Some((sql, text)) if *sql == statement.sql => Ok(Cow::Borrowed(text)),
            _ => {
                check_verb(statement.name, statement.sql)?;
                Ok(Cow::Owned(keyed(&self.prefix, statement.sql)))
            }
        }
    }
}

/// The text under which a statement is prepared and cached: SQLite's authorizer has judged it for
/// one service, so another must not find it. On PostgreSQL it shows people whose it is.
fn keyed(prefix: &str, sql: &str) -> String {
    format!("/*{prefix}*/{sql}")
}
