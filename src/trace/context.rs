//! Which trace a request belongs to, as its headers say: W3C Trace Context, the second level of which the first can read.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The trace is kept.
pub const SAMPLED: u8 = 0b01;
/// The trace's id was drawn by lot; who passes a trace on passes this on.
const RANDOM: u8 = 0b10;
/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const LENGTH: usize = 55;
/// Of what is kept of `tracestate`, bytes: as many as everybody must pass on (section 3.3.1.5).
const LONGEST_STATE: usize = 512;

/// Never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// Never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

/// One span, and the trace that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub trace: TraceId,
    pub span: SpanId,
    pub flags: u8,
}

/// What a request says of the trace that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// Nothing, or nothing that can be read: a new trace begins.
    New,
    Parent(Context),
}

pub fn incoming(headers: &HeaderMap) -> Incoming {
    let mut values = headers.get_all(TRACEPARENT).iter();
    match (values.next(), values.next()) {
        (Some(only), None) => Context::parse(only.as_bytes()).map_or(Incoming::New, Incoming::Parent),
        _ => Incoming::New,
    }
}

/// `tracestate` in one line; empty where it is longer than anybody has to keep.
pub fn state(headers: &HeaderMap) -> String {
    let lines = headers.get_all(TRACESTATE).iter().filter_map(|line| line.to_str().ok());
    let state = lines.collect::<Vec<_>>().join(",");
    if state.len() <= LONGEST_STATE { state } else { String::new() }
}

impl Context {
    /// Reads a `traceparent`. Versions yet to come may say more behind what this one says; what they call wrong (`ff`), upper
    /// case and ids of zeros are no parents.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let version = octet(&known[..2])?;
        let whole = rest.is_empty() || (version > 0 && rest[0] == b'-');
        let dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        if version == 0xff || !whole || !dashes {
            return None;
        }
        let trace = octets(&known[3..35])?;
        let span = octets(&known[36..52])?;
        let flags = octet(&known[53..])? & (SAMPLED | RANDOM);
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace: TraceId(trace), span: SpanId(span), flags })
    }

    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// As a request carries it.
    pub fn header(&self) -> Option<HeaderValue> {
        let text = format!("00-{}-{}-{:02x}", self.trace, self.span, self.flags);
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
    }
}

impl TraceId {
    /// The half that other doors' lots are drawn from, too.
    pub fn low(&self) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

fn octets<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut octets = [0; N];
    for (into, two) in octets.iter_mut().zip(digits.chunks_exact(2)) {
        *into = octet(two)?;
    }
    Some(octets)
}

/// Two digits, in lower case as section 3.2.2 wants it.
fn octet(two: &[u8]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    Some(digit(*two.first()?)? << 4 | digit(*two.get(1)?)?)
}

fn hex(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}
