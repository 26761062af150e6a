//! What the counts of a field mean: a bug, noise, or a race.

use std::collections::BTreeMap;

use super::evidence::{at_least, rare, sign};
use super::{Counts, FieldCounts, FieldKey, What, settle};
use crate::diff::Kind;

/// The chance, over all fields of a route and all looks, that stacks which are noisy alike are taken for different ones.
const FALSE_CALLS: f64 = 0.008;
/// What the bets are staked on: that it stays, that new alone is odd, that new alone varies, that it stays each time, and that the
/// sampled pairs differ where legacy does not differ from itself.
const STAYS: f64 = 0.3;
const ODD: f64 = 0.4;
const VARIES: f64 = 0.08;
const DEEP: f64 = 0.12;
const SAMPLED: f64 = 0.1;
/// Fewer decided cases than this cannot call a field, so it is none that the chance has to be shared with (Tarone).
const TOO_FEW: u64 = 7;
/// So many mismatches for each that was asked again, and those few say nothing about the others.
const SELDOM: u64 = 4;

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
/// For one pair in which new said a third thing, so many have to be gone for it to be no more than they are.
const OFTEN_GONE: u64 = 8;
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

impl Called {
    /// Is it taken for no bug although it was asked again, and looked at by lot, so seldom that a bug could not have been called?
    pub fn is_unsure(&self) -> bool {
        let get = |what| self.counts.get(what);
        let settled = self.counts.settled();
        matches!(self.call, Call::Race | Call::Noise)
            && (1..TOO_FEW).contains(&settled)
            && get(What::PairOnly) + get(What::SelfOnly) < TOO_FEW
            && get(What::Pairs) >= SELDOM * settled
    }
}

/// Judges every field of a route.
///
/// They share the chance of a false call, those with few cases taking the larger parts: many cases say enough to bear a smaller one.
/// How many cases there are says nothing about which way they fell, so the parts may depend on it.
pub fn calls(counts: &Counts) -> BTreeMap<FieldKey, Called> {
    let parts: f64 = counts.fields.values().map(part).sum();
    let bound = |counts: &FieldCounts| match part(counts) {
        part if part > 0.0 => parts / part / FALSE_CALLS,
        _ => f64::INFINITY,
    };
    let judged =
        |(field, own): (&FieldKey, &FieldCounts)| (field.clone(), called(field, own, counts.samples, bound(own)));
    counts.fields.iter().map(judged).collect()
}

fn part(counts: &FieldCounts) -> f64 {
    let pairs =
        [(What::StayedOnce, What::Swapped), (What::OddNew, What::OddLegacy), (What::NewVaries, What::LegacyVaries)];
    let bets = pairs.into_iter().chain([(What::PairOnly, What::SelfOnly)]);
    let decided = bets.map(|(against, for_it)| counts.get(against) + counts.get(for_it)).max().unwrap_or_default();
    // What never stayed once, nor was swapped, cannot have stayed each time.
    let may_have_stayed = counts.get(What::StayedOnce) + counts.get(What::Swapped) > 0;
    match (decided >= TOO_FEW, may_have_stayed) {
        (true, _) => 1.0 / (decided as f64).sqrt(),
        (false, true) => 1.0 / (TOO_FEW as f64).sqrt(),
        (false, false) => 0.0,
    }
}

fn called(field: &FieldKey, counts: &FieldCounts, samples: u64, bound: f64) -> Called {
    let call = call(field, counts, samples, bound);
    let noisy = has_noise(counts);
    let share = if call == Call::Real && noisy { share_of_bug(counts) } else { 1.0 };
    Called { call, share, counts: *counts }
}

fn call(field: &FieldKey, counts: &FieldCounts, samples: u64, bound: f64) -> Call {
    let get = |what| counts.get(what);
    let is_value = field.sort.is_plain_value();
    if (is_value || field.sort == super::Sort::Shape) && is_noise_of_new(field, counts, samples) {
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
    // A third thing once among many that were gone is the same rare oddness twice.
    let hardly_varies = get(What::NewVaries) * OFTEN_GONE <= get(What::OddNew) + get(What::Gone);
    let only_gone = counts.settled() > 0 && get(What::Stays) == 0 && hardly_varies;
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
    STAYS * sign(get(What::StayedOnce), get(What::Swapped))
        + ODD * sign(get(What::OddNew), get(What::OddLegacy))
        + VARIES * sign(get(What::NewVaries), get(What::LegacyVaries))
        + DEEP * rare(get(What::Confirmed), get(What::Deep), once)
        + SAMPLED * sign(get(What::PairOnly), get(What::SelfOnly))
}

/// How new behaves in a field that differs.
struct Behaviour {
    /// Cases looked at.
    of: u64,
    /// It said something else than it had said.
    varied: u64,
    /// It said something else than legacy.
    differed: u64,
    /// Legacy said something else than it had said, and so often it was asked.
    legacy_varied: u64,
    legacy_asked: u64,
}

impl Behaviour {
    fn of(counts: &FieldCounts, samples: u64) -> Self {
        if counts.settled() > 0 { Self::settled(counts) } else { Self::sampled(counts, samples) }
    }

    fn settled(counts: &FieldCounts) -> Self {
        let get = |what| counts.get(what);
        let varied = get(What::OddNew) + get(What::NewVaries);
        Self {
            of: varied + get(What::Stays) + get(What::Gone),
            varied,
            differed: get(What::Stays) + get(What::NewVaries),
            legacy_varied: get(What::Swapped) + get(What::OddLegacy) + get(What::LegacyVaries) + get(What::AllDiffer),
            legacy_asked: counts.settled(),
        }
    }

    fn sampled(counts: &FieldCounts, samples: u64) -> Self {
        let get = |what| counts.get(what);
        let differed = get(What::PairOnly) + get(What::LegacySelf).saturating_sub(get(What::SelfOnly));
        let legacy_varied = get(What::LegacySelf);
        Self { of: samples, varied: get(What::NewSelf), differed, legacy_varied, legacy_asked: samples }
    }
}

fn is_noise_of_new(field: &FieldKey, counts: &FieldCounts, samples: u64) -> bool {
    let new = Behaviour::of(counts, samples);
    let bound = match field.sort {
        super::Sort::Value(Kind::Order) => HARDLY_AGREES_IN_ORDER,
        _ => HARDLY_AGREES,
    };
    if new.legacy_varied as f64 > LEGACY_VARIED_SHARE * new.legacy_asked as f64 {
        return false;
    }
    let varies = new.varied >= VARIED && new.varied as f64 >= VARIED_SHARE * new.of as f64;
    varies && at_least(new.differed.min(new.of), new.of, bound) < SURE
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
    let excess = get(What::StayedOnce) - get(What::Swapped)
        + (get(What::OddNew) - get(What::OddLegacy)).max(0.0)
        + (get(What::NewVaries) - get(What::LegacyVaries)).max(0.0);
    (excess.max(1.0) / settled as f64).min(1.0)
}
