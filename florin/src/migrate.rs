//! `florin migrate`: a service's tables on PostgreSQL, before the service starts there.
//!
//! Promises: it runs with an administrator's URL from a file, never with a service's own login; it
//! may be repeated. SQLite needs none of it: its migrations are applied when the file is opened.

use std::path::{Path, PathBuf};

use crate::Failure;
use crate::config::{Config, Overrides};
use crate::roles;

/// Whose tables, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The role whose tables are to be made; may be given several times.
    #[arg(long = "role", value_name = "ROLE", required = true)]
    pub roles: Vec<String>,
    /// A file with the administrator's URL; else `postgres.admin_url_file` of the configuration.
    #[arg(long, value_name = "FILE")]
    pub admin_url_file: Option<PathBuf>,
}

/// Applies what is missing, role by role.
pub async fn run(file: Option<&Path>, options: &Options) -> Result<(), Failure> {
    let config = Config::load(file, &Overrides::default())?;
    let url_file = options
        .admin_url_file
        .as_ref()
        .or(config.postgres.admin_url_file.as_ref());
    let url_file = url_file.ok_or_else(|| {
        Failure::Refused("admin_url_file must name a file with the administrator's url".to_owned())
    })?;
    let url = secret(url_file)?;
    for name in &options.roles {
        let role = roles::find(name)?;
        let Some(schema) = role.schema else {
            return Err(Failure::Refused(format!(
                "role must have tables on postgresql: {name}"
            )));
        };
        store::migrate(
            &url,
            schema,
            &login(&config.postgres.login_prefix, role.name),
        )
        .await?;
        println!("{name}: migrated");
    }
    Ok(())
}

/// The login of a service on PostgreSQL: the prefix and its name, as an identifier.
#[must_use]
pub fn login(prefix: &str, role: &str) -> String {
    format!("{prefix}{}", role.replace('-', "_"))
}

/// Reads a secret from its file, without the line feed editors add.
pub fn secret(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::File {
        place: path.display().to_string(),
        source,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
