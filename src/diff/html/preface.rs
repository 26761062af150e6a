//! What one side printed before the doctype of its page: a warning, most often. A browser then ignores the doctype, and reads the page in
//! another way; it is told once, and the page is compared without it.

use super::PAGE;
use super::lexer::{Content, Kind as Token, Lexer};
use crate::diff::comparison::Kind;
use crate::diff::sink::{Finding, Sink};

/// Two pages from their doctypes on, if only one of them does not begin with it.
pub(super) fn without<'a>(old: &'a str, new: &'a str, sink: &mut Sink<'_>) -> (&'a str, &'a str) {
    let (at, printed) = match (before_doctype(old), before_doctype(new)) {
        (Before::Something(at), Before::Nothing) => ((at, 0), (&old[..at], "")),
        (Before::Nothing, Before::Something(at)) => ((0, at), ("", &new[..at])),
        _ => return (old, new),
    };
    let finding = Finding::new(Kind::Text, PAGE).values(printed.0.trim(), printed.1.trim());
    sink.report(finding.cause("printed_before_doctype"));
    (&old[at.0..], &new[at.1..])
}

/// What stands before the doctype of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    NoDoctype,
    /// Nothing that a browser minds: blanks and comments.
    Nothing,
    /// Text or tags, up to this byte: a browser then ignores the doctype.
    Something(usize),
}

fn before_doctype(page: &str) -> Before {
    let preface = &page.as_bytes()[..page.len().min(PREFACE)];
    let is_doctype = |at: usize| preface.get(at..at + 3).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<!d"));
    if !memchr::memchr_iter(b'<', preface).any(is_doctype) {
        return Before::NoDoctype;
    }
    let mut lexer = Lexer::from(page, 0);
    let mut shows = false;
    while let Some(token) = lexer.next(Content::Html).filter(|token| (token.span.start as usize) < PREFACE) {
        match token.kind {
            Token::Doctype if shows => return Before::Something(token.span.start as usize),
            Token::Doctype => return Before::Nothing,
            Token::Comment => {}
            Token::Text => shows |= !token.span.of(page).trim().is_empty(),
            _ => shows = true,
        }
    }
    Before::NoDoctype
}

/// A doctype that stands further in the page is no longer looked for. Bytes.
const PREFACE: usize = 4 << 10;
