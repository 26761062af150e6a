//! Targets that the library would refuse although servers take them: it is shown others of the same length, and the hooks put
//! back what came ([`put_back`](super::super::forward::put_back)).
//!
//! There are bytes that no URI has, and that clients send all the same: `?q="a"`, `<`, raw Latin-1. And there is the absolute form,
//! `GET http://a/path`: with a Host that says something else the library refuses it, and RFC 9112, section 3.2.2, wants that Host
//! ignored. It looks like a path here; what it is, and whether its host is one, the hooks see.

/// What stands in the place of odd bytes while pingora reads.
const STAND_IN: u8 = b'_';

/// Where in a request line the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Word {
    #[default]
    Method,
    /// The first byte of the target comes next.
    Begins,
    Path,
    Rest,
}

impl Word {
    /// Masks what comes of request lines, in pieces of any size.
    pub fn mask(&mut self, piece: &mut [u8]) {
        for byte in piece {
            *self = match (*self, *byte) {
                (_, b'\n') => Self::Method,
                (Self::Method, b' ') => Self::Begins,
                (Self::Begins, first) if may_be_absolute(first) => {
                    *byte = b'/';
                    Self::Path
                }
                (Self::Begins, b'/') => Self::Path,
                (Self::Begins, _) | (Self::Path, b' ') => Self::Rest,
                (word, _) => word,
            };
            if *self == Self::Path && is_odd(*byte) {
                *byte = STAND_IN;
            }
        }
    }
}

/// Whether a target is one that is masked.
pub fn is_masked(target: &[u8]) -> bool {
    match target.first() {
        Some(b'/') => target.iter().any(|byte| is_odd(*byte)),
        first => first.is_some_and(|first| may_be_absolute(*first)),
    }
}

/// The scheme is `http` or `https`, or the target is none that anybody takes.
fn may_be_absolute(first: u8) -> bool {
    first.eq_ignore_ascii_case(&b'h')
}

fn is_odd(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`' | 0x80..)
}
