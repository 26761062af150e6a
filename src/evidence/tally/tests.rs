#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::diff::comparison::Hidden;

fn unproven() -> impl Strategy<Value = Unproven> {
    proptest::sample::select(Unproven::ALL.to_vec())
}

prop_compose! {
    fn tally()(
        matched in 0u64..1000, ignored in 0u64..1000, mismatched in 0u64..1000,
        unproven in proptest::collection::btree_map(unproven(), 1u64..100, 0..5),
        hidden in proptest::collection::btree_map("[a-c]", (1u64..9, "[x-z]", 0u64..4), 0..4),
        fields in proptest::collection::btree_map("/[a-e]", 1u64..9, 0..5),
        legacy in proptest::collection::vec(0u64..10_000_000, 0..20),
        new in proptest::collection::vec(0u64..10_000_000, 0..20),
        asked in proptest::collection::vec(("/[a-e]", proptest::sample::select(noise::What::ALL.to_vec()), 1u64..9), 0..9),
    ) -> Tally {
        let sketch = |micros: Vec<u64>| {
            let mut sketch = Sketch::default();
            micros.into_iter().for_each(|m| sketch.add(Duration::from_micros(m)));
            sketch
        };
        let hidden = hidden
            .into_iter()
            .map(|(rule, (count, example, example_at))| (rule, HiddenCount { count, example, example_at }))
            .collect();
        let mut noise = noise::Counts { samples: matched, ..noise::Counts::default() };
        for (path, what, count) in asked {
            let key = noise::FieldKey { path, sort: noise::Sort::Presence };
            noise.fields.entry(key).or_default().add(what, count);
        }
        let mut triage = Triage::default();
        triage.legacy.statuses.insert(200, matched);
        let (legacy, new) = (sketch(legacy), sketch(new));
        Tally { matched, ignored, mismatched, unproven, hidden, fields, noise, triage, legacy, new }
    }
}

fn merged(tallies: &[Tally]) -> Tally {
    let mut all = Tally::default();
    tallies.iter().for_each(|tally| all.merge(tally));
    all
}

proptest! {
    #[test]
    fn tallies_merge_in_any_order(tallies in proptest::collection::vec(tally(), 0..6), cut in 0usize..6, seed in 0usize..720) {
        let whole = merged(&tallies);
        let mut shuffled = tallies.clone();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, (seed / at) % (at + 1));
        }
        prop_assert_eq!(&merged(&shuffled), &whole);
        let (left, right) = tallies.split_at(cut.min(tallies.len()));
        prop_assert_eq!(&merged(&[merged(right), merged(left)]), &whole);
    }

    #[test]
    fn what_is_added_is_compared_or_unproven(outcomes in proptest::collection::vec(0u8..5, 0..200)) {
        let mut tally = Tally::default();
        for outcome in &outcomes {
            let outcome = match outcome {
                0 => Outcome::Matched,
                1 => Outcome::Ignored,
                2 => Outcome::Mismatched,
                3 => Outcome::Inconclusive,
                _ => { tally.add_unproven(Unproven::Timeout); continue }
            };
            let comparison = Comparison { outcome, ..Comparison::default() };
            tally.add(&Compared { comparison: &comparison, legacy: Duration::ZERO, new: Duration::ZERO, at: 0 });
        }
        prop_assert_eq!(tally.compared(), tally.matched + tally.ignored + tally.mismatched);
        prop_assert_eq!(tally.sampled(), outcomes.len() as u64);
        prop_assert_eq!(tally.legacy.count(), tally.compared());
    }

    #[test]
    fn a_sketch_is_the_same_after_storing(tally in tally()) {
        prop_assert_eq!(Sketch::decode(&tally.legacy.encode()).unwrap(), tally.legacy);
    }

    #[test]
    fn no_bytes_panic_a_sketch(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Sketch::decode(&bytes);
    }

    #[test]
    fn a_quantile_is_good_to_five_percent(micros in proptest::collection::vec(20u64..100_000_000, 1..200), share in 0.0f64..1.0) {
        let mut sketch = Sketch::default();
        micros.iter().for_each(|m| sketch.add(Duration::from_micros(*m)));
        let mut sorted = micros.clone();
        sorted.sort_unstable();
        let rank = ((sorted.len() as f64 * share).ceil() as usize).max(1) - 1;
        let exact = sorted[rank] as f64 / 1e3;
        let told = sketch.quantile_ms(share).unwrap();
        prop_assert!((told / exact - 1.0).abs() < 0.05, "{} told for {}", told, exact);
    }
}

#[test]
fn names_beyond_the_bound_are_counted_together() {
    let mut tally = Tally::default();
    let total = 3 * MAX_NAMES as u32;
    for id in 0..total {
        let hidden = vec![Hidden { rule: format!("rule-{id}").into(), count: 1, ..Hidden::default() }];
        let comparison = Comparison { hidden, ..Comparison::default() };
        tally.add(&Compared { comparison: &comparison, legacy: Duration::ZERO, new: Duration::ZERO, at: 0 });
    }
    assert_eq!(tally.hidden.len(), MAX_NAMES + 1);
    assert_eq!(tally.hidden.values().map(|h| h.count).sum::<u64>(), u64::from(total));
}

#[test]
fn a_window_lies_in_its_wider_one() {
    let minute = Window::minute_of(1_700_000_123_456);
    assert_eq!(minute, Window { start: 1_700_000_100, width: 60 });
    assert_eq!(minute.coarser(), Window { start: 1_699_999_200, width: 3600 });
    assert_eq!(minute.coarser().coarser(), Window { start: 1_699_920_000, width: 86400 });
    assert_eq!(minute.coarser().coarser().coarser(), minute.coarser().coarser());
}
