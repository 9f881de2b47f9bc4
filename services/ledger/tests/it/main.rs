//! The ledger as its callers see it, over HTTP, and its journals as an auditor sees them.
//!
//! Every test has its own world: clock, folder of journals, service. Nothing waits for time to
//! pass: the clock stands still until a test moves it, and a disk that is slow or broken is one
//! that the test holds in its hand, see `disk`.

mod access;
mod auditor;
mod bulk;
mod concurrency;
mod disk;
mod entries;
mod holds;
mod http;
mod once;
mod openapi;
mod outage;
mod refusals;
mod refused;
mod restart;
mod tamper;
mod transfer;
mod versions;

use std::path::PathBuf;
use std::sync::Arc;

use kit::time::Zone;
use ledger::{Deps, SCHEMA, service};
use ledger_core::limits::Limits;
use ledger_store::{JournalError, Journals, Proof, sqlite, verify};
use serde_json::{Value, json};
use store::Store;
use testkit::{Answer, TestApp, World};
use tokio::sync::watch;
use web::Role;

/// Where most tests work.
const BOOK: &str = "/ledger/v1/books/main";

/// The kind of keys that tests make.
struct Key;

impl kit::id::Kind for Key {
    const PREFIX: &'static str = "key";
}

/// The service of one test.
struct Ledger {
    app: TestApp,
    store: Store,
    fatal: watch::Receiver<Option<String>>,
}

/// How a test wants its service.
struct Wish {
    journals: Arc<dyn Journals>,
    limits: Limits,
    export_rows_max: u64,
}

/// Starts the service in a world of its own.
async fn start() -> Ledger {
    start_in(World::sqlite().await).await
}

/// Starts the service in a world that may have journals already.
async fn start_in(world: World) -> Ledger {
    let wish = usual(&world);
    start_as(world, wish).await
}

fn folder(world: &World) -> PathBuf {
    world.directory().join("ledger")
}

/// Proves the journal of book `main`.
fn prove(world: &World) -> Result<Proof, JournalError> {
    verify(&folder(world), "main")
}

fn usual(world: &World) -> Wish {
    Wish {
        journals: sqlite(&folder(world)),
        limits: Limits::default(),
        export_rows_max: Deps::EXPORT_ROWS_MAX,
    }
}

async fn start_as(world: World, wish: Wish) -> Ledger {
    let (fatal, seen) = watch::channel(None);
    let store = Store::open(&world.database, &SCHEMA, &[]).await;
    let store = store.expect("the tables of every service can be made");
    let deps = Deps {
        store: store.clone(),
        journals: wish.journals,
        clock: world.clock(),
        zone: Zone::parse("Europe/Berlin").expect("this is a zone"),
        limits: wish.limits,
        export_rows_max: wish.export_rows_max,
        fatal,
    };
    let service = service(deps).expect("the journals can be opened");
    Ledger {
        app: world.start(vec![service]).await,
        store,
        fatal: seen,
    }
}

impl Ledger {
    /// A write by an accountant, with a key of its own; the answer whatever it is.
    async fn write(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", &format!("{BOOK}/{path}"), body).await
    }

    /// A write by an accountant as every route wants it: transactions have their ids, other POSTs
    /// a key of their own, and a PATCH is for any version.
    async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let call = self
            .app
            .call(method.parse().expect("this is a method"), path)
            .caller(Role::Accountant, "bea");
        let call = match method {
            "PATCH" => call.header("if-match", "*"),
            _ if path.contains("/transactions") => call,
            _ => call.key(&self.new_key()),
        };
        call.json(body).send().await
    }

    /// A key that no other call of this world has.
    fn new_key(&self) -> String {
        self.app.world.ids.next::<Key>().to_string()
    }

    /// An attempt to make a book.
    async fn make_book(&self, name: &str, zone: &str) -> Answer {
        let call = self
            .app
            .post("/ledger/v1/books")
            .caller(Role::Accountant, "bea");
        let call = call.key(&self.new_key());
        call.json(&json!({ "name": name, "zone": zone }))
            .send()
            .await
    }

    /// A read by an auditor.
    async fn read(&self, path: &str) -> Answer {
        self.app
            .get(&format!("{BOOK}/{path}"))
            .caller(Role::Auditor, "aud")
            .send()
            .await
    }

    /// A change of an account.
    async fn change(&self, account: &str, body: &Value) -> Answer {
        self.call("PATCH", &format!("{BOOK}/accounts/{account}"), body)
            .await
    }

    /// An account that may go below zero as far as it likes.
    async fn open_outside(&self, account: &str, currency: &str) {
        let body = json!({
            "account": account, "type": "asset", "currency": currency, "overdraft": "unlimited"
        });
        self.write("accounts", &body).await.expect(201);
    }

    /// An account of a customer, which may not go below zero.
    async fn open_wallet(&self, account: &str, currency: &str) {
        let body = json!({ "account": account, "type": "liability", "currency": currency });
        self.write("accounts", &body).await.expect(201);
    }

    /// The accounts most tests use: `bank/EUR` without a floor, `ann/EUR` and `bob/EUR` with.
    async fn with_accounts(self) -> Self {
        self.open_outside("bank/EUR", "EUR").await;
        self.open_wallet("ann/EUR", "EUR").await;
        self.open_wallet("bob/EUR", "EUR").await;
        self
    }

    /// Gives Ann money from outside.
    async fn fund_ann(&self, number: u64, amount: &str) {
        let top_up = post(number, "bank/EUR", "ann/EUR", amount);
        self.write("transactions", &top_up).await.expect(201);
    }

    /// What an account has posted and available.
    async fn balance(&self, account: &str) -> (String, String) {
        let answer = self
            .read(&format!("balances/{account}"))
            .await
            .expect(200)
            .json;
        let text = |field: &str| {
            answer[field]["amount"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        (text("posted"), text("available"))
    }

    /// As long as it takes whoever was sent before to arrive: some round trips that wait for no
    /// book.
    async fn meanwhile(&self) {
        for _ in 0..20 {
            let call = self.app.get("/ledger/v1/books");
            call.caller(Role::Auditor, "aud").send().await.expect(200);
        }
    }

    /// Starts the service over a disk in the hand of the test.
    async fn on_disk() -> (Self, Arc<disk::Hand>) {
        let world = World::sqlite().await;
        let (journals, hand) = disk::disk(sqlite(&folder(&world)));
        let wish = Wish {
            journals,
            ..usual(&world)
        };
        (start_as(world, wish).await, hand)
    }

    /// Where the journal ends.
    async fn head(&self) -> Value {
        self.read("journal").await.expect(200).json
    }
}

/// The n-th transaction id.
fn id(number: u64) -> String {
    format!("01939f6c-8a00-7000-8000-{number:012x}")
}

/// A transaction of one posting in euros.
fn post(number: u64, debit: &str, credit: &str, amount: &str) -> Value {
    json!({
        "id": id(number), "kind": "post", "code": "transfer",
        "postings": [
            { "debit": debit, "credit": credit, "amount": amount, "currency": "EUR" }
        ]
    })
}

/// The same as a hold.
fn hold(number: u64, debit: &str, credit: &str, amount: &str) -> Value {
    with(
        post(number, debit, credit, amount),
        json!({ "kind": "hold" }),
    )
}

/// A transaction about another.
fn about(kind: &str, number: u64, parent: u64) -> Value {
    json!({ "id": id(number), "kind": kind, "code": kind, "parent": id(parent) })
}

/// So much of one posting.
fn portion(posting: u16, amount: &str) -> Value {
    json!([{ "posting": posting, "amount": amount, "currency": "EUR" }])
}

/// An object with some members replaced; null takes a member away.
fn with(mut object: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().into_iter().flatten() {
        if value.is_null() {
            object
                .as_object_mut()
                .expect("changes are made to objects")
                .remove(key);
        } else {
            object[key] = value.clone();
        }
    }
    object
}
