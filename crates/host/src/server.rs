//! One listener: accepts connections, serves HTTP/1.1 and HTTP/2 in clear, drains.
//!
//! Promises: connections are bounded (more wait in the kernel's queue); a connection that does not
//! send its head in time is closed; heads are bounded. Draining: what is running is answered, what
//! the kernel has accepted already is served, then connections close; after the deadline the rest
//! is cut off and counted. TLS ends in front of Florin.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::start::Settings;

/// Longest head of a request, in bytes: the target, one token and as much again.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Most streams of one HTTP/2 connection: the usual value; the in-flight limit is the real one.
const STREAMS_MAX: u32 = 128;

/// How long to wait after the system could not accept, such as when it has no descriptor left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What a drain ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections cut off at the deadline; none in a clean stop.
    pub connections_cut: usize,
}

/// A listener being served.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<Drained>,
}

/// What one listener's loop works with.
struct Listening {
    listener: TcpListener,
    router: Router,
    builder: Builder<TokioExecutor>,
    permits: Arc<Semaphore>,
    graceful: GracefulShutdown,
    /// How many connections there are.
    open: Arc<watch::Sender<usize>>,
    /// Becomes true at the deadline.
    cut: watch::Sender<bool>,
}

impl Server {
    /// Binds and begins to serve `router`; draining begins when `stopping` becomes true.
    pub(crate) async fn bind(
        address: SocketAddr,
        router: Router,
        settings: &Settings,
        stopping: watch::Receiver<bool>,
        draining: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let listening = Listening {
            listener,
            router,
            builder: builder(settings),
            permits: Arc::new(Semaphore::new(
                settings.connections_max.min(Semaphore::MAX_PERMITS),
            )),
            graceful: GracefulShutdown::new(),
            open: Arc::new(watch::Sender::new(0)),
            cut: watch::Sender::new(false),
        };
        let (notice, timeout) = (settings.drain_notice, settings.drain_timeout);
        let task = tokio::spawn(async move {
            listening.accept_until(stopping).await;
            draining.store(true, Ordering::Release);
            listening.drain(notice, timeout).await
        });
        Ok(Self { address, task })
    }

    /// Waits until the listener is drained.
    pub(crate) async fn drained(self) -> Drained {
        self.task.await.unwrap_or(Drained { connections_cut: 0 })
    }
}

impl Listening {
    async fn accept_until(&self, mut stopping: watch::Receiver<bool>) {
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => {}
            () = self.accept() => {}
        }
    }

    /// Accepts for ever; to be dropped at an await.
    async fn accept(&self) {
        loop {
            let Ok(permit) = self.permits.clone().acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => self.serve(stream, permit),
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, permit: tokio::sync::OwnedSemaphorePermit) {
        // Without it small answers wait for the peer's acknowledgement (RFC 896).
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.router.clone());
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection.into_owned());
        let (open, mut cut) = (self.open.clone(), self.cut.subscribe());
        open.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = connection => ended,
                _ = cut.wait_for(|cut| *cut) => Ok(()),
            };
            if let Err(error) = ended {
                tracing::debug!(error, "connection ended early");
            }
            drop(permit);
            open.send_modify(|count| *count -= 1);
        });
    }

    /// First a notice: still accepting, while every answer asks its connection to close and
    /// `/readyz` sends new ones elsewhere; it ends early when nobody is connected. Then the doors.
    async fn drain(self, notice: Duration, timeout: Duration) -> Drained {
        let _ = tokio::time::timeout(notice, async {
            tokio::select! {
                () = self.accept() => {}
                () = self.nobody() => {}
            }
        })
        .await;
        self.accept_backlog().await;
        let Self {
            listener,
            graceful,
            open,
            cut,
            ..
        } = self;
        drop(listener);
        if tokio::time::timeout(timeout, graceful.shutdown())
            .await
            .is_ok()
        {
            return Drained { connections_cut: 0 };
        }
        let connections_cut = *open.borrow();
        cut.send_replace(true);
        let _ = open.subscribe().wait_for(|count| *count == 0).await;
        Drained { connections_cut }
    }

    async fn nobody(&self) {
        // The sender is ours, so the channel is open.
        let _ = self.open.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Serves what the kernel has accepted for us; closing the listener would reset it.
    async fn accept_backlog(&self) {
        while let Ok(permit) = self.permits.clone().try_acquire_owned() {
            let accepted = poll_fn(|context| match self.listener.poll_accept(context) {
                Poll::Ready(accepted) => Poll::Ready(accepted.ok()),
                Poll::Pending => Poll::Ready(None),
            });
            match accepted.await {
                Some((stream, _)) => self.serve(stream, permit),
                None => return,
            }
        }
    }
}

fn builder(settings: &Settings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.head_timeout)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(settings.head_timeout)
        .keep_alive_timeout(settings.head_timeout);
    builder
}
