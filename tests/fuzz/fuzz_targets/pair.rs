//! Any two answers: no bytes may panic the comparer, an answer must equal itself, and what it says must be the same twice.
//!
//! The input is a line of settings (see [`Settings`]), a line feed, and the two bodies with [`CUT`] between them. Without a cut
//! the body is compared with a copy that lacks its middle, which keeps large parts alike.

#![no_main]

use comparer::diff::{Observation, Outcome, Request, Rules, RulesSpec, compare};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use libfuzzer_sys::fuzz_target;

const CUT: &[u8] = b"\n====\n";

const MEDIA: [&str; 8] = [
    "application/json",
    "text/html; charset=utf-8",
    "application/xml",
    "text/plain",
    "application/x-ndjson",
    "image/png",
    "text/html; charset=iso-8859-1",
    "application/atom+xml",
];

const CODINGS: [&str; 4] = ["", "gzip", "br", "zstd"];

/// The first bytes of an input; each chooses one thing, modulo what there is.
#[derive(Clone, Copy)]
struct Settings {
    media: [u8; 2],
    coding: [u8; 2],
    status: [u8; 2],
    rules: u8,
    method: u8,
}

impl Settings {
    fn of(line: &[u8]) -> Self {
        let byte = |at: usize| line.get(at).copied().unwrap_or(b'0').wrapping_sub(b'0');
        Self {
            media: [byte(0), byte(1)],
            coding: [byte(2), byte(3)],
            status: [byte(4), byte(5)],
            rules: byte(6),
            method: byte(7),
        }
    }

    fn request(self) -> Request {
        let method = [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS];
        Request {
            method: method[usize::from(self.method) % method.len()].clone(),
            scheme: "https",
            host: "site.example".to_owned(),
            target: "/list?page=2".to_owned(),
            headers: HeaderMap::new(),
        }
    }

    fn answer(self, side: usize, body: &[u8]) -> Observation {
        let status = [200, 404, 302, 500, 204, 304];
        let mut headers = HeaderMap::new();
        let media = MEDIA[usize::from(self.media[side]) % MEDIA.len()];
        headers.insert("content-type", HeaderValue::from_static(media));
        let coding = CODINGS[usize::from(self.coding[side]) % CODINGS.len()];
        if !coding.is_empty() {
            headers.insert("content-encoding", HeaderValue::from_static(coding));
        }
        // The body's first line is also a header's value: cookies, redirects and directives are read from it.
        let first = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        for name in ["set-cookie", "location", "cache-control", "vary", "link", "content-security-policy"] {
            if let Ok(value) = HeaderValue::from_bytes(first) {
                headers.append(name, value);
            }
        }
        let status = StatusCode::from_u16(status[usize::from(self.status[side]) % status.len()]).unwrap();
        Observation { status, headers, body: body.to_vec().into() }
    }

    fn rules(self) -> Rules {
        let spec = match self.rules % 4 {
            0 => "{}",
            1 => r#"{"preset": "none"}"#,
            2 => {
                r#"{"numeric_strings": true, "null_missing": true, "date_formats": true, "float_tolerance": 1e-6,
                    "bigint_float": true, "empty_array_object": true, "key_order": "strict", "nbsp": true, "csrf": true,
                    "asset_version": true, "own_host_links": true, "html_comments": true, "doctype": true, "xml_decl": true}"#
            }
            _ => {
                r#"{"unordered": ["/a", "/*/b", ""], "match_by": {"/r": "id"}, "ignore": ["/x", "header:vary", "css:.ad"],
                    "accept": [{"at": "/v", "was": "1", "reason": "a new version"}]}"#
            }
        };
        let spec: RulesSpec = serde_json::from_str(spec).unwrap();
        Rules::compile(&spec).unwrap()
    }
}

fn bodies(rest: &[u8]) -> (Vec<u8>, Vec<u8>) {
    match rest.windows(CUT.len()).position(|window| window == CUT) {
        Some(at) => (rest[..at].to_vec(), rest[at + CUT.len()..].to_vec()),
        None => {
            let (from, to) = (rest.len() / 2, rest.len() / 2 + rest.len() / 16);
            (rest.to_vec(), [&rest[..from], &rest[to..]].concat())
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let settings = Settings::of(parts.next().unwrap_or_default());
    let (control, candidate) = bodies(parts.next().unwrap_or_default());
    let (request, rules) = (settings.request(), settings.rules());
    let (control, candidate) = (settings.answer(0, &control), settings.answer(1, &candidate));

    let told = compare(&request, &control, &candidate, &rules);
    assert_eq!(told, compare(&request, &control, &candidate, &rules), "the same pair told in two ways");
    assert_eq!(told.outcome == Outcome::Mismatched, !told.differences.is_empty() && told.outcome != Outcome::Inconclusive);

    let itself = compare(&request, &control, &control, &rules);
    assert!(
        matches!(itself.outcome, Outcome::Matched | Outcome::Inconclusive),
        "an answer differs from itself: {itself:?}"
    );
});
