//! The quick way: two texts read side by side, token by token, without a tape. It proves that they mean the same, or the same but for
//! some scalars and a few elements that one side has more, or gives up at the first thing that needs more thought; then nothing has
//! been said, and [`super::walk`] starts over.
//!
//! The left text is checked against the grammar; the right one must have the same tokens at each step, so it is checked with it. Where
//! both are the same bytes, which is nearly everywhere, only the left one is read, and the right one goes along.

mod gap;
mod proof;
mod scalars;
mod side;

pub use proof::{Change, Owner, Part, Proof, Run, Unlike};

use std::ops::Range;

use smallvec::SmallVec;

use super::tape::Raw;
use super::token;
use super::walk::{self, Step};
use crate::diff::rules::{Rule, Rules};
use gap::Gap;
use scalars::Place;
use side::Side;

/// Proves two texts equal but for cosmetics that are hidden everywhere, for a few scalars, and for elements that one side has more in
/// one array; `None`: not proven.
pub fn prove<'a>(control: &'a str, candidate: &'a str, rules: &Rules) -> Option<Proof<'a>> {
    let mut pair = Pair::new(control, candidate, rules);
    if pair.run().is_some() {
        return Some(pair.proof);
    }
    if pair.refused || rules.names_arrays() {
        return None;
    }
    let without = |gap: Gap| Pair::new(control, candidate, rules).without(gap);
    gap::near(&pair).and_then(without).or_else(|| gap::find(&pair).and_then(without))
}

/// Containers under way; nothing recurses here, so the bound is only there to be one.
const MAX_OPEN: usize = 4096;

/// Things that differ; with more, another way of holding the two against each other may be better.
const MAX_UNLIKE: usize = 64;

/// Containers under way in ordinary answers.
const FEW_OPEN: usize = 16;

/// A container under way.
enum Frame {
    /// Where the key of the member under way stands in the left text, without its quotes.
    Object(Range<usize>),
    Array(Elements),
}

/// An array under way.
#[derive(Debug, Clone, Copy)]
struct Elements {
    /// Where it begins in the left text.
    array: usize,
    /// Of the element under way.
    index: usize,
    starts: (usize, usize),
    differs: bool,
    /// The first element that differs: its index, and where it starts.
    first: Option<(usize, (usize, usize))>,
}

struct Pair<'a, 'r> {
    old: Side<'a>,
    new: Side<'a>,
    /// Up to here in the left text, the right one holds the same bytes from where it is read; nothing is known behind.
    alike: usize,
    open: SmallVec<[Frame; FEW_OPEN]>,
    rules: &'r Rules,
    /// A rule that would be needed is not in force everywhere.
    refused: bool,
    /// Elements to be left out, until they are.
    gap: Option<Gap>,
    proof: Proof<'a>,
}

impl<'a, 'r> Pair<'a, 'r> {
    fn new(control: &'a str, candidate: &'a str, rules: &'r Rules) -> Self {
        Self {
            old: Side::new(control),
            new: Side::new(candidate),
            alike: 0,
            open: SmallVec::new(),
            rules,
            refused: false,
            gap: None,
            proof: Proof::default(),
        }
    }

    fn run(&mut self) -> Option<()> {
        self.document()?;
        if self.old.blanks != self.new.blanks {
            self.note(Rule::JsonWhitespace, None)?;
        }
        Some(())
    }

    /// Proves the two equal but for elements that are left out.
    fn without(mut self, gap: Gap) -> Option<Proof<'a>> {
        let array = gap.array;
        self.gap = Some(gap);
        self.run()?;
        // Where elements of the array itself differ, others may stand for each other.
        let is_one_sided = self.gap.is_none() && self.proof.parts.iter().all(|part| part.array != array);
        is_one_sided.then_some(self.proof)
    }

    fn document(&mut self) -> Option<()> {
        loop {
            if self.value()? {
                continue;
            }
            if self.close()? {
                self.peek();
                return (self.old.rest().is_empty() && self.new.rest().is_empty()).then_some(());
            }
        }
    }

    /// Reads a scalar or opens a container; `true`: a value is wanted next.
    #[inline]
    fn value(&mut self) -> Option<bool> {
        let first = self.peek();
        match first {
            b'{' => {
                self.take(b'{')?;
                self.nest(Frame::Object(0..0))?;
                if self.peek() != b'}' {
                    self.key()?;
                    return Some(true);
                }
            }
            b'[' => {
                let array = self.old.at;
                self.take(b'[')?;
                let starts = (self.old.at, self.new.at);
                self.nest(Frame::Array(Elements { array, index: 0, starts, differs: false, first: None }))?;
                self.leap();
                return Some(self.peek() != b']');
            }
            _ => self.scalar(first)?,
        }
        Some(false)
    }

    /// Reads a scalar that means the same on both sides, or else takes it for the one that differs.
    #[inline]
    fn scalar(&mut self, first: u8) -> Option<()> {
        let starts = (self.old.at, self.new.at);
        let same = match first {
            b'"' => self.strings(Place::Here),
            b'-' | b'0'..=b'9' => self.numbers(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => return None,
        };
        if same.is_some() {
            return Some(());
        }
        (self.old.at, self.new.at) = starts;
        self.changed()
    }

    #[cold]
    fn changed(&mut self) -> Option<()> {
        if self.refused || self.proof.unlike.len() >= MAX_UNLIKE || self.rules.names_arrays() {
            return None;
        }
        let (old, new) = (self.old.skip_scalar()?, self.new.skip_scalar()?);
        self.alike = 0;
        let path = self.steps().collect();
        self.proof.unlike.push(Unlike::Scalar(Change { path, old, new }));
        self.differs_within(self.open.len());
        Some(())
    }

    /// Something differs in the elements under way, so many containers deep.
    fn differs_within(&mut self, depth: usize) {
        for frame in self.open.iter_mut().take(depth) {
            if let Frame::Array(elements) = frame {
                elements.differs = true;
                elements.first.get_or_insert((elements.index, elements.starts));
            }
        }
    }

    /// Leaves out the elements that only one side has, where they begin.
    #[inline]
    fn leap(&mut self) {
        if self.gap.is_some() {
            self.leap_over();
        }
    }

    #[cold]
    fn leap_over(&mut self) {
        let Some(gap) = self.gap.take_if(|gap| match gap.owner {
            Owner::Old => self.old.at == gap.from,
            Owner::New => self.new.at == gap.from,
        }) else {
            return;
        };
        let above = self.open.len().saturating_sub(1);
        self.differs_within(above);
        let side = if gap.owner == Owner::Old { &mut self.old } else { &mut self.new };
        side.at = gap.to;
        side.blanks += gap.blanks;
        self.alike = 0;
        let text = side.text.get(gap.elements.clone()).unwrap_or_default();
        let starts = (self.old.at, self.new.at);
        if let Some(Frame::Array(elements)) = self.open.last_mut() {
            elements.starts = starts;
            if gap.owner == Owner::Old {
                elements.index += gap.count;
            }
        }
        let path = self.steps().take(above).collect();
        self.proof.unlike.push(Unlike::Elements(Run { path, index: gap.index, owner: gap.owner, text }));
    }

    /// After a value: `true` when the document is whole, `false` when another value is wanted.
    #[inline]
    fn close(&mut self) -> Option<bool> {
        loop {
            let mut next = self.peek();
            if self.gap.is_some() {
                self.leap_over();
                next = self.peek();
            }
            match (self.open.last_mut(), next) {
                (None, _) => return Some(true),
                (Some(Frame::Object(_)), b',') => {
                    self.take(b',')?;
                    self.key()?;
                    return Some(false);
                }
                (Some(Frame::Array(elements)), b',') => {
                    let ended = *elements;
                    self.take(b',')?;
                    self.end_element(&ended, self.open.len() - 1);
                    let starts = (self.old.at, self.new.at);
                    if let Some(Frame::Array(elements)) = self.open.last_mut() {
                        *elements = Elements { index: ended.index + 1, starts, differs: false, ..ended };
                    }
                    self.leap();
                    return Some(false);
                }
                (Some(Frame::Array(elements)), b']') => {
                    let ended = *elements;
                    self.take(next)?;
                    self.open.pop();
                    self.end_element(&ended, self.open.len());
                }
                (Some(Frame::Object(_)), b'}') => {
                    self.take(next)?;
                    self.open.pop();
                }
                _ => return None,
            }
        }
    }

    /// An element of an array so many steps deep has ended before the byte that was read last.
    #[inline]
    fn end_element(&mut self, ended: &Elements, depth: usize) {
        if ended.differs {
            let unlike = self.proof.unlike.len() - 1;
            let old = self.old.text.get(ended.starts.0..self.old.at - 1).unwrap_or_default();
            let new = self.new.text.get(ended.starts.1..self.new.at - 1).unwrap_or_default();
            self.proof.parts.push(Part { array: ended.array, depth, unlike, old, new });
        }
    }

    /// The next byte of the left text that is no white space; zero at its end. Goes behind the white space on both sides.
    #[inline]
    fn peek(&mut self) -> u8 {
        match self.ahead() {
            [byte, ..] if *byte > b' ' => *byte,
            _ => self.peek_at_both(),
        }
    }

    #[inline(never)]
    fn peek_at_both(&mut self) -> u8 {
        self.new.peek();
        let next = self.old.peek();
        self.look_ahead();
        next
    }

    /// Goes behind this byte, if both sides have it next.
    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        if self.ahead().first() == Some(&byte) {
            self.advance(1);
            return Some(());
        }
        self.take_from_both(byte)
    }

    #[inline(never)]
    fn take_from_both(&mut self, byte: u8) -> Option<()> {
        self.old.take(byte)?;
        self.new.take(byte)
    }

    #[inline]
    fn advance(&mut self, bytes: usize) {
        self.old.at += bytes;
        self.new.at += bytes;
    }

    /// What comes next and is known to be the same on both sides.
    #[inline]
    fn ahead(&self) -> &'a [u8] {
        self.old.bytes.get(self.old.at..self.alike).unwrap_or_default()
    }

    /// Looks how much of what comes next is the same on both sides, if nothing is known of it.
    #[inline]
    fn look_ahead(&mut self) {
        if self.old.at >= self.alike {
            self.alike = self.old.at + token::common(self.old.rest(), self.new.rest());
        }
    }

    fn nest(&mut self, frame: Frame) -> Option<()> {
        if self.open.len() >= MAX_OPEN {
            return None;
        }
        self.open.push(frame);
        Some(())
    }

    #[inline]
    fn key(&mut self) -> Option<()> {
        self.peek();
        let start = self.old.at + 1;
        self.strings(Place::Key)?;
        let end = self.old.at - 1;
        if let Some(Frame::Object(name)) = self.open.last_mut() {
            *name = start..end;
        }
        self.take(b':')
    }

    /// Counts what a rule hides; gives up if it may not.
    fn note(&mut self, rule: Rule, key: Option<Range<usize>>) -> Option<()> {
        if let Some((_, count, _)) = self.proof.met.iter_mut().find(|(met, _, _)| *met == rule) {
            *count = count.saturating_add(1);
            return Some(());
        }
        if !self.rules.is_on(rule) || self.rules.is_scoped(rule) {
            self.refused = true;
            return None;
        }
        let path = self.pointer(key);
        self.proof.met.push((rule, 1, path));
        Some(())
    }

    /// The place of the value under way, or of the key of one, as a JSON pointer.
    fn pointer(&self, key: Option<Range<usize>>) -> String {
        const USUAL: usize = 48;
        let mut path = String::with_capacity(USUAL);
        let inner = self.open.len().saturating_sub(usize::from(key.is_some()));
        for frame in self.open.iter().take(inner) {
            walk::push_step(&mut path, self.step(frame));
        }
        key.into_iter().for_each(|key| walk::push_step(&mut path, self.named(key)));
        path
    }

    /// The way to the value under way.
    fn steps(&self) -> impl Iterator<Item = Step<'a>> {
        self.open.iter().map(|frame| self.step(frame))
    }

    #[inline]
    fn step(&self, frame: &Frame) -> Step<'a> {
        match frame {
            Frame::Object(name) => self.named(name.clone()),
            Frame::Array(elements) => Step::Index(elements.index),
        }
    }

    #[inline]
    fn named(&self, place: Range<usize>) -> Step<'a> {
        let text = self.old.text.get(place).unwrap_or_default();
        Step::Key(Raw { text, escaped: text.as_bytes().contains(&b'\\') })
    }
}
