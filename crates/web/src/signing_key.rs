//! A key that signs tokens: Ed25519 (RFC 8032), in a PEM file of PKCS #8 (RFC 5958, RFC 8410).
//!
//! Promises: a file that everybody may read is refused; the private part is never printed and
//! never leaves the value; the `kid` is the thumbprint of the public part (RFC 7638), so two keys
//! never share one. `florin key new` and `openssl genpkey -algorithm ed25519` make such files.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use kit::random::Random;

/// Bytes of an Ed25519 seed (RFC 8032, section 5.1.5).
pub(crate) const SEED_BYTES: usize = 32;

/// What comes before the seed in a PKCS #8 document of an Ed25519 key (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The first and the last line of the file (RFC 7468, section 10).
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// Longest key file: one of ours has 119 bytes; anything of this length is something else.
const FILE_BYTES_MAX: u64 = 4 * 1024;

/// What nobody but the owner may: anything but reading for the group, because Kubernetes gives
/// a mounted secret to root and lets the process read it through its group; nothing for others.
const MODE_FORBIDDEN: u32 = 0o037;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The file cannot be read.
    #[error("key file must be readable: {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others may read the key.
    #[error("key file must not be readable by others (chmod 600): {0}")]
    NotPrivate(PathBuf),
    /// The file holds something else.
    #[error("key file must hold one ed25519 private key, pkcs #8 in pem: {0}")]
    Malformed(PathBuf),
    /// The key cannot sign.
    #[error("key must sign: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// Signs tokens. Prints as `[redacted]`.
#[derive(Clone)]
pub struct SigningKey {
    encoding: EncodingKey,
    jwk: Jwk,
    kid: String,
}

impl SigningKey {
    /// The text of a file with a new key; the caller sees to it that only its owner can read it.
    #[must_use]
    pub fn draw_pem(random: &dyn Random) -> String {
        let mut seed = [0; SEED_BYTES];
        random.fill(&mut seed);
        format!(
            "{PEM_BEGIN}\n{}\n{PEM_END}\n",
            STANDARD.encode(document(&seed))
        )
    }

    /// The key in a file that only its owner, or its group, can read. Blocking file I/O.
    pub fn open(path: &Path) -> Result<Self, SigningKeyError> {
        let failed = |source| SigningKeyError::File {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & MODE_FORBIDDEN != 0 {
            return Err(SigningKeyError::NotPrivate(path.to_owned()));
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        let seed = std::str::from_utf8(&bytes).ok().and_then(seed_of);
        match seed {
            Some(seed) => Ok(Self::of_seed(&seed)?),
            None => Err(SigningKeyError::Malformed(path.to_owned())),
        }
    }

    pub(crate) fn of_seed(seed: &[u8; SEED_BYTES]) -> Result<Self, jsonwebtoken::errors::Error> {
        let encoding = EncodingKey::from_ed_der(&document(seed));
        let mut jwk = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { encoding, jwk, kid })
    }

    /// The `kid` of its tokens.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// A token with exactly these claims, however wrong: what is signed is the caller's to decide.
    pub fn sign(&self, claims: &serde_json::Value) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = jsonwebtoken::Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding)
    }

    /// The public part as a JWK set of one key (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> String {
        serde_json::to_string(&JwkSet {
            keys: vec![self.jwk.clone()],
        })
        .expect("a key of strings is always JSON")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

fn document(seed: &[u8; SEED_BYTES]) -> Vec<u8> {
    [PKCS8_PREFIX.as_slice(), seed].concat()
}

fn seed_of(pem: &str) -> Option<[u8; SEED_BYTES]> {
    let body = pem.trim().strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    let encoded: String = body.split_ascii_whitespace().collect();
    let document = STANDARD.decode(encoded).ok()?;
    document
        .strip_prefix(PKCS8_PREFIX.as_slice())?
        .try_into()
        .ok()
}
