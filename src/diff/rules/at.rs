//! Places that a rule speaks of: `/results/*/id`, `header:Vary`, `cookie:AURSID`, `css:.ad`, `status`, `body`.

use crate::diff::html::Selector;

/// A place, as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A JSON pointer (RFC 6901) and all below it; `*` stands for any one segment.
    Pointer(Vec<Segment>),
    /// A response header, in lower case; `*` at the end stands for any rest.
    Header(String),
    /// A response cookie.
    Cookie(String),
    /// An element, its attributes and all below it.
    Css(String),
    Status,
    Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    Any,
    Named(String),
}

impl At {
    /// # Errors
    /// Says what was wanted and found.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('/') || text.is_empty() {
            return Ok(Self::Pointer(text.split('/').skip(1).map(Segment::parse).collect::<Result<_, _>>()?));
        }
        let named = |rest: &str, what: &str| match rest.trim() {
            "" => Err(format!("{text:?} names no {what}")),
            name => Ok(name.to_owned()),
        };
        match text.split_once(':') {
            Some(("header", rest)) => Ok(Self::Header(named(rest, "header")?.to_ascii_lowercase())),
            Some(("cookie", rest)) => Ok(Self::Cookie(named(rest, "cookie")?)),
            Some(("css", rest)) => {
                let selector = named(rest, "selector")?;
                Selector::parse(&selector).map(|_| Self::Css(selector))
            }
            _ if text == "status" => Ok(Self::Status),
            _ if text == "body" => Ok(Self::Body),
            _ => Err(format!(
                "{text:?} is no place: want a JSON pointer such as \"/{text}\", or header:NAME, cookie:NAME, css:SELECTOR, status, body"
            )),
        }
    }

    /// Whether a difference at `path` is at this place or below it. CSS selectors are matched by the HTML comparer.
    pub fn covers(&self, path: &str) -> bool {
        match self {
            Self::Pointer(segments) => pointer_covers(segments, path),
            Self::Header(name) => path.strip_prefix("header:").is_some_and(|header| header_matches(name, header)),
            Self::Cookie(name) => path.strip_prefix("cookie:") == Some(name),
            Self::Css(_) => false,
            Self::Status => path == "status",
            Self::Body => path == "body" || is_pointer(path),
        }
    }

    /// The segments from the root of a document to this place; `None`: it is not in one.
    pub fn way(&self) -> Option<&[Segment]> {
        match self {
            Self::Pointer(segments) => Some(segments),
            Self::Body => Some(&[]),
            _ => None,
        }
    }

    /// Whether `path` is exactly this place.
    pub fn is(&self, path: &str) -> bool {
        let Self::Pointer(segments) = self else { return self.covers(path) };
        self.covers(path) && segments.len() == path.matches('/').count()
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        unescape(text).map(Self::Named)
    }
}

fn is_pointer(path: &str) -> bool {
    path.is_empty() || path.starts_with('/')
}

fn pointer_covers(segments: &[Segment], path: &str) -> bool {
    if !is_pointer(path) {
        return false;
    }
    let mut found = path.split('/').skip(1);
    segments.iter().all(|wanted| match (wanted, found.next()) {
        (_, None) => false,
        (Segment::Any, Some(_)) => true,
        (Segment::Named(name), Some(segment)) => unescape(segment).as_deref() == Ok(name.as_str()),
    })
}

fn header_matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)),
        None => name.eq_ignore_ascii_case(pattern),
    }
}

/// RFC 6901: `~1` is `/`, `~0` is `~`.
fn unescape(segment: &str) -> Result<String, String> {
    if !segment.contains('~') {
        return Ok(segment.to_owned());
    }
    let mut plain = String::with_capacity(segment.len());
    let mut chars = segment.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '~' { chars.next() } else { None }) {
            ('~', Some('0')) => plain.push('~'),
            ('~', Some('1')) => plain.push('/'),
            ('~', _) => return Err(format!("{segment:?}: in a JSON pointer `~` is written `~0`, `/` is written `~1`")),
            (c, _) => plain.push(c),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::At;

    #[test]
    fn a_pointer_covers_itself_and_what_is_below_and_nothing_that_merely_starts_like_it() {
        let at = At::parse("/resultcount").unwrap();
        assert!(at.covers("/resultcount"));
        assert!(at.covers("/resultcount/0"));
        assert!(!at.covers("/resultcountX"));
        assert!(!at.covers(""));
        assert!(!at.covers("header:resultcount"));
    }

    #[test]
    fn a_star_is_one_segment() {
        let at = At::parse("/results/*/id").unwrap();
        assert!(at.covers("/results/17/id"));
        assert!(!at.covers("/results/id"));
        assert!(!at.covers("/results/1/2/id"));
    }

    #[test]
    fn escaped_segments_are_compared_plain() {
        assert!(At::parse("/a~1b").unwrap().covers("/a~1b/c"));
        assert!(At::parse("/a~2").is_err());
        assert!(At::parse("results").unwrap_err().contains("\"/results\""));
    }

    #[test]
    fn a_selector_that_no_browser_reads_is_refused_with_its_place() {
        assert!(At::parse("css:#list > li:nth-child(2)").is_ok());
        assert!(At::parse("css:#list >").unwrap_err().contains("at character 8, found the end"));
    }

    #[test]
    fn headers_in_any_case_and_by_prefix() {
        assert!(At::parse("header:VARY").unwrap().covers("header:Vary"));
        assert!(At::parse("header:x-*").unwrap().covers("header:X-Foo"));
        assert!(!At::parse("header:x").unwrap().covers("header:X-Foo"));
    }
}
