//! The tape of a parsed text: a flat list of nodes that point into the text, and the ways to walk over it. [`super::parse`] makes it.
//!
//! Nothing is decoded, copied or rounded here; duplicate keys stay.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Null = 0,
    True,
    False,
    /// `NaN`, `Infinity`, `-Infinity`: not JSON.
    Odd,
    Number,
    /// Without its quotes; the flag of the node says whether it holds escapes.
    String,
    /// Children are values.
    Array,
    /// Children are a key (String) and a value in turn.
    Object,
    /// Closes an array or object.
    End,
}

/// Eight bytes: small enough that the tape of ordinary JSON is smaller than its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// Kind (the upper four bits) and start.
    head: u32,
    /// Of a scalar: where its text ends. Of a container: index of the node after its End.
    pub(super) extent: u32,
}

/// Bits of a node's head for its start: texts are shorter than 256 MiB.
pub(super) const START_BITS: u32 = 28;

impl Node {
    const ESCAPED: u32 = 9;

    #[inline]
    pub(super) fn new(kind: Kind, start: usize, extent: usize) -> Self {
        Self { head: (kind as u32) << START_BITS | start as u32, extent: extent as u32 }
    }

    #[inline]
    pub(super) fn string(escaped: bool, start: usize, end: usize) -> Self {
        let plain = Self::new(Kind::String, start, end);
        if escaped { Self { head: Self::ESCAPED << START_BITS | start as u32, ..plain } } else { plain }
    }

    #[inline]
    fn start(self) -> usize {
        (self.head & ((1 << START_BITS) - 1)) as usize
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        match self.head >> START_BITS {
            0 => Kind::Null,
            1 => Kind::True,
            2 => Kind::False,
            3 => Kind::Odd,
            4 => Kind::Number,
            5 | Self::ESCAPED => Kind::String,
            6 => Kind::Array,
            7 => Kind::Object,
            _ => Kind::End,
        }
    }

    #[inline]
    fn is_escaped(self) -> bool {
        self.head >> START_BITS == Self::ESCAPED
    }
}

/// Containers of which it is kept what they mean, or that they differ: some hundred KiB.
pub const MOST_REMEMBERED: usize = 8192;

/// Containers shorter than this are sooner looked at again. Bytes.
pub const REMEMBERED_FROM: usize = 256;

/// A parsed text.
#[derive(Debug)]
pub struct Tape<'a> {
    pub text: &'a str,
    nodes: Vec<Node>,
    /// Bytes of white space between tokens.
    pub blanks: usize,
    /// What containers mean: a hash for each that was asked for, so that what is nested is looked at once.
    known: RefCell<HashMap<u32, u64>>,
    /// Nodes that were looked at, since last asked.
    looked: Cell<usize>,
}

/// A string as it stands in the text, without quotes.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    pub text: &'a str,
    pub escaped: bool,
}

impl<'a> Tape<'a> {
    /// The tape of a text, out of what its parser read.
    pub(super) fn new(text: &'a str, nodes: Vec<Node>, blanks: usize) -> Self {
        Self { text, nodes, blanks, known: RefCell::default(), looked: Cell::new(0) }
    }

    pub const ROOT: usize = 0;

    #[inline]
    fn node(&self, at: usize) -> Node {
        const NOTHING: Node = Node { head: (Kind::End as u32) << START_BITS, extent: 0 };
        self.nodes.get(at).copied().unwrap_or(NOTHING)
    }

    #[inline]
    pub fn kind(&self, at: usize) -> Kind {
        self.node(at).kind()
    }

    /// The node after this value and all it holds.
    #[inline]
    pub fn after(&self, at: usize) -> usize {
        let node = self.node(at);
        match node.kind() {
            Kind::Array | Kind::Object => node.extent as usize,
            _ => at + 1,
        }
    }

    /// Where the text of a value stands: of a string, what is between its quotes; of a container, all of it.
    #[inline]
    fn place(&self, at: usize) -> Range<usize> {
        let node = self.node(at);
        let end = match node.kind() {
            Kind::Array | Kind::Object => self.node(node.extent as usize - 1).extent,
            _ => node.extent,
        };
        node.start()..end as usize
    }

    /// The text of a value: of a string, what is between its quotes; of a container, all of it.
    #[inline]
    pub fn slice(&self, at: usize) -> &'a str {
        self.text.get(self.place(at)).unwrap_or_default()
    }

    /// Bytes of the text of a value.
    #[inline]
    pub fn length(&self, at: usize) -> usize {
        self.place(at).len()
    }

    /// Whether a value is a string with escapes.
    pub fn is_escaped(&self, at: usize) -> bool {
        self.node(at).is_escaped()
    }

    /// Bytes that the tape takes.
    pub fn size(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }

    /// A value as JSON text.
    pub fn shown(&self, at: usize) -> &'a str {
        let node = self.node(at);
        if node.kind() != Kind::String {
            return self.slice(at);
        }
        self.text.get(node.start() - 1..node.extent as usize + 1).unwrap_or_default()
    }

    #[inline]
    pub fn string(&self, at: usize) -> Raw<'a> {
        Raw { text: self.slice(at), escaped: self.node(at).is_escaped() }
    }

    /// Values of an array.
    pub fn elements(&self, array: usize) -> Elements<'_, 'a> {
        Elements { tape: self, at: array + 1 }
    }

    /// Keys and values of an object.
    pub fn members(&self, object: usize) -> Members<'_, 'a> {
        Members { tape: self, at: object + 1 }
    }

    /// What a container was found to mean.
    pub fn known(&self, at: usize) -> Option<u64> {
        self.known.borrow().get(&(at as u32)).copied()
    }

    /// Keeps what a container means, as long as there is room for it.
    pub fn remember(&self, at: usize, meaning: u64) {
        let mut known = self.known.borrow_mut();
        if known.len() < MOST_REMEMBERED {
            known.insert(at as u32, meaning);
        }
    }

    /// Counts what was looked at.
    pub fn look(&self, steps: usize) {
        self.looked.set(self.looked.get().saturating_add(steps));
    }

    /// How much was looked at since last asked.
    pub fn looked(&self) -> usize {
        self.looked.take()
    }

    /// Nodes of a subtree: a measure of the work it is.
    pub fn weight(&self, at: usize) -> usize {
        self.after(at) - at
    }
}

#[derive(Debug)]
pub struct Elements<'t, 'a> {
    tape: &'t Tape<'a>,
    at: usize,
}

impl Iterator for Elements<'_, '_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let found = self.at;
        if self.tape.kind(found) == Kind::End {
            return None;
        }
        self.at = self.tape.after(found);
        Some(found)
    }
}

#[derive(Debug)]
pub struct Members<'t, 'a> {
    tape: &'t Tape<'a>,
    at: usize,
}

impl<'a> Iterator for Members<'_, 'a> {
    type Item = (Raw<'a>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.at;
        if self.tape.kind(key) == Kind::End {
            return None;
        }
        self.at = self.tape.after(key + 1);
        Some((self.tape.string(key), key + 1))
    }
}
