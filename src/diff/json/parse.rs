//! Text → [`Tape`], without a recursion: what is open stands on a list.
//!
//! Strict JSON (RFC 8259), but for `NaN` and `Infinity`, which Python prints: they become [`Kind::Odd`], so that they can be located.

use super::fault::Fault;
use super::tape::{Kind, Node, START_BITS, Tape};
use super::token::{is_blank, number_length, string_length};

/// Nesting deeper than this is not taken apart: the walk recurses, and a level costs up to 8 KiB of a thread's 2 MiB stack in a debug
/// build. No answer of use is as deep.
pub const MAX_DEPTH: usize = 128;

/// Bytes of tape per four bytes of text, and what any text may have beside that: the pair's memory bound.
const TAPE_PER_FOUR: usize = 8;
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

    /// The tape of a scalar that was read before.
    pub fn of_scalar(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let (kind, quote) = match bytes.first() {
            Some(b'"') => (Kind::String, 1),
            Some(b't') => (Kind::True, 0),
            Some(b'f') => (Kind::False, 0),
            Some(b'n') => (Kind::Null, 0),
            _ => (Kind::Number, 0),
        };
        let end = text.len() - quote;
        let node = match kind {
            Kind::String => Node::string(bytes.contains(&b'\\'), quote, end),
            kind => Node::new(kind, 0, end),
        };
        Self::new(text, vec![node], 0)
    }

    /// As [`Tape::parse`], into a tape of at most so many bytes.
    ///
    /// # Errors
    /// What stands in the way, and where.
    pub fn parse_within(text: &'a str, room: usize) -> Result<Self, Fault> {
        let mut parser = Parser::new(text, 1, room);
        parser.document()?;
        let rest = text.as_bytes().get(parser.at..).unwrap_or_default();
        if let Some(at) = rest.iter().position(|byte| !is_blank(*byte)) {
            return Err(Fault::Trailing(parser.at + at));
        }
        parser.blanks += rest.len();
        Ok(parser.finish())
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
        for line in text.lines().filter(|line| line.bytes().any(|byte| !is_blank(byte))) {
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
        Ok(parser.finish())
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

    fn finish(self) -> Tape<'a> {
        Tape::new(self.text, self.nodes, self.blanks)
    }

    /// One document, and the white space before it.
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
