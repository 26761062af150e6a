//! What the counts of a field mean: a bug, noise, or a race.

use std::collections::BTreeMap;

use super::evidence::{at_least, rare, sign};
use super::{FieldCounts, FieldKey, What, settle};
use crate::diff::Kind;

/// The chance, over all fields of a route and all looks, that stacks which are noisy alike are taken for different ones.
const FALSE_CALLS: f64 = 0.008;
/// What the bets are staked on: that it stays, that new alone is odd, that new alone varies, that it stays each time.
const STAYS: f64 = 0.35;
const ODD: f64 = 0.4;
const VARIES: f64 = 0.1;
const DEEP: f64 = 0.15;
/// Fewer decided cases than this cannot call a field, so it is none that the chance has to be shared with (Tarone).
const TOO_FEW: u64 = 7;

/// New is noise by itself where it agrees with legacy hardly ever and with itself not always. A bug in some of its answers agrees
/// in the others, so the bound is beyond what such a bug shows.
const HARDLY_AGREES: f64 = 0.6;
/// The order of a set is one of few where there are few processes; legacy's may be among them.
const HARDLY_AGREES_IN_ORDER: f64 = 0.3;
/// New has to disagree with itself in so many pairs, and in such a share of them.
const VARIED: u64 = 3;
const VARIED_SHARE: f64 = 0.2;
/// And legacy must hardly ever: what both do is not new's.
const LEGACY_VARIED_SHARE: f64 = 0.05;
/// How sure that has to be.
const SURE: f64 = 0.01;
/// A value that both change by themselves, whenever they are asked a good while later, cannot be compared.
const LATE: u64 = 3;
const LATE_SHARE: f64 = 0.9;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// A difference between the stacks.
    Real,
    /// Gone when asked again: something changed in between, or too seldom to say more.
    Race,
    /// Legacy differs from itself there just as much.
    Noise,
    /// New says something else each time where legacy does not: a nonce, the order of a set. Told, because it may be a bug.
    NoiseOfNew,
}

impl Call {
    /// Whether its mismatches count as mismatches.
    pub fn counts(self) -> bool {
        self == Self::Real
    }
}

/// A field with what is thought of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Called {
    pub call: Call,
    /// Of its mismatches, those that are the bug's: below 1 only where there is noise in the same field.
    pub share: f64,
    pub counts: FieldCounts,
}

/// Judges every field of a route.
pub fn calls(fields: &BTreeMap<FieldKey, FieldCounts>) -> BTreeMap<FieldKey, Called> {
    let undecided = fields.values().filter(|counts| could_be_called(counts)).count().max(1);
    let bound = undecided as f64 / FALSE_CALLS;
    fields.iter().map(|(field, counts)| (field.clone(), called(field, counts, bound))).collect()
}

fn called(field: &FieldKey, counts: &FieldCounts, bound: f64) -> Called {
    let call = call(field, counts, bound);
    let noisy = has_noise(counts);
    let share = if call == Call::Real && noisy { share_of_bug(counts) } else { 1.0 };
    Called { call, share, counts: *counts }
}

fn call(field: &FieldKey, counts: &FieldCounts, bound: f64) -> Call {
    let get = |what| counts.get(what);
    let is_value = field.sort.is_plain_value();
    if (is_value || field.sort == super::Sort::Shape) && is_noise_of_new(field, counts) {
        return Call::NoiseOfNew;
    }
    let late = get(What::Late);
    if is_value && late >= LATE && get(What::LateBoth) as f64 >= LATE_SHARE * late as f64 {
        return Call::Noise;
    }
    let proven = evidence_against(counts) >= bound;
    if has_noise(counts) {
        return if proven { Call::Real } else { Call::Noise };
    }
    let only_gone = counts.settled() > 0 && get(What::Stays) + get(What::NewVaries) == 0;
    // What must not happen at all counts also if it happened once.
    let forgiven = only_gone && (field.sort.may_vary() || get(What::OddNew) == 0);
    if forgiven && !proven { Call::Race } else { Call::Real }
}

/// Whether legacy was ever seen to say different things there.
pub fn has_noise(counts: &FieldCounts) -> bool {
    settle::Pattern::ALL.into_iter().any(|pattern| pattern.is_noise() && counts.get(pattern.counted()) > 0)
        || counts.get(What::LegacySelf) > 0
}

fn evidence_against(counts: &FieldCounts) -> f64 {
    let get = |what| counts.get(what);
    let once = 0.25_f64.powi(i32::from(settle::ROUNDS));
    STAYS * sign(get(What::Stays), get(What::Swapped))
        + ODD * sign(get(What::OddNew), get(What::OddLegacy))
        + VARIES * sign(get(What::NewVaries), get(What::LegacyVaries))
        + DEEP * rare(get(What::Confirmed), get(What::Deep), once)
}

/// Whether the counts of one bet could reach the bound at all, whichever way they fell.
fn could_be_called(counts: &FieldCounts) -> bool {
    let bets = [(What::Stays, What::Swapped), (What::OddNew, What::OddLegacy), (What::NewVaries, What::LegacyVaries)];
    bets.iter().any(|(against, for_it)| counts.get(*against) + counts.get(*for_it) >= TOO_FEW)
}

fn is_noise_of_new(field: &FieldKey, counts: &FieldCounts) -> bool {
    let get = |what| counts.get(what);
    let varied = get(What::OddNew) + get(What::NewVaries);
    let differed = get(What::Stays) + get(What::NewVaries);
    let stable = varied + get(What::Stays);
    let bound = match field.sort {
        super::Sort::Value(Kind::Order) => HARDLY_AGREES_IN_ORDER,
        _ => HARDLY_AGREES,
    };
    let of_legacy = get(What::Swapped) + get(What::OddLegacy) + get(What::LegacyVaries) + get(What::AllDiffer);
    if of_legacy as f64 > LEGACY_VARIED_SHARE * counts.settled() as f64 {
        return false;
    }
    varied >= VARIED && varied as f64 >= VARIED_SHARE * stable as f64 && at_least(differed, stable, bound) < SURE
}

/// How many of the mismatched pairs differ in nothing that counts.
pub fn noise_pairs(calls: &BTreeMap<FieldKey, Called>, mismatched: u64) -> u64 {
    let part = |count: u64, share: f64| (count as f64 * share).ceil() as u64;
    let noise: u64 = calls
        .values()
        .map(|called| {
            let leads = called.counts.get(What::Leads);
            if called.call.counts() { leads - part(leads, called.share).min(leads) } else { leads }
        })
        .sum();
    // A pair is counted under one field, and that may have been a noisy one: no bug is in fewer pairs than those that show it.
    let real = calls.values().filter(|called| called.call.counts());
    let shown = real.map(|called| part(called.counts.get(What::Pairs), called.share)).max().unwrap_or(0);
    noise.min(mismatched.saturating_sub(shown))
}

/// The share of the mismatches by which the patterns against new exceed their mirror images.
fn share_of_bug(counts: &FieldCounts) -> f64 {
    let get = |what| counts.get(what) as f64;
    let settled = counts.settled();
    if settled == 0 {
        return 1.0;
    }
    let excess = get(What::Stays) - get(What::Swapped)
        + (get(What::OddNew) - get(What::OddLegacy)).max(0.0)
        + (get(What::NewVaries) - get(What::LegacyVaries)).max(0.0);
    (excess.max(1.0) / settled as f64).min(1.0)
}
