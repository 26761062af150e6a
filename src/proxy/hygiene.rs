//! What the door refuses before any rule is asked: requests that two servers could read in two ways.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Version};
use pingora::http::RequestHeader;

use super::answer::Refusal;
use super::hearsay;
use crate::config::settings::HeadLimits;

/// Looks at a request before it is known whose it is: `head_bytes` is how large its head was as it came.
///
/// # Errors
/// The refusal to answer with.
pub fn inspect(request: &RequestHeader, head_bytes: usize, limits: HeadLimits) -> Result<(), Refusal> {
    if request.raw_path().len() > limits.uri {
        return Err(Refusal::UriTooLong);
    }
    if head_bytes > limits.bytes {
        return Err(Refusal::HeadTooLarge);
    }
    if request.headers.len() > limits.headers {
        return Err(Refusal::TooManyHeaders);
    }
    if matches!(request.method, Method::TRACE | Method::CONNECT) {
        return Err(Refusal::MethodNotAllowed);
    }
    if is_misspelt(&request.method) {
        return Err(Refusal::BadRequest("methods are written in capitals (RFC 9110, section 9.1)"));
    }
    if !request.headers.get_all(CONTENT_LENGTH).iter().all(|length| is_length(length.as_bytes())) {
        return Err(Refusal::BadRequest("the Content-Length is no number (RFC 9110, section 8.6)"));
    }
    if request.version == Version::HTTP_11 && !request.headers.contains_key(HOST) {
        return Err(Refusal::BadRequest("an HTTP/1.1 request needs a Host header (RFC 9112, section 3.2)"));
    }
    if request.headers.get_all(HOST).iter().count() > 1 {
        return Err(Refusal::BadRequest("more than one Host header (RFC 9112, section 3.2)"));
    }
    if request.headers.get(HOST).is_some_and(|host| !is_host(host.as_bytes())) {
        return Err(Refusal::BadRequest("the Host header is not a host (RFC 9112, section 3.2)"));
    }
    if hearsay::is_unsaid(request) {
        return Err(Refusal::BadRequest("Connection names a header that tells who asks (RFC 9110, section 7.6.1)"));
    }
    if !has_known_form(request) {
        return Err(Refusal::BadRequest("the target is no path (RFC 9112, section 3.2)"));
    }
    known_coding(request)
}

/// `post` is a method of its own, but frameworks take it for POST; rules and copies would not.
fn is_misspelt(method: &Method) -> bool {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    let name = method.as_str();
    known.iter().any(|known| known != method && known.as_str().eq_ignore_ascii_case(name))
}

/// One number, or a list of them.
fn is_length(value: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .all(|length| !length.is_empty() && length.iter().all(u8::is_ascii_digit))
}

/// A name or an address, and perhaps a port: RFC 3986, section 3.2.2. Not a list, although a comma would be legal: servers
/// that take it for one choose either end.
pub fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !host.ends_with(b"]") => (&host[..colon], &host[colon + 1..]),
        _ => (host, &[][..]),
    };
    let sound = match name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")) {
        Some(address) => {
            !address.is_empty() && address.iter().all(|byte| byte.is_ascii_hexdigit() || b":.%".contains(byte))
        }
        None => name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(byte)),
    };
    sound && port.iter().all(u8::is_ascii_digit)
}

/// A path, or the `*` of OPTIONS. The absolute form has become a path by now, unless something is wrong with it.
fn has_known_form(request: &RequestHeader) -> bool {
    match request.raw_path() {
        [b'/', ..] => true,
        target => target == b"*" && request.method == Method::OPTIONS,
    }
}

/// `gzip, chunked` would lose its gzip on the way, and `chunked` said twice or in a list is an attempt at something.
fn known_coding(request: &RequestHeader) -> Result<(), Refusal> {
    let mut codings = request.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::UnknownCoding),
    }
}

/// Whether a request with an Upgrade header asks for a WebSocket, in the one way in which all servers understand it. Others
/// go on without the header: nobody has to follow it (RFC 9110, section 7.8), and a tunnel that only one side sees is a way in.
pub fn is_websocket(request: &RequestHeader) -> bool {
    let mut upgrades = request.headers.get_all(UPGRADE).iter();
    let one =
        upgrades.next().is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket")) && upgrades.next().is_none();
    let mut named =
        request.headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    one && request.method == Method::GET
        && request.version == Version::HTTP_11
        && named.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

/// Whether one of several Connection headers asks for the end: pingora reads the first alone.
pub fn closes(request: &RequestHeader) -> bool {
    let lines = || request.headers.get_all(CONNECTION).iter();
    let is_close = |option: &[u8]| option.trim_ascii().eq_ignore_ascii_case(b"close");
    lines().nth(1).is_some() && lines().any(|line| line.as_bytes().split(|byte| *byte == b',').any(is_close))
}

/// Equal Content-Lengths, repeated or listed, become one: RFC 9110 section 8.6 allows that, and a backend that counts
/// them differently could be made to see a second request. For the same reason it has no zeros in front: `010` is eight to some.
///
/// # Errors
/// They differ. Pingora has refused those already; this holds should it ever change.
pub fn collapse_content_length(request: &mut RequestHeader) -> Result<(), Refusal> {
    let bad = Refusal::BadRequest("Content-Lengths differ (RFC 9112, section 6.3)");
    let mut lengths =
        request.headers.get_all(CONTENT_LENGTH).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let Some(first) = lengths.next() else { return Ok(()) };
    let (length, mut is_plain) = (without_zeros(first), true);
    for other in lengths {
        is_plain = false;
        if without_zeros(other) != length {
            return Err(bad);
        }
    }
    if is_plain && length.len() == first.len() {
        return Ok(());
    }
    let length = length.to_vec();
    request.insert_header(CONTENT_LENGTH, length).map_err(|_| bad)
}

/// `5` of ` 005`, and `0` of `00`.
fn without_zeros(length: &[u8]) -> &[u8] {
    let length = length.trim_ascii();
    let zeros = length.iter().take_while(|byte| **byte == b'0').count();
    &length[zeros.min(length.len().saturating_sub(1))..]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> RequestHeader {
        let mut request = RequestHeader::build("POST", b"/", None).unwrap();
        for (name, value) in headers {
            request.append_header(*name, *value).unwrap();
        }
        request
    }

    #[test]
    fn equal_lengths_become_one_and_different_ones_are_refused() {
        let mut equal = request(&[("content-length", "3"), ("content-length", "3, 3")]);
        assert!(collapse_content_length(&mut equal).is_ok());
        let left: Vec<_> = equal.headers.get_all(CONTENT_LENGTH).iter().collect();
        assert_eq!(left, ["3"]);
        assert!(collapse_content_length(&mut request(&[("content-length", "3, 4")])).is_err());
        for (said, sent) in [("010", "10"), ("0", "0"), ("00", "0"), ("7", "7"), ("", "")] {
            let mut one = request(&[("content-length", said)]);
            assert!(collapse_content_length(&mut one).is_ok());
            assert_eq!(one.headers[CONTENT_LENGTH], sent);
        }
    }

    const LIMITS: HeadLimits = HeadLimits { bytes: 100, headers: 3, uri: 50 };

    fn refused(headers: &[(&'static str, &'static str)]) -> Option<u16> {
        inspect(&request(headers), 10, LIMITS).err().map(|refusal| refusal.status().as_u16())
    }

    #[test]
    fn a_length_is_a_number() {
        for length in ["0", "12", "3, 3", " 3 ,3"] {
            assert_eq!(refused(&[("host", "a"), ("content-length", length)]), None, "{length:?}");
        }
        for length in ["", " ", "3,", "+3", "-3", "3 3", "0x3", "3.0", "three"] {
            assert_eq!(refused(&[("host", "a"), ("content-length", length)]), Some(400), "{length:?}");
        }
    }

    #[test]
    fn a_method_in_other_letters_is_taken_for_the_one_that_it_resembles() {
        let misspelt = |name: &str| is_misspelt(&name.parse().unwrap());
        assert!(misspelt("post") && misspelt("Get") && misspelt("oPTIONS"));
        assert!(!misspelt("POST") && !misspelt("PROPFIND") && !misspelt("propfind") && !misspelt("posts"));
    }

    #[test]
    fn a_host_is_a_host() {
        for host in ["a", "a.example:8080", "my_site", "[::1]", "[2001:db8::1]:80", "127.0.0.1", "a.example:", ""] {
            assert_eq!(refused(&[("host", host)]), None, "{host}");
        }
        for host in [
            "a b", "a/b", "a\\b", "a, b", "a,b", "a:b", "a:80:90", "a#b", "a?b", "<a>", "\"a\"", "[a", "[]", "a\tb",
            "[::1]x",
        ] {
            assert_eq!(refused(&[("host", host)]), Some(400), "{host}");
        }
    }

    #[test]
    fn the_only_transfer_coding_is_chunked() {
        assert_eq!(refused(&[("host", "a"), ("transfer-encoding", "Chunked")]), None);
        for coding in ["gzip, chunked", "chunked, chunked", ",chunked", "identity", "xchunked"] {
            assert_eq!(refused(&[("host", "a"), ("transfer-encoding", coding)]), Some(501), "{coding}");
        }
        let twice = [("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        assert_eq!(refused(&twice), Some(501));
    }

    #[test]
    fn a_target_is_a_path() {
        let form = |method: &str, target: &str| {
            has_known_form(&RequestHeader::build(method, target.as_bytes(), None).unwrap())
        };
        assert!(form("GET", "/a") && form("OPTIONS", "*"));
        for target in ["http://a/b", "*", "a", "a:80", "ftp://a/b", "?q", "@a/b"] {
            assert!(!form("GET", target), "{target}");
        }
    }

    #[test]
    fn a_websocket_is_asked_for_in_one_way() {
        let asks = |method: &str, headers: &[(&'static str, &'static str)]| {
            let mut request = request(headers);
            request.set_method(method.parse().unwrap());
            is_websocket(&request)
        };
        assert!(asks("GET", &[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")]));
        assert!(!asks("POST", &[("connection", "upgrade"), ("upgrade", "websocket")]));
        assert!(!asks("GET", &[("upgrade", "websocket")]));
        assert!(!asks("GET", &[("connection", "upgrade"), ("upgrade", "h2c")]));
        assert!(!asks("GET", &[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")]));
    }

    #[test]
    fn a_request_without_host_or_with_two_is_refused() {
        assert!(inspect(&request(&[]), 10, LIMITS).is_err());
        assert!(inspect(&request(&[("host", "a"), ("host", "a")]), 10, LIMITS).is_err());
        assert!(inspect(&request(&[("host", "a")]), 10, LIMITS).is_ok());
    }

    #[test]
    fn a_head_has_three_bounds() {
        let few = request(&[("host", "a"), ("a", "b"), ("a", "c")]);
        assert!(inspect(&few, 100, LIMITS).is_ok());
        assert!(matches!(inspect(&few, 101, LIMITS), Err(Refusal::HeadTooLarge)));
        let many = request(&[("host", "a"), ("a", "b"), ("a", "c"), ("a", "d")]);
        assert!(matches!(inspect(&many, 10, LIMITS), Err(Refusal::TooManyHeaders)));
        let mut long = few;
        long.set_raw_path(format!("/{}", "x".repeat(50)).as_bytes()).unwrap();
        assert!(matches!(inspect(&long, 10, LIMITS), Err(Refusal::UriTooLong)));
    }
}
