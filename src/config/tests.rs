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
    let lines: Vec<String> = match examine(path) {
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
    let loaded = examine(&path).unwrap_or_else(|errors| panic!("{errors}"));
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
        (proxied.policy.clone(), proxied.mirror.clone(), proxied.noise, proxied.gate.clone())
    };
    assert_eq!(default(&annotated), default(&minimal));
}

/// What is not YAML, and what is nearly a config, ends in errors; none of it panics.
mod laws {
    use proptest::prelude::*;

    use super::*;

    const WORDS: [&str; 24] = [
        "~",
        "[]",
        "{}",
        "-1",
        "99999999999999999999",
        "1e400",
        ".nan",
        "true",
        "''",
        "\"\\u0000\"",
        "*a",
        "&a x",
        "!tag x",
        "<<: *a",
        "|\n  x",
        "- - -",
        "? x",
        ":",
        "#",
        "\t",
        "\u{2028}",
        "ä",
        "[[[[",
        "{a: b, a: c}",
    ];

    fn look(text: &[u8]) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("matapalo.yaml");
        std::fs::write(&file, text).unwrap();
        if let Err(errors) = examine(&file) {
            assert!(!errors.errors.is_empty());
            // To tell them must not panic either.
            assert!(!errors.to_string().is_empty());
        }
        let to = edit::Move { stage: crate::routing::Stage::New, weight: spec::Percent::new(5.0).ok() };
        let _ = edit::set_stage(&file, "rpc", to);
    }

    fn annotated() -> String {
        std::fs::read_to_string(root().join("config/matapalo.yaml")).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            look(&bytes);
        }

        #[test]
        fn no_cut_panics(share in 0.0..1.0_f64) {
            let text = annotated();
            look(&text.as_bytes()[..(text.len() as f64 * share) as usize]);
        }

        #[test]
        fn no_exchanged_value_panics(line in 0..170_usize, word in 0..WORDS.len(), key in any::<bool>()) {
            let text = annotated();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let at = line % lines.len();
            let (before, after) = lines[at].split_once(':').unwrap_or((&lines[at], ""));
            lines[at] = if key { format!("{}:{after}", WORDS[word]) } else { format!("{before}: {}", WORDS[word]) };
            look(lines.join("\n").as_bytes());
        }

        #[test]
        fn no_flipped_byte_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = annotated().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            look(&bytes);
        }
    }

    /// Depth costs no stack and no hour.
    #[test]
    fn no_depth_panics() {
        for open in ["[", "{a: ", "- "] {
            look(open.repeat(500_000).as_bytes());
        }
    }
}

#[test]
fn a_route_is_laid_over_the_defaults_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("matapalo.yaml");
    let text = std::fs::read_to_string(root().join("tests/cases/config/minimal.yaml")).unwrap()
        + "defaults:
  stage: shadow
  mirror: {percent: 50, methods: [GET], max_body: 1KiB, timeout: 2s}
  fallback: {on: {status: [404], connect_error: true}, max_body: 2KiB}
  timeouts: {connect: 3s, first_byte: 4s}
routes:
  - {name: plain, match: {path: {prefix: /plain}}}
  - name: own
    match: {path: {prefix: /own}}
    mirror: {percent: 5}
    fallback: {on: {connect_error: false}}
    timeouts: {first_byte: 2m}
  - {name: ported, match: {path: {prefix: /ported}}, stage: new}
  - {name: reverse, match: {path: {prefix: /reverse}}, stage: new, mirror: {percent: 1}}
  - {name: off, match: {path: {prefix: /off}}, fallback: {on: {status: [], connect_error: false}}}
";
    std::fs::write(&file, text).unwrap();
    let settings = load(&file).unwrap();
    let route = |name| match &settings.route(settings.route_named(name).unwrap()).unwrap().answer {
        settings::Answer::Proxy(proxied) => proxied,
        settings::Answer::Respond(_) => panic!("no backend"),
    };
    let percent = |name| route(name).policy.mirror.map(|share| share.percent());
    assert_eq!((percent("plain"), percent("own"), percent("default")), (Some(50.0), Some(5.0), Some(50.0)));
    assert_eq!((percent("ported"), percent("reverse")), (None, Some(1.0)));
    let own = route("own");
    let methods = |set: &crate::routing::MethodSet| set.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(methods(&own.policy.mirror_methods), ["GET"]);
    assert_eq!((own.mirror.max_body, own.mirror.timeout), (1024, std::time::Duration::from_secs(2)));
    assert_eq!((own.fallback.status.len(), own.fallback.connect_error, own.fallback.max_body), (1, false, 2048));
    let seconds = |seconds| Some(std::time::Duration::from_secs(seconds));
    assert_eq!((own.timeouts.connect, own.timeouts.first_byte, own.timeouts.idle), (seconds(3), seconds(120), None));
    assert!(route("plain").policy.fallback_methods.is_some());
    assert!(route("off").policy.fallback_methods.is_none());
}
