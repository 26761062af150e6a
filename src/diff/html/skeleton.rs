//! The blocks of a regular page, found without a tree: where each begins and ends, and a hash to guess its partner by.
//!
//! Which pages are regular, [`regular`](super::regular) says. [`elide`](super::elide) is what it is for.

use super::elements::Name;
use super::flow::Role;
use super::lexer::Token;
use super::regular::{self, Part, Phase, Shape};
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
    /// Tags of the page before it, those that the browser adds included.
    pub first: u32,
    /// Tags inside, those that the browser adds included.
    pub tags: u32,
    /// Equal for what may be equal: names and texts below, no attributes; no texts where a partner is not looked for.
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

/// The blocks of the body in the order of their start tags; `None`: the page is not regular. Partners are looked for only of those
/// that end behind `settled`.
pub(super) fn blocks(page: &str, settled: u32) -> Option<Vec<Block>> {
    let styled = memchr::memmem::find(page.as_bytes(), b"white-space").is_some();
    let mut survey =
        Survey { page, open: Vec::new(), blocks: Vec::new(), exact: 0, drawings: 0, styled, settled, read: 0 };
    regular::read(page, &mut survey)?;
    Some(survey.blocks)
}

struct Open {
    /// Its place in the blocks, if it is one.
    block: Option<usize>,
    guide: u64,
    tags: u32,
    exact: bool,
    drawing: bool,
}

struct Survey<'a> {
    page: &'a str,
    open: Vec<Open>,
    blocks: Vec<Block>,
    /// Open elements in which blanks count.
    exact: u32,
    /// Open `svg`.
    drawings: u32,
    /// `white-space` is named somewhere.
    styled: bool,
    settled: u32,
    /// Tags so far, those that the browser adds included.
    read: u32,
}

impl Survey<'_> {
    fn tag(&mut self, guide: u64) {
        if let Some(open) = self.open.last_mut() {
            open.tags += 1;
            open.guide = mix(open.guide, guide);
        }
    }

    /// An element begins; as a block, if it is one, with the place of its start tag.
    fn begin(&mut self, name: &Name<'_>, place: Option<(u32, u32)>) {
        let guide = name.hash;
        let block = place.map(|(start, inner)| {
            let whole = if self.exact > 0 { Whole::No } else { Whole::Yes };
            let (close, end, first) = (inner, inner, self.read);
            self.blocks.push(Block { start, inner, close, end, after: 0, first, tags: 0, guide, name: guide, whole });
            self.blocks.len() - 1
        });
        self.read += 1;
        if let Some(open) = self.open.last_mut() {
            open.tags += 1;
        }
        self.open.push(Open { block, guide, tags: 0, exact: false, drawing: false });
    }
}

impl<'a> Shape<'a> for Survey<'a> {
    fn doctype(&mut self, _: &Token) -> Option<()> {
        self.read += 1;
        Some(())
    }

    fn comment(&mut self, _: &Token, _: Phase) -> Option<()> {
        Some(())
    }

    fn text(&mut self, token: &Token, phase: Phase) -> Option<()> {
        let text = token.inner.of(self.page);
        if phase == Phase::Body && token.span.end > self.settled && !text.bytes().all(|c| is_blank(char::from(c))) {
            let guide = text_guide(text);
            if let Some(open) = self.open.last_mut() {
                open.guide = mix(open.guide, guide);
            }
        }
        Some(())
    }

    fn open(&mut self, name: &Name<'a>, token: &Token, phase: Phase) -> Option<Option<u32>> {
        let spaced = self.styled && token.span.of(self.page).contains("white-space");
        let exact = spaced || matches!(&*name.text, "pre" | "textarea");
        let drawing = name.text == "svg";
        self.exact += u32::from(exact);
        self.drawings += u32::from(drawing);
        let is_block = phase == Phase::Body
            && name.role == Role::Block
            && self.drawings == 0
            && !matches!(&*name.text, "option" | "optgroup" | "caption" | "colgroup" | "title");
        self.begin(name, is_block.then_some((token.span.start, token.span.end)));
        if let Some(open) = self.open.last_mut() {
            (open.exact, open.drawing) = (exact, drawing);
        }
        Some(None)
    }

    fn void(&mut self, name: &Name<'a>, _: &Token, phase: Phase) -> Option<()> {
        self.read += 1;
        if phase == Phase::Body {
            self.tag(name.hash);
        }
        Some(())
    }

    fn imply(&mut self, name: &Name<'a>, before: &Token) {
        self.begin(name, (self.drawings == 0).then_some((before.span.start, before.span.start)));
    }

    fn close(&mut self, end: Option<&Token>) {
        self.read += 1;
        let Some(open) = self.open.pop() else { return };
        self.exact -= u32::from(open.exact);
        self.drawings -= u32::from(open.drawing);
        if let Some(parent) = self.open.last_mut() {
            parent.guide = mix(parent.guide, open.guide);
            parent.tags += open.tags + 1;
        }
        let Some(at) = open.block else { return };
        if open.tags < FEWEST_TAGS {
            self.blocks.truncate(at);
            return;
        }
        let after = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        let Some(block) = self.blocks.get_mut(at) else { return };
        (block.after, block.tags, block.guide) = (after, open.tags, open.guide);
        match end {
            Some(token) => (block.close, block.end) = (token.span.start, token.span.end),
            None => block.whole = Whole::No,
        }
    }

    fn frame(&mut self, _: Part, _: &Token) -> Option<()> {
        self.read += 1;
        Some(())
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
