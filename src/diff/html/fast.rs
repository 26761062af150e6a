//! Proof of equality without a tree: the tokens of both pages in step, compared by what they mean.
//!
//! Two pages of equal tokens are equal trees. So wherever the tags are the same and only spelling differs (quotes, entities,
//! blanks that do not show, comments, fresh tokens), no tree is built. Anything else is [`Proof::Unknown`], and the trees decide:
//! this may fail to prove, it must not prove wrongly. Its law: what it calls equal, the trees call equal.

mod trace;

pub(super) use trace::Trace;

use std::borrow::Cow;

use smallvec::SmallVec;

use super::attribute::{self, Subject, Surroundings, Verdict};
use super::charref::{self, Place};
use super::dom::Dialect;
use super::elements::{Known, Name, Traits, lower};
use super::flow::{self, Flow, Role};
use super::lexer::{Content, Kind, Lexer, Quote, Raw, RawAttribute, SelfClosing, Token};
use super::skeleton::Block;
use super::view::{is_blank, is_conditional};
use super::{limits, moment, spelling, volatile};
use crate::diff::rules::{Class, Rule};

#[derive(Debug)]
pub(super) enum Proof {
    /// Equal but for what these rules hide: how often, and an example of where.
    Equal(Vec<Hiding>),
    Unknown(Trace),
}

#[derive(Debug)]
pub(super) struct Hiding {
    pub rule: Rule,
    pub count: u32,
    pub example: String,
}

pub(super) fn prove(old: &str, new: &str, around: &Surroundings) -> Proof {
    Prover::new(Lexer::from(old, 0), Lexer::from(new, 0), around).prove()
}

/// The same of two blocks that stand somewhere in two pages.
pub(super) fn prove_blocks(old: (&str, &Block), new: (&str, &Block), around: &Surroundings) -> Proof {
    let (a, b) = (old.0.get(..old.1.end as usize), new.0.get(..new.1.end as usize));
    let (a, b) = (Lexer::from(a.unwrap_or_default(), old.1.start), Lexer::from(b.unwrap_or_default(), new.1.start));
    let mut prover = Prover::new(a, b, around);
    prover.trace.base = (old.1.first, new.1.first);
    prover.prove()
}

/// One page, read up to its next tag.
struct Side<'a> {
    lexer: Lexer<'a>,
    flow: Flow,
    /// The text before the tag: one piece, unless comments stand in it.
    pieces: Vec<(Kind, &'a str)>,
    /// The same as it shows.
    shown: String,
    /// The same by its no-break spaces.
    solid: String,
    comments: u64,
}

impl<'a> Side<'a> {
    fn new(lexer: Lexer<'a>) -> Self {
        Self { lexer, flow: Flow::new(), pieces: Vec::new(), shown: String::new(), solid: String::new(), comments: 0 }
    }

    /// Gathers text up to the next tag or doctype. `Err`: a comment that counts.
    fn advance(&mut self, content: Content) -> Result<Option<Token>, Unclear> {
        self.pieces.clear();
        while let Some(token) = self.lexer.next(content) {
            let inner = token.inner.of(self.lexer.page());
            match token.kind {
                Kind::Text | Kind::Rcdata | Kind::RawText => self.pieces.push((token.kind, inner)),
                Kind::Comment if is_conditional(inner) => return Err(Unclear),
                Kind::Comment => {
                    self.comments = super::view::mix(self.comments, xxhash_rust::xxh3::xxh3_64(inner.as_bytes()))
                }
                Kind::Start | Kind::End | Kind::Doctype => return Ok(Some(token)),
            }
        }
        Ok(None)
    }

    fn source(&self, token: &Token) -> &'a str {
        token.span.of(self.lexer.page())
    }

    fn attributes(&self, token: &Token) -> SmallVec<[RawAttribute<'a>; 8]> {
        self.lexer.attributes(token).collect()
    }

    fn name(&self, token: &Token) -> &'a str {
        token.inner.of(self.lexer.page())
    }

    /// The tag without what ends it: blanks, `/`, `>`.
    fn but_its_end(&self, token: &Token) -> &'a str {
        let source = self.source(token);
        let source = source.strip_suffix('>').unwrap_or(source);
        let source =
            if token.self_closing == SelfClosing::Yes { source.strip_suffix('/').unwrap_or(source) } else { source };
        source.trim_ascii_end()
    }

    fn is_hidden_input(&self, token: &Token) -> bool {
        let kind = self.lexer.attributes(token).find(|attribute| attribute.name.eq_ignore_ascii_case("type"));
        kind.is_some_and(|kind| kind.value.eq_ignore_ascii_case("hidden"))
    }

    /// Nothing but blanks, all of them written as themselves.
    fn is_blank(&self) -> bool {
        self.pieces.iter().all(|(_, piece)| piece.bytes().all(|c| is_blank(char::from(c))))
    }

    /// What shows of the pieces, with blanks where they show.
    fn show(&mut self) {
        self.shown.clear();
        self.solid.clear();
        for (_, piece) in &self.pieces {
            let text = charref::decode(piece, Place::Text);
            self.flow.push(&text, &mut self.shown);
            if self.pieces.len() == 1 {
                self.solid = flow::solid(&text);
            } else {
                self.solid.push_str(&text);
            }
        }
        if self.pieces.len() > 1 {
            self.solid = flow::solid(&self.solid);
        }
    }

    /// The pieces as they stand.
    fn show_exactly(&mut self) {
        self.shown.clear();
        for (kind, piece) in &self.pieces {
            let text =
                if *kind == Kind::RawText { charref::line_ends(piece) } else { charref::decode(piece, Place::Text) };
            self.shown.push_str(&text);
        }
    }
}

#[derive(Debug)]
struct Unclear;

struct Prover<'a, 's> {
    old: Side<'a>,
    new: Side<'a>,
    around: &'s Surroundings,
    hidden: Vec<Hiding>,
    trace: Trace,
    known: Known<'a>,
    /// Where the control is being compared.
    here: u32,
    /// `white-space` is named somewhere.
    styled: bool,
    /// Names of the elements that stand open, as far as end tags tell; for examples of places.
    open: Vec<&'a str>,
    /// The lines that go on behind elements with lines of their own, with the element's name.
    outer: Vec<(&'a str, Flow, Flow)>,
    /// Open elements in which blanks count.
    exact: u32,
    /// Open `svg` and `math`: in there, only what is spelled alike is taken for equal.
    foreign: u32,
}

/// How deep examples of places are told.
const STEPS: usize = 5;

impl<'a, 's> Prover<'a, 's> {
    fn new(old: Lexer<'a>, new: Lexer<'a>, around: &'s Surroundings) -> Self {
        let names_blanks = |lexer: &Lexer<'_>| {
            let rest = lexer.page().as_bytes().get(lexer.at() as usize..).unwrap_or_default();
            memchr::memmem::find(rest, b"white-space").is_some()
        };
        Self {
            styled: names_blanks(&old) || names_blanks(&new),
            old: Side::new(old),
            new: Side::new(new),
            around,
            known: Known::new(),
            hidden: Vec::new(),
            trace: Trace::new(),
            here: 0,
            open: Vec::new(),
            outer: Vec::new(),
            exact: 0,
            foreign: 0,
        }
    }

    fn prove(mut self) -> Proof {
        match self.run() {
            Some(()) if self.trace.is_certain() => Proof::Equal(self.hidden),
            Some(()) => Proof::Unknown(self.trace),
            None => {
                self.trace.part();
                Proof::Unknown(self.trace)
            }
        }
    }

    /// `None`: the pages are not in step.
    fn run(&mut self) -> Option<()> {
        loop {
            self.here = self.old.lexer.at();
            self.trace.reach(self.here, self.new.lexer.at());
            let content = if self.foreign > 0 { Content::Foreign } else { Content::Html };
            let tokens = (self.old.advance(content).ok()?, self.new.advance(content).ok()?);
            if self.old.comments != self.new.comments {
                self.hide(Rule::HtmlComments);
                self.new.comments = self.old.comments;
            }
            self.texts()?;
            let (old, new) = match tokens {
                (Some(old), Some(new)) if old.kind == new.kind => (old, new),
                (None, None) => break,
                _ => return None,
            };
            self.here = old.span.start;
            match old.kind {
                Kind::Doctype => self.doctypes(&old, &new)?,
                Kind::End => self.ends(&old, &new)?,
                _ => self.starts(&old, &new)?,
            }
        }
        (self.outer.is_empty() && self.foreign == 0 && self.exact == 0).then_some(())
    }

    fn hide(&mut self, rule: Rule) {
        self.trace.hides(self.here, rule);
        if let Some(known) = self.hidden.iter_mut().find(|hiding| hiding.rule == rule) {
            known.count = known.count.saturating_add(1);
            return;
        }
        let from = self.open.len().saturating_sub(STEPS);
        let steps: Vec<String> =
            self.open[from..].iter().map(|name| super::place::ident(&name.to_ascii_lowercase())).collect();
        let example = if steps.is_empty() { super::PAGE.to_owned() } else { steps.join(" > ") };
        self.hidden.push(Hiding { rule, count: 1, example });
    }

    /// What stands here may differ; whether the pages stay in step, the next tags tell.
    fn doubt(&mut self) -> Option<()> {
        self.trace.doubt(self.here)
    }

    fn texts(&mut self) -> Option<()> {
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
                self.old.flow.pass(&charref::decode(piece, Place::Text));
            }
            self.new.flow = self.old.flow;
            return Some(());
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

    fn doctypes(&mut self, old: &Token, new: &Token) -> Option<()> {
        let (old, new) = (self.old.source(old), self.new.source(new));
        if old == new {
            return Some(());
        }
        let folded = |text: &str| text.to_ascii_lowercase().split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        (folded(old) == folded(new)).then(|| self.hide(Rule::HtmlSyntax))
    }

    fn ends(&mut self, old: &Token, new: &Token) -> Option<()> {
        let (written, other) = (self.old.name(old), self.new.name(new));
        if written != other {
            if !written.eq_ignore_ascii_case(other) {
                return None;
            }
            self.hide(Rule::HtmlSyntax);
        }
        let closes = |open: &&str| open.eq_ignore_ascii_case(written);
        if let Some(at) = self.open.iter().rev().take(MAX_LOOK_BACK).position(closes) {
            self.open.truncate(self.open.len() - 1 - at);
        }
        let name = self.known.name(written);
        if self.foreign > 0 {
            if matches!(&*name.text, "svg" | "math") {
                self.foreign -= 1;
                if self.foreign == 0 {
                    self.resume(written)?;
                }
            }
            return Some(());
        }
        match name.role {
            Role::Exact if name.text != "pre" => return None,
            Role::Exact => {
                self.exact = self.exact.checked_sub(1)?;
                self.leave(Role::Exact);
            }
            Role::Atomic | Role::Hidden if has_content(&name) => self.resume(written)?,
            Role::Block => self.leave(Role::Block),
            _ => {}
        }
        Some(())
    }

    fn leave(&mut self, role: Role) {
        self.old.flow.leave(role);
        self.new.flow.leave(role);
    }

    /// The line goes on behind an element with lines of its own.
    fn resume(&mut self, name: &str) -> Option<()> {
        let (own, old, new) = self.outer.pop()?;
        (self.old.flow, self.new.flow) = (old, new);
        own.eq_ignore_ascii_case(name).then_some(())
    }

    fn starts(&mut self, old: &Token, new: &Token) -> Option<()> {
        let (written, other) = (self.old.name(old), self.new.name(new));
        if !written.eq_ignore_ascii_case(other) {
            return None;
        }
        let name = self.known.name(written);
        let sources = (self.old.source(old), self.new.source(new));
        if self.foreign > 0 {
            return self.foreign_start(&name.text, sources, old);
        }
        if sources.0 != sources.1 {
            self.tags(&name.text, old, new)?;
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
        self.enter(written, &name, hidden_input, old, new)
    }

    /// Two start tags of one element that are not written alike.
    fn tags(&mut self, element: &str, old: &Token, new: &Token) -> Option<()> {
        let (name, other) = (self.old.name(old), self.new.name(new));
        if name == other && self.old.but_its_end(old) == self.new.but_its_end(new) {
            self.hide(Rule::HtmlSyntax);
            return Some(());
        }
        let sources = (self.old.source(old), self.new.source(new));
        let lists = (self.old.attributes(old), self.new.attributes(new));
        if lists.0.len().max(lists.1.len()) > MAX_QUICK {
            return self.doubt();
        }
        for rule in spelling::of_attributes(Dialect::Html, sources, (name, other), (&lists.0, &lists.1)) {
            self.hide(rule);
        }
        if self.attributes(element, &lists.0, &lists.1).is_none() {
            self.doubt()?;
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

    fn enter(&mut self, written: &'a str, name: &Name<'a>, hidden_input: bool, old: &Token, new: &Token) -> Option<()> {
        let role = if hidden_input { Role::Hidden } else { name.role };
        if self.old.flow.enter(role) != self.new.flow.enter(role) {
            self.doubt()?;
        }
        if !name.is(Traits::VOID) {
            if self.open.len() >= MAX_OPEN {
                self.open.drain(..MAX_OPEN / 2);
            }
            self.open.push(written);
        }
        if name.is(Traits::ORDINARY) {
            if has_content(name) && matches!(role, Role::Atomic | Role::Hidden) {
                self.suspend(written, role)?;
            }
            return Some(());
        }
        match &*name.text {
            "frameset" | "xmp" | "plaintext" | "listing" => return None,
            "svg" | "math" => {
                // `<svg/>` closes itself.
                if old.self_closing != new.self_closing {
                    return None;
                }
                if old.self_closing == SelfClosing::No {
                    self.suspend(written, role)?;
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

    /// Raw text, up to its end tag.
    fn raw(&mut self, name: &str, old: &Token, new: &Token) -> Option<()> {
        let raw = match name {
            "title" | "textarea" => Raw::Rcdata,
            "script" => Raw::Script,
            _ => Raw::Rawtext,
        };
        self.old.lexer.begin_raw(raw, old);
        self.new.lexer.begin_raw(raw, new);
        let ends = (self.old.advance(Content::Html).ok()?, self.new.advance(Content::Html).ok()?);
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
        Some(())
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
