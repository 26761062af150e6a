//! Whether the head of an answer says in one way only where its body ends. For users' answers and for copies.

use http::Version;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use pingora::http::ResponseHeader;

/// Nobody asked for another coding than chunks, so another one is no answer: what is behind it could be cut anywhere. The old
/// `identity` says nothing; but pingora forgets a Content-Length beside it, so it is taken only where the connection's end is
/// the body's, and nobody waits for an end that does not come.
pub fn is_sound(answer: &ResponseHeader) -> bool {
    let mut codings = answer.headers.get_all(TRANSFER_ENCODING).iter().map(|coding| coding.as_bytes().trim_ascii());
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => true,
        (Some(coding), None) => coding.eq_ignore_ascii_case(b"identity") && is_the_last(answer),
        (Some(_), Some(_)) => false,
    }
}

/// Whether the backend closes the connection behind this answer, as it says.
fn is_the_last(answer: &ResponseHeader) -> bool {
    let mut words = answer.headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let mut says = |word: &[u8]| words.any(|said| said.trim_ascii().eq_ignore_ascii_case(word));
    if answer.version == Version::HTTP_10 { !says(b"keep-alive") } else { says(b"close") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_answers_body_ends_in_one_way() {
        let with = |codings: &[&'static str]| {
            let mut answer = ResponseHeader::build(200, None).unwrap();
            for coding in codings {
                answer.append_header("transfer-encoding", *coding).unwrap();
            }
            is_sound(&answer)
        };
        assert!(with(&[]) && with(&["Chunked"]));
        assert!(
            !with(&["chunked", "chunked"]) && !with(&["gzip, chunked"]) && !with(&["xchunked"]) && !with(&["gzip"])
        );
    }

    #[test]
    fn identity_needs_an_end_of_the_connection() {
        let with = |version: Version, connection: &'static str| {
            let mut answer = ResponseHeader::build(200, None).unwrap();
            answer.set_version(version);
            answer.append_header("transfer-encoding", "Identity").unwrap();
            answer.append_header("connection", connection).unwrap();
            is_sound(&answer)
        };
        assert!(with(Version::HTTP_11, "x, Close") && with(Version::HTTP_10, ""));
        assert!(!with(Version::HTTP_11, "") && !with(Version::HTTP_10, "keep-alive"));
    }
}
