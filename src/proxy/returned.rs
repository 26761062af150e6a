//! What the door changes in an answer on its way to the user: what concerns the connection to the backend alone.

use http::header::{CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue, StatusCode, Version};
use pingora::http::ResponseHeader;

/// Interim answers to one request (103 and the like) that are passed on; a backend that gives more gives no final one.
pub const MOST_INTERIM: u16 = 64;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What a backend cannot take back by naming it in Connection: the answer would become another one.
const PROTECTED: [&str; 10] = [
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "set-cookie",
    "location",
    "cache-control",
    "date",
    "etag",
    "vary",
];

/// `identity` was a coding once, and says nothing: without it the body is framed anew.
pub fn without_identity(answer: &mut ResponseHeader) {
    if answer.headers.get(TRANSFER_ENCODING).is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        answer.remove_header(&TRANSFER_ENCODING);
    }
}

/// Takes from an interim answer what only a final one has, or what concerns the backend's connection alone: a proxy in front of
/// the door could wait for a body (RFC 9110, section 8.6; RFC 9112, section 6.1).
pub fn make_interim(answer: &mut ResponseHeader) {
    without_framing(answer);
    without_hops(answer);
    for name in [CONNECTION, UPGRADE, TRAILER] {
        answer.remove_header(&name);
    }
}

/// An answer without a body has nothing that frames one.
fn without_framing(answer: &mut ResponseHeader) {
    answer.remove_header(&CONTENT_LENGTH);
    answer.remove_header(&TRANSFER_ENCODING);
}

fn without_hops(answer: &mut ResponseHeader) {
    for name in named_in_connection(answer) {
        answer.remove_header(&name);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TE] {
        answer.remove_header(&name);
    }
}

/// Makes the agreement to another protocol one of this connection: it has no body, and says which protocol.
pub fn make_switch(answer: &mut ResponseHeader) -> pingora::Result<()> {
    without_framing(answer);
    without_hops(answer);
    answer.insert_header(CONNECTION, "Upgrade")
}

/// Makes a final answer one of this connection.
///
/// # Errors
/// None in practice: every value was legal when it came.
pub fn make_ours(answer: &mut ResponseHeader) -> pingora::Result<()> {
    // An intermediary speaks its own version (RFC 9110, section 6.2): keep-alive and chunks are no HTTP/1.0.
    if answer.version != Version::HTTP_2 {
        answer.set_version(Version::HTTP_11);
    }
    without_hops(answer);
    // What a request would have to ask for (RFC 9110, section 15.5.22); elsewhere it is an offer to the door.
    if answer.status != StatusCode::UPGRADE_REQUIRED {
        answer.remove_header(&UPGRADE);
    }
    if answer.status == StatusCode::NO_CONTENT {
        // RFC 9110, section 8.6: there is nothing whose length could be told.
        without_framing(answer);
    }
    with_one_length(answer)
}

fn named_in_connection(answer: &ResponseHeader) -> Vec<HeaderName> {
    answer
        .headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        // What nearly all of them say names no header, or one that goes anyway.
        .filter(|name| ![&b"keep-alive"[..], b"close", b"upgrade"].iter().any(|said| name.eq_ignore_ascii_case(said)))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| !PROTECTED.contains(&name.as_str()))
        .collect()
}

/// Pingora has refused lengths that differ; equal ones, repeated or listed, become one.
fn with_one_length(answer: &mut ResponseHeader) -> pingora::Result<()> {
    let first = |value: &HeaderValue| {
        let first = value.as_bytes().split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii().to_vec();
        HeaderValue::from_bytes(&first).ok()
    };
    let mut lengths = answer.headers.get_all(CONTENT_LENGTH).iter();
    let (Some(length), more) = (lengths.next(), lengths.next()) else { return Ok(()) };
    if more.is_none() && !length.as_bytes().contains(&b',') {
        return Ok(());
    }
    match first(length) {
        Some(length) => answer.insert_header(CONTENT_LENGTH, length),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ours(status: u16, headers: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let mut answer = ResponseHeader::build(status, None).unwrap();
        answer.set_version(Version::HTTP_10);
        for (name, value) in headers {
            answer.append_header(*name, *value).unwrap();
        }
        without_identity(&mut answer);
        make_ours(&mut answer).unwrap();
        assert_eq!(answer.version, Version::HTTP_11);
        let text = |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().unwrap().to_owned());
        let left = answer.headers.iter().map(text).filter(|(name, _)| name != "connection");
        left.collect()
    }

    #[test]
    fn what_concerns_the_backends_connection_ends_with_it() {
        let hop = [
            ("connection", "keep-alive, X-Hop"),
            ("keep-alive", "timeout=5"),
            ("x-hop", "1"),
            ("upgrade", "h2c"),
            ("x-kept", "1"),
        ];
        assert_eq!(ours(200, &hop), [("x-kept".to_owned(), "1".to_owned())]);
        assert_eq!(ours(426, &[("connection", "close, Upgrade"), ("upgrade", "websocket")]).len(), 1);
        let mut switch = ResponseHeader::build(101, None).unwrap();
        for (name, value) in [("connection", "X-Hop, upgrade"), ("upgrade", "websocket"), ("x-hop", "1")] {
            switch.append_header(name, value).unwrap();
        }
        make_switch(&mut switch).unwrap();
        let left = switch.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        assert_eq!(left.collect::<Vec<_>>(), [("connection", "Upgrade"), ("upgrade", "websocket")]);
        let protected = [("connection", "set-cookie, content-length"), ("set-cookie", "a=b"), ("content-length", "2")];
        assert_eq!(ours(200, &protected).len(), 2);
    }

    #[test]
    fn an_interim_answer_has_only_what_is_for_the_user() {
        let mut hints = ResponseHeader::build(103, None).unwrap();
        for (name, value) in [
            ("link", "</a.css>"),
            ("content-length", "9"),
            ("transfer-encoding", "chunked"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("upgrade", "x"),
            ("trailer", "y"),
        ] {
            hints.append_header(name, value).unwrap();
        }
        make_interim(&mut hints);
        let left: Vec<_> = hints.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["link"]);
    }

    #[test]
    fn an_answer_has_one_length_or_none() {
        let one = [("content-length".to_owned(), "2".to_owned())];
        assert_eq!(ours(200, &[("content-length", "2"), ("content-length", "2, 2")]), one);
        assert_eq!(ours(200, &[("content-length", "2,2")]), one);
        assert!(ours(204, &[("content-length", "2")]).is_empty());
        assert!(ours(200, &[("transfer-encoding", "Identity")]).is_empty());
    }
}
