//! Florin: arguments, configuration, the role table.
//!
//! One file per command (`up.rs`, `token.rs`, …); `config.rs` is the only reader of the
//! environment; `roles.rs` says which services there are. No domain logic is here.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use florin::{access, config, key, ledger, migrate, token, up};
use mimalloc::MiMalloc;

/// Also SQLite's and every other C library's: the feature `override` sees to it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A complete financial platform in one binary.
#[derive(Parser)]
#[command(name = "florin", version, about, disable_help_subcommand = true)]
struct Arguments {
    /// The configuration file; without it `florin.toml` is read if it is there.
    #[arg(long, global = true, env = "FLORIN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run services: all, those of an edition, or those named.
    Up(config::Overrides),
    /// Print a token of this machine's own issuer, for development.
    Token(token::Options),
    /// Make the keys with which components sign their calls in production.
    #[command(subcommand)]
    Key(key::Action),
    /// Explain the configuration.
    #[command(subcommand)]
    Config(config::Action),
    /// Apply a service's migrations to PostgreSQL, with an administrator's login.
    Migrate(migrate::Options),
    /// Prove, import and export the books of the ledger.
    #[command(subcommand)]
    Ledger(ledger::Action),
    /// Print who may call what.
    Access,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let file = arguments.config.as_deref();
    let outcome = match arguments.command {
        Command::Up(overrides) => up::run(file, &overrides).await,
        Command::Token(options) => token::run(file, &options),
        Command::Key(action) => key::run(&action),
        Command::Config(action) => config::run(file, action),
        Command::Migrate(options) => migrate::run(file, &options).await,
        Command::Ledger(action) => ledger::run(file, action).await,
        Command::Access => {
            access::run();
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("florin: {error}");
            ExitCode::FAILURE
        }
    }
}
