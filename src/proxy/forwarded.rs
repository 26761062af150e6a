//! How the Forwarded header is written: RFC 7239, section 4. What is believed of it is for [`client`](super::client).

use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

pub const FORWARDED: HeaderName = HeaderName::from_static("forwarded");

pub type List<'a> = SmallVec<[&'a [u8]; 4]>;

/// The elements of Forwarded, from the left: RFC 7239, section 4. Read only where there is no X-Forwarded-For.
pub fn elements(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(FORWARDED).iter().flat_map(|line| elements_of(line.as_bytes()))
}

/// A line in which a quote stays open says nothing: where a client opened it, it would hide what the proxy in front wrote behind it.
fn elements_of(line: &[u8]) -> List<'_> {
    const NONSENSE: &[u8] = b"=";
    if !closes_its_quotes(line) {
        return List::from_slice(&[NONSENSE]);
    }
    unquoted_parts(line, b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty()).collect()
}

fn closes_its_quotes(line: &[u8]) -> bool {
    let mut quotes = Quotes::default();
    line.iter().for_each(|byte| _ = quotes.hold(*byte));
    !quotes.open
}

/// Quoted strings: RFC 9110, section 5.6.4.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    /// Whether the byte stands in a quoted string, or ends one.
    fn hold(&mut self, byte: u8) -> bool {
        let was_escaped = std::mem::take(&mut self.escaped);
        match byte {
            b'\\' if self.open && !was_escaped => self.escaped = true,
            b'"' if !was_escaped => self.open = !self.open,
            _ => {}
        }
        self.open
    }
}

/// What separators part, but for those in quoted strings: a proxy quotes what clients say.
fn unquoted_parts(list: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quotes = Quotes::default();
    list.split(move |byte| !quotes.hold(*byte) && *byte == separator)
}

/// `198.51.100.4` of `proto=https; for=198.51.100.4`. Said twice in one element it is not said at all: RFC 7239, section 4.
pub fn parameter<'a>(element: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut values = unquoted_parts(element, b';').map(<[u8]>::trim_ascii).filter_map(|parameter| {
        let (found, value) = parameter.split_at_checked(name.len())?;
        value.strip_prefix(b"=").filter(|_| found.eq_ignore_ascii_case(name))
    });
    let value = values.next().filter(|value| !value.is_empty())?;
    if values.next().is_some() {
        return None;
    }
    Some(value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value))
}
