//! The quick way: two texts read side by side, token by token, without a tape. It proves that they mean the same, or gives up at the
//! first thing that needs more thought; then nothing has been said, and [`super::walk`] starts over.
//!
//! The left text is checked against the grammar; the right one must have the same tokens at each step, so it is checked with it.

use super::number::{self, Spelling};
use super::parse::Raw;
use super::string;
use super::token::{self, is_blank};
use crate::diff::rules::{Rule, Rules};
use crate::diff::sink::Sink;

/// What cosmetic rules would hide: each with its count and the first place.
#[derive(Debug, Default)]
pub struct Proof {
    met: Vec<(Rule, u32, String)>,
}

impl Proof {
    pub fn tell(self, sink: &mut Sink<'_>) {
        for (rule, count, path) in self.met {
            sink.hides_many(rule, count, path);
        }
    }
}

/// Proves two texts equal but for cosmetics that are hidden everywhere; `None`: not proven.
pub fn prove(control: &str, candidate: &str, rules: &Rules) -> Option<Proof> {
    let mut pair = Pair {
        old: Side::new(control),
        new: Side::new(candidate),
        open: Vec::with_capacity(16),
        rules,
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

/// One text, and how far it is read.
struct Side<'a> {
    text: &'a str,
    at: usize,
    blanks: usize,
}

impl<'a> Side<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, blanks: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no white space; zero at the end.
    #[inline]
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(byte) if is_blank(*byte) => {
                    self.at += 1;
                    self.blanks += 1;
                }
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }
}

/// A container under way.
enum Frame<'a> {
    Object(Raw<'a>),
    Array(usize),
}

struct Pair<'a, 'r> {
    old: Side<'a>,
    new: Side<'a>,
    open: Vec<Frame<'a>>,
    rules: &'r Rules,
    proof: Proof,
}

impl<'a> Pair<'a, '_> {
    fn document(&mut self) -> Option<()> {
        loop {
            if self.value()? {
                continue;
            }
            if self.close()? {
                return (self.old.peek() == 0
                    && self.new.peek() == 0
                    && self.old.rest().is_empty()
                    && self.new.rest().is_empty())
                .then_some(());
            }
        }
    }

    /// Reads a scalar or opens a container; `true`: a value is wanted next.
    fn value(&mut self) -> Option<bool> {
        let first = self.old.peek();
        match first {
            b'"' => {
                self.strings(Place::Here)?;
            }
            b'{' => {
                self.both(b'{')?;
                self.nest(Frame::Object(Raw { text: "", escaped: false }))?;
                if self.old.peek() != b'}' {
                    self.key()?;
                    return Some(true);
                }
            }
            b'[' => {
                self.both(b'[')?;
                self.nest(Frame::Array(0))?;
                return Some(self.old.peek() != b']');
            }
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            b'-' | b'0'..=b'9' => self.numbers()?,
            _ => return None,
        }
        Some(false)
    }

    /// After a value: `true` when the document is whole, `false` when another value is wanted.
    fn close(&mut self) -> Option<bool> {
        loop {
            let next = self.old.peek();
            match (self.open.last_mut(), next) {
                (None, _) => return Some(true),
                (Some(Frame::Array(index)), b',') => {
                    *index += 1;
                    self.both(b',')?;
                    return Some(false);
                }
                (Some(Frame::Object(_)), b',') => {
                    self.both(b',')?;
                    self.key()?;
                    return Some(false);
                }
                (Some(Frame::Array(_)), b']') | (Some(Frame::Object(_)), b'}') => {
                    self.both(next)?;
                    self.open.pop();
                }
                _ => return None,
            }
        }
    }

    /// Both sides have this byte next.
    #[inline]
    fn both(&mut self, byte: u8) -> Option<()> {
        if self.old.peek() != byte || self.new.peek() != byte {
            return None;
        }
        self.old.at += 1;
        self.new.at += 1;
        Some(())
    }

    fn nest(&mut self, frame: Frame<'a>) -> Option<()> {
        if self.open.len() >= MAX_OPEN {
            return None;
        }
        self.open.push(frame);
        Some(())
    }

    fn key(&mut self) -> Option<()> {
        let key = self.strings(Place::Key)?;
        if let Some(Frame::Object(name)) = self.open.last_mut() {
            *name = key;
        }
        self.both(b':')
    }

    fn strings(&mut self, place: Place) -> Option<Raw<'a>> {
        self.both(b'"')?;
        let common = token::common_plain(self.old.rest(), self.new.rest());
        if self.old.rest().get(common) == Some(&b'"') && self.new.rest().get(common) == Some(&b'"') {
            let raw = Raw { text: self.old.text.get(self.old.at..self.old.at + common)?, escaped: false };
            self.old.at += common + 1;
            self.new.at += common + 1;
            return Some(raw);
        }
        let (old, new) = (string_end(&mut self.old, common)?, string_end(&mut self.new, common)?);
        if old.text != new.text {
            for rule in string::same(old, new)?.rules() {
                let key = match place {
                    Place::Key => Some(old),
                    Place::Here => None,
                };
                self.note(rule, key)?;
            }
        }
        Some(old)
    }

    fn numbers(&mut self) -> Option<()> {
        let (old, new) = (number_end(&mut self.old)?, number_end(&mut self.new)?);
        if old == new {
            return Some(());
        }
        let rule = if number::exact(old).equals(&number::exact(new)) {
            match number::spelling(old, new) {
                Spelling::MinusZero => Rule::JsonMinusZero,
                Spelling::Exponent => Rule::JsonExponent,
                Spelling::WholeFloat => Rule::JsonWholeFloat,
            }
        } else if number::same_double(old, new) {
            Rule::JsonFloatDigits
        } else {
            return None;
        };
        self.note(rule, None)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.new.peek();
        if !self.old.rest().starts_with(word) || !self.new.rest().starts_with(word) {
            return None;
        }
        self.old.at += word.len();
        self.new.at += word.len();
        Some(())
    }

    /// Counts what a rule hides; gives up if it may not.
    fn note(&mut self, rule: Rule, key: Option<Raw<'a>>) -> Option<()> {
        if let Some((_, count, _)) = self.proof.met.iter_mut().find(|(met, _, _)| *met == rule) {
            *count = count.saturating_add(1);
            return Some(());
        }
        if !self.rules.is_on(rule) || self.rules.is_scoped(rule) {
            return None;
        }
        let path = self.pointer(key);
        self.proof.met.push((rule, 1, path));
        Some(())
    }

    fn pointer(&self, key: Option<Raw<'a>>) -> String {
        let mut path = String::new();
        let inner = self.open.len().saturating_sub(usize::from(key.is_some()));
        for frame in self.open.iter().take(inner) {
            super::walk::push_step(
                &mut path,
                match frame {
                    Frame::Object(name) => super::walk::Step::Key(*name),
                    Frame::Array(index) => super::walk::Step::Index(*index),
                },
            );
        }
        if let Some(key) = key {
            super::walk::push_step(&mut path, super::walk::Step::Key(key));
        }
        path
    }
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Key,
    Here,
}

/// Reads a string on, from behind its opening quote and bytes already known to be plain, to behind its closing one.
fn string_end<'a>(side: &mut Side<'a>, plain: usize) -> Option<Raw<'a>> {
    let (length, escaped) = token::string_length(side.rest(), plain).ok()?;
    let text = side.text.get(side.at..side.at + length)?;
    side.at += length + 1;
    Some(Raw { text, escaped })
}

fn number_end<'a>(side: &mut Side<'a>) -> Option<&'a str> {
    side.peek();
    let length = token::number_length(side.rest()).ok()?;
    let text = side.text.get(side.at..side.at + length)?;
    side.at += length;
    Some(text)
}
