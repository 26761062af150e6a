//! Whole configs: those in `tests/cases/config`, each with what is said of it beside it, and laws on random ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use super::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What is said of a config: its errors, or its warnings.
fn said(path: &Path) -> String {
    let relative = |text: String| text.replace(&format!("{}/", root().join("tests/cases/config").display()), "");
    let lines: Vec<String> = match examine(path, None) {
        Ok(loaded) => loaded.warnings.iter().map(|warning| format!("warning: {warning}")).collect(),
        Err(errors) => vec![errors.to_string()],
    };
    let text = relative(lines.join("\n"));
    if text.is_empty() { "good\n".to_owned() } else { text + "\n" }
}

#[test]
fn every_case_says_what_stands_beside_it() {
    let folder = root().join("tests/cases/config");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    cases.sort();
    assert!(cases.len() > 20, "the cases are gone");
    for case in cases {
        expect_test::expect_file![case.with_extension("expected")].assert_eq(&said(&case));
    }
}

#[test]
fn the_annotated_config_is_good() {
    let path = root().join("config/matapalo.yaml");
    let loaded = examine(&path, None).unwrap_or_else(|errors| panic!("{errors}"));
    let warnings: Vec<&str> = loaded.warnings.iter().map(|warning| warning.message.as_str()).collect();
    expect_test::expect![[r#"
        [
            "include[0] matches no file",
            "routes[0] \"rpc\": mirror.methods copies writes: each POST is executed by both backends",
        ]
    "#]]
    .assert_debug_eq(&warnings);
}

#[test]
fn the_annotated_defaults_are_the_defaults() {
    let annotated = load(&root().join("config/matapalo.yaml")).unwrap();
    let minimal = load(&root().join("tests/cases/config/minimal.yaml")).unwrap();
    assert_eq!(annotated.limits, minimal.limits);
    assert_eq!(annotated.drain_timeout, minimal.drain_timeout);
    assert_eq!(annotated.admin, minimal.admin);
    assert_eq!(annotated.store.max_size, minimal.store.max_size);
    assert_eq!(annotated.backends[0].timeouts, minimal.backends[0].timeouts);
    let default = |settings: &Settings| {
        let settings::Answer::Proxy(proxied) = &settings.routes.last().unwrap().answer else { panic!("no backend") };
        (proxied.policy.clone(), proxied.mirror.clone(), proxied.gate.clone())
    };
    assert_eq!(default(&annotated), default(&minimal));
}
