//! Tags that one page writes and the other leaves to the browser: the body of a table, and end tags (HTML Standard, 13.1.2.4). Only in
//! regular pages is an element surely where its tag stands.

use super::super::elements::{self, Traits};
use super::super::flow::Role;
use super::super::lexer::{Content, Kind, Token};
use super::super::skeleton;
use super::{Prover, Regular, Writer};
use crate::diff::rules::Rule;

impl<'a> Prover<'a, '_> {
    /// Goes past tags that only one page writes, to where both go on alike.
    pub(super) fn pass_omitted(&mut self, old: &mut Token, new: &mut Token) {
        if self.foreign > 0 || self.exact > 0 {
            return;
        }
        while let Some(writer) = self.writer(old, new).filter(|_| self.are_regular()) {
            let (side, token) = match writer {
                Writer::Old => (&mut self.old, &mut *old),
                Writer::New => (&mut self.new, &mut *new),
            };
            let Some(next) = side.advance(Content::Html).filter(|_| side.is_blank()) else {
                // The tokens stay unlike, and the pages part here.
                return;
            };
            *token = next;
            self.hide(Rule::HtmlSyntax);
        }
    }

    fn are_regular(&mut self) -> bool {
        if matches!(self.blocks, Regular::Unasked) {
            let blocks = skeleton::blocks(self.old.lexer.page(), 0).zip(skeleton::blocks(self.new.lexer.page(), 0));
            self.blocks = blocks.map_or(Regular::No, |(old, new)| Regular::Yes(old, new));
        }
        !matches!(self.blocks, Regular::No)
    }

    /// Which page's tag the other leaves out, if that is how the two differ. What it ends, has ended on both sides.
    fn writer(&mut self, old: &Token, new: &Token) -> Option<Writer> {
        let names = (self.old.name(old), self.new.name(new));
        if old.kind == new.kind && names.0.eq_ignore_ascii_case(names.1) {
            return None;
        }
        if self.begins_body(Writer::Old, (old, names.0), (new, names.1)) {
            return Some(Writer::Old);
        }
        if self.begins_body(Writer::New, (new, names.1), (old, names.0)) {
            return Some(Writer::New);
        }
        if self.ends_open((old, names.0), (new, names.1)) {
            return Some(Writer::Old);
        }
        self.ends_open((new, names.1), (old, names.0)).then_some(Writer::New)
    }

    /// Right in a table, rows stand in a `tbody` whether it is written or not; with attributes, it is another one.
    fn begins_body(&mut self, writer: Writer, written: (&Token, &'a str), next: (&Token, &'a str)) -> bool {
        let side = if writer == Writer::Old { &self.old } else { &self.new };
        let begins = self.begins_table
            && (written.0.kind, next.0.kind) == (Kind::Start, Kind::Start)
            && side.source(written.0).eq_ignore_ascii_case("<tbody>")
            && next.1.eq_ignore_ascii_case("tr")
            && !self.is_open("select");
        if begins {
            self.begins_table = false;
            self.open.push(written.1);
        }
        begins
    }

    /// Does an end tag end the innermost element, which would end before `next`, too?
    fn ends_open(&mut self, (end, name): (&Token, &str), (next, next_name): (&Token, &str)) -> bool {
        let is_innermost =
            end.kind == Kind::End && self.open.last().is_some_and(|open| open.eq_ignore_ascii_case(name));
        if !is_innermost || !self.may_be_omitted() {
            return false;
        }
        let (name, next_name) = (name.to_ascii_lowercase(), next_name.to_ascii_lowercase());
        let ends_too = match next.kind {
            Kind::Start => begins_behind(&name, &next_name),
            Kind::End => self.ends_around(&next_name),
            _ => false,
        };
        if ends_too {
            self.open.pop();
            self.leave(Role::Block);
        }
        ends_too
    }

    /// Is the innermost element one whose end tag may be left out, where it stands? Parts of a table are elements in one alone.
    fn may_be_omitted(&self) -> bool {
        let mut around = self.open.iter().rev().map(|name| name.to_ascii_lowercase());
        let (Some(name), parent) = (around.next(), around.next().unwrap_or_default()) else { return false };
        match name.as_str() {
            "li" | "dd" | "dt" | "p" | "option" | "optgroup" => true,
            "td" | "th" => parent == "tr" && !self.is_open("select"),
            "tr" => (parent == "table" || elements::is_section(&parent)) && !self.is_open("select"),
            "tbody" | "thead" | "tfoot" => parent == "table" && !self.is_open("select"),
            _ => false,
        }
    }

    /// Does this end tag end an element around the innermost one, and nothing in between but what may end so?
    fn ends_around(&self, name: &str) -> bool {
        let within = self.open.iter().rev().take_while(|open| !open.eq_ignore_ascii_case(name));
        let (mut count, mut all) = (0, true);
        for open in within {
            count += 1;
            let open = open.to_ascii_lowercase();
            all &= elements::ends_with_its_parent(&open) || matches!(open.as_str(), "option" | "optgroup");
        }
        let is_block = !Traits::of(name).has(Traits::VOID) && super::super::flow::name_role(name) != Role::Inline;
        all && is_block && count > 0 && count < self.open.len()
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|open| open.eq_ignore_ascii_case(name))
    }
}

/// Does an element end where the next one begins?
fn begins_behind(name: &str, next: &str) -> bool {
    let is_row = next == "tr" || elements::is_section(next);
    match name {
        "li" => next == "li",
        "dd" | "dt" => matches!(next, "dd" | "dt"),
        "option" => matches!(next, "option" | "optgroup"),
        "optgroup" => next == "optgroup",
        "p" => next == "hr" || (elements::closes_paragraph(next) && next != "form"),
        "td" | "th" => elements::is_cell(next) || is_row,
        "tr" => is_row,
        _ => elements::is_section(name) && elements::is_section(next),
    }
}
