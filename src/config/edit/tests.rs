#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::fs;

use super::*;

const HEAD: &str = "version: 1
listeners: [{address: \"127.0.0.1:8080\"}]
backends:
  legacy: {endpoints: [\"http://127.0.0.1:9000\"]}
  new: {endpoints: [\"http://127.0.0.1:8000\"]}
";

/// Moves the route `a` of a config that has these lines.
fn moved(lines: &str, stage: Stage, weight: Option<f64>) -> Result<(String, Done), EditError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("matapalo.yaml");
    let before = format!("{HEAD}{lines}");
    fs::write(&file, &before).unwrap();
    let weight = weight.map(|weight| Percent::new(weight).unwrap());
    let done = set_stage(&file, "a", Move { stage, weight });
    let after = fs::read_to_string(&file).unwrap();
    match done {
        Ok(done) => Ok((after.strip_prefix(HEAD).unwrap().to_owned(), done)),
        Err(error) => {
            assert_eq!(after, before, "a refused edit touched the file");
            Err(error)
        }
    }
}

#[track_caller]
fn assert_moved(lines: &str, stage: Stage, weight: Option<f64>, want: &str) {
    let (after, _) = moved(lines, stage, weight).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(after, want);
}

#[test]
fn only_the_word_changes() {
    let lines = "# ümläuts before\nroutes:\n  - name: a   # it\n    match: {path: {prefix: /a}}\n\n    stage:   shadow    # since Monday\n  - name: b\n    match: {path: {prefix: /b}}\n    stage: shadow\n";
    assert_moved(lines, Stage::New, None, &lines.replacen("shadow ", "new ", 1));
}

#[test]
fn quotes_stay() {
    for quote in ["'", "\""] {
        let lines = format!(
            "routes:\n- {{name: {quote}a{quote}, stage: {quote}legacy{quote}, match: {{path: {{prefix: /a}}}}}}\n"
        );
        assert_moved(&lines, Stage::Shadow, None, &lines.replace("legacy", "shadow"));
    }
}

#[test]
fn a_stage_that_is_absent_is_added() {
    let block = "routes:\n  - name: a   # it\n    match: {path: {prefix: /a}}";
    assert_moved(block, Stage::New, None, &block.replace("# it\n", "# it\n    stage: new\n"));
    let flow = "routes: [{match: {path: {prefix: /a}}, name: a}]\n";
    assert_moved(flow, Stage::New, None, &flow.replace("name: a", "name: a, stage: new"));
}

#[test]
fn a_weight_is_changed_or_added() {
    let lines = "routes:\n  - name: a\n    match: {path: {prefix: /a}}\n    stage: shadow # x\n    canary: {weight: 10, override: {header: X-S}} # y\n";
    assert_moved(lines, Stage::Canary, Some(12.5), &lines.replace("shadow", "canary").replace("10", "12.5"));
    let without = lines.replace("weight: 10, ", "");
    assert_moved(&without, Stage::Canary, Some(5.0), &lines.replace("shadow", "canary").replace("10", "5"));
    let none = "routes:\n  - name: a\n    match: {path: {prefix: /a}}\n    stage: shadow # x\n";
    assert_moved(
        none,
        Stage::Canary,
        Some(5.0),
        &none.replace("shadow # x\n", "canary # x\n    canary: {weight: 5}\n"),
    );
    let block = "routes:\n  - name: a\n    match: {path: {prefix: /a}}\n    stage: canary\n    canary:\n      override: {header: X-S}\n";
    assert_moved(block, Stage::Canary, Some(5.0), &block.replace("      override", "      weight: 5\n      override"));
    let bare = "routes:\n  - match: {path: {prefix: /a}}\n    name: a\n";
    let want = "routes:\n  - match: {path: {prefix: /a}}\n    name: a\n    stage: canary\n    canary: {weight: 5}\n";
    assert_moved(bare, Stage::Canary, Some(5.0), want);
}

#[test]
fn windows_line_ends_stay() {
    let lines = "routes:\r\n  - name: a\r\n    match: {path: {prefix: /a}}\r\n    stage: shadow # ü\r\n";
    let want = lines.replace("shadow # ü\r\n", "canary # ü\r\n    canary: {weight: 5}\r\n");
    assert_moved(lines, Stage::Canary, Some(5.0), &want);
}

#[test]
fn the_changed_lines_are_told() {
    let lines = "routes:\n  - name: a\n    match: {path: {prefix: /a}}\n    stage: shadow\n";
    let (_, done) = moved(lines, Stage::Canary, Some(5.0)).unwrap();
    let line = ChangedLine {
        line: 9,
        was: Some("    stage: shadow".to_owned()),
        is: vec!["    stage: canary".to_owned(), "    canary: {weight: 5}".to_owned()],
    };
    assert_eq!(done.lines, [line]);
    assert_eq!(moved(lines, Stage::Shadow, None).unwrap().1.lines, []);
}

#[test]
fn what_does_not_compile_is_not_written() {
    let lines = "routes:\n  - name: a\n    match: {path: {prefix: /a}}\n    stage: shadow\n";
    assert!(matches!(moved(lines, Stage::Canary, None), Err(EditError::WouldNotCompile(_))));
    let responds = "routes:\n  - {name: a, match: {path: {prefix: /a}}, respond: {status: 404}}\n";
    assert!(matches!(moved(responds, Stage::New, None), Err(EditError::WouldNotCompile(_))));
}

/// Nor are they always his to read who moves a route.
#[test]
fn certificates_that_cannot_be_read_hold_up_no_edit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("matapalo.yaml");
    let tls = ", tls: {certificates: [{certificate: gone.pem, key: gone.key}]}";
    let backend = "\"https://127.0.0.1:9000\"], tls: {client_certificate: gone.pem, client_key: gone.key}";
    let head = HEAD.replace("8080\"", &format!("8080\"{tls}")).replace("\"http://127.0.0.1:9000\"]", backend);
    let text = format!("{head}routes: [{{name: a, match: {{path: {{prefix: /a}}}}, stage: legacy}}]\n");
    fs::write(&file, &text).unwrap();
    set_stage(&file, "a", Move { stage: Stage::New, weight: None }).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), text.replace("stage: legacy", "stage: new"));
    let error = set_stage(&file, "a", Move { stage: Stage::Canary, weight: None }).unwrap_err().to_string();
    assert!(error.contains("canary"), "what is wrong with the edit is told: {error}");
}

#[test]
fn what_others_share_is_left_alone() {
    let lines = "routes:\n  - {name: b, stage: &now shadow, match: {path: {prefix: /b}}}\n  - {name: a, stage: *now, match: {path: {prefix: /a}}}\n";
    assert!(matches!(moved(lines, Stage::New, None), Err(EditError::ByHand { .. })));
    let anchored = "routes:\n  - {name: a, stage: &now shadow, match: {path: {prefix: /a}}}\n  - {name: b, stage: *now, match: {path: {prefix: /b}}}\n";
    assert!(matches!(moved(anchored, Stage::New, None), Err(EditError::ByHand { .. })));
}

#[test]
fn a_route_in_an_included_file_is_changed_there() {
    let folder = tempfile::tempdir().unwrap();
    let (main, part) = (folder.path().join("matapalo.yaml"), folder.path().join("part.yaml"));
    let text = format!("{HEAD}include: [part.yaml]\n");
    fs::write(&main, &text).unwrap();
    fs::write(&part, "routes:\n  - name: a # x\n    match: {path: {prefix: /a}}\n    stage: legacy # y\n").unwrap();
    let done = set_stage(&main, "a", Move { stage: Stage::Shadow, weight: None }).unwrap();
    assert_eq!(done.file, part);
    assert_eq!(fs::read_to_string(&main).unwrap(), text);
    let want = "routes:\n  - name: a # x\n    match: {path: {prefix: /a}}\n    stage: shadow # y\n";
    assert_eq!(fs::read_to_string(&part).unwrap(), want);
    let error = set_stage(&main, "aa", Move { stage: Stage::Shadow, weight: None }).unwrap_err().to_string();
    assert!(error.ends_with("did you mean \"a\"?"), "{error}");
}

/// Moves what matches no route.
#[track_caller]
fn assert_default_moved(before: &str, weight: Option<f64>, want: &str) -> Vec<ChangedLine> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("matapalo.yaml");
    fs::write(&file, before).unwrap();
    let weight = weight.map(|weight| Percent::new(weight).unwrap());
    let stage = if weight.is_some() { Stage::Canary } else { Stage::New };
    let done = set_stage(&file, "default", Move { stage, weight }).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fs::read_to_string(&file).unwrap(), want);
    done.lines
}

#[test]
fn the_default_route_is_the_defaults_block() {
    for (before, after) in [
        ("defaults: {stage: legacy} # z\n", "defaults: {stage: new} # z\n"),
        ("defaults: {new: new} # z\n", "defaults: {stage: new, new: new} # z\n"),
        ("defaults:\n  # who\n  new: new\n", "defaults:\n  # who\n  stage: new\n  new: new\n"),
        ("defaults: {}\n", "defaults: {stage: new}\n"),
        ("defaults:   # none\nroutes: []\n", "defaults: {stage: new}   # none\nroutes: []\n"),
    ] {
        assert_default_moved(&format!("{HEAD}{before}"), None, &format!("{HEAD}{after}"));
    }
    let new = "defaults: {stage: canary, canary: {weight: 5}, new: new}\n";
    assert_default_moved(&format!("{HEAD}defaults: {{new: new}}\n"), Some(5.0), &format!("{HEAD}{new}"));
}

/// They would go with it, proven or not.
#[test]
fn what_matches_no_route_is_not_moved_while_routes_have_no_stage_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("matapalo.yaml");
    let routes = "routes:\n  - {name: a, match: {path: {prefix: /a}}}\n  - {name: b, match: {path: {prefix: /b}}, stage: legacy}\n  - {name: c, match: {path: {prefix: /c}}, respond: {status: 404}}\n";
    let before = format!("{HEAD}defaults: {{stage: shadow, mirror: {{percent: 1}}}}\ninclude: [more.yaml]\n{routes}");
    fs::write(&main, &before).unwrap();
    fs::write(folder.path().join("more.yaml"), "routes:\n  - {name: d, match: {path: {prefix: /d}}}\n").unwrap();
    let move_it = || set_stage(&main, "default", Move { stage: Stage::New, weight: None });
    let error = move_it().unwrap_err().to_string();
    assert!(error.starts_with("`defaults.stage` is also the stage of a, d: "), "{error}");
    assert_eq!(fs::read_to_string(&main).unwrap(), before);
    for route in ["a", "d"] {
        set_stage(&main, route, Move { stage: Stage::Shadow, weight: None }).unwrap();
    }
    move_it().unwrap();
    assert!(fs::read_to_string(&main).unwrap().contains("defaults: {stage: new, "));
}

#[test]
fn where_there_are_no_defaults_they_are_written() {
    let new = "defaults: {stage: new}\n";
    let routes =
        "# Who answers what.\n# By path.\nroutes:\n  - {name: a, match: {path: {prefix: /a}}, stage: legacy}\n";
    let lines = assert_default_moved(&format!("{HEAD}\n{routes}"), None, &format!("{HEAD}\n{new}{routes}"));
    let line = ChangedLine { line: 7, was: None, is: vec!["defaults: {stage: new}".to_owned()] };
    assert_eq!(lines, [line]);
    assert_default_moved(
        &format!("{HEAD}{routes}"),
        Some(5.0),
        &format!("{HEAD}defaults: {{stage: canary, canary: {{weight: 5}}}}\n{routes}"),
    );
    let windows = |text: &str| text.replace('\n', "\r\n");
    assert_default_moved(&windows(&format!("{HEAD}{routes}")), None, &windows(&format!("{HEAD}{new}{routes}")));
    // Without routes, or all on one line, before what comes first.
    assert_default_moved(HEAD, None, &format!("{new}{HEAD}"));
    let flow = "{version: 1, listeners: [{address: \"127.0.0.1:8080\"}], backends: {legacy: {endpoints: [\"http://127.0.0.1:9000\"]}, new: {endpoints: [\"http://127.0.0.1:8000\"]}}}\n";
    assert_default_moved(flow, None, &flow.replacen('{', "{defaults: {stage: new}, ", 1));
}
