//! What a topology declares: components, their edges, topics, editions.
//!
//! Promises: these are the document's own tables, field by field, and a field it does not know is
//! refused. Does not: check one against another; [`Topology`](crate::Topology) does.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// What a service does beyond itself; each must be declared for it in the topology.
#[derive(Debug, Clone, Copy, Default)]
pub struct Edges {
    /// Topics it publishes events on, or sends work to.
    pub publishes: &'static [&'static str],
    /// Topics it consumes.
    pub consumes: &'static [&'static str],
    /// Components whose ports it calls.
    pub calls: &'static [&'static str],
    /// Outside hosts it reaches.
    pub outside: &'static [&'static str],
}

/// What kind of edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// Publishes events on a topic, or sends work to it.
    Publishes,
    /// Consumes a topic.
    Consumes,
    /// Calls a component's port.
    Calls,
    /// Reaches an outside host.
    Outside,
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Publishes => "publishes",
            Self::Consumes => "consumes",
            Self::Calls => "calls",
            Self::Outside => "outside",
        })
    }
}

/// One thing a component does beyond itself, and why.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The topic, component or host.
    pub to: String,
    /// Why it is there, in one line.
    pub why: String,
    /// It sends only what the topic's own consumer had before and could not do, so it needs no
    /// consumer where it runs without one.
    #[serde(default)]
    pub again: bool,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Its name: the role, the first segment of its paths, the prefix of its tables.
    pub name: String,
    /// What it is for, in one line.
    pub why: String,
    /// The name of its own database: schema, login, prefix of tables.
    pub store: Option<String>,
    /// Its namespace in each edition that has it.
    #[serde(default)]
    pub namespace: BTreeMap<String, String>,
    /// The topics it publishes events on.
    #[serde(default)]
    pub publishes: Vec<Edge>,
    /// The topics it consumes.
    #[serde(default)]
    pub consumes: Vec<Edge>,
    /// The components whose ports it calls.
    #[serde(default)]
    pub calls: Vec<Edge>,
    /// The outside hosts it reaches.
    #[serde(default)]
    pub outside: Vec<Edge>,
}

impl Component {
    /// The declared edges of one kind.
    #[must_use]
    pub fn edges(&self, kind: EdgeKind) -> &[Edge] {
        match kind {
            EdgeKind::Publishes => &self.publishes,
            EdgeKind::Consumes => &self.consumes,
            EdgeKind::Calls => &self.calls,
            EdgeKind::Outside => &self.outside,
        }
    }
}

/// What a topic promises to those who consume it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// An ordered log per key: one component publishes, and every consumer gets every event.
    Events,
    /// What others ask for: one component consumes, and its processes compete.
    Work,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Its name: `component.what`; of events the publisher's, of work the consumer's component.
    pub name: String,
    /// What it promises.
    pub pattern: Pattern,
    /// What its messages are about: events with the same key stay in order.
    pub key: String,
    /// What it is for, in one line.
    pub why: String,
    /// It is there to try things out, and not in production; nor is any edge to it.
    #[serde(default)]
    pub development: bool,
}

/// A named set of roles.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// Its name: `florin up --edition NAME`.
    pub name: String,
    /// What its users do with it, in one line.
    pub why: String,
    /// The components that run in it.
    pub roles: Vec<String>,
}
