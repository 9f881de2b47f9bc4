//! The tables this binary carries say what its services do, both ways.

use std::collections::BTreeSet;
use std::sync::Arc;

use florin::config::{Config, Overrides};
use florin::roles::{ROLES, Wiring, selected};
use host::Service;
use kit::id::IdSource;
use kit::random::SystemRandom;
use kit::time::SystemClock;
use store::{Database, SqliteFile};
use tempfile::TempDir;
use web::{AccessTable, TokenIssuer, openapi};

/// Every service of this binary, built as `florin up` builds it.
async fn services(home: &TempDir) -> Vec<Service> {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let file = SqliteFile::open(&home.path().join("florin.db"))
        .await
        .unwrap();
    let overrides = Overrides {
        data: Some(home.path().to_owned()),
        ..Overrides::default()
    };
    let empty = home.path().join("florin.toml");
    std::fs::write(&empty, "").unwrap();
    let config = Config::load(Some(&empty), &overrides).unwrap();
    let topology = Arc::new(florin::topology().unwrap());
    let roles: Vec<_> = ROLES.iter().collect();
    let wiring = Wiring {
        clock: clock.clone(),
        random: random.clone(),
        ids: IdSource::new(clock, random),
        network: florin::up::network(&config, &topology, &roles).unwrap(),
        inside: TokenIssuer::new(&SystemRandom, Arc::new(SystemClock)).unwrap(),
        config,
        fatal: tokio::sync::watch::Sender::new(None),
        databases: Box::new(move |_| Ok(Database::Sqlite(file.clone()))),
    };
    let mut services = Vec::new();
    for role in ROLES {
        services.push((role.build)(&wiring).await.unwrap());
    }
    services
}

#[tokio::test]
async fn routes_and_rows_are_the_same() {
    let home = TempDir::new().unwrap();
    let services = services(&home).await;
    let routes: Vec<_> = services
        .iter()
        .flat_map(|service| openapi::routes(service.router.get_openapi()))
        .collect();
    let table = AccessTable::embedded();
    assert_eq!(table.check_routes(&routes), Ok(()));
    assert_eq!(table.check_rows(&routes), Ok(()));
    assert!(routes.len() > 20, "{}", routes.len());
}

#[tokio::test]
async fn edges_done_and_declared_are_the_same() {
    let home = TempDir::new().unwrap();
    let topology = florin::topology().unwrap();
    for service in services(&home).await {
        assert_eq!(topology.check(service.name, &service.edges), Ok(()));
        assert_eq!(topology.check_used(service.name, &service.edges), Ok(()));
    }
}

#[tokio::test]
async fn roles_services_and_components_are_the_same() {
    let home = TempDir::new().unwrap();
    let roles: BTreeSet<&str> = ROLES.iter().map(|role| role.name).collect();
    assert_eq!(roles.len(), ROLES.len());
    let services = services(&home).await;
    let built: BTreeSet<&str> = services.iter().map(|service| service.name).collect();
    assert_eq!(built, roles);
    let topology = florin::topology().unwrap();
    let components: BTreeSet<&str> = topology
        .components()
        .map(|component| component.name.as_str())
        .collect();
    assert_eq!(components, roles);
    for component in topology.components() {
        let role = florin::roles::find(&component.name).unwrap();
        let schema = role.schema.map(|schema| schema.service);
        assert_eq!(component.store.as_deref(), schema, "{}", component.name);
    }
}

#[test]
fn every_edition_can_be_run() {
    let topology = florin::topology().unwrap();
    let editions: Vec<&str> = topology
        .editions()
        .map(|edition| edition.name.as_str())
        .collect();
    assert_eq!(
        editions,
        ["counselor", "finflow", "fintrust", "flowlet", "premium"]
    );
    let home = TempDir::new().unwrap();
    let empty = home.path().join("florin.toml");
    std::fs::write(&empty, "").unwrap();
    for edition in topology.editions() {
        let overrides = Overrides {
            edition: Some(edition.name.clone()),
            ..Overrides::default()
        };
        let config = Config::load(Some(&empty), &overrides).unwrap();
        let names: Vec<&str> = selected(&config)
            .unwrap()
            .iter()
            .map(|role| role.name)
            .collect();
        assert_eq!(names, edition.roles);
    }
}
