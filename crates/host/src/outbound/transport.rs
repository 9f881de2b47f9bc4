//! How one request is sent once, over the network or in memory.
//!
//! Promises: it says whether the request may have reached the callee; names, proxies and redirects
//! are nobody's but the configured address's; certificates are verified against the system's
//! authorities and those that are configured. The only place with an HTTP client.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tower::{Service, ServiceExt as _};

use super::address::Address;
use super::error::Trouble;
use super::limits::{
    AUTHORITIES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, IDLE_CONNECTIONS_MAX, IDLE_MAX, REFUSAL_BYTES_MAX,
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type HttpClient = Client<InTime<HttpsConnector<HttpConnector>>, Body>;

/// The router of the process while it serves; weak, because services in it hold their way out.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<RwLock<Weak<Router>>>);

impl Slot {
    pub(super) fn fill(&self, router: &Arc<Router>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(router);
    }

    fn router(&self) -> Option<Router> {
        let slot = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(slot.upgrade()?.as_ref().clone())
    }
}

/// How a callee is reached.
pub(super) enum Way {
    /// In this process.
    Local(Slot),
    /// At an address.
    Remote(Box<Remote>),
}

/// An address, and the connections there.
pub(super) struct Remote {
    address: Address,
    client: HttpClient,
}

/// What came of a request.
pub(super) enum Sent {
    /// A whole answer.
    Answered {
        status: u16,
        headers: HeaderMap,
        body: Bytes,
    },
    /// It has not reached the callee.
    Unsent(Trouble),
    /// It may have, and there is no answer that can be used.
    Lost(Trouble),
}

impl Way {
    /// The URI of a target: with its address, or only the target in this process.
    pub(super) fn uri(&self, target: &str) -> Uri {
        match self {
            Self::Remote(remote) => remote.address.uri(target),
            Self::Local(_) => Uri::builder()
                .path_and_query(target)
                .build()
                .expect("each part was parsed before"),
        }
    }

    /// Sends and reads the whole answer; to be given a time limit by the caller.
    pub(super) async fn send(&self, request: Request<Body>, bytes_max: usize) -> Sent {
        match self {
            Self::Local(slot) => {
                let Some(router) = slot.router() else {
                    return Sent::Unsent(Trouble::NotServing);
                };
                match router.oneshot(request).await {
                    Ok(response) => read(response, bytes_max).await,
                    Err(never) => match never {},
                }
            }
            Self::Remote(remote) => match remote.client.request(request).await {
                Ok(response) => read(response, bytes_max).await,
                Err(error) if error.is_connect() => {
                    tracing::debug!(error = %root(&error), "not connected");
                    Sent::Unsent(Trouble::NotConnected)
                }
                Err(error) => {
                    tracing::debug!(error = %root(&error), "no answer");
                    Sent::Lost(Trouble::HungUp)
                }
            },
        }
    }
}

/// The innermost reason; the outer ones say only where.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Reads the body: all of it if the status is one of success, else as much as a document takes.
async fn read<B>(response: Response<B>, bytes_max: usize) -> Sent
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (parts, body) = response.into_parts();
    let success = parts.status.is_success();
    let bytes_max = if success {
        bytes_max
    } else {
        REFUSAL_BYTES_MAX
    };
    let too_large = body.size_hint().lower() > bytes_max as u64;
    let collected = if too_large {
        Err(Trouble::TooLarge)
    } else {
        let collected = Limited::new(body, bytes_max).collect().await;
        collected.map_err(|error| match error.is::<LengthLimitError>() {
            true => Trouble::TooLarge,
            false => Trouble::HungUp,
        })
    };
    let body = match collected {
        Ok(body) => body.to_bytes(),
        Err(trouble) if success => return Sent::Lost(trouble),
        // The status of a refusal says enough.
        Err(_) => Bytes::new(),
    };
    Sent::Answered {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

/// Why no client can be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsError {
    /// Nobody to believe.
    #[error("certificate authorities of the system or of the configuration must be there")]
    NoAuthorities,
    /// Not certificates.
    #[error("authorities must be PEM certificates, at most {AUTHORITIES_MAX}")]
    Malformed,
    /// The library's own.
    #[error("tls must be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The way to an address. Reads the system's authorities if it is encrypted: blocking.
pub(super) fn remote(
    address: &Address,
    authorities_pem: Option<&str>,
    connect: Duration,
) -> Result<Way, TlsError> {
    let mut roots = RootCertStore::empty();
    if address.is_tls() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let pem = authorities_pem.unwrap_or_default().as_bytes();
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| TlsError::Malformed)?;
            roots.add(certificate).map_err(|_| TlsError::Malformed)?;
            added += 1;
        }
        if added > AUTHORITIES_MAX || (authorities_pem.is_some() && added == 0) {
            return Err(TlsError::Malformed);
        }
        if roots.is_empty() {
            return Err(TlsError::NoAuthorities);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    // The scheme decides, and it is the address's.
    http.enforce_http(false);
    http.set_nodelay(true);
    let https = HttpsConnectorBuilder::new().with_tls_config(config);
    let https = https.https_or_http().enable_http1().wrap_connector(http);
    let client = Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .http1_max_buf_size(HEAD_BYTES_MAX)
        .http1_max_headers(HEADERS_MAX)
        .build(InTime {
            inner: https,
            limit: connect,
        });
    Ok(Way::Remote(Box::new(Remote {
        address: address.clone(),
        client,
    })))
}

/// A connector that gives up, so that a connection that never comes is known as such.
#[derive(Clone)]
struct InTime<C> {
    inner: C,
    limit: Duration,
}

impl<C> Service<Uri> for InTime<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, self.inner.call(uri));
        Box::pin(async move { connecting.await? })
    }
}
