//! What the door changes in a request on its way to a backend, and nothing else: who asks, in origin form, with one length.

use http::header::{EXPECT, HOST, TE};
use http::{HeaderMap, HeaderValue, Version};
use pingora::http::RequestHeader;
use pingora::protocols::http::authority::raw_target_authority;

use super::client::{Client, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO};

/// Tells the backend who asks.
///
/// # Errors
/// None in practice: the values are made of addresses and of headers that were legal when they came.
pub fn identify(request: &mut RequestHeader, client: &Client) -> pingora::Result<()> {
    if let Some(addresses) = client.forwarded_for(&request.headers) {
        request.insert_header(X_FORWARDED_FOR, addresses)?;
    }
    let spoken_for = |name| client.by_proxy && request.headers.contains_key(name);
    let (keep_proto, keep_host) = (spoken_for(&X_FORWARDED_PROTO), spoken_for(&X_FORWARDED_HOST));
    if !keep_proto {
        request.insert_header(X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme))?;
    }
    if !keep_host && let Some(host) = request.headers.get(HOST).cloned() {
        request.insert_header(X_FORWARDED_HOST, host)?;
    }
    Ok(())
}

/// Names the host of an HTTP/1.0 request in absolute form that has no Host: it stands in its target (RFC 9112, section 3.2.2). A later
/// version has to have one (section 3.2).
///
/// # Errors
/// None in practice: what no header can say is left unsaid.
pub fn name_host(request: &mut RequestHeader) -> pingora::Result<()> {
    if request.version != Version::HTTP_10 || request.headers.contains_key(HOST) {
        return Ok(());
    }
    let authority = raw_target_authority(request.raw_path()).authority().filter(|host| !host.is_empty());
    match authority.map(HeaderValue::from_bytes) {
        Some(Ok(host)) => request.insert_header(HOST, host),
        _ => Ok(()),
    }
}

/// Without a Host, which HTTP/1.0 need not send, a request is no HTTP/1.1 request, and stays what it was.
pub fn in_its_version(request: &mut RequestHeader) {
    if request.version == Version::HTTP_11 && !request.headers.contains_key(HOST) {
        request.set_version(Version::HTTP_10);
    }
}

/// `GET http://site/path` becomes `GET /path`: RFC 9112 section 3.2.2 wants absolute form of proxies' clients only.
///
/// # Errors
/// None in practice: the path was legal when it came.
pub fn in_origin_form(request: &mut RequestHeader) -> pingora::Result<()> {
    if matches!(request.raw_path().first(), Some(b'/' | b'*')) {
        return Ok(());
    }
    let target = target(request).to_vec();
    request.set_raw_path(&target)
}

/// Path and query as they came, byte for byte, whatever form the request's target has.
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
    use super::super::clock::Scheme;
    use super::*;

    #[test]
    fn the_target_is_kept_byte_for_byte() {
        let raw: &[u8] = b"//a%2Fb/./..;x=\xE4?q=%20+&q[]=1&q[]=2";
        let mut request = RequestHeader::build("GET", raw, None).unwrap();
        in_origin_form(&mut request).unwrap();
        assert_eq!(request.raw_path(), raw);
        assert_eq!(split_target(target(&request)), (&b"//a%2Fb/./..;x=\xE4"[..], Some(&b"q=%20+&q[]=1&q[]=2"[..])));
    }

    #[test]
    fn absolute_form_becomes_origin_form() {
        let mut request = RequestHeader::build("GET", b"http://site.example/p?q=1", None).unwrap();
        in_origin_form(&mut request).unwrap();
        assert_eq!(request.raw_path(), b"/p?q=1");
        let mut bare = RequestHeader::build("GET", b"http://site.example", None).unwrap();
        in_origin_form(&mut bare).unwrap();
        assert_eq!(bare.raw_path(), b"/");
    }

    #[test]
    fn a_host_that_stands_in_the_target_alone_is_named() {
        let named = |target: &[u8], host: Option<&str>| {
            let mut request = RequestHeader::build("GET", target, None).unwrap();
            request.set_version(Version::HTTP_10);
            if let Some(host) = host {
                request.insert_header(HOST, host).unwrap();
            }
            name_host(&mut request).unwrap();
            request.headers.get(HOST).map(|host| host.to_str().unwrap().to_owned())
        };
        assert_eq!(named(b"HTTP://site.example:8080/p", None).as_deref(), Some("site.example:8080"));
        assert_eq!(named(b"https://[::1]?q", None).as_deref(), Some("[::1]"));
        assert_eq!(named(b"http://site.example/p", Some("other")).as_deref(), Some("other"));
        for unnamed in [&b"/p"[..], b"/http://site.example/", b"http:///p", b"*"] {
            assert_eq!(named(unnamed, None), None);
        }
        let mut later = RequestHeader::build("GET", b"http://site.example/p", None).unwrap();
        name_host(&mut later).unwrap();
        assert!(!later.headers.contains_key(HOST), "HTTP/1.1 without a Host is refused");
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
