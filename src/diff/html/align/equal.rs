//! What is equal on both sides, in order.

use super::{Gap, count};
use crate::diff::html::limits::MAX_TABLE;

/// The ends first, then the longest common run or, in long lists, what is unique.
pub(in crate::diff::html) fn of_ends_and_middle(a: &[u64], b: &[u64]) -> Vec<(usize, usize)> {
    let prefix = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let suffix = a[prefix..].iter().rev().zip(b[prefix..].iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = Gap { a: (prefix, a.len() - suffix), b: (prefix, b.len() - suffix) };
    let mut pairs: Vec<(usize, usize)> = (0..prefix).map(|at| (at, at)).collect();
    pairs.extend(in_order(a, b, middle, &mut 0));
    pairs.extend((1..=suffix).rev().map(|back| (a.len() - back, b.len() - back)));
    pairs
}

pub(super) fn in_order(a: &[u64], b: &[u64], gap: Gap, work: &mut usize) -> Vec<(usize, usize)> {
    let (n, m) = (gap.a.1 - gap.a.0, gap.b.1 - gap.b.0);
    if n == 0 || m == 0 {
        return Vec::new();
    }
    if n * m > MAX_BITS {
        return unique_anchors(a, b, gap);
    }
    *work += n * m.div_ceil(WORD);
    let common = Common::of(&a[gap.a.0..gap.a.1], &b[gap.b.0..gap.b.1]);
    common.pairs().into_iter().map(|(i, j)| (gap.a.0 + i, gap.b.0 + j)).collect()
}

/// A table of bits takes a thirty-second of one of numbers.
const MAX_BITS: usize = MAX_TABLE * 8;
const WORD: usize = u64::BITS as usize;

/// The longest common subsequence of two lists, a word of the table at a time (Hyyrö, "Bit-parallel LCS-length computation revisited",
/// 2004). Both are read from their ends, so that the pairs can be told from their beginnings.
struct Common<'l> {
    a: &'l [u64],
    b: &'l [u64],
    /// Words in a row.
    width: usize,
    /// Row `i` is about `a[i..]`: a zero at bit `k` says that one more of it is common to the last `k + 1` of `b` than to the last `k`.
    rows: Vec<u64>,
}

impl<'l> Common<'l> {
    fn of(a: &'l [u64], b: &'l [u64]) -> Self {
        let width = b.len().div_ceil(WORD);
        let mut common = Self { a, b, width, rows: vec![u64::MAX; (a.len() + 1) * width] };
        let mut places: Vec<(u64, u32)> = b.iter().rev().zip(0..).map(|(known, bit)| (*known, bit)).collect();
        places.sort_unstable();
        let mut equal = vec![0_u64; width];
        for (i, wanted) in a.iter().enumerate().rev() {
            let first = places.partition_point(|place| place.0 < *wanted);
            let bits = || places[first..].iter().take_while(|place| place.0 == *wanted).map(|place| place.1 as usize);
            bits().for_each(|bit| equal[bit / WORD] |= 1 << (bit % WORD));
            common.fill(i, &equal);
            bits().for_each(|bit| equal[bit / WORD] = 0);
        }
        common
    }

    /// Fills row `i` by the one behind it and the bits of what is equal to `a[i]`.
    fn fill(&mut self, i: usize, equal: &[u64]) {
        let (row, behind) = self.rows[i * self.width..(i + 2) * self.width].split_at_mut(self.width);
        let mut carried = false;
        for ((word, behind), equal) in row.iter_mut().zip(behind).zip(equal) {
            let met = *behind & equal;
            let (sum, over) = behind.overflowing_add(met);
            let (sum, again) = sum.overflowing_add(u64::from(carried));
            carried = over || again;
            *word = sum | (*behind & !met);
        }
    }

    /// How many of `a[i..]` and `b[j..]` are common.
    fn length(&self, i: usize, j: usize) -> u32 {
        let bits = self.b.len() - j;
        let row = &self.rows[i * self.width..(i + 1) * self.width];
        let whole = row[..bits / WORD].iter().map(|word| word.count_zeros()).sum::<u32>();
        let rest = row.get(bits / WORD).map_or(0, |word| (!word & ((1 << (bits % WORD)) - 1)).count_ones());
        whole + rest
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < self.a.len() && j < self.b.len() {
            if self.a[i] == self.b[j] {
                pairs.push((i, j));
                (i, j) = (i + 1, j + 1);
            } else if self.length(i, j) == self.length(i + 1, j) {
                i += 1;
            } else {
                j += 1;
            }
        }
        pairs
    }
}

/// What stands exactly once on both sides, as far as the order is kept (patience: the longest increasing subsequence).
fn unique_anchors(a: &[u64], b: &[u64], gap: Gap) -> Vec<(usize, usize)> {
    let unique = |meanings: &[u64], (start, end): (usize, usize)| {
        let mut all: Vec<(u64, u32)> = (start..end).map(|at| (meanings[at], count(at))).collect();
        all.sort_unstable();
        let is_alone = |at: usize| {
            let meaning = |at: usize| all.get(at).map(|known| known.0);
            meaning(at) != meaning(at + 1) && (at == 0 || meaning(at) != meaning(at - 1))
        };
        let alone: Vec<(u64, u32)> = (0..all.len()).filter(|at| is_alone(*at)).map(|at| all[at]).collect();
        alone
    };
    let (left, right) = (unique(a, gap.a), unique(b, gap.b));
    let mut shared: Vec<(usize, usize)> = Vec::new();
    let mut j = 0;
    for (meaning, at) in left {
        while right.get(j).is_some_and(|other| other.0 < meaning) {
            j += 1;
        }
        shared.extend(right.get(j).filter(|other| other.0 == meaning).map(|other| (at as usize, other.1 as usize)));
    }
    shared.sort_unstable();
    longest_increasing(shared)
}

fn longest_increasing(pairs: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    // `tails[k]`: the pair that ends the best run of length k + 1.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; pairs.len()];
    for at in 0..pairs.len() {
        let length = tails.partition_point(|tail| pairs[*tail].1 < pairs[at].1);
        before[at] = length.checked_sub(1).map(|last| tails[last]);
        if length == tails.len() {
            tails.push(at);
        } else {
            tails[length] = at;
        }
    }
    let mut run: Vec<(usize, usize)> =
        std::iter::successors(tails.last().copied(), |at| before[*at]).map(|at| pairs[at]).collect();
    run.reverse();
    run
}

#[cfg(test)]
mod tests {
    use super::super::best_in_order;
    use super::*;

    /// A few letters, often the same, out of a number.
    fn list(seed: &mut u64, length: usize, letters: u64) -> Vec<u64> {
        let mut next = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*seed >> 33) % letters
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn words_of_a_table_tell_what_its_cells_do() {
        let mut seed = 7;
        for round in 0..400_usize {
            let (n, m) = (1 + round * 7 % 150, 1 + round * 11 % 210);
            let letters = 2 + (round as u64 % 60) * 3;
            let (a, b) = (list(&mut seed, n, letters), list(&mut seed, m, letters));
            let cells = best_in_order(n, m, |i, j| u32::from(a[i] == b[j]), &mut 0);
            assert_eq!(Common::of(&a, &b).pairs(), cells, "{a:?} and {b:?}");
        }
    }
}
