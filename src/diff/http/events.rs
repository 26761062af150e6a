//! Server-sent events (HTML Standard, section 9.2), compared as what a page is told: event by event, JSON in them as JSON.

use std::fmt::Write;

use crate::diff::comparison::Kind;
use crate::diff::json;
use crate::diff::rules::Rule;
use crate::diff::scope::Scope;
use crate::diff::sink::{Finding, Sink};
use crate::diff::text::{self, BODY};

pub fn compare(old: &str, new: &str, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    // An event is dispatched by the blank line behind it: without one, the last never is.
    let is_whole = |text: &str| ["\n\n", "\r\n\r\n", "\r\r"].iter().any(|end| text.ends_with(end));
    if is_whole(old) != is_whole(new) {
        let said = |text: &str| if is_whole(text) { "the last event ends" } else { "the last event does not end" };
        sink.report(Finding::new(Kind::Truncated, BODY).values(said(old), said(new)));
    }
    if old.len() + new.len() > LARGEST {
        return text::compare(old, new, sink);
    }
    let (a, b) = (as_json(old), as_json(new));
    if a != b {
        // What was made of the streams stands beside what comparing takes.
        let made = a.len() + b.len();
        if !sink.hold(made) {
            return text::compare(old, new, sink);
        }
        json::compare(&a, &b, scope, sink);
        return sink.let_go(made);
    }
    if old != new && !sink.hides(Rule::EventSpelling, || BODY.to_owned()) {
        sink.report(Finding::new(Kind::Text, BODY).values(old, new).rule(Rule::EventSpelling));
    }
}

/// More is compared by lines. Bytes, of both streams.
const LARGEST: usize = 1 << 20;

/// A stream as a list of events, each with the fields that it has.
fn as_json(stream: &str) -> String {
    let stream = text::without_bom(stream).replace("\r\n", "\n").replace('\r', "\n");
    let events: Vec<String> = stream.split("\n\n").filter_map(event).collect();
    format!("[{}]", events.join(","))
}

/// What one event says; `None`: nothing, as a comment that keeps the connection alive.
fn event(block: &str) -> Option<String> {
    let mut data: Vec<&str> = Vec::new();
    let mut others = String::new();
    for line in block.lines().filter(|line| !line.starts_with(':')) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => data.push(value),
            "event" | "id" | "retry" => {
                let _ = write!(others, ",\"{name}\":{}", quoted(value));
            }
            _ => {}
        }
    }
    if data.is_empty() && others.is_empty() {
        return None;
    }
    let data = data.join("\n");
    let said = if json::looks_like(&data) && json::is_document(&data) { data } else { quoted(&data) };
    Some(format!("{{\"data\":{said}{others}}}"))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::as_json;

    #[test]
    fn a_stream_is_a_list_of_what_pages_are_told() {
        let stream = ": hello\r\n\r\nevent: price\r\nid:7\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata:x\r\nfoo: y\r\n\r\n";
        assert_eq!(as_json(stream), "[{\"data\":{\"a\":\n1},\"event\":\"price\",\"id\":\"7\"},{\"data\":\"x\"}]");
        assert_eq!(as_json("data: {broken\n\n"), "[{\"data\":\"{broken\"}]");
        assert_eq!(as_json(""), "[]");
    }
}
