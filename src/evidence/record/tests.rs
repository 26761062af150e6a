#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::*;
use crate::diff::{Hidden, Kind, Observation, Request, Rules, RulesSpec, Severity};
use crate::evidence::store::StoreReader;
use crate::evidence::store::triage::OTHER_CAUSES;
use crate::evidence::tally::Tally;
use crate::routing::Origin;

mod causes;

const SECRET: &str = "hunter2Hunter2-xyz";
const MIB: u64 = 1 << 20;

fn observation(status: StatusCode, body: &str) -> Observation {
    Observation { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// A pair that [`by_status`] finds different where the statuses are.
fn pair(candidate: StatusCode) -> Pair {
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_str(&format!("AURSID={SECRET}")).unwrap());
    Pair {
        route: "rpc".into(),
        stage: "shadow",
        request: Request {
            method: Method::GET,
            scheme: "https",
            host: "aur.example".to_owned(),
            target: format!("/rpc?v=5&token={SECRET}"),
            headers,
        },
        request_body: Bytes::new(),
        authoritative: Origin::Legacy,
        control: observation(StatusCode::OK, &format!("{{\"session\":\"{SECRET}\",\"n\":1}}")),
        candidate: observation(candidate, &format!("you are {SECRET}")),
        control_time: Duration::from_millis(10),
        candidate_time: Duration::from_millis(20),
        at: SystemTime::now(),
        rules: Arc::new(Rules::default()),
        session: 42,
    }
}

fn by_status(pair: &Pair) -> Comparison {
    if pair.control.status == pair.candidate.status {
        return Comparison::default();
    }
    assert_ne!(pair.candidate.status, StatusCode::IM_A_TEAPOT, "a bug of the comparer");
    let difference = Difference {
        kind: Kind::Status,
        path: "status".to_owned(),
        control: Some(format!("{} {SECRET}", pair.control.status)),
        candidate: Some(pair.candidate.status.to_string()),
        severity: Severity::High,
        rule: None,
        cause: None,
    };
    Comparison { outcome: Outcome::Mismatched, differences: vec![difference], ..Comparison::default() }
}

fn recorder(path: &Path) -> Recorder {
    Recorder::comparing(Some(Store::open(path, 64 * MIB).unwrap()), by_status)
}

fn stored(path: &Path) -> Tally {
    let reader = StoreReader::open(path).unwrap();
    reader.at_one_moment(|moment| moment.tally(moment.routes()?[0].id, 0)).unwrap()
}

#[test]
fn pairs_of_several_threads_are_all_in_the_store_after_a_flush() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let recorder = recorder(&path);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..100 {
                    let status = if n % 10 == 0 { StatusCode::NOT_FOUND } else { StatusCode::OK };
                    recorder.record(pair(status));
                }
                recorder.unproven(&"rpc".into(), "shadow", Unproven::Timeout, SystemTime::now());
            });
        }
    });
    recorder.flush();
    let tally = stored(&path);
    assert_eq!((tally.matched, tally.mismatched, tally.unproven_total(), tally.legacy.count()), (360, 40, 4, 400));
    let reader = StoreReader::open(&path).unwrap();
    let causes = reader.at_one_moment(|moment| moment.causes(1, 0)).unwrap();
    assert_eq!((causes.len(), causes[0].count), (1, 40));
    assert_eq!(causes[0].samples.len(), 4, "the first ones only, within a minute");
    assert_eq!(recorder.health().state, StoreState::Sound);
}

#[test]
fn two_failures_prove_nothing_though_the_operator_silenced_what_they_say() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let recorder = Recorder::new(Some(Store::open(&path, 64 * MIB).unwrap()));
    let spec: RulesSpec = serde_json::from_str(r#"{"error_body": true}"#).unwrap();
    let failed = |body| observation(StatusCode::INTERNAL_SERVER_ERROR, body);
    let rules = Arc::new(Rules::compile(&spec).unwrap());
    let failures =
        Pair { control: failed(""), candidate: failed("Internal Server Error"), rules, ..pair(StatusCode::OK) };
    assert_eq!(recorder.record(failures), Outcome::Inconclusive);
    drop(recorder);
    let tally = stored(&path);
    assert_eq!((tally.compared(), tally.unproven[&Unproven::BothFailed]), (0, 1));
}

#[test]
fn what_is_pending_is_written_when_the_recorder_ends() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let recorder = recorder(&path);
    recorder.record(pair(StatusCode::OK));
    drop(recorder);
    assert_eq!(stored(&path).matched, 1);
}

#[test]
fn no_byte_of_a_secret_is_in_the_files() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let recorder = recorder(&path);
    recorder.record(pair(StatusCode::NOT_FOUND));
    recorder.flush();
    for entry in std::fs::read_dir(home.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(memchr::memmem::find(&bytes, b"hunter2").is_none());
    }
    let content = StoreReader::open(&path).unwrap().sample(1).unwrap().unwrap();
    let sample: Sample = serde_json::from_str(&content).unwrap();
    assert_eq!((sample.control.status, sample.candidate.status), (200, 404));
    assert!(sample.request.target.starts_with("/rpc?v=5&token=REDACTED-"), "{}", sample.request.target);
    assert!(sample.candidate.body.text.unwrap().starts_with("you are REDACTED-"));
}

/// As [`by_status`], where the id of a session is the name of a member.
fn by_member(pair: &Pair) -> Comparison {
    let mut comparison = by_status(pair);
    for difference in &mut comparison.differences {
        difference.path = "/online/letmein+Hunter9/user".to_owned();
    }
    let hidden =
        Hidden { rule: "case".into(), example_path: "/sessions/letmein+Hunter2024".into(), ..Hidden::default() };
    comparison.hidden.push(hidden);
    comparison
}

#[test]
fn no_secret_is_the_name_of_a_place() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let recorder = Recorder::comparing(Some(Store::open(&path, 64 * MIB).unwrap()), by_member);
    let mut pair = pair(StatusCode::NOT_FOUND);
    pair.request.headers.insert("cookie", HeaderValue::from_static("SID=letmein+Hunter9"));
    recorder.record(pair);
    recorder.flush();
    for entry in std::fs::read_dir(home.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(memchr::memmem::find(&bytes, b"letmein").is_none());
    }
    assert_eq!(stored(&path).fields.keys().collect::<Vec<_>>(), ["/online/*/user"]);
}

#[test]
fn a_comparer_that_panics_is_counted_and_the_door_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let recorder = recorder(&path);
    assert_eq!(recorder.record(pair(StatusCode::IM_A_TEAPOT)), Outcome::Inconclusive);
    assert_eq!(recorder.record(pair(StatusCode::OK)), Outcome::Matched);
    recorder.flush();
    let tally = stored(&path);
    assert_eq!((tally.matched, tally.unproven.get(&Unproven::ComparerFailed)), (1, Some(&1)));
}

#[test]
fn a_store_held_by_another_program_costs_no_count() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let recorder = recorder(&path);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    recorder.record(pair(StatusCode::OK));
    recorder.flush();
    let health = recorder.health();
    assert_eq!(health.state, StoreState::Failing);
    assert!(health.why.unwrap().contains("another program holds it"));
    recorder.record(pair(StatusCode::OK));
    other.execute_batch("ROLLBACK").unwrap();
    recorder.flush();
    assert_eq!(recorder.health().state, StoreState::Sound);
    assert_eq!(stored(&path).matched, 2);
}

#[test]
fn without_a_store_everything_is_still_compared() {
    let recorder = Recorder::comparing(None, by_status);
    assert_eq!(recorder.record(pair(StatusCode::NOT_FOUND)), Outcome::Mismatched);
    recorder.flush();
    assert_eq!(recorder.health().state, StoreState::Absent);
    assert_eq!(recorder.shared.pending.lock().tallies.values().map(|tally| tally.mismatched).sum::<u64>(), 1);
    assert!(recorder.shared.pending.lock().samples.is_empty());
}

#[test]
fn causes_without_end_are_counted_together() {
    let mut admission = Admission::of_at_most(20_000);
    let route: Arc<str> = "r".into();
    let differing = |n: usize| Difference {
        kind: Kind::Header,
        path: format!("header:X-{n}"),
        control: None,
        candidate: None,
        severity: Severity::Low,
        rule: None,
        cause: None,
    };
    let placed: std::collections::HashSet<Arc<str>> =
        (0..5000).map(|n| admission.place(&route, &differing(n)).fingerprint).collect();
    assert_eq!(placed.len(), 257);
    assert!(placed.contains(OTHER_CAUSES));
    let again = admission.place(&route, &differing(3));
    assert_eq!(*again.fingerprint, *diff::fingerprint("r", &differing(3)));
}
