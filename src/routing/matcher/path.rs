//! `path:` of a `match:` block: exact, prefix, template or regex.
//!
//! A pattern that no request could ever reach, because the readings of its path differ ([`super::super::readings`]), is
//! refused here, where the operator sees it, and not request by request.

use std::collections::HashSet;
use std::fmt;

use percent_encoding::percent_decode_str;
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::Hir;
use regex_syntax::hir::literal::Extractor;

use super::{PathRank, Reach, SegmentRank};

#[derive(Debug, Clone)]
pub enum PathPattern {
    /// Byte for byte.
    Exact(String),
    /// Whole segments: `/v2` does not match `/v2example`; a trailing slash is of no meaning. No segments: every path.
    Prefix(Vec<String>),
    /// The whole path, segment by segment.
    Template { segments: Vec<Segment>, ending: Ending },
    /// The whole path.
    Regex(PathRegex),
}

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    Literal(String),
    /// `{name}`: any one segment that is not empty.
    Parameter(String),
}

/// Whether a template asks for a slash after its last segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    Bare,
    Slash,
}

/// Why a text is no path pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    #[error("want a path that starts with `/`, found {0:?}")]
    NoLeadingSlash(String),
    #[error("want a path only, found {found:?} in {path:?}: conditions on the query go to `query:`")]
    NotPath { path: String, found: char },
    #[error("{found:?} in the path {path:?}: want no control character")]
    Control { path: String, found: char },
    #[error("a `%` in {0:?} that is not followed by two hexadecimal digits")]
    Percent(String),
    /// Every request that could match would be refused with 400.
    #[error("no request can reach {path:?}: backends do not agree on how to read {found:?}; match the path before it")]
    Unstable { path: String, found: String },
    #[error("the path {path:?} has {found} segments, want at most {want}")]
    TooDeep { path: String, found: usize, want: usize },
    #[error("{segment:?} in {path:?}: a parameter is written as {{name}} and is a whole segment; {hint}")]
    Parameter { path: String, segment: String, hint: &'static str },
    #[error("the parameter {{{name}}} stands twice in {path:?}")]
    Repeated { path: String, name: String },
    #[error("the regex {regex:?} does not parse: {reason}, at character {column}")]
    Regex { regex: String, reason: String, column: usize },
    #[error("the regex {regex:?} cannot be used: {reason}")]
    RegexTooLarge { regex: String, reason: String },
}

/// Segments of a pattern, and so the depth of the walk over templates. Sites have a dozen.
const MAX_SEGMENTS: usize = 128;

impl PathPattern {
    /// Matches this path and no other.
    ///
    /// # Errors
    /// [`PathPatternError`] says what was wanted instead.
    pub fn exact(text: &str) -> Result<Self, PathPatternError> {
        stable(text)?;
        without_parameters(text)?;
        Ok(Self::Exact(text.to_owned()))
    }

    /// Matches the path and everything below it.
    ///
    /// # Errors
    /// [`PathPatternError`] says what was wanted instead.
    pub fn prefix(text: &str) -> Result<Self, PathPatternError> {
        stable(text)?;
        without_parameters(text)?;
        let (segments, _) = split(text);
        Ok(Self::Prefix(segments.map(str::to_owned).collect()))
    }

    /// Matches whole paths of literal segments and `{parameters}`.
    ///
    /// # Errors
    /// [`PathPatternError`] says what was wanted instead.
    pub fn template(text: &str) -> Result<Self, PathPatternError> {
        stable(text)?;
        let (parts, ending) = split(text);
        let segments = parts.map(|part| segment(text, part)).collect::<Result<Vec<_>, _>>()?;
        let mut names = HashSet::new();
        for parameter in &segments {
            if let Segment::Parameter(name) = parameter
                && !names.insert(name)
            {
                return Err(PathPatternError::Repeated { path: text.to_owned(), name: name.clone() });
            }
        }
        Ok(Self::Template { segments, ending })
    }

    /// Matches whole paths by a regular expression.
    ///
    /// # Errors
    /// [`PathPatternError`] says what is wrong with it, and where.
    pub fn regex(text: &str) -> Result<Self, PathPatternError> {
        PathRegex::new(text).map(Self::Regex)
    }

    pub fn rank(&self) -> PathRank {
        match self {
            Self::Exact(_) => PathRank::Exact,
            Self::Regex(_) => PathRank::Regex,
            Self::Prefix(segments) => PathRank::Segments {
                count: segments.len(),
                kinds: vec![SegmentRank::Literal; segments.len()],
                reach: Reach::Onward,
            },
            Self::Template { segments, .. } => PathRank::Segments {
                count: segments.len(),
                kinds: segments.iter().map(Segment::rank).collect(),
                reach: Reach::Whole,
            },
        }
    }
}

impl PathPattern {
    /// The one path that it matches, if it is a template without parameters.
    pub(in crate::routing) fn only_path(&self) -> Option<String> {
        let Self::Template { segments, ending } = self else { return None };
        let mut path = String::new();
        for segment in segments {
            let Segment::Literal(text) = segment else { return None };
            path.extend(["/", text]);
        }
        if *ending == Ending::Slash {
            path.push('/');
        }
        Some(path)
    }
}

impl Segment {
    fn rank(&self) -> SegmentRank {
        match self {
            Self::Literal(_) => SegmentRank::Literal,
            Self::Parameter(_) => SegmentRank::Parameter,
        }
    }
}

/// As the operator wrote it, with the key it stands under: `prefix /rpc`.
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => write!(f, "exact {path}"),
            Self::Prefix(segments) => write!(f, "prefix /{}", segments.join("/")),
            Self::Template { segments, ending } => {
                f.write_str("template ")?;
                segments.iter().try_for_each(|segment| match segment {
                    Segment::Literal(text) => write!(f, "/{text}"),
                    Segment::Parameter(name) => write!(f, "/{{{name}}}"),
                })?;
                f.write_str(if *ending == Ending::Slash { "/" } else { "" })
            }
            Self::Regex(regex) => write!(f, "regex {}", regex.source()),
        }
    }
}

/// The segments of a path that starts with `/`, and whether a slash follows the last one. `/` has no segments.
fn split(path: &str) -> (impl Iterator<Item = &str>, Ending) {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let (inner, ending) = match inner.strip_suffix('/') {
        Some(inner) => (inner, Ending::Slash),
        None if inner.is_empty() => (inner, Ending::Slash),
        None => (inner, Ending::Bare),
    };
    (inner.split('/').filter(move |_| !inner.is_empty()), ending)
}

/// Refuses what is no path, and every path that backends read in different ways: its requests would all be refused.
fn stable(text: &str) -> Result<(), PathPatternError> {
    let path = || text.to_owned();
    if !text.starts_with('/') {
        return Err(PathPatternError::NoLeadingSlash(path()));
    }
    let found = text.matches('/').count();
    if found > MAX_SEGMENTS {
        return Err(PathPatternError::TooDeep { path: path(), found, want: MAX_SEGMENTS });
    }
    if let Some(found) = text.chars().find(|c| matches!(c, '?' | '#')) {
        return Err(PathPatternError::NotPath { path: path(), found });
    }
    if let Some(found) = text.chars().find(char::is_ascii_control) {
        return Err(PathPatternError::Control { path: path(), found });
    }
    if let Some(found) = unstable(text)? {
        return Err(PathPatternError::Unstable { path: path(), found });
    }
    Ok(())
}

/// What in the path has more than one reading.
fn unstable(text: &str) -> Result<Option<String>, PathPatternError> {
    if let Some(found) = ["//", "\\", ";"].into_iter().find(|found| text.contains(found)) {
        return Ok(Some(found.to_owned()));
    }
    for (at, _) in text.match_indices('%') {
        let Some(code) = text.get(at + 1..at + 3).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit())) else {
            return Err(PathPatternError::Percent(text.to_owned()));
        };
        let byte = u8::from_str_radix(code, 16).unwrap_or_default();
        if byte.is_ascii_control() || matches!(byte, b'/' | b'\\' | b';' | b'%') {
            return Ok(Some(format!("%{code}")));
        }
    }
    let dots = |segment: &&str| matches!(decoded(segment).as_slice(), b"." | b"..");
    Ok(text.split('/').find(dots).map(str::to_owned))
}

fn without_parameters(text: &str) -> Result<(), PathPatternError> {
    let Some(segment) = text.split('/').find(|segment| segment.contains(['{', '}'])) else {
        return Ok(());
    };
    let hint = "use `template` for parameters, %7B and %7D for braces";
    Err(PathPatternError::Parameter { path: text.to_owned(), segment: segment.to_owned(), hint })
}

fn segment(path: &str, text: &str) -> Result<Segment, PathPatternError> {
    let error = |hint| Err(PathPatternError::Parameter { path: path.to_owned(), segment: text.to_owned(), hint });
    if !text.contains(['{', '}']) {
        return Ok(Segment::Literal(text.to_owned()));
    }
    let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return error("text around it needs a `regex`, a brace is written %7B or %7D");
    };
    if name.is_empty() {
        return error("give it a name");
    }
    if name.starts_with('*') || name.ends_with(['*', '.']) {
        return error("for the rest of a path use a `prefix`");
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
        return error("a name has letters, digits, `_` and `-`");
    }
    Ok(Segment::Parameter(name.to_owned()))
}

/// Every spelling of a literal path or segment that means the same bytes, each once, the decoded one first.
///
/// `/caf%C3%A9` and `/café` are one pattern: the wire carries the first, a decoding backend sees the second. Hexadecimal
/// digits are in upper case, as the readings of a path are.
pub(in crate::routing) fn spellings(literal: &str) -> Vec<Vec<u8>> {
    let plain = decoded(literal);
    let mut found = vec![plain];
    for other in [encoded(&decoded(literal)), upper_hex(literal)] {
        if !found.contains(&other) {
            found.push(other);
        }
    }
    found
}

pub(in crate::routing) fn decoded(literal: &str) -> Vec<u8> {
    percent_decode_str(literal).collect()
}

fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 3);
    for &byte in bytes {
        if is_plain(byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

/// What every client sends as it is in a path: RFC 3986, section 3.3, `pchar` and the slash.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

fn upper_hex(literal: &str) -> Vec<u8> {
    let mut out = literal.as_bytes().to_vec();
    for (at, _) in literal.match_indices('%') {
        if let Some(code) = out.get_mut(at + 1..at + 3) {
            code.make_ascii_uppercase();
        }
    }
    out
}

/// A regular expression over the bytes of a whole path.
///
/// `\w`, `\d` and `.` are of bytes, not of Unicode: paths are, and the automata are smaller by far.
#[derive(Debug, Clone)]
pub struct PathRegex {
    source: String,
    anchored: String,
    regex: Regex,
    start: Vec<u8>,
}

/// Compiled size of one regex, bytes. Ordinary ones take a few KiB; what takes more is a counted repetition of a counted
/// repetition.
const MAX_REGEX_BYTES: usize = 1 << 20;

impl PathRegex {
    fn new(source: &str) -> Result<Self, PathPatternError> {
        // Alone first: `a)|(b` must not become two branches by the parentheses that are put around it.
        let syntax = parsed(source)?;
        let anchored = anchored(source)?;
        let regex = builder(&anchored)
            .size_limit(MAX_REGEX_BYTES)
            .build()
            .map_err(|error| PathPatternError::RegexTooLarge { regex: source.to_owned(), reason: error.to_string() })?;
        Ok(Self { source: source.to_owned(), anchored, regex, start: literal_start(&syntax) })
    }

    /// As the operator wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn matches(&self, path: &[u8]) -> bool {
        self.regex.is_match(path)
    }

    /// What the regex engine is given: the source, anchored to the whole path.
    pub(in crate::routing) fn anchored(&self) -> &str {
        &self.anchored
    }

    /// The bytes with which every matching path begins.
    pub(in crate::routing) fn start(&self) -> &[u8] {
        &self.start
    }
}

fn parsed(source: &str) -> Result<Hir, PathPatternError> {
    let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
    parser.parse(source).map_err(|error| {
        let (reason, at) = match &error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.column),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span().start.column),
            other => (other.to_string(), 0),
        };
        PathPatternError::Regex { regex: source.to_owned(), reason, column: at }
    })
}

/// The source, held to the whole path. The line break ends a comment of a regex in verbose mode.
fn anchored(source: &str) -> Result<String, PathPatternError> {
    let plain = format!("\\A(?:{source})\\z");
    if parsed(&plain).is_ok() {
        return Ok(plain);
    }
    let verbose = format!("\\A(?:{source}\n)\\z");
    parsed(&verbose).map(|_| verbose)
}

/// How every regex over paths is compiled, alone or in a set: on bytes.
fn builder(pattern: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false);
    builder
}

/// The bytes with which every match begins.
fn literal_start(syntax: &Hir) -> Vec<u8> {
    let starts = Extractor::new().extract(syntax);
    starts.longest_common_prefix().unwrap_or_default().to_vec()
}
