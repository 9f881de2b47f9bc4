//! `florin ledger`: prove journals on disk, import into and export from a running Florin.
//!
//! Promises: `verify` needs no running Florin and changes nothing; without `--token-file` a token
//! of this machine's own issuer is used, as `florin token` prints it. What a proof is stands in
//! `ledger_store`, how a book is asked for in `ledger::Server`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::ledger::{Server, ToolError};
use kit::random::{Random, SystemRandom};
use web::Role;

use crate::Failure;
use crate::config::{Config, Overrides};
use crate::token;

/// Folder of the journals in the data directory.
pub const FOLDER: &str = "ledger";

/// How long a minted token is valid: longer than the largest import takes.
const TOKEN_LIFETIME: Duration = Duration::from_secs(600);

/// What to do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Action {
    /// Prove the journals in the data directory; the first bad batch is named.
    Verify {
        /// The data directory.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// One book; all of them without it.
        #[arg(long)]
        book: Option<String>,
    },
    /// Import an hledger, ledger or Beancount journal with its includes; it can be repeated.
    Import {
        /// The journal.
        file: PathBuf,
        /// `hledger` (for ledger too) or `beancount`; without it the file's ending says.
        #[arg(long)]
        format: Option<String>,
        /// A code for a symbol that is none: `'h=HOUR'`; may be given several times.
        #[arg(long = "commodity", value_name = "SYMBOL=CODE")]
        commodities: Vec<String>,
        /// Where to.
        #[command(flatten)]
        place: Place,
    },
    /// Print a book as a journal that hledger or bean-check confirms.
    Export {
        /// `hledger` (for ledger too) or `beancount`.
        #[arg(long, default_value = "hledger")]
        format: String,
        /// Where from.
        #[command(flatten)]
        place: Place,
    },
}

/// A book of a running Florin.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The book.
    #[arg(long, default_value = "main")]
    pub book: String,
    /// Where Florin listens; without it the configuration says.
    #[arg(long)]
    pub url: Option<String>,
    /// A file with a token.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The data directory with the key that makes a token, where there is no token file.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Does it, and prints what came of it.
pub async fn run(file: Option<&Path>, action: Action) -> Result<(), Failure> {
    let text = match action {
        Action::Verify { data, book } => verify(&load(file, data)?.data.join(FOLDER), book)?,
        Action::Import {
            file: journal,
            format,
            commodities,
            place,
        } => {
            let server = place.server(file, Role::Accountant)?;
            let key = new_key();
            let imported = server.import(&journal, format.as_deref(), &commodities, &key);
            imported.await.map_err(refused)?
        }
        Action::Export { format, place } => {
            let server = place.server(file, Role::Auditor)?;
            server.export(&format).await.map_err(refused)?
        }
    };
    print!("{text}");
    Ok(())
}

/// The idempotency key of one call: 16 random bytes, as in a UUID.
fn new_key() -> String {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// Proves the journals in a folder, that of one book or all: a line per book, with its head and
/// the digest of its state; or the first book that is damaged, with its first bad batch.
fn verify(folder: &Path, book: Option<String>) -> Result<String, Failure> {
    let names = match book {
        Some(name) => vec![name],
        None => ledger_store::sqlite(folder)
            .list()
            .map_err(|error| Failure::Refused(error.to_string()))?,
    };
    if names.is_empty() {
        let place = folder.display();
        return Err(Failure::Refused(format!("there are no books in {place}")));
    }
    let mut text = String::new();
    for name in &names {
        let proof = ledger_store::verify(folder, name)
            .map_err(|error| Failure::Refused(format!("book {name}: {error}")))?;
        let (sequence, batches) = (proof.sequence, proof.batches);
        let _ = writeln!(
            text,
            "book {name}: ok, {sequence} entries in {batches} batches"
        );
        let _ = writeln!(text, "  head  {}\n  state {}", proof.head, proof.state);
    }
    Ok(text)
}

fn load(file: Option<&Path>, data: Option<PathBuf>) -> Result<Config, Failure> {
    let overrides = Overrides {
        data,
        ..Overrides::default()
    };
    Ok(Config::load(file, &overrides)?)
}

fn refused(error: ToolError) -> Failure {
    Failure::Refused(error.to_string())
}

impl Place {
    fn server(self, file: Option<&Path>, role: Role) -> Result<Server, Failure> {
        let config = load(file, self.data.clone())?;
        let token = match &self.token_file {
            Some(path) => fs::read_to_string(path).map_err(|source| Failure::File {
                place: path.display().to_string(),
                source,
            })?,
            None => token::mint(
                file,
                &token::Options {
                    roles: vec![role],
                    scopes: Vec::new(),
                    subject: "florin-ledger".to_owned(),
                    audience: None,
                    ttl: TOKEN_LIFETIME,
                    data: self.data,
                },
            )?,
        };
        Ok(Server {
            url: self
                .url
                .unwrap_or_else(|| format!("http://{}", config.listen)),
            token: token.trim().to_owned(),
            book: self.book,
        })
    }
}
