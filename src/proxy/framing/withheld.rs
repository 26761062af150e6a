//! What of a request the library is not shown, and the hooks put back ([`put_back`](super::super::forward::put_back)): a target
//! that it would refuse, and header lines beyond those that it reads.

/// Lines of a head that the library is shown whatever they say. It reads 256 and refuses more; nginx counts bytes alone.
pub const SHOWN_LINES: u32 = 200;

/// What the library reads before the first hook: it is shown these wherever they stand.
const READ_AT_ONCE: [&[u8]; 6] =
    [b"host", b"connection", b"content-length", b"transfer-encoding", b"expect", b"upgrade"];

/// Of one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// Which of the connection's, counted from 1.
    pub request: u32,
    /// As it came.
    pub target: Option<Vec<u8>>,
    pub lines: Lines,
}

/// Header lines as they came, each with a line feed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines(Vec<u8>);

/// It is no header line, or not in one reading.
#[derive(Debug)]
pub struct Malformed;

impl Withheld {
    pub fn is_empty(&self) -> bool {
        self.target.is_none() && self.lines.0.is_empty()
    }
}

impl Lines {
    /// Takes a line without its end; whether it was one to be taken, and not one that the library has to be shown.
    ///
    /// # Errors
    /// The library would refuse it.
    pub fn take(&mut self, line: &[u8]) -> Result<bool, Malformed> {
        let (name, value) = name_and_value(line).ok_or(Malformed)?;
        let sound = !name.is_empty()
            && name.iter().all(|byte| super::is_token(*byte))
            && !value.iter().any(|byte| super::is_control(*byte) && *byte != b'\t');
        if !sound {
            return Err(Malformed);
        }
        if READ_AT_ONCE.iter().any(|one| name.eq_ignore_ascii_case(one)) {
            return Ok(false);
        }
        self.0.extend_from_slice(line);
        self.0.push(b'\n');
        Ok(true)
    }

    /// Bytes, but for carriage returns.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.split(|byte| *byte == b'\n').filter_map(name_and_value)
    }
}

fn name_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}
