//! The quick way: two texts read side by side, token by token, without a tape. It proves that they mean the same, or the same but for
//! some scalars and a few elements that one side has more, or gives up at the first thing that needs more thought; then nothing has
//! been said, and [`super::walk`] starts over.
//!
//! The left text is checked against the grammar; the right one must have the same tokens at each step, so it is checked with it.

mod gap;
mod proof;
mod side;

pub use proof::{Change, Owner, Part, Proof, Run, Unlike};

use std::ops::Range;

use smallvec::SmallVec;

use super::number;
use super::string::{self, Spellings};
use super::tape::Raw;
use super::token;
use super::walk::{self, Step};
use crate::diff::rules::{Rule, Rules};
use gap::Gap;
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
    let gap = gap::find(&pair)?;
    let array = gap.array;
    pair = Pair { gap: Some(gap), ..Pair::new(control, candidate, rules) };
    pair.run()?;
    // Where elements of the array itself differ, others may stand for each other.
    let is_one_sided = pair.gap.is_none() && pair.proof.parts.iter().all(|part| part.array != array);
    is_one_sided.then_some(pair.proof)
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

    fn document(&mut self) -> Option<()> {
        loop {
            if self.value()? {
                continue;
            }
            if self.close()? {
                self.old.peek();
                self.new.peek();
                return (self.old.rest().is_empty() && self.new.rest().is_empty()).then_some(());
            }
        }
    }

    /// Reads a scalar or opens a container; `true`: a value is wanted next.
    #[inline]
    fn value(&mut self) -> Option<bool> {
        let first = self.old.peek();
        match first {
            b'{' => {
                self.both(b'{')?;
                self.nest(Frame::Object(0..0))?;
                if self.old.peek() != b'}' {
                    self.key()?;
                    return Some(true);
                }
            }
            b'[' => {
                let array = self.old.at;
                self.both(b'[')?;
                let starts = (self.old.at, self.new.at);
                self.nest(Frame::Array(Elements { array, index: 0, starts, differs: false, first: None }))?;
                self.leap();
                return Some(self.old.peek() != b']');
            }
            _ => self.scalar(first)?,
        }
        Some(false)
    }

    /// Reads a scalar that means the same on both sides, or else takes it for the one that differs.
    #[inline]
    fn scalar(&mut self, first: u8) -> Option<()> {
        self.new.peek();
        let starts = (self.old.at, self.new.at);
        let same = match first {
            b'"' => self.strings(Place::Here).map(drop),
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
        let path = self.steps(None).collect();
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
        let text = side.text.get(gap.elements.clone()).unwrap_or_default();
        let starts = (self.old.at, self.new.at);
        if let Some(Frame::Array(elements)) = self.open.last_mut() {
            elements.starts = starts;
            if gap.owner == Owner::Old {
                elements.index += gap.count;
            }
        }
        let path = self.steps(None).take(above).collect();
        self.proof.unlike.push(Unlike::Elements(Run { path, index: gap.index, owner: gap.owner, text }));
    }

    /// After a value: `true` when the document is whole, `false` when another value is wanted.
    #[inline]
    fn close(&mut self) -> Option<bool> {
        loop {
            let mut next = self.old.peek();
            if self.gap.is_some() {
                self.new.peek();
                self.leap_over();
                next = self.old.peek();
            }
            match (self.open.last_mut(), next) {
                (None, _) => return Some(true),
                (Some(Frame::Object(_)), b',') => {
                    self.both(b',')?;
                    self.key()?;
                    return Some(false);
                }
                (Some(Frame::Array(elements)), b',') => {
                    let ended = *elements;
                    self.old.at += 1;
                    self.new.take(b',')?;
                    elements.index += 1;
                    elements.starts = (self.old.at, self.new.at);
                    elements.differs = false;
                    self.end_element(&ended);
                    self.leap();
                    return Some(false);
                }
                (Some(Frame::Array(elements)), b']') => {
                    let ended = *elements;
                    self.both(next)?;
                    self.open.pop();
                    self.end_element(&ended);
                }
                (Some(Frame::Object(_)), b'}') => {
                    self.both(next)?;
                    self.open.pop();
                }
                _ => return None,
            }
        }
    }

    /// An element has ended before the byte that was read last.
    #[inline]
    fn end_element(&mut self, ended: &Elements) {
        if ended.differs {
            let old = self.old.text.get(ended.starts.0..self.old.at - 1).unwrap_or_default();
            let new = self.new.text.get(ended.starts.1..self.new.at - 1).unwrap_or_default();
            self.proof.parts.push(Part { array: ended.array, old, new });
        }
    }

    /// Both sides have this byte next.
    #[inline]
    fn both(&mut self, byte: u8) -> Option<()> {
        self.old.take(byte)?;
        self.new.take(byte)
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
        let key = self.strings(Place::Key)?;
        if let Some(Frame::Object(name)) = self.open.last_mut() {
            *name = key;
        }
        self.both(b':')
    }

    /// Reads a string that means the same on both sides; where the left one stands, without its quotes.
    #[inline]
    fn strings(&mut self, place: Place) -> Option<Range<usize>> {
        self.both(b'"')?;
        let (old, new) = (self.old.rest(), self.new.rest());
        let common = token::common_plain(old, new);
        if old.get(common) == Some(&b'"') && new.get(common) == Some(&b'"') {
            let start = self.old.at;
            self.old.at += common + 1;
            self.new.at += common + 1;
            return Some(start..start + common);
        }
        self.spelled_strings(common, place)
    }

    /// Two strings that differ, or escape something, behind so many bytes.
    fn spelled_strings(&mut self, mut common: usize, place: Place) -> Option<Range<usize>> {
        let starts = (self.old.at, self.new.at);
        let mut met = Spellings::default();
        loop {
            self.old.at += common;
            self.new.at += common;
            match (self.old.rest(), self.new.rest()) {
                ([b'"', ..], [b'"', ..]) => {
                    self.old.at += 1;
                    self.new.at += 1;
                    break;
                }
                // The usual case, without looking for the ends first.
                ([b'\\', b'/', ..], [b'/', ..]) => {
                    met.add_slash();
                    self.old.at += 2;
                    self.new.at += 1;
                }
                _ => {
                    met = met.and(self.string_rests(starts)?);
                    break;
                }
            }
            common = token::common_plain(self.old.rest(), self.new.rest());
        }
        let key = starts.0..self.old.at - 1;
        for rule in met.rules() {
            let key = match place {
                Place::Key => Some(key.clone()),
                Place::Here => None,
            };
            self.note(rule, key)?;
        }
        Some(key)
    }

    /// Reads two strings to their ends, from within; `starts` is where they start.
    fn string_rests(&mut self, starts: (usize, usize)) -> Option<Spellings> {
        let within = (self.old.at, self.new.at);
        let (old_end, new_end) = (self.old.string_end()?, self.new.string_end()?);
        let raw = |text: &'a str| Raw { text, escaped: true };
        // Bytes that both have in common may end within a character.
        match (self.old.text.get(within.0..old_end), self.new.text.get(within.1..new_end)) {
            (Some(old), Some(new)) => string::same(raw(old), raw(new)),
            _ => {
                let (old, new) = (self.old.text.get(starts.0..old_end)?, self.new.text.get(starts.1..new_end)?);
                string::same(raw(old), raw(new))
            }
        }
    }

    #[inline]
    fn numbers(&mut self) -> Option<()> {
        let (old, new) = (self.old.rest(), self.new.rest());
        let length = token::number_length(old).ok()?;
        let goes_on = matches!(new.get(length), Some(b'0'..=b'9' | b'.' | b'e' | b'E'));
        if !goes_on && old.get(..length) == new.get(..length) {
            self.old.at += length;
            self.new.at += length;
            return Some(());
        }
        self.spelled_numbers()
    }

    fn spelled_numbers(&mut self) -> Option<()> {
        let (old, new) = (self.old.number_end()?, self.new.number_end()?);
        if number::is_beyond_use(old) || number::is_beyond_use(new) {
            return None;
        }
        let rule = match number::respelled(old, new) {
            Some(spelling) => spelling.rule(),
            None if number::same_double(old, new) => Rule::JsonFloatDigits,
            None => return None,
        };
        self.note(rule, None)
    }

    #[inline]
    fn word(&mut self, word: &[u8]) -> Option<()> {
        if !self.old.rest().starts_with(word) || !self.new.rest().starts_with(word) {
            return None;
        }
        self.old.at += word.len();
        self.new.at += word.len();
        Some(())
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

    #[cold]
    fn pointer(&self, key: Option<Range<usize>>) -> String {
        const USUAL: usize = 32;
        let mut path = String::with_capacity(USUAL);
        for step in self.steps(key) {
            walk::push_step(&mut path, step);
        }
        path
    }

    /// The way to the value under way, or to the key of one.
    fn steps(&self, key: Option<Range<usize>>) -> impl Iterator<Item = Step<'a>> {
        let inner = self.open.len().saturating_sub(usize::from(key.is_some()));
        let named = |place: Range<usize>| {
            let text = self.old.text.get(place).unwrap_or_default();
            Step::Key(Raw { text, escaped: text.bytes().any(|byte| byte == b'\\') })
        };
        let above = self.open.iter().take(inner).map(move |frame| match frame {
            Frame::Object(name) => named(name.clone()),
            Frame::Array(elements) => Step::Index(elements.index),
        });
        above.chain(key.map(named))
    }
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Key,
    Here,
}
