//! The binary killed without warning, again and again, while clients write.
//!
//! Each run starts the real `florin up` on the same data, drives it from several connections,
//! kills it with SIGKILL at a moment nobody chose, starts it again and asks: what was acknowledged
//! is there, once; what was not is there or not, and a repeat with the same id tells; the balance
//! is the sum of exactly that. `scripts/kill9 200` is the long form.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;

use kit::random::{Random, SystemRandom};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

/// How many times the binary is killed where nobody says how many.
const RUNS: u64 = 10;

/// Clients at once, each with a connection of its own.
const CLIENTS: u64 = 8;

/// The latest kill, in acknowledgements after the start.
const ACKNOWLEDGEMENTS_MAX: u64 = 400;

/// Every third request of a client is a bulk of so many.
const BULK_ITEMS: u64 = 20;

fn florin(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_florin"));
    command.current_dir(home).env_clear().args(arguments);
    command
}

/// A running `florin up`.
struct Up {
    child: Child,
    url: String,
    /// Kept open, so that later lines have a reader.
    _stderr: BufReader<ChildStderr>,
}

impl Up {
    fn start(home: &Path) -> Self {
        let mut command = florin(home, &["up", "--listen", "127.0.0.1:0", "--role", "ledger"]);
        let spawned = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while stderr.read_line(&mut said).unwrap() > 0 && !said.contains("  stop") {}
        let url = said
            .lines()
            .find_map(|line| line.strip_prefix("florin listens on "));
        let url = url
            .unwrap_or_else(|| panic!("it did not start: {said}"))
            .to_owned();
        Self {
            child,
            url,
            _stderr: stderr,
        }
    }

    /// SIGKILL: the process has no moment left.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody outside, with one connection.
#[derive(Clone)]
struct Caller {
    client: Client,
    book: String,
    token: String,
}

impl Caller {
    fn new(up: &Up, token: &str) -> Self {
        Self {
            client: Client::builder().pool_max_idle_per_host(1).build().unwrap(),
            book: format!("{}/ledger/v1/books/main", up.url),
            token: token.to_owned(),
        }
    }

    /// What a write was answered with; none if the answer did not come.
    async fn write(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let mut call = self
            .client
            .post(format!("{}/{path}", self.book))
            .bearer_auth(&self.token);
        // Transactions have their ids, an account is opened once here.
        if let Some(account) = body["account"].as_str() {
            call = call.header("Idempotency-Key", account);
        }
        let answer = call.json(body).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    async fn read(&self, path: &str) -> (u16, Value) {
        let call = self
            .client
            .get(format!("{}/{path}", self.book))
            .bearer_auth(&self.token);
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

/// A transaction a client sent: its number in the whole test, and cents.
#[derive(Clone, Copy)]
struct Sent {
    number: u64,
    cents: u64,
}

impl Sent {
    fn new(number: u64) -> Self {
        Self {
            number,
            cents: number % 997 + 1,
        }
    }

    fn id(self) -> String {
        format!("01939f6c-8a00-7000-8000-{:012x}", self.number)
    }

    fn body(self) -> Value {
        let amount = format!("{}.{:02}", self.cents / 100, self.cents % 100);
        json!({
            "id": self.id(), "kind": "post", "code": "kill",
            "postings": [
                { "debit": "outside", "credit": "inside", "amount": amount, "currency": "EUR" }
            ]
        })
    }
}

/// What became of what one client sent.
#[derive(Default)]
struct Told {
    acknowledged: Vec<Sent>,
    /// By request: a bulk is whole or not there.
    in_doubt: Vec<Vec<Sent>>,
}

/// Writes until an answer does not come.
async fn drive(caller: Caller, first: u64, heard: Arc<watch::Sender<u64>>) -> Told {
    let mut told = Told::default();
    let mut number = first;
    for round in 0_u64.. {
        let count = if round % 3 == 2 { BULK_ITEMS } else { 1 };
        let sent: Vec<Sent> = (number..number + count).map(Sent::new).collect();
        number += count;
        let answer = if count == 1 {
            caller.write("transactions", &sent[0].body()).await
        } else {
            let transactions: Vec<Value> = sent.iter().map(|sent| sent.body()).collect();
            let bulk = json!({ "mode": "atomic", "transactions": transactions });
            caller.write("transactions/bulk", &bulk).await
        };
        let Some((status, body)) = answer else {
            told.in_doubt.push(sent);
            return told;
        };
        assert_eq!(status, 201, "{body}");
        told.acknowledged.extend(sent);
        heard.send_modify(|count| *count += 1);
    }
    told
}

/// One run: start, write, kill. Answers what the clients were told.
async fn run_until_killed(home: &Path, token: &str, first: u64, kill_after: u64) -> Told {
    let up = Up::start(home);
    let heard = Arc::new(watch::Sender::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let caller = Caller::new(&up, token);
            tokio::spawn(drive(
                caller,
                first + client * 1_000_000,
                Arc::clone(&heard),
            ))
        })
        .collect();
    heard
        .subscribe()
        .wait_for(|count| *count >= kill_after)
        .await
        .unwrap();
    up.kill();
    let mut told = Told::default();
    for client in clients {
        let own = client.await.unwrap();
        told.acknowledged.extend(own.acknowledged);
        told.in_doubt.extend(own.in_doubt);
    }
    told
}

/// Everything acknowledged is there; of what is in doubt, a bulk is whole or not there. Answers
/// the cents that are there, after every doubt was cleared by a repeat.
async fn settle(caller: &Caller, told: &Told) -> u64 {
    let mut cents = 0;
    for sent in &told.acknowledged {
        let (status, found) = caller.read(&format!("transactions/{}", sent.id())).await;
        assert_eq!(
            status,
            200,
            "{} was acknowledged and is lost: {found}",
            sent.id()
        );
        cents += sent.cents;
    }
    for request in &told.in_doubt {
        let mut there = Vec::new();
        for sent in request {
            there.push(caller.read(&format!("transactions/{}", sent.id())).await.0);
        }
        assert!(
            there.iter().all(|status| *status == there[0]),
            "a bulk is half there: {there:?}"
        );
        for sent in request {
            let (status, body) = caller.write("transactions", &sent.body()).await.unwrap();
            assert_eq!(status, if there[0] == 200 { 200 } else { 201 }, "{body}");
            assert_eq!(body["already_applied"], there[0] == 200);
            cents += sent.cents;
        }
    }
    cents
}

fn minted(home: &Path) -> String {
    let arguments = [
        "token",
        "--role",
        "accountant",
        "--subject",
        "kill9",
        "--ttl",
        "12h",
    ];
    let output = florin(home, &arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn runs() -> u64 {
    let stated = std::env::var("FLORIN_KILL9_RUNS").ok();
    stated.map_or(RUNS, |runs| {
        runs.parse().expect("FLORIN_KILL9_RUNS must be a number")
    })
}

fn below(max: u64) -> u64 {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    u64::from_le_bytes(bytes) % max
}

async fn open_accounts(home: &Path, token: &str) {
    let up = Up::start(home);
    let caller = Caller::new(&up, token);
    for (account, kind, overdraft) in [
        ("outside", "asset", "unlimited"),
        ("inside", "liability", "none"),
    ] {
        let body = json!({
            "account": account, "type": kind, "currency": "EUR", "overdraft": overdraft
        });
        let (status, body) = caller.write("accounts", &body).await.unwrap();
        assert_eq!(status, 201, "{body}");
    }
    up.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_is_done_twice() {
    let home = TempDir::new().unwrap();
    let token = minted(home.path());
    open_accounts(home.path(), &token).await;
    let (mut cents, mut acknowledged, mut in_doubt) = (0, 0, 0);
    for run in 0..runs() {
        let kill_after = 1 + below(ACKNOWLEDGEMENTS_MAX);
        let first = (run + 1) * 1_000_000_000;
        let told = run_until_killed(home.path(), &token, first, kill_after).await;
        acknowledged += told.acknowledged.len();
        in_doubt += told.in_doubt.iter().map(Vec::len).sum::<usize>();

        let up = Up::start(home.path());
        let caller = Caller::new(&up, &token);
        cents += settle(&caller, &told).await;
        let (_, balance) = caller.read("balances/inside").await;
        let expected = format!("{}.{:02}", cents / 100, cents % 100);
        assert_eq!(
            balance["posted"]["amount"], expected,
            "run {run}, killed after {kill_after}"
        );
        // Killed again, so that the next run starts on what a kill leaves.
        up.kill();
    }
    let verified = florin(home.path(), &["ledger", "verify"]).output().unwrap();
    let errors = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{errors}");
    println!(
        "{} runs: {acknowledged} acknowledged, {in_doubt} in doubt, none lost",
        runs()
    );
}
