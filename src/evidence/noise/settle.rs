//! Sorts what came back when both were asked again.
//!
//! If new behaves as legacy does, the four answers L1, N1, L2, N2 are of one kind, so exchanging the stacks' names changes no
//! likelihood: each pattern has a mirror image that is just as likely. [`super::evidence`] counts the one against the other.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{FieldKey, Sort, What};
use crate::diff::{Comparison, Outcome};

/// How often both are asked again where it stays. Two values at random on both sides stay with a probability of 1/4 at most each
/// time: eight times, 1/65536, so that one such case in a noisy field is proof. Noise is gone after one or two.
pub const ROUNDS: u8 = 8;

/// Who was asked first; the settling always comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// L1, N1: N1 alone being odd is no race, for the world was as L1 says before and after.
    LegacyFirst,
    /// N1, L1: N1 alone being odd cannot be told from the world having changed after it.
    NewFirst,
}

/// What asking again said of a field that differed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Each origin says what it said, and they differ.
    Stays,
    /// Each says what the other said.
    Swapped,
    /// The difference is gone; new alone had said something else.
    OddNew,
    /// The difference is gone; legacy alone had said something else: the world changed between the two, or legacy is noisy.
    OddLegacy,
    /// Legacy says what it said; new says a third thing.
    NewVaries,
    /// New says what it said; legacy says a third thing.
    LegacyVaries,
    /// Neither says what it said.
    AllDiffer,
    /// The difference is gone, and who was odd says nothing ([`Order::NewFirst`]).
    Gone,
}

impl Pattern {
    pub const ALL: [Self; 8] = [
        Self::Stays,
        Self::Swapped,
        Self::OddNew,
        Self::OddLegacy,
        Self::NewVaries,
        Self::LegacyVaries,
        Self::AllDiffer,
        Self::Gone,
    ];

    pub fn counted(self) -> What {
        match self {
            Self::Stays => What::Stays,
            Self::Swapped => What::Swapped,
            Self::OddNew => What::OddNew,
            Self::OddLegacy => What::OddLegacy,
            Self::NewVaries => What::NewVaries,
            Self::LegacyVaries => What::LegacyVaries,
            Self::AllDiffer => What::AllDiffer,
            Self::Gone => What::Gone,
        }
    }

    /// Whether legacy was seen to say different things.
    pub fn is_noise(self) -> bool {
        matches!(self, Self::Swapped | Self::OddLegacy | Self::LegacyVaries | Self::AllDiffer)
    }

    fn is_gone(self) -> bool {
        matches!(self, Self::OddNew | Self::OddLegacy)
    }
}

/// Where two answers differ, to be asked of single fields.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    fields: HashSet<FieldKey>,
    paths: HashSet<String>,
    /// The documents differ as a whole.
    whole: bool,
}

impl Seen {
    pub fn of(comparison: &Comparison) -> Self {
        let of_fields = Self::at(comparison.differences.iter().flat_map(FieldKey::of));
        Self { whole: of_fields.whole || comparison.outcome == Outcome::Inconclusive, ..of_fields }
    }

    pub fn at(fields: impl IntoIterator<Item = FieldKey>) -> Self {
        let fields: HashSet<FieldKey> = fields.into_iter().collect();
        let paths = fields.iter().map(|field| field.path.clone()).collect();
        let whole = fields.iter().any(|field| field.sort.is_whole());
        Self { fields, paths, whole }
    }

    /// Whether they differ there, or cannot be compared there.
    pub fn has(&self, field: &FieldKey) -> bool {
        match field.sort {
            _ if self.whole && !field.sort.is_whole() => true,
            Sort::Status | Sort::Presence | Sort::Shape => self.fields.contains(field),
            // What one of them lacks is not the same in both either.
            Sort::Value(_) => self.paths.contains(&field.path),
        }
    }
}

/// One round: legacy's answer and new's.
pub type Round<T> = (T, T);

/// What asking again said of each field of a mismatched pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub patterns: BTreeMap<FieldKey, Pattern>,
    /// What stayed in the first round; it may not have later.
    pub stayed_once: BTreeSet<FieldKey>,
    /// Rounds that were asked.
    pub rounds: u8,
    /// It was to be asked [`ROUNDS`] times, as long as anything stays.
    pub deep: bool,
}

impl Settlement {
    /// After the first round. `compare` takes a control and a candidate.
    pub fn of<T>(
        fields: &[FieldKey],
        order: Order,
        first: &Round<T>,
        again: &Round<T>,
        mut compare: impl FnMut(&T, &T) -> Seen,
    ) -> Self {
        let ((l1, n1), (l2, n2)) = (first, again);
        let (legacy, new, second) = (compare(l1, l2), compare(n1, n2), compare(l2, n2));
        // Only where neither said again what it had said.
        let mut crossed: Option<(Seen, Seen)> = None;
        let mut pattern = |field: &FieldKey| match (legacy.has(field), new.has(field)) {
            (false, false) => Pattern::Stays,
            (false, true) if !second.has(field) => Pattern::OddNew,
            (false, true) => Pattern::NewVaries,
            (true, false) if !second.has(field) => Pattern::OddLegacy,
            (true, false) => Pattern::LegacyVaries,
            (true, true) => {
                let (one, other) = crossed.get_or_insert_with(|| (compare(l1, n2), compare(l2, n1)));
                if one.has(field) || other.has(field) { Pattern::AllDiffer } else { Pattern::Swapped }
            }
        };
        let patterns: BTreeMap<FieldKey, Pattern> =
            fields.iter().map(|field| (field.clone(), told(pattern(field), order))).collect();
        let stays = patterns.iter().filter(|(_, pattern)| **pattern == Pattern::Stays);
        let stayed_once = stays.map(|(field, _)| field.clone()).collect();
        Self { patterns, stayed_once, rounds: 1, deep: false }
    }

    /// After a further round: what has stayed until now may not stay.
    pub fn again<T>(&mut self, first: &Round<T>, again: &Round<T>, mut compare: impl FnMut(&T, &T) -> Seen) {
        let (legacy, new) = (compare(&first.0, &again.0), compare(&first.1, &again.1));
        for (field, pattern) in self.patterns.iter_mut().filter(|(_, pattern)| **pattern == Pattern::Stays) {
            *pattern = match (legacy.has(field), new.has(field)) {
                (false, false) => Pattern::Stays,
                (false, true) => Pattern::NewVaries,
                (true, false) => Pattern::LegacyVaries,
                (true, true) => Pattern::AllDiffer,
            };
        }
        self.rounds += 1;
    }

    /// Whether anything has stayed each time.
    pub fn stays(&self) -> bool {
        self.patterns.values().any(|pattern| *pattern == Pattern::Stays)
    }

    /// Whether another round would say more, of a pair that may be asked [`ROUNDS`] times.
    pub fn is_open(&self) -> bool {
        self.stays() && self.rounds < ROUNDS
    }
}

fn told(pattern: Pattern, order: Order) -> Pattern {
    if order == Order::NewFirst && pattern.is_gone() { Pattern::Gone } else { pattern }
}
