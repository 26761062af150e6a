//! What the door refuses before any rule is asked: requests that two servers could read in two ways.

use http::header::{CONTENT_LENGTH, HOST};
use http::{Method, Version};
use pingora::http::RequestHeader;

use super::answer::Refusal;

/// # Errors
/// The refusal to answer with.
pub fn inspect(request: &RequestHeader, head_bytes: usize, max_header_bytes: usize) -> Result<(), Refusal> {
    if head_bytes > max_header_bytes {
        return Err(Refusal::HeadTooLarge);
    }
    if request.method == Method::TRACE {
        return Err(Refusal::MethodNotAllowed);
    }
    if request.version == Version::HTTP_11 && !request.headers.contains_key(HOST) {
        return Err(Refusal::BadRequest("an HTTP/1.1 request needs a Host header (RFC 9112, section 3.2)"));
    }
    if request.headers.get_all(HOST).iter().count() > 1 {
        return Err(Refusal::BadRequest("more than one Host header (RFC 9112, section 3.2)"));
    }
    Ok(())
}

/// Equal Content-Lengths, repeated or listed, become one: RFC 9110 section 8.6 allows that, and a backend that counts
/// them differently could be made to see a second request.
///
/// # Errors
/// They differ. Pingora has refused those already; this holds should it ever change.
pub fn collapse_content_length(request: &mut RequestHeader) -> Result<(), Refusal> {
    let bad = Refusal::BadRequest("Content-Lengths differ (RFC 9112, section 6.3)");
    let lengths =
        || request.headers.get_all(CONTENT_LENGTH).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    if lengths().nth(1).is_none() {
        return Ok(());
    }
    let Some(first) = lengths().next().map(|length| length.trim_ascii().to_vec()) else { return Ok(()) };
    if lengths().any(|length| length.trim_ascii() != first) {
        return Err(bad);
    }
    request.insert_header(CONTENT_LENGTH, first).map_err(|_| bad)
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
    }

    #[test]
    fn a_request_without_host_or_with_two_is_refused() {
        assert!(inspect(&request(&[]), 10, 100).is_err());
        assert!(inspect(&request(&[("host", "a"), ("host", "a")]), 10, 100).is_err());
        assert!(inspect(&request(&[("host", "a")]), 10, 100).is_ok());
        assert!(matches!(inspect(&request(&[("host", "a")]), 101, 100), Err(Refusal::HeadTooLarge)));
    }
}
