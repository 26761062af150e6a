//! Text of one page that the other lets through as markup. What a browser makes of that is anything from a word in bold to a page that is
//! never the same again; so it is found in the sources, the page is mended, and that it was is told of the mended text alone.

mod reader;

use std::ops::Range;

use super::charref::{self, Place};
use super::lexer::{Kind, Token};
use reader::{Before, Letters, Reader};

/// A page with markup turned back to the text that the other page has there.
#[derive(Debug)]
pub(super) struct Mended {
    /// Each mended text and value begins with a [mark](is_marked).
    pub page: String,
    /// How many were mended.
    pub count: usize,
}

/// Never a character of a text (Unicode, section 23.7).
const MARK: char = '\u{fdd0}';

pub(super) fn is_marked(text: &str) -> bool {
    text.contains(MARK)
}

/// How many marks a text has.
pub(super) fn marks(text: &str) -> usize {
    text.matches(MARK).count()
}

pub(super) fn without_marks(text: &str) -> String {
    text.replace(&format!("{MARK} "), "").replace(MARK, "")
}

/// Mends the texts and values of `escaped` that stand in `raw` at the same place as markup. `None`: there are none.
pub(super) fn mend(escaped: &str, raw: &str) -> Option<Mended> {
    // In other quotes, a quote needs no escape.
    let is_bare = |page: &str, quote| page.contains("='") && has_bare(escaped, quote);
    let hides = may_hide_markup(escaped) || is_bare(raw, b'\'') || is_bare(escaped, b'"');
    if !hides || is_marked(escaped) || is_marked(raw) {
        return None;
    }
    let mut reader = Reader::new(raw);
    let mut left = READ;
    let (mut page, mut count, mut at) = (String::new(), 0, 0);
    for hidden in all_hidden(escaped).chunk_by(|one, next| one.tag.is_some() && one.tag == next.tag) {
        for (hidden, place) in find(hidden, &mut reader, &mut left) {
            page.push_str(raw.get(at..place.start)?);
            page.push(MARK);
            if hidden.sort == Sort::Text {
                // A word of its own: the words beside it are those of the other page.
                page.push(' ');
            }
            match page_quote(hidden, raw, place.start) {
                Some((quote, reference)) => page.push_str(&hidden.source.replace(quote, reference)),
                None => page.push_str(hidden.source),
            }
            (at, count) = (place.end, count + 1);
        }
    }
    page.push_str(raw.get(at..)?);
    (count > 0).then_some(Mended { page, count })
}

/// The quote that a value stands in, and how that is written inside of it.
fn page_quote(hidden: &Hidden<'_>, page: &str, start: usize) -> Option<(char, &'static str)> {
    match (hidden.sort, page.as_bytes().get(start.checked_sub(1)?)?) {
        (Sort::Value(_), b'"') => Some(('"', "&quot;")),
        (Sort::Value(_), b'\'') => Some(('\'', "&#39;")),
        _ => None,
    }
}

/// A text or value that would be markup, were it not escaped.
#[derive(Debug)]
struct Hidden<'a> {
    sort: Sort<'a>,
    /// As it stands in the page.
    source: &'a str,
    /// What it says.
    markup: String,
    before: Before<'a>,
    /// The first letters behind it.
    after: Letters,
    /// Where the tag stands that has it, if it is a value.
    tag: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort<'a> {
    Text,
    /// Of the attribute of this name.
    Value(&'a str),
}

/// All that a page hides, in its order.
fn all_hidden(page: &str) -> Vec<Hidden<'_>> {
    let mut reader = Reader::new(page);
    let mut all: Vec<Hidden<'_>> = Vec::new();
    let (mut held, mut said) = (0, 0);
    while all.len() < MOST && held < HELD {
        let (before, known) = (reader.before, all.len());
        let Some(token) = reader.next() else { break };
        let source = token.span.of(page);
        match token.kind {
            Kind::Text | Kind::Rcdata => {
                let text = charref::decode(source, Place::Text);
                all[said..].iter_mut().for_each(|hidden| hidden.after.append(&text));
                said += all[said..].iter().take_while(|hidden| hidden.after.is_full()).count();
            }
            _ => {}
        }
        match token.kind {
            Kind::Text => all.extend(hidden(Sort::Text, source.trim(), before, opens_tags)),
            Kind::Rcdata => {
                let ended = hidden(Sort::Text, source.trim(), before, |_| true);
                all.extend(ended.filter(|hidden| before.is_ended_by(&hidden.markup)));
            }
            Kind::Start if source.contains('&') || source.contains('\'') && source.contains('"') => {
                let values = reader.lexer.attributes(&token).filter_map(|attribute| {
                    hidden(Sort::Value(attribute.name), attribute.value, before, |value| value.contains(['"', '\'']))
                });
                all.extend(values.map(|value| Hidden { tag: Some(token.span.start), ..value }));
            }
            _ => {}
        }
        held += all.iter().skip(known).map(|hidden| hidden.markup.len()).sum::<usize>();
    }
    all
}

fn hidden<'a>(sort: Sort<'a>, source: &'a str, before: Before<'a>, hides: fn(&str) -> bool) -> Option<Hidden<'a>> {
    if source.len() > LONGEST || (sort == Sort::Text && !source.contains('&')) {
        return None;
    }
    let markup = charref::decode(source, Place::Text).into_owned();
    hides(&markup).then_some(Hidden { sort, source, markup, before, after: Letters::default(), tag: None })
}

/// Where a text, or some values of one tag, stand unescaped in the rest of the other page, in the order of that. Nowhere: the reader is
/// behind them if they are there as they should be, otherwise where it was.
fn find<'h, 'a>(
    hidden: &'h [Hidden<'a>],
    reader: &mut Reader<'_>,
    left: &mut usize,
) -> Vec<(&'h Hidden<'a>, Range<usize>)> {
    let from = reader.clone();
    loop {
        let here = reader.clone();
        let Some(token) = reader.next() else { break };
        let length = (token.span.end - token.span.start) as usize;
        *left = left.saturating_sub(length.max(LEAST));
        if *left == 0 {
            break;
        }
        let mut found = match hidden {
            [text] if text.sort == Sort::Text => {
                text.as_text(&here, &token).map(|found| (text, found)).into_iter().collect()
            }
            values if token.kind == Kind::Start => values_of(values, here.page, &token),
            _ => Vec::new(),
        };
        found.retain(|(hidden, found)| hidden.is_here(&here, found.place.end, left));
        if found.is_empty() {
            continue;
        }
        found.retain(|(_, found)| found.is_markup);
        found.sort_by_key(|(_, found)| found.place.start);
        if let Some((last, Found { place, .. })) = found.last() {
            *reader = here;
            match last.sort {
                Sort::Text => reader.pass_text(&last.markup, place.end),
                Sort::Value(_) => reader.pass_value(&token, place.end),
            }
        }
        return found.into_iter().map(|(hidden, found)| (hidden, found.place)).collect();
    }
    *reader = from;
    Vec::new()
}

/// The values that a tag has. Where one is let through, the tag may seem to end in it.
fn values_of<'h, 'a>(values: &'h [Hidden<'a>], page: &str, tag: &Token) -> Vec<(&'h Hidden<'a>, Found)> {
    let start = tag.span.start as usize;
    let within = |end: usize| {
        let value = |value: &'h Hidden<'a>| match value.sort {
            Sort::Value(name) => Some((value, value.as_value(name, page, start..end)?)),
            Sort::Text => None,
        };
        values.iter().filter_map(value).collect::<Vec<_>>()
    };
    let mut found = within(tag.span.end as usize);
    while found.len() < values.len()
        && let Some(end) = found.iter().filter(|(_, found)| found.is_markup).map(|(_, found)| found.place.end).max()
    {
        let more = within(page.floor_char_boundary(end + LONGEST_TAG));
        if more.len() <= found.len() {
            break;
        }
        found = more;
    }
    found
}

impl Hidden<'_> {
    /// Does the text begin where a token does?
    fn as_text(&self, here: &Reader<'_>, token: &Token) -> Option<Found> {
        if matches!(token.kind, Kind::RawText | Kind::Doctype) {
            return None;
        }
        let page = here.page;
        let start = token.span.end as usize - token.span.of(page).trim_start().len();
        let (length, is_markup) = length_of(&self.markup, &page[start..], begins_tag)?;
        let is_markup = is_markup && (token.kind != Kind::Rcdata || here.before.is_ended_by(&self.markup));
        Some(Found { place: start..start + length, is_markup })
    }

    /// Does a tag have the value?
    fn as_value(&self, name: &str, page: &str, within: Range<usize>) -> Option<Found> {
        let (from, tag) = (within.start, page.get(within)?);
        memchr::memchr_iter(b'=', tag.as_bytes()).find_map(|equals| {
            let (before, named) = tag.get(..equals)?.split_at_checked(equals.checked_sub(name.len())?)?;
            let quote = *tag.as_bytes().get(equals + 1).filter(|quote| matches!(quote, b'"' | b'\''))?;
            let is_it =
                named.eq_ignore_ascii_case(name) && before.ends_with(|c: char| c != '-' && !c.is_ascii_alphanumeric());
            let start = from + equals + 2;
            let is_quote = |rest: &str| rest.as_bytes().first() == Some(&quote);
            let (length, is_markup) = length_of(&self.markup, page.get(start..).filter(|_| is_it)?, is_quote)?;
            let ends = page.get(start + length..).is_some_and(is_quote);
            ends.then_some(Found { place: start..start + length, is_markup })
        })
    }

    /// Is it the same place, by what is said before it or behind it? What is long is known by itself.
    fn is_here(&self, here: &Reader<'_>, end: usize, left: &mut usize) -> bool {
        self.markup.len() >= KNOWN
            || self.before.has_same_tag(&here.before)
                && (self.before.letters == here.before.letters
                    || self.sort == Sort::Text && self.after == here.letters_from(end, left))
    }
}

/// What may be what is looked for.
#[derive(Debug)]
struct Found {
    place: Range<usize>,
    /// It is not escaped.
    is_markup: bool,
}

/// How much of `rest` says what `said` says, and whether a character that `counts` stands there as it is.
fn length_of(said: &str, rest: &str, counts: impl Fn(&str) -> bool) -> Option<(usize, bool)> {
    let (mut left, mut at, mut found) = (said, 0, false);
    while let Some(next) = left.chars().next() {
        let there = rest.get(at..)?;
        if next.is_ascii_whitespace() {
            let blanks = there.len() - there.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
            if blanks == 0 {
                return None;
            }
            at += blanks;
            left = left.trim_start_matches(|c: char| c.is_ascii_whitespace());
        } else if let Some((length, rest)) = referred(there, left) {
            at += length;
            left = rest;
        } else if there.starts_with(next) {
            found |= counts(there);
            at += next.len_utf8();
            left = &left[next.len_utf8()..];
        } else {
            return None;
        }
    }
    Some((at, found))
}

/// If a text begins with a reference to what `said` begins with: its length, and what else is said.
fn referred<'s>(text: &str, said: &'s str) -> Option<(usize, &'s str)> {
    let reference = reference(text)?;
    Some((reference.len(), said.strip_prefix(&*charref::decode(reference, Place::Text))?))
}

/// The character reference that a text begins with.
fn reference(text: &str) -> Option<&str> {
    let end = text.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';')?;
    text.get(..=end).filter(|reference| reference.starts_with('&'))
}

/// Would a tag or comment begin here?
fn begins_tag(text: &str) -> bool {
    text.strip_prefix('<').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)))
}

fn opens_tags(text: &str) -> bool {
    memchr::memchr_iter(b'<', text.as_bytes()).any(|at| begins_tag(&text[at..]))
}

/// Has a tag this quote elsewhere than around a value?
fn has_bare(page: &str, quote: u8) -> bool {
    let bytes = page.as_bytes();
    let (mut is_tag, mut next) = (false, 0);
    memchr::memchr3_iter(b'<', b'>', quote, bytes).any(|at| {
        if at < next {
            return false;
        }
        if bytes[at] != quote {
            is_tag = bytes[at] == b'<';
            return false;
        }
        let opens = at > 0 && bytes[at - 1] == b'=';
        if is_tag && opens {
            next = memchr::memchr(quote, &bytes[at + 1..]).map_or(bytes.len(), |length| at + length + 2);
        }
        is_tag && !opens
    })
}

/// Is a reference in the page that a tag could begin with, or a value end?
fn may_hide_markup(page: &str) -> bool {
    let mut is_tag = false;
    memchr::memchr3_iter(b'<', b'>', b'&', page.as_bytes()).any(|at| match page.as_bytes()[at] {
        b'&' => {
            let Some(reference) = reference(&page[at..]) else { return false };
            match (&*charref::decode(reference, Place::Text), is_tag) {
                // What follows may be written as a reference, too.
                ("<", _) => {
                    page[at + reference.len()..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?&".contains(c))
                }
                ("\"" | "'", is_tag) => is_tag,
                _ => false,
            }
        }
        bracket => {
            is_tag = bracket == b'<';
            false
        }
    })
}

/// What says so much is known by itself. Bytes.
const KNOWN: usize = 24;

/// More is not looked for: a page about HTML hides thousands.
const MOST: usize = 1024;

/// So much is held of what is looked for. Bytes.
const HELD: usize = 64 << 10;

/// A longer text is not looked for. Bytes.
const LONGEST: usize = 64 << 10;

/// So much of a page is read, for all that is looked for together: 5 ms. Bytes.
const READ: usize = 1 << 20;

/// Reading a token costs as much as reading this. Bytes.
const LEAST: usize = 32;

/// How far a second value is looked for. Bytes.
const LONGEST_TAG: usize = 4 << 10;

/// `&#x0003c;` and the like. Bytes.
const LONGEST_REFERENCE: usize = 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn mended(escaped: &str, raw: &str) -> Option<String> {
        mend(escaped, raw).map(|mended| mended.page.replace(&format!("{MARK} "), "|").replace(MARK, "|"))
    }

    #[test]
    fn markup_becomes_the_text_again() {
        let page = "<p>a</p><p>Hi &lt;b&gt;x</p><p>c</p>";
        assert_eq!(mended(page, "<p>a</p><p>Hi <b>x</p><p>c</p>").unwrap(), "<p>a</p><p>|Hi &lt;b&gt;x</p><p>c</p>");
        assert_eq!(mended(page, page), None);
        assert_eq!(mended("<p>a &lt;&#x2F;b&gt;</p>", "<p>a </b></p>").unwrap(), "<p>|a &lt;&#x2F;b&gt;</p>");
        assert_eq!(mended("<p>R&amp;D &lt;b&gt;</p>", "<p>R&amp;D\n<b></p>").unwrap(), "<p>|R&amp;D &lt;b&gt;</p>");
    }

    #[test]
    fn a_tag_that_stands_often_is_mended_where_the_text_stood() {
        let page = "<div>a</div><div>&lt;/div&gt;</div><div>c</div>";
        let raw = "<div>a</div><div></div></div><div>c</div>";
        assert_eq!(mended(page, raw).unwrap(), "<div>a</div><div>|&lt;/div&gt;</div><div>c</div>");
    }

    #[test]
    fn of_two_alike_the_one_that_is_let_through_is_mended() {
        let page = "<title>&lt;b&gt;</title><h1>&lt;b&gt;</h1><h2>x</h2><h3>&lt;b&gt;</h3>";
        let raw = "<TITLE>&#60;b></TITLE><h1>&#60;b&gt;</h1><h2>x</h2><h3><b></h3>";
        assert_eq!(
            mended(page, raw).unwrap(),
            "<TITLE>&#60;b></TITLE><h1>&#60;b&gt;</h1><h2>x</h2><h3>|&lt;b&gt;</h3>"
        );
    }

    #[test]
    fn a_place_is_known_by_what_is_behind_it_too() {
        let page = "<p>5 items</p><p>&lt;b&gt;</p><p>last</p>";
        assert_eq!(
            mended(page, "<p>None</p><p><b></p><p>last</p>").unwrap(),
            "<p>None</p><p>|&lt;b&gt;</p><p>last</p>"
        );
    }

    #[test]
    fn what_is_gone_is_no_markup() {
        assert_eq!(mended("<p>&lt;br&gt;</p><p>a<br></p>", "<p></p><p>a<br></p>"), None);
        assert_eq!(mended("<p>1 &lt; 2</p>", "<p>1 < 2</p>"), None);
    }

    #[test]
    fn where_tags_are_text_nothing_is_let_through() {
        let page = "<textarea>&lt;b&gt;</textarea><p>a</p>";
        assert_eq!(mended(page, "<textarea><b></textarea><p>b</p>"), None);
        assert_eq!(mended("<textarea>&lt;/title&gt;</textarea>", "<textarea></title></textarea>"), None);
        assert_eq!(mended("<a title='&lt;b&gt;'>x</a>", "<a title='<b>'>x</a>"), None);
        assert_eq!(mended("<i title='x'>y</i><p>a&lt;b</p>", "<i title='a<b'>x</i><p>y</p>"), None);
        assert_eq!(mended("<script>1</script><p>&lt;b</p>", "<script>'<b'</script><p>x</p>"), None);
    }

    #[test]
    fn a_value_that_ends_early_is_the_value_again() {
        let page = "<input value=\"a&quot; onclick=&quot;x()\" id=\"b\">";
        let wanted = "<input VALUE=\"|a&quot; onclick=&quot;x()\" id=\"b\">";
        assert_eq!(mended(page, "<input VALUE=\"a\" onclick=\"x()\" id=\"b\">").unwrap(), wanted);
        assert_eq!(mended("<i alt='&#039;\"'>", "<i alt=\"'\"\">").unwrap(), "<i alt=\"|&#039;&quot;\">");
        let page = "<i alt=\"&quot;a\" title=\"&quot;b\" lang=\"&quot;c\">";
        let wanted = "<i alt=\"|&quot;a\" title=\"&quot;b\" lang=\"|&quot;c\">";
        assert_eq!(mended(page, "<i alt=\"\"a\" title=\"&quot;b\" lang=\"\"c\">").unwrap(), wanted);
        let other = "<i alt=\"|&quot;a\" lang=\"|&quot;c\" title=\"&quot;b\">";
        assert_eq!(mended(page, "<i alt=\"\"a\" lang=\"\"c\" title=\"&quot;b\">").unwrap(), other);
        assert_eq!(mended("<i alt=\"it's\">", "<i alt='it's'>").unwrap(), "<i alt='|it&#39;s'>");
        assert_eq!(mended("<p>a &quot;b&quot;</p>", "<p>a \"b\"</p>"), None);
        assert_eq!(mended("<i title=\"a &quot;b&quot;\">", "<i title='a \"b\"'>"), None);
    }
}
