#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use expect_test::{Expect, expect};

use super::*;
use crate::evidence::pair::Unproven;

fn tally(matched: u64, ignored: u64, mismatched: u64, timed_out: u64) -> Tally {
    let unproven = if timed_out == 0 { Default::default() } else { [(Unproven::Timeout, timed_out)].into() };
    Tally { matched, ignored, mismatched, unproven, ..Tally::default() }
}

fn told(tally: &Tally, expected: &Expect) -> Verdict {
    let readiness = judge(tally, &Gate::default(), None);
    expected.assert_eq(&format!("{}: {}", readiness.verdict.name(), readiness.reasons.join(" ")));
    readiness.verdict
}

#[test]
fn a_route_that_was_always_equal_is_ready() {
    told(
        &tally(998, 2, 0, 0),
        &expect![
            "ready: 1000 of 1000 compared are equal, 2 of them but for what the rules of the route ignore; 200 were wanted. With 95 % confidence fewer than 0.3 % of such requests differ."
        ],
    );
}

#[test]
fn one_mismatch_in_many_is_not_yet() {
    told(
        &tally(9_999, 0, 1, 0),
        &expect![
            "not yet: 1 of 10000 compared differs (0.01 %); at most 0 % may. With 95 % confidence fewer than 0.0475 % of such requests differ."
        ],
    );
}

#[test]
fn mismatches_speak_before_there_is_enough() {
    assert_eq!(judge(&tally(0, 0, 2, 0), &Gate::default(), None).verdict, Verdict::NotYet);
}

#[test]
fn too_little_is_inconclusive() {
    told(&tally(0, 0, 0, 0), &expect!["inconclusive: 0 compared, 200 are wanted."]);
    told(
        &tally(199, 0, 0, 0),
        &expect![
            "inconclusive: 199 compared, 200 are wanted. With 95 % confidence fewer than 1.5 % of such requests differ."
        ],
    );
    assert_eq!(judge(&tally(200, 0, 0, 0), &Gate::default(), None).verdict, Verdict::Ready);
}

#[test]
fn too_much_unproven_is_inconclusive() {
    told(
        &tally(900, 0, 0, 100),
        &expect![
            "inconclusive: 100 of 1000 sampled are unproven (10 %), most of them timeout (100); at most 5 % may be. With 95 % confidence fewer than 0.333 % of such requests differ."
        ],
    );
    assert_eq!(judge(&tally(950, 0, 0, 50), &Gate::default(), None).verdict, Verdict::Ready);
}

#[test]
fn what_cannot_be_told_from_noise_is_inconclusive_and_hides_no_mismatch() {
    let judged = |tally: &Tally| judge(tally, &Gate::default(), Some("/a: too few.".to_owned()));
    let readiness = judged(&tally(500, 0, 0, 0));
    assert_eq!((readiness.verdict, readiness.reasons[0].as_str()), (Verdict::Inconclusive, "/a: too few."));
    assert_eq!(judged(&tally(500, 0, 1, 0)).verdict, Verdict::NotYet);
}

#[test]
fn a_gate_may_allow_a_share() {
    let gate = Gate { max_mismatch: 1.0, ..Gate::default() };
    assert_eq!(judge(&tally(990, 0, 10, 0), &gate, None).verdict, Verdict::Ready);
    assert_eq!(judge(&tally(989, 0, 11, 0), &gate, None).verdict, Verdict::NotYet);
}

#[test]
fn every_mistake_of_a_block_is_told_with_its_key() {
    let spec: GateSpec =
        serde_yaml::from_str("min_requests: 0\nmax_mismatch: -1\nmax_unproven: 101\nconfidence: 95\nwindow: 24\n")
            .unwrap();
    let errors = Gate::compile(&spec, &Gate::default()).unwrap_err();
    let lines: Vec<String> = errors.iter().map(|(key, message)| format!("{key} {message}")).collect();
    expect![[r#"
        max_mismatch is -1, want a percentage of 0 to 100
        max_unproven is 101, want a percentage of 0 to 100
        confidence is 95, want a share of 0.5 to 0.9999, such as 0.95
        window is "24", want a duration with a unit, such as 30m, 24h or 7d
        min_requests is 0, want 1 or more: nothing compared proves nothing"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn a_block_is_laid_over_the_defaults() {
    let spec: GateSpec = serde_yaml::from_str("min_requests: 5000\nwindow: 7d\n").unwrap();
    let gate = Gate::compile(&spec, &Gate::default()).unwrap();
    let wanted = Gate { min_requests: 5000, window: Duration::from_secs(7 * 24 * 60 * 60), ..Gate::default() };
    assert_eq!(gate, wanted);
    assert!(serde_yaml::from_str::<GateSpec>("min_request: 5").is_err());
    assert!(parse_window("0s").is_err() && parse_window("1s").is_err() && parse_window("soon").is_err());
}

/// P(at most `cases` of `among`) at a given rate, summed term by term: another way to the same law.
fn at_most(cases: u64, among: u64, rate: f64) -> f64 {
    let mut term = (among as f64 * (1.0 - rate).ln()).exp();
    let mut sum = term;
    for k in 1..=cases {
        term *= (among - k + 1) as f64 / k as f64 * rate / (1.0 - rate);
        sum += term;
    }
    sum
}

#[test]
fn the_bound_is_clopper_pearsons() {
    for (cases, among) in [(0, 200), (1, 2), (1, 100), (5, 100), (50, 100), (8, 10), (3, 10_000), (40, 5_000)] {
        for confidence in [0.5, 0.9, 0.95, 0.999] {
            let bound = upper_bound(cases, among, confidence);
            let missed = at_most(cases, among, bound);
            assert!((missed - (1.0 - confidence)).abs() < 1e-9, "{cases} of {among}: {bound} misses {missed}");
        }
    }
    assert!((upper_bound(0, 200, 0.95) - 0.014_867).abs() < 1e-6);
    assert!((upper_bound(7, 7, 0.95) - 1.0).abs() < f64::EPSILON);
    let many = upper_bound(1_000_000, 10_000_000, 0.95);
    assert!((0.1001..0.1002).contains(&many), "{many}");
}
