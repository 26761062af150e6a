//! Noise, race or bug? What asking both origins again says of each field, as counts that merge, and what the counts mean. Pure.
//!
//! The unit is a *field*: the place where a pair differs, indexes collapsed, and whether it is the status, something's presence, or
//! a value. The inferred cause is no part of it, for the cause of a random number is random too. After a mismatch (legacy said L1,
//! new N1) both are asked again; [`settle`] sorts what comes back into a [`Pattern`], [`call`] judges the counted patterns by
//! [`evidence`], and [`ledger`] says what is worth asking. Who asks is [`crate::mirror`]'s business.

pub mod call;
pub mod evidence;
pub mod ledger;
pub mod settle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

use crate::diff::cause::collapse;
use crate::diff::{Comparison, Difference, Kind};

pub use call::{Call, Called, calls, noise_pairs};
pub use ledger::{Asking, Ledger};
pub use settle::{Order, Pattern, Seen, Settlement};

/// Fields that one tally counts apart while it is being filled; what comes after is counted as one, under [`OTHER`].
const MAX_FIELDS: usize = 256;
/// The path of what found no room under its own.
const OTHER: &str = "(other)";

/// What found no room under its own. Never noise: it is of many places.
pub fn other() -> FieldKey {
    FieldKey { path: OTHER.to_owned(), sort: Sort::Value(Kind::TooDifferent) }
}

/// What about a place differs. Both directions are one: under "they behave alike" each is as likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// The statuses, whoever is the one that fails.
    Status,
    /// One has it, the other does not. Noise in a value says nothing about it.
    Presence,
    /// Both have it, and it is not the same.
    Value(Kind),
    /// Beside that: what is not letters and digits is not the same either. Values may be noise, and their shape a bug: `2024-01-02 03:04`
    /// in the one, `2024-01-02T03:04` in the other.
    Shape,
}

impl Sort {
    fn of(difference: &Difference) -> Self {
        match difference.kind {
            Kind::Status | Kind::Lost | Kind::NewOnly => Self::Status,
            Kind::Missing | Kind::Extra => Self::Presence,
            _ if difference.control.is_some() != difference.candidate.is_some() => Self::Presence,
            kind => Self::Value(kind),
        }
    }

    /// As in reports and the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Presence => "presence",
            Self::Value(kind) => kind.name(),
            Self::Shape => "shape",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        match name {
            "status" => Some(Self::Status),
            "presence" => Some(Self::Presence),
            "shape" => Some(Self::Shape),
            _ => {
                let written: serde::de::value::StrDeserializer<'_, Error> = name.into_deserializer();
                Kind::deserialize(written).ok().map(Self::Value)
            }
        }
    }

    /// Whether differences of this kind name may be of this sort.
    pub fn covers(self, kind: &str) -> bool {
        match self {
            Self::Status => matches!(kind, "status" | "lost" | "new_only"),
            Self::Presence => !matches!(kind, "status" | "lost" | "new_only"),
            Self::Value(own) => own.name() == kind,
            Self::Shape => matches!(kind, "value" | "text" | "attribute"),
        }
    }

    /// Something that a healthy stack says otherwise from one time to the next: its being odd once may be a race.
    pub(super) fn may_vary(self) -> bool {
        matches!(self, Self::Presence | Self::Shape) || self.is_plain_value()
    }

    /// A value that may be another each time without anybody being wrong, as a nonce or the order of a set.
    pub(super) fn is_plain_value(self) -> bool {
        let Self::Value(kind) = self else { return false };
        matches!(
            kind,
            Kind::Value | Kind::Text | Kind::Attribute | Kind::Order | Kind::Header | Kind::Cookie | Kind::Body
        )
    }

    /// A difference of the documents as a whole: nothing in them can be compared any more.
    fn is_whole(self) -> bool {
        let Self::Value(kind) = self else { return self == Self::Status };
        matches!(kind, Kind::ContentType | Kind::Body | Kind::Truncated | Kind::Encoding | Kind::TooDifferent)
    }
}

/// A place, and what about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldKey {
    /// Indexes collapsed.
    pub path: String,
    pub sort: Sort,
}

impl FieldKey {
    /// One, or two where the shape differs too.
    pub fn of(difference: &Difference) -> impl Iterator<Item = Self> {
        let (path, sort) = (collapse(&difference.path), Sort::of(difference));
        let reshaped = differs_in_shape(difference, sort).then(|| Self { path: path.clone(), sort: Sort::Shape });
        std::iter::once(Self { path, sort }).chain(reshaped)
    }
}

fn differs_in_shape(difference: &Difference, sort: Sort) -> bool {
    let (Some(control), Some(candidate)) = (&difference.control, &difference.candidate) else { return false };
    matches!(sort, Sort::Value(Kind::Value | Kind::Text | Kind::Attribute)) && !shape(control).eq(shape(candidate))
}

/// What is left of a text when each run of letters, digits and what tokens and numbers are written with is one.
fn shape(text: &str) -> impl Iterator<Item = char> + '_ {
    let is_word = |letter: char| letter.is_alphanumeric() || "-_+/=.".contains(letter);
    let mut in_word = false;
    text.chars().filter_map(move |letter| {
        let goes_on = in_word && is_word(letter);
        in_word = is_word(letter);
        (!goes_on).then_some(if in_word { 'w' } else { letter })
    })
}

/// The fields that differ, each once.
pub fn fields(comparison: &Comparison) -> Vec<FieldKey> {
    let mut fields: Vec<FieldKey> = comparison.differences.iter().flat_map(FieldKey::of).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

/// The fields that differ, each once, with the weight of their gravest difference.
pub fn weighted_fields(comparison: &Comparison) -> Vec<(FieldKey, u8)> {
    let mut weights: BTreeMap<FieldKey, u8> = BTreeMap::new();
    for difference in &comparison.differences {
        for field in FieldKey::of(difference) {
            let weight = weights.entry(field).or_default();
            *weight = (*weight).max(difference.severity as u8);
        }
    }
    weights.into_iter().collect()
}

/// What is counted of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Mismatched pairs that show it.
    Pairs,
    /// Mismatched pairs that are counted under it: each pair under one field.
    Leads,
    Stays,
    Swapped,
    OddNew,
    OddLegacy,
    NewVaries,
    LegacyVaries,
    AllDiffer,
    Gone,
    /// Settled pairs in which both said the same the first time that they were asked again, whatever came after: what is to be held
    /// against `Swapped`.
    StayedOnce,
    /// Settled pairs that were asked again until it did not stay or [`settle::ROUNDS`] times, and in how many of them it stayed.
    Deep,
    Confirmed,
    /// Control samples in which legacy, or new, differed from itself there.
    LegacySelf,
    NewSelf,
    /// Control samples in which the pair differed there and legacy not from itself, and the other way round. As new stands for legacy,
    /// the one is as likely as the other; less likely, where the world changes while legacy is waited for.
    PairOnly,
    SelfOnly,
    /// Mismatched pairs that were asked again a good while later, and those of them in which both had changed by then.
    Late,
    LateBoth,
}

impl What {
    pub const ALL: [Self; 19] = [
        Self::Pairs,
        Self::Leads,
        Self::Stays,
        Self::Swapped,
        Self::OddNew,
        Self::OddLegacy,
        Self::NewVaries,
        Self::LegacyVaries,
        Self::AllDiffer,
        Self::Gone,
        Self::StayedOnce,
        Self::Deep,
        Self::Confirmed,
        Self::LegacySelf,
        Self::NewSelf,
        Self::PairOnly,
        Self::SelfOnly,
        Self::Late,
        Self::LateBoth,
    ];

    /// As in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pairs => "pairs",
            Self::Leads => "leads",
            Self::Stays => "stays",
            Self::Swapped => "swapped",
            Self::OddNew => "odd_new",
            Self::OddLegacy => "odd_legacy",
            Self::NewVaries => "new_varies",
            Self::LegacyVaries => "legacy_varies",
            Self::AllDiffer => "all_differ",
            Self::Gone => "gone",
            Self::StayedOnce => "stayed_once",
            Self::Deep => "deep",
            Self::Confirmed => "confirmed",
            Self::LegacySelf => "legacy_self",
            Self::NewSelf => "new_self",
            Self::PairOnly => "pair_only",
            Self::SelfOnly => "self_only",
            Self::Late => "late",
            Self::LateBoth => "late_both",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.name() == name)
    }
}

/// What was counted of one field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldCounts([u64; What::ALL.len()]);

impl FieldCounts {
    pub fn get(&self, what: What) -> u64 {
        self.0.get(what as usize).copied().unwrap_or_default()
    }

    pub fn add(&mut self, what: What, count: u64) {
        if let Some(counted) = self.0.get_mut(what as usize) {
            *counted += count;
        }
    }

    /// What is not nothing.
    pub fn iter(&self) -> impl Iterator<Item = (What, u64)> + '_ {
        What::ALL.into_iter().map(|what| (what, self.get(what))).filter(|(_, count)| *count > 0)
    }

    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(what, count)| self.add(what, count));
    }

    /// Pairs of which both were asked again, with an answer.
    pub fn settled(&self) -> u64 {
        Pattern::ALL.into_iter().map(|pattern| self.get(pattern.counted())).sum()
    }

    fn add_pattern(&mut self, field: &FieldKey, pattern: Pattern, settlement: &Settlement) {
        self.add(pattern.counted(), 1);
        self.add(What::StayedOnce, u64::from(settlement.stayed_once.contains(field)));
        let stays = pattern == Pattern::Stays;
        // What stays and was not asked to the end is not known to stay.
        if settlement.deep && (!stays || settlement.rounds == settle::ROUNDS) {
            self.add(What::Deep, 1);
            self.add(What::Confirmed, u64::from(stays));
        }
    }
}

/// What was counted of the fields of one route in one stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests of which each origin was compared with itself.
    pub samples: u64,
    pub fields: BTreeMap<FieldKey, FieldCounts>,
}

impl Counts {
    pub fn is_empty(&self) -> bool {
        self.samples == 0 && self.fields.is_empty()
    }

    /// A mismatched pair, with what asking again said if it was asked. It counts under `lead`.
    pub fn add_pair(&mut self, fields: &[FieldKey], lead: Option<&FieldKey>, settlement: Option<&Settlement>) {
        for field in fields {
            let counts = self.slot(field);
            counts.add(What::Pairs, 1);
            counts.add(What::Leads, u64::from(lead == Some(field)));
            if let Some(settlement) = settlement
                && let Some(pattern) = settlement.patterns.get(field)
            {
                counts.add_pattern(field, *pattern, settlement);
            }
        }
    }

    /// Each origin compared with itself, a good while after the pair whose mismatched fields are given.
    pub fn add_control(&mut self, control: &Control<'_>) {
        let (legacy, new) = (Seen::of(control.legacy), Seen::of(control.new));
        for field in control.mismatched {
            let counts = self.slot(field);
            counts.add(What::Late, 1);
            counts.add(What::LateBoth, u64::from(legacy.has(field) && new.has(field)));
        }
        if control.sampled {
            self.add_sample(control, &legacy);
        }
    }

    fn add_sample(&mut self, control: &Control<'_>, legacy: &Seen) {
        self.samples += 1;
        let pair = Seen::at(control.mismatched.iter().cloned());
        for field in fields(control.legacy) {
            let counts = self.slot(&field);
            counts.add(What::LegacySelf, 1);
            counts.add(What::SelfOnly, u64::from(!pair.has(&field)));
        }
        for field in fields(control.new) {
            self.slot(&field).add(What::NewSelf, 1);
        }
        for field in control.mismatched.iter().filter(|field| !legacy.has(field)) {
            self.slot(field).add(What::PairOnly, 1);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.samples += other.samples;
        for (field, counts) in &other.fields {
            self.fields.entry(field.clone()).or_default().merge(counts);
        }
    }

    /// Keeps so many fields apart, those of which most is known.
    pub fn fold(&mut self, keep: usize) {
        if self.fields.len() <= keep {
            return;
        }
        let mut fields: Vec<(FieldKey, FieldCounts)> = std::mem::take(&mut self.fields).into_iter().collect();
        fields.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().map(|(_, count)| count).sum::<u64>()));
        for (place, (field, counts)) in fields.into_iter().enumerate() {
            let key = if place < keep { field } else { other() };
            self.fields.entry(key).or_default().merge(&counts);
        }
    }

    fn slot(&mut self, field: &FieldKey) -> &mut FieldCounts {
        let has_room = self.fields.len() < MAX_FIELDS || self.fields.contains_key(field);
        let key = if has_room { field.clone() } else { other() };
        self.fields.entry(key).or_default()
    }
}

/// Both origins asked once more, and each compared with its own first answer.
#[derive(Debug, Clone, Copy)]
pub struct Control<'a> {
    pub legacy: &'a Comparison,
    pub new: &'a Comparison,
    /// The fields in which the pair itself differed.
    pub mismatched: &'a [FieldKey],
    /// Chosen by lot, not because of what it showed: only these say how often an origin differs from itself.
    pub sampled: bool,
}
