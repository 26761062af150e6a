//! What comparing a pair takes at its peak, counted byte by byte in an allocator of its own: three times the bytes of the pair, or three
//! MiB where it is smaller than one. Lists that are copied while they grow count twice, as they do in a machine.

#[path = "bench/html/hostile.rs"]
mod pages;
#[path = "bench/hostile/pairs.rs"]
mod pairs;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use matapalo::diff::{Observation, Request, Rules, compare};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Each answer: two of the largest are as much as is compared as trees. Bytes.
const SIZES: [usize; 3] = [1 << 17, 1 << 18, (1 << 19) - 4096];
const TIMES: usize = 3;
/// A body is unpacked up to here. Bytes.
const UNPACKED: usize = 8 << 20;

/// The preset; and all that arrays may be told by.
const RULES: [&str; 3] = [
    "{}",
    r#"{"ignore": "/*/votes", "numeric_strings": true, "date_formats": true, "null_missing": true, "float_tolerance": 1e-9}"#,
    r#"{"unordered": ["", "/*"], "numeric_strings": true}"#,
];

/// One test, for the count is of all threads.
#[test]
fn no_pair_takes_more_than_three_times_its_bytes() {
    let mut beyond = Vec::new();
    let all = RULES.iter().filter_map(|spec| Rules::compile(&serde_json::from_str(spec).ok()?).ok());
    let all: Vec<Rules> = all.collect();
    assert_eq!(all.len(), RULES.len());
    for (size, rules) in SIZES.into_iter().zip([&all[..1], &all[..1], &all[..]]) {
        let pages = pages::pairs(size).into_iter().map(|(name, old, new)| (name, page(old), page(new)));
        let others = pairs::PAIRS.iter().map(|pair| pair(size)).map(|pair| (pair.name, pair.control, pair.candidate));
        for (name, control, candidate) in pages.chain(others) {
            let bytes = [&control, &candidate].map(weight).into_iter().sum::<usize>().max(1 << 20);
            let taken = rules.iter().map(|rules| peak(&control, &candidate, rules)).max().unwrap_or_default();
            if taken > TIMES * bytes {
                beyond.push(format!("{name}: {taken} bytes for {bytes}, {:.2} times", taken as f64 / bytes as f64));
            }
        }
    }
    assert!(beyond.is_empty(), "{}", beyond.join("\n"));
}

fn peak(control: &Observation, candidate: &Observation, rules: &Rules) -> usize {
    let request = Request {
        method: Method::GET,
        scheme: "https",
        host: "site.example".to_owned(),
        target: "/a".to_owned(),
        headers: HeaderMap::new(),
    };
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let compared = compare(&request, control, candidate, rules);
    let taken = MEMORY.peak_usage() - before;
    drop(compared);
    taken
}

fn page(body: String) -> Observation {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Observation { status: StatusCode::OK, headers, body: body.into() }
}

/// What an answer says, unpacked.
fn weight(answer: &Observation) -> usize {
    let body = if answer.headers.contains_key(CONTENT_ENCODING) { UNPACKED } else { answer.body.len() };
    body + answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
}
