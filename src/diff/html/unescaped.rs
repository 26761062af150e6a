//! Text of one page that the other lets through as markup. What a browser makes of that is anything from a word in bold to a page that is
//! never the same again; so it is found in the sources, the page is mended, and that it was is told of the mended text alone.

use std::ops::Range;

use super::charref::{self, Place};
use super::elements::{Name, Traits};
use super::lexer::{Content, Kind, Lexer, Raw};

/// A page with markup turned back to the text that the other page has there.
#[derive(Debug)]
pub(super) struct Mended {
    /// Each mended text begins with [`MARK`].
    pub page: String,
    /// How many texts were mended.
    pub count: usize,
}

/// Never a character of a text (Unicode, section 23.7).
pub(super) const MARK: char = '\u{fdd0}';

pub(super) fn is_marked(text: &str) -> bool {
    text.contains(MARK)
}

/// Mends the texts and values of `escaped` that stand in `raw` at the same place as markup. `None`: there are none.
pub(super) fn mend(escaped: &str, raw: &str) -> Option<Mended> {
    let texts = texts_like_markup(escaped, SEARCHED / (escaped.len() + raw.len()));
    // In there, tags are text.
    let has_cdata = || memchr::memmem::find(raw.as_bytes(), b"<![CDATA[").is_some();
    if texts.is_empty() || is_marked(escaped) || is_marked(raw) || has_cdata() {
        return None;
    }
    let mut places: Vec<(usize, usize, &str)> =
        texts.into_iter().flat_map(|text| let_through(text, escaped, raw)).collect();
    places.sort_unstable();
    let (mut page, mut marks, mut at) = (String::with_capacity(raw.len() + raw.len() / 8), Vec::new(), 0);
    for (start, end, text) in places {
        let Some(before) = raw.get(at..start) else { continue };
        page.push_str(before);
        let marked = if text.starts_with('=') { Marked::Value } else { Marked::Text };
        let (begin, value) = text.split_at(if marked == Marked::Value { "=\"".len() } else { 0 });
        page.push_str(begin);
        marks.push((page.len(), marked));
        page.push(MARK);
        page.push_str(value);
        at = end;
    }
    page.push_str(raw.get(at..)?);
    let mended = Mended { page, count: marks.len() };
    (mended.count > 0 && are_there(&marks, &mended.page)).then_some(mended)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marked {
    Text,
    Value,
}

/// Whether each mark stands in what it is said to be: in a comment or a script, markup is none.
fn are_there(marks: &[(usize, Marked)], page: &str) -> bool {
    let mut lexer = Lexer::from(page, 0);
    let mut left = marks;
    while let Some(token) = lexer.next(Content::Html) {
        while let Some(((_, marked), rest)) = left.split_first().filter(|((at, _), _)| *at < token.span.end as usize) {
            let fits = match token.kind {
                Kind::Text | Kind::Rcdata => *marked == Marked::Text,
                Kind::Start => *marked == Marked::Value,
                _ => false,
            };
            if !fits {
                return false;
            }
            left = rest;
        }
        if token.kind == Kind::Start {
            let name = Name::of(token.inner.of(page));
            if name.is(Traits::RAW) {
                lexer.begin_raw(Raw::of(name.text), &token);
            }
        }
    }
    left.is_empty()
}

/// The places in `raw` where a text stands unescaped: from, to, and the text as escaped. What stands there as often, escaped or not, as in
/// the other page, stands there in the same order.
fn let_through<'a>(text: &'a str, escaped: &str, raw: &str) -> Vec<(usize, usize, &'a str)> {
    let markup = charref::decode(text, Place::Text);
    let all = |page: &str| {
        let find = |what: &str, is_markup: bool| -> Vec<(usize, bool)> {
            memchr::memmem::find_iter(page.as_bytes(), what).map(|at| (at, is_markup)).collect()
        };
        let mut all = [find(text, false), find(&markup, true)].concat();
        all.sort_unstable();
        all
    };
    let (there, here) = (all(escaped), all(raw));
    if there.len() != here.len() {
        return Vec::new();
    }
    let differ = there.iter().zip(&here).filter(|((_, there), (_, here))| *here && !*there);
    differ.map(|(_, (at, _))| (*at, at + markup.len(), text)).collect()
}

/// The texts of a page that show markup, and the values with a quote in them, as they are written, each once. A value begins with `="`.
fn texts_like_markup(page: &str, most: usize) -> Vec<&str> {
    let mut texts: Vec<&str> = Vec::new();
    // Where a text may begin, and whether a tag did instead.
    let (mut from, mut is_tag, mut next, mut looks) = (0, false, 0, SEARCHED);
    for at in memchr::memchr3_iter(b'<', b'>', b'&', page.as_bytes()) {
        match page.as_bytes()[at] {
            b'&' if at < next => continue,
            b'&' => {}
            bracket => {
                (from, is_tag) = (at + 1, bracket == b'<');
                continue;
            }
        }
        let found = match (opens(&page[at..]), is_tag) {
            (Some(Opened::Tag), false) => Some(text_around(page, from, at)),
            (Some(Opened::Quote(quote)), true) => {
                looks = looks.saturating_sub(LONGEST);
                value_around(page, from, at, quote)
            }
            _ => None,
        };
        let Some(found) = found else { continue };
        next = found.end;
        let text = &page[found];
        if texts.len() >= most.min(MOST) || looks == 0 {
            break;
        }
        let is_open = is_tag || !is_text_anyway(text, &page[..from]);
        if is_open && text.len() <= LONGEST && !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// What a character reference would begin or end, were it the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// A tag or a comment.
    Tag,
    /// An attribute's value.
    Quote(char),
}

fn opens(text: &str) -> Option<Opened> {
    let reference = text.get(..=text.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';')?)?;
    match charref::decode(reference, Place::Text).chars().next()? {
        '<' if text[reference.len()..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) => {
            Some(Opened::Tag)
        }
        quote @ ('"' | '\'') => Some(Opened::Quote(quote)),
        _ => None,
    }
}

/// The text from `from` around a place.
fn text_around(page: &str, from: usize, place: usize) -> Range<usize> {
    let end = memchr::memchr(b'<', &page.as_bytes()[place..]).map_or(page.len(), |tag| place + tag);
    let start = end - page[from..end].trim_start().len();
    start..start + page[start..end].trim_end().len()
}

/// The value around a place in a tag that is open since `from`, with its quotes and the equals sign.
fn value_around(page: &str, from: usize, place: usize, quote: char) -> Option<Range<usize>> {
    let value = place - page[from..place].bytes().rev().take(LONGEST).position(|byte| byte == quote as u8)?;
    let end = place + page[place..].bytes().take(LONGEST).position(|byte| byte == quote as u8)? + 1;
    page[..value - 1].ends_with('=').then_some(value - 2..end)
}

/// Does a text behind a tag stand in an element in which tags are text, but for its own end tag?
fn is_text_anyway(text: &str, before: &str) -> bool {
    let tag = before.rfind('<').map_or("", |at| &before[at + 1..]);
    let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
    match &*name {
        "script" | "style" | "xmp" | "iframe" | "noembed" | "noframes" => true,
        "title" | "textarea" => !charref::decode(text, Place::Text).to_ascii_lowercase().contains(&format!("</{name}")),
        _ => false,
    }
}

/// More texts that show markup are not looked for: a page about HTML has thousands.
const MOST: usize = 64;

/// So much of two pages is searched, for all texts together: 4 ms. Bytes.
const SEARCHED: usize = 8 << 20;

/// `&#x0003c;` and the like. Bytes.
const LONGEST_REFERENCE: usize = 10;

/// A longer text is not looked for. Bytes.
const LONGEST: usize = 16 << 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn mended(escaped: &str, raw: &str) -> Option<String> {
        mend(escaped, raw).map(|mended| mended.page.replace(MARK, "|"))
    }

    #[test]
    fn markup_becomes_the_text_again() {
        let page = "<p>a</p><p>Hi &lt;b&gt;x</p><p>c</p>";
        assert_eq!(mended(page, "<p>a</p><p>Hi <b>x</p><p>c</p>").unwrap(), "<p>a</p><p>|Hi &lt;b&gt;x</p><p>c</p>");
        assert_eq!(mended(page, page), None);
    }

    #[test]
    fn a_tag_that_stands_often_is_mended_where_the_text_stood() {
        let page = "<div>a</div><div>&lt;/div&gt;</div><div>c</div>";
        let raw = "<div>a</div><div></div></div><div>c</div>";
        assert_eq!(mended(page, raw).unwrap(), "<div>a</div><div>|&lt;/div&gt;</div><div>c</div>");
    }

    #[test]
    fn what_is_gone_is_no_markup() {
        assert_eq!(mended("<p>&lt;br&gt;</p><p>a<br></p>", "<p></p><p>a<br></p>"), None);
        assert_eq!(mended("<p>1 &lt; 2</p>", "<p>1 < 2</p>"), None);
    }

    #[test]
    fn in_a_text_field_tags_are_text() {
        let page = "<textarea>&lt;b&gt;</textarea><p>a</p>";
        assert_eq!(mended(page, "<textarea><b></textarea><p>b</p>"), None);
        assert_eq!(mended("<a title='&lt;b&gt;'>x</a>", "<a title='<b>'>x</a>"), None);
        assert_eq!(mended("<i title='x'>y</i><p>a&lt;b</p>", "<i title='a<b'>x</i><p>y</p>"), None);
        assert_eq!(mended("<script>1</script><p>&lt;b</p>", "<script>'<b'</script><p>x</p>"), None);
    }

    #[test]
    fn a_value_that_ends_early_is_the_value_again() {
        let page = "<input value=\"a&quot; onclick=&quot;x()\" id=\"b\">";
        let wanted = "<input value=\"|a&quot; onclick=&quot;x()\" id=\"b\">";
        assert_eq!(mended(page, "<input value=\"a\" onclick=\"x()\" id=\"b\">").unwrap(), wanted);
        assert_eq!(mended("<p>a &quot;b&quot;</p>", "<p>a \"b\"</p>"), None);
        assert_eq!(mended("<i title=\"a &quot;b&quot;\">", "<i title='a \"b\"'>"), None);
    }
}
