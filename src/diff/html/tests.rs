#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde::Deserialize;

use super::{Markup, compare};
use crate::diff::observation::Request;
use crate::diff::rules::{Rules, RulesSpec};
use crate::diff::scope::Scope;
use crate::diff::sink::Sink;
use crate::diff::{Comparison, Outcome};

mod elide;
mod laws;
mod many;
mod omitted;
mod pages;
mod samples;

/// One line of `tests/cases/diff/*.jsonl`.
#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    control: Answer,
    candidate: Answer,
    #[serde(default)]
    diff: RulesSpec,
    label: String,
    reason: String,
    kind: Option<String>,
    path: Option<String>,
    cause: Option<String>,
    rule: Option<String>,
    severity: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    headers: std::collections::BTreeMap<String, String>,
    body: String,
}

impl Case {
    fn now(&self) -> Option<i64> {
        self.control.headers.get("Date").and_then(|date| crate::diff::clock::http_date(date))
    }
}

fn request() -> Request {
    Request {
        method: http::Method::GET,
        scheme: "http",
        host: "localhost".to_owned(),
        target: "/list".to_owned(),
        headers: http::HeaderMap::new(),
    }
}

/// Compares two bodies alone.
fn compared(markup: Markup, old: &str, new: &str, rules: &Rules) -> Comparison {
    compared_at(None, markup, old, new, rules)
}

/// The same, the time of the answers known.
fn compared_at(now: Option<i64>, markup: Markup, old: &str, new: &str, rules: &Rules) -> Comparison {
    let request = request();
    let scope = Scope { request: &request, rules, now };
    let mut sink = Sink::new(rules, now);
    compare(markup, old, new, &scope, &mut sink);
    sink.finish()
}

fn html(old: &str, new: &str) -> Comparison {
    compared(Markup::Html, old, new, &Rules::default())
}

/// What is wrong with what was said of a case; empty: nothing.
fn complaints(case: &Case, found: &Comparison) -> Vec<String> {
    let mut complaints = Vec::new();
    let outcome = match found.outcome {
        Outcome::Matched => "matched",
        Outcome::Ignored => "ignored",
        Outcome::Mismatched => "mismatched",
        Outcome::Inconclusive => "inconclusive",
    };
    if outcome != case.label {
        complaints.push(format!("is {outcome}, not {}", case.label));
    }
    let all: Vec<_> = found.differences.iter().chain(&found.ignored).collect();
    let mut wanted = |what: &str, wanted: &Option<String>, has: &dyn Fn(&str) -> bool| {
        if let Some(wanted) = wanted
            && !has(wanted)
        {
            complaints.push(format!("no {what} {wanted:?}"));
        }
    };
    wanted("kind", &case.kind, &|kind| all.iter().any(|found| found.kind.name() == kind));
    wanted("path", &case.path, &|path| all.iter().any(|found| found.path == path));
    wanted("cause", &case.cause, &|cause| all.iter().any(|found| found.cause.as_deref() == Some(cause)));
    wanted("severity", &case.severity, &|severity| {
        all.iter().any(|found| format!("{:?}", found.severity).eq_ignore_ascii_case(severity))
    });
    wanted("rule", &case.rule, &|rule| {
        found.hidden.iter().any(|hidden| hidden.rule == rule)
            || all.iter().any(|found| found.rule.as_deref() == Some(rule))
    });
    complaints
}

fn check(cases: &str) {
    let mut failed = Vec::new();
    for line in cases.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let is_xml = case.control.headers["Content-Type"].contains("xml");
        let rules = Rules::compile(&case.diff).unwrap();
        let found = compared_at(
            case.now(),
            if is_xml { Markup::Xml } else { Markup::Html },
            &case.control.body,
            &case.candidate.body,
            &rules,
        );
        let complaints = complaints(&case, &found);
        if !complaints.is_empty() {
            failed.push(format!("{} ({}): {}\n  {found:?}", case.id, case.reason, complaints.join("; ")));
        }
    }
    assert!(failed.is_empty(), "{} cases:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_row_of_the_html_table() {
    check(include_str!("../../../tests/cases/diff/html-table.jsonl"));
}

#[test]
fn every_row_of_the_xml_table() {
    check(include_str!("../../../tests/cases/diff/html-xml.jsonl"));
}

#[test]
fn one_inserted_row_is_one_difference() {
    let row = |n: u32| format!("<tr><td>{n}</td><td>name {n}</td></tr>");
    let table = |rows: Vec<u32>| format!("<table id=t>{}</table>", rows.into_iter().map(row).collect::<String>());
    let found = html(&table((0..50).collect()), &table((0..20).chain([99]).chain(20..50).collect()));
    assert_eq!(found.differences.len(), 1, "{found:#?}");
    assert_eq!(found.differences[0].path, "#t > tbody > tr:nth-child(21)");
}

/// Behind words it is theirs; between two elements, with nothing but itself in the text, it is the second one's.
#[test]
fn a_space_that_shows_no_more_is_told_where_it_stood() {
    for (old, new, place, said) in [
        ("<p>Hello <b>x</b></p>", "<p>Hello<b>x</b></p>", "html > body > p", ("Hello ", "Hello")),
        ("<p>Hello <img src=a></p>", "<p>Hello<img src=a></p>", "html > body > p", ("Hello ", "Hello")),
        ("<p><b>a </b>b</p>", "<p><b>a</b>b</p>", "html > body > p", ("a ", "a")),
        ("<p><b>a <!-- c --></b><i><u>b</u></i></p>", "<p><b>a</b><i><u>b</u></i></p>", "html > body > p", ("a ", "a")),
        ("<p><b>a</b> b</p>", "<p><b>a</b>b</p>", "html > body > p", (" b", "b")),
        ("<p>a<sup> 2</sup></p>", "<p>a<sup>2</sup></p>", "html > body > p > sup", (" 2", "2")),
        ("<p><b>a</b> <b>x</b></p>", "<p><b>a</b><b>x</b></p>", "html > body > p > b:nth-child(2)", (" x", "x")),
        (
            "<p><input> <input></p>",
            "<p><input><input></p>",
            "html > body > p > input:nth-child(2)",
            ("a space before it", "no space before it"),
        ),
    ] {
        for (old, new, said) in [(old, new, said), (new, old, (said.1, said.0))] {
            let found = html(old, new);
            let told: Vec<_> = found
                .differences
                .iter()
                .map(|found| {
                    (&*found.path, found.control.as_deref(), found.candidate.as_deref(), found.cause.as_deref())
                })
                .collect();
            assert_eq!(told, [(place, Some(said.0), Some(said.1), Some("whitespace"))], "{old} and {new}");
        }
    }
}

#[test]
fn a_rule_that_is_off_is_reported_with_its_name() {
    let spec = serde_json::from_str(r#"{"rules": {"html_entities": "off"}}"#).unwrap();
    let found = compared(Markup::Html, "<p>it&#039;s</p>", "<p>it&#39;s</p>", &Rules::compile(&spec).unwrap());
    assert_eq!(found.outcome, Outcome::Mismatched);
    assert_eq!(found.differences[0].rule.as_deref(), Some("html_entities"));
}

fn wide(mark: &str) -> String {
    (0..30_000).map(|n| format!("<i>{mark}{n}</i>")).collect()
}

#[test]
fn deep_pages_are_given_up() {
    let deep = "<div>".repeat(100_000);
    assert_eq!(html(&deep, &format!("{deep}x")).outcome, Outcome::Mismatched);
}

#[test]
fn misnested_pages_are_given_up() {
    let misnested = "<a><b><i><p>".repeat(20_000);
    assert_eq!(html(&misnested, &format!("{misnested}x")).outcome, Outcome::Mismatched);
}

#[test]
fn tags_of_countless_attributes_are_given_up() {
    let attributes = format!("<p {}>", (0..100_000).map(|n| format!("a{n}=1 ")).collect::<String>());
    assert_eq!(html(&attributes, &format!("{attributes}x")).outcome, Outcome::Mismatched);
}

#[test]
fn wide_pages_without_anything_in_common_are_given_up() {
    assert_eq!(html(&wide("a"), &wide("b")).outcome, Outcome::Mismatched);
}

/// What comparing JSON may take of memory does not depend on where it stands.
#[test]
fn a_script_that_holds_more_json_than_can_be_compared_is_given_up() {
    let page = |step: usize, count: usize| {
        let list: Vec<String> = (0..count).map(|at| format!("{{\"k\":{}}}", at * step % count)).collect();
        format!("<!DOCTYPE html><title>t</title><script type=application/json>[{}]</script>", list.join(","))
    };
    let kinds = |count| -> Vec<crate::diff::Kind> {
        let found = html(&page(1, count), &page(7_919, count));
        found.differences.iter().map(|difference| difference.kind).collect()
    };
    assert_eq!(kinds(1_000), [crate::diff::Kind::Order]);
    assert_eq!(kinds(43_000), [crate::diff::Kind::TooDifferent]);
}

#[test]
fn nested_tables_are_given_up() {
    assert_eq!(html(&"<table>".repeat(5000), &"<table><tr>".repeat(5000)).outcome, Outcome::Mismatched);
}

#[test]
fn pages_as_deep_as_allowed_are_compared() {
    let page = |text: &str| format!("{}{text}", "<div>".repeat(500));
    assert_eq!(html(&page("a"), &page("b")).differences[0].kind, crate::diff::Kind::Text);
}

/// Three of a kind beside each other, equal but for how their JSON is spelled, or but for one value: none is taken for its neighbour.
#[test]
fn neighbours_that_hold_json_are_not_mixed_up() {
    let mut dice = pages::Dice(1859);
    for (open, close) in [
        ("<script type='application/ld+json'>", "</script>"),
        ("<script>var page = ", ";</script>"),
        ("<div data-props='", "'></div>"),
    ] {
        for round in 0..1000 {
            let (mut old, mut new) = (String::new(), String::new());
            let changed = round % 4;
            for at in 0..3 {
                let (number, word) = (dice.below(1_000_000_000), dice.below(1_000_000));
                let other = number + usize::from(at == changed);
                old.push_str(&format!("{open}{{\"a\":[{number},\"x\\/\\u00e9{word}\"]}}{close}"));
                new.push_str(&format!("{open}{{\"a\": [{other}, \"x/é{word}\"]}}{close}"));
            }
            let found = html(&old, &new);
            assert_eq!(found.differences.len(), usize::from(changed < 3), "{old}\n{new}\n{found:#?}");
        }
    }
}

#[test]
fn scripts_of_nothing_but_quotes_cost_little() {
    let script = |quotes: &str| format!("<script>{}</script>", quotes.repeat(100_000));
    assert_eq!(html(&script("'\""), &script("\"'")).outcome, Outcome::Mismatched);
}

#[test]
fn a_change_in_every_row_is_told_row_by_row() {
    let row = |n: u32, votes: u32| {
        format!(
            "<tr class=odd>\n  <td><a href=\"/packages/?q=package-{n}&amp;SB=n\">package-{n}</a></td>\n  <td>1.{n}-1</td>\n  <td>{votes}</td>\n  <td class=\"wrap\">A library that isn&#039;t &quot;small&quot; &amp; does thing {n}</td>\n</tr>\n"
        )
    };
    let page = |more: u32| {
        format!("<!DOCTYPE html><body><table id=t>{}</table>", (0..1000).map(|n| row(n, n + more)).collect::<String>())
    };
    let found = html(&page(0), &page(10_000));
    assert_eq!(found.differences.len() + found.more as usize, 1000, "{:#?}", found.differences.first());
    assert_eq!(found.differences[0].path, "#t > tbody > tr:nth-child(1) > td:nth-child(3)");
}

#[test]
fn the_tree_of_a_page_that_is_read_takes_four_times_its_bytes_at_most() {
    let paragraph = |n: u32| {
        format!(
            "<p class=\"text\">It is the paragraph number {n}, <a href=\"/about/{n}\">and that is a link</a> that stands in it.</p>\n"
        )
    };
    for end in ["", "<b><i>x</b></i>"] {
        let page = format!("<!DOCTYPE html><body>{}{end}", (0..1000).map(paragraph).collect::<String>());
        let cost = super::tree::parse(&page, usize::MAX).unwrap().cost();
        assert!(cost <= 4 * page.len(), "{cost} bytes for {}", page.len());
    }
}

#[test]
fn what_a_page_costs_is_bounded_before_it_is_spent() {
    for dense in ["<b>", "<p>", "<p>x", "<table>x", "<i>1</i>", "<a><div></a>", "<br>1", "<x-1>", "<b a=1><p></b>"] {
        let page = dense.repeat((1 << 19) / dense.len());
        let budget = super::limits::TREES;
        if let Ok(dom) = super::tree::parse(&page, budget) {
            assert!(dom.cost() <= budget + (1 << 16), "{dense}: {} of {budget}", dom.cost());
        }
    }
}
