//! Which readings are found, against an oracle that tries everything, and that the work is bounded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn all(path: &[u8]) -> Result<Vec<Vec<u8>>, TooMany> {
    let mut found = Vec::new();
    let outcome = each(path, |reading| {
        found.push(reading.to_vec());
        ControlFlow::<()>::Continue(())
    })?;
    assert_eq!(outcome, ControlFlow::Continue(()));
    Ok(found)
}

fn texts(path: &str) -> Vec<String> {
    all(path.as_bytes()).unwrap().into_iter().map(|reading| String::from_utf8(reading).unwrap()).collect()
}

#[test]
fn a_plain_path_has_one_reading() {
    for path in ["/", "/a", "/a/b.c/", "/a.b/c..", "/a/b+c=d&e,f:g@h!$'()*~-_"] {
        assert!(is_plain(path.as_bytes()), "{path}");
        assert_eq!(texts(path), [path]);
    }
    for path in ["", "a", "*", "//", "/a//b", "/.a", "/a/.", "/a/..b", "/%", "/a;b", "/a\\b", "/a\0"] {
        assert!(!is_plain(path.as_bytes()), "{path}");
    }
}

#[test]
fn readings_of_a_few_paths() {
    assert_eq!(texts(""), ["/"]);
    assert_eq!(texts("*"), ["*"]);
    assert_eq!(texts("a"), ["a", "/a"]);
    assert_eq!(texts("/a%2fb"), ["/a%2Fb", "/a/b"]);
    assert_eq!(texts("/a%20b"), ["/a%20b", "/a b"]);
    assert_eq!(texts("/100%"), ["/100%"]);
    assert_eq!(texts("/%zz%4"), ["/%zz%4"]);
    assert_eq!(texts("/%2541"), ["/%2541", "/%41", "/A"]);
    assert_eq!(texts("/%252541"), ["/%252541", "/%2541", "/%41"]);
    assert_eq!(texts("/.well-known/x"), ["/.well-known/x"]);
    assert_eq!(texts("/a/../b"), ["/a/../b", "/b"]);
    assert_eq!(texts("/a/..;x/b"), ["/a/..;x/b", "/a/../b", "/b"]);
    assert_eq!(texts("/a;x/b;y"), ["/a;x/b;y", "/a/b"]);
    assert_eq!(texts("//a//b"), ["//a//b", "/a/b"]);
    assert_eq!(texts("/a\\b"), ["/a\\b", "/a/b"]);
    assert_eq!(texts("/a%00b"), ["/a%00b", "/a\0b", "/a"]);
    // `//` before `..` or after it.
    assert_eq!(texts("/a//../b"), ["/a//../b", "/a/../b", "/a/b", "/b"]);
    // Of a last dot the RFC leaves a slash, and file systems nothing.
    assert_eq!(texts("/a/."), ["/a/.", "/a/", "/a"]);
    assert_eq!(texts("/a/b/.."), ["/a/b/..", "/a/", "/a"]);
    assert_eq!(texts("/a/.."), ["/a/..", "/"]);
    // All but slashes is a way to decode.
    assert_eq!(texts("/%41%2F"), ["/%41%2F", "/A/", "/A%2F"]);
}

#[test]
fn dots_are_resolved_as_the_rfc_does() {
    let resolved = |path: &str| {
        let out = dots_resolved(path.as_bytes());
        out.map_or(path.to_owned(), |out| String::from_utf8(out).unwrap())
    };
    for (path, expected) in [
        ("/a/b/c/./../../g", "/a/g"),
        ("/..", "/"),
        ("/.", "/"),
        ("/../../a", "/a"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/a/./b/", "/a/b/"),
        ("/a//..", "/a/"),
        ("/a/...", "/a/..."),
        ("/.a/..b/c.", "/.a/..b/c."),
        ("a/../b", "a/../b"),
    ] {
        assert_eq!(resolved(path), expected, "{path}");
    }
}

/// A legal path of an application, not an attack: a URL quoted in a path.
#[test]
fn a_quoted_url_is_far_below_the_bound() {
    let count = |path: &str| all(path.as_bytes()).unwrap().len();
    assert!(count("/web/2020/https%3A%2F%2Fexample.org%2Fa%3Bb%2F%2Fc%20d%3Fe%3D1") < MAX_READINGS / 4);
    assert!(count("/web/2020/http://example.org/../a;b/c%20d%25") < MAX_READINGS / 2);
}

/// In an optimised build the bound is a millisecond; this one is not.
#[test]
fn the_work_is_bounded_for_any_path() {
    const LONGEST: usize = 64 << 10;
    for trick in [
        "/..",
        "//",
        "/%2e%2e",
        "%2f",
        "%252f",
        "%25",
        "\\",
        "/;",
        ";",
        "%5c..",
        "/./",
        "%00",
        "/a/../",
        "%2e%2e%2f;\\//",
        "/%61",
        "/%25%32%65/..;%5c",
        "%%%",
        "/..;/%2f\\.%2e//",
    ] {
        let path = format!("/{}", trick.repeat(LONGEST / trick.len()));
        let start = Instant::now();
        let mut bytes = 0;
        let outcome = each(path.as_bytes(), |reading| {
            bytes += reading.len();
            ControlFlow::<()>::Continue(())
        });
        let took = start.elapsed();
        assert!(bytes <= MAX_WORK, "{trick}: {bytes} bytes of readings, {outcome:?}");
        assert!(took < Duration::from_millis(200), "{trick}: {took:?}, {outcome:?}");
    }
}

/// Every reading, by trying everything.
pub fn exhaustive(path: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut reachable = BTreeSet::new();
    oracle(&as_sent(path), 0, &mut reachable);
    reachable.into_iter().map(|(reading, _)| reading).collect()
}

/// Habits and decodings in every order, each as often as it changes something, at most two decodings.
fn oracle(path: &[u8], decodings: u8, seen: &mut BTreeSet<(Vec<u8>, u8)>) {
    if !seen.insert((path.to_vec(), decodings)) {
        return;
    }
    for habit in HABITS {
        if let Some(reading) = habit(path) {
            oracle(&reading, decodings, seen);
        }
    }
    for decoder in DECODERS.iter().filter(|_| decodings < MAX_DECODINGS) {
        if let Some(reading) = decoder(path) {
            oracle(&reading, decodings + 1, seen);
        }
    }
}

pub fn tricky_path() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "/", "/", "..", ".", "a", "b", ";", "\\", "%2e", "%2F", "%5c", "%3b", "%25", "%252e", "%00", "%61", "%", "//",
        "é",
    ];
    vec(select(pieces), 0..9).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_order_of_every_habit_is_read(path in tricky_path()) {
        let Ok(found) = all(&path) else { return Ok(()) };
        let expected = exhaustive(&path);
        let distinct: BTreeSet<Vec<u8>> = found.iter().cloned().collect();
        prop_assert_eq!(found.len(), distinct.len(), "a reading came twice");
        prop_assert_eq!(distinct, expected);
    }

    #[test]
    fn what_is_called_plain_has_one_reading(path in "[/.a%;\\\\\0]{0,8}") {
        let readings = all(path.as_bytes()).unwrap();
        prop_assert!(!is_plain(path.as_bytes()) || readings == [path.as_bytes()], "{:?}", readings);
    }

    #[test]
    fn a_habit_gives_nothing_where_it_changes_nothing(path in tricky_path()) {
        for way in HABITS.iter().chain(&DECODERS) {
            prop_assert_ne!(way(&path), Some(path.clone()));
        }
    }
}
