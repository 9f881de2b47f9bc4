//! The issuer of a machine of its own: tokens for development and for tests.
//!
//! Promises: the Ed25519 key is made from `kit`'s randomness on the first start, kept in one file
//! that only its owner can read (0600), and never leaves it; a key file that others can read is
//! refused; two processes that start at once end with the same key. It is not an identity
//! provider: nobody signs in here, and a production configuration does not believe it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::random::Random;
use kit::time::Clock;
use serde_json::json;

use crate::jwks::{JwksError, SpeaksFor, TrustedIssuer};
use crate::principal::Role;
use crate::signing_key::{SEED_BYTES, SigningKey};
use crate::token::TOKEN_LIFETIME_MAX_S;

/// The `iss` of the tokens made here.
pub const LOCAL_ISSUER: &str = "urn:florin:issuer:local";

/// The key's file in the data directory.
const KEY_FILE: &str = "token-signing-key";

/// Why there is no issuer, or no token.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The key file cannot be read or written.
    #[error("token key file must be readable and writable: {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others may read the key.
    #[error("token key file must be readable by its owner only (chmod 600): {0}")]
    NotPrivate(PathBuf),
    /// The file holds something else.
    #[error("token key file must hold 32 bytes in base64url: {0}")]
    Malformed(PathBuf),
    /// A lifetime no verifier would accept.
    #[error("token lifetime must be from 1 to {TOKEN_LIFETIME_MAX_S} seconds")]
    LifetimeOutOfRange,
    /// A component's token that would also speak for a person or a client.
    #[error("token with the role service must have no other role and no scope")]
    ServiceNotAlone,
    /// The key cannot sign.
    #[error("token key must sign: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// What a token shall say.
#[derive(Debug, Clone)]
pub struct Grant {
    /// `sub`.
    pub subject: String,
    /// `roles`.
    pub roles: Vec<Role>,
    /// `scope`.
    pub scopes: Vec<String>,
    /// `aud`; the callee's name for a token with the role `service`.
    pub audience: String,
    /// How long it is valid: 1 s to [`TOKEN_LIFETIME_MAX_S`].
    pub lifetime: Duration,
}

/// Signs tokens with one Ed25519 key.
#[derive(Clone)]
pub struct TokenIssuer {
    key: SigningKey,
    clock: Arc<dyn Clock>,
}

impl TokenIssuer {
    /// An issuer with a new key that is kept nowhere: for tests.
    pub fn new(random: &dyn Random, clock: Arc<dyn Clock>) -> Result<Self, IssuerError> {
        let mut seed = [0; SEED_BYTES];
        random.fill(&mut seed);
        Self::of_seed(seed, clock)
    }

    /// The issuer whose key is in `directory`, made on the first call. Blocking file I/O.
    pub fn open(
        directory: &Path,
        random: &dyn Random,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IssuerError> {
        let path = directory.join(KEY_FILE);
        let failed = |source| IssuerError::File {
            path: path.clone(),
            source,
        };
        if !path.try_exists().map_err(failed)? {
            create(directory, &path, random).map_err(failed)?;
        }
        let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(IssuerError::NotPrivate(path));
        }
        let text = fs::read_to_string(&path).map_err(failed)?;
        let seed = URL_SAFE_NO_PAD
            .decode(text.trim())
            .ok()
            .and_then(|seed| seed.try_into().ok());
        match seed {
            Some(seed) => Self::of_seed(seed, clock),
            None => Err(IssuerError::Malformed(path)),
        }
    }

    fn of_seed(seed: [u8; SEED_BYTES], clock: Arc<dyn Clock>) -> Result<Self, IssuerError> {
        let key = SigningKey::of_seed(&seed)?;
        Ok(Self { key, clock })
    }

    /// What signs and tells the time, for tokens of components.
    pub(crate) fn parts(&self) -> (SigningKey, Arc<dyn Clock>) {
        (self.key.clone(), self.clock.clone())
    }

    /// A token that says what `grant` says, from now on.
    pub fn mint(&self, grant: &Grant) -> Result<String, IssuerError> {
        let lifetime_s = i64::try_from(grant.lifetime.as_secs()).unwrap_or(i64::MAX);
        if !(1..=TOKEN_LIFETIME_MAX_S).contains(&lifetime_s) {
            return Err(IssuerError::LifetimeOutOfRange);
        }
        let several = grant.roles.iter().any(|role| *role != Role::Service);
        if grant.roles.contains(&Role::Service) && (several || !grant.scopes.is_empty()) {
            return Err(IssuerError::ServiceNotAlone);
        }
        let now_s = self.clock.now().micros().div_euclid(1_000_000);
        let roles: Vec<&str> = grant.roles.iter().map(|role| role.name()).collect();
        self.sign(&json!({
            "iss": LOCAL_ISSUER,
            "sub": grant.subject,
            "aud": grant.audience,
            "iat": now_s,
            "nbf": now_s,
            "exp": now_s.saturating_add(lifetime_s),
            "roles": roles,
            "scope": grant.scopes.join(" "),
        }))
    }

    /// A token with exactly these claims, however wrong: for tests of verification.
    pub fn sign(&self, claims: &serde_json::Value) -> Result<String, IssuerError> {
        Ok(self.key.sign(claims)?)
    }

    /// The public key as a JWK set, for `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.key.jwks()
    }

    /// This issuer as one to believe, whomever it speaks for: whoever has its key has the machine.
    pub fn trusted(&self) -> Result<TrustedIssuer, JwksError> {
        let mut issuer = TrustedIssuer::parse(LOCAL_ISSUER, &self.jwks())?;
        issuer.speaks_for = SpeaksFor::Anybody;
        Ok(issuer)
    }
}

/// Writes a new key under a name of its own and links it into place: the link fails if another
/// process was first, and then that key is the one.
fn create(directory: &Path, path: &Path, random: &dyn Random) -> io::Result<()> {
    let mut bytes = [0; SEED_BYTES + 8];
    random.fill(&mut bytes);
    let (seed, suffix) = bytes.split_at(SEED_BYTES);
    fs::create_dir_all(directory)?;
    let draft = directory.join(format!("{KEY_FILE}.{}", URL_SAFE_NO_PAD.encode(suffix)));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{}", URL_SAFE_NO_PAD.encode(seed))?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
