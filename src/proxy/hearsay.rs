//! What a request says of itself that only others may say of it: who sent it, by which way it came, that it is a copy.
//!
//! A backend that believes `X-Real-IP` or `X-Original-URL` believes whoever can reach it. Behind the door that is everybody, so
//! what proxies say about a request is taken from those who are no trusted proxy. And CGI, WSGI and their like cannot tell
//! `X_Forwarded_For` from `X-Forwarded-For`, nor PHP `X.Forwarded.For`: names that read as one that matters are taken from everybody.

use std::net::IpAddr;

use http::header::CONNECTION;
use http::{HeaderMap, HeaderName};
use pingora::http::RequestHeader;
use smallvec::SmallVec;

use super::client::Client;
use super::client_side::Scheme;
use crate::config::session::Asker;
use crate::config::settings::Settings;
use crate::mirror::{LOOP_HEADER, MIRROR_HEADER, Token};

/// Headers by which a request of one method asks to be taken for another.
const METHOD_OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

/// Takes from a request what its sender has no say in. `telling`: headers by which the config tells requests apart.
pub fn remove(request: &mut RequestHeader, client: &Client, own: &Token, telling: &[HeaderName]) {
    let is_false_copy = |name: &HeaderName| *name == MIRROR_HEADER && !is_copy(request, client, own);
    let unsound: SmallVec<[HeaderName; 4]> = request
        .headers
        .keys()
        .filter(|name| is_unsound(name.as_str(), &request.headers, client, telling) || is_false_copy(name))
        .cloned()
        .collect();
    for name in unsound {
        request.remove_header(&name);
    }
}

/// Whose request this is when this address sends it, and of the request what the door then hears: for those who ask what it would do.
pub fn hear(request: &mut RequestHeader, peer: IpAddr, settings: &Settings) -> Asker {
    let client = Client::of(peer, Scheme::Http, &request.headers, &settings.trusted_proxies);
    remove(request, &client, &Token::random(), &settings.telling_headers);
    client.asker()
}

/// Whether the request is a door's copy: by its token, or by the word of somebody who is trusted.
pub fn is_copy(request: &RequestHeader, client: &Client, own: &Token) -> bool {
    let trusted = client.by_proxy || client.peer.is_loopback();
    own.is_in(&request.headers) || (trusted && request.headers.contains_key(MIRROR_HEADER))
}

/// Frameworks take a request with such a header for one of the method that it names: its copy could write twice.
pub fn hides_a_write(request: &RequestHeader) -> bool {
    METHOD_OVERRIDES.iter().any(|name| request.headers.contains_key(name))
}

/// Whether Connection names a header that tells who asks: what a proxy in front wrote of its client, the client could take out, where
/// that proxy passes Connection on.
pub fn is_unsaid(request: &RequestHeader) -> bool {
    let lines = request.headers.get_all(CONNECTION).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).any(|option| {
        let mut name = SmallVec::<[u8; 32]>::from_slice(option.trim_ascii());
        name.make_ascii_lowercase();
        std::str::from_utf8(&name).is_ok_and(is_said_by_proxies)
    })
}

fn is_unsound(name: &str, headers: &HeaderMap, client: &Client, telling: &[HeaderName]) -> bool {
    // "httpoxy": CGI makes HTTP_PROXY of it, and libraries take that for the way out. It has no other meaning.
    if name == "proxy" {
        return true;
    }
    if !is_plain(name) {
        // A route that asks for this very name is meant.
        if telling.iter().any(|telling| telling == name) {
            return false;
        }
        let read_as = as_cgi_reads(name);
        return matters(&read_as)
            || telling.iter().any(|name| as_cgi_reads(name.as_str()) == read_as)
            || headers.contains_key(read_as.as_str());
    }
    // Seldom: a route that is told by a name with underscores.
    if telling.iter().any(|telling| !is_plain(telling.as_str()) && as_cgi_reads(telling.as_str()) == name) {
        return true;
    }
    !client.by_proxy && is_said_by_proxies(name)
}

/// CGI and its like know a header by its letters and digits alone.
fn as_cgi_reads(name: &str) -> String {
    name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

/// What CGI reads as it stands.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Names by which proxies, load balancers and CDNs tell a backend who asks, how, and for what. By their first letters, for
/// each header of each request is asked and most begin otherwise.
fn is_said_by_proxies(name: &str) -> bool {
    match name.as_bytes() {
        [b'x', b'-', ..] => is_said_with_x(name),
        [b'c', ..] => {
            // RFC 9440, section 2.4: who ends TLS has to take Client-Cert from requests.
            matches!(
                name,
                "client-ip"
                    | "cf-connecting-ip"
                    | "cf-connecting-ipv6"
                    | "client-cert"
                    | "client-cert-chain"
                    | "cluster-client-ip"
            ) || name.starts_with("cf-access-")
        }
        [b'f', ..] => {
            matches!(name, "forwarded" | "forwarded-for" | "front-end-https" | "fastly-client-ip" | "fly-client-ip")
        }
        [b't' | b'p' | b'w', ..] => matches!(name, "true-client-ip" | "proxy-client-ip" | "wl-proxy-client-ip"),
        [b'r', ..] => {
            matches!(name, "remote-addr" | "remote-user" | "remote-groups" | "remote-name" | "remote-email")
        }
        [b's', ..] => name.starts_with("ssl-client-"),
        _ => false,
    }
}

/// What follows tells of the client or his certificate, or what somebody who asked for a password knows of him.
const X_FAMILIES: [&str; 8] = [
    "x-forwarded",
    "x-ssl-client-",
    "x-client-cert",
    "x-client-verify",
    "x-auth-request-",
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-ms-client-principal",
];

fn is_said_with_x(name: &str) -> bool {
    X_FAMILIES.iter().any(|family| name.starts_with(family))
        || matches!(
            name,
            "x-real-ip"
                | "x-client-ip"
                | "x-cluster-client-ip"
                | "x-remote-ip"
                | "x-remote-addr"
                | "x-originating-ip"
                | "x-original-forwarded-for"
                | "x-envoy-external-address"
                | "x-azure-clientip"
                | "x-azure-socketip"
                | "x-proxyuser-ip"
                | "x-appengine-user-ip"
                | "x-arr-clientcert"
                | "x-arr-ssl"
                | "x-remote-user"
                | "x-remote-group"
                | "x-remote-groups"
                | "x-webauth-user"
                | "x-webauth-groups"
                | "x-goog-authenticated-user-email"
                | "x-goog-authenticated-user-id"
                | "x-authenticated-user"
                | "x-client-dn"
                | "x-script-name"
                | "x-host"
                | "x-original-host"
                | "x-http-host-override"
                | "x-original-method"
                | "x-original-url"
                | "x-original-uri"
                | "x-rewrite-url"
                | "x-scheme"
                | "x-original-proto"
                | "x-url-scheme"
        )
}

/// Names that a backend's server or the door itself goes by.
fn matters(name: &str) -> bool {
    is_said_by_proxies(name)
        || name == MIRROR_HEADER
        || name == LOOP_HEADER
        || METHOD_OVERRIDES.iter().any(|other| name == other)
        || matches!(
            name,
            "host"
                | "content-length"
                | "content-type"
                | "transfer-encoding"
                | "connection"
                | "upgrade"
                | "keep-alive"
                | "te"
                | "trailer"
                | "expect"
                | "range"
                | "cookie"
                | "authorization"
                | "proxy-authorization"
                | "proxy-connection"
                | "traceparent"
                | "tracestate"
        )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What is left of these headers when this peer sends them; 10.0.0.1 is a trusted proxy.
    fn left(peer: &str, headers: &[&'static str]) -> Vec<String> {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for name in headers {
            request.append_header(*name, "1").unwrap();
        }
        let client = Client {
            peer: peer.parse().unwrap(),
            address: peer.parse().unwrap(),
            is_named: true,
            by_proxy: peer == "10.0.0.1",
            scheme: "http",
        };
        let telling = ["x-request-id", "x-api", "x_odd"].map(HeaderName::from_static);
        remove(&mut request, &client, &Token::random(), &telling);
        request.headers.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn what_proxies_say_is_believed_of_trusted_ones_only() {
        let said = [
            "x-real-ip",
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-port",
            "x-original-url",
            "cf-connecting-ip",
            "cf-access-authenticated-user-email",
            "remote-groups",
            "remote-name",
            "remote-email",
            "x-remote-group",
            "x-remote-groups",
            "x-webauth-groups",
            "x-goog-authenticated-user-email",
            "x-goog-authenticated-user-id",
            "x-amzn-oidc-data",
            "x-ms-client-principal",
            "x-ms-client-principal-name",
            "x-request-id",
        ];
        assert_eq!(left("10.0.0.1", &said), said);
        assert_eq!(left("203.0.113.9", &said), ["x-request-id"]);
        let others = ["remote-control", "x-remote-groupware", "x-goog-api-key", "x-amzn-trace-id", "cf-ray"];
        assert_eq!(left("203.0.113.9", &others), others);
    }

    #[test]
    fn nobody_takes_back_by_connection_what_proxies_say_of_him() {
        let names = |lines: &[&'static str]| {
            let mut request = RequestHeader::build("GET", b"/", None).unwrap();
            for line in lines {
                request.append_header("connection", *line).unwrap();
            }
            is_unsaid(&request)
        };
        for name in
            ["Forwarded", "x-real-ip", "X-SSL-Client-Verify", "X-Remote-User", "X-Forwarded-Port", "REMOTE-USER"]
        {
            let listed: &'static str = format!("close,\t{name} ,te").leak();
            assert!(names(&[name]) && names(&[listed]) && names(&["keep-alive", name]), "{name}");
        }
        for usual in
            ["close", "keep-alive, Upgrade", "TE", "Upgrade, HTTP2-Settings", "", ",", "X-Hop", "cookie", "Forwarded-X"]
        {
            assert!(!names(&[usual]), "{usual}");
        }
    }

    #[test]
    fn underscores_cannot_stand_for_dashes_that_matter() {
        let told =
            ["x_forwarded_for", "x-real_ip", "content_length", "transfer_encoding", "x_matapalo_mirror", "api_key"];
        assert_eq!(left("203.0.113.9", &told), ["api_key"]);
        assert_eq!(left("10.0.0.1", &told), ["api_key"]);
        assert_eq!(
            left("203.0.113.9", &["x_request_id", "x.real.ip", "x.http.method!override", "x.y", "x-request-id"]),
            ["x-request-id", "x.y"]
        );
        assert_eq!(left("203.0.113.9", &["x_auth", "x-auth"]), ["x-auth"], "one of two that CGI takes for one");
    }

    #[test]
    fn no_name_reads_as_one_by_which_routes_are_told_apart() {
        assert_eq!(left("203.0.113.9", &["x_api", "x.api", "x-apis", "x_odd", "x.odd"]), ["x-apis", "x_odd"]);
        assert_eq!(left("10.0.0.1", &["x-odd", "x_odd"]), ["x_odd"]);
        assert_eq!(left("10.0.0.1", &["x_api", "x-api"]), ["x-api"]);
    }

    #[test]
    fn nobody_names_our_backends_way_out() {
        assert!(left("10.0.0.1", &["proxy"]).is_empty());
    }

    #[test]
    fn only_who_is_trusted_can_say_that_it_is_a_copy() {
        assert!(left("203.0.113.9", &["x-matapalo-mirror"]).is_empty());
        for peer in ["10.0.0.1", "127.0.0.1", "::1"] {
            assert_eq!(left(peer, &["x-matapalo-mirror"]), ["x-matapalo-mirror"]);
        }
    }

    #[test]
    fn a_token_is_believed_of_everybody() {
        let own = Token::random();
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        own.sign(&mut request);
        let stranger = std::net::IpAddr::from([203, 0, 113, 9]);
        let client = Client { peer: stranger, address: stranger, is_named: true, by_proxy: false, scheme: "http" };
        assert!(is_copy(&request, &client, &own));
        assert!(!is_copy(&request, &client, &Token::random()));
    }
}
