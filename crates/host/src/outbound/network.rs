//! Who may call whom from this process, and where they are found.
//!
//! Promises: an [`Outbound`] can call what its service's edges and the topology name, and nothing
//! else; it exists only if every outside host of the service has an address, and the host starts
//! only if every component it calls is here or has one. [`Reach::check`] says so of a
//! configuration, in the same words. It sends nothing by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use kit::random::Random;
use kit::time::Clock;
use telemetry::Redacted;
use topology::{EdgeKind, Edges, Topology, TopologyError};
use web::ServiceTokens;

use super::address::Address;
use super::answer::Answer;
use super::attempts::Common;
use super::error::CallError;
use super::limits::Limits;
use super::request::Request;
use super::target::{Credential, Route, Target};
use super::transport::{Slot, TlsError, Way, remote};
use crate::service::Service;
use crate::start::StartError;

/// Where the names of the topology are found, as configured.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The components of this process: they are called in memory, whatever has an address.
    pub here: BTreeSet<String>,
    /// Components of other processes, by name.
    pub components: BTreeMap<String, Address>,
    /// Outside hosts, by name.
    pub outside: BTreeMap<String, OutsideHost>,
    /// The limits of every call.
    pub limits: Limits,
}

/// An outside host, as configured.
#[derive(Debug, Clone)]
pub struct OutsideHost {
    /// Where it is.
    pub place: Place,
    /// Our secret there, sent as `Authorization: Bearer`.
    pub secret: Option<Secret>,
    /// Certificates (PEM) that are trusted beside the system's.
    pub authorities_pem: Option<String>,
}

/// Where an outside host is.
#[derive(Debug, Clone)]
pub enum Place {
    /// At an address.
    At(Address),
    /// Played by a component, for development and tests: below this path, with a service token.
    PlayedBy {
        /// The component.
        component: String,
        /// What comes before the path of each request, such as `/sandbox/v1`.
        base: String,
    },
}

/// A secret that is shown to an outside host. Prints as `[redacted]`.
#[derive(Debug, Clone)]
pub struct Secret(Redacted<String>);

/// Text that cannot be a secret in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("secret must be visible ASCII characters in one line")]
pub struct SecretError;

impl Secret {
    /// Takes a secret; white space around it, as files have, is dropped.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || !visible {
            return Err(SecretError);
        }
        Ok(Self(Redacted(text.to_owned())))
    }

    fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0.0))
            .expect("a secret is visible ASCII");
        value.set_sensitive(true);
        value
    }
}

/// What a component shows to others.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// To components of the same process.
    pub here: ServiceTokens,
    /// To those of others; without them it cannot call those.
    pub elsewhere: Option<ServiceTokens>,
}

/// Why a component has no way out.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// An edge is not declared.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// A host has no address.
    #[error("outside host must have an address in the configuration: {component} outside {host}")]
    Unconfigured {
        /// The component.
        component: String,
        /// The host.
        host: String,
    },
    /// A component is neither here nor has it an address.
    #[error(
        "component must run here or have an address in the configuration: \
         {component} calls {callee}"
    )]
    Nowhere {
        /// The component.
        component: String,
        /// The callee.
        callee: String,
    },
    /// It has nothing to show.
    #[error("component must have a key to call another process: {component} calls {callee}")]
    NoTokens {
        /// The component.
        component: &'static str,
        /// The callee.
        callee: String,
    },
    /// The connection cannot be set up.
    #[error("{component} {kind} {to}: {source}")]
    Tls {
        /// The component.
        component: &'static str,
        /// Calls or outside.
        kind: EdgeKind,
        /// The component or host.
        to: String,
        /// What is wrong.
        source: TlsError,
    },
}

impl Reach {
    /// Refuses the first component of this process, in the topology's order, that calls a
    /// component or an outside host which is nowhere.
    ///
    /// # Errors
    ///
    /// [`OutboundError::Nowhere`] and [`OutboundError::Unconfigured`].
    pub fn check(&self, topology: &Topology) -> Result<(), OutboundError> {
        let here = topology.components();
        for component in here.filter(|component| self.here.contains(&component.name)) {
            for edge in &component.calls {
                self.find(&component.name, &edge.to)?;
            }
            for edge in &component.outside {
                match &self.find_host(&component.name, &edge.to)?.place {
                    Place::PlayedBy { component: by, .. } => self.find(&component.name, by)?,
                    Place::At(_) => None,
                };
            }
        }
        Ok(())
    }

    /// Where `callee` is: at an address, or here.
    fn find(&self, component: &str, callee: &str) -> Result<Option<&Address>, OutboundError> {
        if self.here.contains(callee) {
            return Ok(None);
        }
        let address = self.components.get(callee).map(Some);
        address.ok_or_else(|| OutboundError::Nowhere {
            component: component.to_owned(),
            callee: callee.to_owned(),
        })
    }

    fn find_host(&self, component: &str, host: &str) -> Result<&OutsideHost, OutboundError> {
        let configured = self.outside.get(host);
        configured.ok_or_else(|| OutboundError::Unconfigured {
            component: component.to_owned(),
            host: host.to_owned(),
        })
    }
}

/// What the process reaches, and how. Clones are the same network.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    topology: Arc<Topology>,
    reach: Reach,
    common: Common,
    slot: Slot,
}

impl Network {
    /// The network of a process that hosts services of this topology.
    #[must_use]
    pub fn new(
        topology: Arc<Topology>,
        reach: Reach,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let limits = reach.limits.clone();
        Self {
            shared: Arc::new(Shared {
                topology,
                reach,
                common: Common {
                    clock,
                    random,
                    limits,
                },
                slot: Slot::default(),
            }),
        }
    }

    /// Whether any component that these edges call is not in this process, so that a key is needed.
    #[must_use]
    pub fn calls_elsewhere(&self, edges: &Edges) -> bool {
        let reach = &self.shared.reach;
        let played =
            edges
                .outside
                .iter()
                .filter_map(|host| match &reach.outside.get(*host)?.place {
                    Place::PlayedBy { component, .. } => Some(component.as_str()),
                    Place::At(_) => None,
                });
        let mut called = edges.calls.iter().copied().chain(played);
        called.any(|callee| !reach.here.contains(callee))
    }

    /// The way out of `component`, which does what `edges` say. Reads the system's certificate
    /// authorities if something is encrypted: blocking file I/O.
    pub fn outbound(
        &self,
        component: &'static str,
        edges: &Edges,
        tokens: &Tokens,
    ) -> Result<Outbound, OutboundError> {
        self.shared.topology.check(component, edges)?;
        let mut ways = Ways {
            shared: &self.shared,
            component,
            tokens,
            here: Vec::new(),
        };
        let (mut calls, mut outside) = (BTreeMap::new(), BTreeMap::new());
        for callee in edges.calls {
            calls.insert(
                *callee,
                ways.component(EdgeKind::Calls, callee, callee, "")?,
            );
        }
        for host in edges.outside {
            outside.insert(*host, ways.outside(host)?);
        }
        Ok(Outbound {
            inner: Arc::new(OutboundInner {
                component,
                here: ways.here,
                shared: self.shared.clone(),
                calls,
                outside,
            }),
        })
    }
}

/// Who looks for a way.
struct Ways<'a> {
    shared: &'a Shared,
    component: &'static str,
    tokens: &'a Tokens,
    /// Components found to be called in this process.
    here: Vec<String>,
}

impl Ways<'_> {
    fn outside(&mut self, host: &str) -> Result<Target, OutboundError> {
        let configured = self.shared.reach.find_host(self.component, host)?;
        match &configured.place {
            Place::PlayedBy { component, base } => {
                self.component(EdgeKind::Outside, host, component, base)
            }
            Place::At(address) => {
                let authorities = configured.authorities_pem.as_deref();
                let secret = configured.secret.as_ref();
                let route = Route {
                    way: self.remote(EdgeKind::Outside, host, address, authorities)?,
                    base: address.base().to_owned(),
                    credential: secret.map_or(Credential::None, |secret| {
                        Credential::Secret(secret.header())
                    }),
                };
                Ok(self.target(EdgeKind::Outside, host, route))
            }
        }
    }

    /// The component `callee`, called by the name `to`.
    fn component(
        &mut self,
        kind: EdgeKind,
        to: &str,
        callee: &str,
        base: &str,
    ) -> Result<Target, OutboundError> {
        let route = match self.shared.reach.find(self.component, callee)? {
            Some(address) => {
                let tokens = self.tokens.elsewhere.clone();
                let tokens = tokens.ok_or_else(|| OutboundError::NoTokens {
                    component: self.component,
                    callee: callee.to_owned(),
                })?;
                Route {
                    way: self.remote(kind, to, address, None)?,
                    base: format!("{}{base}", address.base()),
                    credential: Credential::Service(tokens, callee.to_owned()),
                }
            }
            None => {
                self.here.push(callee.to_owned());
                Route {
                    way: Way::Local(self.shared.slot.clone()),
                    base: base.to_owned(),
                    credential: Credential::Service(self.tokens.here.clone(), callee.to_owned()),
                }
            }
        };
        Ok(self.target(kind, to, route))
    }

    fn target(&self, kind: EdgeKind, to: &str, route: Route) -> Target {
        Target::new(self.component, kind, to, route, &self.shared.reach.limits)
    }

    fn remote(
        &self,
        kind: EdgeKind,
        to: &str,
        address: &Address,
        authorities_pem: Option<&str>,
    ) -> Result<Way, OutboundError> {
        let connect = self.shared.reach.limits.connect;
        remote(address, authorities_pem, connect).map_err(|source| OutboundError::Tls {
            component: self.component,
            kind,
            to: to.to_owned(),
            source,
        })
    }
}

/// The way out of one component, part of what its service is made of. Clones are the same.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<OutboundInner>,
}

struct OutboundInner {
    component: &'static str,
    shared: Arc<Shared>,
    calls: BTreeMap<&'static str, Target>,
    outside: BTreeMap<&'static str, Target>,
    /// Components that must be in this process.
    here: Vec<String>,
}

impl Outbound {
    /// Calls the component of this name. See [`Request`] for what is repeated.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; one that is not declared in the service's edges is refused before
    /// anything is sent.
    pub async fn call(&self, component: &str, request: Request) -> Result<Answer, CallError> {
        let target = self.inner.calls.get(component);
        self.ask(EdgeKind::Calls, component, target, request).await
    }

    /// Asks the outside host of this name, as [`Outbound::call`] asks a component.
    ///
    /// # Errors
    ///
    /// As [`Outbound::call`].
    pub async fn reach(&self, host: &str, request: Request) -> Result<Answer, CallError> {
        let target = self.inner.outside.get(host);
        self.ask(EdgeKind::Outside, host, target, request).await
    }

    async fn ask(
        &self,
        kind: EdgeKind,
        to: &str,
        target: Option<&Target>,
        request: Request,
    ) -> Result<Answer, CallError> {
        let Some(target) = target else {
            let component = self.inner.component;
            let error = CallError::Undeclared {
                component,
                kind,
                to: to.to_owned(),
            };
            tracing::error!(%error, "call refused");
            return Err(error);
        };
        target.ask(request, &self.inner.shared.common).await
    }

    /// Whether it was made for this service with these edges.
    fn is_of(&self, service: &Service) -> bool {
        let same = |targets: &BTreeMap<&'static str, Target>, edges: &[&'static str]| {
            targets.len() == edges.len() && edges.iter().all(|to| targets.contains_key(to))
        };
        let (inner, edges) = (&self.inner, &service.edges);
        inner.component == service.name
            && same(&inner.calls, edges.calls)
            && same(&inner.outside, edges.outside)
    }
}

/// The component, and not what it reaches.
impl fmt::Debug for Outbound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Outbound({})", self.inner.component)
    }
}

impl Service {
    /// Gives the service the way out that it was made with, so that it is there when it starts.
    #[must_use]
    pub fn outbound(mut self, outbound: &Outbound) -> Self {
        self.outbound = Some(outbound.clone());
        self
    }
}

/// Refuses a service that calls others and has no way out for exactly that, and one that calls a
/// component which was said to be here and is not.
pub(crate) fn check(service: &Service, services: &[Service]) -> Result<(), StartError> {
    let component = service.name;
    let edges = &service.edges;
    let Some(outbound) = &service.outbound else {
        let mut to = edges.calls.iter().chain(edges.outside);
        return to.next().map_or(Ok(()), |to| {
            let to = (*to).to_owned();
            Err(StartError::NoWayOut { component, to })
        });
    };
    if !outbound.is_of(service) {
        return Err(StartError::OtherWayOut(component));
    }
    let here = |name: &&String| services.iter().any(|service| service.name == **name);
    match outbound.inner.here.iter().find(|name| !here(name)) {
        None => Ok(()),
        Some(callee) => Err(StartError::CalleeMissing {
            component,
            callee: callee.clone(),
        }),
    }
}

/// Lets the services call each other through `router`, for as long as the caller keeps it.
pub(crate) fn mount(services: &[Service], router: Router) -> Arc<Router> {
    let router = Arc::new(router);
    for outbound in services.iter().filter_map(|own| own.outbound.as_ref()) {
        outbound.inner.shared.slot.fill(&router);
    }
    router
}
