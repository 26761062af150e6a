//! Tags that one page writes and the other leaves to the browser: the body of a table, and end tags (HTML Standard, 13.1.2.4). Only
//! where both pages are regular is an element surely where its tag stands.

use super::super::elements::Name;
use super::super::flow::Role;
use super::super::lexer::{Content, Kind, Token};
use super::Prover;
use crate::diff::rules::Rule;

/// Which page writes a tag that the other leaves to the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Old,
    New,
}

impl<'a> Prover<'a, '_> {
    /// Goes past tags that only one page writes, to where both go on alike. `None`: they do not.
    pub(super) fn pass_omitted(&mut self, old: &mut Token, new: &mut Token) -> Option<()> {
        while !self.are_alike(old, new) {
            let writer = self.writer(old, new)?;
            let (side, written) = match writer {
                Writer::Old => (&mut self.old, &mut *old),
                Writer::New => (&mut self.new, &mut *new),
            };
            let next = side.advance(Content::Html).filter(|_| side.is_blank())?;
            let written = std::mem::replace(written, next);
            self.pass(writer, &written, (old, new));
            self.hide(Rule::HtmlSyntax);
        }
        Some(())
    }

    /// Are these tags of one element, or no tags?
    fn are_alike(&self, old: &Token, new: &Token) -> bool {
        if old.kind != new.kind || !matches!(old.kind, Kind::Start | Kind::End) {
            return old.kind == new.kind;
        }
        let (a, b) = (self.old.name(old), self.new.name(new));
        a == b || a.eq_ignore_ascii_case(b)
    }

    /// Which page's tag the other leaves out, if that is how the two differ.
    fn writer(&self, old: &Token, new: &Token) -> Option<Writer> {
        if self.foreign > 0 || self.exact > 0 {
            return None;
        }
        let (a, b) = (self.old.name(old), self.new.name(new));
        if self.may_be_omitted((old, self.old.source(old), a), (new, b)) {
            return Some(Writer::Old);
        }
        self.may_be_omitted((new, self.new.source(new), b), (old, a)).then_some(Writer::New)
    }

    fn may_be_omitted(&self, (written, source, name): (&Token, &str, &str), (next, next_name): (&Token, &str)) -> bool {
        let Some(begun) = &self.begun else { return false };
        match (written.kind, next.kind) {
            // Right in a table, rows stand in a `tbody` whether it is written or not; with attributes, it is another one.
            (Kind::Start, Kind::Start) => {
                begun.nest.top() == "table"
                    && !begun.nest.in_choices()
                    && source.eq_ignore_ascii_case("<tbody>")
                    && next_name.eq_ignore_ascii_case("tr")
            }
            (Kind::End, next) => begun.nest.ends_anyway(&Name::of(name), (next, &Name::of(next_name))),
            _ => false,
        }
    }

    /// Goes past a tag that only one page writes; what it ends, has ended on both sides.
    fn pass(&mut self, writer: Writer, written: &Token, next: (&Token, &Token)) {
        let name = match writer {
            Writer::Old => self.old.name(written),
            Writer::New => self.new.name(written),
        };
        let name = Name::of(name);
        if written.kind == Kind::Start {
            self.open.push(name.text);
        } else {
            self.close(name.text);
            self.leave(Role::Block);
        }
        let Some(begun) = &mut self.begun else { return };
        let behind = [next.0.span.start, next.1.span.start];
        begun.at = behind;
        if written.kind == Kind::Start {
            let mut places = behind.map(|at| (at, at));
            places[writer as usize] = (written.span.start, written.span.end);
            return begun.begin_body(places);
        }
        let mut places = [None, None];
        places[writer as usize] = Some(written.span);
        if begun.end(&name, places).is_none() {
            self.begun = None;
        }
    }
}
