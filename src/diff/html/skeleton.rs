//! The blocks of a regular page, found without a tree: where each begins and ends, and a hash to guess its partner by.
//!
//! Regular is a page whose tags nest as they are written, so that every browser builds the same tree from any part of it that is
//! whole: no misnesting, nothing that is moved out of a table, no form in a form. What is not surely regular is none: then the
//! trees of the whole pages decide. [`elide`](super::elide) is what it is for.

use super::elements::{
    closes_paragraph, ends_with_its_parent, is_cell, is_heading, is_section, is_special, is_table_part, is_void, lower,
    never_regular,
};
use super::flow::{self, Role};
use super::lexer::{Content, Kind, Lexer, Raw, SelfClosing, Token};
use super::view::{is_blank, mix};

/// An element that stands on lines of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// Where its start tag begins and ends, and where its end tag does. Bytes.
    pub start: u32,
    pub inner: u32,
    pub close: u32,
    pub end: u32,
    /// The block after all that stand in this one.
    pub after: u32,
    /// Tags inside.
    pub tags: u32,
    /// Equal for what may be equal: names and texts below, no attributes.
    pub guide: u64,
    /// Hash of the name.
    pub name: u64,
    pub whole: Whole,
}

/// Can the block be left out of a page without changing the tree around it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Yes,
    /// Its end tag is left out, or blanks count in it.
    No,
}

/// Blocks with fewer tags inside are not worth the search.
const FEWEST_TAGS: u32 = 4;
/// Nested deeper, a page is not worth it. The tree builder's own limit is above.
const DEEPEST: usize = 256;

/// The blocks of the body in the order of their start tags; `None`: the page is not regular.
pub(super) fn blocks(page: &str) -> Option<Vec<Block>> {
    if memchr::memchr(0, page.as_bytes()).is_some() {
        return None;
    }
    let styled = memchr::memmem::find(page.as_bytes(), b"white-space").is_some();
    let mut reading = Reading {
        page,
        lexer: Lexer::from(page, 0),
        open: Vec::new(),
        blocks: Vec::new(),
        phase: Phase::Before,
        exact: 0,
        drawings: 0,
        styled,
    };
    reading.run()?;
    Some(reading.blocks)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    Head,
    AfterHead,
    Body,
    AfterBody,
}

struct Open<'a> {
    name: Name<'a>,
    /// Its place in the blocks, if it is one.
    block: Option<usize>,
    guide: u64,
    tags: u32,
    exact: bool,
}

type Name<'a> = std::borrow::Cow<'a, str>;

struct Reading<'a> {
    page: &'a str,
    lexer: Lexer<'a>,
    open: Vec<Open<'a>>,
    blocks: Vec<Block>,
    phase: Phase,
    /// Open elements in which blanks count.
    exact: u32,
    /// Open `svg`.
    drawings: u32,
    /// `white-space` is named somewhere.
    styled: bool,
}

impl<'a> Reading<'a> {
    fn run(&mut self) -> Option<()> {
        loop {
            let content = if self.in_svg() { Content::Foreign } else { Content::Html };
            let Some(token) = self.lexer.next(content) else { break };
            match token.kind {
                Kind::Text | Kind::Rcdata | Kind::RawText => self.text(&token)?,
                Kind::Comment => {}
                Kind::Doctype => (self.phase == Phase::Before && self.open.is_empty()).then_some(())?,
                Kind::Start => self.start(&token)?,
                Kind::End => self.end(&token)?,
            }
        }
        self.close_implied(ends_with_its_parent);
        (matches!(self.phase, Phase::Body | Phase::AfterBody) && self.open.is_empty()).then_some(())
    }

    fn top(&self) -> &str {
        self.open.last().map_or("", |open| &open.name)
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|open| open.name == name)
    }

    fn in_svg(&self) -> bool {
        self.drawings > 0
    }

    fn text(&mut self, token: &Token) -> Option<()> {
        let text = token.inner.of(self.page);
        let blank = text.bytes().all(|c| is_blank(char::from(c)));
        if blank {
            return Some(());
        }
        let raw = matches!(self.top(), "script" | "style" | "title");
        match self.phase {
            Phase::Body if !is_table_part(self.top()) => {}
            Phase::Head if raw => return Some(()),
            _ => return None,
        }
        let guide = text_guide(text);
        if let Some(open) = self.open.last_mut() {
            open.guide = mix(open.guide, guide);
        }
        Some(())
    }

    fn start(&mut self, token: &Token) -> Option<()> {
        let name = lower(token.inner.of(self.page));
        match self.phase {
            Phase::Body => self.in_body(name, token),
            Phase::AfterBody => None,
            _ => self.before_body(name, token),
        }
    }

    fn before_body(&mut self, name: Name<'a>, token: &Token) -> Option<()> {
        match &*name {
            "html" if self.phase == Phase::Before && self.open.is_empty() => {}
            "head" if self.phase == Phase::Before => self.phase = Phase::Head,
            "body" if self.open.is_empty() => self.phase = Phase::Body,
            "meta" | "link" | "base" if matches!(self.phase, Phase::Before | Phase::Head) => self.phase = Phase::Head,
            "title" | "script" | "style" | "noscript" if matches!(self.phase, Phase::Before | Phase::Head) => {
                if !self.open.is_empty() && (self.top() != "noscript" || name != "style") {
                    return None;
                }
                self.phase = Phase::Head;
                self.begin_raw(&name, token);
                self.push(name, token, false);
            }
            _ => return None,
        }
        Some(())
    }

    fn begin_raw(&mut self, name: &str, token: &Token) {
        let raw = match name {
            "title" | "textarea" => Raw::Rcdata,
            "script" => Raw::Script,
            "style" | "iframe" => Raw::Rawtext,
            _ => return,
        };
        self.lexer.begin_raw(raw, token);
    }

    fn in_body(&mut self, name: Name<'a>, token: &Token) -> Option<()> {
        if let Some(open) = self.open.last_mut() {
            open.tags += 1;
        }
        if self.in_svg() {
            return self.in_foreign(name, token);
        }
        if never_regular(&name) {
            return None;
        }
        if is_void(&name) {
            return self.void(&name);
        }
        if self.open.len() >= DEEPEST {
            return None;
        }
        if name != "table" && (is_table_part(&name) || is_cell(&name)) {
            self.table_part(&name)?;
        } else if is_table_part(self.top()) && !matches!(&*name, "script" | "style") {
            return None;
        } else {
            self.make_room(&name)?;
        }
        if matches!(self.top(), "select") && !matches!(&*name, "option" | "optgroup" | "script") {
            return None;
        }
        let spaced = self.styled && token.span.of(self.page).contains("white-space");
        self.begin_raw(&name, token);
        if name == "svg" && token.self_closing == SelfClosing::Yes {
            return Some(());
        }
        let exact = spaced || matches!(&*name, "pre" | "textarea");
        self.push(name, token, exact);
        Some(())
    }

    fn void(&mut self, name: &str) -> Option<()> {
        let top = self.top();
        match name {
            "col" => (top == "colgroup").then_some(())?,
            _ if is_table_part(top) || top == "select" => return None,
            "hr" => self.close_paragraph()?,
            _ => {}
        }
        if let Some(open) = self.open.last_mut() {
            open.guide = mix(open.guide, hash(name));
        }
        Some(())
    }

    /// In a drawing, only its own elements.
    fn in_foreign(&mut self, name: Name<'a>, token: &Token) -> Option<()> {
        let known = matches!(
            &*name,
            "g" | "path"
                | "circle"
                | "rect"
                | "line"
                | "polyline"
                | "polygon"
                | "ellipse"
                | "defs"
                | "use"
                | "symbol"
                | "text"
                | "tspan"
                | "lineargradient"
                | "radialgradient"
                | "stop"
                | "clippath"
                | "mask"
                | "svg"
        );
        if known && token.self_closing == SelfClosing::No {
            self.push(name, token, false);
        }
        known.then_some(())
    }

    /// What an element may stand in, and what it ends by standing there.
    fn make_room(&mut self, name: &str) -> Option<()> {
        match name {
            "a" | "button" | "form" | "nobr" if self.is_open(name) => return None,
            "option" if self.top() == "option" => self.pop(None),
            "optgroup" => self.close_implied(|name| name == "option"),
            "li" => {
                self.end_item(&["li"])?;
                self.close_paragraph()?;
            }
            "dd" | "dt" => {
                self.end_item(&["dd", "dt"])?;
                self.close_paragraph()?;
            }
            "table" => (!self.in_button_scope("p")).then_some(())?,
            _ if is_heading(name) && is_heading(self.top()) => return None,
            _ if closes_paragraph(name) => self.close_paragraph()?,
            _ => {}
        }
        Some(())
    }

    /// A list item begins: an open one ends, if nothing but its own text stands open in it.
    fn end_item(&mut self, names: &[&str]) -> Option<()> {
        if self.top() == "p" {
            self.pop(None);
        }
        let passes = |open: &&Open<'_>| {
            matches!(&*open.name, "address" | "div" | "p" | "dialog" | "search") || !is_special(&open.name)
        };
        let within = self.open.iter().rev().find(|open| names.contains(&&*open.name) || !passes(open));
        let found = within.is_some_and(|open| names.contains(&&*open.name));
        match found {
            true if names.contains(&self.top()) => self.pop(None),
            true => return None,
            false => {}
        }
        Some(())
    }

    fn close_paragraph(&mut self) -> Option<()> {
        if self.top() == "p" {
            self.pop(None);
        }
        (!self.in_button_scope("p")).then_some(())
    }

    fn in_button_scope(&self, name: &str) -> bool {
        let bound = |open: &&Open<'_>| {
            open.name == name || matches!(&*open.name, "button" | "caption" | "table" | "td" | "th" | "object")
        };
        self.open.iter().rev().find(bound).is_some_and(|open| open.name == name)
    }

    fn table_part(&mut self, name: &str) -> Option<()> {
        if matches!(self.top(), "td" | "th") {
            self.pop(None);
        }
        if self.top() == "colgroup" {
            self.pop(None);
        }
        if matches!(name, "tr" | "tbody" | "thead" | "tfoot") && self.top() == "tr" {
            self.pop(None);
        }
        if matches!(name, "tbody" | "thead" | "tfoot") && is_section(self.top()) {
            self.pop(None);
        }
        let fits = match name {
            "td" | "th" => self.top() == "tr",
            "tr" => is_section(self.top()) || self.top() == "table",
            _ => self.top() == "table",
        };
        // A row right in a table is put into a body that nobody wrote; it ends with the table.
        if name == "tr" && self.top() == "table" {
            self.open.push(Open {
                name: Name::Borrowed("tbody"),
                block: None,
                guide: hash("tbody"),
                tags: 0,
                exact: false,
            });
        }
        fits.then_some(())
    }

    fn push(&mut self, name: Name<'a>, token: &Token, exact: bool) {
        self.exact += u32::from(exact);
        self.drawings += u32::from(name == "svg");
        let is_block = self.phase == Phase::Body
            && flow::name_role(&name) == Role::Block
            && !self.in_svg()
            && !matches!(&*name, "option" | "optgroup" | "caption" | "colgroup" | "title");
        let block = is_block.then_some(self.blocks.len());
        let guide = hash(&name);
        if is_block {
            let whole = if self.exact > 0 { Whole::No } else { Whole::Yes };
            let (start, inner) = (token.span.start, token.span.end);
            self.blocks.push(Block {
                start,
                inner,
                close: inner,
                end: inner,
                after: 0,
                tags: 0,
                guide,
                name: guide,
                whole,
            });
        }
        self.open.push(Open { name, block, guide, tags: 0, exact });
    }

    /// The innermost element ends, with this end tag or with none.
    fn pop(&mut self, end: Option<&Token>) {
        let Some(open) = self.open.pop() else { return };
        self.exact -= u32::from(open.exact);
        self.drawings -= u32::from(open.name == "svg");
        if let Some(parent) = self.open.last_mut() {
            parent.guide = mix(parent.guide, open.guide);
            parent.tags += open.tags + u32::from(end.is_some());
        }
        let Some(at) = open.block else { return };
        if open.tags < FEWEST_TAGS {
            self.blocks.truncate(at);
            return;
        }
        let after = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        let block = &mut self.blocks[at];
        (block.after, block.tags, block.guide) = (after, open.tags, open.guide);
        match end {
            Some(token) => (block.close, block.end) = (token.span.start, token.span.end),
            None => block.whole = Whole::No,
        }
    }

    fn end(&mut self, token: &Token) -> Option<()> {
        let name = lower(token.inner.of(self.page));
        match (self.phase, &*name) {
            (Phase::Before | Phase::Head, "head") if self.open.is_empty() => {
                self.phase = Phase::AfterHead;
                return Some(());
            }
            (Phase::Body, "body") => {
                self.close_implied(ends_with_its_parent);
                self.phase = Phase::AfterBody;
                return self.open.is_empty().then_some(());
            }
            (Phase::Body, "html") => {
                self.close_implied(ends_with_its_parent);
                self.phase = Phase::AfterBody;
                return self.open.is_empty().then_some(());
            }
            (Phase::AfterBody, "html") => return Some(()),
            (Phase::AfterBody, _) => return None,
            _ => {}
        }
        match &*name {
            "table" => self.close_implied(|name| matches!(name, "td" | "th" | "tr" | "colgroup") || is_section(name)),
            "tbody" | "thead" | "tfoot" => self.close_implied(|name| matches!(name, "td" | "th" | "tr")),
            "tr" => self.close_implied(is_cell),
            "select" => self.close_implied(|name| matches!(name, "option" | "optgroup")),
            "optgroup" => self.close_implied(|name| name == "option"),
            "li" => self.close_implied(|name| matches!(name, "p" | "dd" | "dt" | "option")),
            "dd" | "dt" => self.close_implied(|name| name == "p"),
            "p" | "noscript" => {}
            _ if is_special(&name) => self.close_implied(|name| matches!(name, "li" | "dd" | "dt" | "p")),
            _ => {}
        }
        if self.open.last()?.name != name {
            return None;
        }
        self.pop(Some(token));
        Some(())
    }

    fn close_implied(&mut self, ends: impl Fn(&str) -> bool) {
        while self.open.last().is_some_and(|open| ends(&open.name)) {
            self.pop(None);
        }
    }
}

/// A text by its letters and digits: spellings differ in all else.
fn text_guide(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut guide = 0_u64;
    let mut at = 0;
    while let Some(&c) = bytes.get(at) {
        at += 1;
        if c.is_ascii_alphanumeric() {
            guide = (guide ^ u64::from(c)).wrapping_mul(FACTOR).rotate_left(23);
        } else if c == b'&' {
            let name = bytes[at..].iter().take(LONGEST_REFERENCE).position(|c| *c == b';');
            at += name.map_or(0, |length| length + 1);
        }
    }
    guide
}

/// Character references are rarely longer. Bytes.
const LONGEST_REFERENCE: usize = 10;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

fn hash(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}
