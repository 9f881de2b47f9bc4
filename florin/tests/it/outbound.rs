//! A component calls another of another process, which is killed and comes back: what the caller is
//! told meanwhile, and that what it asks again is done once.
//!
//! The callee is the binary as it runs in production; the caller is this process, by the way out
//! that every service has, with the key of a component.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use host::outbound::{Address, Answer, Limits, Reach, Request, Tokens, Trouble};
use host::{CallError, Edges, Network, Outbound, Topology};
use kit::random::SystemRandom;
use kit::time::SystemClock;
use serde_json::{Value, json};
use testkit::in_time;

use crate::binary::Up;
use crate::service_tokens::Side;

const TOPOLOGY: &str = r#"
[[component]]
name = "ledger"
why = "keeps the books"

[[component]]
name = "notifications"
why = "calls in this test only"
calls = [{ to = "ledger", why = "opens accounts" }]
"#;

const EDGES: Edges = Edges {
    publishes: &[],
    consumes: &[],
    calls: &["ledger"],
    outside: &[],
};

const ACCOUNTS: &str = "/ledger/v1/books/main/accounts";

/// How often it is looked what has arrived.
const LOOK: Duration = Duration::from_millis(5);

/// The way from `side` to the ledger at `url`, without repeats: each outcome is seen.
fn way(side: &Side, url: &str) -> Outbound {
    let address = Address::parse(url).unwrap();
    let reach = Reach {
        components: BTreeMap::from([("ledger".to_owned(), address)]),
        limits: Limits {
            retries_max: 0,
            circuit_failures: 100,
            ..Limits::default()
        },
        ..Reach::default()
    };
    let tokens = side.tokens("key.pem", Arc::new(SystemClock));
    let tokens = Tokens {
        here: tokens.clone(),
        elsewhere: Some(tokens),
    };
    let topology = Arc::new(Topology::parse(TOPOLOGY).unwrap());
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let network = Network::new(topology, reach, clock, random);
    network.outbound("notifications", &EDGES, &tokens).unwrap()
}

/// Opens an account. Its name is its key.
async fn open(way: &Outbound, account: &str) -> Result<Answer, CallError> {
    let body = json!({ "account": account, "type": "asset", "currency": "EUR" });
    let request = Request::post(ACCOUNTS, &[]).key(account).json(&body);
    way.call("ledger", request).await
}

/// The accounts there are.
async fn accounts(way: &Outbound) -> Result<Vec<String>, CallError> {
    let answer = way.call("ledger", Request::get(ACCOUNTS, &[])).await?;
    let page: Value = answer.json()?;
    let items = page["items"].as_array().unwrap().iter();
    Ok(items
        .map(|item| item["account"].as_str().unwrap().to_owned())
        .collect())
}

/// Waits until so many connections to this port hold bytes that nobody has read: what was sent has
/// arrived, and is not answered.
async fn arrived(port: u16, connections: usize) {
    const ESTABLISHED: &str = "01";
    let all_here = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let unread = table.lines().skip(1).filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let queued = fields[4].rsplit(':').next().unwrap();
            fields[1].ends_with(&format!(":{port:04X}"))
                && fields[3] == ESTABLISHED
                && u32::from_str_radix(queued, 16).unwrap() > 0
        });
        unread.count() == connections
    };
    let looking = async {
        let mut ticks = tokio::time::interval(LOOK);
        while !all_here() {
            ticks.tick().await;
        }
    };
    in_time("what is sent arrives", looking).await;
}

/// Whether a failed call is said to have done nothing, and why it failed.
#[track_caller]
fn failed<T>(outcome: Result<T, CallError>) -> (bool, Trouble) {
    match outcome.map(drop).unwrap_err() {
        CallError::Unavailable { trouble, .. } => (true, trouble),
        CallError::OutcomeUnknown { trouble, .. } => (false, trouble),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_callee_that_is_killed_leaves_what_it_was_asked_unknown_and_works_when_it_is_back() {
    let (caller, callee) = (Side::new("notifications"), Side::new("ledger"));
    caller.is_trusted_by(&callee, "key.pem");
    let ledger = callee.up();
    let listen = ledger.url().trim_start_matches("http://").to_owned();
    let port = listen.rsplit(':').next().unwrap().parse().unwrap();
    let way = way(&caller, ledger.url());
    assert_eq!(open(&way, "before").await.unwrap().status(), 201);
    assert_eq!(accounts(&way).await.unwrap(), ["before"]);

    // It has what it was sent, has not looked at it, and never will.
    ledger.signal("-STOP");
    let (write, read, ()) = tokio::join!(open(&way, "during"), accounts(&way), async {
        arrived(port, 2).await;
        drop(ledger);
    });
    assert_eq!(failed(write), (false, Trouble::HungUp), "nobody knows");
    assert_eq!(failed(read), (true, Trouble::HungUp), "a read does nothing");

    // Nobody is there, so nothing can have been done.
    let nobody = (true, Trouble::NotConnected);
    assert_eq!(failed(open(&way, "without").await), nobody);
    assert_eq!(failed(accounts(&way).await), nobody);

    let _ledger = Up::start_at(&listen, callee.home.path(), &[]);
    assert_eq!(accounts(&way).await.unwrap(), ["before"]);
    let first = open(&way, "during").await.unwrap();
    let again = open(&way, "during").await.unwrap();
    assert_eq!((first.status(), first.body()), (201, again.body()));
    assert_eq!(accounts(&way).await.unwrap(), ["before", "during"]);
}
