//! What a pair may cost, counted in steps and bytes, never in time: shapes that were expensive once stay within the budget, are still
//! told as they should be, and cost twice as much when there is twice as much of them.

use super::{compare_into, rules, told};
use crate::diff::json::tape::Tape;
use crate::diff::sink::MAX_WORK;
use crate::diff::{Comparison, Outcome, Sink};

/// Steps and bytes that a pair took, and what was said.
struct Cost {
    steps: u64,
    bytes: usize,
    /// Bytes of both texts.
    pair: usize,
    found: Comparison,
}

fn cost((control, candidate): &(String, String), spec: &str) -> Cost {
    let rules = rules(spec);
    let mut sink = Sink::new(&rules, None);
    let pair = control.len() + candidate.len();
    sink.weigh(pair, 0);
    let room = sink.room();
    compare_into(&mut sink, control, candidate);
    assert_eq!(sink.room(), room, "all that was taken is given back");
    Cost { steps: sink.work(), bytes: room - sink.least_room(), pair, found: sink.finish() }
}

fn list(parts: impl Iterator<Item = String>) -> String {
    format!("[{}]", parts.collect::<Vec<_>>().join(","))
}

fn object(parts: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
}

fn row(id: usize, v: usize) -> String {
    format!("{{\"id\":{id},\"name\":\"package {id}\",\"votes\":[{v},{}],\"url\":\"/p/{id}\"}}", v % 7)
}

/// Lists in lists, so deep that what is looked at again at each level is looked at a hundred times.
fn nested(scale: usize, innermost: &str) -> String {
    let level = (0..scale * 4).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    format!("{}{innermost}{}", format!("[{level},").repeat(100), "]".repeat(100))
}

/// All in another order, the same each time.
fn turned(count: usize) -> impl Iterator<Item = usize> {
    const PRIME: usize = 99_991;
    (0..count).map(move |n| n * PRIME % count)
}

type Shape = (&'static str, fn(usize) -> (String, String), &'static str);

/// Name, pair of a scale, and what is told first.
const SHAPES: [Shape; 9] = [
    ("nested, one more", |scale| (nested(scale, "[1]"), nested(scale, "[0,1]")), "extra"),
    ("nested, turned", |scale| (nested(scale, "[0,1]"), nested(scale, "[1,0]")), "order"),
    (
        "keys turned",
        |scale| {
            let key = |n: usize| format!("\"key{n}\":{n}");
            (object((0..scale * 200).map(key)), object(turned(scale * 200).map(key)))
        },
        "",
    ),
    (
        "keys renamed",
        |scale| {
            let keys = |word: &str| object((0..scale * 200).map(|n| format!("\"{word}{n}\":{n}")));
            (keys("key"), keys("kez"))
        },
        "missing",
    ),
    (
        "one key many times",
        |scale| {
            let values = |by: usize| object((0..scale * 200).map(|n| format!("\"a\":{}", n + by)));
            (values(0), values(1))
        },
        "value",
    ),
    (
        "rows turned",
        |scale| (list((0..scale * 40).map(|n| row(n, n))), list(turned(scale * 40).map(|n| row(n, n)))),
        "order",
    ),
    (
        "rows all new",
        |scale| {
            (list((0..scale * 40).map(|n| row(n, n))), list((0..scale * 40).map(|n| row(n * 3 + 1_000_000, n + 1))))
        },
        "value",
    ),
    (
        "one row more",
        |scale| {
            let old = list((0..scale * 40).filter(|n| *n != scale * 20).map(|n| row(n, n)));
            (old, list((0..scale * 40).map(|n| row(n, n))))
        },
        "extra",
    ),
    ("one list emptied", |scale| (list((0..scale * 400).map(|n| n.to_string())), "[]".to_owned()), "missing"),
];

#[test]
fn the_largest_pairs_are_told_within_the_budget() {
    for (name, shape, told) in SHAPES {
        let cost = cost(&shape(200), "{}");
        let first = cost.found.differences.first().map_or("", |difference| difference.kind.name());
        assert_eq!(first, told, "{name}: {:?}", cost.found.differences.first());
        assert!(cost.steps <= MAX_WORK, "{name}: {} steps", cost.steps);
        assert!(cost.bytes <= cost.pair * 3, "{name}: {} bytes of {}", cost.bytes, cost.pair);
    }
}

#[test]
fn twice_as_much_costs_twice_as_much() {
    for (name, shape, _) in SHAPES {
        let (once, twice) = (cost(&shape(50), "{}").steps, cost(&shape(100), "{}").steps);
        // A table of 64 Ki cells at most, whatever the size, is not twice as large.
        assert!(twice * 10 <= once * 23, "{name}: {once} steps, then {twice}");
    }
}

#[test]
fn what_is_nested_is_looked_at_a_few_times_and_not_at_each_level() {
    for (old, new) in [("[1]", "[0,1]"), ("[0,1]", "[1,0]"), ("\"a\"", "\"b\"")] {
        let pair = (nested(100, old), nested(100, new));
        let values = Tape::parse(&pair.0).unwrap().weight(Tape::ROOT) as u64;
        let steps = cost(&pair, r#"{"unordered": "/none"}"#).steps;
        assert!(steps <= values * 120, "{old}: {steps} steps for {values} values");
    }
}

#[test]
fn operators_own_rules_make_no_pair_boundless() {
    for (name, shape, _) in SHAPES {
        for spec in [
            r#"{"ignore": ["/none"]}"#,
            r#"{"ignore": ["/"]}"#,
            r#"{"unordered": ""}"#,
            r#"{"match_by": {"": "id"}}"#,
            r#"{"ignore": ["/*/votes", "/*/*/*"], "numeric_strings": true, "date_formats": true, "float_tolerance": 0.01, "null_missing": true}"#,
        ] {
            let cost = cost(&shape(200), spec);
            assert!(cost.steps <= MAX_WORK + MAX_WORK / 4, "{name} {spec}: {} steps", cost.steps);
            assert!(cost.bytes <= cost.pair * 3, "{name} {spec}: {} bytes of {}", cost.bytes, cost.pair);
        }
    }
}

#[test]
fn a_tape_is_no_larger_than_its_bound_and_made_at_once() {
    let dense = format!("[{}1]", "1,".repeat(1 << 19));
    assert!(Tape::parse(&dense).is_err(), "more values than there is room for");
    for text in [dense.get(..1 << 17).unwrap().to_owned() + "1]", nested(50, "1"), list((0..4000).map(|n| row(n, n)))] {
        let tape = Tape::parse(&text).unwrap();
        let needed = tape.weight(Tape::ROOT) * 8;
        assert!(tape.size() <= needed + needed / 8 + 2048, "{} bytes for {needed}", tape.size());
        assert!(Tape::parse_within(&text, needed / 2).is_err());
    }
}

#[test]
fn lines_of_json_are_taped_at_once_too() {
    let rows: Vec<String> = (0..4000).map(|n| row(n, n)).collect();
    for text in [rows.join("\n"), rows.join("\n") + "\n", "1\n2\n3".to_owned()] {
        let tape = Tape::parse_lines(&text, 2, usize::MAX).unwrap();
        let needed = tape.weight(Tape::ROOT) * 8;
        assert!(tape.size() <= needed + needed / 8 + 64, "{} bytes for {needed}", tape.size());
    }
}

#[test]
fn beyond_the_budget_it_is_too_different_with_both_sizes() {
    let count = 1 << 18;
    let old = list((0..count).map(|n| n.to_string()));
    let new = list(turned(count).map(|n| n.to_string()));
    let cost = cost(&(old.clone(), new.clone()), "{}");
    let told: Vec<_> = cost.found.differences.iter().map(|found| (found.kind.name(), found.control.clone())).collect();
    assert_eq!(told, [("too_different", Some(format!("{} bytes", old.len())))]);
    assert!(cost.bytes <= cost.pair * 3, "{} bytes of {}", cost.bytes, cost.pair);
}

#[test]
fn what_was_taken_is_given_back_also_where_the_work_ends_in_between() {
    let texts = |end: &str| list((0..4).map(|n| format!("\"{n}{}{end}\"", "\\u00eb".repeat(160_000))));
    let cost = cost(&(texts("a"), texts("b")), r#"{"unordered": ""}"#);
    assert!(cost.steps > MAX_WORK, "{}", cost.steps);
    assert_eq!(told(&cost.found), ["too_different body"]);
}

#[test]
fn what_the_rules_leave_of_many_records_costs_no_more_than_there_is() {
    let text = |n: usize| format!("{{\"id\":\"{n}\",\"at\":\"2024-01-02 03:04:{:02}\",\"v\":1}}", n % 60);
    let number = |n: usize| format!("{{\"id\":{n},\"at\":\"2024-01-02T03:04:{:02}Z\",\"v\":2}}", n % 60);
    let spec = r#"{"numeric_strings": true, "date_formats": true, "float_tolerance": 1e-9, "ignore": "/*/v"}"#;
    let spec_without_order = spec.replace('{', r#"{"unordered": "", "#);
    for count in [300, 6_000] {
        let new = list((0..count).map(number));
        let more = cost(&(list((1..count).map(text)), new.clone()), spec);
        assert_eq!(told(&more.found), ["extra /0"], "{count}");
        let turned = cost(&(list(turned(count).map(text)), new), &spec_without_order);
        assert_eq!(turned.found.outcome, Outcome::Ignored, "{count}: {:?}", turned.found.differences.first());
        for cost in [more, turned] {
            assert!(cost.steps <= MAX_WORK && cost.bytes <= (cost.pair * 3).max(3 << 20), "{count}: {}", cost.steps);
        }
    }
}

#[test]
fn many_small_records_are_found_in_any_order() {
    let record = |n: usize| format!("{{\"id\": {n}, \"a\": {}, \"b\": \"xxxxx\"}}", n % 4);
    let pair = (list((0..30_000).map(record)), list(turned(30_000).map(record)));
    for spec in [r#"{"unordered": ""}"#, r#"{"match_by": {"": "id"}}"#] {
        let cost = cost(&pair, spec);
        assert_eq!(cost.found.outcome, Outcome::Ignored, "{spec}: {:?}", cost.found.differences.first());
        assert!(cost.steps <= MAX_WORK && cost.bytes <= cost.pair * 3, "{spec}: {} {}", cost.steps, cost.bytes);
    }
}
