//! A stand-in for the outside collector: it accepts OTLP over HTTP and keeps the bytes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;

type Kept = Arc<Mutex<Vec<Bytes>>>;

/// The collector, for as long as the test's runtime.
pub(super) struct Collector {
    pub(super) address: String,
    kept: Kept,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let kept = Kept::default();
        let router = Router::new()
            .route("/v1/traces", post(keep))
            .with_state(Arc::clone(&kept));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, kept }
    }

    /// How many batches came, and all their bytes.
    pub(super) fn kept(&self) -> (usize, Vec<u8>) {
        let kept = self.kept.lock().unwrap();
        (kept.len(), kept.concat())
    }
}

async fn keep(State(kept): State<Kept>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    kept.lock().unwrap().push(body);
    // An empty message is the answer that all was taken.
    StatusCode::OK
}
