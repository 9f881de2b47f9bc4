//! The same binary over PostgreSQL: migrate as the administrator, run as the services' logins.

use std::path::PathBuf;

use florin::Failure;
use florin::config::{Config, Overrides};
use florin::migrate::{self, Options};
use florin::roles::ROLES;
use florin::up::Up;
use tempfile::TempDir;
use testkit::postgres::{PrivateDatabase, private_database};

/// A word of a `key=value` address, without its quotes.
fn word<'a>(address: &'a str, key: &str) -> &'a str {
    let words = address.split(' ');
    let mut values = words.filter_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    values.next().unwrap_or_default().trim_matches('\'')
}

async fn configured(home: &TempDir, database: &PrivateDatabase) -> PathBuf {
    let address = database.migrator_url();
    let passwords = home.path().join("passwords");
    std::fs::create_dir(&passwords).unwrap();
    for role in ROLES {
        let login = database.login_url(role.name).await;
        let password = format!("{}\n", word(&login, "password"));
        std::fs::write(passwords.join(role.name), password).unwrap();
    }
    std::fs::write(home.path().join("admin"), &address).unwrap();
    let [host, port, name] = ["host", "port", "dbname"].map(|key| word(&address, key));
    let home = home.path().display();
    let text = format!(
        "store = \"postgres\"\nlisten = \"127.0.0.1:0\"\ndata = \"{home}/data\"\n[postgres]\n\
         server = \"{host}:{port}/{name}\"\nlogin_prefix = \"florin_test_\"\n\
         passwords = \"{home}/passwords\"\nadmin_url_file = \"{home}/admin\"\n",
    );
    let file = PathBuf::from(format!("{home}/florin.toml"));
    std::fs::write(&file, text).unwrap();
    file
}

#[tokio::test]
async fn it_is_migrated_and_then_runs() {
    let (home, database) = (TempDir::new().unwrap(), private_database().await);
    let file = configured(&home, &database).await;
    let config = Config::load(Some(&file), &Overrides::default()).unwrap();
    let early = Up::start(&config).await.map(drop);
    assert!(matches!(early, Err(Failure::Role { .. })), "{early:?}");
    let roles = ROLES.iter().map(|role| role.name.to_owned()).collect();
    let options = Options {
        roles,
        admin_url_file: None,
    };
    migrate::run(Some(&file), &options).await.unwrap();
    migrate::run(Some(&file), &options).await.unwrap();
    let up = Up::start(&config).await.unwrap();
    let url = format!("http://{}/readyz", up.running().address());
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 200);
    up.stop().await;
}
