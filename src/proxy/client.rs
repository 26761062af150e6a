//! Who is asking: the client's address and scheme, told by the connection and, where they are trusted, by proxies in front.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use smallvec::SmallVec;

use super::client_side::Scheme;
use super::forwarded::{FORWARDED, List, elements, parameter};
use crate::config::session::Asker;

pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The client of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Other end of the connection.
    pub peer: IpAddr,
    /// The user, as far as trusted proxies vouch for him.
    pub address: IpAddr,
    /// Whether the address is the user's own: false where a trusted proxy sends word of him that names nobody.
    pub is_named: bool,
    /// Whether the peer is a trusted proxy: only then does it speak for others.
    pub by_proxy: bool,
    /// `http` or `https`, as the user sees the site.
    pub scheme: &'static str,
}

impl Client {
    /// Reads X-Forwarded-For from the right: each trusted proxy vouches for the one before it. The first address that is
    /// not a trusted proxy is the user; what stands left of it is hearsay. A proxy that is silent speaks for itself.
    pub fn of(peer: IpAddr, scheme: Scheme, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        if !is_trusted(peer, trusted) {
            return Self { peer, address: peer, is_named: true, by_proxy: false, scheme: scheme.name() };
        }
        let hops = hops(headers);
        let (mut address, mut place, mut is_named) = (peer, None, true);
        for (at, hop) in hops.iter().rev().enumerate() {
            let Some(hop) = hop.address else {
                is_named = false;
                break;
            };
            (address, place) = (hop, Some(at));
            if !is_trusted(hop, trusted) {
                break;
            }
        }
        let forwarded = place.and_then(|place| forwarded_scheme(headers, place));
        let scheme = forwarded.or_else(|| forwarded_scheme(headers, 0)).unwrap_or(scheme.name());
        Self { peer, address, is_named, by_proxy: true, scheme }
    }

    pub fn asker(&self) -> Asker {
        if self.is_named { Asker::Known(self.address) } else { Asker::Hidden(self.address) }
    }

    /// What the backend is told in X-Forwarded-For: the peer, and before it, if that is a trusted proxy, the list so far. It begins
    /// at the last element that names nobody, of which `unknown` is told: servers that leave such elements out would believe
    /// what stands left of it, which nobody vouches for.
    pub fn forwarded_for(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut list = Vec::with_capacity(64);
        if self.by_proxy {
            let hops = hops(headers);
            let nobody = hops.iter().rposition(|hop| hop.address.is_none());
            for hop in hops.get(nobody.unwrap_or(0)..).unwrap_or_default() {
                hop.tell(&mut list);
                list.extend_from_slice(b", ");
            }
        }
        use std::io::Write as _;
        write!(list, "{}", self.peer).ok()?;
        HeaderValue::from_maybe_shared(bytes::Bytes::from(list)).ok()
    }
}

pub(super) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// Who handed a request on.
#[derive(Debug, Clone, Copy)]
struct Hop<'a> {
    /// `None`: nobody is named, and nothing left of it can be believed.
    address: Option<IpAddr>,
    /// As it stands in X-Forwarded-For, perhaps with a port. `None`: Forwarded says it.
    said: Option<&'a [u8]>,
}

impl Hop<'_> {
    fn tell(&self, list: &mut Vec<u8>) {
        use std::io::Write as _;
        // Writing to memory cannot fail.
        _ = match (self.address, self.said) {
            (Some(_), Some(said)) => list.write_all(said),
            (Some(address), None) => write!(list, "{address}"),
            (None, _) => list.write_all(b"unknown"),
        };
    }
}

/// What proxies in front say who handed the request on, from the left: what is believed and what is told are read from this alone.
/// Empty only where they say nothing at all: a list with nothing in it hides somebody.
fn hops(headers: &HeaderMap) -> SmallVec<[Hop<'_>; 4]> {
    let address = |hop: &[u8]| address_of(std::str::from_utf8(hop).ok()?);
    let as_said = |hop| Hop { address: address(hop), said: Some(hop) };
    let usual: SmallVec<[Hop<'_>; 4]> = listed(headers, &X_FORWARDED_FOR).map(as_said).collect();
    if !usual.is_empty() {
        return usual;
    }
    let of_element = |element| Hop { address: parameter(element, b"for").and_then(address), said: None };
    let mut hops: SmallVec<[Hop<'_>; 4]> = elements(headers).map(of_element).collect();
    if hops.is_empty() && (headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED)) {
        hops.push(Hop { address: None, said: None });
    }
    hops
}

/// What a header lists, from the left. Who reads a list leaves out what is empty: RFC 9110, section 5.6.1.
fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let elements = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// What the proxy nearest to us says in Forwarded, if it writes no X-Forwarded-For: of `proto` or `host`.
fn forwarded<'a>(headers: &'a HeaderMap, name: &[u8]) -> Option<&'a [u8]> {
    if listed(headers, &X_FORWARDED_FOR).next().is_some() {
        return None;
    }
    parameter(elements(headers).last()?, name)
}

/// The host that the proxy nearest to us says in Forwarded that it was asked for.
pub(super) fn forwarded_host(headers: &HeaderMap) -> Option<HeaderValue> {
    forwarded(headers, b"host").and_then(|host| HeaderValue::from_bytes(host).ok())
}

/// An address, with a port as some proxies add it; of the newer kind perhaps in brackets.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    let with_port = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    hop.parse().ok().or_else(bracketed).or_else(with_port).map(|address| address.to_canonical())
}

/// As the proxy says that took the hop at this place, counted from the right: that of the client, who sees the site by it. Where a
/// list has not one for each hop, the proxy nearest to us is who says it. `None`: it does not.
fn forwarded_scheme(headers: &HeaderMap, place: usize) -> Option<&'static str> {
    let said: List<'_> = listed(headers, &X_FORWARDED_PROTO).collect();
    let hops = listed(headers, &X_FORWARDED_FOR).count();
    let scheme = match (said.is_empty(), hops) {
        (false, hops) => said.iter().rev().nth(if said.len() == hops { place } else { 0 }).copied()?,
        (true, 0) => {
            let elements: List<'_> = elements(headers).collect();
            let from = elements.len().checked_sub(place + 1)?;
            elements.get(from..)?.iter().find_map(|element| parameter(element, b"proto"))?
        }
        (true, _) => return None,
    };
    Some(if scheme.eq_ignore_ascii_case(b"https") { "https" } else { "http" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn client(peer: &str, forwarded_for: &[&str]) -> Client {
        let mut headers = HeaderMap::new();
        for value in forwarded_for {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        headers.append(X_FORWARDED_PROTO, "https".parse().unwrap());
        Client::of(
            peer.parse().unwrap(),
            Scheme::Http,
            &headers,
            &["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        )
    }

    #[test]
    fn an_untrusted_peer_speaks_only_for_itself() {
        let spoofing = client("203.0.113.9", &["10.0.0.1"]);
        assert_eq!((spoofing.address.to_string().as_str(), spoofing.scheme), ("203.0.113.9", "http"));
    }

    #[test]
    fn what_forwarded_says_is_told_where_nothing_else_is() {
        let told = |lines: &[(HeaderName, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name, value.parse().unwrap());
            }
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            let client = Client::of("10.0.0.1".parse().unwrap(), Scheme::Http, &headers, &trusted);
            let list = client.forwarded_for(&headers).unwrap();
            let host = forwarded_host(&headers).map(|host| host.to_str().unwrap().to_owned());
            (client.address.to_string(), list.to_str().unwrap().to_owned(), client.scheme, host)
        };
        let standard = "for=1.1.1.1;proto=http;host=a.test, For=\"[2001:db8::1]:47\"; Proto=HTTPS;Host=\"b.test:8080\"";
        let (address, list) = ("2001:db8::1".to_owned(), "1.1.1.1, 2001:db8::1, 10.0.0.1".to_owned());
        assert_eq!(told(&[(FORWARDED, standard)]), (address, list, "https", Some("b.test:8080".to_owned())));
        let other = told(&[(FORWARDED, standard), (X_FORWARDED_FOR, "2.2.2.2")]);
        assert_eq!(other, ("2.2.2.2".to_owned(), "2.2.2.2, 10.0.0.1".to_owned(), "http", None));
        assert_eq!(told(&[(FORWARDED, "for=1.1.1.1")]).2, "http");
        // What a client says, a proxy quotes.
        let quoted =
            told(&[(FORWARDED, r#"for=1.1.1.1;proto=http;host="a,for=6.6.6.6;proto=https;host=evil\",for=7.7.7.7""#)]);
        assert_eq!((quoted.0.as_str(), quoted.1.as_str(), quoted.2), ("1.1.1.1", "1.1.1.1, 10.0.0.1", "http"));
        assert_eq!(told(&[(FORWARDED, "proto=https"), (X_FORWARDED_PROTO, "http")]).2, "http");
    }

    #[test]
    fn nothing_left_of_who_names_nobody_is_told() {
        let told = |lines: &[(HeaderName, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name, value.parse().unwrap());
            }
            let client =
                Client::of("10.0.0.1".parse().unwrap(), Scheme::Http, &headers, &["10.0.0.0/8".parse().unwrap()]);
            (client.address.to_string(), client.forwarded_for(&headers).unwrap().to_str().unwrap().to_owned())
        };
        let nobody = ("10.0.0.1".to_owned(), "unknown, 10.0.0.1".to_owned());
        for last in [
            "proto=http;host=\"a.test\"",
            "by=10.0.0.1",
            "for=",
            "for=\"\"",
            "for = 198.18.0.1",
            "xfor=198.18.0.1",
            "\"for=198.18.0.1\"",
            "for=unknown",
            "for=_hidden",
            "for=198.18.0.1.1",
            "for=\"[2001:db8::5\"",
            "for=198.18.0.1;for=198.18.0.1",
            "x=\", for=198.18.0.1",
        ] {
            assert_eq!(told(&[(FORWARDED, &format!("for=192.0.2.7, {last}"))]), nobody, "{last}");
            assert_eq!(told(&[(FORWARDED, "for=192.0.2.7"), (FORWARDED, last)]), nobody, "{last}");
        }
        let behind = ("10.0.0.2".to_owned(), "unknown, 10.0.0.2, 10.0.0.1".to_owned());
        assert_eq!(told(&[(FORWARDED, "for=192.0.2.7, proto=http, for=10.0.0.2")]), behind);
        assert_eq!(told(&[(X_FORWARDED_FOR, "192.0.2.7, unknown, 10.0.0.2")]), behind);
        assert_eq!(told(&[(X_FORWARDED_FOR, ",")]), nobody);
        assert_eq!(told(&[(FORWARDED, "")]), nobody);
        assert_eq!(told(&[(X_FORWARDED_FOR, "192.0.2.7, -"), (X_FORWARDED_FOR, "10.0.0.2")]), behind);
        // The client is known, and what he said himself is told as what it is: left of him.
        let known = ("198.18.0.1".to_owned(), "unknown, 192.0.2.7, 198.18.0.1, 10.0.0.1".to_owned());
        assert_eq!(told(&[(FORWARDED, "for=6.6.6.6, by=x, for=192.0.2.7, for=198.18.0.1")]), known);
        assert_eq!(told(&[(X_FORWARDED_FOR, "6.6.6.6, x, 192.0.2.7, 198.18.0.1")]), known);
    }

    #[test]
    fn an_address_is_written_in_full() {
        for (hop, address) in [
            ("198.18.0.1", "198.18.0.1"),
            ("198.18.0.1:80", "198.18.0.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("::ffff:198.18.0.1", "198.18.0.1"),
        ] {
            assert_eq!(address_of(hop), Some(address.parse().unwrap()), "{hop}");
        }
        for hop in
            ["[2001:db8::1", "[10.0.0.1", "[10.0.0.1]", "2001:db8::1]", "[2001:db8::1]x", "[2001:db8::1]:", "[]", ""]
        {
            assert_eq!(address_of(hop), None, "{hop}");
        }
    }

    #[test]
    fn what_an_element_says_twice_it_does_not_say() {
        for element in ["for=198.18.0.1;for=198.18.0.2", "for=;For=198.18.0.1", "for=198.18.0.1;by=x; FOR=198.18.0.1"] {
            assert_eq!(parameter(element.as_bytes(), b"for"), None, "{element}");
        }
        assert_eq!(parameter(b"for=198.18.0.1;by=x;x=\";for=y\"", b"for"), Some(&b"198.18.0.1"[..]));
    }

    #[test]
    fn whom_a_proxy_does_not_name_is_not_the_proxy() {
        let asker = |peer: &str, lines: &[(HeaderName, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(name, value.parse().unwrap());
            }
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            Client::of(peer.parse().unwrap(), Scheme::Http, &headers, &trusted).asker()
        };
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for line in [
            (X_FORWARDED_FOR, "unknown"),
            (X_FORWARDED_FOR, ""),
            (X_FORWARDED_FOR, ","),
            (X_FORWARDED_FOR, "198.18.0.1, -"),
            (FORWARDED, ""),
            (FORWARDED, "for=unknown"),
            (FORWARDED, "for=_hidden"),
            (FORWARDED, "proto=https"),
            (FORWARDED, "for=198.18.0.1, x=\", for=198.18.0.1"),
        ] {
            assert_eq!(asker("10.0.0.1", std::slice::from_ref(&line)), Asker::Hidden(address("10.0.0.1")), "{line:?}");
            assert_eq!(asker("198.18.0.1", &[line]), Asker::Known(address("198.18.0.1")));
        }
        let behind = [(X_FORWARDED_FOR, "unknown, 10.0.0.2")];
        assert_eq!(asker("10.0.0.1", &behind), Asker::Hidden(address("10.0.0.2")));
        assert_eq!(asker("10.0.0.1", &[]), Asker::Known(address("10.0.0.1")), "it speaks for itself");
        assert_eq!(asker("10.0.0.1", &[(X_FORWARDED_FOR, "10.0.0.2")]), Asker::Known(address("10.0.0.2")));
        let heard = [(X_FORWARDED_FOR, "198.18.0.1"), (FORWARDED, "x=\"")];
        assert_eq!(asker("10.0.0.1", &heard), Asker::Known(address("198.18.0.1")));
        let known = [(X_FORWARDED_FOR, "unknown, 198.18.0.1")];
        assert_eq!(asker("10.0.0.1", &known), Asker::Known(address("198.18.0.1")));
    }

    #[test]
    fn a_list_of_nothing_is_told_as_nothing() {
        for usual in [",", "", " , ,"] {
            let headers = HeaderMap::from_iter([
                (X_FORWARDED_FOR, usual.parse().unwrap()),
                (FORWARDED, "for=198.18.0.1".parse().unwrap()),
            ]);
            let client =
                Client::of("10.0.0.1".parse().unwrap(), Scheme::Http, &headers, &["10.0.0.0/8".parse().unwrap()]);
            assert_eq!(client.forwarded_for(&headers).unwrap(), "198.18.0.1, 10.0.0.1", "{usual:?}");
        }
    }

    #[test]
    fn the_connection_tells_the_scheme_unless_a_trusted_proxy_does() {
        let told = |peer: &str, proto: Option<&str>| {
            let mut headers = HeaderMap::new();
            proto.map(|proto| headers.append(X_FORWARDED_PROTO, proto.parse().unwrap()));
            let trusted = [IpNet::from("10.0.0.1".parse::<IpAddr>().unwrap())];
            Client::of(peer.parse().unwrap(), Scheme::Https, &headers, &trusted).scheme
        };
        assert_eq!(told("203.0.113.9", Some("http")), "https");
        assert_eq!(told("10.0.0.1", Some("https, http")), "http");
        assert_eq!(told("10.0.0.1", None), "https");
    }

    #[test]
    fn the_right_most_untrusted_address_is_the_user() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.4, 10.0.0.2"]).address.to_string(), "198.51.100.4");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.4:4711"]).address.to_string(), "198.51.100.4");
        assert_eq!(client("::ffff:10.0.0.1", &["[2001:db8::1]:80"]).address.to_string(), "2001:db8::1");
    }

    #[test]
    fn behind_trusted_proxies_only_the_farthest_is_the_client() {
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]).address.to_string(), "10.0.0.3");
        assert_eq!(client("10.0.0.1", &[]).address.to_string(), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, garbage, 10.0.0.2"]).address.to_string(), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &["1.1.1.1,, 10.0.0.2,", ""]).address.to_string(), "1.1.1.1");
    }

    #[test]
    fn the_scheme_is_that_of_the_hop_that_the_client_took() {
        let scheme = |lines: &[(HeaderName, &str)]| {
            let headers =
                HeaderMap::from_iter(lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())));
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            Client::of("10.0.0.1".parse().unwrap(), Scheme::Http, &headers, &trusted).scheme
        };
        let of_two = |protos| scheme(&[(X_FORWARDED_FOR, "1.1.1.1, 10.0.0.2"), (X_FORWARDED_PROTO, protos)]);
        assert_eq!(of_two("https, http"), "https");
        assert_eq!(of_two("http, https"), "http");
        // The client's own list is longer by one, and the proxy's word counts.
        assert_eq!(scheme(&[(X_FORWARDED_FOR, "6.6.6.6, 1.1.1.1"), (X_FORWARDED_PROTO, "https, http")]), "http");
        assert_eq!(of_two("https, https, http"), "http");
        assert_eq!(scheme(&[(FORWARDED, "for=1.1.1.1;proto=https, for=10.0.0.2;proto=http")]), "https");
        assert_eq!(scheme(&[(FORWARDED, "for=1.1.1.1;proto=https, for=10.0.0.2")]), "https");
        assert_eq!(scheme(&[(FORWARDED, "for=1.1.1.1, for=10.0.0.2;proto=https")]), "https");
        assert_eq!(scheme(&[(FORWARDED, "for=6.6.6.6;proto=https, for=1.1.1.1;proto=http")]), "http");
    }

    #[test]
    fn the_standard_header_is_read_where_the_usual_one_is_missing() {
        let address = |peer: &str, forwarded: &str| {
            let headers = HeaderMap::from_iter([(FORWARDED, forwarded.parse().unwrap())]);
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            Client::of(peer.parse().unwrap(), Scheme::Http, &headers, &trusted).address.to_string()
        };
        assert_eq!(address("10.0.0.1", "for=1.1.1.1, proto=https;For=198.51.100.4;by=x, for=10.0.0.2"), "198.51.100.4");
        assert_eq!(address("10.0.0.1", "for=\"[2001:db8::1]:4711\""), "2001:db8::1");
        assert_eq!(address("10.0.0.1", "for=1.1.1.1, for=_hidden, for=10.0.0.2"), "10.0.0.2");
        assert_eq!(address("10.0.0.1", "for=1.1.1.1, for=unknown"), "10.0.0.1");
        assert_eq!(address("203.0.113.9", "for=1.1.1.1"), "203.0.113.9");
        // A quote that the client left open would hide what the proxy wrote behind it.
        for opened in ["x=\"", "x=\"a", "x=\"\\", "x=\"\\\"", "host=\"a\";x=\""] {
            for appended in ["for=198.51.100.4", "for=\"[2001:db8::1]\"", "for=198.51.100.4;host=\"a:80\";by=\"b\""] {
                assert_eq!(address("10.0.0.1", &format!("for=1.1.1.1;{opened}, {appended}")), "10.0.0.1", "{opened}");
            }
        }
        assert_eq!(address("10.0.0.1", "for=1.1.1.1,, , for=10.0.0.2,"), "1.1.1.1");
    }

    #[test]
    fn the_backend_is_told_what_can_be_vouched_for() {
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, "1.1.1.1".parse().unwrap());
        let trusted = [IpNet::from("10.0.0.1".parse::<IpAddr>().unwrap())];
        let told = |peer: &str| {
            Client::of(peer.parse().unwrap(), Scheme::Http, &headers, &trusted).forwarded_for(&headers).unwrap()
        };
        assert_eq!(told("10.0.0.1"), "1.1.1.1, 10.0.0.1");
        assert_eq!(told("203.0.113.9"), "203.0.113.9");
    }
}
