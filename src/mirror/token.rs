//! How copies are known, so that no loop of doors copies copies for ever.
//!
//! A copy says that it is one in [`MIRROR_HEADER`]. Anybody can say that, so who is not trusted is not believed. But a copy also
//! carries in [`LOOP_HEADER`] a token of each door that made it, which nobody else knows: a door that meets its own makes no
//! further copy, whoever sends it. So a loop ends after one round, also through doors that do not trust each other.

use std::hash::{BuildHasher, RandomState};

use http::{HeaderMap, HeaderName};
use pingora::http::RequestHeader;

/// The header by which a backend, or another door, tells a copy from a user's request.
pub const MIRROR_HEADER: HeaderName = HeaderName::from_static("x-matapalo-mirror");
/// Tokens of the doors that made the copy, in their order.
pub const LOOP_HEADER: HeaderName = HeaderName::from_static("x-matapalo-loop");

/// Of one run of one door.
#[derive(Debug)]
pub struct Token(String);

impl Token {
    /// From the system's randomness, by way of the keys of the standard library's hash maps.
    pub fn random() -> Self {
        let half = || RandomState::new().hash_one(0u8);
        Self(format!("{:016x}{:016x}", half(), half()))
    }

    /// Adds the token to those that are there.
    pub fn sign(&self, copy: &mut RequestHeader) {
        let mut tokens = Vec::new();
        for so_far in copy.headers.get_all(LOOP_HEADER) {
            tokens.extend_from_slice(so_far.as_bytes());
            tokens.extend_from_slice(b", ");
        }
        tokens.extend_from_slice(self.0.as_bytes());
        // Made of what was legal when it came, and of hexadecimal digits.
        let _ = copy.insert_header(LOOP_HEADER, tokens);
    }

    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut tokens =
            headers.get_all(LOOP_HEADER).iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
        tokens.any(|token| token.trim_ascii() == self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_door_knows_its_own_copies_and_nobody_elses() {
        let (one, other) = (Token::random(), Token::random());
        let mut copy = RequestHeader::build("GET", b"/", None).unwrap();
        assert!(!one.is_in(&copy.headers));
        one.sign(&mut copy);
        assert!(one.is_in(&copy.headers) && !other.is_in(&copy.headers));
        other.sign(&mut copy);
        assert!(one.is_in(&copy.headers) && other.is_in(&copy.headers));
        assert_eq!(copy.headers.get_all(LOOP_HEADER).iter().count(), 1);
    }
}
