//! The configuration: what is refused, and where the mistake is said to be.

use std::sync::Arc;

use florin::config::{Config, Environment, Overrides, StoreKind};
use florin::{roles, trust, up};
use host::outbound::Tokens;
use host::{Edges, Topology};
use tempfile::TempDir;

fn load(text: &str) -> Result<Config, String> {
    let home = TempDir::new().unwrap();
    let file = home.path().join("f.toml");
    std::fs::write(&file, text).unwrap();
    let place = format!("{}", file.display());
    Config::load(Some(&file), &Overrides::default())
        .map_err(|error| error.to_string().replace(&place, "f.toml"))
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(load(text).unwrap_err(), expected);
}

#[test]
fn nothing_is_a_good_configuration() {
    let config = load("").unwrap();
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.store, StoreKind::Sqlite);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8420");
    assert_eq!(config.data.to_str(), Some("./data"));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    check(
        "listn = \"x\"",
        "f.toml:1: listn: unknown key; did you mean `listen`?",
    );
    check(
        "# a comment\n\n[log]\nfilters = \"info\"",
        "f.toml:4: log.filters: unknown key; did you mean `filter`?",
    );
    check(
        "http.request_max = 1",
        "f.toml:1: http.request_max: unknown key; did you mean `requests_max`?",
    );
    check(
        "[tokens]\nzzz = 1",
        "f.toml:2: tokens.zzz: unknown key; known here: audience, issuer, jwks_file, \
         service_jwks, service_key_files",
    );
    check(
        "[htp]\nx = 1",
        "f.toml:1: htp: unknown key; did you mean `http`?",
    );
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    let error = load("[http]\nrequests_max = \"many\"").unwrap_err();
    assert!(
        error.starts_with("f.toml:2: http.requests_max: "),
        "{error}"
    );
    let error = load("store = \"oracle\"").unwrap_err();
    assert!(error.starts_with("f.toml:1: store: "), "{error}");
    assert!(load("[http").unwrap_err().starts_with("f.toml: "));
}

#[test]
fn what_cannot_be_is_refused() {
    check(
        "environment = \"production\"",
        "tokens.issuer: production must have an issuer and its jwks_file",
    );
    check(
        "[tokens]\nissuer = \"x\"",
        "tokens: issuer and jwks_file must be given together",
    );
    check(
        "[tokens]\nissuer = \"urn:florin:issuer:local\"\njwks_file = \"x\"",
        "tokens.issuer: this name is that of the machine's own issuer",
    );
    check(
        "[tokens]\nissuer = \"urn:florin:service:ledger\"\njwks_file = \"x\"",
        "tokens.issuer: this name is that of a component's key",
    );
    check(
        "[tokens.service_key_files]\nledgr = \"ledger.pem\"",
        "tokens.service_key_files.ledgr: unknown component; did you mean `ledger`?",
    );
    check(
        "[tokens]\naudience = \"\"",
        "tokens.audience: must not be empty",
    );
    check(
        "[postgres]\nserver = \"florin:secret@db/florin\"",
        "postgres.server: must have no login and no password: they are files",
    );
    check(
        "store = \"postgres\"",
        "postgres.passwords: must name the directory with the passwords",
    );
    check(
        "[http]\nrequests_max = 0",
        "http.requests_max: must be at least 1",
    );
    check(
        "[retention]\nsaga_days = 30",
        "retention.saga_days: must be at least 31: messages are remembered nearly as long",
    );
    check(
        "[ledger]\nzone = \"Mars/Olympus\"",
        "ledger.zone: must be the name of a time zone, such as Europe/Berlin",
    );
}

#[test]
fn a_collector_is_a_plain_address_and_a_share_at_most_all() {
    let good = "[telemetry]\ntraces = \"http://collector:4318/\"\nsampled_per_mille = 5";
    let collector = load(good).unwrap().telemetry().collector.unwrap();
    assert_eq!(collector.sampled_per_mille, 5);
    assert_eq!(load("").unwrap().telemetry().collector, None);
    for wrong in [
        "",
        "collector:4318",
        "https://collector:4318",
        "http://",
        "http://name:secret@collector:4318",
        "http://collector:4318/v1/traces",
        "http://collector:4318?key=secret",
    ] {
        let refused = load(&format!("[telemetry]\ntraces = \"{wrong}\"")).unwrap_err();
        assert!(
            refused.starts_with("telemetry.traces: must be like"),
            "{refused}"
        );
    }
    check(
        "[telemetry]\nsampled_per_mille = 1001",
        "telemetry.sampled_per_mille: must be at most 1000",
    );
}

#[test]
fn where_others_are_found_is_named_by_the_topology_and_has_an_address() {
    let good = load("[components]\nledger = \"http://ledger:8420\"").unwrap();
    assert_eq!(good.components["ledger"], "http://ledger:8420");
    check(
        "[components]\nledgr = \"http://ledger:8420\"",
        "components.ledgr: unknown component; did you mean `ledger`?",
    );
    let address = "address must be like https://host:port/path, without login, query and fragment";
    for wrong in [
        "ledger:8420",
        "http://me:secret@ledger",
        "http://ledger?x",
        "",
    ] {
        let text = format!("[components]\nledger = \"{wrong}\"");
        check(&text, &format!("components.ledger: {address}"));
    }
    check(
        "[outside.feed]\nurl = \"https://feed.example.org\"",
        "outside.feed: unknown host; no component reaches any",
    );
    check(
        "[outside.feed]\nurls = \"https://feed.example.org\"",
        "f.toml:2: outside.feed.urls: unknown key; did you mean `url`?",
    );
}

/// Who calls whom, in a topology of its own: no role of this binary calls another.
const CALLS: &str = r#"
[[component]]
name = "ledger"
why = "keeps the books"

[[component]]
name = "sagas"
why = "asks the ledger and a feed of rates"
calls = [{ to = "ledger", why = "books" }]
outside = [{ to = "feed", why = "rates" }]
"#;
const EDGES: Edges = Edges {
    publishes: &[],
    consumes: &[],
    calls: &["ledger"],
    outside: &["feed"],
};
const NOWHERE: &str = "component must run here or have an address in the configuration: \
                       sagas calls ledger";
const NO_HOST: &str = "outside host must have an address in the configuration: sagas outside feed";

#[test]
fn who_calls_what_is_nowhere_is_refused_by_the_check_in_the_words_of_the_start() {
    let home = TempDir::new().unwrap();
    let topology = Arc::new(Topology::parse(CALLS).unwrap());
    let checked = |text: &str, outside: &str| {
        let mut config = load(text).unwrap();
        config.data = home.path().to_owned();
        config.outside = toml::from_str(outside).unwrap();
        let roles = roles::selected(&config).unwrap();
        let checked = up::check(&config, &topology);
        let checked = checked.map(drop).map_err(|error| error.to_string());
        if roles.iter().any(|role| role.name == "sagas") {
            let tokens = trust::service_tokens(&config, "sagas").unwrap();
            let tokens = Tokens {
                here: tokens.clone(),
                elsewhere: Some(tokens),
            };
            let network = up::network(&config, &topology, &roles).unwrap();
            let started = network.outbound("sagas", &EDGES, &tokens);
            let started = started.map(drop).map_err(|error| error.to_string());
            assert_eq!(checked, started, "{text}");
        }
        checked
    };
    let alone = "roles = ['sagas']\n";
    let reached = &format!("{alone}components.ledger = 'http://ledger:8420'\n");
    let (both, feed) = (
        "roles = ['sagas', 'ledger']\n",
        "feed.url = 'http://feed.example.org'",
    );
    assert_eq!(checked("roles = ['ledger']", ""), Ok(()));
    assert_eq!(checked(alone, ""), Err(NOWHERE.to_owned()));
    assert_eq!(checked(alone, feed), Err(NOWHERE.to_owned()));
    assert_eq!(checked(both, ""), Err(NO_HOST.to_owned()));
    assert_eq!(checked(reached, ""), Err(NO_HOST.to_owned()));
    assert_eq!(checked(reached, feed), Ok(()));
    assert_eq!(checked(both, feed), Ok(()));
    let played = "feed.component = 'notifications'";
    let by_nobody = NOWHERE.replace("ledger", "notifications");
    assert_eq!(checked(both, played), Err(by_nobody));
    assert_eq!(checked(both, "feed.component = 'ledger'"), Ok(()));
}
