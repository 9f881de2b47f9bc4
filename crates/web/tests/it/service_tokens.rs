//! The tokens of components: what they say, when they are renewed, and whose key speaks for whom.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::random::SeededRandom;
use kit::time::{ManualClock, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use web::{
    Grant, IssuerError, JwksError, PrincipalKind, Role, ServiceTokenError, ServiceTokens,
    SigningKey, SigningKeyError, TokenIssuer, TokenVerifier, TrustedIssuer, TrustedServices,
};

/// 2025-06-02T09:00:00Z.
const NOW_S: i64 = 1_748_854_800;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_micros(NOW_S * 1_000_000)))
}

fn key_file(home: &TempDir, text: &str, mode: u32) -> PathBuf {
    let path = home.path().join(format!("{mode:o}.pem"));
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn key(seed: u64) -> SigningKey {
    let home = TempDir::new().unwrap();
    let pem = SigningKey::draw_pem(&SeededRandom::new(seed));
    SigningKey::open(&key_file(&home, &pem, 0o600)).unwrap()
}

fn tokens(component: &str, key: &SigningKey, clock: &Arc<ManualClock>) -> ServiceTokens {
    let random = Arc::new(SeededRandom::new(3));
    ServiceTokens::new(component, key.clone(), clock.clone(), random).unwrap()
}

fn verifier(keys: &[(&str, &SigningKey)], clock: &Arc<ManualClock>) -> TokenVerifier {
    let mut services = TrustedServices::new();
    for (component, key) in keys {
        services.add(component, &key.jwks()).unwrap();
    }
    let audiences = vec!["florin".to_owned()];
    TokenVerifier::new(services.into_issuers(), audiences, clock.clone())
}

fn claims_of(token: &str) -> Value {
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

#[test]
fn a_token_says_who_calls_whom_and_no_more() {
    let (clock, key) = (clock(), key(1));
    let token = tokens("portfolios", &key, &clock)
        .for_callee("ledger")
        .unwrap();
    let mut claims = claims_of(token.reveal());
    let id = claims["jti"].take();
    assert_eq!(id.as_str().map(str::len), Some(22));
    assert_eq!(
        claims,
        json!({
            "iss": "urn:florin:service:portfolios", "sub": "portfolios", "aud": "ledger",
            "iat": NOW_S, "exp": NOW_S + 300, "jti": null, "roles": ["service"],
        })
    );
    let verifier = verifier(&[("portfolios", &key)], &clock);
    let principal = verifier.verify(token.reveal(), "ledger").unwrap();
    assert_eq!(principal.subject.as_str(), "portfolios");
    assert_eq!(principal.kind, PrincipalKind::Service);
    assert!(principal.has(Role::Service) && principal.roles.len() == 1);
    let elsewhere = verifier.verify(token.reveal(), "payments").unwrap_err();
    assert_eq!(elsewhere.name, "token_audience_wrong");
}

#[test]
fn a_token_is_kept_for_three_quarters_of_its_life_and_then_renewed() {
    let (clock, key) = (clock(), key(1));
    let tokens = tokens("portfolios", &key, &clock);
    let ask = || tokens.for_callee("ledger").unwrap().reveal().to_owned();
    let first = ask();
    clock.advance(Duration::from_secs(224));
    assert_eq!(ask(), first);
    assert_ne!(tokens.for_callee("cards").unwrap().reveal(), first);
    clock.advance(Duration::from_secs(1));
    let second = ask();
    assert_ne!(second, first);
    assert_eq!(claims_of(&second)["exp"], NOW_S + 225 + 300);
    assert_ne!(claims_of(&second)["jti"], claims_of(&first)["jti"]);
    assert_eq!(
        tokens.clone().for_callee("ledger").unwrap().reveal(),
        second
    );
    // A caller that asks each time never holds an expired token, however long it runs.
    let verifier = verifier(&[("portfolios", &key)], &clock);
    for _ in 0..40 {
        clock.advance(Duration::from_secs(100));
        assert!(verifier.verify(&ask(), "ledger").is_ok());
    }
}

#[test]
fn a_clock_that_was_set_back_gets_a_new_token() {
    let (clock, key) = (clock(), key(1));
    let tokens = tokens("portfolios", &key, &clock);
    tokens.for_callee("ledger").unwrap();
    clock.set(Timestamp::from_micros((NOW_S - 3600) * 1_000_000));
    let token = tokens.for_callee("ledger").unwrap();
    let verifier = verifier(&[("portfolios", &key)], &clock);
    assert!(verifier.verify(token.reveal(), "ledger").is_ok());
}

#[test]
fn those_who_ask_at_once_get_one_token() {
    let tokens = tokens("portfolios", &key(1), &clock());
    let seen: Vec<String> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| tokens.for_callee("ledger").unwrap().reveal().to_owned()))
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(seen.iter().all(|token| *token == seen[0]));
}

#[test]
fn the_callees_are_components_and_not_without_number() {
    let tokens = tokens("portfolios", &key(1), &clock());
    for wrong in ["", "Ledger", "a b", "led.ger", &"x".repeat(64)] {
        let refused = tokens.for_callee(wrong);
        assert!(
            matches!(refused, Err(ServiceTokenError::ComponentMalformed(_))),
            "{wrong}"
        );
    }
    for number in 0..64 {
        tokens.for_callee(&format!("c{number}")).unwrap();
    }
    let refused = tokens.for_callee("c64");
    assert!(matches!(refused, Err(ServiceTokenError::TooManyCallees)));
    assert!(tokens.for_callee("c63").is_ok());
}

#[test]
fn neither_key_nor_token_is_printed() {
    let key = key(1);
    let tokens = tokens("portfolios", &key, &clock());
    let token = tokens.for_callee("ledger").unwrap();
    let printed = format!("{key:?} {tokens:?} {token:?} {:?}", token.header());
    assert_eq!(
        printed,
        "[redacted] ServiceTokens(portfolios) [redacted] Sensitive"
    );
    assert_eq!(
        token.header().to_str().unwrap(),
        format!("Bearer {}", token.reveal())
    );
}

#[test]
fn a_key_speaks_for_its_own_component_alone() {
    let (clock, own, other) = (clock(), key(1), key(2));
    let verifier = verifier(&[("portfolios", &own), ("payments", &other)], &clock);
    let good = claims_of(
        tokens("portfolios", &own, &clock)
            .for_callee("ledger")
            .unwrap()
            .reveal(),
    );
    let issuer = |name: &str| format!("urn:florin:service:{name}");
    let cases = [
        (json!({}), None),
        (json!({"sub": "payments"}), Some("token_subject_wrong")),
        (json!({"sub": "Portfolios"}), Some("token_subject_wrong")),
        (
            json!({"iss": issuer("payments")}),
            Some("token_key_unknown"),
        ),
        (
            json!({"iss": issuer("payments"), "sub": "payments"}),
            Some("token_key_unknown"),
        ),
        (json!({"iss": issuer("cards")}), Some("token_issuer_wrong")),
        (
            json!({"aud": "florin", "roles": ["operator"]}),
            Some("token_roles_wrong"),
        ),
        (
            json!({"roles": ["service", "operator"]}),
            Some("token_roles_wrong"),
        ),
        (
            json!({"roles": ["service", "customer"]}),
            Some("token_roles_wrong"),
        ),
        (
            json!({"roles": ["service", "a-later-role"]}),
            Some("token_roles_wrong"),
        ),
        (json!({"roles": []}), Some("token_roles_wrong")),
        (json!({"scope": "ledger.read"}), Some("token_roles_wrong")),
        (json!({"exp": NOW_S + 900}), None),
        (json!({"exp": NOW_S + 901}), Some("token_lifetime_too_long")),
    ];
    for (changes, expected) in cases {
        let mut claims = good.clone();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = own.sign(&claims).unwrap();
        let code = verifier.verify(&token, "ledger").err();
        assert_eq!(code.map(|code| code.name), expected, "{changes}");
    }
}

#[test]
fn an_identity_provider_does_not_speak_for_components() {
    let (clock, key) = (clock(), key(1));
    let provider = TrustedIssuer::parse("https://id", &key.jwks()).unwrap();
    let verifier = TokenVerifier::new(vec![provider], vec!["florin".into()], clock);
    for (roles, expected) in [
        (json!(["service"]), Some("token_roles_wrong")),
        (json!(["service", "operator"]), Some("token_roles_wrong")),
        (json!(["operator"]), None),
    ] {
        let claims = json!({
            "iss": "https://id", "sub": "portfolios", "aud": ["ledger", "florin"],
            "iat": NOW_S, "exp": NOW_S + 60, "roles": roles,
        });
        let code = verifier.verify(&key.sign(&claims).unwrap(), "ledger").err();
        assert_eq!(code.map(|code| code.name), expected, "{roles}");
    }
}

#[test]
fn the_machines_own_issuer_signs_for_every_component_but_not_with_more_roles() {
    let clock = clock();
    let issuer = TokenIssuer::new(&SeededRandom::new(7), clock.clone()).unwrap();
    let trusted = vec![issuer.trusted().unwrap()];
    let verifier = TokenVerifier::new(trusted, vec!["florin".into()], clock.clone());
    let tokens = ServiceTokens::local("wallets", &issuer, Arc::new(SeededRandom::new(3))).unwrap();
    let token = tokens.for_callee("ledger").unwrap();
    let principal = verifier.verify(token.reveal(), "ledger").unwrap();
    assert_eq!(principal.subject.as_str(), "wallets");
    let grant = |roles: Vec<Role>, scope: &[&str]| Grant {
        subject: "wallets".into(),
        roles,
        scopes: scope.iter().map(|scope| (*scope).to_owned()).collect(),
        audience: "ledger".into(),
        lifetime: Duration::from_secs(60),
    };
    for wrong in [
        grant(vec![Role::Service, Role::Operator], &[]),
        grant(vec![Role::Service], &["ledger.read"]),
    ] {
        let refused = issuer.mint(&wrong);
        assert!(matches!(refused, Err(IssuerError::ServiceNotAlone)));
    }
    let mut claims = claims_of(token.reveal());
    claims["roles"] = json!(["service", "operator"]);
    let both = issuer.sign(&claims).unwrap();
    let code = verifier.verify(&both, "ledger").unwrap_err();
    assert_eq!(code.name, "token_roles_wrong");
}

#[test]
fn a_new_key_is_trusted_before_it_signs_and_an_old_one_can_go() {
    let (clock, old, new) = (clock(), key(1), key(2));
    let ask = |key| {
        let tokens = tokens("portfolios", key, &clock);
        tokens.for_callee("ledger").unwrap().reveal().to_owned()
    };
    let (before, after) = (ask(&old), ask(&new));
    let verify = |keys: &[(&str, &SigningKey)], token: &str| {
        let code = verifier(keys, &clock).verify(token, "ledger").err();
        code.map(|code| code.name)
    };
    let (first, second) = (("portfolios", &old), ("portfolios", &new));
    assert_eq!(verify(&[first], &after), Some("token_key_unknown"));
    assert_eq!(verify(&[first, second], &before), None);
    assert_eq!(verify(&[first, second], &after), None);
    assert_eq!(verify(&[second], &before), Some("token_key_unknown"));
    assert_eq!(verify(&[second], &after), None);
}

#[test]
fn a_key_is_trusted_once_and_for_one_component() {
    let (one, other) = (key(1), key(2));
    let mut services = TrustedServices::new();
    services.add("portfolios", &one.jwks()).unwrap();
    let mut renamed: Value = serde_json::from_str(&one.jwks()).unwrap();
    renamed["keys"][0]["kid"] = json!("another");
    for (component, jwks) in [
        ("payments", one.jwks()),
        ("portfolios", one.jwks()),
        ("payments", renamed.to_string()),
    ] {
        let refused = services.add(component, &jwks).unwrap_err();
        assert_eq!(refused, JwksError::KeyHasOwner("portfolios".into()));
    }
    let mut same: Value = serde_json::from_str(&other.jwks()).unwrap();
    same["keys"][0]["kid"] = json!(one.kid());
    let refused = services.add("portfolios", &same.to_string()).unwrap_err();
    assert_eq!(refused, JwksError::DuplicateKeyId(one.kid().into()));
    assert!(services.has_key("portfolios", one.kid()));
    assert!(!services.has_key("payments", one.kid()) && !services.has_component("payments"));
    let refused = services.add("Pay ments", &other.jwks()).unwrap_err();
    assert_eq!(refused, JwksError::ComponentMalformed("Pay ments".into()));
    let mut private: Value = serde_json::from_str(&key(9).jwks()).unwrap();
    private["keys"][0]["d"] = json!("c2VjcmV0");
    let refused = services.add("cards", &private.to_string()).unwrap_err();
    assert_eq!(refused, JwksError::Private);
    for text in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":7}"#] {
        assert!(services.add("cards", text).is_err(), "{text}");
    }
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let home = TempDir::new().unwrap();
    let pem = SigningKey::draw_pem(&SeededRandom::new(1));
    for mode in [0o400, 0o600, 0o440, 0o640] {
        let key = SigningKey::open(&key_file(&home, &pem, mode)).unwrap();
        assert_eq!(key.kid(), self::key(1).kid());
    }
    for mode in [0o644, 0o604, 0o660, 0o606, 0o601] {
        let refused = SigningKey::open(&key_file(&home, &pem, mode));
        assert!(
            matches!(refused, Err(SigningKeyError::NotPrivate(_))),
            "{mode:o}"
        );
    }
}

/// The key of RFC 8410, section 10.3, as `openssl genpkey -algorithm ed25519` writes them.
const RFC_8410: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";

#[test]
fn a_key_file_is_one_ed25519_key() {
    let home = TempDir::new().unwrap();
    let open = |text: &str| SigningKey::open(&key_file(&home, text, 0o600));
    let jwks: Value = serde_json::from_str(&open(RFC_8410).unwrap().jwks()).unwrap();
    let public = jwks["keys"][0]["x"].as_str().unwrap();
    // The public key of the same section.
    assert_eq!(public, "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
    let body = RFC_8410.lines().nth(1).unwrap();
    for text in [
        String::new(),
        body.to_owned(),
        format!("{RFC_8410}{RFC_8410}"),
        RFC_8410.replace("PRIVATE", "EC PRIVATE"),
        RFC_8410.replace("MC4C", "MC4D"),
        RFC_8410.replace(body, &body[..60]),
        "x".repeat(1024 * 1024),
    ] {
        assert!(matches!(open(&text), Err(SigningKeyError::Malformed(_))));
    }
    let absent = SigningKey::open(&home.path().join("absent"));
    assert!(matches!(absent, Err(SigningKeyError::File { .. })));
}
