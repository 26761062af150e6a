//! No trick with a path reaches what a route hides, whatever the backend makes of the path; and what all backends read alike
//! passes byte for byte.
//!
//! The oracle is a row of backends as they are, each a few lines: how it decodes, what it merges, cuts and resolves, in its own
//! order. It shares nothing with the door's own readings.

use crate::harness::client::request;
use crate::harness::{Client, Door, Origin, Site};

const ROUTES: &str = "
    - {name: hidden, match: {path: {prefix: /internal}}, respond: {status: 404}}
    - {name: open, match: {path: {prefix: /open}}, stage: legacy}
    - {name: rest, match: {path: {prefix: /}}, stage: legacy}";

fn decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < path.len() {
        let code = path.get(at + 1..at + 3).and_then(|code| std::str::from_utf8(code).ok());
        let byte = code
            .filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match byte {
            Some(byte) if path[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(path[at]);
                at += 1;
            }
        }
    }
    out
}

fn merged(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    out.dedup_by(|next, before| *next == b'/' && *before == b'/');
    out
}

fn resolved(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/').skip(1) {
        match segment {
            b"." => {}
            b".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let mut out = Vec::new();
    for segment in kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    out
}

fn without_parameters(path: &[u8]) -> Vec<u8> {
    let segments: Vec<&[u8]> =
        path.split(|byte| *byte == b'/').map(|segment| segment.split(|byte| *byte == b';').next().unwrap()).collect();
    segments.join(&b'/')
}

fn slashed(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

fn cut(path: &[u8]) -> Vec<u8> {
    path.split(|byte| *byte == 0).next().unwrap().to_vec()
}

type Step = fn(&[u8]) -> Vec<u8>;

/// Each backend, as the steps that it takes.
const BACKENDS: [(&str, &[Step]); 14] = [
    ("one that takes the path as it is", &[]),
    ("an application behind WSGI", &[decoded]),
    ("one that resolves and does not decode", &[resolved]),
    ("a server that decodes, merges and resolves", &[decoded, merged, resolved]),
    ("one that resolves before it decodes", &[resolved, decoded]),
    ("one that resolves before and after it decodes", &[resolved, decoded, resolved]),
    ("that server and an application that decodes again", &[decoded, merged, resolved, decoded]),
    ("and resolves again", &[decoded, merged, resolved, decoded, merged, resolved]),
    ("a servlet container", &[without_parameters, decoded, merged, resolved]),
    ("one that cuts parameters behind decoding", &[decoded, without_parameters, merged, resolved]),
    ("one on Windows", &[decoded, slashed, merged, resolved]),
    ("one on Windows that decodes twice", &[decoded, decoded, slashed, merged, resolved]),
    ("one in C", &[decoded, cut, merged, resolved]),
    ("a servlet container behind another server", &[decoded, merged, resolved, without_parameters, decoded, resolved]),
];

fn is_hidden(path: &[u8]) -> bool {
    path == b"/internal" || path.starts_with(b"/internal/")
}

/// Which backends find the hidden place in a path.
fn finds(path: &str) -> Vec<&'static str> {
    BACKENDS
        .iter()
        .filter(|(_, steps)| is_hidden(&steps.iter().fold(path.as_bytes().to_vec(), |path, step| step(&path))))
        .map(|(name, _)| *name)
        .collect()
}

fn tricks() -> Vec<String> {
    let begins = ["", "/open", "/open/x/..", "/x;y", "/."];
    let slashes = ["/", "//", "\\", "%2f", "%2F", "%5c", "%252f", "%255c", "/./", "/;/", "/%2e/"];
    let ups = ["..", "%2e%2e", ".%2e", "%252e%252e", "..;", "..;x=1", "%2e%2e%3b", "..%00", ".", ""];
    let names =
        ["internal", "%69nternal", "internal;x", "internal%00", "internal%2fx", "internal/../internal", "%2569nternal"];
    let mut all = Vec::new();
    for begin in begins {
        for first in slashes {
            for up in ups {
                for second in slashes {
                    for name in names {
                        all.push(format!("{begin}{first}{up}{second}{name}"));
                    }
                }
            }
        }
    }
    all.retain(|path| path.starts_with('/'));
    // A prime: every part is met with every other in the end.
    all.into_iter().step_by(23).collect()
}

/// The status, on a connection that is made anew where a refusal has closed it.
fn status(door: &Door, client: &mut Option<Client>, target: &str) -> u16 {
    let mut kept = client.take().unwrap_or_else(|| door.client());
    kept.send(request("GET", target, &[], b""));
    let answer = kept.answer("GET");
    if answer.status() != 400 {
        *client = Some(kept);
    }
    answer.status()
}

#[test]
fn no_backend_finds_what_is_hidden_in_a_path_that_passes() {
    let site = Site::of(Origin::saying("legacy"), Origin::dead());
    let door = site.open(ROUTES);
    let mut client = None;
    let (mut passed, mut refused, mut hidden) = (0, 0, 0);
    for path in tricks() {
        match status(&door, &mut client, &path) {
            200 => {
                assert!(finds(&path).is_empty(), "{path} passed, but it is hidden to {:?}", finds(&path));
                passed += 1;
            }
            400 => refused += 1,
            404 => hidden += 1,
            other => panic!("{path}: {other}"),
        }
    }
    println!("{} paths: {passed} passed, {refused} refused, {hidden} hidden", tricks().len());
    assert!(refused > 500, "the tricks are tricks");
    for seen in site.legacy.seen() {
        assert!(finds(&seen.target()).is_empty(), "{} reached the backend", seen.target());
    }
}

#[test]
fn what_every_backend_reads_alike_passes_byte_for_byte() {
    let site = Site::of(Origin::saying("legacy"), Origin::dead());
    let door = site.open(ROUTES);
    let mut client = door.client();
    let paths = [
        "/open/a%2Fb",
        "/open/a%252Fb",
        "/open//a",
        "/open/a//b///c",
        "/open/./a",
        "/open/a/../b",
        "/open/a;b=c;d",
        "/open/AC\\DC",
        "/open/100%",
        "/open/100%25",
        "/open/%zz",
        "/open/%E6%97%A5",
        "/open/%e6%97%a5",
        "/open/%FF",
        "/open/.hidden",
        "/open/...",
        "/open/a.b",
        "/open/%20+%2B",
        "/open/https%3A%2F%2Fsite.test%2Fa%3Bb%2F%2Fc%20d",
        "/internals",
        "/Internal",
        "/open/internal",
        "/open/x%00y",
        "/%7Euser",
        "/open/?/../internal",
        "/open?p=/internal/..%2f",
        "/open/%252e%252e%252e",
        "/caf%C3%A9",
        "/open/a%3Fb",
        "/open/a%23b",
        "/.well-known/x",
    ];
    for path in paths {
        assert_eq!(client.get(path, &[]).status(), 200, "{path}");
        assert_eq!(site.legacy.seen().last().unwrap().target(), path);
    }
}

#[test]
fn the_oracle_knows_tricks_from_paths() {
    assert!(finds("/open").is_empty() && finds("/internals").is_empty());
    for path in [
        "/internal",
        "/open/..%2finternal",
        "/open/..;/internal",
        "/%2569nternal",
        "/open\\..\\internal",
        "/internal%00.png",
    ] {
        assert!(!finds(path).is_empty(), "{path}");
    }
    assert!(tricks().len() > 1000);
}

/// To a backend that looks for files `/admin/.` is `/admin`: a route for that path alone must hold there too.
#[test]
fn a_last_dot_leads_around_no_exact_route() {
    let site = Site::of(Origin::saying("legacy"), Origin::dead());
    let door = site.open(
        "
        - {name: hidden, match: {path: {exact: /admin}}, respond: {status: 404}}
        - {name: wiki, match: {path: {prefix: /wiki}}, stage: legacy}",
    );
    for path in ["/admin/.", "/admin/%2e", "/admin/x/..", "/wiki/../admin/.", "/admin//."] {
        assert!(matches!(door.get(path).status(), 400 | 404), "{path} passed");
    }
    for path in ["/wiki/.", "/wiki/a/..", "/wiki/a/%2e"] {
        assert_eq!(door.get(path).status(), 200, "{path}");
    }
}
