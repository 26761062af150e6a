#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::fs;
use std::time::{Duration, Instant};

use super::*;
use crate::config::load;

const GOOD: &str = "version: 1
listeners: [{address: \"127.0.0.1:8080\"}]
backends:
  legacy: {endpoints: [\"http://127.0.0.1:9000\"]}
  new: {endpoints: [\"http://127.0.0.1:8000\"]}
";

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let main = folder.path().join("matapalo.yaml");
    (folder, main)
}

#[track_caller]
fn assert_refused(path: &Path, want: &str) {
    let error = load(path).unwrap_err().to_string();
    assert!(error.contains(want) && error.contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn the_watcher_and_the_loader_see_the_same_hash() {
    let main = format!("{GOOD}include:\n  - routes.d/*.yaml  # more\n  - extra.yaml\n");
    let route = "routes: [{name: x, match: {path: {prefix: /x}}}]";
    let (_folder, path) = folder(&[("matapalo.yaml", &main), ("routes.d/a.yaml", route), ("extra.yaml", "routes: []")]);
    let settings = load(&path).unwrap();
    let seen = fingerprint(&path).unwrap();
    assert_eq!((&settings.hash, &settings.files), (&seen.hash, &seen.files));
    assert_eq!(seen.files.len(), 3);
    assert!(seen.dirs.contains(&path.parent().unwrap().join("routes.d")), "{:?}", seen.dirs);
}

#[test]
fn every_change_of_content_changes_the_hash() {
    let main = format!("{GOOD}include: [routes.d/*.yaml]\n");
    let (folder, path) = folder(&[("matapalo.yaml", &main)]);
    let part = folder.path().join("routes.d/a.yaml");
    fs::create_dir(part.parent().unwrap()).unwrap();
    let mut seen = vec![fingerprint(&path).unwrap().hash];
    let mut differs = |what: &str| {
        let hash = fingerprint(&path).unwrap().hash;
        assert!(!seen.contains(&hash), "{what} is not seen");
        seen.push(hash);
    };
    fs::write(&part, "routes: []").unwrap();
    differs("a new included file");
    fs::write(&part, "routes: {}").unwrap();
    differs("an edit of the same length");
    fs::rename(&part, part.with_file_name("b.yaml")).unwrap();
    differs("a rename");
    fs::write(&path, "half: [writt").unwrap();
    differs("a broken file");
}

#[test]
fn the_hash_does_not_depend_on_where_the_files_are() {
    let main = format!("{GOOD}include: [part.yaml]\n");
    let files = [("matapalo.yaml", main.as_str()), ("part.yaml", "routes: []")];
    let ((_one, one), (_other, other)) = (folder(&files), folder(&files));
    assert_eq!(fingerprint(&one).unwrap().hash, fingerprint(&other).unwrap().hash);
}

#[test]
fn includes_are_found_however_they_are_written() {
    let found = |text: &str| include_patterns(text.as_bytes());
    let both = ["a.yaml", "b/*.yaml"];
    assert_eq!(found("include: [a.yaml, b/*.yaml]\nroutes: []\n"), both);
    assert_eq!(found("version: 1\ninclude:\n- a.yaml\n# why\n\n- b/*.yaml\nroutes: [}"), both);
    assert_eq!(found("version: 1\ninclude: [\n  a.yaml,\n  b/*.yaml\n]\nroutes: []\n"), both);
    assert_eq!(found("{version: 1, include: [a.yaml, b/*.yaml]}"), both);
    assert_eq!(found("\"include\": [a.yaml, b/*.yaml]\n"), both);
    assert_eq!(found("  version: 1\n  include: [a.yaml, b/*.yaml]\n"), both);
    assert_eq!(found("# include: [a.yaml]\nversion: 1\n"), [""; 0]);
    assert_eq!(found("include: [a.yaml, b/*.yaml]\n# this & that, see *wiki*\nroutes: [}"), both);
    assert_eq!(found("store: {path: &a a.yaml}\ninclude: [*a , b/*.yaml]\nroutes: []\n"), both);
    assert_eq!(
        found("include: [*a , b/*.yaml]\nroutes:\n- {name: &a a.yaml}\n"),
        [""; 0],
        "an alias before its anchor"
    );
    assert_eq!(found("routes:\n- {name: &a a.yaml}\ninclude: [*a , b/*.yaml]\n"), both);
}

#[test]
fn files_of_tls_are_found_however_they_are_written() {
    let found = |text: &str| tls_files(text.as_bytes());
    let pair = ["s.pem", "s.key"];
    let tls = "{certificates: [{certificate: s.pem, key: s.key}]}";
    assert_eq!(found(&format!("listeners:\n# TLS & HSTS for *.a.test\n- {{tls: {tls}}}\nroutes: [}}")), pair);
    assert_eq!(found(&format!("listeners:\n- {{tls: &t {tls}}}\n- {{tls: *t}}\nroutes: []\n")), [pair, pair].concat());
    assert_eq!(found(&format!("x: &t {tls}\nlisteners:\n- {{tls: *t}}\nroutes: []\n")), pair);
    let backends =
        "backends:\n  b: {tls: {ca: ca.pem}}\n  a: {tls: {client_certificate: c.pem, client_key: c.key}}\n  c: {}\n";
    assert_eq!(found(backends), ["c.pem", "c.key", "ca.pem"]);
    assert_eq!(found(&format!("tracing: {{tls: {{ca: t.pem}}}}\n{backends}")), ["c.pem", "c.key", "ca.pem", "t.pem"]);
    assert_eq!(found("listeners: 7\nbackends: {a: {tls: {ca: ca.pem}}}"), ["ca.pem"], "each for itself");
}

#[test]
fn aliases_of_aliases_name_no_files_and_take_no_time() {
    let began = Instant::now();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let above = format!("*a{} ,", level - 1).repeat(9);
        bomb.push_str(&format!("a{level}: &a{level} [{above}]\n"));
    }
    bomb.push_str("include: *a11\nlisteners: [{tls: {client_ca: *a11 }}]\n");
    assert_eq!((include_patterns(bomb.as_bytes()).len(), tls_files(bomb.as_bytes()).len()), (0, 0));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn the_config_does_not_include_itself() {
    let (_folder, path) = folder(&[("matapalo.yaml", &format!("{GOOD}include: ['*.yaml']\n"))]);
    assert_eq!(load(&path).unwrap().files, [path]);
}

#[test]
fn what_is_no_text_file_is_refused() {
    let (folder, path) = folder(&[]);
    assert_refused(&path, "cannot be read");
    assert!(fingerprint(&path).is_err());
    fs::create_dir(&path).unwrap();
    assert_refused(&path, "is a directory");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, b"version: 1\0").unwrap();
    assert_refused(&path, "byte 10 is zero");
    fs::write(&path, b"version: 1\nname: \xff\xfe").unwrap();
    assert_refused(&path, "line 2");
    let device = folder.path().join("device.yaml");
    std::os::unix::fs::symlink("/dev/null", &device).unwrap();
    assert_refused(&device, "is a device or a pipe");
}

#[test]
fn fifty_megabytes_are_refused_unread() {
    let (_folder, path) = folder(&[]);
    fs::File::create(&path).unwrap().set_len(50 << 20).unwrap();
    let start = Instant::now();
    assert_refused(&path, "16 MiB");
    // To read, let alone parse, that much takes far longer, even on a busy machine.
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
}

#[test]
fn an_editors_mark_in_front_is_no_part_of_the_config() {
    let (_folder, path) = folder(&[("matapalo.yaml", &format!("\u{feff}{GOOD}"))]);
    load(&path).unwrap();
}
