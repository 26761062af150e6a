//! Where an HTTP/1 client's requests begin and end, checked byte by byte before pingora reads them.
//!
//! Pingora takes some things that two servers read in two ways: line ends of both kinds in one head, Content-Length beside
//! Transfer-Encoding, raw spaces in a target, an empty chunk size, line feeds inside of a chunk's extension. What a proxy in
//! front of us, or a backend, may read as two requests must not pass. The bytes are spoilt from that place on, in a way that
//! pingora surely refuses: so the refusal takes the one usual way, and nothing behind it is believed.
//!
//! Not checked here: what pingora refuses by itself, and what depends on the meaning of a header (see [`super::hygiene`]).

pub mod target;
pub mod withheld;

use bytes::{Buf, BytesMut};
use memchr::memchr;
use tokio::io::ReadBuf;

use target::{Word, is_masked};
use withheld::{Malformed, SHOWN_LINES, Withheld};

/// Bytes of a head that are read beyond what a head may have, so that whoever sends them is told 431. Pingora keeps a head of up to
/// 1 MiB until it ends, and a line of it is kept here: what is longer than this is not waited for.
const LEEWAY: usize = 64 << 10;
/// Longest line between chunks, bytes: a size, an extension that nobody uses, or a trailer.
const LONGEST_CHUNK_LINE: usize = 8 * 1024;
/// Bytes of a target that the library can hold.
const LONGEST_TARGET: usize = u16::MAX as usize - 1;
/// Largest body or chunk, bytes: who counts in signed numbers counts no further, and nobody ever will.
const LARGEST: u64 = i64::MAX as u64;
/// Hexadecimal digits of a chunk's size: 64 bits, with room for leading zeros.
const SIZE_DIGITS: usize = 16;
/// Two carriage returns in a row end no line of anybody's, so pingora refuses them at once.
const SPOILT: &[u8] = b"\r\r";
/// Kept for the next line that comes in pieces, bytes.
const USUAL_LINE: usize = 1024;

/// Follows one connection's bytes.
#[derive(Debug)]
pub struct Framing {
    /// Bytes that a head may have, and those that the present one may still have.
    longest_head: usize,
    left_of_head: usize,
    state: State,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    head: Head,
    /// Requests begun.
    requests: u32,
    word: Word,
    /// Of the present request; and of those before it, as far as it was not yet taken.
    present: Withheld,
    withheld: Vec<Withheld>,
    /// What is to be shown in the place of bytes that came, where lines between them are withheld.
    shown: BytesMut,
    /// What came behind the head of a request for another protocol.
    beyond: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a request: empty lines are skipped (RFC 9112, section 2.2).
    Start,
    Headers,
    /// Bytes of a body with a length that are still to come.
    Length(u64),
    ChunkSize,
    ChunkData(u64),
    /// The line end behind a chunk's data; so many of its bytes have come.
    ChunkEnd(u8),
    Trailers,
    /// Another protocol may follow, or pingora refuses the head by itself.
    Blind,
    /// Another protocol may follow, and it may be for others than pingora: it is not shown yet.
    Beyond,
    /// Nothing of what follows may be believed.
    Spoilt,
}

/// What a head has said so far about its end and its body's.
#[derive(Debug, Default)]
struct Head {
    ends: Option<LineEnd>,
    lengths: u32,
    length: Option<u64>,
    /// Bytes of the target.
    target: usize,
    codings: u32,
    chunked: bool,
    upgrade: bool,
    /// Header lines.
    lines: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    CrLf,
    Lf,
}

impl LineEnd {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::CrLf => b"\r\n",
            Self::Lf => b"\n",
        }
    }
}

/// Two servers may read it in two ways.
struct Ambiguous;

impl Framing {
    /// Of a connection whose heads may have so many bytes.
    pub fn new(max_header_bytes: usize) -> Self {
        let longest_head = max_header_bytes + LEEWAY;
        Self {
            longest_head,
            left_of_head: longest_head,
            state: State::Start,
            begun: Vec::new(),
            head: Head::default(),
            requests: 0,
            word: Word::default(),
            present: Withheld::default(),
            withheld: Vec::new(),
            shown: BytesMut::new(),
            beyond: Vec::new(),
        }
    }

    /// Looks at bytes in the order in which they came; spoils them from the first that breaks the rules. The library is to be shown
    /// so many of them as this says, and then what [`show`](Self::show) gives.
    pub fn check(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        // Where those begin that are not shown as they came.
        let mut sieved = None;
        while at < bytes.len() {
            if self.state == State::Beyond {
                self.beyond.extend_from_slice(&bytes[at..]);
                return sieved.unwrap_or(at);
            }
            let before = self.state;
            let begins = self.sieves().then_some(at);
            match self.step(&bytes[at..]) {
                Ok(taken) => {
                    let piece = &mut bytes[at..at + taken];
                    if before == State::Start {
                        self.word.mask(piece);
                    }
                    // Of a line that is sieved as much is shown by now as is to be.
                    if begins.is_none() && sieved.is_some() {
                        self.shown.extend_from_slice(piece);
                    }
                    sieved = sieved.or(begins);
                    at += taken;
                }
                Err(Spoil { taken }) => {
                    self.spoil(bytes, at + taken);
                    if sieved.or(begins).is_some() {
                        self.shown.extend_from_slice(SPOILT);
                    }
                    sieved = sieved.or(begins);
                    break;
                }
            }
        }
        sieved.unwrap_or(bytes.len())
    }

    /// What of sieved bytes is to be shown, as far as there is room.
    pub fn show(&mut self, room: &mut ReadBuf<'_>) {
        let fits = self.shown.len().min(room.remaining());
        room.put_slice(&self.shown[..fits]);
        self.shown.advance(fits);
        if self.shown.is_empty() {
            self.shown = BytesMut::new();
        }
    }

    /// Whether the library refuses the present request for the length of its target alone.
    pub fn is_target_too_long(&self) -> bool {
        self.state != State::Spoilt && self.head.target > LONGEST_TARGET
    }

    /// Whether some of a head is there, and not all of it.
    pub fn is_within_a_head(&self) -> bool {
        self.state == State::Headers || self.state == State::Start && !self.begun.is_empty()
    }

    /// Whether the request of this number has come whole, whatever has come behind it.
    pub fn has_whole(&self, request: u32) -> bool {
        self.requests > request || matches!(self.state, State::Start | State::Spoilt)
    }

    pub fn has_to_show(&self) -> bool {
        !self.shown.is_empty()
    }

    /// Whether a request for another protocol has come whole, and what follows it is not shown.
    pub fn is_beyond(&self) -> bool {
        self.state == State::Beyond
    }

    /// What followed it until now.
    pub fn beyond(&self) -> &[u8] {
        &self.beyond
    }

    pub fn take_beyond(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.beyond)
    }

    /// What follows is pingora's after all.
    pub fn show_beyond(&mut self) {
        self.shown.extend_from_slice(&std::mem::take(&mut self.beyond));
        self.state = State::Blind;
    }

    /// What was withheld of requests whose heads ended since the last call.
    pub fn take_withheld(&mut self) -> Vec<Withheld> {
        std::mem::take(&mut self.withheld)
    }

    /// Whether the next line, or what comes of it, is shown only if it has to be.
    fn sieves(&self) -> bool {
        self.state == State::Headers && self.head.lines >= SHOWN_LINES
    }

    /// Takes at least one byte.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Spoil> {
        match self.state {
            State::Blind | State::Beyond => Ok(bytes.len()),
            State::Spoilt => Err(Spoil { taken: 1 }),
            State::Length(left) => Ok(self.skip(left, bytes, State::Length, State::Start)),
            State::ChunkData(left) => Ok(self.skip(left, bytes, State::ChunkData, State::ChunkEnd(0))),
            State::ChunkEnd(come) => self.chunk_end(come, bytes),
            State::Start | State::Headers | State::ChunkSize | State::Trailers => self.line(bytes),
        }
    }

    fn skip(&mut self, left: u64, bytes: &[u8], more: fn(u64) -> State, then: State) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left - taken as u64;
        self.state = if left == 0 { then } else { more(left) };
        taken
    }

    fn chunk_end(&mut self, come: u8, bytes: &[u8]) -> Result<usize, Spoil> {
        match (come, bytes.first()) {
            (0, Some(b'\r')) => self.state = State::ChunkEnd(1),
            (1, Some(b'\n')) => self.state = State::ChunkSize,
            _ => return Err(Spoil { taken: 1 }),
        }
        Ok(1)
    }

    fn line(&mut self, bytes: &[u8]) -> Result<usize, Spoil> {
        let is_of_head = matches!(self.state, State::Start | State::Headers);
        let longest = if is_of_head { self.left_of_head } else { LONGEST_CHUNK_LINE };
        let end = memchr(b'\n', bytes);
        let more = end.unwrap_or(bytes.len());
        if self.begun.len() + more > longest {
            return Err(Spoil { taken: bytes.len().min(more + 1) });
        }
        let Some(end) = end else {
            self.begun.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        let taken = end + 1;
        if is_of_head {
            self.left_of_head = self.left_of_head.saturating_sub(self.begun.len() + taken);
        }
        let read = if self.begun.is_empty() {
            self.read_line(&bytes[..end])
        } else {
            let mut whole = std::mem::take(&mut self.begun);
            whole.extend_from_slice(&bytes[..end]);
            let read = self.read_line(&whole);
            whole.clear();
            whole.shrink_to(USUAL_LINE);
            self.begun = whole;
            read
        };
        read.map(|()| taken).map_err(|Ambiguous| Spoil { taken })
    }

    /// A line without its line feed.
    fn read_line(&mut self, line: &[u8]) -> Result<(), Ambiguous> {
        let (line, end) = match line.split_last() {
            Some((b'\r', line)) => (line, LineEnd::CrLf),
            _ => (line, LineEnd::Lf),
        };
        match self.state {
            State::Start => self.request_line(line, end),
            State::Headers => self.header_line(line, end),
            State::ChunkSize => self.chunk_size(line, end),
            _ => self.trailer(line, end),
        }
    }

    fn request_line(&mut self, line: &[u8], end: LineEnd) -> Result<(), Ambiguous> {
        if line.is_empty() {
            return Ok(());
        }
        // RFC 9112, section 3: single spaces part method, target and version, and there are none inside of them.
        let mut words = line.split(|byte| *byte == b' ');
        let (_, target, _) = (words.next(), words.next().unwrap_or_default(), words.next().ok_or(Ambiguous)?);
        // Pingora cuts off fragments, and of such a target nothing would be left but the home page.
        if words.next().is_some() || target.starts_with(b"#") || line.iter().any(|byte| is_control(*byte)) {
            return Err(Ambiguous);
        }
        self.requests = self.requests.saturating_add(1);
        self.present = Withheld { request: self.requests, ..Withheld::default() };
        if is_masked(target) {
            self.present.target = Some(target.to_vec());
        }
        self.head = Head { ends: Some(end), target: target.len(), ..Head::default() };
        self.state = State::Headers;
        Ok(())
    }

    /// A head may end all its lines with bare line feeds, as scripts do: who wants carriage returns sees no end in it and has
    /// passed nothing on. A head with both kinds has been read otherwise by somebody.
    fn header_line(&mut self, line: &[u8], end: LineEnd) -> Result<(), Ambiguous> {
        if self.head.ends != Some(end) {
            return Err(Ambiguous);
        }
        let sieves = self.sieves();
        if line.is_empty() {
            self.state = self.head.what_follows()?;
            self.left_of_head = self.longest_head;
            let withheld = std::mem::take(&mut self.present);
            if !withheld.is_empty() {
                self.withheld.push(withheld);
            }
        } else {
            self.head.note(line);
        }
        if sieves && (line.is_empty() || !self.present.lines.take(line).map_err(|Malformed| Ambiguous)?) {
            self.shown.extend_from_slice(line);
            self.shown.extend_from_slice(end.bytes());
        }
        Ok(())
    }

    /// RFC 9112, section 7.1, without the room that parsers leave around the size.
    fn chunk_size(&mut self, line: &[u8], end: LineEnd) -> Result<(), Ambiguous> {
        let (size, extension) = match memchr(b';', line) {
            Some(at) => (line[..at].trim_ascii_end(), &line[at..]),
            None => (line, &[][..]),
        };
        let sound = end == LineEnd::CrLf
            && (1..=SIZE_DIGITS).contains(&size.len())
            && size.iter().all(u8::is_ascii_hexdigit)
            && !extension.iter().any(|byte| is_control(*byte) && *byte != b'\t');
        let size = std::str::from_utf8(size).ok().and_then(|size| u64::from_str_radix(size, 16).ok());
        let (true, Some(size @ 0..=LARGEST)) = (sound, size) else { return Err(Ambiguous) };
        self.state = if size == 0 { State::Trailers } else { State::ChunkData(size) };
        Ok(())
    }

    /// Trailers are not passed on; they only have to look like some.
    fn trailer(&mut self, line: &[u8], end: LineEnd) -> Result<(), Ambiguous> {
        if end != LineEnd::CrLf {
            return Err(Ambiguous);
        }
        if line.is_empty() {
            self.state = State::Start;
            return Ok(());
        }
        let Some(colon) = memchr(b':', line) else { return Err(Ambiguous) };
        let (name, value) = line.split_at(colon);
        let sound = !name.is_empty()
            && name.iter().all(|byte| is_token(*byte))
            && !value.iter().any(|byte| is_control(*byte) && *byte != b'\t');
        if sound { Ok(()) } else { Err(Ambiguous) }
    }

    fn spoil(&mut self, bytes: &mut [u8], taken: usize) {
        let from = taken.saturating_sub(SPOILT.len());
        bytes[from..].fill(b'\r');
        self.state = State::Spoilt;
        self.begun = Vec::new();
    }
}

/// So many bytes were sound, but for the last one.
struct Spoil {
    taken: usize,
}

impl Head {
    fn note(&mut self, line: &[u8]) {
        self.lines += 1;
        // Most lines are told from those that count by their first letter.
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T' | b'u' | b'U')) {
            return;
        }
        let Some(colon) = memchr(b':', line) else { return };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => self.note_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.codings += 1;
                self.chunked = value.eq_ignore_ascii_case(b"chunked");
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            _ => {}
        }
    }

    /// Values that differ, and those that are no numbers, are pingora's to refuse.
    fn note_length(&mut self, value: &[u8]) {
        self.lengths += 1;
        let first = value.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
        self.length = std::str::from_utf8(first).ok().and_then(|first| first.parse().ok());
    }

    fn what_follows(&self) -> Result<State, Ambiguous> {
        // RFC 9112, section 6.1: such a message "ought to be handled as an error".
        if self.codings > 0 && self.lengths > 0 {
            return Err(Ambiguous);
        }
        if self.upgrade && self.codings == 0 && self.lengths == 0 {
            return Ok(State::Beyond);
        }
        // Other codings are refused with a status of their own, once the head is read.
        if self.upgrade || self.codings > 1 || (self.codings == 1 && !self.chunked) {
            return Ok(State::Blind);
        }
        Ok(match (self.chunked, self.lengths, self.length) {
            (true, _, _) => State::ChunkSize,
            (false, 0, _) | (false, _, Some(0)) => State::Start,
            (false, _, Some(length @ ..=LARGEST)) => State::Length(length),
            (false, _, Some(_)) => return Err(Ambiguous),
            (false, _, None) => State::Blind,
        })
    }
}

fn is_control(byte: u8) -> bool {
    byte < b' ' || byte == 0x7f
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
