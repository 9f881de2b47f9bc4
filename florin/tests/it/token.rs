//! `florin token`: development only.

use std::time::Duration;

use florin::Failure;
use florin::token::{Options, mint};
use tempfile::TempDir;
use web::Role;

fn options(home: &TempDir) -> Options {
    Options {
        roles: vec![Role::Operator],
        scopes: Vec::new(),
        subject: "alice".into(),
        audience: None,
        ttl: Duration::from_secs(60),
        data: Some(home.path().join("data")),
    }
}

#[test]
fn a_token_is_minted_before_the_first_start() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("f.toml");
    std::fs::write(&file, "").unwrap();
    assert_eq!(
        mint(Some(&file), &options(&home))
            .unwrap()
            .split('.')
            .count(),
        3
    );
    let long = Options {
        ttl: Duration::from_secs(25 * 3600),
        ..options(&home)
    };
    assert!(matches!(mint(Some(&file), &long), Err(Failure::Issuer(_))));
}

#[test]
fn production_has_no_tokens_of_its_own() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("f.toml");
    let text = "environment = \"production\"\n[tokens]\nissuer = \"https://id\"\njwks_file = \"x\"";
    std::fs::write(&file, text).unwrap();
    let refused = mint(Some(&file), &options(&home));
    assert!(matches!(refused, Err(Failure::ProductionHasNoTokens)));
    assert!(!home.path().join("data").exists());
}
