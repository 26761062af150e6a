//! Laws of the line: known answers, monotone under any walk of weights, shares as wide as they say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;

const KEYS: u32 = 1_000_000;

fn every_bucket() -> impl Iterator<Item = Bucket> {
    (0..Bucket::COUNT).map(Bucket)
}

fn share(percent: f64) -> Share {
    Share::from_percent(percent).unwrap()
}

/// If this fails, the hash has changed, and a release would move every session of every site at once.
#[test]
fn known_answers() {
    let long_key = [b'k'; 1_000];
    let answers: Vec<u16> = [
        ("", &b""[..]),
        ("packages", b""),
        ("packages", b"0a1b2c3d4e5f"),
        ("packages", b"192.0.2.7"),
        ("rpc", b"192.0.2.7"),
        ("gruppe-\u{e4}", b"\xff\x00\xfe"),
        ("packages", &long_key),
    ]
    .into_iter()
    .map(|(salt, key)| Bucket::of(salt, key).index())
    .collect();
    assert_eq!(answers, KNOWN);
}

const KNOWN: [u16; 7] = [1_883, 7_457, 2_498, 6_860, 4_836, 2_629, 2_085];

/// The hash of nothing, as XXH3's authors publish it: the function is the one that its name says.
#[test]
fn the_hash_is_xxh3() {
    assert_eq!(xxh3_64(b""), 0x2d06_8005_38d3_94c2);
}

#[test]
fn the_salt_ends_where_the_key_begins() {
    assert_ne!(Bucket::of("ab", b"c"), Bucket::of("a", b"bc"));
}

/// A walk of random weights over a million sessions: whoever changes sides follows the operator's direction.
#[test]
fn no_session_moves_against_the_operator() {
    let sessions: Vec<Bucket> = (0..KEYS).map(|key| Bucket::of("checkout", &key.to_le_bytes())).collect();
    let mut random = 0x5eed_u64;
    let mut weight = Share::NONE;
    for _ in 0..64 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let next = Share((random >> 33) as u16 % (Bucket::COUNT + 1));
        let (mut to_new, mut to_legacy) = (0_u32, 0_u32);
        for &session in &sessions {
            match (weight.holds_low(session), next.holds_low(session)) {
                (false, true) => to_new += 1,
                (true, false) => to_legacy += 1,
                _ => {}
            }
        }
        assert!(to_legacy == 0 || next < weight, "{weight:?} → {next:?}: {to_legacy} sessions went back");
        assert!(to_new == 0 || next > weight, "{weight:?} → {next:?}: {to_new} sessions went ahead");
        assert!(next == weight || to_new + to_legacy > 0, "{weight:?} → {next:?} moved nobody");
        weight = next;
    }
}

#[test]
fn shares_are_as_wide_as_they_say_on_a_million_keys() {
    for salt in ["checkout", "packages", ""] {
        let sessions: Vec<Bucket> =
            (0..KEYS).map(|key| Bucket::of(salt, format!("session-{key}").as_bytes())).collect();
        for percent in [0.0, 0.01, 0.5, 1.0, 5.0, 10.0, 33.33, 50.0, 90.0, 99.99, 100.0] {
            let wanted = share(percent);
            let low = sessions.iter().filter(|session| wanted.holds_low(**session)).count();
            let high = sessions.iter().filter(|session| wanted.holds_high(**session)).count();
            let mean = f64::from(KEYS) * percent / 100.0;
            let three_sigma = 3.0 * (mean * (1.0 - percent / 100.0)).sqrt();
            for (end, held) in [("low", low), ("high", high)] {
                let off = (held as f64 - mean).abs();
                assert!(off <= three_sigma, "{salt:?} {percent} % {end}: {held} sessions, {off} off the mean");
            }
        }
    }
}

#[test]
fn the_two_ends_meet_only_beyond_a_hundred_percent() {
    let (canary, mirror) = (share(10.0), share(90.0));
    assert!(every_bucket().all(|bucket| canary.holds_low(bucket) != mirror.holds_high(bucket)));
    let more = share(90.01);
    assert_eq!(every_bucket().filter(|b| canary.holds_low(*b) && more.holds_high(*b)).count(), 1);
}

#[test]
fn none_holds_nobody_and_all_holds_everybody() {
    assert!(every_bucket().all(|bucket| !Share::NONE.holds_low(bucket) && !Share::NONE.holds_high(bucket)));
    assert!(every_bucket().all(|bucket| Share::ALL.holds_low(bucket) && Share::ALL.holds_high(bucket)));
}

#[test]
fn percentages_outside_of_the_line_are_refused() {
    for percent in [-0.01, 100.01, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Share::from_percent(percent), None, "{percent}");
    }
    assert_eq!(share(100.0), Share::ALL);
    assert_eq!(share(12.34).percent(), 12.34);
    assert_eq!(serde_json::to_value(share(12.5)).unwrap(), 12.5);
    assert_eq!(Bucket::from_index(10_000), None);
}

proptest! {
    #[test]
    fn a_larger_share_holds_all_of_a_smaller_one(a in 0_u16..=10_000, b in 0_u16..=10_000, at in 0_u16..10_000) {
        let (small, large, bucket) = (Share(a.min(b)), Share(a.max(b)), Bucket(at));
        prop_assert!(!small.holds_low(bucket) || large.holds_low(bucket));
        prop_assert!(!small.holds_high(bucket) || large.holds_high(bucket));
    }

    #[test]
    fn a_share_holds_its_count_of_buckets(units in 0_u16..=10_000) {
        let share = Share(units);
        prop_assert_eq!(every_bucket().filter(|b| share.holds_low(*b)).count(), usize::from(units));
        prop_assert_eq!(every_bucket().filter(|b| share.holds_high(*b)).count(), usize::from(units));
        prop_assert_eq!(Share::from_percent(share.percent()), Some(share));
    }
}
