//! The head of an HTTP/2 request, as the hooks and an HTTP/1 backend are to see it: one Host, origin form, one cookie line.
//!
//! The `h2` crate has refused by now what RFC 9113 calls malformed: pseudo-headers missing, repeated, misplaced or unknown,
//! upper case, connection-specific fields, TE other than trailers, bytes that no field may have.

use bytes::BytesMut;
use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Version};
use pingora::http::RequestHeader;

use crate::proxy::answer::Refusal;
use crate::proxy::hygiene;

/// # Errors
/// The refusal to answer with.
pub fn head(mut parts: Parts) -> Result<RequestHeader, Refusal> {
    if parts.method == Method::CONNECT {
        return Err(Refusal::MethodNotAllowed);
    }
    join_cookies(&mut parts.headers)?;
    let host = host(&parts)?;
    let target = target(&parts)?;
    let unbuildable = |_| Refusal::BadRequest("the request cannot be sent on in HTTP/1.1");
    let mut head =
        RequestHeader::build(parts.method.clone(), target, Some(parts.headers.len() + 4)).map_err(unbuildable)?;
    // First, as clients of HTTP/1 send it.
    head.insert_header(HOST, host).map_err(unbuildable)?;
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != HOST) {
        head.append_header(name.clone(), value.clone()).map_err(unbuildable)?;
    }
    head.set_version(Version::HTTP_2);
    if head.headers.contains_key(CONTENT_LENGTH) {
        hygiene::collapse_content_length(&mut head)?;
    }
    Ok(head)
}

/// `:authority` is the Host; beside it, a Host of its own must say the same (RFC 9113, section 8.3.1).
fn host(parts: &Parts) -> Result<HeaderValue, Refusal> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let (written, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(Refusal::BadRequest("more than one Host header (RFC 9113, section 8.3.1)"));
    }
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = match (authority, written) {
        (Some(authority), Some(written)) if !authority.eq_ignore_ascii_case(written.as_bytes()) => {
            return Err(Refusal::BadRequest("Host and :authority differ (RFC 9113, section 8.3.1)"));
        }
        (Some(authority), _) => authority,
        (None, Some(written)) => written.as_bytes(),
        (None, None) => return Err(Refusal::BadRequest("a request needs an :authority (RFC 9113, section 8.3.1)")),
    };
    if host.is_empty() || host.contains(&b'@') {
        return Err(Refusal::BadRequest(":authority is not a host (RFC 9113, section 8.3.1)"));
    }
    HeaderValue::from_bytes(host).map_err(|_| Refusal::BadRequest(":authority is not a host"))
}

/// Path and query, in origin form: nothing that could be read as another line or another server.
fn target(parts: &Parts) -> Result<&[u8], Refusal> {
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let asterisk = target == "*" && parts.method == Method::OPTIONS;
    if !(target.starts_with('/') || asterisk) {
        return Err(Refusal::BadRequest(":path does not begin with / (RFC 9113, section 8.3.1)"));
    }
    if target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(Refusal::BadRequest(":path has a byte that no path may have"));
    }
    Ok(target.as_bytes())
}

/// Clients may send a Cookie in crumbs; HTTP/1 knows one line (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), Refusal> {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return Ok(());
    }
    let mut joined = BytesMut::new();
    for crumb in headers.get_all(COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(crumb.as_bytes());
    }
    let cookie = HeaderValue::from_maybe_shared(joined.freeze());
    headers.insert(COOKIE, cookie.map_err(|_| Refusal::BadRequest("the Cookie header is none"))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn admitted(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<RequestHeader, Refusal> {
        let mut request = http::Request::builder().method(method).uri(uri).version(Version::HTTP_2);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        head(request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_authority_is_the_host_and_the_path_stays_as_it_is() {
        let head = admitted("GET", "https://site.test:8443/a%2Fb//?q=%20+", &[("host", "Site.test:8443")]).unwrap();
        assert_eq!(head.headers[HOST], "site.test:8443");
        assert_eq!(head.raw_path(), b"/a%2Fb//?q=%20+");
        assert_eq!(head.version, Version::HTTP_2);
        assert_eq!(admitted("GET", "/", &[("host", "site.test")]).unwrap().headers[HOST], "site.test");
    }

    #[test]
    fn crumbs_become_one_cookie_line() {
        let crumbs = [("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2"), ("cookie", "c=3; d=4")];
        let head = admitted("GET", "https://site.test/", &crumbs).unwrap();
        let cookies: Vec<_> = head.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3; d=4"]);
    }

    #[test]
    fn what_two_servers_could_read_in_two_ways_is_refused() {
        let refused =
            |uri: &str, headers: &[(&str, &str)]| admitted("GET", uri, headers).unwrap_err().status().as_u16();
        assert_eq!(refused("https://site.test/", &[("host", "evil.test")]), 400);
        assert_eq!(refused("https://site.test/", &[("host", "site.test"), ("host", "site.test")]), 400);
        assert_eq!(refused("https://user@site.test/", &[]), 400);
        assert_eq!(refused("/", &[]), 400);
        assert_eq!(refused("https://site.test/", &[("content-length", "1"), ("content-length", "2")]), 400);
        assert_eq!(admitted("CONNECT", "site.test:443", &[]).unwrap_err().status().as_u16(), 405);
    }
}
