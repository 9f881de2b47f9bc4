//! `cargo xtask`: arguments only; the work is in the library.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
        Command::Rules { check } => xtask::page::write(
            &root.join("docs/rules.md"),
            &xtask::tidy::page(),
            check,
            "cargo xtask rules",
        )
        .map(|()| true)
        .map_err(|error| error.to_string()),
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

fn tidy(root: &std::path::Path) -> Result<bool, String> {
    let report = xtask::tidy::run(root).map_err(|error| error.to_string())?;
    print!("{report}");
    Ok(report.findings.is_empty())
}

/// The repository's root: this crate's parent folder, known when it was compiled.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
