//! `florin key new`: the key with which a component signs its calls in production.
//!
//! Promises: the private key is written to one file that only its owner can read, the public one
//! beside it; no file is written over; if one cannot be written neither is left. It prints what to
//! do with each and shows no secret.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use kit::random::SystemRandom;
use web::SigningKey;

use crate::Failure;
use crate::config::must_be_component;
use crate::up::file_failure;

/// Letters of the key's id in the name of the public file: enough to tell a component's keys
/// apart, and to see which is which.
const LABEL_LETTERS: usize = 8;

/// What can be done with keys.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Make a new key pair for one component.
    New(Options),
}

/// Whose key, and where.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The component whose calls it signs.
    #[arg(long, value_name = "NAME")]
    pub component: String,
    /// The file of the private key; the public one is written beside it.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Makes what was asked for and says what to do with it.
pub fn run(action: &Action) -> Result<(), Failure> {
    let Action::New(options) = action;
    let public = make(options)?;
    let (component, private) = (&options.component, options.out.display());
    let public = public.display();
    println!("private  {private}");
    println!("         for {component} alone: tokens.service_key_files.{component}");
    println!("public   {public}");
    println!("         for every process {component} calls: a file in tokens.service_jwks");
    println!("Hand out the public file and restart those processes first, then let the key sign.");
    Ok(())
}

/// Writes both files and answers the path of the public one.
pub fn make(options: &Options) -> Result<PathBuf, Failure> {
    let (component, private) = (&options.component, &options.out);
    must_be_component("--component", component)?;
    write(private, &SigningKey::draw_pem(&SystemRandom), 0o600)?;
    let public = SigningKey::open(private)
        .map_err(Failure::from)
        .and_then(|key| {
            let label: String = label(key.kid());
            let public = private.with_file_name(format!("{component}.{label}.json"));
            write(&public, &(key.jwks() + "\n"), 0o644)?;
            Ok(public)
        });
    if public.is_err() {
        // The mistake that is told is the first one.
        let _ = fs::remove_file(private);
    }
    public
}

/// The first letters of a key's id, without those that mean something to a shell.
fn label(kid: &str) -> String {
    let letters = kid.chars().filter(char::is_ascii_alphanumeric);
    letters.take(LABEL_LETTERS).collect()
}

/// Writes a new file durably, or leaves none.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let failed = |source: io::Error| file_failure(path, source);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written.map_err(failed)
}
