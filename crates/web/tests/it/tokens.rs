//! Every way a token can fail has its code, and no forgery passes.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::random::SeededRandom;
use kit::time::{ManualClock, Timestamp};
use serde_json::{Value, json};
use web::{Grant, LOCAL_ISSUER, Role, TokenIssuer, TokenVerifier, TrustedIssuer};

/// 2025-06-02T09:00:00Z.
const NOW_S: i64 = 1_748_854_800;

struct Fixture {
    clock: Arc<ManualClock>,
    issuer: TokenIssuer,
    verifier: TokenVerifier,
}

fn fixture() -> Fixture {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(NOW_S * 1_000_000)));
    let issuer = TokenIssuer::new(&SeededRandom::new(7), clock.clone()).unwrap();
    let trusted = issuer.trusted().unwrap();
    let verifier = TokenVerifier::new(vec![trusted], vec!["florin".into()], clock.clone());
    Fixture {
        clock,
        issuer,
        verifier,
    }
}

/// Claims that pass.
fn claims() -> Value {
    json!({
        "iss": LOCAL_ISSUER, "sub": "alice", "aud": "florin", "iat": NOW_S, "nbf": NOW_S,
        "exp": NOW_S + 600, "roles": ["operator"], "scope": "a b",
    })
}

fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn grant(role: Role, audience: &str) -> Grant {
    Grant {
        subject: "alice".into(),
        roles: vec![role],
        scopes: Vec::new(),
        audience: audience.into(),
        lifetime: Duration::from_secs(60),
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn unpart(token: &str, index: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(index).unwrap())
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[track_caller]
fn refused(verifier: &TokenVerifier, token: &str, code: &str) {
    match verifier.verify(token, "ledger") {
        Ok(principal) => panic!("accepted as {principal:?}, expected {code}"),
        Err(refusal) => {
            assert_eq!(refusal.name, code);
            assert_eq!(refusal.status, 401);
        }
    }
}

#[test]
fn a_good_token_says_who_calls() {
    let fixture = fixture();
    let token = fixture
        .issuer
        .sign(&with(json!({"roles": ["operator", "offline_access"]})))
        .unwrap();
    let principal = fixture.verifier.verify(&token, "ledger").unwrap();
    assert_eq!(principal.subject.as_str(), "alice");
    assert_eq!(
        principal.roles.into_iter().collect::<Vec<_>>(),
        [Role::Operator]
    );
    assert_eq!(principal.scopes.into_iter().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn wrong_claims_are_refused_by_name() {
    let fixture = fixture();
    let cases = [
        (json!({"iss": "https://elsewhere"}), "token_issuer_wrong"),
        (json!({"aud": "other"}), "token_audience_wrong"),
        (json!({"aud": ["other", "another"]}), "token_audience_wrong"),
        (json!({"aud": []}), "token_audience_wrong"),
        (json!({"exp": NOW_S - 30}), "token_expired"),
        (json!({"nbf": NOW_S + 31}), "token_not_yet_valid"),
        (json!({"iat": NOW_S + 31}), "token_not_yet_valid"),
        (
            json!({"exp": NOW_S + 24 * 3600 + 1}),
            "token_lifetime_too_long",
        ),
        (json!({"exp": i64::MAX}), "token_lifetime_too_long"),
        (json!({"sub": ""}), "token_malformed"),
        (json!({"sub": "a b"}), "token_malformed"),
        (json!({"sub": "x".repeat(256)}), "token_malformed"),
        (json!({"exp": "soon"}), "token_malformed"),
        (json!({"exp": null}), "token_malformed"),
        (json!({"iat": null}), "token_malformed"),
        (json!({"roles": "operator"}), "token_malformed"),
    ];
    for (changes, code) in cases {
        let token = fixture.issuer.sign(&with(changes.clone())).unwrap();
        println!("{changes}");
        refused(&fixture.verifier, &token, code);
    }
}

#[test]
fn the_leeway_is_thirty_seconds_on_both_sides() {
    let fixture = fixture();
    for changes in [
        json!({"exp": NOW_S - 29}),
        json!({"nbf": NOW_S + 30}),
        json!({"exp": NOW_S + 24 * 3600}),
        json!({"aud": ["other", "florin"]}),
        json!({"nbf": null}),
    ] {
        let token = fixture.issuer.sign(&with(changes.clone())).unwrap();
        assert!(
            fixture.verifier.verify(&token, "ledger").is_ok(),
            "{changes}"
        );
    }
    let token = fixture.issuer.sign(&claims()).unwrap();
    fixture.clock.advance(Duration::from_secs(629));
    assert!(fixture.verifier.verify(&token, "ledger").is_ok());
    fixture.clock.advance(Duration::from_secs(1));
    refused(&fixture.verifier, &token, "token_expired");
}

#[test]
fn a_services_token_is_for_the_service_it_calls() {
    let fixture = fixture();
    let token = fixture
        .issuer
        .mint(&grant(Role::Service, "ledger"))
        .unwrap();
    assert!(fixture.verifier.verify(&token, "ledger").is_ok());
    match fixture.verifier.verify(&token, "notifications") {
        Ok(_) => panic!("a token for the ledger was accepted elsewhere"),
        Err(code) => assert_eq!(code.name, "token_audience_wrong"),
    }
    let token = fixture
        .issuer
        .mint(&grant(Role::Service, "florin"))
        .unwrap();
    refused(&fixture.verifier, &token, "token_audience_wrong");
    let token = fixture
        .issuer
        .mint(&grant(Role::Operator, "ledger"))
        .unwrap();
    refused(&fixture.verifier, &token, "token_audience_wrong");
}

#[test]
fn a_token_that_is_none_is_malformed() {
    let fixture = fixture();
    let good = fixture.issuer.sign(&claims()).unwrap();
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    for token in [
        String::new(),
        "x".into(),
        "..".into(),
        format!("{head}.{body}"),
        format!("{head}.{body}.{signature}.x"),
        format!("{head}=.{body}.{signature}"),
        format!("e30.{body}.{signature}"),
        format!("{head}.e30.{signature}"),
        format!(
            "{}.{body}.{signature}",
            part(&json!({"alg": "EdDSA", "crit": ["b64"]}))
        ),
    ] {
        println!("{token}");
        refused(&fixture.verifier, &token, "token_malformed");
    }
    refused(&fixture.verifier, &"x".repeat(8193), "token_too_long");
}

#[test]
fn a_changed_token_has_no_valid_signature() {
    let fixture = fixture();
    let good = fixture.issuer.sign(&claims()).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let richer = part(&with(json!({"roles": ["admin"]})));
    let zero = URL_SAFE_NO_PAD.encode([0; 64]);
    for token in [
        format!("{}.{richer}.{}", parts[0], parts[2]),
        format!("{}.{}.{zero}", parts[0], parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.!!!", parts[0], parts[1]),
    ] {
        refused(&fixture.verifier, &token, "token_signature_invalid");
    }
}

#[test]
fn another_key_under_a_known_kid_has_no_valid_signature() {
    let fixture = fixture();
    let thief = TokenIssuer::new(&SeededRandom::new(8), fixture.clock.clone()).unwrap();
    let token = thief.sign(&claims()).unwrap();
    refused(&fixture.verifier, &token, "token_key_unknown");
    let kid = unpart(&fixture.issuer.sign(&claims()).unwrap(), 0)["kid"].clone();
    let rest = token.split_once('.').unwrap().1;
    let head = part(&json!({"alg": "EdDSA", "kid": kid}));
    refused(
        &fixture.verifier,
        &format!("{head}.{rest}"),
        "token_signature_invalid",
    );
    let head = part(&json!({"alg": "EdDSA"}));
    refused(
        &fixture.verifier,
        &format!("{head}.{rest}"),
        "token_key_unknown",
    );
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    let fixture = fixture();
    let good = fixture.issuer.sign(&claims()).unwrap();
    let header = unpart(&good, 0);
    let body = good.split('.').nth(1).unwrap();
    for alg in ["none", "None", "", "HS256", "RS256", "ES256", "eddsa"] {
        let head = part(&json!({"alg": alg, "kid": header["kid"]}));
        for signature in ["", good.rsplit('.').next().unwrap()] {
            let token = format!("{head}.{body}.{signature}");
            refused(&fixture.verifier, &token, "token_algorithm_not_allowed");
        }
    }
}

/// RFC 8725, section 2.1: the public key, which everybody has, used as a secret for HMAC.
#[test]
fn a_public_key_is_never_a_secret() {
    let fixture = fixture();
    let jwks: Value = serde_json::from_str(&fixture.issuer.jwks()).unwrap();
    let kid = jwks["keys"][0]["kid"].as_str().unwrap();
    let public = jwks["keys"][0]["x"].as_str().unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(kid.to_owned());
    let secrets = [
        public.as_bytes().to_vec(),
        URL_SAFE_NO_PAD.decode(public).unwrap(),
        Vec::new(),
    ];
    for secret in secrets {
        let key = EncodingKey::from_secret(&secret);
        let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        refused(&fixture.verifier, &token, "token_algorithm_not_allowed");
    }
    // A key the token brings along is never looked at (RFC 8725, section 3.10).
    header.jwk =
        Some(Jwk::from_encoding_key(&EncodingKey::from_secret(b"x"), Algorithm::HS256).unwrap());
    let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(b"x")).unwrap();
    refused(&fixture.verifier, &token, "token_algorithm_not_allowed");
}

fn signed(key: &EncodingKey, algorithm: Algorithm) -> (String, String) {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some("one".into());
    let jwks = serde_json::to_string(&JwkSet { keys: vec![jwk] }).unwrap();
    let mut header = Header::new(algorithm);
    header.kid = Some("one".into());
    (jwks, jsonwebtoken::encode(&header, &claims(), key).unwrap())
}

fn p256() -> EncodingKey {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    EncodingKey::from_ec_der(key.to_pkcs8v1().unwrap().as_ref())
}

fn verifier(jwks: &str) -> TokenVerifier {
    let clock = fixture().clock;
    let trusted = TrustedIssuer::parse(LOCAL_ISSUER, jwks).unwrap();
    TokenVerifier::new(vec![trusted], vec!["florin".into()], clock)
}

#[test]
fn es256_and_rs256_are_verified_under_their_own_keys_only() {
    let (ec_jwks, ec_token) = signed(&p256(), Algorithm::ES256);
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&rsa);
    // PKCS #1 is what is inside of PKCS #8 (RFC 5958): a header of 26 bytes for 2048 bits.
    let rsa = EncodingKey::from_rsa_der(&rsa.unwrap().as_ref()[26..]);
    let (rsa_jwks, rsa_token) = signed(&rsa, Algorithm::RS256);
    assert!(verifier(&ec_jwks).verify(&ec_token, "ledger").is_ok());
    assert!(verifier(&rsa_jwks).verify(&rsa_token, "ledger").is_ok());
    refused(
        &verifier(&ec_jwks),
        &rsa_token,
        "token_algorithm_not_allowed",
    );
    refused(
        &verifier(&rsa_jwks),
        &ec_token,
        "token_algorithm_not_allowed",
    );
    let (_, ps) = signed(&rsa, Algorithm::PS256);
    refused(&verifier(&rsa_jwks), &ps, "token_algorithm_not_allowed");
    let (_, stranger) = signed(&p256(), Algorithm::ES256);
    refused(&verifier(&ec_jwks), &stranger, "token_signature_invalid");
}

#[test]
fn a_jwk_set_is_used_only_for_what_its_keys_are_for() {
    let (text, _) = signed(&p256(), Algorithm::ES256);
    let good: Value = serde_json::from_str(&text).unwrap();
    let change = |name: &str, value: Value| {
        let mut set = good.clone();
        set["keys"][0][name] = value;
        TrustedIssuer::parse("x", &set.to_string())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert!(change("use", json!("sig")).is_ok());
    assert!(change("use", json!("enc")).is_err());
    assert!(change("alg", json!("ES384")).is_err());
    assert!(change("kid", json!("")).is_err());
    assert!(change("kid", Value::Null).is_err());
    let secret = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}]}).to_string();
    assert!(TrustedIssuer::parse("x", &secret).is_err());
    let short = json!({"keys": [
        {"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([255; 128]), "e": "AQAB", "kid": "one"}
    ]});
    assert!(TrustedIssuer::parse("x", &short.to_string()).is_err());
    let mut twice = good.clone();
    twice["keys"] = json!([good["keys"][0], good["keys"][0]]);
    assert!(TrustedIssuer::parse("x", &twice.to_string()).is_err());
    let many = json!({"keys": vec![good["keys"][0].clone(); 65]});
    assert!(TrustedIssuer::parse("x", &many.to_string()).is_err());
    for text in ["", "{}", "[]", r#"{"keys":[]}"#] {
        assert!(TrustedIssuer::parse("x", text).is_err(), "{text}");
    }
}

#[test]
fn keys_rotate_without_a_restart() {
    let fixture = fixture();
    let next = TokenIssuer::new(&SeededRandom::new(9), fixture.clock.clone()).unwrap();
    let (old, new) = (
        fixture.issuer.sign(&claims()).unwrap(),
        next.sign(&claims()).unwrap(),
    );
    let shared = fixture.verifier.clone();
    refused(&shared, &new, "token_key_unknown");
    fixture.verifier.replace(next.trusted().unwrap());
    assert!(shared.verify(&new, "ledger").is_ok());
    refused(&shared, &old, "token_key_unknown");
}

#[test]
fn the_header_is_one_bearer_token() {
    let fixture = fixture();
    let token = fixture.issuer.sign(&claims()).unwrap();
    let authenticate = |values: &[String]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("authorization", value.parse().unwrap());
        }
        fixture
            .verifier
            .authenticate(&headers, "ledger")
            .map(drop)
            .map_err(|code| code.name)
    };
    assert_eq!(authenticate(&[format!("Bearer {token}")]), Ok(()));
    assert_eq!(authenticate(&[format!("bearer {token}")]), Ok(()));
    assert_eq!(authenticate(&[]), Err("token_missing"));
    for wrong in ["", "Bearer", "Bearer ", "Basic YTpi"] {
        assert_eq!(
            authenticate(&[wrong.into()]),
            Err("token_malformed"),
            "{wrong}"
        );
    }
    assert_eq!(
        authenticate(std::slice::from_ref(&token)),
        Err("token_malformed")
    );
    let twice = format!("Bearer {token}");
    assert_eq!(
        authenticate(&[twice.clone(), twice]),
        Err("token_malformed")
    );
}
