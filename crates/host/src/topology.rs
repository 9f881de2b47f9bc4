//! The topology: which components there are, and every edge between them.
//!
//! Promises: the document is refused if an edge has no reason, a name is used twice, a topic has
//! not exactly one publisher, a call or an edition names a component that is not there, or a
//! component of an edition has no namespace in it. A service may do what is declared for it and
//! nothing else; what is declared and not done is found too. It enforces nothing on the network:
//! policies are generated from the same document.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use crate::service::Edges;

/// What kind of edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// Publishes events on a topic.
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Topic {
    name: String,
    key: String,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edition {
    name: String,
    why: String,
    roles: Vec<String>,
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
    /// A topic that nobody or several publish on.
    #[error("topic must have exactly one publisher: {0}")]
    Publisher(String),
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
    topics: BTreeSet<String>,
    editions: BTreeMap<String, Vec<String>>,
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
            topics: BTreeSet::new(),
            editions: BTreeMap::new(),
        };
        for topic in document.topic {
            reason(&topic.name, &topic.why)?;
            reason(&format!("{} key", topic.name), &topic.key)?;
            if !topology.topics.insert(topic.name.clone()) {
                return Err(TopologyError::Duplicate(topic.name));
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
            if topology
                .editions
                .insert(edition.name.clone(), edition.roles)
                .is_some()
            {
                return Err(TopologyError::Duplicate(edition.name));
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
                        EdgeKind::Publishes | EdgeKind::Consumes => self.topics.contains(&edge.to),
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
        for topic in &self.topics {
            let publishes =
                |component: &&Component| component.publishes.iter().any(|edge| edge.to == *topic);
            if self.components.values().filter(publishes).count() != 1 {
                return Err(TopologyError::Publisher(topic.clone()));
            }
        }
        Ok(())
    }

    fn check_editions(&self) -> Result<(), TopologyError> {
        for (edition, roles) in &self.editions {
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

    fn component(&self, name: &str) -> Result<&Component, TopologyError> {
        self.components
            .get(name)
            .ok_or_else(|| TopologyError::ComponentMissing(name.to_owned()))
    }

    /// Every component, by name.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.values()
    }

    /// Every edition with its roles, by name.
    pub fn editions(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.editions
            .iter()
            .map(|(name, roles)| (name.as_str(), roles.as_slice()))
    }

    /// The roles of an edition.
    #[must_use]
    pub fn find_edition(&self, name: &str) -> Option<&[String]> {
        self.editions.get(name).map(Vec::as_slice)
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
