#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::pair::PairLine;
use std::io::BufReader;

use super::{Seen, each_line, told};
use crate::cli::Exit;
use crate::diff::{self, Rules};

fn pairs(lines: &str) -> (Vec<serde_json::Value>, Exit) {
    let (mut out, mut seen) = (Vec::new(), Seen::default());
    each_line(BufReader::new(lines.as_bytes()), "test", &Rules::default(), &mut out, &mut seen).unwrap();
    let answers = String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (answers, seen.exit())
}

#[test]
fn each_pair_is_answered_in_turn() {
    let (answers, exit) = pairs(
        r#"{"id":"a","control":{"status":200,"body":"[1]"},"candidate":{"status":200,"body_base64":"WzEgXQ=="}}

{"control":{"status":200,"headers":{"content-type":"application/json"},"body":"{\"a\":1}"},"candidate":{"status":200,"headers":[["Content-Type","application/json"]],"body":"{\"a\":2}"}}
"#,
    );
    assert_eq!(exit, Exit::No);
    assert_eq!(answers[0]["id"], "a");
    assert_eq!(answers[0]["outcome"], "matched");
    assert_eq!(answers[1]["id"], 3);
    assert_eq!(answers[1]["outcome"], "mismatched");
    assert_eq!(answers[1]["differences"][0]["path"], "/a");
    assert_eq!(answers[1]["differences"][0]["kind"], "value");
}

#[test]
fn a_line_that_is_no_pair_does_not_hide_the_others() {
    let (answers, exit) =
        pairs("nonsense\n{\"control\":{},\"candidate\":{}}\n{\"control\":{\"status\":7},\"candidate\":{}}\n");
    assert_eq!(exit, Exit::Trouble);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0]["outcome"], "matched");
}

#[test]
fn a_pair_brings_its_own_rules() {
    let pair = |diff: &str| {
        format!(r#"{{"control":{{"body":"{{\"a\":null}}"}},"candidate":{{"body":"{{ }}"}},"diff":{diff}}}"#)
    };
    assert_eq!(pairs(&pair("{}")).0[0]["outcome"], "mismatched");
    assert_eq!(pairs(&pair(r#"{"null_missing":true}"#)).0[0]["outcome"], "ignored");
    assert_eq!(pairs(&pair(r#"{"preset":"java"}"#)).1, Exit::Trouble);
}

#[test]
fn both_failed_is_unproven() {
    let (answers, exit) = pairs(r#"{"control":{"status":503},"candidate":{"status":503}}"#);
    assert_eq!(answers[0]["outcome"], "unproven");
    assert_eq!(answers[0]["reason"], "both_failed");
    assert_eq!(exit, Exit::No);
}

#[test]
fn equal_causes_are_one_line_under_the_name_that_the_report_gives_them() {
    let pair: PairLine = serde_json::from_str(
        r#"{"control":{"body":"{\"r\":[{\"v\":1},{\"v\":2},{\"v\":3}],\"n\":\"a\"}"},"candidate":{"body":"{\"r\":[{\"v\":\"1\"},{\"v\":\"2\"},{\"v\":3}],\"n\":\"b\"}"}}"#,
    )
    .unwrap();
    let (old, new) = (pair.control.observation("control").unwrap(), pair.candidate.observation("candidate").unwrap());
    let found = diff::compare(&pair.request().unwrap(), &old, &new, &Rules::default());
    let text = told(&found);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with("  type: "), "{text}");
    assert!(lines[1].contains("  at /r/*/v (/r/0/v): 1 → \"1\"  and 1 more such places"), "{text}");
    let json = serde_json::to_value(super::Answer::new(serde_json::Value::Null, &found)).unwrap();
    assert_eq!((&json["causes"][0]["path"], &json["causes"][0]["places"]), (&"/r/*/v".into(), &2.into()), "{json}");
    assert!(lines[2].starts_with("  value") && lines[2].contains("at /n: \"a\" → \"b\""), "{text}");
}
