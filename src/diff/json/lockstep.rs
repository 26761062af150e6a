//! The quick way: two texts read side by side, token by token, without a tape. It proves that they mean the same, or the same but for
//! some scalars, or gives up at the first thing that needs more thought; then nothing has been said, and [`super::walk`] starts over.
//!
//! The left text is checked against the grammar; the right one must have the same tokens at each step, so it is checked with it.

use std::ops::Range;

use smallvec::SmallVec;

use super::number;
use super::string::{self, Spellings};
use super::tape::Raw;
use super::token::{self, is_blank};
use super::walk::{self, Step};
use crate::diff::rules::{Rule, Rules};
use crate::diff::sink::Sink;

/// What cosmetic rules would hide: each with its count and the first place.
#[derive(Debug, Default)]
pub struct Proof<'a> {
    met: Vec<(Rule, u32, String)>,
    changes: Vec<Change<'a>>,
    parts: Vec<Part<'a>>,
}

/// A scalar that differs, at the same place on both sides.
#[derive(Debug)]
pub struct Change<'a> {
    pub(super) path: Vec<Step<'a>>,
    pub old: &'a str,
    pub new: &'a str,
}

/// An element of an array in which a scalar differs.
#[derive(Debug)]
pub struct Part<'a> {
    /// Where the array begins in the left text.
    array: usize,
    pub old: &'a str,
    pub new: &'a str,
}

impl<'a> Proof<'a> {
    /// The elements that differ, of each array that has several: it may be that they stand elsewhere on the other side.
    pub fn siblings(&mut self) -> impl Iterator<Item = &[Part<'a>]> {
        self.parts.sort_by_key(|part| part.array);
        self.parts.chunk_by(|one, next| one.array == next.array).filter(|parts| parts.len() > 1)
    }

    /// Tells what was hidden; what is left to be judged comes back.
    #[must_use]
    pub fn tell(self, sink: &mut Sink<'_>) -> Vec<Change<'a>> {
        for (rule, count, path) in self.met {
            sink.hides_times(rule, count, || path);
        }
        self.changes
    }
}

/// Proves two texts equal but for cosmetics that are hidden everywhere, and for a few scalars; `None`: not proven.
pub fn prove<'a>(control: &'a str, candidate: &'a str, rules: &Rules) -> Option<Proof<'a>> {
    let mut pair = Pair {
        old: Side::new(control),
        new: Side::new(candidate),
        open: SmallVec::new(),
        rules,
        refused: false,
        proof: Proof::default(),
    };
    pair.document()?;
    if pair.old.blanks != pair.new.blanks {
        pair.note(Rule::JsonWhitespace, None)?;
    }
    Some(pair.proof)
}

/// Containers under way; nothing recurses here, so the bound is only there to be one.
const MAX_OPEN: usize = 4096;

/// Scalars that differ; with more, another way of holding the two against each other may be better.
const MAX_CHANGES: usize = 64;

/// Containers under way in ordinary answers.
const FEW_OPEN: usize = 16;

/// One text, and how far it is read.
struct Side<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    blanks: usize,
}

impl<'a> Side<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, blanks: 0 }
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Goes behind the scalar that stands here, and gives it as it is written.
    fn skip_scalar(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let length = match rest.first()? {
            b'"' => token::string_length(rest.get(1..)?, 0).ok()?.0 + 2,
            b'-' | b'0'..=b'9' => token::number_length(rest).ok()?,
            _ => [&b"true"[..], b"false", b"null"].iter().find(|word| rest.starts_with(word))?.len(),
        };
        let scalar = self.text.get(self.at..self.at + length)?;
        self.at += length;
        Some(scalar)
    }

    /// The next byte that is no white space; zero at the end.
    #[inline]
    fn peek(&mut self) -> u8 {
        match self.bytes.get(self.at) {
            Some(byte) if *byte > b' ' => *byte,
            _ => self.peek_behind_blanks(),
        }
    }

    fn peek_behind_blanks(&mut self) -> u8 {
        let rest = self.rest();
        let blanks = rest.iter().take_while(|byte| is_blank(**byte)).count();
        self.at += blanks;
        self.blanks += blanks;
        rest.get(blanks).copied().unwrap_or(0)
    }

    /// Goes behind this byte, if it comes next.
    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        if self.peek() != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }
}

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
}

struct Pair<'a, 'r> {
    old: Side<'a>,
    new: Side<'a>,
    open: SmallVec<[Frame; FEW_OPEN]>,
    rules: &'r Rules,
    /// A rule that would be needed is not in force everywhere.
    refused: bool,
    proof: Proof<'a>,
}

impl<'a> Pair<'a, '_> {
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
                self.nest(Frame::Array(Elements { array, index: 0, starts, differs: false }))?;
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
        if self.refused || self.proof.changes.len() >= MAX_CHANGES || self.rules.names_arrays() {
            return None;
        }
        let (old, new) = (self.old.skip_scalar()?, self.new.skip_scalar()?);
        let path = self.steps(None).collect();
        self.proof.changes.push(Change { path, old, new });
        for frame in &mut self.open {
            if let Frame::Array(elements) = frame {
                elements.differs = true;
            }
        }
        Some(())
    }

    /// After a value: `true` when the document is whole, `false` when another value is wanted.
    #[inline]
    fn close(&mut self) -> Option<bool> {
        loop {
            let next = self.old.peek();
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
        let (old_end, new_end) = (string_end(&mut self.old)?, string_end(&mut self.new)?);
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
        let (old, new) = (number_end(&mut self.old)?, number_end(&mut self.new)?);
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

/// Reads a string to behind its closing quote, from within; where that quote stands.
fn string_end(side: &mut Side<'_>) -> Option<usize> {
    let (length, _) = token::string_length(side.rest(), 0).ok()?;
    let end = side.at + length;
    side.at = end + 1;
    Some(end)
}

fn number_end<'a>(side: &mut Side<'a>) -> Option<&'a str> {
    let length = token::number_length(side.rest()).ok()?;
    let text = side.text.get(side.at..side.at + length)?;
    side.at += length;
    Some(text)
}
