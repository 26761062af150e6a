#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::UNIX_EPOCH;

use expect_test::expect;

use super::*;
use crate::diff::comparison::Hidden;
use crate::diff::{Comparison, Difference, Kind, Outcome, Severity};
use crate::evidence::noise::{FieldCounts, FieldKey, Sort, What};
use crate::evidence::pair::Unproven;
use crate::evidence::sample::{SampleAnswer, SampleBody, SampleRequest};
use crate::evidence::store::Store;
use crate::evidence::store::batch::{Batch, CauseKey, CauseSeen, NewSample, Reload};
use crate::evidence::tally::Compared;
use crate::routing::Origin;

/// 2023-11-14T22:13:20Z, in milliseconds.
const NOW: u64 = 1_700_000_000_000;
const MINUTE: u64 = 60_000;

fn fact(name: &str, stage: &str) -> RouteFact {
    RouteFact {
        name: name.to_owned(),
        stage: stage.to_owned(),
        weight: None,
        mirrored: true,
        gate: Gate::default(),
        rules: Vec::new(),
        legacy_url: Some("http://127.0.0.1:9000".to_owned()),
        new_url: Some("http://127.0.0.1:8000".to_owned()),
    }
}

fn difference() -> Difference {
    Difference {
        kind: Kind::Value,
        path: "/results/3/Votes".to_owned(),
        control: Some("10.5".to_owned()),
        candidate: Some("10".to_owned()),
        severity: Severity::High,
        rule: None,
        cause: Some("rounded".to_owned()),
    }
}

fn stored_sample(at: u64) -> NewSample {
    let answer = |text: &str| SampleAnswer {
        status: 200,
        headers: Vec::new(),
        body: SampleBody { bytes: text.len() as u64, text: Some(text.to_owned()), cut: false },
        took_ms: 12.5,
    };
    let sample = Sample {
        route: "rpc".to_owned(),
        stage: "shadow".to_owned(),
        at: rfc3339(at),
        authoritative: Origin::Legacy,
        session: "REDACTED-00000000".to_owned(),
        fingerprints: vec!["0123456789ab".to_owned()],
        request: SampleRequest {
            method: "GET".to_owned(),
            scheme: "https".to_owned(),
            host: "aur.example".to_owned(),
            target: "/rpc?v=5&arg[]=vim".to_owned(),
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: SampleBody { bytes: 0, text: Some(String::new()), cut: false },
        },
        control: answer("{\"Votes\":10.5}"),
        candidate: answer("{\"Votes\":10}"),
        differences: vec![difference()],
        more: 0,
    };
    let content = serde_json::to_string(&sample).unwrap();
    NewSample { route: "rpc".into(), fingerprints: vec!["0123456789ab".into()], at, content }
}

fn add(batch: &mut Batch, route: &str, comparison: &Comparison, at: u64, times: u64) {
    let compared = Compared { comparison, legacy: Duration::from_millis(10), new: Duration::from_millis(20), at };
    for _ in 0..times {
        batch.tally(&route.into(), "shadow", at).add(&compared);
    }
}

/// A door's evening: rpc has one bug, feed is ready, page was quiet since the day before yesterday.
fn filled(path: &Path) {
    let mut batch = Batch::default();
    batch.reloads = vec![
        Reload { facts: vec![fact("rpc", "legacy"), fact("feed", "legacy")], generation: 1, at: NOW - 50 * MINUTE },
        Reload {
            facts: vec![fact("rpc", "shadow"), fact("feed", "shadow"), fact("later", "shadow")],
            generation: 2,
            at: NOW - 40 * MINUTE,
        },
    ];
    let hidden =
        Hidden { rule: "slash_escape".into(), count: 2, example_path: "/results/0/URL".into(), ..Hidden::default() };
    let equal = Comparison { hidden: vec![hidden], ..Comparison::default() };
    let ignored = Comparison { outcome: Outcome::Ignored, ..Comparison::default() };
    let mismatched =
        Comparison { outcome: Outcome::Mismatched, differences: vec![difference()], ..Comparison::default() };
    for at in [NOW - 30 * MINUTE, NOW - 2 * MINUTE] {
        add(&mut batch, "rpc", &equal, at, 490);
        add(&mut batch, "rpc", &ignored, at, 4);
        add(&mut batch, "rpc", &mismatched, at, 1);
        batch.tally(&"rpc".into(), "shadow", at).add_unproven(Unproven::Timeout);
        let key = CauseKey { route: "rpc".into(), fingerprint: "0123456789ab".into() };
        batch.add_cause(&key, CauseSeen::once(&difference(), "/results/*/Votes".to_owned(), at));
    }
    add(&mut batch, "feed", &Comparison::default(), NOW - MINUTE, 300);
    add(&mut batch, "page", &Comparison::default(), NOW - 48 * 60 * MINUTE, 300);
    batch.add_sample(stored_sample(NOW - 2 * MINUTE), usize::MAX);
    Store::open(path, 64 << 20).unwrap().write(&batch).unwrap();
}

fn filter() -> Filter {
    Filter::at(UNIX_EPOCH + Duration::from_millis(NOW))
}

fn read(filter: &Filter) -> Result<Report, ReportError> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    filled(&path);
    Report::read(&StoreReader::open(&path).unwrap(), filter)
}

fn only(route: &str) -> Filter {
    Filter { route: Some(route.to_owned()), ..filter() }
}

/// The oldest of them is counted whole, and so are the losses of its time.
#[test]
fn a_loss_counts_for_as_long_as_what_was_counted_before_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    filled(&path);
    // The window of feed's only pairs begins 80 s ago and ends 20 s ago.
    let lost = NOW - 50_000;
    let sql = format!("INSERT INTO loss VALUES ('counts_lost_until', {lost})");
    rusqlite::Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
    let told = |seconds| {
        let filter = Filter { since: Some(Duration::from_secs(seconds)), ..only("feed") };
        let report = Report::read(&StoreReader::open(&path).unwrap(), &filter).unwrap();
        let route = &report.routes[0];
        (route.matched, route.verdict, route.reasons.iter().any(|reason| reason.contains("Counts were lost until")))
    };
    assert_eq!(told(60), (300, Verdict::Inconclusive, true));
    assert_eq!(told(30), (300, Verdict::Inconclusive, true), "the loss is older, and so is some of the window");
    assert_eq!(told(10), (0, Verdict::Inconclusive, false));
}

#[test]
fn nothing_is_ready_while_the_door_cannot_write_what_it_counts() {
    let report = read(&only("feed")).unwrap();
    assert_eq!(report.routes[0].verdict, Verdict::Ready);
    assert_eq!(unwritten(None, None), None);
    let filter = Filter { unwritten: unwritten(Some("no room left"), Some("2 pairs wait")), ..filter() };
    let report = read(&filter).unwrap();
    assert!(report.routes.iter().all(|route| route.verdict != Verdict::Ready), "{report:?}");
    assert!(!report.next.iter().any(|line| line.starts_with("ready")), "{:?}", report.next);
    let text = text(&report, Paint::Plain);
    assert!(
        text.starts_with(
            "! The door cannot write its store, and what it has counted since is not in it: no room left\n"
        ),
        "{text}"
    );
    let feed = report.routes.iter().find(|route| route.route == "feed").unwrap();
    expect!["The door cannot write its store, and what it has counted since is not in it: no room left."]
        .assert_eq(&feed.reasons[0]);
}

#[test]
fn a_field_that_could_hardly_be_asked_again_is_not_ready() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let verdict = |asked: u64| {
        let mut batch = Batch::default();
        batch.reloads = vec![Reload { facts: vec![fact("rpc", "shadow")], generation: 1, at: NOW - 3 * MINUTE }];
        let at = NOW - 2 * MINUTE;
        let mismatched =
            Comparison { outcome: Outcome::Mismatched, differences: vec![difference()], ..Comparison::default() };
        add(&mut batch, "rpc", &Comparison::default(), at, 755);
        add(&mut batch, "rpc", &mismatched, at, 45);
        let mut counts = FieldCounts::default();
        [(What::Pairs, 45), (What::Leads, 45), (What::OddNew, asked / 2), (What::OddLegacy, asked / 2)]
            .into_iter()
            .for_each(|(what, count)| counts.add(what, count));
        let field = FieldKey { path: "/results/*/Votes".to_owned(), sort: Sort::Value(Kind::Value) };
        batch.tally(&"rpc".into(), "shadow", at).noise.fields.insert(field, counts);
        std::fs::remove_file(&path).ok();
        Store::open(&path, 64 << 20).unwrap().write(&batch).unwrap();
        let report = Report::read(&StoreReader::open(&path).unwrap(), &filter()).unwrap();
        let route = &report.routes[0];
        (route.verdict, route.reasons.join(" "))
    };
    let (few, why) = verdict(4);
    assert_eq!(few, Verdict::Inconclusive, "{why}");
    assert!(why.contains("/results/*/Votes (value): 45 differ and 4 of them were asked again, too few"), "{why}");
    assert_eq!(verdict(12).0, Verdict::Ready);
}

#[test]
fn the_report_as_json() {
    let report = read(&only("rpc")).unwrap();
    expect![[r#"
        {
          "generated_at": "2023-11-14T22:13:20Z",
          "routes": [
            {
              "route": "rpc",
              "stage": "shadow",
              "compared": 990,
              "matched": 980,
              "ignored": 8,
              "mismatched": 2,
              "unproven": 2,
              "unproven_by_reason": {
                "timeout": 2
              },
              "verdict": "not yet",
              "reasons": [
                "2 of 990 compared differ (0.203 %); at most 0 % may.",
                "With 95 % confidence fewer than 0.635 % of such requests differ."
              ],
              "mismatch_percent": 0.20202020202020202,
              "mismatch_upper_percent": 0.6345604273199726,
              "since": "2023-11-13T22:13:20Z",
              "differences": [
                {
                  "fingerprint": "0123456789ab",
                  "kind": "value",
                  "path": "/results/*/Votes",
                  "count": 2,
                  "severity": "high",
                  "first_seen": "2023-11-14T21:43:20Z",
                  "last_seen": "2023-11-14T22:11:20Z",
                  "samples": [
                    1
                  ],
                  "cause": "rounded",
                  "control": "10.5",
                  "candidate": "10",
                  "curl": {
                    "legacy": "curl -sS -g --path-as-is -i 'http://127.0.0.1:9000/rpc?v=5&arg[]=vim' -H 'Host: aur.example' -H 'accept: application/json'",
                    "new": "curl -sS -g --path-as-is -i 'http://127.0.0.1:8000/rpc?v=5&arg[]=vim' -H 'Host: aur.example' -H 'accept: application/json'"
                  },
                  "share_percent": 0.20202020202020202,
                  "on_every": false,
                  "smallest": 1,
                  "accept": "{at: /results/*/Votes, reason: \"WHY\"}"
                }
              ],
              "noise": {
                "pairs": 0,
                "samples": 0,
                "fields": [],
                "differences": []
              },
              "fields": [
                {
                  "path": "/results/*/Votes",
                  "count": 2
                }
              ],
              "hidden": [
                {
                  "rule": "slash_escape",
                  "count": 1960,
                  "example": "/results/0/URL"
                }
              ],
              "latency": {
                "legacy": {
                  "p50_ms": 10.2,
                  "p90_ms": 10.2,
                  "p99_ms": 10.2
                },
                "new": {
                  "p50_ms": 20.3,
                  "p90_ms": 20.3,
                  "p99_ms": 20.3
                }
              },
              "new_only": [],
              "lost": [],
              "rules": [
                {
                  "rule": "slash_escape",
                  "class": "cosmetic",
                  "count": 1960,
                  "last_seen": "2023-11-14T22:11:20Z",
                  "example": {
                    "path": "/results/0/URL",
                    "at": "2023-11-14T22:11:20Z"
                  }
                }
              ],
              "warnings": [],
              "mix": {
                "statuses": [],
                "redirects": [],
                "turned": [],
                "shifts": []
              }
            }
          ],
          "flips": [
            {
              "at": "2023-11-14T21:33:20Z",
              "route": "rpc",
              "from": "legacy",
              "to": "shadow",
              "generation": 2
            }
          ],
          "next": [
            "mend rpc: value /results/*/Votes (rounded): 10.5 -> 10  (2 ×)"
          ]
        }"#]].assert_eq(&serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn the_report_as_text() {
    let report = read(&filter()).unwrap();
    expect![[r#"
        Next
           1. mend rpc: value /results/*/Votes (rounded): 10.5 -> 10  (2 ×)
           2. ready: matapalo stage feed canary --weight 10

        route  stage     compared mismatched  unproven  causes  verdict
        feed   shadow         300          0         0       0  READY
        page   shadow           0          0         0       0  INCONCLUSIVE
        rpc    shadow         990          2         2       1  NOT YET

        feed  (shadow)  READY
          300 of 300 compared are equal; 200 were wanted.
          With 95 % confidence fewer than 0.994 % of such requests differ.
          300 compared: 300 matched, 0 ignored, 0 mismatched; 0 unproven. Since 2023-11-13T22:13:20Z.
          Latency p50 / p99: legacy 10.2 / 10.2 ms, new 20.3 / 20.3 ms.

        page  (shadow)  INCONCLUSIVE
          0 compared, 200 are wanted.
          Nothing was sampled in the last 24h; the newest evidence is of 2023-11-12T22:14:00Z, --since reaches it.
          0 compared: 0 matched, 0 ignored, 0 mismatched; 0 unproven. Since 2023-11-13T22:13:20Z.

        rpc  (shadow)  NOT YET
          2 of 990 compared differ (0.203 %); at most 0 % may.
          With 95 % confidence fewer than 0.635 % of such requests differ.
          990 compared: 980 matched, 8 ignored, 2 mismatched; 2 unproven. Since 2023-11-13T22:13:20Z.
          Latency p50 / p99: legacy 10.2 / 10.2 ms, new 20.3 / 20.3 ms.

          1. high  value: rounded  at /results/*/Votes
             2 × (0.20 % of the compared)  first 2023-11-14T21:43:20Z, last 2023-11-14T22:11:20Z  fingerprint 0123456789ab
             legacy says  10.5
             new says     10
             began after legacy -> shadow (2023-11-14T21:33:20Z)
             smallest sample 1
             curl -sS -g --path-as-is -i 'http://127.0.0.1:9000/rpc?v=5&arg[]=vim' -H 'Host: aur.example' -H 'accept: application/json'
             curl -sS -g --path-as-is -i 'http://127.0.0.1:8000/rpc?v=5&arg[]=vim' -H 'Host: aur.example' -H 'accept: application/json'

          Hidden by cosmetic rules: slash_escape 1960.

          Unproven:
             timeout  2 ×

        Nothing was sampled of: later

        Changes of stage
          2023-11-14T21:33:20Z  rpc: legacy -> shadow
          2023-11-14T21:33:20Z  feed: legacy -> shadow
    "#]].assert_eq(&text(&report, Paint::Plain));
}

#[test]
fn colour_is_only_where_it_is_asked_for() {
    let report = read(&filter()).unwrap();
    assert!(!text(&report, Paint::Plain).contains('\x1b'));
    assert!(text(&report, Paint::Coloured).contains("\x1b[1;31mNOT YET\x1b[0m"));
}

#[test]
fn an_answer_cannot_write_on_the_terminal() {
    let mut report = read(&only("rpc")).unwrap();
    report.routes[0].differences[0].candidate = Some("\x1b]0;owned\x07\nREADY".to_owned());
    let told = text(&report, Paint::Plain);
    assert!(!told.contains('\x1b') && told.contains(r"\u{1b}]0;owned\u{7}\nREADY"), "{told}");
}

#[test]
fn since_narrows_counts_and_verdict_alike() {
    let hour = read(&Filter { since: Some(Duration::from_secs(600)), ..only("rpc") }).unwrap();
    let rpc = &hour.routes[0];
    assert_eq!((rpc.compared, rpc.mismatched, rpc.unproven, rpc.differences[0].count), (495, 1, 1, 1));
    assert_eq!(rpc.differences[0].first_seen, "2023-11-14T21:43:20Z", "when it began does not depend on the question");
    assert!(hour.flips.is_empty());
    let days = read(&Filter { since: Some(Duration::from_secs(3 * 86_400)), ..only("page") }).unwrap();
    assert_eq!((days.routes[0].compared, days.routes[0].verdict), (300, Verdict::Ready));
}

#[test]
fn what_the_config_says_now_goes_before_what_the_door_said() {
    let gate = Gate { min_requests: 5000, ..Gate::default() };
    let facts = vec![RouteFact { gate, stage: "new".to_owned(), ..fact("feed", "new") }];
    let report = read(&Filter { facts: Some(facts), ..only("feed") }).unwrap();
    assert_eq!((report.routes[0].stage.as_str(), report.routes[0].verdict), ("new", Verdict::Inconclusive));
    let spec = GateSpec { min_requests: Some(100), ..GateSpec::default() };
    let report = read(&Filter { gate: spec, ..only("feed") }).unwrap();
    assert_eq!(report.routes[0].verdict, Verdict::Ready);
}

#[test]
fn what_is_known_nowhere_is_said() {
    expect![[r#"no route "feeds", neither in the config nor in the store; did you mean "feed"?"#]]
        .assert_eq(&read(&only("feeds")).unwrap_err().to_string());
    let spec = GateSpec { confidence: Some(95.0), max_mismatch: Some(-1.0), ..GateSpec::default() };
    expect!["max_mismatch is -1, want a percentage of 0 to 100; confidence is 95, want a share of 0.5 to 0.9999, such as 0.95"]
        .assert_eq(&read(&Filter { gate: spec, ..filter() }).unwrap_err().to_string());
}

#[test]
fn a_sample_is_read_with_its_curl_lines() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    filled(&path);
    let reader = StoreReader::open(&path).unwrap();
    let report = sample(&reader, 1).unwrap().unwrap();
    assert!(report.curl.new.contains("'http://127.0.0.1:8000/rpc?v=5&arg[]=vim'"), "{}", report.curl.new);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["id"], &json["control"]["status"]), (&1.into(), &200.into()));
    assert_eq!(sample(&reader, 99).unwrap(), None);
}

#[test]
fn what_turns_into_something_else_is_told_with_the_moment_since_when() {
    const HOUR: u64 = 60 * MINUTE;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("m.db");
    let mut batch = Batch::default();
    for (at, broken) in [(NOW - 20 * HOUR, 0), (NOW - MINUTE, 50)] {
        let tally = batch.tally(&"rpc".into(), "shadow", at);
        for pair in 0..100 {
            let new = if pair < broken { (302, Some("/login")) } else { (404, None) };
            tally.matched += 1;
            tally.triage.add_answers((404, None), new);
        }
    }
    Store::open(&path, 64 << 20).unwrap().write(&batch).unwrap();
    let report = Report::read(&StoreReader::open(&path).unwrap(), &filter()).unwrap();
    expect![[r#"
        [
            "What is 404 with legacy is 302 /login with new: 50 of 200 requests (25.0 %).",
            "404 to 302 /login: 0.0 % of the requests before 2023-11-14T10:13:20Z, 50.0 % since.",
        ]
    "#]]
    .assert_debug_eq(&report.routes[0].triage.mix.shifts);
}
