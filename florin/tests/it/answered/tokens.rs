//! Who is not believed, and who may not.

use kit::codes;
use kit::random::SeededRandom;
use serde_json::{Value, json};
use testkit::{START, TestApp, World};
use web::{Cursor, LOCAL_ISSUER, Role, SigningKey, TokenIssuer, TrustedServices};

use super::{Seen, with};

const PATH: &str = "/faults/v1/things";

/// The key of the component `deals`, the same for whoever asks.
fn key_of_deals(world: &World) -> SigningKey {
    use std::os::unix::fs::PermissionsExt as _;
    let path = world.directory().join("deals.pem");
    std::fs::write(&path, SigningKey::draw_pem(&SeededRandom::new(5))).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    SigningKey::open(&path).unwrap()
}

/// A world in which the component `deals` has a key of its own.
pub fn trusting(mut world: World) -> World {
    let mut services = TrustedServices::new();
    let key = key_of_deals(&world);
    services.add("deals", &key.jwks()).unwrap();
    world.trusted = services.into_issuers();
    world
}

/// The claims of an operator, with some replaced.
fn claims(changes: Value) -> Value {
    let now_s = START.micros() / 1_000_000;
    let claims = json!({
        "iss": LOCAL_ISSUER, "sub": "ops-1", "aud": "florin", "iat": now_s,
        "exp": now_s + 600, "roles": ["operator"],
    });
    with(claims, changes)
}

pub async fn refused(app: &TestApp, seen: &mut Seen) {
    let now_s = START.micros() / 1_000_000;
    let sign = |changes: Value| app.issuer().sign(&claims(changes)).unwrap();
    let stranger = TokenIssuer::new(&SeededRandom::new(99), app.world.clock()).unwrap();
    let keys: Value = serde_json::from_str(&app.issuer().jwks()).unwrap();
    let header = json!({ "alg": "HS256", "kid": keys["keys"][0]["kid"] });
    // A cursor is base64url without padding, as the parts of a token are.
    let header = Cursor::new(header.to_string()).encode();
    let good = sign(json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let (_, body) = signed.split_once('.').unwrap();
    let deals = json!({ "iss": "urn:florin:service:deals", "sub": "ledger", "aud": "faults",
        "exp": now_s + 60, "roles": ["service"] });
    let deals = key_of_deals(&app.world).sign(&claims(deals)).unwrap();
    let cases = [
        ("x".to_owned(), codes::TOKEN_MALFORMED),
        ("x".repeat(9000), codes::TOKEN_TOO_LONG),
        (
            sign(json!({ "iss": "https://elsewhere" })),
            codes::TOKEN_ISSUER_WRONG,
        ),
        (
            stranger.sign(&claims(json!({}))).unwrap(),
            codes::TOKEN_KEY_UNKNOWN,
        ),
        (
            format!("{header}.{body}.AAAA"),
            codes::TOKEN_ALGORITHM_NOT_ALLOWED,
        ),
        (format!("{signed}.AAAA"), codes::TOKEN_SIGNATURE_INVALID),
        (sign(json!({ "exp": now_s - 30 })), codes::TOKEN_EXPIRED),
        (
            sign(json!({ "nbf": now_s + 31 })),
            codes::TOKEN_NOT_YET_VALID,
        ),
        (
            sign(json!({ "exp": now_s + 90_000 })),
            codes::TOKEN_LIFETIME_TOO_LONG,
        ),
        (
            sign(json!({ "aud": "elsewhere" })),
            codes::TOKEN_AUDIENCE_WRONG,
        ),
        (
            sign(json!({ "roles": ["service", "admin"] })),
            codes::TOKEN_ROLES_WRONG,
        ),
        (deals, codes::TOKEN_SUBJECT_WRONG),
    ];
    seen.refused(app.get(PATH), &codes::TOKEN_MISSING).await;
    for (token, code) in cases {
        seen.refused(app.get(PATH).token(&token), &code).await;
    }
    let customer = app.get(PATH).caller(Role::Customer, "cus_ann");
    seen.refused(customer, &codes::ROLE_NOT_ALLOWED).await;
    app.get(PATH).token(&good).send().await.expect(200);
}
