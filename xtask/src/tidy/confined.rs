//! What only named rooms may do: read the environment and the clock, draw randomness, spawn, call
//! others over HTTP.
//!
//! Held on paths as they are used, whatever name they were imported under. A method that is reached
//! through a value (`handle.spawn(…)`) is not seen; making such a value is.

use super::finding::Findings;
use super::source::{Kind, Source};
use super::tree;

/// Paths, who may use them, and what to say to everyone else. A path that ends with `*` stands for
/// all that begin so; a shorter one stands for everything beneath it.
struct Confined {
    paths: &'static [&'static str],
    homes: &'static [&'static str],
    tests: bool,
    must: &'static str,
}

impl Confined {
    fn check(&self, source: &Source, findings: &mut Findings) {
        // A home is a crate, or a module of one: the file and what lies in its folder.
        let within = |home: &&&str| source.path.starts_with(&format!("{home}/"));
        let module = |home: &&&str| source.path == format!("{home}.rs") || within(home);
        let crates = |home: &&&str| tree::owner(source.path) == Some(home);
        if self.homes.iter().any(|home| crates(&home) || module(&home)) {
            return;
        }
        for used in &source.paths {
            if self.names(&used.full) && !(self.tests && source.is_test(used.line)) {
                let must = format!("{}; found `{}`", self.must, used.full);
                findings.add(source.path, used.line, must);
            }
        }
    }

    fn names(&self, full: &str) -> bool {
        self.paths.iter().any(|path| match path.strip_suffix('*') {
            Some(start) => full.starts_with(start) || is_glob_over(full, start),
            None => begins(full, path) || is_glob_over(full, path),
        })
    }
}

/// Whether `full` is `path` or lies beneath it. A crate's name alone may be a variable's.
fn begins(full: &str, path: &str) -> bool {
    let is_crate = !path.contains("::");
    full.strip_prefix(path)
        .is_some_and(|rest| rest.starts_with("::") || (rest.is_empty() && !is_crate))
}

/// Whether `full` imports everything that lies beside `path`, and so hides its use.
fn is_glob_over(full: &str, path: &str) -> bool {
    full.strip_suffix('*').is_some_and(|start| {
        path.strip_prefix(start)
            .is_some_and(|rest| !rest.is_empty() && !rest.contains("::"))
    })
}

/// `environment`.
pub fn environment(source: &Source, findings: &mut Findings) {
    const RULE: Confined = Confined {
        paths: &[
            "std::env::var*",
            "std::env::set_var",
            "std::env::remove_var",
            "figment::providers::Env",
            "tracing_subscriber::EnvFilter::from_default_env",
            "tracing_subscriber::EnvFilter::from_env",
            "tracing_subscriber::EnvFilter::try_from_default_env",
            "tracing_subscriber::EnvFilter::try_from_env",
        ],
        homes: &["florin", "crates/testkit", "xtask"],
        tests: true,
        must: "the environment is read in florin only",
    };
    RULE.check(source, findings);
}

/// `clock`.
pub fn clock(source: &Source, findings: &mut Findings) {
    const RULE: Confined = Confined {
        paths: &[
            "std::time::SystemTime::now",
            "std::time::Instant::now",
            "tokio::time::Instant::now",
            "jiff::Timestamp::now",
            "jiff::Zoned::now",
            "jiff::tz::TimeZone::system",
            "chrono::Utc::now",
            "chrono::Local::now",
        ],
        homes: &["crates/kit", "crates/testkit", "xtask"],
        tests: false,
        must: "time comes from kit's clock",
    };
    RULE.check(source, findings);
}

/// `randomness`.
pub fn randomness(source: &Source, findings: &mut Findings) {
    const RULE: Confined = Confined {
        paths: &[
            "getrandom",
            "rand",
            "fastrand",
            "aws_lc_rs::rand",
            "uuid::Uuid::new_v4",
            "uuid::Uuid::now_*",
        ],
        homes: &["crates/kit"],
        tests: false,
        must: "randomness and ids come from kit",
    };
    RULE.check(source, findings);
}

/// `tasks`.
pub fn tasks(source: &Source, findings: &mut Findings) {
    const SPAWN: Confined = Confined {
        paths: &[
            "tokio::spawn",
            "tokio::task::spawn",
            "tokio::task::spawn_local",
            "tokio::task::Builder",
            "tokio::task::JoinSet",
            "tokio::task::LocalSet",
            "tokio_util::task::TaskTracker",
        ],
        homes: &["crates/host", "crates/testkit"],
        tests: true,
        must: "tasks are spawned in host only",
    };
    const BLOCKING: Confined = Confined {
        paths: &["tokio::task::spawn_blocking"],
        homes: &["crates/host", "crates/store", "crates/testkit"],
        tests: true,
        must: "blocking work is handed over in host and store only",
    };
    SPAWN.check(source, findings);
    BLOCKING.check(source, findings);
}

/// `outbound`.
pub fn outbound(source: &Source, findings: &mut Findings) {
    const RULE: Confined = Confined {
        paths: &[
            "reqwest",
            "hyper::client",
            "hyper_util::client",
            "hyper_rustls",
            "tokio_rustls",
            "ureq",
            "isahc",
            "tokio::net::TcpStream::connect",
            "std::net::TcpStream::connect*",
        ],
        homes: &["crates/host/src/outbound", "crates/testkit"],
        tests: true,
        must: "others are called through host::Outbound only",
    };
    RULE.check(source, findings);
}

/// `threads`.
pub fn threads(source: &Source, findings: &mut Findings) {
    const RULE: Confined = Confined {
        paths: &[
            "std::thread::spawn",
            "std::thread::Builder",
            "std::thread::scope",
            "rayon",
        ],
        homes: &[],
        tests: true,
        must: "threads are started only in files with a written reason",
    };
    RULE.check(source, findings);
}

/// `pure-floors`.
pub fn pure_floors(source: &Source, findings: &mut Findings) {
    const RULE: Confined = Confined {
        paths: &[
            "tokio",
            "futures",
            "std::fs",
            "std::net",
            "std::process",
            "std::os",
        ],
        homes: &[],
        tests: true,
        must: "floors 0 and 1 do no input or output",
    };
    if !source.place.pure {
        return;
    }
    RULE.check(source, findings);
    let words = source
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Word);
    for word in words.filter(|word| matches!(word.text.as_str(), "async" | "await")) {
        if !source.is_test(word.line) {
            findings.add(
                source.path,
                word.line,
                "floors 0 and 1 do not wait: no async",
            );
        }
    }
}

/// `sleep-in-tests`.
pub fn sleep_in_tests(source: &Source, findings: &mut Findings) {
    let testkit = tree::owner(source.path) == Some("crates/testkit");
    for [name, open] in source.windows::<2>() {
        let sleeps = matches!(name.text.as_str(), "sleep" | "sleep_until") && open.text == "(";
        if sleeps && (testkit || source.is_test(name.line)) {
            let must = "a test waits for what it tests, never for time to pass; found a sleep";
            findings.add(source.path, name.line, must);
        }
    }
}
