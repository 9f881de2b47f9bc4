//! A call from its turn to its answer: tries, waits, what is counted.
//!
//! Promises: nothing runs longer than the call's limit; only what can be sent twice is; once a try
//! may have had an effect no later failure makes that unsaid.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, header};
use kit::random::Random;
use kit::time::Clock;
use metrics::{Gauge, counter, gauge, histogram};
use tokio::time::{sleep, timeout, timeout_at};
use tracing::Instrument as _;

use super::answer::Answer;
use super::circuit::Turn;
use super::error::{CallError, Refusal, Trouble, code_of};
use super::judge::{Verdict, judge};
use super::limits::{Limits, RETRY_AFTER_MAX};
use super::request::Request;
use super::target::{Asked, Credential, Target};
use super::transport::Sent;

const AGENT: HeaderValue = HeaderValue::from_static("florin");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What all calls of a process share.
pub(super) struct Common {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) limits: Limits,
}

/// One try that was not the last word.
struct Failed {
    trouble: Trouble,
    maybe_done: bool,
    again: bool,
    retry_after: Option<Duration>,
}

impl Failed {
    fn new(trouble: Trouble, maybe_done: bool, again: bool) -> Self {
        Self {
            trouble,
            maybe_done,
            again,
            retry_after: None,
        }
    }
}

/// What one try came to.
enum Tried {
    Done(Answer),
    Refused(Refusal),
    Failed(Failed),
}

impl Target {
    /// Asks, and counts what came of it.
    pub(super) async fn ask(&self, request: Request, by: &Common) -> Result<Answer, CallError> {
        let asked = self.asked(request.pattern, request.writes());
        let (method, pattern) = (request.method.clone(), request.pattern);
        let span = telemetry::call_span(&telemetry::Call {
            to: &self.to,
            method: method.as_str(),
            pattern,
        });
        let labels = [
            ("component", self.component.to_owned()),
            ("to", self.to.to_string()),
        ];
        let flying = InFlight::begin(gauge!("florin_calls_in_flight", &labels));
        let started = by.clock.now();
        let outcome = self.tried(request, &asked, by);
        let outcome = outcome.instrument(span.clone()).await;
        drop(flying);
        let elapsed = by.clock.now().since(started).unwrap_or_default();
        histogram!("florin_call_seconds", &labels).record(elapsed);
        let [component, to] = labels;
        let result = outcome.as_ref().map_or_else(CallError::result, |_| "ok");
        counter!(
            "florin_calls_total",
            &[component, to, ("result", result.to_owned())]
        )
        .increment(1);
        telemetry::call_answered(&span, status(&outcome), result);
        if let Err(error) = &outcome {
            span.in_scope(|| tracing::warn!(code = error.code().name, %error, "call failed"));
        }
        outcome
    }

    async fn tried(
        &self,
        request: Request,
        asked: &Asked,
        by: &Common,
    ) -> Result<Answer, CallError> {
        let target = request.target(&self.base);
        let target = target.map_err(|source| asked.malformed(source))?;
        let limits = &by.limits;
        let limit = request.limit.unwrap_or(limits.whole).min(limits.whole);
        let deadline = sleep(limit).deadline();
        let Ok(turn) = timeout_at(deadline, self.turns.acquire()).await else {
            return Err(asked.failed(false, Trouble::TimedOut, None));
        };
        let _turn = turn.expect("the turns of a target are never closed");
        let (mut maybe_done, mut wait, mut repeats) = (false, limits.backoff_first, 0);
        loop {
            let Some(leave) = self.circuit.admit(by.clock.now()) else {
                let rest = Some(limits.circuit_open);
                return Err(asked.failed(maybe_done, Trouble::LeftAlone, rest));
            };
            let sending = timeout(limits.attempt, self.send(&request, &target, asked));
            let tried = match timeout_at(deadline, sending).await {
                Ok(Ok(tried)) => tried,
                // While connecting too: that cannot be told from here.
                _ => Tried::Failed(Failed::new(Trouble::TimedOut, true, true)),
            };
            self.note(match ails(&tried) {
                true => leave.failed(by.clock.now()),
                false => leave.answered(),
            });
            let failed = match tried {
                Tried::Done(answer) => return Ok(answer),
                // What is refused now may have been done before.
                Tried::Refused(refusal) if maybe_done && asked.writes => {
                    let trouble = Trouble::Status(refusal.status());
                    return Err(asked.failed(true, trouble, None));
                }
                Tried::Refused(refusal) => return Err(asked.refused(refusal)),
                Tried::Failed(failed) => failed,
            };
            maybe_done |= failed.maybe_done;
            let error = asked.failed(maybe_done, failed.trouble, failed.retry_after);
            let asks = failed.retry_after.unwrap_or_default();
            let patient = asks <= RETRY_AFTER_MAX && repeats < limits.retries_max;
            if !failed.again || !request.repeatable() || !patient {
                return Err(error);
            }
            let pause = jittered(wait, by.random.as_ref()).max(asks);
            if timeout_at(deadline, sleep(pause)).await.is_err() {
                return Err(error);
            }
            repeats += 1;
            wait *= 2;
            self.count_repeat();
        }
    }

    /// Sends once.
    async fn send(&self, request: &Request, target: &str, asked: &Asked) -> Tried {
        let mut sent = http::Request::new(Body::empty());
        *sent.method_mut() = request.method.clone();
        *sent.uri_mut() = self.way.uri(target);
        if !self.head(request, sent.headers_mut()) {
            return Tried::Failed(Failed::new(Trouble::NotServing, false, false));
        }
        if let Some(body) = &request.body {
            sent.headers_mut().insert(header::CONTENT_TYPE, JSON);
            *sent.body_mut() = Body::from(body.clone());
        }
        match self.way.send(sent, request.answer_bytes_max).await {
            Sent::Unsent(trouble) => {
                let again = trouble == Trouble::NotConnected;
                Tried::Failed(Failed::new(trouble, false, again))
            }
            Sent::Lost(trouble) => {
                let again = trouble == Trouble::HungUp;
                Tried::Failed(Failed::new(trouble, true, again))
            }
            Sent::Answered {
                status,
                headers,
                body,
            } => {
                let code = self.is_component().then(|| code_of(&body)).flatten();
                match judge(status, code.as_deref()) {
                    Verdict::Done => Tried::Done(Answer {
                        status,
                        headers,
                        body,
                        asked: asked.clone(),
                    }),
                    Verdict::Refused => Tried::Refused(Refusal::new(status, body)),
                    Verdict::Failed { maybe_done, again } => Tried::Failed(Failed {
                        trouble: Trouble::Status(status),
                        maybe_done,
                        again,
                        retry_after: retry_after(&headers),
                    }),
                }
            }
        }
    }

    /// The head of a request; false if there is no token to show, which is in the log.
    fn head(&self, request: &Request, headers: &mut HeaderMap) -> bool {
        headers.insert(header::USER_AGENT, AGENT);
        headers.insert(header::ACCEPT, JSON);
        match &self.credential {
            Credential::None => {}
            Credential::Secret(secret) => {
                headers.insert(header::AUTHORIZATION, secret.clone());
            }
            Credential::Service(tokens, callee) => match tokens.for_callee(callee) {
                Ok(token) => {
                    headers.insert(header::AUTHORIZATION, token.header());
                }
                Err(error) => {
                    tracing::error!(%error, "no token for a call");
                    return false;
                }
            },
        }
        let trace = telemetry::current_traceparent();
        let trace = trace.and_then(|trace| HeaderValue::from_str(&trace).ok());
        let optional = [
            (KEY, request.key.clone()),
            (header::IF_MATCH, request.version.clone()),
            (TRACE_PARENT, trace),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        true
    }

    fn note(&self, turn: Turn) {
        let (component, to) = (self.component, self.to.as_ref());
        let left_alone = gauge!("florin_callee_left_alone",
            "component" => component, "to" => to.to_owned());
        match turn {
            Turn::Same => {}
            Turn::Opened => {
                left_alone.set(1);
                tracing::error!(component, to, "callee fails, and is left alone for a while");
            }
            Turn::Closed => {
                left_alone.set(0);
                tracing::info!(component, to, "callee answers again");
            }
        }
    }

    fn count_repeat(&self) {
        let to = self.to.to_string();
        counter!("florin_call_repeats_total", "component" => self.component, "to" => to)
            .increment(1);
    }
}

/// Whether the callee itself ails: it did not answer, or with an error of its own.
fn ails(tried: &Tried) -> bool {
    match tried {
        Tried::Done(_) | Tried::Refused(_) => false,
        Tried::Failed(failed) => match failed.trouble {
            Trouble::Status(status) => status >= 500,
            Trouble::TooLarge => false,
            _ => true,
        },
    }
}

/// The status for the span, where there was one.
fn status(outcome: &Result<Answer, CallError>) -> Option<u16> {
    match outcome {
        Ok(answer) => Some(answer.status),
        Err(CallError::Refused { refusal, .. }) => Some(refusal.status()),
        Err(CallError::Unavailable { trouble, .. } | CallError::OutcomeUnknown { trouble, .. }) => {
            match trouble {
                Trouble::Status(status) => Some(*status),
                _ => None,
            }
        }
        Err(_) => None,
    }
}

/// How long a callee wants to be left alone (RFC 9110, section 10.2.3), if it says so in seconds;
/// a date is not read, and the usual wait is what it gets.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The wait less a random part of its half, so that those who failed together do not come again
/// together.
fn jittered(wait: Duration, random: &dyn Random) -> Duration {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    let half_us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX) / 2;
    wait.saturating_sub(Duration::from_micros(
        u64::from_le_bytes(bytes) % (half_us + 1),
    ))
}

/// A call that is under way; counted out however it ends.
struct InFlight(Gauge);

impl InFlight {
    fn begin(gauge: Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
