//! Services under test, over HTTP on a free port.

use std::time::Duration;

use host::{Drained, FireError, Host, Running, Service, StartError};
use reqwest::Method;
use web::{Grant, Role, TokenIssuer, TokenVerifier};

use crate::answer::{self, Call};
use crate::world::World;

/// How long [`TestApp::settle`] waits: on a busy machine a chain of messages takes a second.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// The audience of people's tokens.
pub(crate) const AUDIENCE: &str = "florin";

/// Running services with everything their tests need.
pub struct TestApp {
    /// What the test has to itself.
    pub world: World,
    pub(crate) client: reqwest::Client,
    running: Running,
    callee: &'static str,
}

impl World {
    /// Starts these services, with timers that run only when fired.
    pub async fn start(self, services: Vec<Service>) -> TestApp {
        self.try_start(services).await.expect("the services start")
    }

    /// As [`World::start`], for tests of what is refused.
    pub async fn try_start(self, services: Vec<Service>) -> Result<TestApp, StartError> {
        let callee = services.first().map_or("", |service| service.name);
        let mut trusted = self.trusted.clone();
        trusted.push(self.issuer.trusted().expect("an Ed25519 key verifies"));
        let host = Host {
            services,
            topology: self.topology.clone(),
            access: self.access,
            verifier: TokenVerifier::new(trusted, vec![AUDIENCE.to_owned()], self.clock()),
            jwks: Some(self.issuer.jwks()),
            ids: self.ids.clone(),
            messages: self.messages.clone(),
            clock: self.clock(),
            settings: self.settings.clone(),
        };
        let running = host.start().await?;
        Ok(TestApp {
            world: self,
            client: reqwest::Client::new(),
            running,
            callee,
        })
    }
}

impl TestApp {
    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        answer::url(&self.running)
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Call<'_> {
        Call::new(self, Method::GET, path)
    }

    /// A POST.
    pub fn post(&self, path: &str) -> Call<'_> {
        Call::new(self, Method::POST, path)
    }

    /// A call with any method.
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call::new(self, method, path)
    }

    /// A token of this subject with this role, valid for an hour by the world's clock; for a
    /// `service` the audience is the first service under test.
    #[must_use]
    pub fn token(&self, role: Role, subject: &str) -> String {
        let audience = if role == Role::Service {
            self.callee
        } else {
            AUDIENCE
        };
        self.mint(&Grant {
            subject: subject.to_owned(),
            roles: vec![role],
            scopes: Vec::new(),
            audience: audience.to_owned(),
            lifetime: Duration::from_secs(3600),
        })
    }

    /// A token that says anything.
    #[must_use]
    pub fn mint(&self, grant: &Grant) -> String {
        self.issuer()
            .mint(grant)
            .expect("the grant is within the limits")
    }

    /// The issuer the services believe.
    #[must_use]
    pub fn issuer(&self) -> &TokenIssuer {
        &self.world.issuer
    }

    /// Runs the timer `service.timer` once.
    pub async fn fire(&self, timer: &str) -> Result<(), FireError> {
        self.running.fire(timer).await
    }

    /// Waits until what was published so far, and what that led to, is handled; fails after ten
    /// seconds. What is parked or delayed is not waited for, nor what an older transaction on the
    /// same PostgreSQL server holds back. Over the embedded carrier only.
    pub async fn settle(&self) {
        let settled = tokio::time::timeout(SETTLE_MAX, self.running.settle()).await;
        let settled = settled.expect("everything that was published is handled in time");
        settled.expect("the stores can be read");
    }

    /// The running host, for tests of the host itself.
    #[must_use]
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Ends as a process does that is killed: whatever runs is dropped where it is.
    #[must_use]
    pub fn kill(self) -> World {
        drop(self.running);
        self.world
    }

    /// Stops in order and gives the world back, database and clock as they are: to start again.
    pub async fn stop(self) -> (World, Drained) {
        let drained = self.running.stop().await;
        (self.world, drained)
    }
}
