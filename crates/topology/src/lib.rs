//! The topology: which components there are, and every edge between them.
//!
//! Promises: the document is refused if an edge has no reason, a name is used twice, a topic of
//! events has not exactly one publisher or one of work not exactly one consumer, a call or an
//! edition names a component that is not there, a component of an edition has no namespace in it,
//! or an edition lacks the component that does the work its others ask for. A service may do what
//! is declared for it and nothing else; what is declared and not done is found too. It enforces
//! nothing by itself: the host does, and policies are generated from the same document.

use std::collections::{BTreeMap, BTreeSet};
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    component: Vec<Component>,
    #[serde(default)]
    topic: Vec<Topic>,
    #[serde(default)]
    edition: Vec<Edition>,
}

/// Why a topology is refused, or a service does not fit it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// Not the TOML the topology is written in.
    #[error("topology must be well-formed: {0}")]
    Malformed(String),
    /// A name twice.
    #[error("name must be unique in the topology: {0}")]
    Duplicate(String),
    /// A name that nothing has.
    #[error("name must be in the topology: {name} in {place}")]
    Unknown {
        /// The name.
        name: String,
        /// Where it was used.
        place: String,
    },
    /// Something without a reason.
    #[error("why must be given: {0}")]
    WhyMissing(String),
    /// A topic of events that nobody or several publish on.
    #[error("topic of events must have exactly one publisher: {0}")]
    Publisher(String),
    /// A topic of work that nobody or several consume.
    #[error("topic of work must have exactly one consumer: {0}")]
    Consumer(String),
    /// A topic of work that nobody sends to.
    #[error("topic of work must have a publisher: {0}")]
    Idle(String),
    /// A topic that is named after another component than its own.
    #[error("topic must be named after its component: {topic} of {component}")]
    TopicName {
        /// The topic.
        topic: String,
        /// The publisher of events, the consumer of work.
        component: String,
    },
    /// Work that is asked for in an edition and done by nobody there.
    #[error("edition must have the consumer of work: {edition} lacks {component} for {topic}")]
    WorkerMissing {
        /// The edition.
        edition: String,
        /// Who would do it.
        component: String,
        /// The topic.
        topic: String,
    },
    /// A component of an edition without a namespace there.
    #[error("component must have a namespace in edition: {component} in {edition}")]
    NamespaceMissing {
        /// The component.
        component: String,
        /// The edition.
        edition: String,
    },
    /// A service that is no component.
    #[error("service must be a component of the topology: {0}")]
    ComponentMissing(String),
    /// A service does what is not declared.
    #[error("edge must be declared in the topology: {component} {kind} {to}")]
    Undeclared {
        /// The component.
        component: String,
        /// What kind of edge.
        kind: EdgeKind,
        /// The topic, component or host.
        to: String,
    },
    /// What is declared is not done.
    #[error("declared edge must exist: {component} {kind} {to}")]
    Unused {
        /// The component.
        component: String,
        /// What kind of edge.
        kind: EdgeKind,
        /// The topic, component or host.
        to: String,
    },
}

/// All components and edges of the system.
#[derive(Debug, Clone)]
pub struct Topology {
    components: BTreeMap<String, Component>,
    topics: BTreeMap<String, Topic>,
    editions: BTreeMap<String, Edition>,
}

const KINDS: [EdgeKind; 4] = [
    EdgeKind::Publishes,
    EdgeKind::Consumes,
    EdgeKind::Calls,
    EdgeKind::Outside,
];

impl Topology {
    /// Reads a topology; see the module for what is refused.
    pub fn parse(text: &str) -> Result<Self, TopologyError> {
        let document: Document =
            toml::from_str(text).map_err(|error| TopologyError::Malformed(error.to_string()))?;
        let mut topology = Self {
            components: BTreeMap::new(),
            topics: BTreeMap::new(),
            editions: BTreeMap::new(),
        };
        for topic in document.topic {
            reason(&topic.name, &topic.why)?;
            reason(&format!("{} key", topic.name), &topic.key)?;
            let name = topic.name.clone();
            if topology.topics.insert(name.clone(), topic).is_some() {
                return Err(TopologyError::Duplicate(name));
            }
        }
        for component in document.component {
            let name = component.name.clone();
            if topology
                .components
                .insert(name.clone(), component)
                .is_some()
            {
                return Err(TopologyError::Duplicate(name));
            }
        }
        for edition in document.edition {
            reason(&edition.name, &edition.why)?;
            let name = edition.name.clone();
            if topology.editions.insert(name.clone(), edition).is_some() {
                return Err(TopologyError::Duplicate(name));
            }
        }
        topology.check_components()?;
        topology.check_topics()?;
        topology.check_editions()?;
        Ok(topology)
    }

    fn check_components(&self) -> Result<(), TopologyError> {
        for component in self.components.values() {
            reason(&component.name, &component.why)?;
            for kind in KINDS {
                let mut seen = BTreeSet::new();
                for edge in component.edges(kind) {
                    let place = format!("{} {kind} {}", component.name, edge.to);
                    reason(&place, &edge.why)?;
                    if !seen.insert(&edge.to) {
                        return Err(TopologyError::Duplicate(place));
                    }
                    let known = match kind {
                        EdgeKind::Publishes | EdgeKind::Consumes => {
                            self.topics.contains_key(&edge.to)
                        }
                        EdgeKind::Calls => self.components.contains_key(&edge.to),
                        EdgeKind::Outside => true,
                    };
                    if !known {
                        return Err(TopologyError::Unknown {
                            name: edge.to.clone(),
                            place,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn check_topics(&self) -> Result<(), TopologyError> {
        for topic in self.topics.values() {
            let name = &topic.name;
            let (publishers, consumers) = (self.publishers(name), self.consumers(name));
            let owner = match (topic.pattern, publishers.as_slice(), consumers.as_slice()) {
                (Pattern::Events, [publisher], _) => publisher,
                (Pattern::Events, ..) => return Err(TopologyError::Publisher(name.clone())),
                (Pattern::Work, [], _) => return Err(TopologyError::Idle(name.clone())),
                (Pattern::Work, _, [consumer]) => consumer,
                (Pattern::Work, ..) => return Err(TopologyError::Consumer(name.clone())),
            };
            let prefix = name.split_once('.').map_or("", |(prefix, _)| prefix);
            if prefix != *owner {
                return Err(TopologyError::TopicName {
                    topic: name.clone(),
                    component: (*owner).to_owned(),
                });
            }
        }
        Ok(())
    }

    fn check_editions(&self) -> Result<(), TopologyError> {
        for (edition, Edition { roles, .. }) in &self.editions {
            for role in roles {
                let component =
                    self.components
                        .get(role)
                        .ok_or_else(|| TopologyError::Unknown {
                            name: role.clone(),
                            place: edition.clone(),
                        })?;
                if !component.namespace.contains_key(edition) {
                    return Err(TopologyError::NamespaceMissing {
                        component: role.clone(),
                        edition: edition.clone(),
                    });
                }
                self.check_workers(edition, roles, component)?;
            }
        }
        for component in self.components.values() {
            let unknown = component
                .namespace
                .keys()
                .find(|name| !self.editions.contains_key(*name));
            if let Some(name) = unknown {
                let (name, place) = (name.clone(), format!("{} namespace", component.name));
                return Err(TopologyError::Unknown { name, place });
            }
        }
        Ok(())
    }

    /// What a component asks for in an edition must be done by somebody there.
    fn check_workers(
        &self,
        edition: &str,
        roles: &[String],
        component: &Component,
    ) -> Result<(), TopologyError> {
        for edge in component.publishes.iter().filter(|edge| !edge.again) {
            if self.topics[&edge.to].pattern == Pattern::Events {
                continue;
            }
            let consumers = self.consumers(&edge.to);
            let absent = consumers
                .iter()
                .find(|name| !roles.iter().any(|role| role == *name));
            if let Some(consumer) = absent {
                return Err(TopologyError::WorkerMissing {
                    edition: edition.to_owned(),
                    component: (*consumer).to_owned(),
                    topic: edge.to.clone(),
                });
            }
        }
        Ok(())
    }

    /// Refuses a service that does anything that is not declared for it, naming the edge.
    pub fn check(&self, name: &str, edges: &Edges) -> Result<(), TopologyError> {
        let component = self.component(name)?;
        for kind in KINDS {
            let declared = component.edges(kind);
            let done = of_kind(edges, kind).iter();
            for to in done {
                if !declared.iter().any(|edge| edge.to == **to) {
                    let (component, to) = (name.to_owned(), (*to).to_owned());
                    return Err(TopologyError::Undeclared {
                        component,
                        kind,
                        to,
                    });
                }
            }
        }
        Ok(())
    }

    /// Refuses a service that does not do everything that is declared for it, naming the edge.
    pub fn check_used(&self, name: &str, edges: &Edges) -> Result<(), TopologyError> {
        let component = self.component(name)?;
        for kind in KINDS {
            let done = of_kind(edges, kind);
            for edge in component.edges(kind) {
                if !done.contains(&edge.to.as_str()) {
                    let (component, to) = (name.to_owned(), edge.to.clone());
                    return Err(TopologyError::Unused {
                        component,
                        kind,
                        to,
                    });
                }
            }
        }
        Ok(())
    }

    /// What of it there is in production: no topic of development, and no edge to one.
    #[must_use]
    pub fn in_production(mut self) -> Self {
        let gone = |to: &str| self.topics.get(to).is_some_and(|topic| topic.development);
        for component in self.components.values_mut() {
            component.publishes.retain(|edge| !gone(&edge.to));
            component.consumes.retain(|edge| !gone(&edge.to));
        }
        self.topics.retain(|_, topic| !topic.development);
        self
    }

    fn component(&self, name: &str) -> Result<&Component, TopologyError> {
        self.components
            .get(name)
            .ok_or_else(|| TopologyError::ComponentMissing(name.to_owned()))
    }

    /// Every component, by name.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.values()
    }

    /// Every topic, by name.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.values()
    }

    /// The components that publish on a topic, or send to it, by name.
    #[must_use]
    pub fn publishers(&self, topic: &str) -> Vec<&str> {
        self.ends(EdgeKind::Publishes, topic)
    }

    /// The components that consume a topic, by name.
    #[must_use]
    pub fn consumers(&self, topic: &str) -> Vec<&str> {
        self.ends(EdgeKind::Consumes, topic)
    }

    fn ends(&self, kind: EdgeKind, to: &str) -> Vec<&str> {
        let reaches = |component: &&Component| component.edges(kind).iter().any(|e| e.to == to);
        let reaching = self.components.values().filter(reaches);
        reaching.map(|component| component.name.as_str()).collect()
    }

    /// Every edition, by name.
    pub fn editions(&self) -> impl Iterator<Item = &Edition> {
        self.editions.values()
    }

    /// The edition of this name.
    #[must_use]
    pub fn find_edition(&self, name: &str) -> Option<&Edition> {
        self.editions.get(name)
    }
}

fn reason(place: &str, why: &str) -> Result<(), TopologyError> {
    if why.trim().is_empty() {
        return Err(TopologyError::WhyMissing(place.to_owned()));
    }
    Ok(())
}

fn of_kind(edges: &Edges, kind: EdgeKind) -> &'static [&'static str] {
    match kind {
        EdgeKind::Publishes => edges.publishes,
        EdgeKind::Consumes => edges.consumes,
        EdgeKind::Calls => edges.calls,
        EdgeKind::Outside => edges.outside,
    }
}
