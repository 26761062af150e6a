//! Who is asking, and what follows from it: the session's key, a tester's override, and with them the whole decision on one
//! request. Pure, and the same function for the door and for `explain`.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use http::HeaderMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::settings::{Answer, FallbackKey, KeySource, Override, Proxied, RouteSettings, Session, Settings};
use crate::routing::{Ambiguous, Asked, Bucket, Origin, Parts, Plan, RouteId};

/// Length of the longest textual IP address (RFC 4291, section 2.2: IPv6 with an embedded IPv4 one).
const IP_TEXT: usize = 45;

/// Whose a request is, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// Who connects from this address, or he whom trusted proxies vouch for.
    Known(IpAddr),
    /// Somebody behind the trusted proxy with this address, whom it does not name: he is counted as the proxy, and may nothing
    /// that is for addresses to allow.
    Hidden(IpAddr),
}

impl Asker {
    /// What he is counted by.
    pub fn address(self) -> IpAddr {
        let (Self::Known(address) | Self::Hidden(address)) = self;
        address
    }

    /// What he may is judged by. `None`: nobody vouches for him.
    pub fn known(self) -> Option<IpAddr> {
        match self {
            Self::Known(address) => Some(address),
            Self::Hidden(_) => None,
        }
    }
}

/// What is to be done with one request, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub route: RouteId,
    /// `None`: the door answers itself.
    pub proxied: Option<Placed>,
}

/// A request placed on its route's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub plan: Plan,
    pub bucket: Bucket,
    /// A tester chose the origin.
    pub override_to: Option<Origin>,
    /// A hash of the session's key: tells one session from another, and no more.
    pub session: u64,
    /// The value of the door's own cookie that would keep this visitor where he is; only where it matters.
    pub pin: Option<String>,
}

/// Where a session's key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionKey<'a> {
    /// In the door's own cookie.
    Pinned(&'a [u8]),
    /// In one of `session.key`.
    Named(&'a [u8], &'a KeySource),
    /// The client's address: the request carried no key.
    Fallback(ShortText),
    /// As [`SessionKey::Fallback`], in the form that the door's own cookie will carry from now on: so the visitor's place
    /// is the same before and after the cookie is sent back, and stays it when the address changes.
    Pin(ShortText),
    /// The request carried no key, and nothing is to stand in.
    Nobody,
}

/// An IP address, or an id made of one, without allocating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortText {
    text: [u8; IP_TEXT],
    len: usize,
}

impl Settings {
    pub fn route(&self, id: RouteId) -> Option<&RouteSettings> {
        self.routes.get(id.0 as usize)
    }

    /// The route with this name, the default one included.
    pub fn route_named(&self, name: &str) -> Option<RouteId> {
        self.routes.iter().position(|route| &*route.name == name).map(|index| RouteId(index as u32))
    }

    /// Decides one request: its route, its place, and who does what.
    ///
    /// # Errors
    /// [`Ambiguous`] where a backend could read the path as another route's.
    pub fn decide(
        &self,
        parts: &Parts<'_>,
        asker: Asker,
        upgrade: bool,
        rolled_back: impl Fn(RouteId) -> bool,
    ) -> Result<Decision, Ambiguous> {
        let route = self.table.find(parts)?.unwrap_or_else(|| self.default_route());
        let proxied = match self.route(route).map(|route| &route.answer) {
            Some(Answer::Proxy(proxied)) => {
                let key = self.session.key(parts.headers, asker.address());
                Some(proxied.place(&key, parts, asker, upgrade, rolled_back(route)))
            }
            Some(Answer::Respond(_)) | None => None,
        };
        Ok(Decision { route, proxied })
    }
}

impl Session {
    /// The key of the session that a request belongs to: the door's own cookie, then the named sources in order, then
    /// the client's address.
    pub fn key<'a>(&'a self, headers: &'a HeaderMap, client: IpAddr) -> SessionKey<'a> {
        if let Some(pinned) = self.cookie.as_deref().and_then(|name| cookie(headers, name)) {
            return SessionKey::Pinned(pinned);
        }
        let named = self.key.iter().find_map(|source| source.read(headers).map(|key| (key, source)));
        if let Some((key, source)) = named {
            return SessionKey::Named(key, source);
        }
        if self.fallback == FallbackKey::None {
            return SessionKey::Nobody;
        }
        let address = ShortText::of(format_args!("{}", client.to_canonical()));
        match self.cookie {
            Some(_) => SessionKey::Pin(ShortText::of(format_args!("{:032x}", xxh3_128(address.as_str().as_bytes())))),
            None => SessionKey::Fallback(address),
        }
    }
}

impl SessionKey<'_> {
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Pinned(key) | Self::Named(key, _) => key,
            Self::Fallback(text) | Self::Pin(text) => text.as_str().as_bytes(),
            Self::Nobody => &[],
        }
    }

    /// Its place on a route's line. Visitors that have no key and no stand-in share the last place: legacy answers them
    /// until the weight is 100.
    pub fn bucket(&self, salt: &str) -> Bucket {
        match (self, Bucket::from_index(Bucket::COUNT - 1)) {
            (Self::Nobody, Some(last)) => last,
            _ => Bucket::of(salt, self.as_bytes()),
        }
    }
}

impl KeySource {
    /// The value in a request, if it is there and not empty: an empty one would put all who logged out into one session.
    pub fn read<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        let value = match self {
            Self::Cookie(name) => cookie(headers, name)?,
            Self::Header(name) => headers.get(name)?.as_bytes().trim_ascii(),
        };
        (!value.is_empty()).then_some(value)
    }
}

impl Override {
    /// The origin that a tester asks for: from an allowed address, with `legacy` or `new` as the value.
    pub fn read(&self, headers: &HeaderMap, asker: Asker) -> Option<Origin> {
        if !self.allows(asker.known()?.to_canonical()) {
            return None;
        }
        match self.by.read(headers)? {
            b"legacy" => Some(Origin::Legacy),
            b"new" => Some(Origin::New),
            _ => None,
        }
    }
}

impl Proxied {
    fn place(&self, key: &SessionKey<'_>, parts: &Parts<'_>, asker: Asker, upgrade: bool, rolled_back: bool) -> Placed {
        let bucket = key.bucket(&self.salt);
        let override_to = self.override_by.as_ref().and_then(|by| by.read(parts.headers, asker));
        let asked = Asked { bucket, method: parts.method, override_to, upgrade, rolled_back };
        Placed {
            plan: self.policy.plan(&asked),
            bucket,
            override_to,
            session: xxh3_64(key.as_bytes()),
            pin: match key {
                SessionKey::Pin(id) if self.splits_sessions(&asked) => Some(id.as_str().to_owned()),
                _ => None,
            },
        }
    }

    /// Whether sessions at the two ends of the line get different answers: only then must a visitor be kept in place.
    fn splits_sessions(&self, asked: &Asked<'_>) -> bool {
        let at = |index| {
            let bucket = Bucket::from_index(index)?;
            Some(self.policy.plan(&Asked { bucket, override_to: None, ..*asked }).authoritative)
        };
        at(0) != at(Bucket::COUNT - 1)
    }
}

impl ShortText {
    fn of(text: std::fmt::Arguments<'_>) -> Self {
        let mut short = Self { text: [0; IP_TEXT], len: 0 };
        // The buffer holds the longest address there is, and an id is shorter, so this cannot fail.
        let _ = short.write_fmt(text);
        short
    }

    pub fn as_str(&self) -> &str {
        self.text.get(..self.len).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl std::fmt::Write for ShortText {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        let end = self.len + piece.len();
        self.text.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(piece.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// The first cookie of that name that is not empty, over all Cookie headers, as RFC 6265 section 5.4 has them: `a=1; b=2`.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().split_once_at(b'='))
        .find(|(found, value)| *found == name.as_bytes() && !value.is_empty())
        .map(|(_, value)| value)
}

trait SplitOnce {
    fn split_once_at(&self, byte: u8) -> Option<(&[u8], &[u8])>;
}

impl SplitOnce for [u8] {
    fn split_once_at(&self, byte: u8) -> Option<(&[u8], &[u8])> {
        let at = memchr::memchr(byte, self)?;
        Some((&self[..at], &self[at + 1..]))
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cookie(name) => write!(f, "cookie {name}"),
            Self::Header(name) => write!(f, "header {name}"),
        }
    }
}

#[cfg(test)]
mod tests;
