#![allow(clippy::unwrap_used, clippy::panic)]

mod simulation;

use super::evidence::{at_least, rare, sign};
use super::settle::{ROUNDS, Round};
use super::*;
use crate::diff::{Outcome, Severity};

fn field(path: &str) -> FieldKey {
    FieldKey { path: path.to_owned(), sort: Sort::Value(Kind::Value) }
}

/// Answers of one letter: they differ in the field if they differ.
fn letters(one: &char, other: &char) -> Seen {
    Seen::at((one != other).then(|| field("/v")))
}

fn pattern(first: &str, again: &str, order: Order) -> Pattern {
    let round = |text: &str| -> Round<char> { (text.chars().next().unwrap(), text.chars().nth(1).unwrap()) };
    let settled = Settlement::of(&[field("/v")], order, &round(first), &round(again), letters);
    settled.patterns[&field("/v")]
}

#[test]
fn every_way_to_answer_again_is_one_pattern() {
    use Pattern::*;
    let cases = [
        ("ab", Stays),
        ("ba", Swapped),
        ("aa", OddNew),
        ("bb", OddLegacy),
        ("ac", NewVaries),
        ("cb", LegacyVaries),
        ("cc", AllDiffer),
        ("cd", AllDiffer),
        ("ca", AllDiffer),
        ("bc", AllDiffer),
    ];
    for (again, wanted) in cases {
        assert_eq!(pattern("ab", again, Order::LegacyFirst), wanted, "{again}");
    }
    assert_eq!(pattern("ab", "aa", Order::NewFirst), Gone);
    assert_eq!(pattern("ab", "bb", Order::NewFirst), Gone);
    assert_eq!(pattern("ab", "ab", Order::NewFirst), Stays);
}

#[test]
fn what_stayed_once_may_not_stay_again() {
    let mut settled = Settlement::of(&[field("/v")], Order::LegacyFirst, &('a', 'b'), &('a', 'b'), letters);
    settled.again(&('a', 'b'), &('a', 'b'), letters);
    assert!(settled.stays() && settled.is_open());
    settled.again(&('a', 'b'), &('a', 'c'), letters);
    assert_eq!(settled.patterns[&field("/v")], Pattern::NewVaries);
    assert!(settled.stayed_once.contains(&field("/v")));
    assert!(!settled.is_open());
    assert_eq!(settled.rounds, 3);
}

#[test]
fn a_bet_against_a_true_claim_does_not_grow() {
    // The expectation over all outcomes of n fair throws is the stake itself.
    for n in [1_u64, 5, 12] {
        let expected: f64 = (0..=n).map(|a| choose(n, a) * 0.5_f64.powi(n as i32) * sign(a, n - a)).sum();
        assert!((expected - 1.0).abs() < 1e-9, "{n}: {expected}");
        let expected: f64 = (0..=n)
            .map(|a| choose(n, a) * 0.1_f64.powi(a as i32) * 0.9_f64.powi((n - a) as i32) * rare(a, n, 0.1))
            .sum();
        assert!((expected - 1.0).abs() < 1e-9, "{n}: {expected}");
    }
    assert!(sign(20, 0) > 1e5 && sign(500, 500) < 1.0 && sign(1_000_000, 0).is_finite());
}

fn choose(n: u64, k: u64) -> f64 {
    (1..=k).map(|i| (n - k + i) as f64 / i as f64).product()
}

#[test]
fn a_tail_is_exact() {
    assert!((at_least(3, 10, 0.5) - 0.9453125).abs() < 1e-12);
    assert!((at_least(10, 10, 0.6) - 0.6_f64.powi(10)).abs() < 1e-12);
    assert!((at_least(1, 5, 0.01) - (1.0 - 0.99_f64.powi(5))).abs() < 1e-12);
    assert!((at_least(0, 5, 0.3) - 1.0).abs() < 1e-12 && at_least(6, 5, 0.3) < 1e-12);
}

fn counts(of: &[(What, u64)]) -> FieldCounts {
    let mut counts = FieldCounts::default();
    of.iter().for_each(|(what, count)| counts.add(*what, *count));
    counts
}

fn call_of(sort: Sort, of: &[(What, u64)]) -> Call {
    let key = FieldKey { path: "/v".to_owned(), sort };
    calls(&Counts { samples: 200, fields: BTreeMap::from([(key.clone(), counts(of))]) })[&key].call
}

const VALUE: Sort = Sort::Value(Kind::Value);

#[test]
fn a_clean_field_needs_one_case_that_stays() {
    use What::*;
    assert_eq!(call_of(VALUE, &[(Pairs, 1), (Stays, 1), (Deep, 1), (Confirmed, 1)]), Call::Real);
    assert_eq!(call_of(VALUE, &[(Pairs, 1)]), Call::Real, "not asked again: it counts as it stands");
    assert_eq!(call_of(VALUE, &[(Pairs, 1), (OddLegacy, 1)]), Call::Noise, "the world changed in between");
}

#[test]
fn gone_is_a_race_until_new_alone_is_odd_too_often() {
    use What::*;
    assert_eq!(call_of(VALUE, &[(Pairs, 5), (OddNew, 5)]), Call::Race);
    assert_eq!(call_of(VALUE, &[(Pairs, 12), (OddNew, 12)]), Call::Real);
    assert_eq!(call_of(VALUE, &[(Pairs, 24), (OddNew, 12), (OddLegacy, 12)]), Call::Noise);
    assert_eq!(call_of(Sort::Status, &[(Pairs, 1), (OddNew, 1)]), Call::Real, "a failure is one also when it is over");
    assert_eq!(call_of(Sort::Status, &[(Pairs, 1), (OddLegacy, 1)]), Call::Noise, "gone since legacy was asked");
    assert_eq!(call_of(Sort::Status, &[(Pairs, 1), (Gone, 1)]), Call::Race);
}

#[test]
fn a_few_of_many_that_were_asked_again_say_little() {
    use What::*;
    let unsure = |of: &[(What, u64)]| {
        let fields = [(FieldKey { path: "/a".to_owned(), sort: VALUE }, counts(of))].into();
        calls(&Counts { samples: 0, fields }).values().any(Called::is_unsure)
    };
    assert!(unsure(&[(Pairs, 45), (OddNew, 4)]), "seen beside busy processors: a bug in a twentieth of the answers");
    assert!(unsure(&[(Pairs, 81), (OddNew, 2), (OddLegacy, 2)]), "noise, and perhaps more");
    assert!(!unsure(&[(Pairs, 15), (OddNew, 4)]), "most were asked");
    assert!(!unsure(&[(Pairs, 45), (OddNew, 1), (OddLegacy, 6)]), "enough were asked");
    assert!(!unsure(&[(Pairs, 45), (LegacySelf, 9), (SelfOnly, 7)]), "the samples know");
    assert!(!unsure(&[(Pairs, 45), (Stays, 1)]), "it is a bug");
}

#[test]
fn a_bug_is_seen_under_noise_of_the_same_field() {
    use What::*;
    let noise = [(Pairs, 2000), (AllDiffer, 1200), (OddNew, 400), (OddLegacy, 400)];
    assert_eq!(call_of(VALUE, &noise), Call::Noise);
    let with_a_bug = [&noise[..], &[(Stays, 20), (StayedOnce, 20)]].concat();
    assert_eq!(call_of(VALUE, &with_a_bug), Call::Real);
    let two_values = [(Pairs, 800), (Stays, 2), (StayedOnce, 210), (Swapped, 190), (OddNew, 205), (OddLegacy, 195)];
    assert_eq!(call_of(VALUE, &two_values), Call::Noise);
}

#[test]
fn new_that_differs_from_itself_is_told_as_such_but_a_bug_in_some_of_its_answers_is_a_bug() {
    use What::*;
    let nonce = [(Pairs, 200), (NewVaries, 30)];
    assert_eq!(call_of(VALUE, &nonce), Call::NoiseOfNew);
    assert_eq!(call_of(Sort::Presence, &nonce), Call::Real, "presence may not vary");
    assert_eq!(call_of(Sort::Status, &nonce), Call::Real);
    let two_workers = [(Pairs, 100), (Stays, 20), (NewVaries, 20)];
    assert_eq!(call_of(Sort::Value(Kind::Order), &two_workers), Call::NoiseOfNew);
    assert_eq!(
        call_of(VALUE, &[(Pairs, 300), (Stays, 90), (OddNew, 210)]),
        Call::Real,
        "wrong in three of ten answers"
    );
}

#[test]
fn a_value_that_both_change_by_themselves_cannot_be_compared() {
    use What::*;
    let uptime = [(Pairs, 200), (Stays, 30), (Deep, 4), (Confirmed, 4), (Late, 4), (LateBoth, 4)];
    assert_eq!(call_of(VALUE, &uptime), Call::Noise);
    assert_eq!(call_of(Sort::Shape, &uptime), Call::Real, "but it is written otherwise");
    let bug = [(Pairs, 200), (Stays, 30), (Deep, 4), (Confirmed, 4), (Late, 4), (LateBoth, 1)];
    assert_eq!(call_of(VALUE, &bug), Call::Real);
}

#[test]
fn names_lead_back() {
    let all = [Sort::Status, Sort::Presence, Sort::Shape, VALUE, Sort::Value(Kind::TooDifferent)];
    assert_eq!(all.map(|sort| Sort::named(sort.name())), all.map(Some));
    assert_eq!(What::ALL.map(|what| What::named(what.name())), What::ALL.map(Some));
    assert_eq!(What::ALL.map(|what| what as usize), std::array::from_fn(|at| at));
    assert_eq!((Sort::named("nothing"), What::named("nothing")), (None, None));
}

fn difference(kind: Kind, control: Option<&str>, candidate: Option<&str>) -> Difference {
    Difference {
        kind,
        path: "/items/3/at".to_owned(),
        control: control.map(str::to_owned),
        candidate: candidate.map(str::to_owned),
        severity: Severity::High,
        rule: None,
        cause: None,
    }
}

#[test]
fn a_difference_is_a_place_and_what_about_it() {
    let sorts = |kind, control, candidate| -> Vec<Sort> {
        FieldKey::of(&difference(kind, control, candidate)).map(|field| field.sort).collect()
    };
    assert_eq!(sorts(Kind::Value, Some("1"), Some("2.5")), [VALUE]);
    assert_eq!(sorts(Kind::Value, Some("\"2024-01-02 03:04\""), Some("\"2024-01-02T03:04\"")), [VALUE, Sort::Shape]);
    assert_eq!(sorts(Kind::Value, Some("\"dGhl-_+/=\""), Some("\"a81bc9\"")), [VALUE]);
    assert_eq!(sorts(Kind::Header, Some("a"), None), [Sort::Presence]);
    assert_eq!(sorts(Kind::Extra, None, Some("x")), [Sort::Presence]);
    assert_eq!(sorts(Kind::Lost, Some("200"), Some("404")), [Sort::Status]);
    let comparison = Comparison {
        outcome: Outcome::Mismatched,
        differences: vec![difference(Kind::Value, Some("1"), Some("2")); 3],
        ..Comparison::default()
    };
    assert_eq!(fields(&comparison), [FieldKey { path: "/items/*/at".to_owned(), sort: VALUE }]);
}

#[test]
fn documents_that_differ_as_a_whole_differ_everywhere() {
    let whole = Seen::at([FieldKey { path: "status".to_owned(), sort: Sort::Status }]);
    assert!(whole.has(&field("/v")));
    let missing = Seen::at([FieldKey { path: "/v".to_owned(), sort: Sort::Presence }]);
    assert!(missing.has(&field("/v")) && !missing.has(&field("/w")));
    let value = Seen::at([field("/v")]);
    assert!(!value.has(&FieldKey { path: "/v".to_owned(), sort: Sort::Presence }));
}

#[test]
fn counts_merge_and_are_bounded() {
    let mut counts = Counts::default();
    for n in 0..1000 {
        let key = field(&format!("/{n}x"));
        counts.add_pair(std::slice::from_ref(&key), Some(&key), None);
    }
    assert_eq!(counts.fields.len(), MAX_FIELDS + 1);
    let leads: u64 = counts.fields.values().map(|counts| counts.get(What::Leads)).sum();
    assert_eq!(leads, 1000, "none is lost");
    let mut twice = counts.clone();
    twice.merge(&counts);
    assert_eq!(twice.fields[&field("/0x")].get(What::Pairs), 2);
}

fn settlement(path: &str, pattern: Pattern) -> Settlement {
    let stayed_once = (pattern == Pattern::Stays).then(|| field(path)).into_iter().collect();
    Settlement { patterns: BTreeMap::from([(field(path), pattern)]), stayed_once, rounds: ROUNDS, deep: true }
}

#[test]
fn the_budget_is_kept_and_new_fields_come_first() {
    let mut ledger = Ledger::new(0.0);
    let mut asked = 0;
    for _ in 0..5000 {
        ledger.copied(0.0, 0.0);
        if ledger.plan(&[field("/noise")], 0.0) != Asking::Not {
            asked += 1;
            ledger.settled(&settlement("/noise", Pattern::AllDiffer));
            ledger.ended(&[field("/noise")]);
        }
    }
    assert!((50..=100).contains(&asked), "{asked}: a reserve is left for others");
    assert_eq!(ledger.plan(&[field("/noise"), field("/seldom")], 0.0), Asking::Deep);
    for _ in 0..1000 {
        ledger.plan(&[field("/seldom")], 0.0);
        ledger.ended(&[field("/seldom")]);
    }
    assert_eq!(ledger.plan(&[field("/seldom")], 0.0), Asking::Not, "the budget is used up");
    ledger.copied(0.1, 10.0);
    assert_eq!(ledger.plan(&[field("/rare")], 10.0), Asking::Deep, "it grows with time and copies");
}

#[test]
fn who_does_not_answer_is_left_alone_longer_each_time() {
    let mut ledger = Ledger::new(0.0);
    let mut now = 0.0;
    let mut asked = 0;
    // A backend that is down for ten minutes, behind a mirror that copies a hundred requests a second.
    for _ in 0..60_000 {
        now += 0.01;
        ledger.copied(0.1, now);
        if ledger.plan(&[field("/v")], now) != Asking::Not {
            asked += 1;
            ledger.ended(&[field("/v")]);
            ledger.unanswered(now);
        }
    }
    assert!((10..=20).contains(&asked), "{asked} asked");
    now += 61.0;
    assert_eq!(ledger.plan(&[field("/v")], now), Asking::Deep);
    ledger.answered();
    ledger.unanswered(now);
    assert!(ledger.is_paused(now + 0.4) && !ledger.is_paused(now + 0.6), "one lost answer is a short pause");
}

#[test]
fn few_pairs_of_a_field_are_asked_at_one_time() {
    let mut ledger = Ledger::new(0.0);
    let planned = (0..50).filter(|_| ledger.plan(&[field("/v")], 0.0) != Asking::Not).count();
    assert_eq!(planned, 4);
    assert_eq!(ledger.plan(&[field("/v"), field("/w")], 0.0), Asking::Deep, "something else in the same pair");
    ledger.ended(&[field("/v")]);
    ledger.ended(&[field("/v"), field("/w")]);
    assert_eq!(ledger.plan(&[field("/v")], 0.0), Asking::Deep);
    assert_eq!(ledger.plan(&[field("/v")], 0.0), Asking::Not);
}

#[test]
fn what_is_known_to_stay_is_not_asked_again_and_again() {
    let mut ledger = Ledger::new(0.0);
    let stays = |rounds, deep| Settlement { rounds, deep, ..settlement("/v", Pattern::Stays) };
    for _ in 0..3 {
        assert!(ledger.goes_on(&stays(1, false)));
        ledger.settled(&stays(ROUNDS, true));
    }
    assert!(!ledger.goes_on(&stays(1, false)), "three that stayed to the end are enough");
    let mut is_asked = || {
        let asked = ledger.plan(&[field("/v")], 0.0) != Asking::Not;
        ledger.ended(&[field("/v")]);
        asked
    };
    let asked = (0..160).filter(|_| is_asked()).count();
    assert_eq!(asked, 10, "one in sixteen: bugs get mended");
    ledger.settled(&stays(1, true));
    assert!(!ledger.goes_on(&stays(ROUNDS, true)));
}

#[test]
fn a_pair_counts_under_what_speaks_against_new() {
    let mut ledger = Ledger::new(0.0);
    let both = [(field("/noise"), 3), (field("/bug"), 1)];
    assert_eq!(ledger.lead(&both, None), Some(&field("/noise")), "nothing is known but the weight");
    let settlement = Settlement {
        patterns: BTreeMap::from([(field("/noise"), Pattern::AllDiffer), (field("/bug"), Pattern::Stays)]),
        ..settlement("/bug", Pattern::Stays)
    };
    assert_eq!(ledger.lead(&both, Some(&settlement)), Some(&field("/bug")));
    ledger.settled(&settlement);
    assert_eq!(ledger.lead(&both, None), Some(&field("/bug")));
    assert_eq!(ledger.lead(&[], None), None);
}
