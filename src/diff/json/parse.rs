//! Text → tape: a flat list of nodes that point into the text. Nothing is decoded, copied or rounded here; duplicate keys stay.
//!
//! Strict JSON (RFC 8259), but for `NaN` and `Infinity`, which Python prints: they become [`Kind::Odd`], so that they can be located.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;

use super::token::{is_blank, number_length, string_length};

/// Nesting deeper than this is not taken apart: the walk recurses, and a level costs up to 8 KiB of a thread's 2 MiB stack in a debug
/// build. No answer of use is as deep.
pub const MAX_DEPTH: usize = 128;

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
struct Node {
    /// Kind (the upper four bits) and start.
    head: u32,
    /// Of a scalar: where its text ends. Of a container: index of the node after its End.
    extent: u32,
}

/// Bits of a node's head for its start: texts are shorter than 256 MiB.
const START_BITS: u32 = 28;

impl Node {
    const ESCAPED: u32 = 9;

    fn new(kind: Kind, start: usize, extent: usize) -> Self {
        Self { head: (kind as u32) << START_BITS | start as u32, extent: extent as u32 }
    }

    fn string(escaped: bool, start: usize, end: usize) -> Self {
        let plain = Self::new(Kind::String, start, end);
        if escaped { Self { head: Self::ESCAPED << START_BITS | start as u32, ..plain } } else { plain }
    }

    #[inline]
    fn start(self) -> usize {
        (self.head & ((1 << START_BITS) - 1)) as usize
    }

    #[inline]
    fn kind(self) -> Kind {
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

/// Why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but white space.
    Empty,
    /// It ends in the middle, at this byte.
    Truncated(usize),
    /// Something that is not JSON stands at this byte.
    Unexpected(usize),
    /// A whole document ends at this byte, and more follows.
    Trailing(usize),
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
    /// More values than the memory bound allows.
    TooMany,
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
    /// Where the first document ends.
    pub end: usize,
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

/// Bytes of tape per four bytes of text, and what any text may have beside that: the pair's memory bound.
const TAPE_PER_FOUR: usize = 5;
const TAPE_FLOOR: usize = 1 << 20;

/// Values of a text, whatever its size: more than two texts may have within a pair's work.
const MOST_NODES: usize = 800_000;

impl<'a> Tape<'a> {
    /// Parses one document and asks that nothing follows.
    ///
    /// # Errors
    /// What stands in the way, and where.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        Self::parse_within(text, usize::MAX)
    }

    /// As [`Tape::parse`], into a tape of at most so many bytes.
    ///
    /// # Errors
    /// What stands in the way, and where.
    pub fn parse_within(text: &'a str, room: usize) -> Result<Self, Fault> {
        let mut parser = Parser::new(text, 1, room);
        parser.document()?;
        let tape = Self::of(parser);
        let rest = text.as_bytes().get(tape.end..).unwrap_or_default();
        match rest.iter().position(|byte| !is_blank(*byte)) {
            None => Ok(Self { blanks: tape.blanks + rest.len(), ..tape }),
            Some(at) => Err(Fault::Trailing(tape.end + at)),
        }
    }

    /// Parses JSON lines, documents that each stand on a line of their own, as if they were the elements of one array.
    ///
    /// # Errors
    /// A line is no document, there are fewer than `least`, or the tape would be larger than `room`.
    pub fn parse_lines(text: &'a str, least: usize, room: usize) -> Result<Self, Fault> {
        let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
        let mut parser = Parser::new(text, lines, room);
        parser.nodes.push(Node::new(Kind::Array, 0, 0));
        let mut count = 0;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let end = line.as_ptr() as usize - text.as_ptr() as usize + line.len();
            parser.at = end - line.len();
            parser.document()?;
            parser.skip_blanks();
            if parser.at < end {
                return Err(Fault::Trailing(parser.at));
            }
            count += 1;
        }
        if count < least {
            return Err(Fault::Empty);
        }
        let after = parser.nodes.len() as u32 + 1;
        if let Some(root) = parser.nodes.first_mut() {
            root.extent = after;
        }
        parser.nodes.push(Node::new(Kind::End, text.len(), text.len()));
        parser.at = text.len();
        Ok(Self::of(parser))
    }

    fn of(parser: Parser<'a>) -> Self {
        Self {
            text: parser.text,
            nodes: parser.nodes,
            blanks: parser.blanks,
            end: parser.at,
            known: RefCell::default(),
            looked: Cell::new(0),
        }
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

impl Fault {
    /// The same fault of a text that begins at `by`.
    fn moved(self, by: usize) -> Self {
        match self {
            Self::Truncated(at) => Self::Truncated(at + by),
            Self::Unexpected(at) => Self::Unexpected(at + by),
            Self::Trailing(at) => Self::Trailing(at + by),
            other => other,
        }
    }
}

/// At least as many nodes as a text has: each value and key but a container's first stands behind a comma or colon; for each opening
/// bracket there is that first one, and an end.
fn most_nodes(text: &[u8]) -> usize {
    let count = |part: &[u8]| -> u8 {
        let is_open = |byte: &u8| matches!(byte, b'[' | b'{');
        part.iter().map(|byte| u8::from(matches!(byte, b',' | b':')) + 2 * u8::from(is_open(byte))).sum()
    };
    // In parts so short that a byte counts them: the compiler then looks at many bytes at once.
    const PART: usize = 127;
    text.chunks(PART).map(|part| usize::from(count(part))).sum()
}

/// Nodes of a list of lines itself.
const AROUND: usize = 2;

/// Nodes that are read before somebody asks whether there are too many.
const MARGIN: usize = MAX_DEPTH + 8;

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    blanks: usize,
    most: usize,
    nodes: Vec<Node>,
    /// Indexes of the containers that are open.
    open: Vec<u32>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, documents: usize, room: usize) -> Self {
        let bytes = (text.len() / 4 * TAPE_PER_FOUR + TAPE_FLOOR).min(room);
        let most = (bytes / size_of::<Node>()).min(MOST_NODES);
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            blanks: 0,
            most,
            // All at once: a list that grows is there twice while it is copied.
            nodes: Vec::with_capacity((most_nodes(text.as_bytes()) + documents + AROUND).min(most + MARGIN)),
            open: Vec::new(),
        }
    }

    fn document(&mut self) -> Result<(), Fault> {
        if self.bytes.len() >> START_BITS > 0 {
            return Err(Fault::TooMany);
        }
        self.skip_blanks();
        if self.at == self.bytes.len() {
            return Err(Fault::Empty);
        }
        loop {
            if self.nodes.len() > self.most {
                return Err(Fault::TooMany);
            }
            // A value is wanted here; afterwards commas and closing brackets lead to the next one, or to the end.
            let opened = self.value()?;
            if !opened && self.close()? {
                return Ok(());
            }
        }
    }

    /// Reads a scalar, or opens a container (and, of an object, reads the first key). `true`: a value is wanted next.
    fn value(&mut self) -> Result<bool, Fault> {
        let start = self.at;
        match self.peek()? {
            b'"' => self.string()?,
            b'{' => {
                self.open(Kind::Object)?;
                if self.peek()? != b'}' {
                    self.key()?;
                    return Ok(true);
                }
            }
            b'[' => {
                self.open(Kind::Array)?;
                return Ok(self.peek()? != b']');
            }
            b't' => self.word("true", Kind::True)?,
            b'f' => self.word("false", Kind::False)?,
            b'n' => self.word("null", Kind::Null)?,
            b'N' => self.word("NaN", Kind::Odd)?,
            b'I' => self.word("Infinity", Kind::Odd)?,
            b'-' if self.bytes.get(start + 1) == Some(&b'I') => self.word("-Infinity", Kind::Odd)?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(Fault::Unexpected(start)),
        }
        Ok(false)
    }

    /// After a value: `true` when the document is whole, `false` when another value is wanted.
    fn close(&mut self) -> Result<bool, Fault> {
        loop {
            let Some(&innermost) = self.open.last() else { return Ok(true) };
            self.skip_blanks();
            let container = self.nodes.get(innermost as usize).map(|node| node.kind());
            let fresh = self.nodes.len() == innermost as usize + 1;
            match (self.peek()?, container) {
                (b'}', Some(Kind::Object)) | (b']', Some(Kind::Array)) => {
                    self.at += 1;
                    self.nodes.push(Node::new(Kind::End, self.at - 1, self.at));
                    let next = self.nodes.len() as u32;
                    if let Some(node) = self.nodes.get_mut(innermost as usize) {
                        node.extent = next;
                    }
                    self.open.pop();
                }
                (b',', _) if !fresh => {
                    self.at += 1;
                    self.skip_blanks();
                    if container == Some(Kind::Object) {
                        self.key()?;
                    }
                    return Ok(false);
                }
                _ => return Err(Fault::Unexpected(self.at)),
            }
        }
    }

    fn open(&mut self, kind: Kind) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.open.push(self.nodes.len() as u32);
        self.nodes.push(Node::new(kind, self.at, 0));
        self.at += 1;
        self.skip_blanks();
        Ok(())
    }

    fn key(&mut self) -> Result<(), Fault> {
        if self.peek()? != b'"' {
            return Err(Fault::Unexpected(self.at));
        }
        self.string()?;
        self.skip_blanks();
        if self.peek()? != b':' {
            return Err(Fault::Unexpected(self.at));
        }
        self.at += 1;
        self.skip_blanks();
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        let start = self.at + 1;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let (length, escaped) = string_length(rest, 0).map_err(|fault| fault.moved(start))?;
        self.at = start + length + 1;
        self.nodes.push(Node::string(escaped, start, start + length));
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        self.at += number_length(rest).map_err(|fault| fault.moved(start))?;
        self.nodes.push(Node::new(Kind::Number, start, self.at));
        Ok(())
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            let cut = word.as_bytes().starts_with(rest);
            return Err(if cut { Fault::Truncated(self.bytes.len()) } else { Fault::Unexpected(self.at) });
        }
        let start = self.at;
        self.at += word.len();
        self.nodes.push(Node::new(kind, start, self.at));
        Ok(())
    }

    fn peek(&self) -> Result<u8, Fault> {
        self.bytes.get(self.at).copied().ok_or(Fault::Truncated(self.at))
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.bytes.get(self.at)
            && is_blank(*byte)
        {
            self.at += 1;
            self.blanks += 1;
        }
    }
}
