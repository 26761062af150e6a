//! How many different things were seen, from the smallest of their hashes. Mergeable, bounded; exact up to [`Distinct::KEPT`].

use std::collections::BTreeSet;

/// The smallest hashes of what was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distinct {
    smallest: BTreeSet<u64>,
}

impl Distinct {
    /// Hashes kept: beyond that many the number is an estimate, within 13 % in 19 of 20 cases.
    pub const KEPT: usize = 256;

    /// `hash` must be spread evenly over 63 bits.
    pub fn add(&mut self, hash: u64) {
        if self.smallest.len() >= Self::KEPT && self.smallest.last().is_some_and(|largest| hash >= *largest) {
            return;
        }
        self.smallest.insert(hash);
        if self.smallest.len() > Self::KEPT {
            self.smallest.pop_last();
        }
    }

    pub fn merge(&mut self, other: &Self) {
        other.smallest.iter().for_each(|hash| self.add(*hash));
    }

    /// How many were seen.
    pub fn estimate(&self) -> u64 {
        let kept = self.smallest.len();
        match self.smallest.last() {
            Some(largest) if kept >= Self::KEPT && *largest > 0 => {
                let share = *largest as f64 / (1_u64 << 63) as f64;
                ((kept - 1) as f64 / share).round() as u64
            }
            _ => kept as u64,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        self.smallest.iter().flat_map(|hash| hash.to_le_bytes()).collect()
    }

    /// Bytes that are no sketch (a damaged row) are read as far as they go.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut read = Self::default();
        for hash in bytes.chunks_exact(8) {
            read.add(hash.try_into().map_or(0, u64::from_le_bytes));
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::Distinct;

    fn hash(n: u64) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()) >> 1
    }

    #[test]
    fn few_are_counted_exactly_and_many_well_enough() {
        for (seen, within) in [(0, 0.0), (1, 0.0), (256, 0.0), (5_000, 0.2), (200_000, 0.2)] {
            let mut distinct = Distinct::default();
            (0..seen).chain(0..seen).for_each(|n| distinct.add(hash(n)));
            let error = (distinct.estimate() as f64 - seen as f64).abs() / (seen as f64).max(1.0);
            assert!(error <= within, "{seen}: {}", distinct.estimate());
            assert_eq!(Distinct::decode(&distinct.encode()), distinct);
        }
    }

    #[test]
    fn two_halves_are_the_whole() {
        let of = |range: std::ops::Range<u64>| {
            let mut distinct = Distinct::default();
            range.for_each(|n| distinct.add(hash(n)));
            distinct
        };
        let mut merged = of(0..700);
        merged.merge(&of(300..1000));
        assert_eq!(merged, of(0..1000));
    }
}
