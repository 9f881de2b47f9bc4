//! Why a topology is refused, or a service does not fit it.

use crate::EdgeKind;

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
