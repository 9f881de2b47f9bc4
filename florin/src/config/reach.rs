//! Where components of other processes and outside hosts are found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host::outbound::{Address, OutsideHost, Place, Reach, Secret};
use serde::{Deserialize, Serialize};

use super::check::{ConfigError, nearest};
use super::tokens::must_be_component;
use super::{Config, Environment};
use crate::Failure;
use crate::migrate::secret;
use crate::up::file_failure;

/// An outside host: at a `url`, or in development played by a `component`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// `https://feed.example.org/v2`.
    pub url: Option<String>,
    /// A file with our secret there, sent as `Authorization: Bearer`.
    pub token_file: Option<PathBuf>,
    /// A file of certificates (PEM) that are trusted beside the system's.
    pub authorities_file: Option<PathBuf>,
    /// The component that plays it, instead of a `url`; not in production.
    pub component: Option<String>,
    /// What comes before the path of each request to that component, such as `/sandbox/v1`.
    pub path: Option<String>,
}

/// What no type can say.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    for (name, url) in &config.components {
        let place = format!("components.{name}");
        must_be_component(&place, name)?;
        address(&place, url)?;
    }
    for (name, outside) in &config.outside {
        must_be_outside(name)?;
        outside.check(name, config.environment)?;
    }
    Ok(())
}

/// Everything that is configured, with the files it names read.
pub(crate) fn reach(config: &Config, running: &[&str]) -> Result<Reach, Failure> {
    let mut components = BTreeMap::new();
    for (name, url) in &config.components {
        components.insert(name.clone(), address(&format!("components.{name}"), url)?);
    }
    let mut outside = BTreeMap::new();
    for (name, configured) in &config.outside {
        outside.insert(name.clone(), configured.host(name)?);
    }
    Ok(Reach {
        here: running.iter().map(|name| (*name).to_owned()).collect(),
        components,
        outside,
        ..Reach::default()
    })
}

impl Outside {
    fn check(&self, name: &str, environment: Environment) -> Result<(), ConfigError> {
        let place = |key: &str| format!("outside.{name}.{key}");
        match (&self.url, &self.component) {
            (Some(url), None) => {
                let address = address(&place("url"), url)?;
                if self.path.is_some() {
                    return wrong(&place("path"), "must be part of url where there is one");
                }
                let clear = !address.is_tls() && !address.is_loopback();
                if clear && self.token_file.is_some() {
                    return wrong(&place("url"), "must be https where there is a token_file");
                }
                if !address.is_tls() && self.authorities_file.is_some() {
                    return wrong(&place("authorities_file"), "must be with an https url only");
                }
                Ok(())
            }
            (None, Some(_)) if environment == Environment::Production => {
                wrong(&place("component"), "must not be in production: give a url")
            }
            (None, Some(component)) => {
                must_be_component(&place("component"), component)?;
                if self.token_file.is_some() || self.authorities_file.is_some() {
                    let what = "must have no token_file and no authorities_file with a component";
                    return wrong(&format!("outside.{name}"), what);
                }
                let path = self.path.as_deref().unwrap_or_default();
                // As the path of an address, which is refused if it climbs.
                let known = Address::parse(&format!("http://component{path}"));
                if known.is_err() || !(path.is_empty() || path.starts_with('/')) {
                    return wrong(&place("path"), "must be a path, such as /sandbox/v1");
                }
                Ok(())
            }
            _ => wrong(
                &format!("outside.{name}"),
                "must have a url, or a component",
            ),
        }
    }

    fn host(&self, name: &str) -> Result<OutsideHost, Failure> {
        let place = match (&self.url, &self.component) {
            (Some(url), _) => Place::At(address(&format!("outside.{name}.url"), url)?),
            (None, component) => Place::PlayedBy {
                component: component.clone().unwrap_or_default(),
                base: self.path.clone().unwrap_or_default(),
            },
        };
        let own = self.token_file.as_deref().map(token);
        let authorities = self.authorities_file.as_deref().map(secret);
        Ok(OutsideHost {
            place,
            secret: own.transpose()?,
            authorities_pem: authorities.transpose()?,
        })
    }
}

fn token(path: &Path) -> Result<Secret, Failure> {
    Secret::parse(&secret(path)?).map_err(|error| {
        file_failure(
            path,
            std::io::Error::new(std::io::ErrorKind::InvalidData, error),
        )
    })
}

fn address(place: &str, text: &str) -> Result<Address, ConfigError> {
    Address::parse(text).map_err(|error| ConfigError {
        place: place.to_owned(),
        what: error.to_string(),
    })
}

fn wrong(place: &str, what: &str) -> Result<(), ConfigError> {
    Err(ConfigError {
        place: place.to_owned(),
        what: what.to_owned(),
    })
}

/// Refuses a name that no component of the topology reaches outside.
fn must_be_outside(name: &str) -> Result<(), ConfigError> {
    let place = format!("outside.{name}");
    let topology = crate::topology().map_err(|error| ConfigError {
        place: place.clone(),
        what: error.to_string(),
    })?;
    let known: Vec<&str> = topology
        .components()
        .flat_map(|component| &component.outside)
        .map(|edge| edge.to.as_str())
        .collect();
    if known.contains(&name) {
        return Ok(());
    }
    match nearest(name, &known) {
        Some(near) => wrong(&place, &format!("unknown host; did you mean `{near}`?")),
        None if known.is_empty() => wrong(&place, "unknown host; no component reaches any"),
        None => wrong(
            &place,
            &format!("unknown host; known here: {}", known.join(", ")),
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn outside(text: &str, environment: Environment) -> Result<(), String> {
        let outside: Outside = toml::from_str(text).unwrap();
        let checked = outside.check("feed", environment);
        checked.map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let refused = outside(text, Environment::Development).unwrap_err();
        assert_eq!(refused, format!("outside.feed{expected}"));
    }

    #[test]
    fn an_outside_host_is_at_an_address_or_played_by_a_component() {
        for good in [
            "url = 'https://feed.example.org/v2'",
            "url = 'https://feed.example.org'\ntoken_file = 'x'\nauthorities_file = 'y'",
            "url = 'http://feed.example.org'",
            "url = 'http://127.0.0.1:9'\ntoken_file = 'x'",
        ] {
            outside(good, Environment::Production).unwrap();
        }
        let played = "component = 'ledger'\npath = '/ledger/v1'";
        outside(played, Environment::Development).unwrap();
        let refused = outside(played, Environment::Production).unwrap_err();
        let expected = "outside.feed.component: must not be in production: give a url";
        assert_eq!(refused, expected);
        check("", ": must have a url, or a component");
        let both = "url = 'https://feed.example.org'\ncomponent = 'ledger'";
        check(both, ": must have a url, or a component");
        let wrong = ".url: address must be like https://host:port/path, without login, query and \
                     fragment";
        check("url = 'feed.example.org'", wrong);
        let clear = "url = 'http://feed.example.org'\ntoken_file = 'x'";
        check(clear, ".url: must be https where there is a token_file");
        let clear = "url = 'http://feed.example.org'\nauthorities_file = 'x'";
        check(clear, ".authorities_file: must be with an https url only");
        let path = "url = 'https://feed.example.org'\npath = '/x'";
        check(path, ".path: must be part of url where there is one");
        let unknown = ".component: unknown component; did you mean `ledger`?";
        check("component = 'ledgr'", unknown);
        let token = "component = 'ledger'\ntoken_file = 'x'";
        check(
            token,
            ": must have no token_file and no authorities_file with a component",
        );
        for path in ["v1", "/../x", "/a?b", "//x"] {
            let text = format!("component = 'ledger'\npath = '{path}'");
            check(&text, ".path: must be a path, such as /sandbox/v1");
        }
    }

    #[test]
    fn files_are_read_and_a_secret_that_is_none_is_refused_without_being_shown() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("token");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let outside = Outside {
                url: Some("https://feed.example.org".to_owned()),
                token_file: Some(file.clone()),
                ..Outside::default()
            };
            outside.host("feed").map(|host| format!("{host:?}"))
        };
        let good = read("s3cret\n").unwrap();
        assert!(
            !good.contains("s3cret") && good.contains("redacted"),
            "{good}"
        );
        for bad in ["", "\n", "s3cret\ns3cret", "s3cret s3cret", "s3cr\u{e9}t"] {
            let refused = read(bad).unwrap_err().to_string();
            assert!(
                refused.contains("token: secret must be visible"),
                "{refused}"
            );
            assert!(!refused.contains("s3cr"), "{refused}");
        }
    }
}
