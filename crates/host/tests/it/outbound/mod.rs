//! The way out: what is refused, what is repeated, and what is known when something goes wrong.
//!
//! Callees are real listeners on loopback that say what a test tells them to, byte by byte.

mod declared;
mod failures;
mod here;
mod repeats;
mod tls;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host::outbound::{Address, Limits, OutsideHost, Place, Reach, Secret};
use host::{Edges, Outbound, Topology};
use testkit::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The caller, and whom it may call.
const TOPOLOGY: &str = r#"
[[component]]
name = "caller"
why = "calls others"
calls = [{ to = "callee", why = "it asks" }, { to = "toy", why = "it asks as well" }]
outside = [{ to = "feed", why = "it fetches prices" }]

[[component]]
name = "callee"
why = "answers"

[[component]]
name = "toy"
why = "answers too, and calls somebody whom no other test calls"
outside = [{ to = "counted", why = "its calls are counted" }]
"#;

const FEED: Edges = Edges {
    publishes: &[],
    consumes: &[],
    calls: &[],
    outside: &["feed"],
};

const CALLEE: Edges = Edges {
    calls: &["callee"],
    outside: &[],
    ..FEED
};

/// What a callee says to one request.
#[derive(Clone)]
enum Say {
    /// These bytes, and hangs up.
    Bytes(String),
    /// Nothing, for as long as the test runs.
    Nothing,
    /// Nothing, and hangs up.
    HangUp,
}

/// A whole answer.
fn answer(status: u16, headers: &str, body: &str) -> Say {
    let length = body.len();
    Say::Bytes(format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    ))
}

fn ok() -> Say {
    answer(200, "", "{}")
}

/// A listener that says one thing after the other, the last again and again.
struct Callee {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Callee {
    async fn start(says: Vec<Say>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let noted = heard.clone();
        let task = tokio::spawn(async move {
            // Connections that are not answered stay open as long as this task.
            let mut held = Vec::new();
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(request) = request(&mut stream).await else {
                    continue;
                };
                noted.lock().unwrap().push(request);
                match &says[usize::min(number, says.len() - 1)] {
                    // Whoever has heard enough may be gone.
                    Say::Bytes(bytes) => drop(stream.write_all(bytes.as_bytes()).await),
                    Say::Nothing => held.push(stream),
                    Say::HangUp => {}
                }
            }
        });
        Self {
            address,
            heard,
            task,
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn url(&self) -> Address {
        Address::parse(&format!("http://{}", self.address)).unwrap()
    }
}

impl Drop for Callee {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Head and body of a request; none if the caller hung up before its end.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                let is = name.eq_ignore_ascii_case("content-length");
                is.then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        match stream.read(&mut chunk).await.unwrap_or(0) {
            0 => return None,
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Limits under which a test does not wait long, and repeats as production does.
fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(5),
        attempt: Duration::from_secs(5),
        whole: Duration::from_secs(10),
        backoff_first: Duration::from_millis(1),
        circuit_failures: 100,
        ..Limits::default()
    }
}

/// The same, and nothing is repeated.
fn once() -> Limits {
    Limits {
        retries_max: 0,
        ..limits()
    }
}

/// The same, and a callee that does not answer is soon given up.
fn hasty() -> Limits {
    Limits {
        attempt: Duration::from_millis(100),
        ..once()
    }
}

async fn world() -> World {
    let mut world = World::sqlite().await;
    world.topology = Arc::new(Topology::parse(TOPOLOGY).unwrap());
    world
}

/// The outside host `feed` is there.
fn feed(address: Address, limits: Limits) -> Reach {
    let host = OutsideHost {
        place: Place::At(address),
        secret: Some(Secret::parse("s3cret\n").unwrap()),
        authorities_pem: None,
    };
    Reach {
        outside: BTreeMap::from([("feed".to_owned(), host)]),
        limits,
        ..Reach::default()
    }
}

/// The component `name` is there, in another process.
fn component(name: &str, address: Address, limits: Limits) -> Reach {
    Reach {
        components: BTreeMap::from([(name.to_owned(), address)]),
        limits,
        ..Reach::default()
    }
}

/// The components of this process.
fn here(names: &[&str]) -> Reach {
    Reach {
        here: names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>(),
        limits: once(),
        ..Reach::default()
    }
}

async fn to_feed(callee: &Callee, limits: Limits) -> Outbound {
    let reach = feed(callee.url(), limits);
    world().await.outbound("caller", &FEED, reach).unwrap()
}

async fn to_callee(callee: &Callee, limits: Limits) -> Outbound {
    let reach = component("callee", callee.url(), limits);
    world().await.outbound("caller", &CALLEE, reach).unwrap()
}
