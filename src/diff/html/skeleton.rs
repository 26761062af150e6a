//! The blocks of a regular page, found without a tree: where each begins and ends, and a hash to guess its partner by.
//!
//! Which pages are regular, [`nest`](super::nest) says. As long as two pages have the same tags, one [`Survey`] is made of both; where
//! they part, it is [carried on](Begun) in each. [`elide`](super::elide) is what it is for.

use super::elements::Name;
use super::flow::Role;
use super::lexer::{Span, Token};
use super::limits;
use super::nest::{Nest, Part, Phase, Shape};
use super::regular::{self, Reader};
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
    /// Equal for what may be equal: names and texts below, no attributes; no texts where both pages have the same tags.
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

/// Where a page has more blocks than are worth remembering, those with fewer tags inside are not.
const FEWEST_TAGS: u32 = 4;
/// Blocks for which room is made at first.
const FEW_BLOCKS: usize = 64;
/// As many take some tens of KiB.
const MANY_BLOCKS: usize = 512;

/// What stands open in two pages, and the blocks of both, as far as both have the same tags.
pub(super) struct Begun<'a> {
    pub nest: Nest<'a>,
    /// `None`: blocks are not asked for.
    pub survey: Option<Survey<'a, 2>>,
    /// How far. Bytes.
    pub at: [u32; 2],
}

impl<'a> Begun<'a> {
    /// `None`: one of the pages has a [NUL](regular::has_nul).
    pub fn new(pages: [&'a str; 2], styled: bool) -> Option<Self> {
        let has_none = !pages.into_iter().any(regular::has_nul);
        has_none.then(|| Self { nest: Nest::new(), survey: Some(Survey::new(pages, styled)), at: [0, 0] })
    }

    /// In two blocks of regular pages. With what tag they begin, is to be [said](Nest::begin_before).
    pub fn in_blocks() -> Self {
        Self { nest: Nest::new(), survey: None, at: [0, 0] }
    }

    /// Is `white-space` named somewhere?
    pub fn is_styled(&self) -> bool {
        self.survey.as_ref().is_some_and(|survey| survey.styled)
    }

    /// Both pages go on with this start tag.
    pub fn start(&mut self, name: &Name<'a>, tags: [&Token; 2]) -> Option<()> {
        let places = Places(tags.map(|tag| Some(tag.span)));
        self.nest.start(name, tags[0].self_closing, &places, &mut self.survey)?;
        // Blocks are for saving work; without them, nothing is told otherwise.
        self.survey.take_if(|survey| !survey.has_room());
        Some(())
    }

    /// Both pages go on with this end tag, or one of them does.
    pub fn end(&mut self, name: &Name<'a>, tags: [Option<Span>; 2]) -> Option<()> {
        self.nest.end(name, &Places(tags), &mut self.survey)
    }

    /// The body of a table begins; each with the place of its tag, or with that of the tag before which the browser adds it.
    pub fn begin_body(&mut self, places: [(u32, u32); 2]) {
        let body = Name::of("tbody");
        self.nest.begin_body(body);
        if let Some(survey) = &mut self.survey {
            survey.begin(&body, Some(places));
        }
    }

    pub fn doctype(&mut self) -> Option<()> {
        self.nest.doctype()?;
        if let Some(survey) = &mut self.survey {
            survey.read += 1;
        }
        Some(())
    }

    /// A text that counts in the search for partners.
    pub fn guide(&mut self, page: usize, text: &str) {
        if let Some(survey) = &mut self.survey {
            survey.text(page, text);
        }
    }

    /// The blocks of both pages to their ends; `None`: one of them is not regular.
    pub fn finish(self) -> Option<(Vec<Block>, Vec<Block>)> {
        let [mut old, mut new] = self.survey?.part();
        regular::read_on(old.pages[0], self.at[0], self.nest.clone(), &mut old)?;
        regular::read_on(new.pages[0], self.at[1], self.nest, &mut new)?;
        let ([old], [new]) = (old.blocks, new.blocks);
        Some((old, new))
    }
}

/// Where a tag stands in each of some pages that have the same tags; `None`: it is left to the browser.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<const N: usize>(pub [Option<Span>; N]);

impl From<Token> for Places<1> {
    fn from(token: Token) -> Self {
        Self([Some(token.span)])
    }
}

#[derive(Debug, Clone, Copy)]
struct Open<const N: usize> {
    /// Its place among the blocks, if it is one.
    block: Option<usize>,
    guides: [u64; N],
    tags: u32,
    exact: bool,
    drawing: bool,
}

/// The blocks of some pages that have the same tags.
pub(super) struct Survey<'a, const N: usize> {
    pages: [&'a str; N],
    open: Vec<Open<N>>,
    blocks: [Vec<Block>; N],
    /// Open elements in which blanks count.
    exact: u32,
    /// Open `svg`.
    drawings: u32,
    /// `white-space` is named somewhere.
    styled: bool,
    /// Tags so far, those that the browser adds included.
    read: u32,
    /// Blocks with fewer tags inside are not remembered.
    fewest: u32,
}

impl<'a, const N: usize> Survey<'a, N> {
    fn new(pages: [&'a str; N], styled: bool) -> Self {
        let blocks = std::array::from_fn(|_| Vec::new());
        Self { pages, open: Vec::new(), blocks, exact: 0, drawings: 0, styled, read: 0, fewest: 0 }
    }

    /// An element begins; as a block, if it is one, with the places of its start tag.
    fn begin(&mut self, name: &Name<'_>, places: Option<[(u32, u32); N]>) {
        let guide = name.hash;
        let whole = if self.exact > 0 { Whole::No } else { Whole::Yes };
        let block = places.map(|places| {
            let first = self.read;
            for (blocks, (start, inner)) in self.blocks.iter_mut().zip(places) {
                let (close, end) = (inner, inner);
                if blocks.len() == blocks.capacity() {
                    // Many not twofold: for half of that would be air, and both copies are there for a moment.
                    let more = if blocks.len() < MANY_BLOCKS { blocks.len() } else { blocks.len() / 4 };
                    blocks.reserve_exact(more + FEW_BLOCKS);
                }
                blocks.push(Block { start, inner, close, end, after: 0, first, tags: 0, guide, name: guide, whole });
            }
            self.blocks[0].len() - 1
        });
        self.read += 1;
        if let Some(open) = self.open.last_mut() {
            open.tags += 1;
        }
        self.open.push(Open { block, guides: [guide; N], tags: 0, exact: false, drawing: false });
    }

    /// Is there room for another block? Small ones make room for the others.
    fn has_room(&mut self) -> bool {
        let page = self.pages.iter().map(|page| page.len()).min().unwrap_or(0);
        let is_full = |survey: &Self| survey.blocks[0].len() > page / limits::LEAST_BLOCK + FEW_BLOCKS;
        if is_full(self) && self.fewest < FEWEST_TAGS {
            self.fewest = FEWEST_TAGS;
            self.forget_small();
        }
        !is_full(self)
    }

    /// Forgets the small blocks that have ended, and counts the others anew.
    fn forget_small(&mut self) {
        let is_kept = |block: &Block| block.after == 0 || block.tags >= self.fewest;
        let places: Vec<usize> = self.blocks[0]
            .iter()
            .scan(0, |kept, block| {
                let place = *kept;
                *kept += usize::from(is_kept(block));
                Some(place)
            })
            .collect();
        let place_of = |at: usize| places.get(at).copied();
        let kept = self.blocks[0].iter().filter(|block| is_kept(block)).count();
        for blocks in &mut self.blocks {
            blocks.retain(is_kept);
            for block in blocks.iter_mut().filter(|block| block.after != 0) {
                block.after = u32::try_from(place_of(block.after as usize).unwrap_or(kept)).unwrap_or(u32::MAX);
            }
        }
        for open in &mut self.open {
            open.block = open.block.and_then(place_of);
        }
    }

    /// A text in one of the pages.
    fn text(&mut self, page: usize, text: &str) {
        if text.bytes().all(|c| is_blank(char::from(c))) {
            return;
        }
        let guide = text_guide(text);
        if let Some(open) = self.open.last_mut().and_then(|open| open.guides.get_mut(page)) {
            *open = mix(*open, guide);
        }
    }
}

impl<'a> Survey<'a, 2> {
    /// What was found so far, page by page.
    fn part(self) -> [Survey<'a, 1>; 2] {
        let [old, new] = self.blocks;
        let Self { exact, drawings, styled, read, fewest, .. } = self;
        let one = |page: usize, blocks: Vec<Block>| {
            let alone = |open: &Open<2>| Open {
                block: open.block,
                guides: [open.guides[page]],
                tags: open.tags,
                exact: open.exact,
                drawing: open.drawing,
            };
            let open = self.open.iter().map(alone).collect();
            Survey { pages: [self.pages[page]], open, blocks: [blocks], exact, drawings, styled, read, fewest }
        };
        [one(0, old), one(1, new)]
    }
}

impl<'a, const N: usize> Shape<'a> for Survey<'a, N> {
    type Tag = Places<N>;

    fn open(&mut self, name: &Name<'a>, tag: &Places<N>, phase: Phase) -> Option<Option<u32>> {
        let is_spaced =
            |(page, place): (&&str, &Option<Span>)| place.is_some_and(|place| place.of(page).contains("white-space"));
        let exact =
            matches!(name.text, "pre" | "textarea") || self.styled && self.pages.iter().zip(&tag.0).any(is_spaced);
        let drawing = name.text == "svg";
        self.exact += u32::from(exact);
        self.drawings += u32::from(drawing);
        let is_block = phase == Phase::Body
            && name.role == Role::Block
            && self.drawings == 0
            && !matches!(name.text, "option" | "optgroup" | "caption" | "colgroup" | "title");
        let bounds = |place: Option<Span>| place.map_or((0, 0), |place| (place.start, place.end));
        self.begin(name, is_block.then(|| tag.0.map(bounds)));
        if let Some(open) = self.open.last_mut() {
            (open.exact, open.drawing) = (exact, drawing);
        }
        // Two pages in step are read on without their blocks.
        (N > 1 || self.has_room()).then_some(None)
    }

    fn void(&mut self, name: &Name<'a>, _: &Places<N>, phase: Phase) -> Option<()> {
        self.read += 1;
        if let Some(open) = self.open.last_mut().filter(|_| phase == Phase::Body) {
            open.tags += 1;
            open.guides = open.guides.map(|guide| mix(guide, name.hash));
        }
        Some(())
    }

    fn imply(&mut self, name: &Name<'a>, before: &Places<N>) {
        let bounds = |place: Option<Span>| place.map_or((0, 0), |place| (place.start, place.start));
        self.begin(name, (self.drawings == 0).then(|| before.0.map(bounds)));
    }

    fn close(&mut self, end: Option<&Places<N>>) {
        self.read += 1;
        let Some(open) = self.open.pop() else { return };
        self.exact -= u32::from(open.exact);
        self.drawings -= u32::from(open.drawing);
        if let Some(parent) = self.open.last_mut() {
            for (guide, inner) in parent.guides.iter_mut().zip(open.guides) {
                *guide = mix(*guide, inner);
            }
            parent.tags += open.tags + 1;
        }
        let Some(at) = open.block else { return };
        for (page, blocks) in self.blocks.iter_mut().enumerate() {
            if open.tags < self.fewest {
                blocks.truncate(at);
                continue;
            }
            let after = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
            let Some(block) = blocks.get_mut(at) else { continue };
            (block.after, block.tags, block.guide) = (after, open.tags, open.guides[page]);
            match end.and_then(|end| end.0[page]) {
                Some(place) => (block.close, block.end) = (place.start, place.end),
                None => block.whole = Whole::No,
            }
        }
    }

    fn frame(&mut self, _: Part, _: &Places<N>) -> Option<()> {
        self.read += 1;
        Some(())
    }
}

impl<'a> Reader<'a> for Survey<'a, 1> {
    fn doctype(&mut self, _: &Token) -> Option<()> {
        self.read += 1;
        Some(())
    }

    fn comment(&mut self, _: &Token, _: Phase) -> Option<()> {
        Some(())
    }

    fn text(&mut self, token: &Token, phase: Phase) -> Option<()> {
        if phase == Phase::Body {
            Survey::text(self, 0, token.inner.of(self.pages[0]));
        }
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
        if LETTERS[usize::from(c)] {
            guide = (guide ^ u64::from(c)).wrapping_mul(FACTOR).rotate_left(23);
        } else if c == b'&' {
            let name = bytes[at..].iter().take(LONGEST_REFERENCE).position(|c| *c == b';');
            at += name.map_or(0, |length| length + 1);
        }
    }
    guide
}

/// Letters and digits of ASCII.
const LETTERS: [bool; 256] = {
    let mut alike = [false; 256];
    let mut c = 0_u8;
    while c < 128 {
        alike[c as usize] = c.is_ascii_alphanumeric();
        c += 1;
    }
    alike
};
/// Character references are rarely longer. Bytes.
const LONGEST_REFERENCE: usize = 10;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
