//! What the door changes in a request on its way to a backend, and nothing else: who asks, in origin form, with one length.

use bytes::Bytes;
use http::header::{EXPECT, HOST, TE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use pingora::http::RequestHeader;
use pingora::protocols::http::authority::{RawTargetAuthority, raw_target_authority};
use pingora::{Error, ErrorType};

use super::client::{Client, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, forwarded_host};
use super::exchange::Exchange;
use super::framing::withheld::Withheld;
use super::hygiene::is_host;
use crate::upstream::{self, RawTarget};

/// Tells the backend who asks.
///
/// # Errors
/// None in practice: the values are made of addresses and of headers that were legal when they came.
pub fn identify(request: &mut RequestHeader, client: &Client) -> pingora::Result<()> {
    let forwarded = if client.by_proxy { forwarded_host(&request.headers) } else { None };
    if let Some(addresses) = client.forwarded_for(&request.headers) {
        request.insert_header(X_FORWARDED_FOR, addresses)?;
    }
    let spoken_for = |name| client.by_proxy && request.headers.contains_key(name);
    let (keep_proto, keep_host) = (spoken_for(&X_FORWARDED_PROTO), spoken_for(&X_FORWARDED_HOST));
    if !keep_proto {
        request.insert_header(X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme))?;
    }
    if !keep_host && let Some(host) = forwarded.or_else(|| request.headers.get(HOST).cloned()) {
        request.insert_header(X_FORWARDED_HOST, host)?;
    }
    Ok(())
}

/// Puts back what the library was not shown, but no more than so many headers in all, and one too many. The target, if it is one that
/// the library cannot hold as it came.
///
/// # Errors
/// The library cannot hold it in any way.
pub fn put_back(
    request: &mut RequestHeader,
    withheld: &Withheld,
    most_headers: usize,
) -> pingora::Result<Option<RawTarget>> {
    let room = (most_headers + 1).saturating_sub(request.headers.len());
    for (name, value) in withheld.lines.iter().take(room) {
        request.append_header(Bytes::copy_from_slice(name), value)?;
    }
    withheld.target.as_deref().map_or(Ok(None), |target| put_target_back(request, target))
}

/// One in absolute form names the host, whatever Host says (RFC 9112, section 3.2.2), and its path goes on in origin form. What is
/// wrong with it, or with the Host that it replaces, stays to be refused.
fn put_target_back(request: &mut RequestHeader, target: &[u8]) -> pingora::Result<Option<RawTarget>> {
    let target = match absolute(target).filter(|_| may_name_its_host(request)) {
        Some((authority, path)) => {
            request.insert_header(HOST, authority)?;
            // RFC 9112, section 3.2.4.
            if path.is_empty() && request.method == Method::OPTIONS {
                request.set_raw_path(b"*")?;
                return Ok(None);
            }
            let root: &[u8] = if path.starts_with(b"/") { b"" } else { b"/" };
            RawTarget::new(&[root, path].concat())
        }
        None => RawTarget::new(target),
    };
    request.set_raw_path(&target.spelled(false))?;
    Ok(Some(target).filter(|target| !target.is_held(true)))
}

/// Authority and path of `http://authority/path`, where the authority is the name or address of a host and perhaps a port.
fn absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    match raw_target_authority(target) {
        RawTargetAuthority::Absolute { scheme, authority, path_and_query }
            if [&b"http"[..], b"https"].iter().any(|one| scheme.eq_ignore_ascii_case(one))
                && is_host(authority)
                // Encoded, it could hide the end of the authority; and some host there has to be (RFC 9110, section 4.2.1).
                && !authority.contains(&b'%')
                && !matches!(authority, [] | [b':', ..]) =>
        {
            Some((authority, path_and_query))
        }
        _ => None,
    }
}

/// A request has one Host, also where it is to be ignored; HTTP/1.0 may have none (RFC 9112, section 3.2).
fn may_name_its_host(request: &RequestHeader) -> bool {
    let mut hosts = request.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version == Version::HTTP_10,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// Without a Host, which HTTP/1.0 need not send, a request is no HTTP/1.1 request, and stays what it was.
pub fn in_its_version(request: &mut RequestHeader) {
    if request.version == Version::HTTP_11 && !request.headers.contains_key(HOST) {
        request.set_version(Version::HTTP_10);
    }
}

/// What a request in HTTP/2 gets as its Host, because it came without one: the endpoint's own name.
///
/// # Errors
/// The Host that it has cannot be written in HTTP/2: the client's mistake.
pub fn authority(request: &RequestHeader, exchange: &Exchange) -> pingora::Result<Option<String>> {
    let Some(visit) = exchange.attempt.visit.as_ref().filter(|_| request.version == Version::HTTP_2) else {
        return Ok(None);
    };
    let bad_request = |_| Error::new_down(ErrorType::HTTPStatus(StatusCode::BAD_REQUEST.as_u16()));
    let authority = upstream::authority(request, visit.endpoint()).map_err(bad_request)?;
    let names_none = request.headers.get(HOST).is_none_or(HeaderValue::is_empty);
    Ok(names_none.then(|| authority.to_string()))
}

/// Path and query as they came, byte for byte, also of a target that is refused for its form.
pub fn target(request: &RequestHeader) -> &[u8] {
    let raw = request.raw_path();
    if matches!(raw.first(), Some(b'/' | b'*')) {
        return raw;
    }
    request.uri.path_and_query().map_or(b"/", |target| target.as_str().as_bytes())
}

/// Path and query apart.
pub fn split_target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', target) {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    }
}

/// The request body's length in bytes, where the head says it.
pub fn announced_length(request: &RequestHeader) -> Option<usize> {
    request.headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Says that trailers are welcome, if the client says so: of all that it says of its connection, this alone has a meaning in
/// HTTP/2 (RFC 9113, section 8.2.2), and gRPC asks for it.
///
/// # Errors
/// None: it is a constant.
pub fn welcome_trailers(request: &mut RequestHeader, asked: &HeaderMap) -> pingora::Result<()> {
    let is_trailers = |word: &[u8]| word.trim_ascii().eq_ignore_ascii_case(b"trailers");
    if asked.get_all(TE).iter().any(|value| value.as_bytes().split(|byte| *byte == b',').any(is_trailers)) {
        request.insert_header(TE, HeaderValue::from_static("trailers"))?;
    }
    Ok(())
}

/// A body that is being replayed needs no leave to be sent.
pub fn without_expectation(request: &mut RequestHeader) {
    request.remove_header(&EXPECT);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::client_side::Scheme;
    use super::*;

    #[test]
    fn the_target_is_kept_byte_for_byte() {
        let raw: &[u8] = b"//a%2Fb/./..;x=\xE4?q=%20+&q[]=1&q[]=2";
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        put_target_back(&mut request, raw).unwrap();
        assert_eq!(request.raw_path(), raw);
        assert_eq!(split_target(target(&request)), (&b"//a%2Fb/./..;x=\xE4"[..], Some(&b"q=%20+&q[]=1&q[]=2"[..])));
    }

    /// Target and Host of what becomes of such a request.
    fn put(version: Version, target: &str, hosts: &[&str]) -> (String, Vec<String>) {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        request.set_version(version);
        for host in hosts {
            request.append_header(HOST, *host).unwrap();
        }
        put_target_back(&mut request, target.as_bytes()).unwrap();
        let hosts = request.headers.get_all(HOST).iter().map(|host| host.to_str().unwrap().to_owned()).collect();
        (String::from_utf8(request.raw_path().to_vec()).unwrap(), hosts)
    }

    #[test]
    fn absolute_form_names_the_host_whatever_host_says() {
        for (target, path, host) in [
            ("http://site.test/p?q=1", "/p?q=1", "site.test"),
            ("HTTP://Site.test:8080//p#/../x", "//p", "Site.test:8080"),
            ("https://[::1]?q", "/?q", "[::1]"),
            ("http://site.test#x", "/", "site.test"),
            ("http://site.test:", "/", "site.test:"),
        ] {
            for said in ["site.test", "other.test:80", ""] {
                assert_eq!(
                    put(Version::HTTP_11, target, &[said]),
                    (path.to_owned(), vec![host.to_owned()]),
                    "{target}"
                );
            }
            assert_eq!(put(Version::HTTP_10, target, &[]), (path.to_owned(), vec![host.to_owned()]), "{target}");
        }
    }

    #[test]
    fn what_is_wrong_with_either_host_stays_to_be_refused() {
        for target in [
            "http:///p",
            "http://:80/p",
            "http://a@b/p",
            "http://a%2fb/p",
            "http://a,b/p",
            "http://a:b/p",
            "http:a",
            "h",
            "hosts:80",
        ] {
            assert_eq!(put(Version::HTTP_11, target, &["a"]), (target.to_owned(), vec!["a".to_owned()]));
        }
        let target = "http://a/p";
        for hosts in [&[][..], &["a", "a"], &["a b"], &["a,b"], &["a@b/"]] {
            let (kept, said) = put(Version::HTTP_11, target, hosts);
            assert_eq!((kept.as_str(), said.iter().map(String::as_str).collect::<Vec<_>>()), (target, hosts.to_vec()));
        }
    }

    #[test]
    fn an_untrusted_client_cannot_speak_for_others() {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in [("host", "site:8080"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil")] {
            request.append_header(name, value).unwrap();
        }
        let client = Client::of("203.0.113.9".parse().unwrap(), Scheme::Http, &request.headers, &[]);
        identify(&mut request, &client).unwrap();
        assert_eq!(request.headers["x-forwarded-proto"], "http");
        assert_eq!(request.headers["x-forwarded-host"], "site:8080");
        assert_eq!(request.headers["x-forwarded-for"], "203.0.113.9");
    }
}
