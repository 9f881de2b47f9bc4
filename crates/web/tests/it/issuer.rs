//! The machine's own issuer: one private key file, made once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use kit::random::SystemRandom;
use kit::time::SystemClock;
use web::{Grant, IssuerError, Role, TokenIssuer};

fn open(directory: &std::path::Path) -> Result<TokenIssuer, IssuerError> {
    TokenIssuer::open(directory, &SystemRandom, Arc::new(SystemClock))
}

#[test]
fn the_key_is_made_once_and_only_its_owner_reads_it() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let first = open(&data).unwrap().jwks();
    assert_eq!(open(&data).unwrap().jwks(), first);
    let files: Vec<_> = fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    assert_eq!(files.len(), 1);
    assert_eq!(
        files[0].metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let secret = fs::read_to_string(files[0].path()).unwrap();
    assert!(!first.contains(secret.trim()));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let home = tempfile::tempdir().unwrap();
    open(home.path()).unwrap();
    let file = home.path().join("token-signing-key");
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert!(
            matches!(open(home.path()), Err(IssuerError::NotPrivate(_))),
            "{mode:o}"
        );
    }
}

#[test]
fn a_file_that_is_no_key_is_refused() {
    let home = tempfile::tempdir().unwrap();
    open(home.path()).unwrap();
    for text in ["", "short", &"A".repeat(44)] {
        fs::write(home.path().join("token-signing-key"), text).unwrap();
        assert!(
            matches!(open(home.path()), Err(IssuerError::Malformed(_))),
            "{text}"
        );
    }
}

#[test]
fn those_who_start_at_once_end_with_one_key() {
    let home = tempfile::tempdir().unwrap();
    let keys: Vec<String> = std::thread::scope(|scope| {
        let opened: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| open(home.path()).unwrap().jwks()))
            .collect();
        opened
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn a_lifetime_is_bounded() {
    let home = tempfile::tempdir().unwrap();
    let issuer = open(home.path()).unwrap();
    let grant = |seconds| Grant {
        subject: "alice".into(),
        roles: vec![Role::Operator],
        scopes: Vec::new(),
        audience: "florin".into(),
        lifetime: Duration::from_secs(seconds),
    };
    assert!(issuer.mint(&grant(24 * 3600)).is_ok());
    for seconds in [0, 24 * 3600 + 1, u64::MAX] {
        let refused = issuer.mint(&grant(seconds));
        assert!(
            matches!(refused, Err(IssuerError::LifetimeOutOfRange)),
            "{seconds}"
        );
    }
}
