//! Who a request comes from: the session's key, and a tester's override.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::names;
use crate::config::at::At;
use crate::config::mistake::Findings;
use crate::config::settings::{FallbackKey, KeySource, Session};
use crate::config::spec::{FallbackKeySpec, KeySourceSpec, SessionSpec, Text};

pub fn session(written: Option<&SessionSpec>, at: &At<'_>, findings: &mut Findings) -> Session {
    let written = written.cloned().unwrap_or_default();
    let at_key = at.key("key");
    let mut key = Vec::new();
    for (index, source) in written.key.iter().flatten().enumerate() {
        let KeySourceSpec { cookie, header } = source;
        key.extend(key_source(cookie.as_ref(), header.as_ref(), &at_key.index(index), findings));
    }
    Session {
        cookie: written.cookie.and_then(|name| names::cookie(&name, &at.key("cookie"), findings)),
        key,
        fallback: match written.fallback_key {
            None | Some(FallbackKeySpec::ClientIp) => FallbackKey::ClientIp,
            Some(FallbackKeySpec::None) => FallbackKey::None,
        },
    }
}

/// Exactly one of cookie and header.
pub fn key_source(
    cookie: Option<&Text>,
    header: Option<&Text>,
    at: &At<'_>,
    findings: &mut Findings,
) -> Option<KeySource> {
    match (cookie, header) {
        (Some(cookie), None) => names::cookie(cookie, &at.key("cookie"), findings).map(KeySource::Cookie),
        (None, Some(header)) => names::header(header, &at.key("header"), findings).map(KeySource::Header),
        (Some(_), Some(_)) => {
            findings.wrong(at, "has both cookie and header, want one of them");
            None
        }
        (None, None) => {
            findings.missing(at, "says neither cookie nor header, want one of them");
            None
        }
    }
}

/// Who may override when the operator does not say: this machine, and what stands in front of the door.
pub fn default_testers(trusted_proxies: &[IpNet]) -> Vec<IpNet> {
    let loopback = [
        Ipv4Net::new(Ipv4Addr::LOCALHOST, 8).map(IpNet::V4).ok(),
        Ipv6Net::new(Ipv6Addr::LOCALHOST, 128).map(IpNet::V6).ok(),
    ];
    loopback.into_iter().flatten().chain(trusted_proxies.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn loopback_may_test() {
        let testers = default_testers(&[]);
        let may = |address: IpAddr| testers.iter().any(|net| net.contains(&address));
        assert!(may(IpAddr::V4(Ipv4Addr::new(127, 9, 9, 9))));
        assert!(may(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert!(!may(IpAddr::V4(Ipv4Addr::new(128, 0, 0, 1))));
    }
}
