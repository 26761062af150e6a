//! Text in which tags are none, and where it ends.

use memchr::{memchr_iter, memchr2};

use super::ends_name;

/// The ways in which text can be raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw {
    /// `title`, `textarea`: references count, tags do not.
    Rcdata,
    /// `style`, `xmp`, `iframe`…: nothing counts.
    Rawtext,
    /// `script`, with its comment states.
    Script,
    /// Everything to the end of the page.
    Plaintext,
}

impl Raw {
    /// How it is in an element in which text [is raw](super::super::elements::Traits::RAW).
    pub fn of(element: &str) -> Self {
        match element {
            "title" | "textarea" => Self::Rcdata,
            "script" => Self::Script,
            _ => Self::Rawtext,
        }
    }
}

/// Where raw text ends that is in an element of this name.
pub fn raw_text_end(raw: Raw, rest: &[u8], name: &[u8]) -> usize {
    match raw {
        Raw::Plaintext => rest.len(),
        Raw::Rcdata | Raw::Rawtext => end_tag(rest, 0, name).unwrap_or(rest.len()),
        Raw::Script => script_end(rest),
    }
}

/// Where `</name` stands, followed by what ends a name.
fn end_tag(rest: &[u8], from: usize, name: &[u8]) -> Option<usize> {
    memchr_iter(b'<', &rest[from..]).map(|at| from + at).find(|at| is_tag(&rest[at + 1..], b"/", name))
}

fn is_tag(rest: &[u8], slash: &[u8], name: &[u8]) -> bool {
    let Some(rest) = rest.strip_prefix(slash) else { return false };
    rest.len() > name.len() && rest[..name.len()].eq_ignore_ascii_case(name) && ends_name(rest[name.len()])
}

/// Script text knows comments, and inside them scripts: `<!-- <script> </script> -->` does not end it.
fn script_end(rest: &[u8]) -> usize {
    #[derive(PartialEq, Clone, Copy)]
    enum State {
        Plain,
        Escaped,
        Nested,
    }
    let mut state = State::Plain;
    let mut at = 0;
    while let Some(&c) = rest.get(at) {
        let here = &rest[at..];
        match (state, c) {
            (State::Plain, b'<') if here.starts_with(b"<!--") => {
                state = State::Escaped;
                at += 2;
                continue;
            }
            (State::Plain | State::Escaped, b'<') if is_tag(&here[1..], b"/", b"script") => return at,
            (State::Escaped, b'<') if is_tag(&here[1..], b"", b"script") => state = State::Nested,
            (State::Nested, b'<') if is_tag(&here[1..], b"/", b"script") => state = State::Escaped,
            (State::Escaped | State::Nested, b'-') if here.starts_with(b"-->") => state = State::Plain,
            _ => {}
        }
        at += 1;
        at += memchr2(b'<', b'-', &rest[at..]).unwrap_or(rest.len() - at);
    }
    rest.len()
}
