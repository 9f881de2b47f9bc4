//! The topology: which components there are, and every edge between them.
//!
//! Promises: the document is refused if an edge has no reason, a name is used twice, a topic of
//! events has not exactly one publisher or one of work not exactly one consumer, a call or an
//! edition names a component that is not there, a component of an edition has no namespace in it,
//! or an edition lacks the component that does the work its others ask for. A service may do what
//! is declared for it and nothing else; what is declared and not done is found too. It enforces
//! nothing by itself: the host does, and policies are generated from the same document.

mod declared;
mod error;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

pub use declared::{Component, Edge, EdgeKind, Edges, Edition, Pattern, Topic};
pub use error::TopologyError;

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
