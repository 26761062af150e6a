//! The labelled pairs of `tests/cases/diff/*.jsonl`, through the built `matapalo diff --pairs`.
//!
//! `label` is the outcome wanted and `row` the sort of rule (C cosmetic, O option, R real, I inconclusive); `at`, `kind` and `cause`
//! must be those of one difference, `rule` the rule that hid it or would, and `count` how many differences there are.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

fn answers(pairs: &str) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_matapalo"))
        .args(["diff", "--pairs", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the built binary starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let pairs = pairs.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(pairs.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends").expect("it reads all pairs");
    let text = String::from_utf8(output.stdout).expect("answers are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("an answer is JSON")).collect()
}

/// What is wrong with the answer to a case; nothing if it is as labelled.
fn complaint(case: &Value, answer: &Value) -> Option<String> {
    if answer["outcome"] != case["label"] {
        return Some(format!("{} instead of {}", answer["outcome"], case["label"]));
    }
    let silenced = case["label"] == "ignored";
    let empty = Vec::new();
    let list = |key: &str| answer[key].as_array().unwrap_or(&empty);
    let found = list(if silenced { "ignored" } else { "differences" });
    let fits = |difference: &&Value| {
        ["at", "kind", "cause"].iter().all(|key| match &case[*key] {
            Value::Null => true,
            wanted => difference[if *key == "at" { "path" } else { key }] == *wanted,
        })
    };
    let places = ["at", "kind", "cause"].iter().any(|key| !case[*key].is_null());
    if places && !found.iter().any(|difference| fits(&difference)) {
        return Some("no difference of that place, kind and cause".to_owned());
    }
    if case["count"].as_u64().is_some_and(|count| count != found.len() as u64) {
        return Some(format!("{} differences instead of {}", found.len(), case["count"]));
    }
    let rule = &case["rule"];
    let named = match case["label"].as_str() {
        _ if rule.is_null() => true,
        Some("matched") => list("hidden").iter().any(|hidden| hidden["rule"] == *rule),
        Some("mismatched") => found.iter().any(|difference| difference["rule"] == *rule),
        _ => true,
    };
    (!named).then(|| format!("rule {rule} is not named"))
}

#[test]
fn every_labelled_pair_is_told_as_it_is_labelled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/diff");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the cases are there") {
        let path = entry.expect("a case file").path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("cases are UTF-8");
        let cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a case is JSON")).collect();
        let answers = answers(&text);
        assert_eq!(cases.len(), answers.len(), "{}: every case is answered", path.display());
        for (case, answer) in cases.iter().zip(&answers) {
            assert_eq!(case["id"], answer["id"]);
            count += 1;
            wrong.extend(
                complaint(case, answer)
                    .map(|what| format!("{} {} ({}): {what}\n  {answer}", path.display(), case["id"], case["reason"])),
            );
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 150, "only {count} cases");
}
