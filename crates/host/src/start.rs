//! Starting and stopping the process's services.
//!
//! Promises: nothing is bound before every edge, route and name was checked; a refusal names what
//! it is about. Stopping: readiness goes down, running requests end, timers end, refusals that were
//! only counted are written, services close what they hold: in this order, each bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use kit::id::IdSource;
use kit::limits;
use kit::time::Clock;
use store::StoreError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use web::{
    AccessError, AccessTable, Denial, DenialLog, DenialSink, Gate, Recording, TokenVerifier, access,
};

use crate::messages::{self, Messages, Post, Settling};
use crate::observe::Pipeline;
use crate::outbound;
use crate::server::{Drained, Server};
use crate::service::{Service, Stop, WorkError};
use crate::timers::{FireError, Timer, Timers};
use crate::{app, probes};
use topology::{Topology, TopologyError};

/// How often counted refusals are written: an auditor sees a flood within a minute.
const DENIALS_EVERY: Duration = Duration::from_secs(30);

/// How often samples are folded into histograms: the exporter's own advice is seconds.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The limits and addresses of the process.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where `/metrics` is served. Without it: on `listen` if that is loopback, else nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long a connection may take to send a request's head.
    pub head_timeout: Duration,
    /// Most requests at once; more are answered 503.
    pub requests_max: usize,
    /// Most connections at once; more wait.
    pub connections_max: usize,
    /// After the wish to stop: how long new connections are still accepted, so that balancers see
    /// `/readyz` first. It ends early when nobody is connected.
    pub drain_notice: Duration,
    /// After the notice: how long running requests may take.
    pub drain_timeout: Duration,
    /// Whether timers run by themselves; tests fire them by name instead.
    pub timers: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8420)),
            metrics_listen: None,
            request_timeout: Duration::from_millis(limits::REQUEST_TIMEOUT_MS),
            // A head is a few kilobytes; ten seconds is a very slow telephone.
            head_timeout: Duration::from_secs(10),
            requests_max: limits::REQUESTS_IN_FLIGHT_MAX,
            // Idle connections cost some kilobytes each; below the usual limit of descriptors.
            connections_max: 8 * limits::REQUESTS_IN_FLIGHT_MAX,
            drain_notice: Duration::ZERO,
            drain_timeout: Duration::from_millis(limits::DRAIN_TIMEOUT_MS),
            timers: true,
        }
    }
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An edge, or a service, is not in the topology.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// A route is not in the access table.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Two services have one name.
    #[error("service must be started once: {0}")]
    ServiceTwice(&'static str),
    /// A route does not begin with its service's name and a version.
    #[error("route must begin with /{service}/v and a number: {route}")]
    RouteOutsideService {
        /// The service.
        service: &'static str,
        /// The route.
        route: String,
    },
    /// A service does not do with messages what it says.
    #[error("topic must {must}: {service} {topic}")]
    Reaction {
        /// The service.
        service: &'static str,
        /// The topic.
        topic: String,
        /// What must hold.
        must: &'static str,
    },
    /// A service says that it calls others, and has nothing to call them with.
    #[error("service must be given its way out: {component} calls {to}")]
    NoWayOut {
        /// The service.
        component: &'static str,
        /// The first it would call.
        to: String,
    },
    /// A service has the way out of another, or of other edges.
    #[error("service must have the way out that was made for its edges: {0}")]
    OtherWayOut(&'static str),
    /// A component that was said to be here is not.
    #[error("component must run in this process: {component} calls {callee}")]
    CalleeMissing {
        /// The service.
        component: &'static str,
        /// The component.
        callee: String,
    },
    /// The address cannot be bound.
    #[error("address must be free and ours: {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Everything a process runs.
pub struct Host {
    /// The services, already built.
    pub services: Vec<Service>,
    /// What each may do.
    pub topology: Arc<Topology>,
    /// Who may call what; [`AccessTable::embedded`] in every shipped binary.
    pub access: &'static AccessTable,
    /// Verifies tokens.
    pub verifier: TokenVerifier,
    /// The public keys of the issuer of this machine, if it has one.
    pub jwks: Option<String>,
    /// Makes request ids.
    pub ids: IdSource,
    /// What carries messages between services.
    pub messages: Messages,
    /// When refusals happened.
    pub clock: Arc<dyn Clock>,
    /// Limits and addresses.
    pub settings: Settings,
}

impl Host {
    /// Refuses what is not declared, before anything is bound.
    fn check(&self) -> Result<(), StartError> {
        for service in &self.services {
            self.topology.check(service.name, &service.edges)?;
            messages::check(service, &self.topology)?;
            outbound::check(service, &self.services)?;
        }
        app::check_routes(&self.services, self.access)
    }

    /// Checks everything, binds, and serves until [`Running::stop`].
    pub async fn start(self) -> Result<Running, StartError> {
        self.check()?;
        let metrics = telemetry::start_metrics();
        let denials = DenialLog::new(denial_sink(&self.services), self.clock.clone());
        let gate = Gate::new(self.verifier.clone(), self.access, denials.clone());
        let draining = Arc::new(AtomicBool::new(false));
        let pipeline = Arc::new(Pipeline {
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            permits: Semaphore::new(self.settings.requests_max.min(Semaphore::MAX_PERMITS)),
            request_timeout: self.settings.request_timeout,
            draining: draining.clone(),
        });
        let mut open = probes::router(&self.services, self.jwks.clone(), draining.clone());
        let (stop, stopping) = watch::channel(false);
        let settings = &self.settings;
        let metrics_router = probes::metrics_router(metrics.clone());
        let mut metrics_server = None;
        if let Some(address) = settings.metrics_listen {
            let draining = Arc::new(AtomicBool::new(false));
            let bound = Server::bind(
                address,
                metrics_router,
                settings,
                stopping.clone(),
                draining,
            )
            .await;
            metrics_server = Some(bound.map_err(|source| StartError::Bind { address, source })?);
        } else if settings.listen.ip().is_loopback() {
            open = open.merge(metrics_router);
        }
        let router = app::router(&self.services, open, &gate, pipeline);
        let mounted = outbound::mount(&self.services, router.clone());
        let address = settings.listen;
        let server = Server::bind(address, router, settings, stopping.clone(), draining)
            .await
            .map_err(|source| StartError::Bind { address, source })?;
        let own = own_timers(&denials, metrics);
        let mut with_own = self.services.clone();
        with_own.push(own);
        let timers = Timers::new(&with_own, &self.clock);
        let mut tasks = if settings.timers {
            timers.spawn(&stopping)
        } else {
            JoinSet::new()
        };
        let post = Post {
            messages: &self.messages,
            topology: &self.topology,
            clock: &self.clock,
            ids: &self.ids,
        };
        let settling = post.start(&self.services, &mut tasks, &stopping);
        let stops = self.services.into_iter().flat_map(named_stops).collect();
        let drain_timeout = self.settings.drain_timeout;
        Ok(Running {
            server,
            metrics_server,
            stop,
            timers,
            tasks,
            denials,
            stops,
            drain_timeout,
            settling,
            _mounted: mounted,
        })
    }
}

/// The host's own timers, in the shape of a service that is never mounted.
fn own_timers(denials: &DenialLog, metrics: telemetry::Metrics) -> Service {
    let denials = denials.clone();
    Service::new("host", utoipa_axum::router::OpenApiRouter::default())
        .timer(Timer::new("denials", DENIALS_EVERY, move || {
            let denials = denials.clone();
            async move { denials.flush().await.map_err(WorkError::from) }
        }))
        .timer(Timer::new("metrics", UPKEEP_EVERY, move || {
            metrics.upkeep();
            async { Ok(()) }
        }))
}

fn named_stops(service: Service) -> Vec<(String, Stop)> {
    let name = service.name;
    service
        .stops
        .into_iter()
        .map(|stop| (format!("{name}.{}", stop.name), stop))
        .collect()
}

/// Hands each refusal to the service its route belongs to; every one is in the log as well.
fn denial_sink(services: &[Service]) -> DenialSink {
    let sinks: Vec<(&'static str, DenialSink)> = services
        .iter()
        .filter_map(|own| Some((own.name, own.denials.clone()?)))
        .collect();
    Arc::new(move |denial: Denial| -> Recording {
        tracing::warn!(
            route = denial.route,
            code = denial.code,
            subject = denial.subject.as_deref(),
            request_id = denial.request_id,
            count = denial.count,
            "access refused"
        );
        let path = denial.route.split_once(' ').map_or("", |(_, path)| path);
        let owner = access::service_of(path);
        match sinks.iter().find(|(name, _)| Some(*name) == owner) {
            Some((_, sink)) => sink(denial),
            None => Box::pin(async { Ok(()) }),
        }
    })
}

/// A process that serves.
pub struct Running {
    server: Server,
    metrics_server: Option<Server>,
    stop: watch::Sender<bool>,
    timers: Timers,
    tasks: JoinSet<()>,
    denials: DenialLog,
    stops: Vec<(String, Stop)>,
    drain_timeout: Duration,
    settling: Settling,
    /// Services call each other through it as long as it is here.
    _mounted: Arc<Router>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Where `/metrics` is served, if on a listener of its own.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_server.as_ref().map(|server| server.address)
    }

    /// Runs the timer `service.timer` now and waits for it.
    pub async fn fire(&self, timer: &str) -> Result<(), FireError> {
        self.timers.fire(timer).await
    }

    /// Waits until everything that was published so far in this process, and what that led to, is
    /// handled; what is parked or delayed is not waited for, nor what an older transaction on the
    /// same PostgreSQL server holds back. Over the embedded carrier only.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.settling.settle().await
    }

    /// Begins to stop without waiting: `/readyz` goes down.
    pub fn begin_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops in order; returns what had to be cut off.
    pub async fn stop(mut self) -> Drained {
        self.begin_stop();
        let drained = self.server.drained().await;
        if let Some(server) = self.metrics_server {
            server.drained().await;
        }
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain_timeout, ended)
            .await
            .is_err()
        {
            tracing::error!("timers cut off");
            self.tasks.abort_all();
        }
        if let Err(error) = self.denials.flush().await {
            tracing::error!(error, "refusals not recorded");
        }
        for (name, stop) in self.stops {
            match tokio::time::timeout(self.drain_timeout, (stop.run)()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(stop = name, %error, "stop failed"),
                Err(_) => tracing::error!(stop = name, "stop cut off"),
            }
        }
        drained
    }
}

/// The wish to stop: SIGTERM or SIGINT.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From now on the process does not end by these signals; it hears of them.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
