//! Who is asking, and what follows from it: the session's key, a tester's override, and with them the whole decision on one
//! request. Pure, and the same function for the door and for `explain`.

use std::fmt::Write as _;
use std::net::IpAddr;

use http::HeaderMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::settings::{Answer, KeySource, Override, Proxied, Session, Settings};
use crate::routing::{Ambiguous, Asked, Bucket, Origin, Parts, Plan, RouteId};

/// Length of the longest textual IP address (RFC 4291, section 2.2: IPv6 with an embedded IPv4 one).
const IP_TEXT: usize = 45;

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
    Fallback(IpText),
    /// As [`SessionKey::Fallback`], in the form that the door's own cookie will carry from now on.
    Pin(String),
}

/// An IP address as text, without allocating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpText {
    text: [u8; IP_TEXT],
    len: usize,
}

impl Settings {
    /// Decides one request: its route, its place, and who does what.
    ///
    /// # Errors
    /// [`Ambiguous`] where a backend could read the path as another route's.
    pub fn decide(
        &self,
        parts: &Parts<'_>,
        client: IpAddr,
        upgrade: bool,
        rolled_back: impl Fn(RouteId) -> bool,
    ) -> Result<Decision, Ambiguous> {
        let route = self.table.find(parts)?.unwrap_or_else(|| self.default_route());
        let proxied = match self.routes.get(route.0 as usize).map(|route| &route.answer) {
            Some(Answer::Proxy(proxied)) => {
                let key = self.session.key(parts.headers, client);
                Some(proxied.place(&key, parts, client, upgrade, rolled_back(route)))
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
        let address = IpText::of(client);
        match self.cookie {
            Some(_) => SessionKey::Pin(format!("{:032x}", xxh3_128(address.as_bytes()))),
            None => SessionKey::Fallback(address),
        }
    }
}

impl SessionKey<'_> {
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Pinned(key) | Self::Named(key, _) => key,
            Self::Fallback(address) => address.as_bytes(),
            Self::Pin(id) => id.as_bytes(),
        }
    }
}

impl KeySource {
    /// The value in a request, if it is there and not empty.
    pub fn read<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        let value = match self {
            Self::Cookie(name) => cookie(headers, name)?,
            Self::Header(name) => headers.get(name)?.as_bytes(),
        };
        (!value.is_empty()).then_some(value)
    }
}

impl Override {
    /// The origin that a tester asks for: from an allowed address, with `legacy` or `new` as the value.
    pub fn read(&self, headers: &HeaderMap, client: IpAddr) -> Option<Origin> {
        if !self.allows(client) {
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
    fn place(
        &self,
        key: &SessionKey<'_>,
        parts: &Parts<'_>,
        client: IpAddr,
        upgrade: bool,
        rolled_back: bool,
    ) -> Placed {
        let bucket = Bucket::of(&self.salt, key.as_bytes());
        let override_to = self.override_by.as_ref().and_then(|by| by.read(parts.headers, client));
        let asked = Asked { bucket, method: parts.method, override_to, upgrade, rolled_back };
        Placed {
            plan: self.policy.plan(&asked),
            bucket,
            override_to,
            session: xxh3_64(key.as_bytes()),
            pin: match key {
                SessionKey::Pin(id) if self.splits_sessions(&asked) => Some(id.clone()),
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

impl IpText {
    pub fn of(address: IpAddr) -> Self {
        let mut text = Self { text: [0; IP_TEXT], len: 0 };
        // The buffer holds the longest address there is, so this cannot fail.
        let _ = write!(text, "{address}");
        text
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }
}

impl std::fmt::Write for IpText {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        let end = self.len + piece.len();
        self.text.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(piece.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// The first cookie of that name, over all Cookie headers, as RFC 6265 section 5.4 has them: `a=1; b=2`.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| pair.trim_ascii().split_once_at(b'='))
        .find(|(found, _)| *found == name.as_bytes())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn session(cookie: Option<&str>) -> Session {
        Session {
            cookie: cookie.map(str::to_owned),
            key: vec![KeySource::Cookie("AURSID".into()), KeySource::Header(http::header::AUTHORIZATION)],
        }
    }

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));

    #[test]
    fn the_first_source_that_is_there_is_the_key() {
        let both = headers(&[("authorization", "Basic x"), ("cookie", "a=b; AURSID=s1")]);
        assert_eq!(session(None).key(&both, CLIENT).as_bytes(), b"s1");
        let second = headers(&[("authorization", "Basic x"), ("cookie", "xAURSID=no; AURSID=")]);
        assert_eq!(session(None).key(&second, CLIENT).as_bytes(), b"Basic x");
        assert_eq!(session(None).key(&headers(&[]), CLIENT).as_bytes(), b"203.0.113.7");
    }

    #[test]
    fn a_visitor_without_a_key_keeps_his_place_once_he_sends_the_cookie_back() {
        let session = session(Some("matapalo_id"));
        let none = headers(&[]);
        let SessionKey::Pin(id) = session.key(&none, CLIENT) else { panic!("no pin") };
        let mut later = HeaderMap::new();
        later.append("cookie", format!("AURSID=s1; matapalo_id={id}").parse().unwrap());
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        assert_eq!(session.key(&later, elsewhere), SessionKey::Pinned(id.as_bytes()));
    }

    #[test]
    fn cookies_are_found_over_several_headers_and_odd_spacing() {
        let headers = headers(&[("cookie", " a = 1;b=2=3"), ("cookie", "flag; c=")]);
        assert_eq!(cookie(&headers, "b"), Some(&b"2=3"[..]));
        assert_eq!(cookie(&headers, "c"), Some(&b""[..]));
        assert_eq!(cookie(&headers, "flag"), None);
    }

    #[test]
    fn an_override_counts_only_from_where_it_may_come() {
        let by =
            Override { by: KeySource::Header("x-stage".parse().unwrap()), from: vec!["10.0.0.0/8".parse().unwrap()] };
        let asks = headers(&[("x-stage", "new")]);
        assert_eq!(by.read(&asks, "10.1.2.3".parse().unwrap()), Some(Origin::New));
        assert_eq!(by.read(&asks, CLIENT), None);
        assert_eq!(by.read(&headers(&[("x-stage", "newer")]), "10.1.2.3".parse().unwrap()), None);
    }

    #[test]
    fn the_longest_address_fits() {
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".parse::<IpAddr>().unwrap();
        assert_eq!(IpText::of(longest).as_bytes(), longest.to_string().as_bytes());
    }
}
