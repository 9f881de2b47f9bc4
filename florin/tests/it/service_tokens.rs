//! Two processes of production, each with its own key: who is let in, and who is not.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use florin::config::{Config, Overrides};
use florin::key::{Options, make};
use florin::trust;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::random::SystemRandom;
use kit::time::{Clock, ManualClock, SystemClock, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use web::{ServiceTokens, SigningKey};

use crate::binary::Up;

/// A machine of production that runs one role and has that role's key.
pub(super) struct Side {
    pub(super) home: TempDir,
    role: &'static str,
}

impl Side {
    /// Configured, with a new key and nobody trusted yet but an identity provider.
    pub(super) fn new(role: &'static str) -> Self {
        let home = TempDir::new().unwrap();
        let provider = home.path().join("provider.pem");
        let side = Self { home, role };
        fs::create_dir(side.home.path().join("trusted")).unwrap();
        side.draw(role, "key.pem");
        let public = side.draw(role, "provider.pem");
        fs::rename(public, provider.with_extension("json")).unwrap();
        let text = format!(
            "environment = \"production\"\nroles = [\"{role}\"]\n[tokens]\n\
             issuer = \"https://id.example\"\njwks_file = \"provider.json\"\n\
             service_jwks = \"trusted\"\n[tokens.service_key_files]\n{role} = \"key.pem\"\n"
        );
        fs::write(side.home.path().join("florin.toml"), text).unwrap();
        side
    }

    /// Makes a key of `component`; answers the file with its public part.
    pub(super) fn draw(&self, component: &str, file: &str) -> PathBuf {
        let options = Options {
            component: component.to_owned(),
            out: self.home.path().join(file),
        };
        make(&options).unwrap()
    }

    pub(super) fn key(&self, file: &str) -> SigningKey {
        SigningKey::open(&self.home.path().join(file)).unwrap()
    }

    /// The public part of this side's key goes where `callee` looks for whom to believe.
    pub(super) fn is_trusted_by(&self, callee: &Self, file: &str) {
        let name = format!("trusted/{}.{file}.json", self.role);
        fs::write(callee.home.path().join(name), self.key(file).jwks()).unwrap();
    }

    /// The client side: what a port of this role would call with.
    pub(super) fn tokens(&self, file: &str, clock: Arc<dyn Clock>) -> ServiceTokens {
        let random = Arc::new(SystemRandom);
        ServiceTokens::new(self.role, self.key(file), clock, random).unwrap()
    }

    fn token(&self, file: &str, callee: &str) -> String {
        let tokens = self.tokens(file, Arc::new(SystemClock));
        tokens.for_callee(callee).unwrap().reveal().to_owned()
    }

    pub(super) fn up(&self) -> Up {
        Up::start(self.home.path(), &[])
    }
}

/// Asks the ledger for its books: 200, or the code of the refusal.
async fn ask(ledger: &Up, token: &str) -> String {
    let answer = reqwest::Client::new()
        .get(format!("{}/ledger/v1/books", ledger.url()))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    if status == 200 {
        return "200".to_owned();
    }
    let problem: Value = answer.json().await.unwrap();
    format!("{status} {}", problem["code"].as_str().unwrap())
}

fn claims_of(token: &str) -> Value {
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

#[tokio::test]
async fn each_process_lets_the_other_in_by_its_own_key() {
    let (caller, callee) = (Side::new("notifications"), Side::new("ledger"));
    caller.is_trusted_by(&callee, "key.pem");
    callee.is_trusted_by(&caller, "key.pem");
    let (ledger, notifications) = (callee.up(), caller.up());
    let token = caller.token("key.pem", "ledger");
    assert_eq!(ask(&ledger, &token).await, "200");
    // The other way: the body is read, so who calls was settled before.
    let back = callee.token("key.pem", "notifications");
    let answer = reqwest::Client::new()
        .post(format!("{}/notifications/v1/messages", notifications.url()))
        .header("idempotency-key", "one")
        .bearer_auth(&back)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 422);
    // A service's token opens no route that is not for services.
    let answer = reqwest::Client::new()
        .get(format!(
            "{}/notifications/v1/templates",
            notifications.url()
        ))
        .bearer_auth(&back)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    let key = fs::read_to_string(caller.home.path().join("key.pem")).unwrap();
    for up in [ledger, notifications] {
        let (status, log) = up.stop();
        assert!(status.success());
        for secret in [&token, &back, key.lines().nth(1).unwrap()] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_refused_by_name() {
    let (caller, callee) = (Side::new("notifications"), Side::new("ledger"));
    caller.is_trusted_by(&callee, "key.pem");
    let ledger = callee.up();
    let key = caller.key("key.pem");
    let elsewhere = caller.token("key.pem", "notifications");
    assert_eq!(ask(&ledger, &elsewhere).await, "401 token_audience_wrong");
    let past = SystemClock.now().checked_sub(Duration::from_secs(3600));
    let clock = ManualClock::new(Timestamp::from_micros(past.unwrap().micros()));
    let expired = caller.tokens("key.pem", Arc::new(clock));
    let expired = expired.for_callee("ledger").unwrap();
    assert_eq!(ask(&ledger, expired.reveal()).await, "401 token_expired");
    let stranger = callee.token("key.pem", "ledger");
    assert_eq!(ask(&ledger, &stranger).await, "401 token_issuer_wrong");
    let good = claims_of(&caller.token("key.pem", "ledger"));
    for (changes, expected) in [
        (json!({}), "200"),
        (json!({"sub": "ledger"}), "401 token_subject_wrong"),
        (
            json!({"iss": "urn:florin:service:ledger", "sub": "ledger"}),
            "401 token_issuer_wrong",
        ),
        (
            json!({"iss": "https://id.example", "aud": "florin", "roles": ["admin"]}),
            "401 token_key_unknown",
        ),
        (
            json!({"aud": "florin", "roles": ["operator"]}),
            "401 token_roles_wrong",
        ),
        (
            json!({"roles": ["service", "operator"]}),
            "401 token_roles_wrong",
        ),
        (
            json!({"roles": ["service", "customer"]}),
            "401 token_roles_wrong",
        ),
    ] {
        let mut claims = good.clone();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = key.sign(&claims).unwrap();
        assert_eq!(ask(&ledger, &token).await, expected, "{changes}");
    }
}

#[tokio::test]
async fn neither_no_signature_nor_the_public_key_as_a_secret_is_one() {
    let (caller, callee) = (Side::new("notifications"), Side::new("ledger"));
    caller.is_trusted_by(&callee, "key.pem");
    let ledger = callee.up();
    let key = caller.key("key.pem");
    let good = caller.token("key.pem", "ledger");
    let body = good.split('.').nth(1).unwrap();
    let head = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": key.kid()}).to_string());
    let public: Value = serde_json::from_str(&key.jwks()).unwrap();
    let public = public["keys"][0]["x"].as_str().unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(key.kid().to_owned());
    let mut forged = vec![format!("{head}.{body}.")];
    for secret in [
        public.as_bytes().to_vec(),
        URL_SAFE_NO_PAD.decode(public).unwrap(),
    ] {
        let secret = EncodingKey::from_secret(&secret);
        forged.push(jsonwebtoken::encode(&header, &claims_of(&good), &secret).unwrap());
    }
    for token in forged {
        let answer = ask(&ledger, &token).await;
        assert_eq!(answer, "401 token_algorithm_not_allowed");
    }
    assert_eq!(ask(&ledger, &good).await, "200");
}

#[tokio::test]
async fn a_key_is_replaced_without_a_refused_call() {
    let (caller, callee) = (Side::new("notifications"), Side::new("ledger"));
    caller.is_trusted_by(&callee, "key.pem");
    caller.draw("notifications", "next.pem");
    let old = caller.token("key.pem", "ledger");
    let new = caller.token("next.pem", "ledger");
    let ledger = callee.up();
    assert_eq!(ask(&ledger, &old).await, "200");
    assert_eq!(ask(&ledger, &new).await, "401 token_key_unknown");
    drop(ledger);
    caller.is_trusted_by(&callee, "next.pem");
    let ledger = callee.up();
    assert_eq!(ask(&ledger, &old).await, "200");
    assert_eq!(ask(&ledger, &new).await, "200");
    drop(ledger);
    fs::remove_file(
        callee
            .home
            .path()
            .join("trusted/notifications.key.pem.json"),
    )
    .unwrap();
    let ledger = callee.up();
    assert_eq!(ask(&ledger, &old).await, "401 token_key_unknown");
    assert_eq!(ask(&ledger, &new).await, "200");
}

#[tokio::test]
async fn in_development_nothing_needs_to_be_configured() {
    let home = TempDir::new().unwrap();
    let ledger = Up::start(home.path(), &["--role", "ledger"]);
    fs::write(home.path().join("f.toml"), "").unwrap();
    let overrides = Overrides {
        data: Some(home.path().join("data")),
        ..Overrides::default()
    };
    let config = Config::load(Some(&home.path().join("f.toml")), &overrides).unwrap();
    let tokens = trust::service_tokens(&config, "notifications").unwrap();
    let token = tokens.for_callee("ledger").unwrap();
    assert_eq!(ask(&ledger, token.reveal()).await, "200");
    let elsewhere = tokens.for_callee("notifications").unwrap();
    assert_eq!(
        ask(&ledger, elsewhere.reveal()).await,
        "401 token_audience_wrong"
    );
}
