//! Texts between tags, and raw ones: what shows of them.

use std::borrow::Cow;

use super::super::charref::{self, Place};
use super::super::dom::Dialect;
use super::super::flow;
use super::super::lexer::{Content, Kind, Raw, Token};
use super::super::view::is_blank;
use super::super::{moment, spelling, volatile};
use super::Prover;
use super::side::Side;
use crate::diff::rules::Rule;

impl<'a> Prover<'a, '_> {
    pub(super) fn texts(&mut self) -> Option<()> {
        if self.old.pieces.is_empty() && self.new.pieces.is_empty() {
            return Some(());
        }
        let alike = self.old.pieces == self.new.pieces;
        if alike && (self.exact > 0 || self.foreign > 0) {
            return Some(());
        }
        if self.foreign > 0 {
            return None;
        }
        if alike && self.old.flow == self.new.flow {
            // The same text in the same place: only how the line goes on is of interest.
            for (_, piece) in &self.old.pieces {
                self.old.flow.pass_written(piece);
            }
            self.new.flow = self.old.flow;
            return Some(());
        }
        if self.begun.is_none() && !self.same_blanks() {
            return None;
        }
        if self.exact == 0 && self.old.is_blank() && self.new.is_blank() {
            for side in [&mut self.old, &mut self.new] {
                if !side.pieces.is_empty() {
                    side.flow.blank();
                }
            }
            self.hide(Rule::HtmlWhitespace);
            return Some(());
        }
        if self.exact > 0 {
            self.old.show_exactly();
            self.new.show_exactly();
        } else if let Some(text) = self.same_text() {
            self.old.flow.pass(&text);
            self.new.flow = self.old.flow;
            self.hide_spelling_of_texts();
            return Some(());
        } else {
            self.old.show();
            self.new.show();
            if self.old.solid != self.new.solid {
                return self.doubt();
            }
        }
        self.shown()
    }

    /// The text of both, if it is one from the same place of a line.
    fn same_text(&self) -> Option<Cow<'a, str>> {
        let ([(_, old)], [(_, new)]) = (&*self.old.pieces, &*self.new.pieces) else { return None };
        let text = charref::decode(old, Place::Text);
        (self.old.flow == self.new.flow && text == charref::decode(new, Place::Text)).then_some(text)
    }

    /// Have both the same blanks, or blanks alone?
    pub(super) fn same_blanks(&self) -> bool {
        let has_some = |side: &Side<'_>| !side.pieces.is_empty() && side.is_blank();
        self.same_text().is_some() || self.old.flow == self.new.flow && has_some(&self.old) && has_some(&self.new)
    }

    fn hide_spelling_of_texts(&mut self) {
        let first = |side: &Side<'a>| side.pieces.first().map_or("", |piece| piece.1);
        let (old, new) = (first(&self.old), first(&self.new));
        self.hide(spelling::of_texts(Dialect::Html, (old, new)));
    }

    /// Compares what shows.
    fn shown(&mut self) -> Option<()> {
        let (old, new) = (self.old.shown.as_str(), self.new.shown.as_str());
        if old != new {
            let volatile =
                moment::same_but_clock(self.open.last().copied().unwrap_or_default(), old, new, self.around.now)
                    || volatile::same_but_duration(old, new)
                    || volatile::same_but_request_id(old, new);
            if !volatile {
                return self.doubt();
            }
            self.hide(Rule::HtmlVolatile);
            return Some(());
        }
        if self.old.pieces != self.new.pieces {
            self.hide_spelling_of_texts();
        }
        Some(())
    }

    /// Raw text, up to its end tag.
    pub(super) fn raw(&mut self, name: &str, old: &Token, new: &Token) -> Option<()> {
        let raw = Raw::of(name);
        self.old.lexer.begin_raw(raw, old);
        self.new.lexer.begin_raw(raw, new);
        let ends = (self.old.advance(Content::Html), self.new.advance(Content::Html));
        let (Some(old_end), Some(new_end)) = ends else { return None };
        if old_end.kind != Kind::End || new_end.kind != Kind::End || !self.old.name(&old_end).eq_ignore_ascii_case(name)
        {
            return None;
        }
        if self.old.pieces != self.new.pieces {
            self.old.show_exactly();
            self.new.show_exactly();
            let trimmed = |text: &str| match name {
                "textarea" => text.strip_prefix('\n').unwrap_or(text).to_owned(),
                "title" => text.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "),
                _ => text.trim_matches(is_blank).to_owned(),
            };
            self.old.shown = trimmed(&self.old.shown);
            self.new.shown = trimmed(&self.new.shown);
            // What a moment is in raw text, the trees know.
            if self.old.shown == self.new.shown { self.shown()? } else { self.doubt()? }
        }
        self.open.pop();
        self.leave(flow::name_role(name));
        if !self.new.name(&new_end).eq_ignore_ascii_case(name) {
            return None;
        }
        if self.old.name(&old_end) != self.new.name(&new_end) {
            self.hide(Rule::HtmlSyntax);
        }
        self.raw_ends = Some([old_end.span, new_end.span]);
        Some(())
    }
}
