//! Tags and their attributes, and what stands open after them.

use super::super::attribute::{self, Subject, Verdict};
use super::super::charref::{self, Place};
use super::super::dom::Dialect;
use super::super::elements::{Name, Traits, lower};
use super::super::flow::{self, Role};
use super::super::lexer::{Quote, RawAttribute, SelfClosing, Token};
use super::super::{limits, spelling, volatile};
use super::Prover;
use super::side::Side;
use crate::diff::rules::{Class, Rule};

impl<'a> Prover<'a, '_> {
    pub(super) fn starts(&mut self, old: &Token, new: &Token) -> Option<Name<'a>> {
        let name = Name::of(self.old.name(old));
        if name.is(Traits::ODD) || (name.text == "table" && self.begun.is_none()) {
            return None;
        }
        let sources = (self.old.source(old), self.new.source(new));
        if self.foreign > 0 {
            return self.foreign_start(name.text, sources, old).map(|()| name);
        }
        if sources.0 != sources.1 {
            self.tags(name.text, old, new)?;
        }
        let mut hidden_input = false;
        if name.text == "input" {
            hidden_input = self.old.is_hidden_input(old);
            if sources.0 != sources.1 && hidden_input != self.new.is_hidden_input(new) {
                return None;
            }
        }
        if self.styled && (sources.0.contains("white-space") || sources.1.contains("white-space")) {
            return None;
        }
        self.enter(&name, hidden_input, old, new).map(|()| name)
    }

    /// Two start tags of one element that are not written alike.
    fn tags(&mut self, element: &str, old: &Token, new: &Token) -> Option<()> {
        let (name, other) = (self.old.name(old), self.new.name(new));
        if name == other && self.old.but_its_end(old) == self.new.but_its_end(new) {
            self.hide(Rule::HtmlSyntax);
            return Some(());
        }
        let sources = (self.old.source(old), self.new.source(new));
        self.old.list(old);
        self.new.list(new);
        let lists = (std::mem::take(&mut self.old.listed), std::mem::take(&mut self.new.listed));
        let told = if lists.0.len().max(lists.1.len()) > MAX_QUICK {
            self.doubt()
        } else {
            for rule in spelling::of_attributes(Dialect::Html, sources, (name, other), (&lists.0, &lists.1)) {
                self.hide(rule);
            }
            self.attributes(element, &lists.0, &lists.1).or_else(|| self.doubt())
        };
        (self.old.listed, self.new.listed) = lists;
        told
    }

    fn attributes(&mut self, element: &str, olds: &[RawAttribute<'a>], news: &[RawAttribute<'a>]) -> Option<()> {
        let is_token = |list: &[RawAttribute<'a>]| {
            volatile::token_attribute(element, |name| {
                find(list, name).map(|found| charref::decode(found.value, Place::Attribute))
            })
        };
        let mut tokens = None;
        for attribute in olds {
            let Some(other) = find(news, attribute.name) else {
                drops_empty(attribute)?;
                self.hide(Rule::HtmlSyntax);
                continue;
            };
            // A name given twice: the first counts, and that is what was found.
            if attribute.value == other.value && attribute.quote != Quote::None && other.quote != Quote::None {
                continue;
            }
            let first = find(olds, attribute.name)?;
            let (old, new) =
                (charref::decode(first.value, Place::Attribute), charref::decode(other.value, Place::Attribute));
            let name = lower(attribute.name);
            let tokens = tokens.get_or_insert_with(|| (is_token(olds), is_token(news)));
            let token = tokens.0.filter(|held| held.0 == name && tokens.1 == Some(*held)).map(|held| held.1);
            match attribute::compare(&Subject { element, name: &name, token }, &old, &new, self.around) {
                Verdict::Same => {}
                Verdict::But(rule) if rule.class() == Class::Cosmetic => self.hide(rule),
                _ => return None,
            }
        }
        for attribute in news {
            if find(olds, attribute.name).is_none() {
                drops_empty(attribute)?;
                self.hide(Rule::HtmlSyntax);
            }
        }
        Some(())
    }

    fn foreign_start(&mut self, name: &str, sources: (&str, &str), token: &Token) -> Option<()> {
        // Inside these, HTML begins again; and raw text is none in foreign content.
        let hard =
            matches!(name, "foreignobject" | "desc" | "title" | "annotation-xml" | "mi" | "mo" | "mn" | "ms" | "mtext");
        let raw =
            matches!(name, "script" | "style" | "textarea" | "xmp" | "iframe" | "noembed" | "noframes" | "plaintext");
        if sources.0 != sources.1 || hard || raw {
            return None;
        }
        let opens = matches!(name, "svg" | "math") && token.self_closing == SelfClosing::No;
        self.foreign += u32::from(opens);
        Some(())
    }

    fn enter(&mut self, name: &Name<'a>, hidden_input: bool, old: &Token, new: &Token) -> Option<()> {
        let role = if hidden_input { Role::Hidden } else { name.role };
        if self.old.flow.enter(role) != self.new.flow.enter(role) {
            self.doubt()?;
        }
        if self.exact == 0 && flow::may_be_icon(name) && self.old.is_styled_icon(old) {
            self.icon = Some((self.old.flow, self.new.flow));
        }
        if !name.is(Traits::VOID) {
            if self.open.len() >= MAX_OPEN {
                self.open.drain(..MAX_OPEN / 2);
            }
            self.open.push(name.text);
        }
        if name.is(Traits::ORDINARY) {
            if has_content(name) && matches!(role, Role::Atomic | Role::Hidden) {
                self.suspend(name.text, role)?;
            }
            return Some(());
        }
        match name.text {
            "frameset" | "xmp" | "plaintext" | "listing" => return None,
            "svg" | "math" => {
                // `<svg/>` closes itself.
                if old.self_closing != new.self_closing {
                    return None;
                }
                if old.self_closing == SelfClosing::No {
                    self.suspend(name.text, role)?;
                    self.foreign = 1;
                }
            }
            "pre" => {
                self.exact += 1;
                self.after_pre(old, new)?;
            }
            raw => self.raw(raw, old, new)?,
        }
        Some(())
    }

    fn suspend(&mut self, name: &'a str, role: Role) -> Option<()> {
        if self.outer.len() > limits::MAX_DEPTH as usize {
            return None;
        }
        self.outer.push((name, self.old.flow, self.new.flow));
        if let (Some(old), Some(new)) = (self.old.flow.inside(role), self.new.flow.inside(role)) {
            (self.old.flow, self.new.flow) = (old, new);
        }
        Some(())
    }

    /// A browser drops a newline right behind `<pre>`; both sides must agree on it, or the trees decide.
    fn after_pre(&mut self, old: &Token, new: &Token) -> Option<()> {
        let newline = |side: &Side<'_>, token: &Token| {
            side.lexer.page()[token.span.end as usize..].starts_with(['\n', '\r', '&'])
        };
        (newline(&self.old, old) == newline(&self.new, new)).then_some(())
    }

    pub(super) fn ends(&mut self, old: &Token, new: &Token) -> Option<Name<'a>> {
        let (written, other) = (self.old.name(old), self.new.name(new));
        if written != other {
            self.hide(Rule::HtmlSyntax);
        }
        let name = Name::of(written);
        self.close(name.text);
        if let Some(before) = self.icon.take().filter(|_| self.old.says_nothing() && self.new.says_nothing()) {
            (self.old.flow, self.new.flow) = before;
            if self.old.flow.show() != self.new.flow.show() {
                self.doubt()?;
            }
        }
        if self.foreign > 0 {
            if matches!(name.text, "svg" | "math") {
                self.foreign -= 1;
                if self.foreign == 0 {
                    self.resume(name.text)?;
                }
            }
            return Some(name);
        }
        match name.role {
            Role::Exact if name.text != "pre" => return None,
            Role::Field => return None,
            Role::Exact => {
                self.exact = self.exact.checked_sub(1)?;
                self.leave(Role::Exact);
            }
            Role::Atomic | Role::Hidden if has_content(&name) => self.resume(name.text)?,
            Role::Block => self.leave(Role::Block),
            _ => {}
        }
        Some(name)
    }

    /// The innermost element of this name ends, and what stands in it.
    pub(super) fn close(&mut self, name: &str) {
        let within = self.open.iter().rev().take(MAX_LOOK_BACK).position(|open| *open == name);
        if let Some(at) = within {
            self.open.truncate(self.open.len() - 1 - at);
        }
    }

    pub(super) fn leave(&mut self, role: Role) {
        self.old.flow.leave(role);
        self.new.flow.leave(role);
    }

    /// The line goes on behind an element with lines of its own.
    fn resume(&mut self, name: &str) -> Option<()> {
        let (own, old, new) = self.outer.pop()?;
        (self.old.flow, self.new.flow) = (old, new);
        (own == name).then_some(())
    }
}

/// Open elements that are known by name.
const MAX_OPEN: usize = 1 << 10;
/// More attributes than this are left to the trees.
const MAX_QUICK: usize = 32;
/// How far an end tag looks for its element; only examples of places depend on it.
const MAX_LOOK_BACK: usize = 32;

fn find<'l, 'a>(list: &'l [RawAttribute<'a>], name: &str) -> Option<&'l RawAttribute<'a>> {
    list.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// An attribute that says nothing when empty may be left out.
fn drops_empty(attribute: &RawAttribute<'_>) -> Option<()> {
    (attribute.value.is_empty() && attribute::is_void_when_empty(&lower(attribute.name))).then_some(())
}

/// Has an element of its own line, or of none, content to wait for?
fn has_content(name: &Name<'_>) -> bool {
    !name.is(Traits::VOID) && name.text != "head"
}
