//! Content-Type: the media type and its charset, by meaning.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::Answers;
use crate::diff::comparison::{Kind, Severity};
use crate::diff::decode;
use crate::diff::rules::Rule;
use crate::diff::sink::{Finding, Sink};

const PATH: &str = "header:Content-Type";

/// A Content-Type, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// In lower case: `text/html`.
    pub essence: Cow<'a, str>,
    /// In lower case.
    pub charset: Option<Cow<'a, str>>,
    /// Other parameters, names in lower case, in order; `boundary` is left out, it is made anew for every answer.
    pub others: Vec<(String, String)>,
}

pub fn parse(value: &str) -> MediaType<'_> {
    let mut parts = value.split(';');
    let essence = lower(parts.next().unwrap_or_default().trim());
    let mut found = MediaType { essence, ..MediaType::default() };
    for part in parts {
        let Some((name, value)) = part.split_once('=') else { continue };
        let (name, value) = (lower(name.trim()), value.trim().trim_matches('"'));
        match &*name {
            "charset" => found.charset = found.charset.or_else(|| Some(lower(value))),
            "boundary" => {}
            _ => found.others.push((name.into_owned(), value.to_owned())),
        }
    }
    found.others.sort();
    found
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text.into() }
}

pub fn of(headers: &HeaderMap) -> Option<MediaType<'_>> {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(parse)
}

impl MediaType<'_> {
    pub fn is_json(&self) -> bool {
        matches!(&*self.essence, "application/json" | "text/json")
            || self.essence.ends_with("+json")
            || self.is_json_lines()
    }

    pub fn is_json_lines(&self) -> bool {
        matches!(
            &*self.essence,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines"
        )
    }

    /// What a spreadsheet opens.
    pub fn is_table(&self) -> bool {
        matches!(&*self.essence, "text/csv" | "text/tab-separated-values" | "application/vnd.ms-excel")
    }

    pub fn is_html(&self) -> bool {
        matches!(&*self.essence, "text/html" | "application/xhtml+xml")
    }

    /// HTML that browsers read as XML.
    pub fn is_xhtml(&self) -> bool {
        self.essence == "application/xhtml+xml"
    }

    pub fn is_xml(&self) -> bool {
        matches!(&*self.essence, "text/xml" | "application/xml") || self.essence.ends_with("+xml")
    }

    pub fn is_binary(&self) -> bool {
        let (kind, subtype) = self.essence.split_once('/').unwrap_or_default();
        match kind {
            "image" => subtype != "svg+xml",
            "audio" | "video" | "font" => true,
            "application" => matches!(
                subtype,
                "octet-stream"
                    | "pdf"
                    | "zip"
                    | "gzip"
                    | "x-gzip"
                    | "x-tar"
                    | "zstd"
                    | "x-xz"
                    | "wasm"
                    | "x-protobuf"
                    | "msgpack"
            ),
            _ => false,
        }
    }

    /// The two spellings of a charset are one: `utf8` and `UTF-8`.
    fn same_charset(&self, other: &Self) -> bool {
        let encoding = |charset: &Option<Cow<'_, str>>| {
            charset.as_ref().map(|label| encoding_rs::Encoding::for_label(label.as_bytes()))
        };
        self.charset == other.charset
            || matches!((encoding(&self.charset), encoding(&other.charset)), (Some(Some(a)), Some(Some(b))) if a == b)
    }
}

/// The types of an answer that says several, each once.
fn several(values: &[String]) -> Vec<MediaType<'_>> {
    let mut types: Vec<MediaType<'_>> = values.iter().map(|value| parse(value)).collect();
    types.dedup();
    types
}

pub fn compare(answers: &Answers<'_>, sink: &mut Sink<'_>) {
    let written = |headers: &HeaderMap| -> Vec<String> {
        headers.get_all(CONTENT_TYPE).iter().map(|value| decode::apart(value.as_bytes()).into_owned()).collect()
    };
    let (olds, news) = (written(&answers.control.headers), written(&answers.candidate.headers));
    if olds == news {
        return;
    }
    if olds.len().max(news.len()) > 1 && several(&olds) != several(&news) {
        // Which of them counts is different from client to client.
        let joined = |values: &[String]| (!values.is_empty()).then(|| values.join(", "));
        sink.report(Finding::new(Kind::ContentType, PATH).sides(joined(&olds), joined(&news)).cause("media_type"));
        return;
    }
    let (control, candidate) = (olds.first().cloned(), news.first().cloned());
    if control == candidate {
        sink.report(Finding::new(Kind::ContentType, PATH).sides(control, candidate).rule(Rule::HeaderSpelling));
        return;
    }
    let finding = Finding::new(Kind::ContentType, PATH).sides(control.as_ref(), candidate.as_ref());
    // PHP says what nothing is, others do not.
    let only_one_says = olds.is_empty() != news.is_empty();
    if answers.leave_type_unused() || (only_one_says && answers.are_empty()) {
        sink.report(finding.rule(Rule::ContentTypeUnused));
        return;
    }
    let (Some(control), Some(candidate)) = (control, candidate) else {
        sink.report(finding.cause("content_type_missing"));
        return;
    };
    let (old, new) = (parse(&control), parse(&candidate));
    let finding = if old.essence != new.essence {
        finding.cause("media_type")
    } else if !old.same_charset(&new) {
        let cause = if old.charset.is_some() == new.charset.is_some() { "charset_changed" } else { "charset_missing" };
        finding.severity(if old.is_json() { Severity::Low } else { Severity::Medium }).cause(cause)
    } else if old.others != new.others {
        finding.severity(Severity::Medium).cause("media_type_parameter")
    } else {
        finding.rule(Rule::HeaderSpelling)
    };
    sink.report(finding);
}
