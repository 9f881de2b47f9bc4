//! Where a name is found.
//!
//! Promises: an address names scheme and host and at most a path; what is called is always that
//! host. It holds no secret, so it can be shown.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;

/// An address: `https://feed.example.org/v2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    tls: bool,
    authority: String,
    base: String,
    loopback: bool,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("address must be like https://host:port/path, without login, query and fragment")]
pub struct AddressError;

impl Address {
    /// Reads an address. A slash at its end is dropped.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.parse().map_err(|_| AddressError)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(AddressError),
        };
        let authority = uri.authority().ok_or(AddressError)?;
        let base = uri.path().trim_end_matches('/');
        let climbs = base.split('/').any(|part| matches!(part, "." | ".."));
        let foreign = text.contains(['#', '?', '\\']) || base.contains("//");
        if authority.as_str().contains('@') || authority.host().is_empty() || climbs || foreign {
            return Err(AddressError);
        }
        Ok(Self {
            tls,
            loopback: is_loopback(authority.host()),
            authority: authority.as_str().to_owned(),
            base: base.to_owned(),
        })
    }

    /// Whether what goes there is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether what goes there does not leave the machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// What comes before a request's own path.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The address of a target that was checked: it begins with a slash and has no fragment.
    pub(super) fn uri(&self, target: &str) -> Uri {
        let scheme = if self.tls { "https" } else { "http" };
        let built = Uri::builder()
            .scheme(scheme)
            .authority(self.authority.as_str())
            .path_and_query(target);
        built.build().expect("each part was parsed before")
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = std::net::IpAddr::from_str(bare);
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.authority, self.base)
    }
}
