//! What is wrong with a configuration, in words that lead to the line.

use std::path::Path;

use figment::error::Kind;

use super::{Config, StoreKind};

/// Names that differ in more than this share of letters are not what was meant (in thousandths).
const LIKENESS_MIN_PER_MILLE: usize = 500;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ConfigError {
    /// The file with its line, the variable, or the key.
    pub place: String,
    /// What must hold.
    pub what: String,
}

/// Reads a file that was named, or is there.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError {
        place: path.display().to_string(),
        what: format!("the file must be readable: {error}"),
    })
}

/// Turns figment's error into a place and a sentence.
pub(super) fn explain(error: &figment::Error, file: Option<&Path>, text: &str) -> ConfigError {
    let file = file.map_or_else(
        || "florin.toml".to_owned(),
        |path| path.display().to_string(),
    );
    // A file that is not TOML has no keys to name; the message has the line.
    if let Err(error) = text.parse::<toml::Table>() {
        return ConfigError {
            place: file,
            what: error.to_string(),
        };
    }
    let mut path = error.path.clone();
    let what = match &error.kind {
        Kind::UnknownField(name, known) => {
            path.retain(|part| part != name);
            path.push(name.clone());
            match nearest(name, known) {
                Some(near) => format!("unknown key; did you mean `{near}`?"),
                None => format!("unknown key; known here: {}", known.join(", ")),
            }
        }
        kind => kind.to_string(),
    };
    let key = path.join(".");
    let source = error
        .metadata
        .as_ref()
        .map(|metadata| metadata.name.to_string());
    let place = if source
        .as_deref()
        .is_some_and(|name| name.contains("environment"))
    {
        format!("FLORIN_{}", path.join("__").to_uppercase())
    } else {
        match line_of(text, &path) {
            Some(line) => format!("{file}:{line}: {key}"),
            None => key,
        }
    };
    ConfigError { place, what }
}

/// The known key that looks most like `name`, if any does.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |known: &&&str| strsim::damerau_levenshtein(name, known);
    let near = known.iter().min_by_key(distance)?;
    let letters = name.chars().count().max(near.chars().count());
    let alike = letters.saturating_sub(distance(&near)) * 1000;
    (alike >= letters * LIKENESS_MIN_PER_MILLE).then_some(*near)
}

/// The line, from 1, where the last part of `path` is written in its table.
fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let (key, tables) = path.split_last()?;
    let wanted = tables.join(".");
    let mut table = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_end_matches(']').trim().to_owned();
            if path.join(".") == table {
                return Some(index + 1);
            }
            continue;
        }
        let name = line.split('=').next().unwrap_or_default().trim();
        let full = if table.is_empty() {
            name.to_owned()
        } else {
            format!("{table}.{name}")
        };
        if full == path.join(".") || (table == wanted && name == key) {
            return Some(index + 1);
        }
    }
    None
}

/// What no type can say.
pub(super) fn values(config: &Config) -> Result<(), ConfigError> {
    let wrong = |place: &str, what: &str| {
        Err(ConfigError {
            place: place.to_owned(),
            what: what.to_owned(),
        })
    };
    super::tokens::check(config)?;
    config.telemetry.check()?;
    config.messages.check()?;
    super::reach::check(config)?;
    if config.postgres.server.contains('@') {
        return wrong(
            "postgres.server",
            "must have no login and no password: they are files",
        );
    }
    if config.store == StoreKind::Postgres && config.postgres.passwords.is_none() {
        return wrong(
            "postgres.passwords",
            "must name the directory with the passwords",
        );
    }
    if kit::time::Zone::parse(&config.ledger.zone).is_err() {
        return wrong(
            "ledger.zone",
            "must be the name of a time zone, such as Europe/Berlin",
        );
    }
    let http = &config.http;
    let positive = [
        ("http.request_timeout_ms", http.request_timeout_ms > 0),
        ("http.head_timeout_ms", http.head_timeout_ms > 0),
        ("http.requests_max", http.requests_max > 0),
        ("http.connections_max", http.connections_max > 0),
        ("http.drain_timeout_ms", http.drain_timeout_ms > 0),
        ("retention.message_days", config.retention.message_days > 0),
        (
            "retention.dead_letter_days",
            config.retention.dead_letter_days > 0,
        ),
        (
            "postgres.connections_max",
            config.postgres.connections_max > 0,
        ),
    ];
    let days_min = sagas::Deps::KEPT_DAYS_MIN;
    if config.retention.saga_days < days_min {
        return wrong(
            "retention.saga_days",
            &format!("must be at least {days_min}: messages are remembered nearly as long"),
        );
    }
    match positive.iter().find(|(_, holds)| !holds) {
        Some((key, _)) => wrong(key, "must be at least 1"),
        None => Ok(()),
    }
}
