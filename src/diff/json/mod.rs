//! JSON compared as JSON: exact numbers, aligned arrays, keys by name.
//!
//! [`lockstep`] proves most equal pairs equal in one pass. For the others [`parse`] makes a [`tape`] of each text without decoding
//! anything ([`token`] knows how long a string or number is, [`fault`] why a text is no JSON); [`walk`] goes through both tapes side by
//! side, [`members`] pairs what objects hold by name, and where arrays part, [`align`] looks for what was inserted, removed or moved
//! ([`same`] says what is equal, [`essence`] what is equal under the rules, [`chain`] finds what stayed in order, [`leftover`] pairs what is
//! only alike, by [`likeness`]), [`unordered`] where no order counts. [`number`] and [`string`] know how one value may be spelled.

mod align;
mod chain;
mod essence;
mod fault;
mod leftover;
mod likeness;
mod lockstep;
mod members;
mod number;
mod parse;
mod same;
mod string;
mod tape;
mod token;
mod unordered;
mod walk;

use super::comparison::{Kind, Severity};
use super::rules::Rule;
use super::scope::Scope;
use super::sink::{Finding, Sink};
use super::text::{self, BODY};
use fault::Fault;
use lockstep::{Change, Owner, Part, Run, Unlike};
use tape::Tape;
use walk::{Step, Walk};

const BOM: char = '\u{feff}';

/// Whether a body looks like JSON, for answers whose Content-Type does not say so (PHP's default is `text/html`).
pub fn looks_like(text: &str) -> bool {
    let text = text.trim_start_matches(BOM).trim();
    let ends = (text.as_bytes().first(), text.as_bytes().last());
    matches!(ends, (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
}

/// Whether a text is one JSON document.
pub fn is_document(text: &str) -> bool {
    Tape::parse(text).is_ok()
}

/// Compares two texts that both say that they are JSON lines: each line is an element, numbered from 0.
pub fn compare_lines(control: &str, candidate: &str, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    if !sink.spend(control.len() + candidate.len()) {
        sink.report(too_different(control, candidate));
        return;
    }
    match taped((control, candidate), sink, |text, room| Tape::parse_lines(text, 0, room)) {
        (Ok(a), Ok(b)) => documents(&a, &b, scope, sink),
        (Err(Fault::TooMany), _) | (_, Err(Fault::TooMany)) => sink.report(too_different(control, candidate)),
        _ => compare(control, candidate, scope, sink),
    }
}

/// Compares two JSON texts (or JSON lines). What is not JSON on both sides is compared as text.
pub fn compare(control: &str, candidate: &str, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    if control == candidate {
        return;
    }
    let (old, new) = (text::without_bom(control), text::without_bom(candidate));
    if control.starts_with(BOM) != candidate.starts_with(BOM) && !sink.hides(Rule::JsonBom, || BODY.to_owned()) {
        let finding = Finding::new(Kind::Encoding, BODY).rule(Rule::JsonBom);
        sink.report(finding.values(start(control), start(candidate)));
    }
    if old == new {
        return;
    }
    if !sink.spend(old.len() + new.len()) {
        sink.report(too_different(control, candidate));
        return;
    }
    if let Some(mut proof) = lockstep::prove(old, new, scope.rules)
        && proof.siblings().all(|(path, parts)| are_in_place(path, parts, scope, sink))
    {
        return proof.tell(sink).for_each(|unlike| match unlike {
            Unlike::Scalar(change) => one_scalar(change, scope, sink),
            Unlike::Elements(run) => one_sided(run, scope, sink),
        });
    }
    if !sink.spend((old.len() + new.len()) / 2) {
        sink.report(too_different(control, candidate));
        return;
    }
    match taped((old, new), sink, Tape::parse_within) {
        (Err(Fault::TooDeep | Fault::TooMany), _) => sink.report(too_different(control, candidate)),
        (Ok(a), Ok(b)) => documents(&a, &b, scope, sink),
        (Err(a), Err(b)) => neither(old, new, (a, b), scope, sink),
        (a, b) => one_only(old, new, (a.err(), b.err()), sink),
    }
}

type Parsed<'a> = Result<Tape<'a>, Fault>;

/// Parses both texts within the room that the pair has. Where the first is beyond any comparing, the second is not looked at.
fn taped<'a>(
    (old, new): (&'a str, &'a str),
    sink: &Sink<'_>,
    parse: impl Fn(&'a str, usize) -> Parsed<'a>,
) -> (Parsed<'a>, Parsed<'a>) {
    let first = parse(old, sink.room());
    if let Err(fault @ (Fault::TooDeep | Fault::TooMany)) = first {
        return (Err(fault), Err(fault));
    }
    let left = sink.room().saturating_sub(first.as_ref().map_or(0, Tape::size));
    (first, parse(new, left))
}

/// Are these elements of an array compared with those at their own places? If some stand elsewhere on the other side, they are not.
fn are_in_place<'a>(path: &[Step<'a>], parts: &[Part<'a>], scope: &Scope<'_>, sink: &mut Sink<'_>) -> bool {
    let bytes: usize = parts.iter().map(|part| part.old.len() + part.new.len()).sum();
    if !sink.spend(bytes) || !sink.hold(bytes) {
        return false;
    }
    let list = |texts: &[&str]| format!("[{}]", texts.join(","));
    let (old, new): (Vec<&str>, Vec<&str>) = parts.iter().map(|part| (part.old, part.new)).unzip();
    let (old, new) = (list(&old), list(&new));
    let mut aside = Sink::new(scope.rules, scope.now);
    let kept = match taped((&old, &new), sink, Tape::parse_within) {
        (Ok(a), Ok(b)) => Walk { path: path.to_vec(), ..Walk::new(&a, &b, scope, &mut aside) }.keeps_places(),
        _ => false,
    };
    sink.let_go(bytes);
    kept
}

fn one_scalar(change: Change<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let (a, b) = (Tape::of_scalar(change.old), Tape::of_scalar(change.new));
    Walk::new(&a, &b, scope, sink).unlike_at(change.path).value(Tape::ROOT, Tape::ROOT);
}

fn one_sided(run: Run<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let list = format!("[{}]", run.text);
    let Ok(tape) = Tape::parse(&list) else { return };
    let mut walk = Walk { path: run.path, ..Walk::new(&tape, &tape, scope, sink) };
    for (index, node) in (run.index..).zip(tape.elements(Tape::ROOT)) {
        match run.owner {
            Owner::Old => walk.gone(index, node),
            Owner::New => walk.added(index, node),
        }
    }
}

/// Steps for each value of a tape.
const PARSED: usize = 6;

fn documents(a: &Tape<'_>, b: &Tape<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let size = a.size() + b.size();
    if !sink.spend((a.weight(Tape::ROOT) + b.weight(Tape::ROOT)) * PARSED) || !sink.hold(size) {
        sink.report(too_different(a.text, b.text));
        return;
    }
    Walk::new(a, b, scope, sink).value(Tape::ROOT, Tape::ROOT);
    sink.let_go(size);
    if a.blanks != b.blanks && !sink.hides(Rule::JsonWhitespace, String::new) {
        let values = (format!("{} bytes of white space", a.blanks), format!("{} bytes of white space", b.blanks));
        sink.report(Finding::new(Kind::Text, BODY).values(values.0, values.1).rule(Rule::JsonWhitespace));
    }
}

/// Neither is one JSON document: JSON lines, or text that was called JSON.
fn neither(control: &str, candidate: &str, faults: (Fault, Fault), scope: &Scope<'_>, sink: &mut Sink<'_>) {
    if let (Ok(a), Ok(b)) = taped((control, candidate), sink, |text, room| Tape::parse_lines(text, 2, room)) {
        return documents(&a, &b, scope, sink);
    }
    if faults == (Fault::TooDeep, Fault::TooDeep) || faults == (Fault::TooMany, Fault::TooMany) {
        sink.report(too_different(control, candidate));
        return;
    }
    text::compare(control, candidate, sink);
}

fn one_only(control: &str, candidate: &str, faults: (Option<Fault>, Option<Fault>), sink: &mut Sink<'_>) {
    let broken = if faults.0.is_some() { control } else { candidate };
    let Some(fault) = faults.0.or(faults.1) else { return };
    let (kind, cause) = match fault {
        Fault::Empty => (Kind::Body, "empty_body"),
        Fault::Truncated(_) => (Kind::Truncated, "truncated"),
        Fault::TooDeep | Fault::TooMany => {
            sink.report(too_different(control, candidate));
            return;
        }
        Fault::Trailing(_) => (Kind::Structure, "text_after_json"),
        Fault::Unexpected(at) => match what_is_wrong(broken, at) {
            "html_instead_of_json" if faults.0.is_some() => (Kind::Structure, "json_instead_of_html"),
            cause => (Kind::Structure, cause),
        },
    };
    let shown = |text: &str, fault: Option<Fault>| match fault {
        Some(Fault::Truncated(at)) => format!("… {} (ends at byte {at})", end(text)),
        Some(Fault::Trailing(at)) => text.get(at..).map(start).unwrap_or_default().to_owned(),
        Some(Fault::Unexpected(at)) if at > 0 => {
            format!("{} (byte {at})", text.get(at..).map(start).unwrap_or_default())
        }
        _ => start(text).to_owned(),
    };
    let finding = Finding::new(kind, BODY).values(shown(control, faults.0), shown(candidate, faults.1));
    sink.report(finding.cause(cause).severity(Severity::High));
}

/// A PHP warning or notice stands before a document; an HTML page stands instead of one.
fn what_is_wrong(text: &str, at: usize) -> &'static str {
    let starts_at_once = text.get(..at).is_some_and(|before| before.trim().is_empty());
    if !starts_at_once {
        return "not_json";
    }
    match text.find(['{', '[']) {
        Some(brace) if brace > 0 && text.get(brace..).is_some_and(|rest| Tape::parse(rest).is_ok()) => {
            "text_before_json"
        }
        _ if text.trim_start().starts_with('<') => "html_instead_of_json",
        _ => "not_json",
    }
}

fn too_different(control: &str, candidate: &str) -> Finding {
    let size = |text: &str| format!("{} bytes", text.len());
    Finding::new(Kind::TooDifferent, BODY).values(size(control), size(candidate))
}

/// Bytes of a body shown where it breaks.
const SHOWN: usize = 80;

fn start(text: &str) -> &str {
    let cut = (0..=SHOWN.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.get(..cut).unwrap_or_default()
}

fn end(text: &str) -> &str {
    let from =
        (text.len().saturating_sub(SHOWN)..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
