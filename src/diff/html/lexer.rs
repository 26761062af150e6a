//! HTML cut into tokens as a browser cuts it, without copying: every token is a slice of the page.
//!
//! It does not know the tree. Who drives it says what only a tree can know: that raw text begins ([`Lexer::begin_raw`]) and
//! whether `<![CDATA[` counts ([`Lexer::next`]'s argument). [`tree`](super::tree) drives it through html5ever's tree
//! builder, [`fast`](super::fast) without one. [`attributes`](mod@attributes) reads what a tag has, [`raw`](mod@raw) knows where raw text ends. Its own tests hold it against html5ever's tokenizer.

mod attributes;
mod raw;

use attributes::End;
pub(super) use attributes::{Attributes, Quote, RawAttribute, attributes, attributes_of_tag};
use memchr::{memchr, memchr_iter, memchr2, memmem};
pub(super) use raw::Raw;
use raw::raw_text_end;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    fn new(start: usize, end: usize) -> Self {
        // Pages are bounded far below 4 GiB (`limits::MAX_TREES`).
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    pub fn of<'a>(&self, page: &'a str) -> &'a str {
        page.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text with character references.
    Text,
    /// The same in `title` and `textarea`, where a NUL is a character.
    Rcdata,
    /// Text as it stands: script, style, CDATA, the rest after `<plaintext>`.
    RawText,
    Start,
    End,
    Comment,
    Doctype,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    /// The whole token in the page.
    pub span: Span,
    /// What is inside: a tag's name, a comment's text, CDATA's text, the doctype after the keyword; otherwise the span.
    pub inner: Span,
    /// `/>`
    pub self_closing: SelfClosing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SelfClosing {
    No,
    Yes,
}

/// Is the current node outside the HTML namespace? Only there is `<![CDATA[` one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Html,
    Foreign,
}

#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    page: &'a str,
    at: usize,
    raw: Option<(Raw, Span)>,
}

fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// Does a tag name end before `c`?
#[inline]
fn ends_name(c: u8) -> bool {
    is_space(c) || c == b'/' || c == b'>'
}

impl<'a> Lexer<'a> {
    /// Reads a page, or the part of it that begins at a tag. The byte order mark is gone already.
    pub fn from(page: &'a str, at: u32) -> Self {
        Self { page, at: at as usize, raw: None }
    }

    /// Where the next token begins. Bytes.
    pub fn at(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    /// Goes on at another place.
    pub fn skip_to(&mut self, at: u32) {
        (self.at, self.raw) = (at as usize, None);
    }

    /// Goes on behind the tag that is open at a place between two attributes.
    pub fn skip_in_tag(&mut self, at: usize) {
        let mut rest = attributes(self.page, at);
        while rest.step().is_some() {}
        (self.at, self.raw) = (rest.at, None);
    }

    pub fn page(&self) -> &'a str {
        self.page
    }

    /// What follows is raw text up to the end tag of `start`.
    pub fn begin_raw(&mut self, raw: Raw, start: &Token) {
        self.raw = Some((raw, start.inner));
    }

    pub fn next(&mut self, content: Content) -> Option<Token> {
        loop {
            let rest = self.page.as_bytes().get(self.at..).filter(|rest| !rest.is_empty())?;
            if let Some((raw, name)) = self.raw {
                let end = self.at + raw_text_end(raw, rest, name.of(self.page).as_bytes());
                self.raw = None;
                if end == self.at {
                    continue;
                }
                let kind = if raw == Raw::Rcdata { Kind::Rcdata } else { Kind::RawText };
                return Some(self.text(kind, end));
            }
            let length = if begins_markup(rest) { 0 } else { markup_start(rest) };
            if length > 0 {
                return Some(self.text(Kind::Text, self.at + length));
            }
            if let Some(token) = self.markup(content) {
                return Some(token);
            }
        }
    }

    fn text(&mut self, kind: Kind, end: usize) -> Token {
        let span = Span::new(self.at, end);
        self.at = end;
        Token { kind, span, inner: span, self_closing: SelfClosing::No }
    }

    /// The markup that begins here; `None` for what a browser drops (`</>`, a tag cut off by the end of the page).
    fn markup(&mut self, content: Content) -> Option<Token> {
        let bytes = self.page.as_bytes();
        match bytes.get(self.at + 1) {
            Some(b'/') => match bytes.get(self.at + 2) {
                Some(c) if c.is_ascii_alphabetic() => self.tag(Kind::End, self.at + 2),
                Some(b'>') => {
                    self.at += 3;
                    None
                }
                _ => Some(self.bogus_comment(self.at + 2)),
            },
            Some(b'!') => Some(self.declaration(content)),
            Some(b'?') => Some(self.bogus_comment(self.at + 1)),
            _ => self.tag(Kind::Start, self.at + 1),
        }
    }

    fn tag(&mut self, kind: Kind, name: usize) -> Option<Token> {
        let bytes = self.page.as_bytes();
        let name_end = name + bytes[name..].iter().position(|c| ends_name(*c)).unwrap_or(bytes.len() - name);
        let plain_end = match bytes.get(name_end) {
            Some(b'>') => Some((name_end + 1, SelfClosing::No)),
            _ => plain_tag_end(bytes, name_end),
        };
        if let Some((end, self_closing)) = plain_end {
            let start = std::mem::replace(&mut self.at, end);
            return Some(Token { kind, span: Span::new(start, end), inner: Span::new(name, name_end), self_closing });
        }
        let mut attributes = attributes(self.page, name_end);
        while attributes.step().is_some() {}
        let start = self.at;
        self.at = attributes.at;
        let self_closing = match attributes.end {
            End::Closed => SelfClosing::No,
            End::SelfClosed => SelfClosing::Yes,
            End::Open => {
                self.at = bytes.len();
                return None;
            }
        };
        Some(Token { kind, span: Span::new(start, self.at), inner: Span::new(name, name_end), self_closing })
    }

    fn declaration(&mut self, content: Content) -> Token {
        let rest = &self.page.as_bytes()[self.at..];
        if rest.starts_with(b"<!--") {
            return self.comment();
        }
        if rest.len() >= 9 && rest[2..9].eq_ignore_ascii_case(b"doctype") {
            let length = memchr(b'>', rest);
            let inner = Span::new(self.at + 9, self.at + length.unwrap_or(rest.len()).max(9));
            return self.finish(Kind::Doctype, inner, length.map_or(rest.len(), |at| at + 1));
        }
        if content == Content::Foreign && rest.starts_with(b"<![CDATA[") {
            let length = memmem::find(&rest[9..], b"]]>").map(|at| at + 9);
            let inner = Span::new(self.at + 9, self.at + length.unwrap_or(rest.len()));
            return self.finish(Kind::RawText, inner, length.map_or(rest.len(), |at| at + 3));
        }
        self.bogus_comment(self.at + 2)
    }

    fn finish(&mut self, kind: Kind, inner: Span, length: usize) -> Token {
        let span = Span::new(self.at, self.at + length);
        self.at += length;
        Token { kind, span, inner, self_closing: SelfClosing::No }
    }

    fn comment(&mut self) -> Token {
        let rest = &self.page.as_bytes()[self.at..];
        // `<!-->` and `<!--->` end at once: the closing dashes may be the opening ones.
        for dash in memchr_iter(b'-', rest) {
            let closes = if rest[dash..].starts_with(b"-->") {
                3
            } else if dash >= 4 && rest[dash..].starts_with(b"--!>") {
                4
            } else {
                continue;
            };
            let inner = Span::new(self.at + 4, self.at + dash.max(4));
            return self.finish(Kind::Comment, inner, dash + closes);
        }
        let inner = Span::new(self.at + 4, self.at + unclosed_comment(rest));
        self.finish(Kind::Comment, inner, rest.len())
    }

    fn bogus_comment(&mut self, inner: usize) -> Token {
        let bytes = self.page.as_bytes();
        let end = memchr(b'>', &bytes[inner..]).map(|length| inner + length);
        let inner = Span::new(inner, end.unwrap_or(bytes.len()));
        self.finish(Kind::Comment, inner, end.map_or(bytes.len(), |end| end + 1) - self.at)
    }

    /// The attributes of a tag token, in the order of the page, duplicates included.
    pub fn attributes(&self, tag: &Token) -> Attributes<'a> {
        attributes(self.page, tag.inner.end as usize)
    }
}

/// The name of the tag that begins at a place.
pub(super) fn name_at(page: &str, at: u32) -> &str {
    Lexer::from(page, at).next(Content::Html).map_or("", |tag| tag.inner.of(page))
}

/// Where the tag ends that begins at a place.
pub(super) fn end_of_tag(page: &str, at: u32) -> u32 {
    Lexer::from(page, at).next(Content::Html).map_or(at, |tag| tag.span.end)
}

/// Where a tag ends whose attributes are all written `name="value"` or `name`: most are, and need no look at each character.
fn plain_tag_end(bytes: &[u8], name_end: usize) -> Option<(usize, SelfClosing)> {
    let mut at = name_end;
    loop {
        let mark = at + find([b'>', b'='], &bytes[at..])?;
        if bytes[mark] == b'>' {
            let self_closing = if bytes[mark - 1] == b'/' { SelfClosing::Yes } else { SelfClosing::No };
            return Some((mark + 1, self_closing));
        }
        let quote = *bytes.get(mark + 1).filter(|quote| matches!(quote, b'"' | b'\''))?;
        let named = !matches!(bytes[mark - 1], b'/' | b'=') && !is_space(bytes[mark - 1]) && mark > at;
        if !named {
            return None;
        }
        at = mark + 2 + find([quote], &bytes[mark + 2..])? + 1;
        if !bytes.get(at).is_some_and(|next| ends_name(*next)) {
            return None;
        }
    }
}

/// Where the text of a comment ends that the end of the page cuts off: closing dashes begun do not belong to it.
fn unclosed_comment(rest: &[u8]) -> usize {
    let body = &rest[4..];
    let begun = [&b"--!"[..], b"--", b"-"].into_iter().find(|dashes| body.ends_with(dashes)).map_or(0, <[u8]>::len);
    rest.len() - begun
}

/// How much text stands before the next `<` that begins markup.
fn markup_start(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(next) = find([b'<'], &rest[at..]) {
        at += next;
        if begins_markup(&rest[at..]) {
            return at;
        }
        at += 1;
    }
    rest.len()
}

/// Where the first of these bytes stands. What is looked for in pages is mostly near: the first words are searched right here, as
/// calling for a search of far places costs more.
#[inline]
fn find<const N: usize>(bytes: [u8; N], within: &[u8]) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    for (word, near) in within.chunks_exact(8).take(NEAR).enumerate() {
        let near = near.first_chunk().map_or(0, |near| u64::from_le_bytes(*near));
        // The lowest bit that is set is that of the first byte that is zero here.
        let is_one = |byte: u8| {
            let zero = near ^ (u64::from(byte) * EACH);
            zero.wrapping_sub(EACH) & !zero & (EACH << 7)
        };
        let hits = bytes.into_iter().fold(0, |hits, byte| hits | is_one(byte));
        if hits != 0 {
            return Some(word * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let far = within.len().min(NEAR * 8) / 8 * 8;
    let found = match bytes[..] {
        [one] => memchr(one, &within[far..]),
        [one, other] => memchr2(one, other, &within[far..]),
        _ => within[far..].iter().position(|c| bytes.contains(c)),
    };
    found.map(|at| far + at)
}

/// Words of eight bytes.
const NEAR: usize = 4;

fn begins_markup(rest: &[u8]) -> bool {
    match rest {
        [b'<', b'/'] => false,
        [b'<', c, ..] => c.is_ascii_alphabetic() || matches!(c, b'/' | b'!' | b'?'),
        _ => false,
    }
}
