//! The wire to the server: the asynchronous driver, driven by the thread that asks.
//!
//! Promises: nothing runs between two calls, so a connection needs no task and no thread of its
//! own; what is asked for in one call goes out together, and its answers come in order; the
//! server's warnings are counted where they belong, between the answer before and the one after.
//! Does not: know transactions; [`super::link`] does.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, NoTls, Socket};

/// How long to wait for the goodbye to go out. It is a few bytes into an open socket; a socket that
/// does not take them is as good as closed.
const GOODBYE_MS: u64 = 1_000;

/// What the server, or the driver, refused.
pub(super) struct Refused {
    pub(super) statement: &'static str,
    pub(super) error: Error,
}

/// What the server says without being asked for an answer.
enum Heard {
    Nothing,
    Notice { is_warning: bool },
    End,
}

/// A connection, and the runtime that waits for its socket.
pub(super) struct Wire {
    client: Option<Client>,
    /// None once it has ended: then whoever waits for an answer is told that it is closed.
    connection: Option<Connection<Socket, NoTlsStream>>,
    warnings: Cell<u32>,
    runtime: Runtime,
}

/// The two ends of a call.
pub(super) struct Asking<'a> {
    pub(super) client: &'a Client,
    warnings: &'a Cell<u32>,
}

impl Asking<'_> {
    /// What is answered, and how many warnings the server gave between the answer before and this:
    /// a call is polled once to be sent, and from then on when it is its turn.
    pub(super) async fn with_warnings<T>(&self, call: impl Future<Output = T>) -> (T, u32) {
        let mut call = pin!(call);
        let (mut sent, mut before) = (false, None);
        poll_fn(|cx| {
            if std::mem::replace(&mut sent, true) {
                before.get_or_insert(self.warnings.get());
            }
            let outcome = std::task::ready!(call.as_mut().poll(cx));
            let before = before.unwrap_or(self.warnings.get());
            Poll::Ready((outcome, self.warnings.get() - before))
        })
        .await
    }
}

impl Wire {
    pub(super) fn connect(config: &Config) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a machine that has sockets has what waits for them");
        let (client, connection) = runtime.block_on(config.connect(NoTls))?;
        Ok(Self {
            client: Some(client),
            connection: Some(connection),
            warnings: Cell::new(0),
            runtime,
        })
    }

    /// Runs a call to its end. The call may await answers of the server and nothing else.
    pub(super) fn run<T>(&mut self, call: impl AsyncFnOnce(Asking<'_>) -> T) -> T {
        let Self {
            client,
            connection,
            warnings,
            runtime,
        } = self;
        let asking = Asking {
            client: client.as_ref().expect("the client is there until the end"),
            warnings,
        };
        let mut call = pin!(call(asking));
        // Only what the connection hands over in the very same poll moves the call on: it is polled
        // after each, and need not be woken, which would be a system call for every answer.
        let mut on = move || call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        runtime.block_on(poll_fn(|cx| {
            loop {
                if let Poll::Ready(outcome) = on() {
                    return Poll::Ready(outcome);
                }
                let heard = hear(connection, cx);
                // First what came before the notice, then the notice.
                if let Poll::Ready(outcome) = on() {
                    return Poll::Ready(outcome);
                }
                match heard {
                    Heard::Nothing => return Poll::Pending,
                    Heard::Notice { is_warning: false } | Heard::End => {}
                    Heard::Notice { is_warning: true } => warnings.set(warnings.get() + 1),
                }
            }
        }))
    }

    /// Sends what was asked for, and takes what has come, without waiting for either.
    pub(super) fn look(&mut self) {
        let Self {
            connection,
            runtime,
            ..
        } = self;
        runtime.block_on(async {
            // Between the two the runtime asks the socket what it has.
            for look in 0..2 {
                if look > 0 {
                    tokio::task::yield_now().await;
                }
                poll_fn(|cx| {
                    while matches!(hear(connection, cx), Heard::Notice { .. }) {}
                    Poll::Ready(())
                })
                .await;
            }
        });
    }

    pub(super) fn is_closed(&self) -> bool {
        self.connection.is_none() || self.client.as_ref().is_none_or(Client::is_closed)
    }
}

impl Drop for Wire {
    /// Says goodbye, so that the server does not wonder.
    fn drop(&mut self) {
        drop(self.client.take());
        let Some(connection) = self.connection.take() else {
            return;
        };
        self.runtime.block_on(async {
            let wait = Duration::from_millis(GOODBYE_MS);
            let _ = tokio::time::timeout(wait, connection).await;
        });
    }
}

/// Lets the connection read and write.
fn hear(connection: &mut Option<Connection<Socket, NoTlsStream>>, cx: &mut Context<'_>) -> Heard {
    let Some(open) = connection else {
        return Heard::Nothing;
    };
    match open.poll_message(cx) {
        Poll::Pending => Heard::Nothing,
        Poll::Ready(Some(Ok(AsyncMessage::Notice(notice)))) => {
            tracing::debug!(code = notice.code().code(), "the database gave a notice");
            Heard::Notice {
                is_warning: is_warning(&notice),
            }
        }
        Poll::Ready(Some(Ok(_))) => Heard::Notice { is_warning: false },
        Poll::Ready(Some(Err(error))) => {
            let reason = crate::reasons(&error);
            tracing::debug!(reason, "the connection to the database ended");
            *connection = None;
            Heard::End
        }
        Poll::Ready(None) => {
            *connection = None;
            Heard::End
        }
    }
}

fn is_warning(notice: &DbError) -> bool {
    notice.parsed_severity() == Some(Severity::Warning)
}

/// Something that is asked for, and its answer kept by whoever asked.
pub(super) type Pending<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + 'a>>;

/// Sends all, in order, before it waits for any; then waits for each in turn.
///
/// Ends at the first that fails. One that cannot be sent keeps those behind it from being sent.
pub(super) async fn pipelined(mut waiting: Vec<Pending<'_>>) -> Result<(), Refused> {
    let mut ended = vec![false; waiting.len()];
    let mut sent = 0;
    poll_fn(|cx| {
        while sent < waiting.len() {
            if let Poll::Ready(outcome) = waiting[sent].as_mut().poll(cx) {
                ended[sent] = true;
                outcome?;
            }
            sent += 1;
        }
        Poll::Ready(Ok(()))
    })
    .await?;
    for (waiting, ended) in waiting.into_iter().zip(ended) {
        if !ended {
            waiting.await?;
        }
    }
    Ok(())
}
