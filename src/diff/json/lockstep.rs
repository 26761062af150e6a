//! The quick way: two texts read side by side, token by token, without a tape. It proves that they mean the same, or the same but for
//! one scalar, or gives up at the first thing that needs more thought; then nothing has been said, and [`super::walk`] starts over.
//!
//! The left text is checked against the grammar; the right one must have the same tokens at each step, so it is checked with it.

use super::number::{self, Spelling};
use super::parse::Raw;
use super::string;
use super::token::{self, is_blank};
use super::walk::Step;
use crate::diff::rules::{Rule, Rules};
use crate::diff::sink::Sink;

/// What cosmetic rules would hide: each with its count and the first place.
#[derive(Debug, Default)]
pub struct Proof<'a> {
    met: Vec<(Rule, u32, String)>,
    change: Option<Change<'a>>,
}

/// The one scalar that differs, at the same place on both sides. No array has more than one element that differs, so none is sought
/// elsewhere.
#[derive(Debug)]
pub struct Change<'a> {
    pub(super) path: Vec<Step<'a>>,
    pub old: &'a str,
    pub new: &'a str,
}

impl<'a> Proof<'a> {
    /// Tells what was hidden; what is left to be judged comes back.
    #[must_use]
    pub fn tell(self, sink: &mut Sink<'_>) -> Option<Change<'a>> {
        for (rule, count, path) in self.met {
            sink.hides_many(rule, count, path);
        }
        self.change
    }
}

/// Proves two texts equal but for cosmetics that are hidden everywhere, and for at most one scalar; `None`: not proven.
pub fn prove<'a>(control: &'a str, candidate: &'a str, rules: &Rules) -> Option<Proof<'a>> {
    let mut pair = Pair {
        old: Side::new(control),
        new: Side::new(candidate),
        open: Vec::with_capacity(16),
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
            b'"' => self.strings(Place::Here).map(|_| ()),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'-' | b'0'..=b'9' => self.numbers(),
            _ => return None,
        };
        if same.is_some() {
            return Some(());
        }
        (self.old.at, self.new.at) = starts;
        self.changed()
    }

    fn changed(&mut self) -> Option<()> {
        if self.refused || self.proof.change.is_some() || self.rules.names_arrays() {
            return None;
        }
        let (old, new) = (self.old.skip_scalar()?, self.new.skip_scalar()?);
        self.proof.change = Some(Change { path: self.steps(None), old, new });
        Some(())
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
        if number::is_beyond_use(old) || number::is_beyond_use(new) {
            return None;
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
            self.refused = true;
            return None;
        }
        let path = self.pointer(key);
        self.proof.met.push((rule, 1, path));
        Some(())
    }

    fn pointer(&self, key: Option<Raw<'a>>) -> String {
        super::walk::pointer(&self.steps(key))
    }

    /// The way to the value under way, or to the key of one.
    fn steps(&self, key: Option<Raw<'a>>) -> Vec<Step<'a>> {
        let inner = self.open.len().saturating_sub(usize::from(key.is_some()));
        let above = self.open.iter().take(inner).map(|frame| match frame {
            Frame::Object(name) => Step::Key(*name),
            Frame::Array(index) => Step::Index(*index),
        });
        above.chain(key.map(Step::Key)).collect()
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
