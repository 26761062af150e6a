//! A regular page read to its end: its parts in order, and how its tags [`nest`](super::nest).
//!
//! [`skeleton`](super::skeleton) looks for blocks in it, [`grow`](super::grow) builds its tree.

use super::elements::{Name, Traits};
use super::lexer::{Kind, Lexer, Raw, Token};
use super::nest::{Nest, Phase, Shape};

/// Who is told of a page, part by part. `None`: nothing more is wanted, the page counts as not regular.
pub(super) trait Reader<'a>: Shape<'a, Tag: From<Token>> {
    fn doctype(&mut self, token: &Token) -> Option<()>;
    fn comment(&mut self, token: &Token, phase: Phase) -> Option<()>;
    /// Text, blank or not, in the element that was opened last and is not closed, or where the phase says.
    fn text(&mut self, token: &Token, phase: Phase) -> Option<()>;
}

/// Reads a page to its end; `None`: it is not regular.
pub(super) fn read<'a>(page: &'a str, reader: &mut impl Reader<'a>) -> Option<()> {
    if has_nul(page) {
        return None;
    }
    read_on(page, 0, Nest::new(), reader)
}

/// Reads the rest of a page that has no [NUL](has_nul).
pub(super) fn read_on<'a>(page: &'a str, at: u32, mut nest: Nest<'a>, reader: &mut impl Reader<'a>) -> Option<()> {
    let mut lexer = Lexer::from(page, at);
    while let Some(token) = lexer.next(nest.content()) {
        let inner = token.inner.of(page);
        match token.kind {
            Kind::Text | Kind::Rcdata | Kind::RawText => {
                nest.text(inner)?;
                reader.text(&token, nest.phase)?;
            }
            Kind::Comment => reader.comment(&token, nest.phase)?,
            Kind::Doctype => {
                nest.doctype()?;
                reader.doctype(&token)?;
            }
            Kind::Start => {
                let name = Name::of(inner);
                match nest.start(&name, token.self_closing, &token.into(), reader)? {
                    Some(close) => lexer.skip_to(close),
                    None if name.is(Traits::RAW) => lexer.begin_raw(Raw::of(name.text), &token),
                    None => {}
                }
            }
            Kind::End => nest.end(&Name::of(inner), &token.into(), reader)?,
        }
    }
    nest.finish(reader)
}

/// What a NUL becomes depends on where it stands.
pub(super) fn has_nul(page: &str) -> bool {
    memchr::memchr(0, page.as_bytes()).is_some()
}
