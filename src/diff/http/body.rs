//! Bodies: decoded, then handed to the comparer for what they are.

use std::borrow::Cow;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::Answers;
use super::content_type::{self, MediaType};
use super::events;
use crate::diff::comparison::{Kind, Severity};
use crate::diff::decode::{self, Text};
use crate::diff::html::{self, Markup};
use crate::diff::rules::Rule;
use crate::diff::scope::Scope;
use crate::diff::sink::{Finding, Sink};
use crate::diff::text::BODY;
use crate::diff::{binary, json, text};

/// The sort of document a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Json,
    Html,
    Xml,
    Text,
}

pub fn compare(answers: &Answers<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let (control, candidate) = (answers.control, answers.candidate);
    let as_sent = control.body == candidate.body;
    // What says how a body is to be read.
    let is_read_alike = || answers.agree_on(&CONTENT_ENCODING) && answers.agree_on(&CONTENT_TYPE);
    if as_sent && is_read_alike() {
        return;
    }
    if answers.are_followed() {
        let finding = Finding::new(Kind::Body, BODY).values(size(&control.body), size(&candidate.body));
        sink.report(finding.rule(Rule::RedirectBody));
        return;
    }
    if !answers.have_bodies() {
        return;
    }
    let old = decode::undo(&control.headers, &control.body);
    if let Err(decode::Fault::TooLarge(_)) = old {
        if !as_sent {
            undecodable(old, Ok(Cow::Borrowed(&candidate.body)), sink);
        }
        return;
    }
    let (old, new) = match (old, decode::undo(&candidate.headers, &candidate.body)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(_), Err(_)) if as_sent => return,
        (old, new) => return undecodable(old, new, sink),
    };
    decoded(answers, &Bodies { old, new }, scope, sink);
}

fn size(body: &[u8]) -> String {
    format!("{} bytes", body.len())
}

fn undecodable(
    old: Result<Cow<'_, [u8]>, decode::Fault>,
    new: Result<Cow<'_, [u8]>, decode::Fault>,
    sink: &mut Sink<'_>,
) {
    let cause = new.as_ref().err().or(old.as_ref().err()).map(decode::Fault::cause);
    let kind = match cause {
        Some("too_large") => Kind::TooDifferent,
        Some("truncated") => Kind::Truncated,
        _ => Kind::Encoding,
    };
    let shown = |side: Result<Cow<'_, [u8]>, decode::Fault>| match side {
        Ok(bytes) => size(&bytes),
        Err(fault) => fault.to_string(),
    };
    let finding = Finding::new(kind, BODY).values(shown(old), shown(new));
    sink.report(Finding { cause, ..finding });
}

/// Both bodies with their codings undone.
struct Bodies<'a> {
    old: Cow<'a, [u8]>,
    new: Cow<'a, [u8]>,
}

impl Bodies<'_> {
    /// Tells the sink what the pair weighs; what had to be made of what came (unpacked, in another charset) stands beside it.
    fn weigh(&self, texts: (&Text<'_>, &Text<'_>), sink: &mut Sink<'_>) {
        let unpacked = [&self.old, &self.new].into_iter().filter(|body| matches!(body, Cow::Owned(_)));
        let converted = [texts.0, texts.1].into_iter().filter(|text| matches!(text.text, Cow::Owned(_)));
        let made =
            unpacked.map(|body| body.len()).sum::<usize>() + converted.map(|text| text.text.len()).sum::<usize>();
        sink.weigh(self.old.len() + self.new.len(), made);
    }
}

fn decoded(answers: &Answers<'_>, bodies: &Bodies<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let (old, new): (&[u8], &[u8]) = (&bodies.old, &bodies.new);
    let headers = (&answers.control.headers, &answers.candidate.headers);
    let said = content_type::of(headers.0);
    // Read once where both say the same.
    let other = (headers.0.get(CONTENT_TYPE) != headers.1.get(CONTENT_TYPE)).then(|| content_type::of(headers.1));
    let types: Types<'_> = (said.as_ref(), other.as_ref().map_or(said.as_ref(), Option::as_ref));
    if old == new && types.0.map(|said| &said.charset) == types.1.map(|said| &said.charset) {
        return;
    }
    if old.is_empty() != new.is_empty() {
        let cause = if new.is_empty() { "empty_body" } else { "body_added" };
        sink.report(Finding::new(Kind::Body, BODY).values(size(old), size(new)).cause(cause));
        return;
    }
    if !sink.spend((old.len() + new.len()) / BYTES_PER_STEP) {
        sink.report(Finding::new(Kind::TooDifferent, BODY).values(size(old), size(new)));
        return;
    }
    if is_binary(types.0, old) || is_binary(types.1, new) {
        binary::compare(old, new, sink);
        return;
    }
    let (mut a, mut b) = (decode::text_of(types.0, old), decode::text_of(types.1, new));
    if a.had_errors && b.had_errors && a.encoding == b.encoding {
        // What took their places before is given up first, and what is hardly text is not made several times its size.
        (a.text, b.text) = (Cow::Borrowed(""), Cow::Borrowed(""));
        let size = decode::apart_size(old) + decode::apart_size(new);
        if size > FEW_APART.max((old.len() + new.len()) * 2) {
            return binary::compare(old, new, sink);
        }
        (a.text, b.text) = (decode::apart(old), decode::apart(new));
    }
    bodies.weigh((&a, &b), sink);
    broken_characters(&a, &b, sink);
    let sorts = (sort(types.0, &a.text), sort(types.1, &b.text));
    if sorts == (Sort::Json, Sort::Json) && a.is_utf16() != b.is_utf16() {
        // RFC 8259, section 8.1: no reader of JSON need take it.
        let finding = Finding::new(Kind::Encoding, BODY).values(a.encoding.name(), b.encoding.name());
        sink.report(finding.cause("not_utf8"));
    }
    match sorts {
        (Sort::Json, Sort::Json) if says_lines(types) => json::compare_lines(&a.text, &b.text, scope, sink),
        (Sort::Json, Sort::Json) => json::compare(&a.text, &b.text, scope, sink),
        (Sort::Html, Sort::Html) if says_xhtml(types) => html::compare(Markup::Xhtml, &a.text, &b.text, scope, sink),
        (Sort::Html, Sort::Html) => html::compare(Markup::Html, &a.text, &b.text, scope, sink),
        (Sort::Xml, Sort::Xml) => html::compare(Markup::Xml, &a.text, &b.text, scope, sink),
        (Sort::Json, _) | (_, Sort::Json) => json::compare(&a.text, &b.text, scope, sink),
        _ if is_table(types) => table(&a.text, &b.text, sink),
        _ if are_events(types) => events::compare(&a.text, &b.text, scope, sink),
        _ => match (callback(&a.text), callback(&b.text)) {
            (Some(x), Some(y)) if x.around == y.around => json::compare(x.json, y.json, scope, sink),
            _ => text::compare(&a.text, &b.text, sink),
        },
    }
}

/// What the two answers say that they are.
type Types<'a> = (Option<&'a MediaType<'a>>, Option<&'a MediaType<'a>>);

/// `/**/callback({…});`, as scripts of other sites ask for it.
struct Callback<'a> {
    around: (&'a str, &'a str),
    json: &'a str,
}

fn callback(text: &str) -> Option<Callback<'_>> {
    let text = text.trim_end();
    let (before, rest) = text.split_once('(')?;
    let (json, after) = rest.rsplit_once(')')?;
    let is_name = |c: char| c.is_alphanumeric() || "_$.[]/* \n".contains(c);
    let plain = before.chars().all(is_name) && before.chars().any(char::is_alphanumeric);
    (plain && json::looks_like(json) && matches!(after, "" | ";")).then_some(Callback { around: (before, after), json })
}

/// A mark at the start tells spreadsheets that a table is UTF-8: without it they show mojibake.
fn table(old: &str, new: &str, sink: &mut Sink<'_>) {
    const MARK: char = '\u{feff}';
    let (mut old, mut new) = (old, new);
    if old.starts_with(MARK) != new.starts_with(MARK) {
        let shown = |marked: bool| if marked { "with a byte order mark" } else { "without a byte order mark" };
        let finding =
            Finding::new(Kind::Encoding, BODY).values(shown(old.starts_with(MARK)), shown(new.starts_with(MARK)));
        sink.report(finding.severity(Severity::Medium).cause("byte_order_mark"));
        (old, new) = (text::without_bom(old), text::without_bom(new));
    }
    text::compare(&with_ends_in_fields(old), &with_ends_in_fields(new), sink);
}

/// A table whose fields show how their own lines end, which is data; how its rows end is not (RFC 4180).
fn with_ends_in_fields(table: &str) -> Cow<'_, str> {
    let is_within = |part: usize| part % 2 == 1;
    let has_ends = table.split('"').enumerate().any(|(part, text)| is_within(part) && text.contains("\r\n"));
    if !has_ends {
        return table.into();
    }
    let part =
        |(part, text): (usize, &str)| if is_within(part) { text.replace("\r\n", "\\r\\n\n") } else { text.to_owned() };
    table.split('"').enumerate().map(part).collect::<Vec<_>>().join("\"").into()
}

fn are_events(types: Types<'_>) -> bool {
    let says = |said: Option<&MediaType<'_>>| said.is_some_and(|said| said.essence == "text/event-stream");
    says(types.0) && says(types.1)
}

fn is_table(types: Types<'_>) -> bool {
    let says = |said: Option<&MediaType<'_>>| said.is_some_and(MediaType::is_table);
    says(types.0) && says(types.1)
}

fn says_xhtml(types: Types<'_>) -> bool {
    let says = |said: Option<&MediaType<'_>>| said.is_some_and(MediaType::is_xhtml);
    says(types.0) && says(types.1)
}

fn says_lines(types: Types<'_>) -> bool {
    let says = |said: Option<&MediaType<'_>>| said.is_some_and(MediaType::is_json_lines);
    says(types.0) && says(types.1)
}

/// As much text is made of two bodies whose bytes are no characters, whatever their size. Bytes.
const FEW_APART: usize = 1 << 20;

/// Reading a byte is cheap beside comparing a value.
const BYTES_PER_STEP: usize = 8;

/// One side sends bytes that are no characters in its own charset.
fn broken_characters(old: &Text<'_>, new: &Text<'_>, sink: &mut Sink<'_>) {
    if old.had_errors == new.had_errors {
        return;
    }
    let shown = |text: &Text<'_>| if text.had_errors { "bytes that are no characters" } else { "valid text" };
    sink.report(Finding::new(Kind::Encoding, BODY).values(shown(old), shown(new)).cause("invalid_characters"));
}

fn is_binary(said: Option<&MediaType<'_>>, bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 1024;
    let head = bytes.get(..LOOKED_AT.min(bytes.len())).unwrap_or_default();
    said.is_some_and(|said| !said.is_json() && said.is_binary())
        || (binary::magic(bytes).is_some() || (memchr::memchr(0, head).is_some() && !is_wide(said, head)))
}

/// UTF-16 holds zero bytes and is text: by its mark, or because the answer says so.
fn is_wide(said: Option<&MediaType<'_>>, bytes: &[u8]) -> bool {
    let names = |said: &MediaType<'_>| said.charset.as_ref().is_some_and(|charset| charset.starts_with("utf-16"));
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || said.is_some_and(names)
}

/// By what the answer says, unless it says the default of a language that does not know better.
fn sort(said: Option<&MediaType<'_>>, text: &str) -> Sort {
    match said {
        Some(said) if said.is_json() => Sort::Json,
        Some(said) if said.is_html() && !json::looks_like(text) => Sort::Html,
        Some(said) if said.is_xml() => Sort::Xml,
        _ if json::looks_like(text) => Sort::Json,
        Some(_) => Sort::Text,
        None => by_start(text),
    }
}

fn by_start(text: &str) -> Sort {
    let start: String =
        text.trim_start_matches('\u{feff}').trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
    match () {
        () if start.starts_with("<?xml") => Sort::Xml,
        () if start.starts_with("<!doctype html") || start.starts_with("<html") => Sort::Html,
        () => Sort::Text,
    }
}
