//! Every error a caller can see has been seen by one: the table of codes, against what was
//! answered over HTTP.
//!
//! The services are those of this binary, next to `testkit::Faults`, whose routes lead to what no
//! service can be asked for. The ledger's own codes are provoked and compared in its own tests.

mod books;
mod calls;
mod limits;
mod messages;
mod requests;
mod stored;
mod tokens;

use std::collections::BTreeSet;
use std::sync::Arc;

use florin::config::{Config, Overrides};
use florin::roles::{ROLES, Wiring};
use kit::codes::{AT_START, Code, OWNERS};
use kit::random::SystemRandom;
use serde_json::Value;
use testkit::{Answer, Call, Faults, TestApp, World};
use web::{Role, TokenIssuer};

/// The owners whose codes are provoked here.
const HERE: [&str; 5] = ["host", "money", "notifications", "store", "web"];
/// The owners whose codes are compared in a test of their own, which is this file.
const ELSEWHERE: &[(&str, &str)] = &[
    ("dead_letters", "services/dead-letters/tests/it/refusals.rs"),
    ("ledger", "services/ledger/tests/it/refusals.rs"),
    ("sagas", "services/sagas/tests/it/refusals.rs"),
];

/// Who asks, unless it matters.
const OPERATOR: (Role, &str) = (Role::Operator, "ops-1");

/// The codes that were answered.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    /// Sends a call and takes down the codes of its refusal, which must be of this code.
    async fn refused(&mut self, call: Call<'_>, code: &Code) {
        let answer = call.send().await;
        self.note(&answer, code);
    }

    /// Takes down the codes of a refusal: its own, and those of its fields.
    #[track_caller]
    fn note(&mut self, answer: &Answer, code: &Code) {
        let said = format!("{:.600}", answer.text);
        assert_eq!(answer.code(), code.name, "{said}");
        assert_eq!(answer.status, code.status, "{said}");
        assert_eq!(
            answer.header("content-type"),
            web::problem::MEDIA_TYPE,
            "{said}"
        );
        let document = &answer.json;
        assert_eq!(document["remedy"], code.remedy, "{said}");
        assert_eq!(
            document["type"],
            format!("urn:florin:problem:{}", code.name)
        );
        self.0.insert(code.name.to_owned());
        for error in document["errors"].as_array().into_iter().flatten() {
            let code = error["code"].as_str().expect("a field's error has a code");
            self.0.insert(code.to_owned());
        }
    }
}

/// What a process is told that keeps its things in the world's directory, and nothing else.
fn configured(world: &World) -> Config {
    let overrides = Overrides {
        data: Some(world.directory().to_owned()),
        ..Overrides::default()
    };
    let empty = world.directory().join("florin.toml");
    std::fs::write(&empty, "").unwrap();
    Config::load(Some(&empty), &overrides).unwrap()
}

/// The services of this binary and the one that meets faults, in one process.
async fn start(world: World) -> (TestApp, Faults) {
    let world = world.with_faults();
    let faults = Faults::open(&world.database, world.clock()).await.unwrap();
    let database = world.database.clone();
    let config = configured(&world);
    let roles: Vec<_> = ROLES.iter().collect();
    let wiring = Wiring {
        clock: world.clock(),
        random: Arc::new(SystemRandom),
        ids: world.ids.clone(),
        network: florin::up::network(&config, &world.topology, &roles).unwrap(),
        inside: TokenIssuer::new(&SystemRandom, world.clock()).unwrap(),
        config,
        fatal: tokio::sync::watch::Sender::new(None),
        databases: Box::new(move |_| Ok(database.clone())),
    };
    let mut services = vec![faults.service()];
    for role in ROLES {
        services.push((role.build)(&wiring).await.unwrap());
    }
    (world.start(services).await, faults)
}

/// A world with the service that meets faults and no other.
async fn start_faults(world: World) -> (TestApp, Faults) {
    let world = world.with_faults();
    let faults = Faults::open(&world.database, world.clock()).await.unwrap();
    (world.start(vec![faults.service()]).await, faults)
}

/// A call of the route that leads to a fault.
fn provoked<'a>(app: &'a TestApp, fault: &str) -> Call<'a> {
    app.post(&format!("/faults/v1/provoked/{fault}"))
        .caller(OPERATOR.0, OPERATOR.1)
}

/// An object with some members replaced or added.
fn with(base: Value, changes: Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (base, changes) else {
        panic!("both must be objects");
    };
    members.extend(changes);
    Value::Object(members)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_of_the_table_has_been_answered_over_http() {
    let mut seen = Seen::default();
    let (app, _) = start(tokens::trusting(World::sqlite().await)).await;
    tokens::refused(&app, &mut seen).await;
    requests::refused(&app, &mut seen).await;
    messages::refused(&app, &mut seen).await;
    books::refused(&app, &mut seen).await;
    stored::refused(&app, &mut seen).await;
    stored::closed(&app, &mut seen).await;
    stored::damaged(&mut seen).await;
    stored::refused_on_postgres(&mut seen).await;
    limits::refused(&mut seen).await;
    calls::refused(&mut seen).await;

    let own = |owner: &str| OWNERS.iter().find(|(name, _)| *name == owner).unwrap().1;
    let ledger: BTreeSet<&str> = own("ledger").iter().map(|code| code.name).collect();
    // The ledger's codes come along where it is asked here; they are compared elsewhere.
    let answered: BTreeSet<&str> = seen.0.iter().map(String::as_str).collect();
    let answered: BTreeSet<&str> = answered.difference(&ledger).copied().collect();
    let can_be = HERE.iter().flat_map(|owner| own(owner));
    let can_be = can_be.filter(|code| !AT_START.contains(code));
    let can_be: BTreeSet<&str> = can_be.map(|code| code.name).collect();
    let never: Vec<_> = can_be.difference(&answered).collect();
    assert!(
        never.is_empty(),
        "in the table, and never answered: {never:?}"
    );
    let unknown: Vec<_> = answered.difference(&can_be).collect();
    assert!(unknown.is_empty(), "answered, and not to be: {unknown:?}");
}

#[test]
fn every_owner_of_codes_is_compared_somewhere() {
    let owners: BTreeSet<&str> = OWNERS.iter().map(|(owner, _)| *owner).collect();
    let elsewhere = ELSEWHERE.iter().map(|(owner, _)| *owner);
    let compared: BTreeSet<&str> = HERE.into_iter().chain(elsewhere).collect();
    assert_eq!(owners, compared, "a new owner is placed above");
    for (owner, file) in ELSEWHERE {
        let path = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(path).unwrap();
        let compared = format!("Refusals::of(&[\"{owner}\"");
        assert!(source.contains(&compared), "{file} must have {compared}");
    }
}

/// The codes of `AT_START`, where a process refuses to start.
#[tokio::test]
async fn what_is_refused_at_the_start_has_its_code() {
    let world = World::sqlite().await;
    let path = world.directory().join("florin.db");
    let refused = store::SqliteFile::open(&path).await.map(drop).unwrap_err();
    assert_eq!(AT_START, [refused.code()]);
    let config = configured(&world);
    let up = florin::up::Up::start(&config).await.map(drop);
    let refused = up.unwrap_err().to_string();
    assert!(refused.contains("must not be open in another"), "{refused}");
}
