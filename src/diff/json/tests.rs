#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::diff::{Comparison, Outcome, Request, Rules, Scope, Sink};

mod bounds;
mod steps;

/// 2024-01-02 03:04:05: answers say when they were given, and then values may be clocks.
const NOW: i64 = 1_704_164_645;

fn rules(spec: &str) -> Rules {
    Rules::compile(&serde_json::from_str(spec).unwrap()).unwrap()
}

fn request() -> Request {
    Request {
        method: http::Method::GET,
        scheme: "http",
        host: "site.example".to_owned(),
        target: "/".to_owned(),
        headers: http::HeaderMap::new(),
    }
}

fn diff_with(control: &str, candidate: &str, spec: &str) -> Comparison {
    let rules = rules(spec);
    let mut sink = Sink::new(&rules, None);
    compare_into(&mut sink, control, candidate);
    sink.finish()
}

/// Compares two bodies of some answer, by the rules of the sink.
fn compare_into(sink: &mut Sink<'_>, control: &str, candidate: &str) {
    let request = request();
    let scope = Scope { request: &request, rules: sink.rules(), now: Some(NOW) };
    super::compare(control, candidate, &scope, sink);
}

fn told(found: &Comparison) -> Vec<String> {
    found.differences.iter().map(|difference| format!("{} {}", difference.kind.name(), difference.path)).collect()
}

fn differences(control: &str, candidate: &str) -> Vec<String> {
    told(&diff_with(control, candidate, "{}"))
}

#[test]
fn an_inserted_element_is_one_difference() {
    assert_eq!(differences("[1,2,3,4]", "[1,2,9,3,4]"), ["extra /2"]);
    assert_eq!(differences("[1,2,3,4]", "[2,3,4]"), ["missing /0"]);
    let old = r#"[{"id":1,"n":"a"},{"id":2,"n":"b"},{"id":3,"n":"c"}]"#;
    let new = r#"[{"id":9,"n":"z"},{"id":1,"n":"a"},{"id":2,"n":"B"},{"id":3,"n":"c"}]"#;
    assert_eq!(differences(old, new), ["extra /0", "value /1/n"]);
}

#[test]
fn one_changed_element_is_told_in_its_place() {
    assert_eq!(differences("[true,false]", "[false,false]"), ["value /0"]);
    assert_eq!(differences("[1,1,2,1]", "[1,1,1,1]"), ["value /2"]);
    assert_eq!(differences(r#"[{"id":1},{"id":2}]"#, r#"[{"id":1},{"id":3}]"#), ["value /1/id"]);
}

#[test]
fn a_moved_element_is_an_order() {
    assert_eq!(differences("[1,2,3]", "[3,1,2]"), ["order "]);
    assert_eq!(differences(r#"{"a":["x","y"]}"#, r#"{"a":["y","x"]}"#), ["order /a"]);
    let found = diff_with("[1,2,3]", "[3,1,2]", r#"{"unordered": ""}"#);
    assert_eq!(found.outcome, Outcome::Ignored);
    assert_eq!(told(&diff_with("[1,2,3]", "[3,1,4]", r#"{"unordered": [""]}"#)), ["value /1"]);
}

#[test]
fn elements_paired_by_a_member() {
    let found = diff_with(
        r#"{"r":[{"ID":1,"v":1},{"ID":2,"v":2}]}"#,
        r#"{"r":[{"ID":2,"v":5},{"ID":1,"v":1}]}"#,
        r#"{"match_by": {"/r": "ID"}}"#,
    );
    assert_eq!(told(&found), ["value /r/1/v"]);
}

#[test]
fn a_large_array_with_one_more_element_is_one_difference() {
    let element = |n: usize| format!(r#"{{"id":{n},"name":"n{n}"}}"#);
    let old: Vec<String> = (0..5000).map(element).collect();
    let mut new = old.clone();
    new.insert(2500, element(99_999));
    assert_eq!(differences(&format!("[{}]", old.join(",")), &format!("[{}]", new.join(","))), ["extra /2500"]);
}

#[test]
fn cosmetics_are_hidden_and_counted() {
    let old = r#"{"url":"http:\/\/a\/b","name":"No\u00ebl","n":1.0e+25,"w":10,"list":[1]}"#;
    let new = "{\n  \"list\": [1],\"name\":\"Noël\",\"n\":1e25,\"w\":10.0,\"url\":\"http://a/b\"}\n";
    let found = diff_with(old, new, "{}");
    assert_eq!(found.outcome, Outcome::Matched, "{found:?}");
    let mut hidden: Vec<&str> = found.hidden.iter().map(|hidden| &*hidden.rule).collect();
    hidden.sort_unstable();
    assert_eq!(
        hidden,
        [
            "json_exponent",
            "json_key_order",
            "json_slash_escape",
            "json_unicode_escape",
            "json_whitespace",
            "json_whole_float"
        ]
    );
}

#[test]
fn each_cosmetic_rule_switched_off_lets_its_own_difference_through() {
    for (rule, old, new) in [
        ("json_slash_escape", r#"["\/"]"#, r#"["/"]"#),
        ("json_unicode_escape", r#"["\u00eb"]"#, r#"["ë"]"#),
        ("json_html_escape", r#"["\u003c"]"#, r#"["<"]"#),
        ("json_escape_form", r#"["\b"]"#, r#"["\u0008"]"#),
        ("json_whitespace", "[1]", "[1]\n"),
        ("json_bom", "\u{feff}[1]", "[1]"),
        ("json_key_order", r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#),
        ("json_whole_float", "[10]", "[10.0]"),
        ("json_exponent", "[1.0e+25]", "[1e25]"),
        ("json_minus_zero", "[-0]", "[-0.0]"),
        ("json_float_digits", "[0.10000000000000001]", "[0.1]"),
    ] {
        assert_eq!(diff_with(old, new, "{}").outcome, Outcome::Matched, "{rule}");
        let without = diff_with(old, new, &format!(r#"{{"rules": {{"{rule}": "off"}}}}"#));
        assert_eq!(without.outcome, Outcome::Mismatched, "{rule}");
        assert_eq!(without.differences[0].rule.as_deref(), Some(rule));
    }
}

#[test]
fn what_is_not_json_is_told_and_located() {
    let good = r#"{"a":[1,2,3]}"#;
    assert_eq!(differences(good, r#"{"a":[1,2"#), ["truncated body"]);
    assert_eq!(differences(good, ""), ["body body"]);
    assert_eq!(differences(good, "<b>Warning</b>: x\n{\"a\":[1,2,3]}"), ["structure body"]);
    assert_eq!(differences(good, r#"{"a":[1,2,3]}{"#), ["structure body"]);
    assert_eq!(differences("[1]", "[NaN]"), ["type /0"]);
    assert_eq!(differences(r#"{"a":1}"#, r#"{"a":1,"a":1}"#), ["structure /a"]);
}

#[test]
fn json_lines() {
    assert_eq!(differences("{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":3}\n"), ["value /1/a"]);
}

#[test]
fn deep_nesting_is_no_danger() {
    let deep = |n: usize, x: &str| format!("{}{x}{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(differences(&deep(100_000, "1"), &deep(100_000, "2")), ["too_different body"]);
    assert_eq!(differences(&deep(120, "1"), &deep(120, "2")).len(), 1);
}

#[test]
fn lists_that_grow_at_every_depth_are_no_danger() {
    let nest = |depth: usize, step: usize| {
        (0..depth).fold("0".to_owned(), |inner, at| format!("[{at},{inner},{}]", at + step))
    };
    let found = diff_with(&nest(120, 0), &nest(120, 1), "{}");
    assert!(found.differences.len() > 1);
    let shrunk = |depth: usize| (0..depth).fold("0".to_owned(), |inner, at| format!("[{at},{inner}]"));
    assert!(!differences(&nest(120, 0), &shrunk(120)).is_empty());
}

#[test]
fn ids_are_never_tolerated() {
    let found =
        diff_with("[12345678901234567890.0]", "[12345678901239999999]", r#"{"float_tolerance": {"relative": 1e-6}}"#);
    assert_eq!(found.outcome, Outcome::Mismatched);
}
