//! Keys of components: how they are made, and what is refused before anything starts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use florin::config::{Config, Overrides};
use florin::trust;
use host::Topology;
use tempfile::TempDir;

use crate::binary::{output, refused};
use crate::service_tokens::Side;

const NEW: [&str; 6] = ["key", "new", "--component", "ledger", "--out", "k.pem"];

fn files(home: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(home.path()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_key_pair_is_two_files_and_what_to_do_with_them() {
    let home = TempDir::new().unwrap();
    let made = output(home.path(), &NEW);
    assert!(made.status.success());
    let said = String::from_utf8(made.stdout).unwrap();
    let files = files(&home);
    assert_eq!(files.len(), 2, "{files:?}");
    let (private, public) = (&files[0], &files[1]);
    assert_eq!(private, "k.pem");
    assert!(public.starts_with("ledger.") && public.ends_with(".json"));
    for says in [
        "tokens.service_key_files.ledger",
        "tokens.service_jwks",
        public,
    ] {
        assert!(said.contains(says), "{said}");
    }
    let mode = |file: &str| {
        let metadata = fs::metadata(home.path().join(file)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(private), 0o600);
    let secret = fs::read_to_string(home.path().join(private)).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    let jwks = fs::read_to_string(home.path().join(public)).unwrap();
    assert!(!said.contains(secret) && !jwks.contains(secret));
    let jwks: serde_json::Value = serde_json::from_str(&jwks).unwrap();
    assert!(jwks["keys"][0]["d"].is_null() && jwks["keys"][0]["x"].is_string());
}

#[test]
fn a_key_is_never_written_over_and_never_for_a_stranger() {
    let home = TempDir::new().unwrap();
    assert!(output(home.path(), &NEW).status.success());
    let before = fs::read(home.path().join("k.pem")).unwrap();
    refused(home.path(), &NEW, "k.pem");
    assert_eq!(fs::read(home.path().join("k.pem")).unwrap(), before);
    assert_eq!(files(&home).len(), 2);
    let stranger = ["key", "new", "--component", "ledgr", "--out", "x.pem"];
    let says = "--component: unknown component; did you mean `ledger`?";
    refused(home.path(), &stranger, says);
    assert_eq!(files(&home).len(), 2);
}

/// Both the check and the start refuse, with one line.
#[track_caller]
fn wrong(side: &Side, says: &str) {
    refused(side.home.path(), &["config", "check"], says);
    // Not by waiting for its end, which would not come if it did start.
    let up = side.up();
    assert!(up.said.contains(says), "{}", up.said);
    assert!(!side.home.path().join("data").exists());
}

#[test]
fn a_private_key_that_others_can_read_stops_the_start() {
    let side = Side::new("ledger");
    assert!(
        output(side.home.path(), &["config", "check"])
            .status
            .success()
    );
    let key = side.home.path().join("key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    wrong(
        &side,
        "key file must not be readable by others (chmod 600): key.pem",
    );
    fs::remove_file(&key).unwrap();
    wrong(&side, "key file must be readable: key.pem");
}

#[test]
fn mistakes_in_the_directory_of_public_keys_stop_the_start() {
    let side = Side::new("ledger");
    let trusted = side.home.path().join("trusted");
    let put = |file: &str, text: &str| fs::write(trusted.join(file), text).unwrap();
    let jwks = side.key("provider.pem").jwks();
    put("ledgr.json", &jwks);
    wrong(
        &side,
        "trusted/ledgr.json: unknown component; did you mean `ledger`?",
    );
    fs::remove_file(trusted.join("ledgr.json")).unwrap();
    put("notifications.json", &jwks);
    put("notifications.x.json", &jwks);
    let says = "trusted/notifications.x.json: key must be trusted once and for one component";
    wrong(&side, says);
    put(
        "notifications.x.json",
        "{\"keys\":[{\"kty\":\"OKP\",\"d\":\"x\"}]}",
    );
    wrong(&side, "jwks must have public keys only");
    put("notifications.x.json", &" ".repeat(256 * 1024 + 1));
    wrong(&side, "must have at most 262144 bytes");
    // Files that are no key sets, such as those of a mounted volume, are nobody's business.
    fs::rename(trusted.join("notifications.x.json"), trusted.join("README")).unwrap();
    put("..data.json", "");
    assert!(
        output(side.home.path(), &["config", "check"])
            .status
            .success()
    );
    // The directory has the key before, and the new one signs already.
    put("ledger.json", &side.key("key.pem").jwks());
    assert!(
        output(side.home.path(), &["config", "check"])
            .status
            .success()
    );
    fs::remove_file(side.home.path().join("key.pem")).unwrap();
    side.draw("ledger", "key.pem");
    wrong(
        &side,
        "key.pem: the public key of this file must be among those of ledger in \
         tokens.service_jwks before it signs",
    );
    fs::remove_dir_all(&trusted).unwrap();
    wrong(&side, "file must be usable: trusted");
}

const CALLS: &str = r#"
[[component]]
name = "ledger"
why = "keeps the books"

[[component]]
name = "deals"
why = "records deals"
calls = [{ to = "ledger", why = "books what was dealt" }]
"#;

#[test]
fn a_caller_of_another_process_needs_its_key_and_nobody_else_does() {
    let topology = Topology::parse(CALLS).unwrap();
    let check = |running: &[&str], keys: &[&str]| {
        let files: BTreeMap<String, PathBuf> = keys
            .iter()
            .map(|component| ((*component).to_owned(), PathBuf::from("key.pem")))
            .collect();
        let checked = trust::check_callers(&topology, running, &files);
        checked.map_err(|error| error.to_string())
    };
    let missing = "tokens.service_key_files: must have the key of deals, which calls ledger \
                   elsewhere";
    assert_eq!(check(&["deals"], &[]), Err(missing.to_owned()));
    assert_eq!(check(&["deals"], &["ledger"]), Err(missing.to_owned()));
    assert_eq!(check(&["deals"], &["deals"]), Ok(()));
    assert_eq!(check(&["ledger"], &[]), Ok(()));
    assert_eq!(check(&["deals", "ledger"], &[]), Ok(()));
}

#[test]
fn in_production_a_component_without_a_key_gets_no_tokens() {
    let side = Side::new("ledger");
    let file = side.home.path().join("florin.toml");
    let config = Config::load(Some(&file), &Overrides::default()).unwrap();
    let refused = trust::service_tokens(&config, "notifications").unwrap_err();
    let says = "tokens.service_key_files: must have the key of notifications, which calls others";
    assert_eq!(refused.to_string(), says);
}
