//! `hosts:` of a `match:` block.

use std::fmt;
use std::str::FromStr;

use super::HostRank;

/// Host without port, lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    Exact(String),
    /// `*.example.org`, kept without the star: `.example.org`. Any number of labels may stand for the star, at least one.
    Suffix(String),
}

/// Why a text is no host pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    #[error("want a host name, found nothing")]
    Empty,
    #[error("{0:?} matches every host: leave `hosts` out instead")]
    EveryHost(String),
    #[error("want a host name without scheme or path, found {0:?}")]
    Url(String),
    #[error("want a host name without port, found {0:?}: routes do not tell ports apart")]
    Port(String),
    #[error("want the wildcard as the whole first label, as in *.example.org, found {0:?}")]
    Wildcard(String),
    #[error(
        "{found:?} in the host name {host:?}: want ASCII letters, digits, `-`, `_` and `.` (other scripts as xn--…)"
    )]
    Character { host: String, found: char },
    #[error("an empty label in the host name {0:?}: two dots in a row, or one in front")]
    EmptyLabel(String),
    #[error("the host name {host:?} has {found} bytes, want at most {want}")]
    TooLong { host: String, found: usize, want: usize },
    #[error("want an IPv6 address as in [2001:db8::1], found {0:?}")]
    Ipv6(String),
}

/// RFC 1035, section 2.3.4, without the root's dot.
pub(in crate::routing) const MAX_HOST_BYTES: usize = 253;

impl HostPattern {
    /// Reads `example.org`, `*.example.org` or `[2001:db8::1]`; case and a trailing dot are of no meaning.
    ///
    /// # Errors
    /// [`HostPatternError`] says what was wanted instead.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if host.is_empty() {
            return Err(HostPatternError::Empty);
        }
        if host == "*" {
            return Err(HostPatternError::EveryHost(text.to_owned()));
        }
        if host.contains('/') {
            return Err(HostPatternError::Url(text.to_owned()));
        }
        if host.starts_with('[') || host.matches(':').count() > 1 {
            return ipv6(text, &host);
        }
        if host.contains(':') {
            return Err(HostPatternError::Port(text.to_owned()));
        }
        let Some(suffix) = host.strip_prefix("*.") else {
            name(text, &host)?;
            return Ok(Self::Exact(host));
        };
        name(text, suffix)?;
        Ok(Self::Suffix(format!(".{suffix}")))
    }

    pub fn rank(&self) -> HostRank {
        match self {
            Self::Exact(_) => HostRank::Exact,
            Self::Suffix(suffix) => HostRank::Suffix(suffix.len()),
        }
    }

    /// Whether every host that `other` matches is matched by this one too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(mine), Self::Exact(theirs)) => mine == theirs,
            (Self::Exact(_), Self::Suffix(_)) => false,
            (Self::Suffix(mine), Self::Exact(theirs)) => theirs.len() > mine.len() && theirs.ends_with(mine),
            (Self::Suffix(mine), Self::Suffix(theirs)) => theirs.ends_with(mine),
        }
    }
}

fn ipv6(text: &str, host: &str) -> Result<HostPattern, HostPatternError> {
    let error = || HostPatternError::Ipv6(text.to_owned());
    let Some(opened) = host.strip_prefix('[') else {
        return Err(error());
    };
    let Some((address, rest)) = opened.split_once(']') else {
        return Err(error());
    };
    if rest.starts_with(':') {
        return Err(HostPatternError::Port(text.to_owned()));
    }
    let plausible = address.contains(':') && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    if !plausible || !rest.is_empty() {
        return Err(error());
    }
    Ok(HostPattern::Exact(host.to_owned()))
}

fn name(text: &str, host: &str) -> Result<(), HostPatternError> {
    if host.contains('*') {
        return Err(HostPatternError::Wildcard(text.to_owned()));
    }
    let stranger = host.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    if let Some(found) = stranger {
        return Err(HostPatternError::Character { host: text.to_owned(), found });
    }
    if host.split('.').any(str::is_empty) {
        return Err(HostPatternError::EmptyLabel(text.to_owned()));
    }
    if host.len() > MAX_HOST_BYTES {
        return Err(HostPatternError::TooLong { host: text.to_owned(), found: host.len(), want: MAX_HOST_BYTES });
    }
    Ok(())
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        Self::parse(text)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
        }
    }
}
