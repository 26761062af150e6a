//! Which child of the one element stands for which of the other.
//!
//! Equal ones first and in order (longest common subsequence), then what moved, then the most alike within each gap. Cost is
//! bounded: long lists are anchored at what is unique on both sides.

mod equal;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

use super::limits::MAX_TABLE;
use equal::in_order;
pub(super) use equal::of_ends_and_middle as equal_ones;

/// What alignment knows of a child.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sketch {
    /// Equal for what is equal but for cosmetic spelling.
    pub meaning: u64,
    pub bag: [u64; 2],
    /// Equal for what can stand for each other at all: sort and name.
    pub sort: u32,
    /// Name and attributes.
    pub own: u32,
    /// What stands below, by meaning. Zero: too little to know it by.
    pub inside: u32,
    /// Zero: no id.
    pub id: u32,
    pub weight: u16,
    pub movable: Movable,
}

/// A text has no identity beyond its place; an element with content has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Movable {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub a: u32,
    pub b: u32,
    pub moved: Moved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    No,
    Yes,
}

#[derive(Debug, Default)]
pub(super) struct Alignment {
    /// In the order of the control.
    pub pairs: Vec<Pair>,
    pub only_a: Vec<u32>,
    pub only_b: Vec<u32>,
    /// Cells of tables filled: the work done.
    pub work: usize,
}

pub(super) fn align(a: &[Sketch], b: &[Sketch]) -> Alignment {
    let mut state = State { a, b, a_to_b: vec![None; a.len()], taken: vec![false; b.len()], work: 0 };
    let prefix = a.iter().zip(b).take_while(|(a, b)| a.meaning == b.meaning).count();
    let (rest_a, rest_b) = (&a[prefix..], &b[prefix..]);
    let suffix = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(a, b)| a.meaning == b.meaning).count();
    for at in 0..prefix {
        state.join(at, at, Moved::No);
    }
    for back in 1..=suffix {
        state.join(a.len() - back, b.len() - back, Moved::No);
    }
    let middle = Gap { a: (prefix, a.len() - suffix), b: (prefix, b.len() - suffix) };
    match (middle.a.1 - middle.a.0, middle.b.1 - middle.b.0) {
        (0, _) | (_, 0) => return state.finish(),
        // Most often one thing differs, and stands where it stood.
        (1, 1)
            if has_same_inside(&a[prefix], &b[prefix])
                || likeness(&a[prefix], &b[prefix]) > 0
                || is_surely_renamed(&a[prefix], &b[prefix])
                || is_renamed(&a[prefix], &b[prefix]) =>
        {
            state.join(prefix, prefix, Moved::No);
            return state.finish();
        }
        _ => {}
    }
    let meanings = |sketches: &[Sketch]| sketches.iter().map(|sketch| sketch.meaning).collect::<Vec<u64>>();
    for (i, j) in in_order(&meanings(a), &meanings(b), middle, &mut state.work) {
        state.join(i, j, Moved::No);
    }
    state.join_moved_equals();
    for gap in state.gaps() {
        state.join_same_inside(gap);
    }
    state.join_moved(|state, i, j| has_same_inside(&state.a[i], &state.b[j]));
    for gap in state.gaps() {
        state.join_renamed(gap, is_surely_renamed);
    }
    let elsewhere = state.left_ids();
    for gap in state.gaps() {
        state.join_alike(gap, &elsewhere);
    }
    state.join_moved(|state, i, j| is_same_thing(&state.a[i], &state.b[j]));
    for gap in state.gaps() {
        state.join_renamed(gap, is_renamed);
    }
    state.finish()
}

/// So many children stand for each other by place, as the cells of a table's rows do.
pub(super) fn by_place(children: usize) -> Alignment {
    let pairs = (0..count(children)).map(|at| Pair { a: at, b: at, moved: Moved::No }).collect();
    Alignment { pairs, ..Alignment::default() }
}

/// The same children in another order, by their meanings. `None`: they are others, or in the same order.
pub(super) fn permuted(a: &[u64], b: &[u64]) -> Option<Alignment> {
    let sum = |meanings: &[u64]| meanings.iter().fold(0_u64, |sum, meaning| sum.wrapping_add(*meaning));
    if a == b || a.len() != b.len() || sum(a) != sum(b) {
        return None;
    }
    let keys = |meanings: &[u64]| meanings.iter().copied().map(Some).collect::<Vec<_>>();
    let alignment = by_key(&keys(a), &keys(b));
    alignment.only_a.is_empty().then_some(alignment)
}

/// Children that carry a key stand for each other by it, wherever they stand; all others by place among themselves.
pub(super) fn by_key<K: Eq + Hash>(a: &[Option<K>], b: &[Option<K>]) -> Alignment {
    let mut wanted: HashMap<Option<&K>, VecDeque<usize>> = HashMap::new();
    for (j, key) in b.iter().enumerate() {
        wanted.entry(key.as_ref()).or_default().push_back(j);
    }
    let mut alignment = Alignment::default();
    let mut last = None;
    for (i, key) in a.iter().enumerate() {
        let Some(j) = wanted.get_mut(&key.as_ref()).and_then(VecDeque::pop_front) else {
            alignment.only_a.push(count(i));
            continue;
        };
        let moved = if last.is_some_and(|last| j < last) { Moved::Yes } else { Moved::No };
        last = Some(j);
        alignment.pairs.push(Pair { a: count(i), b: count(j), moved });
    }
    alignment.only_b = wanted.into_values().flatten().map(count).collect();
    alignment.only_b.sort_unstable();
    alignment
}

#[derive(Debug, Clone, Copy)]
struct Gap {
    a: (usize, usize),
    b: (usize, usize),
}

struct State<'s> {
    a: &'s [Sketch],
    b: &'s [Sketch],
    a_to_b: Vec<Option<(u32, Moved)>>,
    taken: Vec<bool>,
    work: usize,
}

impl State<'_> {
    fn join(&mut self, i: usize, j: usize, moved: Moved) {
        self.a_to_b[i] = Some((count(j), moved));
        self.taken[j] = true;
    }

    /// Joins what is left on both sides and is equal: it moved.
    fn join_moved_equals(&mut self) {
        let movable = |j: &usize| !self.taken[*j] && self.b[*j].movable == Movable::Yes;
        let mut left_b: Vec<(u64, u32)> =
            (0..self.b.len()).filter(movable).map(|j| (self.b[j].meaning, count(j))).collect();
        left_b.sort_unstable();
        // How many of those that mean the same are joined, by the place of the first of them.
        let mut joined: HashMap<usize, usize> = HashMap::new();
        for i in 0..self.a.len() {
            if self.a_to_b[i].is_some() || self.a[i].movable == Movable::No {
                continue;
            }
            let meaning = self.a[i].meaning;
            let first = left_b.partition_point(|left| left.0 < meaning);
            let Some((_, j)) = left_b.get(first + joined.get(&first).unwrap_or(&0)).filter(|left| left.0 == meaning)
            else {
                continue;
            };
            self.join(i, *j as usize, Moved::Yes);
            *joined.entry(first).or_insert(0) += 1;
        }
    }

    /// Joins what is left on both sides and belongs together though its place changed.
    fn join_moved(&mut self, together: impl Fn(&Self, usize, usize) -> bool) {
        let left_a: Vec<usize> =
            (0..self.a.len()).filter(|i| self.a_to_b[*i].is_none() && self.a[*i].movable == Movable::Yes).collect();
        let mut left_b: Vec<usize> =
            (0..self.b.len()).filter(|j| !self.taken[*j] && self.b[*j].movable == Movable::Yes).collect();
        for i in left_a {
            if left_b.is_empty() || self.work > MAX_TABLE * 4 {
                return;
            }
            self.work += left_b.len();
            let Some(at) = left_b.iter().position(|j| together(self, i, *j)) else { continue };
            let j = left_b.remove(at);
            self.join(i, j, Moved::Yes);
        }
    }

    /// The stretches between joined pairs that kept their order.
    fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let (mut start_a, mut start_b) = (0, 0);
        for (i, joined) in self.a_to_b.iter().enumerate() {
            let Some((j, Moved::No)) = joined else { continue };
            let j = *j as usize;
            gaps.push(Gap { a: (start_a, i), b: (start_b, j) });
            (start_a, start_b) = (i + 1, j + 1);
        }
        gaps.push(Gap { a: (start_a, self.a.len()), b: (start_b, self.b.len()) });
        gaps.retain(|gap| gap.a.0 < gap.a.1 && gap.b.0 < gap.b.1);
        gaps
    }

    /// Joins in order elements of different names that are one.
    fn join_renamed(&mut self, gap: Gap, are_one: fn(&Sketch, &Sketch) -> bool) {
        let left_a: Vec<usize> = (gap.a.0..gap.a.1).filter(|i| self.a_to_b[*i].is_none()).collect();
        let left_b: Vec<usize> = (gap.b.0..gap.b.1).filter(|j| !self.taken[*j]).collect();
        if left_a.is_empty() || left_b.is_empty() || left_a.len() * left_b.len() > MAX_TABLE {
            return;
        }
        let score = |i: usize, j: usize| u32::from(are_one(&self.a[left_a[i]], &self.b[left_b[j]]));
        for (i, j) in best_in_order(left_a.len(), left_b.len(), score, &mut self.work) {
            self.join(left_a[i], left_b[j], Moved::No);
        }
    }

    /// Joins in order what differs in its own attributes alone.
    fn join_same_inside(&mut self, gap: Gap) {
        let left_a: Vec<usize> = (gap.a.0..gap.a.1).filter(|i| self.a_to_b[*i].is_none()).collect();
        let left_b: Vec<usize> = (gap.b.0..gap.b.1).filter(|j| !self.taken[*j]).collect();
        if left_a.is_empty() || left_b.is_empty() || left_a.len() * left_b.len() > MAX_TABLE {
            return;
        }
        let score = |i: usize, j: usize| u32::from(has_same_inside(&self.a[left_a[i]], &self.b[left_b[j]]));
        for (i, j) in best_in_order(left_a.len(), left_b.len(), score, &mut self.work) {
            self.join(left_a[i], left_b[j], Moved::No);
        }
    }

    /// The ids of what is left on each side and may have moved.
    fn left_ids(&self) -> (HashSet<u32>, HashSet<u32>) {
        let id = |sketch: &Sketch| (sketch.id != 0 && sketch.movable == Movable::Yes).then_some(sketch.id);
        let old = self.a.iter().zip(&self.a_to_b).filter(|(_, joined)| joined.is_none());
        let new = self.b.iter().zip(&self.taken).filter(|(_, taken)| !**taken);
        (old.filter_map(|(sketch, _)| id(sketch)).collect(), new.filter_map(|(sketch, _)| id(sketch)).collect())
    }

    /// Joins the most alike, but what has its like by id among those that are left: it is looked for [elsewhere](Self::left_ids).
    fn join_alike(&mut self, gap: Gap, (old_ids, new_ids): &(HashSet<u32>, HashSet<u32>)) {
        let left_a: Vec<usize> = (gap.a.0..gap.a.1).filter(|i| self.a_to_b[*i].is_none()).collect();
        let left_b: Vec<usize> = (gap.b.0..gap.b.1).filter(|j| !self.taken[*j]).collect();
        if left_a.is_empty() || left_b.is_empty() {
            return;
        }
        let score = |a: &Sketch, b: &Sketch| {
            let has_its_like = a.id != b.id && (new_ids.contains(&a.id) || old_ids.contains(&b.id));
            if has_its_like { 0 } else { likeness(a, b) }
        };
        if left_a.len() * left_b.len() > MAX_TABLE {
            // Too long to weigh every pair: by place.
            for (i, j) in left_a.into_iter().zip(left_b) {
                if score(&self.a[i], &self.b[j]) > 0 {
                    self.join(i, j, Moved::No);
                }
            }
            return;
        }
        let score = |i: usize, j: usize| score(&self.a[left_a[i]], &self.b[left_b[j]]);
        let joined = best_in_order(left_a.len(), left_b.len(), score, &mut self.work);
        for (i, j) in joined {
            self.join(left_a[i], left_b[j], Moved::No);
        }
    }

    fn finish(self) -> Alignment {
        let mut alignment = Alignment { work: self.work, ..Alignment::default() };
        for (a, joined) in self.a_to_b.iter().enumerate() {
            match joined {
                Some((b, moved)) => alignment.pairs.push(Pair { a: count(a), b: *b, moved: *moved }),
                None => alignment.only_a.push(count(a)),
            }
        }
        alignment.only_b = (0..self.b.len()).filter(|j| !self.taken[*j]).map(count).collect();
        alignment
    }
}

/// Children are counted with few bytes.
fn count(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The pairing of `0..n` with `0..m` that keeps the order and has the greatest sum of scores; zero means: never.
fn best_in_order(n: usize, m: usize, score: impl Fn(usize, usize) -> u32, work: &mut usize) -> Vec<(usize, usize)> {
    *work += n * m;
    let width = m + 1;
    let mut best = vec![0_u32; (n + 1) * width];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            let skip = best[(i + 1) * width + j].max(best[i * width + j + 1]);
            let here = score(i, j);
            let join = if here > 0 { best[(i + 1) * width + j + 1] + here } else { 0 };
            best[i * width + j] = skip.max(join);
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < n && j < m {
        let value = best[i * width + j];
        let here = score(i, j);
        if here > 0 && value == best[(i + 1) * width + j + 1] + here {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if value == best[(i + 1) * width + j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Share of what stands below both, in sixteenths.
fn overlap(a: &Sketch, b: &Sketch) -> u32 {
    let ones = |mixed: fn(u64, u64) -> u64| (0..2).map(|at| mixed(a.bag[at], b.bag[at]).count_ones()).sum::<u32>();
    (16 * ones(|a, b| a & b)).checked_div(ones(|a, b| a | b)).unwrap_or(0)
}

/// How well one stands for the other; zero: not at all.
fn likeness(a: &Sketch, b: &Sketch) -> u32 {
    /// Content above which two parts with nothing in common are two different parts.
    const HEAVY: u16 = 6;
    if a.sort != b.sort {
        return 0;
    }
    let overlap = overlap(a, b);
    let same_id = a.id != 0 && a.id == b.id;
    // One that lost its id and most of what stood in it is another one.
    let needed = if a.id == b.id { 2 } else { 6 };
    if a.weight.max(b.weight) >= HEAVY && overlap < needed && a.own != b.own && !same_id {
        return 0;
    }
    1 + overlap + if same_id { 20 } else { 0 } + if a.own == b.own { 4 } else { 0 }
}

fn has_same_inside(a: &Sketch, b: &Sketch) -> bool {
    a.inside != 0 && a.inside == b.inside && a.sort == b.sort
}

/// One element that got another name: it is known by its id, or by all that stands in it.
fn is_surely_renamed(a: &Sketch, b: &Sketch) -> bool {
    let may_be = a.sort != b.sort && a.movable == Movable::Yes && b.movable == Movable::Yes;
    may_be && (a.id != 0 && a.id == b.id || a.inside != 0 && a.inside == b.inside)
}

/// The same by most of what stands in it, or, if that is little, by all of it.
fn is_renamed(a: &Sketch, b: &Sketch) -> bool {
    const MOSTLY: u32 = 9;
    const ENOUGH: u16 = 4;
    let may_be = a.sort != b.sort && a.movable == Movable::Yes && b.movable == Movable::Yes;
    let all_alike = a.weight == b.weight && a.bag == b.bag && a.bag != [0; 2];
    may_be && (all_alike || a.weight.min(b.weight) >= ENOUGH && overlap(a, b) >= MOSTLY)
}

/// So alike that it is the same thing in another place.
fn is_same_thing(a: &Sketch, b: &Sketch) -> bool {
    const MOSTLY: u32 = 9;
    const ENOUGH: u16 = 4;
    if a.sort != b.sort {
        return false;
    }
    let same_id = a.id != 0 && a.id == b.id;
    same_id || (a.weight.min(b.weight) >= ENOUGH && overlap(a, b) >= MOSTLY)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn sketches(text: &str) -> Vec<Sketch> {
        let sketch = |c: char| Sketch {
            meaning: u64::from(c),
            sort: 1,
            own: 1,
            inside: 0,
            id: 0,
            bag: [0, 1 << (u32::from(c.to_ascii_lowercase()) % 64)],
            weight: 2,
            movable: Movable::Yes,
        };
        text.chars().map(sketch).collect()
    }

    fn told(a: &str, b: &str) -> String {
        let alignment = align(&sketches(a), &sketches(b));
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        let mut told: Vec<String> = Vec::new();
        for pair in &alignment.pairs {
            let mark = if pair.moved == Moved::Yes { "~" } else { "" };
            told.push(format!("{}{}{mark}", a[pair.a as usize], b[pair.b as usize]));
        }
        told.extend(alignment.only_a.iter().map(|at| format!("-{}", a[*at as usize])));
        told.extend(alignment.only_b.iter().map(|at| format!("+{}", b[*at as usize])));
        told.join(" ")
    }

    #[test]
    fn what_stands_for_what() {
        assert_eq!(told("abc", "abc"), "aa bb cc");
        assert_eq!(told("abc", "axbc"), "aa bb cc +x");
        assert_eq!(told("abc", "ac"), "aa cc -b");
        assert_eq!(told("abc", "aBc"), "aa bB cc");
        assert_eq!(told("abcd", "bcda"), "aa~ bb cc dd");
        assert_eq!(told("abc", "xaBc"), "aa bB cc +x");
        assert_eq!(told("", "a"), "+a");
        assert_eq!(told("dcba", "abcd").matches('~').count(), 3);
    }

    #[test]
    fn long_lists_are_anchored_at_what_is_unique() {
        let sketch = |n: u64| Sketch {
            meaning: n,
            sort: 1,
            own: 1,
            inside: 0,
            id: 0,
            bag: [0; 2],
            weight: 2,
            movable: Movable::Yes,
        };
        let a: Vec<Sketch> = (0..5000).map(sketch).collect();
        let mut b = a.clone();
        b[100].meaning = 90_000;
        b[4000].meaning = 90_001;
        b.insert(2000, sketch(80_000));
        let alignment = align(&a, &b);
        assert_eq!((alignment.only_a.len(), alignment.only_b.len()), (0, 1));
        assert!(alignment.pairs.iter().all(|pair| pair.moved == Moved::No));
    }
}
