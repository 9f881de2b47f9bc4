//! `cargo xtask`: arguments only; the work is in the library.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::service::{self, Names, ServiceError};

#[derive(Parser)]
#[command(about = "Rules, generators and checks of the repository itself")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Hold every rule of the house; exit 1 on any finding.
    Tidy,
    /// Make a service that compiles, is tidy and passes its tests.
    NewService {
        /// Its name, in kebab case: what it keeps, in the plural.
        #[arg(required_unless_present = "self_test")]
        name: Option<String>,
        /// One word for one thing it keeps; without it the singular of the name.
        #[arg(long)]
        entity: Option<String>,
        /// Make one in a copy of the workspace and run all its tests there.
        #[arg(long, conflicts_with_all = ["name", "entity"])]
        self_test: bool,
    },
    /// Write docs/asyncapi.json from topology.toml and the catalogue in contracts; refuses a change
    /// that is not an addition.
    Asyncapi {
        /// Write nothing; fail if the document differs.
        #[arg(long)]
        check: bool,
    },
    /// Write docs/errors.md from the table of error codes.
    Errors {
        /// Write nothing; fail if the page differs.
        #[arg(long)]
        check: bool,
    },
    /// Write docs/topology.md from topology.toml: pictures and the table of interfaces.
    Topology {
        /// Write nothing; fail if the page differs.
        #[arg(long)]
        check: bool,
    },
    /// Write docs/rules.md from the rule table.
    Rules {
        /// Write nothing; fail if the page differs.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let root = root();
    let done = match Arguments::parse().command {
        Command::Tidy => tidy(&root),
        Command::NewService {
            self_test: true, ..
        } => service::self_test(&root)
            .map(|()| true)
            .map_err(|error| error.to_string()),
        Command::NewService { name, entity, .. } => {
            new_service(&root, &name.unwrap_or_default(), entity.as_deref())
                .map(|()| true)
                .map_err(|error| error.to_string())
        }
        Command::Asyncapi { check } => asyncapi(&root, check),
        Command::Errors { check } => page(&root, "errors", &xtask::errors::page(), check),
        Command::Topology { check } => {
            xtask::topology::page(&root).and_then(|text| page(&root, "topology", &text, check))
        }
        Command::Rules { check } => page(&root, "rules", &xtask::tidy::page(), check),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn tidy(root: &Path) -> Result<bool, String> {
    let report = xtask::tidy::run(root).map_err(|error| error.to_string())?;
    print!("{report}");
    Ok(report.findings.is_empty())
}

fn new_service(root: &Path, name: &str, entity: Option<&str>) -> Result<(), ServiceError> {
    let names = Names::parse(name, entity)?;
    for path in service::make(root, &names)? {
        println!("{path}");
    }
    service::record(root, &names)
}

fn asyncapi(root: &Path, check: bool) -> Result<bool, String> {
    let compared = xtask::asyncapi::record(root, check).map_err(|error| error.to_string())?;
    println!("compatible with {compared} recorded versions");
    Ok(true)
}

/// Writes or compares `docs/NAME.md`, which the command of the same name makes.
fn page(root: &Path, name: &str, text: &str, check: bool) -> Result<bool, String> {
    let path = root.join(format!("docs/{name}.md"));
    let command = format!("cargo xtask {name}");
    xtask::page::write(&path, text, check, &command)
        .map(|()| true)
        .map_err(|error| error.to_string())
}

/// The repository's root: the parent of this crate's folder as `cargo run` says it now. What it
/// said at compile time may be another clone, when clones share a build cache.
fn root() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR");
    let folder = folder.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    folder.join("..")
}
