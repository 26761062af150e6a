//! Arrays: which element of the one is which of the other. An inserted element is one difference, a moved one is an order.
//!
//! Elements are told alike by a hash over their meaning, so that cosmetics do not matter; those left over are paired by likeness.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::number;
use super::parse::{Kind as Json, Tape};
use super::string;
use super::walk::{Step, Walk};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::Rule;
use crate::diff::sink::Finding;

/// Cells of an alignment table: 64 Ki steps and, at two bytes each, 128 KiB.
const MAX_CELLS: usize = 1 << 16;

/// Elements of different arrays less alike than this are not one element that changed, but one removed and one added.
const ALIKE: f64 = 0.2;

/// An element, with what is needed to find its like.
#[derive(Debug, Clone, Copy)]
struct Element {
    node: usize,
    index: usize,
    hash: u64,
}

/// Which elements belong together, by their places in the two lists.
type Pairs = Vec<(usize, usize)>;

impl<'a> Walk<'_, 'a, '_, '_> {
    pub(super) fn arrays(&mut self, a: usize, b: usize) {
        if self.scope.rules.names_arrays() {
            let path = self.pointer();
            if let Some(key) = self.scope.rules.match_key(&path) {
                return self.by_key(a, b, key);
            }
            if self.scope.rules.is_unordered(&path) {
                return self.unordered(a, b);
            }
        }
        let (old, new) = (self.old, self.new);
        if old.elements(a).count() == new.elements(b).count() && self.is_in_place(a, b) {
            for (index, (x, y)) in old.elements(a).zip(new.elements(b)).enumerate() {
                self.at_step(Step::Index(index), x, y);
            }
            return;
        }
        if !self.afford(old.weight(a) + new.weight(b)) {
            return;
        }
        let (xs, ys) = (listed(old, a), listed(new, b));
        let pairs = self.ordered_pairs(&xs, &ys);
        self.tell(&xs, &ys, &pairs);
    }

    /// Whether each element is compared with the one at its own place: at most one differs, or none of those that differ is found elsewhere.
    fn is_in_place(&mut self, a: usize, b: usize) -> bool {
        let (old, new) = (self.old, self.new);
        let mut unlike: Vec<(usize, usize)> = Vec::new();
        for (x, y) in old.elements(a).zip(new.elements(b)) {
            if !self.afford(old.weight(x)) {
                return true;
            }
            if !self.means_the_same(x, y) {
                unlike.push((x, y));
            }
        }
        if unlike.len() <= 1 {
            return true;
        }
        let work = unlike.iter().map(|(x, y)| old.weight(*x) + new.weight(*y)).sum();
        if !self.afford(work) {
            return true;
        }
        let hashed = |pair: &(usize, usize)| (*pair, (meaning(old, pair.0), meaning(new, pair.1)));
        let unlike: Vec<((usize, usize), (u64, u64))> = unlike.iter().map(hashed).collect();
        let mut there: Vec<u64> = unlike.iter().map(|(_, (_, y))| *y).collect();
        there.sort_unstable();
        if unlike.iter().any(|(_, (x, _))| there.binary_search(x).is_ok()) {
            return false;
        }
        let likeness: f64 = unlike.iter().map(|((x, y), _)| alike(&face(old, *x), &face(new, *y))).sum();
        likeness >= ALIKE * unlike.len() as f64 || unlike.len() <= 1
    }

    /// Whether two values are the same but for spelling and the order of members. Says nothing to anybody.
    fn means_the_same(&self, x: usize, y: usize) -> bool {
        let (old, new) = (self.old, self.new);
        let kind = old.kind(x);
        if kind != new.kind(y) {
            return false;
        }
        if old.slice(x) == new.slice(y) {
            return true;
        }
        match kind {
            Json::String => string::same(old.string(x), new.string(y)).is_some(),
            Json::Number => {
                number::exact(old.slice(x)).equals(&number::exact(new.slice(y)))
                    || number::same_double(old.slice(x), new.slice(y))
            }
            Json::Array => {
                let (mut left, mut right) = (old.elements(x), new.elements(y));
                loop {
                    match (left.next(), right.next()) {
                        (None, None) => return true,
                        (Some(x), Some(y)) if self.means_the_same(x, y) => {}
                        _ => return false,
                    }
                }
            }
            Json::Object => {
                let (mut left, mut right) = (old.members(x), new.members(y));
                loop {
                    match (left.next(), right.next()) {
                        (None, None) => return true,
                        (Some((key, x)), Some((other, y))) if key.text == other.text => {
                            if !self.means_the_same(x, y) {
                                return false;
                            }
                        }
                        (Some(_), Some(_)) => return meaning(old, x) == meaning(new, y),
                        _ => return false,
                    }
                }
            }
            _ => false,
        }
    }

    /// Pairs in order: equal ones first, then, between these, by likeness.
    fn ordered_pairs(&mut self, xs: &[Element], ys: &[Element]) -> Pairs {
        let head = xs.iter().zip(ys).take_while(|(x, y)| x.hash == y.hash).count();
        let (xs_rest, ys_rest) = (xs.get(head..).unwrap_or_default(), ys.get(head..).unwrap_or_default());
        let tail = xs_rest.iter().rev().zip(ys_rest.iter().rev()).take_while(|(x, y)| x.hash == y.hash).count();
        let xs_middle = xs_rest.get(..xs_rest.len() - tail).unwrap_or_default();
        let ys_middle = ys_rest.get(..ys_rest.len() - tail).unwrap_or_default();

        let mut pairs: Pairs = (0..head).map(|at| (at, at)).collect();
        let same = if xs_middle.len() * ys_middle.len() <= MAX_CELLS && self.afford(xs_middle.len() * ys_middle.len()) {
            best_chain(xs_middle.len(), ys_middle.len(), |i, j| match (xs_middle.get(i), ys_middle.get(j)) {
                (Some(x), Some(y)) if x.hash == y.hash => 1.0,
                _ => 0.0,
            })
        } else {
            unique_chain(xs_middle, ys_middle)
        };
        pairs.extend(same.into_iter().map(|(i, j)| (i + head, j + head)));
        pairs.extend((0..tail).rev().map(|back| (xs.len() - 1 - back, ys.len() - 1 - back)));
        pairs
    }

    /// Compares pairs, and tells what is between them: moved, changed, removed, added.
    fn tell(&mut self, xs: &[Element], ys: &[Element], pairs: &Pairs) {
        let (xs_moved, ys_moved) = self.moved(xs, ys, pairs);
        if xs_moved.iter().any(|moved| *moved) {
            let shown = |tape: &Tape<'a>, list: &[Element]| first_elements(tape, list);
            let finding = Finding::new(Kind::Order, self.pointer()).values(shown(self.old, xs), shown(self.new, ys));
            let finding = Finding { rule: Some(Rule::Unordered), ..finding };
            self.sink.report(finding.severity(Severity::Medium).cause("sorted_otherwise"));
        }
        let (mut from_x, mut from_y) = (0, 0);
        for (x, y) in pairs.iter().copied().chain([(xs.len(), ys.len())]) {
            let left = |list: &[Element], moved: &[bool], from: usize, to: usize| -> Vec<Element> {
                let fixed = |at: &usize| !moved.get(*at).copied().unwrap_or(true);
                (from..to).filter(fixed).filter_map(|at| list.get(at).copied()).collect()
            };
            self.gap(&left(xs, &xs_moved, from_x, x), &left(ys, &ys_moved, from_y, y));
            if let (Some(old), Some(new)) = (xs.get(x), ys.get(y)) {
                self.at_step(Step::Index(old.index), old.node, new.node);
            }
            (from_x, from_y) = (x + 1, y + 1);
        }
    }

    /// Which unpaired elements stand, equal, at another place of the other side.
    fn moved(&self, xs: &[Element], ys: &[Element], pairs: &Pairs) -> (Vec<bool>, Vec<bool>) {
        let mut free_x = vec![true; xs.len()];
        let mut free_y = vec![true; ys.len()];
        for (x, y) in pairs {
            clear(&mut free_x, *x);
            clear(&mut free_y, *y);
        }
        let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, element) in ys.iter().enumerate().rev().filter(|(at, _)| free_y.get(*at) == Some(&true)) {
            places.entry(element.hash).or_default().push(at);
        }
        let (mut xs_moved, mut ys_moved) = (vec![false; xs.len()], vec![false; ys.len()]);
        for (at, element) in xs.iter().enumerate().filter(|(at, _)| free_x.get(*at) == Some(&true)) {
            if let Some(place) = places.get_mut(&element.hash).and_then(Vec::pop) {
                set(&mut xs_moved, at);
                set(&mut ys_moved, place);
            }
        }
        (xs_moved, ys_moved)
    }

    /// Elements between two pairs: those alike changed, the rest was removed or added.
    fn gap(&mut self, xs: &[Element], ys: &[Element]) {
        if xs.is_empty() && ys.is_empty() {
            return;
        }
        let pairs = if xs.len() == ys.len() && xs.len() == 1 {
            vec![(0, 0)]
        } else if xs.len() * ys.len() <= MAX_CELLS && self.afford(self.likeness_work(xs, ys)) {
            let faces =
                |tape: &Tape<'a>, list: &[Element]| list.iter().map(|element| face(tape, element.node)).collect();
            let (old, new): (Vec<Face>, Vec<Face>) = (faces(self.old, xs), faces(self.new, ys));
            best_chain(xs.len(), ys.len(), |i, j| match (old.get(i), new.get(j)) {
                (Some(x), Some(y)) => Some(alike(x, y)).filter(|likeness| *likeness >= ALIKE).unwrap_or(0.0),
                _ => 0.0,
            })
        } else {
            (0..xs.len().min(ys.len())).map(|at| (at, at)).collect()
        };
        self.changed_or_gone(xs, ys, &pairs);
    }

    /// Steps to read all faces and to compare each with each, at most [`FACE`] members of it.
    fn likeness_work(&self, xs: &[Element], ys: &[Element]) -> usize {
        const FACE: usize = 16;
        let weight =
            |tape: &Tape<'a>, list: &[Element]| list.iter().map(|element| tape.weight(element.node)).sum::<usize>();
        let widest = weight(self.old, xs) / xs.len().max(1) + weight(self.new, ys) / ys.len().max(1);
        weight(self.old, xs) + weight(self.new, ys) + xs.len() * ys.len() * widest.min(FACE)
    }

    fn changed_or_gone(&mut self, xs: &[Element], ys: &[Element], pairs: &Pairs) {
        let (mut paired_x, mut paired_y) = (vec![false; xs.len()], vec![false; ys.len()]);
        for (x, y) in pairs {
            set(&mut paired_x, *x);
            set(&mut paired_y, *y);
            if let (Some(old), Some(new)) = (xs.get(*x), ys.get(*y)) {
                self.at_step(Step::Index(old.index), old.node, new.node);
            }
        }
        for (element, _) in xs.iter().zip(&paired_x).filter(|(_, paired)| !**paired) {
            let finding = Finding::new(Kind::Missing, self.pointer_to(Step::Index(element.index)));
            self.sink.report(finding.only_control(self.old.shown(element.node)).cause("element_removed"));
        }
        for (element, _) in ys.iter().zip(&paired_y).filter(|(_, paired)| !**paired) {
            let finding = Finding::new(Kind::Extra, self.pointer_to(Step::Index(element.index)));
            self.sink.report(finding.only_candidate(self.new.shown(element.node)).cause("element_added"));
        }
    }

    /// Pairs by meaning wherever they stand; the rest by likeness. Another order is ignored, and said to be.
    fn unordered(&mut self, a: usize, b: usize) {
        let weight = self.old.weight(a) + self.new.weight(b);
        if !self.afford(weight) {
            return;
        }
        let (xs, ys) = (listed(self.old, a), listed(self.new, b));
        let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, element) in ys.iter().enumerate().rev() {
            places.entry(element.hash).or_default().push(at);
        }
        self.loose(&xs, &ys, |element| places.get_mut(&element.hash).and_then(Vec::pop));
    }

    /// Pairs by a member of the elements.
    fn by_key(&mut self, a: usize, b: usize, key: &str) {
        let weight = self.old.weight(a) + self.new.weight(b);
        if !self.afford(weight) {
            return;
        }
        let (xs, ys) = (listed(self.old, a), listed(self.new, b));
        let (old, new) = (self.old, self.new);
        let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, element) in ys.iter().enumerate().rev() {
            let name = member_hash(new, element.node, key).unwrap_or(element.hash);
            places.entry(name).or_default().push(at);
        }
        self.loose(&xs, &ys, |element| {
            let name = member_hash(old, element.node, key).unwrap_or(element.hash);
            places.get_mut(&name).and_then(Vec::pop)
        });
    }

    fn loose(&mut self, xs: &[Element], ys: &[Element], mut find: impl FnMut(&Element) -> Option<usize>) {
        let mut pairs: Pairs = xs.iter().enumerate().filter_map(|(at, x)| find(x).map(|place| (at, place))).collect();
        if !pairs.is_sorted_by_key(|(_, place)| *place) {
            let finding = Finding::new(Kind::Order, self.pointer());
            let finding = finding.values(first_elements(self.old, xs), first_elements(self.new, ys));
            self.sink.ignore(finding.cause("sorted_otherwise"), Rule::Unordered.name().to_owned());
        }
        pairs.sort_unstable();
        for (x, y) in &pairs {
            if let (Some(old), Some(new)) = (xs.get(*x), ys.get(*y)) {
                self.at_step(Step::Index(old.index), old.node, new.node);
            }
        }
        let rest = |list: &[Element], taken: &dyn Fn(usize) -> bool| -> Vec<Element> {
            list.iter().enumerate().filter(|(at, _)| !taken(*at)).map(|(_, element)| *element).collect()
        };
        let mut taken_y = vec![false; ys.len()];
        pairs.iter().for_each(|(_, y)| set(&mut taken_y, *y));
        let left = rest(xs, &|at| pairs.binary_search_by_key(&at, |(x, _)| *x).is_ok());
        let right = rest(ys, &|at| taken_y.get(at) == Some(&true));
        self.gap(&left, &right);
    }
}

/// What of a value is looked at to find its like.
type Face = (Json, Vec<(u64, u64, bool)>);

fn face(tape: &Tape<'_>, at: usize) -> Face {
    match tape.kind(at) {
        Json::Object => (Json::Object, members(tape, at)),
        Json::False => (Json::True, Vec::new()),
        kind => (kind, Vec::new()),
    }
}

/// How alike two values are, from 0 to 1: of objects, the share of members that are equal.
fn alike(x: &Face, y: &Face) -> f64 {
    match (x.0, y.0) {
        (Json::Object, Json::Object) => objects_alike(&x.1, &y.1),
        (Json::Array, Json::Array) => 0.5,
        (a, b) if a == b => 0.4,
        _ => 0.0,
    }
}

fn set(flags: &mut [bool], at: usize) {
    if let Some(flag) = flags.get_mut(at) {
        *flag = true;
    }
}

fn clear(flags: &mut [bool], at: usize) {
    if let Some(flag) = flags.get_mut(at) {
        *flag = false;
    }
}

fn listed(tape: &Tape<'_>, array: usize) -> Vec<Element> {
    tape.elements(array).enumerate().map(|(index, node)| Element { node, index, hash: meaning(tape, node) }).collect()
}

/// The first elements of an array, as JSON text.
fn first_elements(tape: &Tape<'_>, list: &[Element]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = list.iter().take(SHOWN).map(|element| tape.shown(element.node)).collect();
    let more = if list.len() > SHOWN { ",…" } else { "" };
    format!("[{}{more}]", shown.join(","))
}

/// Members by hash of their names: `(name, value, names the object)`.
fn members(tape: &Tape<'_>, object: usize) -> Vec<(u64, u64, bool)> {
    let mut found: Vec<(u64, u64, bool)> = tape
        .members(object)
        .map(|(key, value)| {
            let name = string::decode(key);
            (xxh3_64(name.as_bytes()), meaning(tape, value), is_identity(&name))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Members that usually tell one record from another.
fn is_identity(name: &str) -> bool {
    ["id", "uuid", "guid", "key", "slug", "name", "code"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn objects_alike(xs: &[(u64, u64, bool)], ys: &[(u64, u64, bool)]) -> f64 {
    let (mut i, mut j) = (0, 0);
    let (mut common, mut equal) = (0_usize, 0_usize);
    let mut identity = None;
    while let (Some(x), Some(y)) = (xs.get(i), ys.get(j)) {
        match x.0.cmp(&y.0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                equal += usize::from(x.1 == y.1);
                if x.2 {
                    identity = Some(identity.unwrap_or(true) && x.1 == y.1);
                }
                i += 1;
                j += 1;
            }
        }
    }
    let share = |part: usize| part as f64 / xs.len().max(ys.len()).max(1) as f64;
    let alike = share(equal) * 0.9 + share(common) * 0.1;
    match identity {
        Some(true) => 0.5 + alike / 2.0,
        Some(false) => alike * 0.7,
        None => alike,
    }
}

/// The value of a member, hashed.
fn member_hash(tape: &Tape<'_>, object: usize, key: &str) -> Option<u64> {
    if tape.kind(object) != Json::Object {
        return None;
    }
    tape.members(object).find(|(name, _)| string::decode(*name) == key).map(|(_, value)| meaning(tape, value))
}

/// A hash over what a value means: spelling, and the order of members, do not matter.
fn meaning(tape: &Tape<'_>, at: usize) -> u64 {
    match tape.kind(at) {
        Json::Null => 1,
        Json::True => 2,
        Json::False => 3,
        Json::Odd | Json::End => xxh3_64(tape.slice(at).as_bytes()),
        Json::String => mix(4, xxh3_64(string::decode(tape.string(at)).as_bytes())),
        Json::Number => number_meaning(tape.slice(at)),
        Json::Array => tape.elements(at).fold(5, |sum, element| mix(sum, meaning(tape, element))),
        Json::Object => tape.members(at).fold(6, |sum, (key, value)| {
            let name = xxh3_64(string::decode(key).as_bytes());
            sum.wrapping_add(mix(name, meaning(tape, value)))
        }),
    }
}

/// Whole numbers exactly, others as doubles: spellings of one number meet, and where two numbers meet by chance, they are still compared.
fn number_meaning(text: &str) -> u64 {
    let exact = number::exact(text);
    if exact.power < 0 {
        return mix(7, number::double(text).to_bits());
    }
    let sign = u64::from(exact.negative && !exact.is_zero());
    mix(8 + sign, mix(exact.power.unsigned_abs(), xxh3_64(exact.digits.as_bytes())))
}

fn mix(a: u64, b: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    (a.rotate_left(23) ^ b).wrapping_mul(ODD).rotate_left(29).wrapping_add(a)
}

/// The chain of pairs, in order on both sides, of the greatest sum; pairs worth nothing are left out.
fn best_chain(rows: usize, columns: usize, worth: impl Fn(usize, usize) -> f64) -> Pairs {
    if rows == 0 || columns == 0 {
        return Vec::new();
    }
    let width = columns + 1;
    // Sums of the best chain of what is left from (row, column) on, and whether it takes this pair.
    let mut below = vec![0.0_f64; width];
    let mut takes = vec![0_u8; rows * width];
    for row in (0..rows).rev() {
        let mut line = vec![0.0_f64; width];
        for column in (0..columns).rev() {
            let at = |cells: &[f64], place: usize| cells.get(place).copied().unwrap_or(0.0);
            let value = worth(row, column);
            let (with, skip_row, skip_column) =
                (value + at(&below, column + 1), at(&below, column), at(&line, column + 1));
            let (best, step) = if value > 0.0 && with >= skip_row && with >= skip_column {
                (with, 1)
            } else if skip_row >= skip_column {
                (skip_row, 2)
            } else {
                (skip_column, 3)
            };
            if let (Some(cell), Some(take)) = (line.get_mut(column), takes.get_mut(row * width + column)) {
                *cell = best;
                *take = step;
            }
        }
        below = line;
    }
    let (mut row, mut column) = (0, 0);
    let mut pairs = Vec::new();
    while row < rows && column < columns {
        match takes.get(row * width + column) {
            Some(1) => {
                pairs.push((row, column));
                row += 1;
                column += 1;
            }
            Some(2) => row += 1,
            _ => column += 1,
        }
    }
    pairs
}

/// For arrays too large for a table: elements that occur once on each side, the longest run of them that is in order on both.
fn unique_chain(xs: &[Element], ys: &[Element]) -> Pairs {
    let mut seen: HashMap<u64, (u32, usize, u32, usize)> = HashMap::with_capacity(xs.len());
    for (at, element) in xs.iter().enumerate() {
        let entry = seen.entry(element.hash).or_default();
        (entry.0, entry.1) = (entry.0 + 1, at);
    }
    for (at, element) in ys.iter().enumerate() {
        let entry = seen.entry(element.hash).or_default();
        (entry.2, entry.3) = (entry.2 + 1, at);
    }
    let mut once: Pairs = seen.values().filter(|e| e.0 == 1 && e.2 == 1).map(|e| (e.1, e.3)).collect();
    once.sort_unstable();
    let anchors = longest_rising(&once);
    between(xs, ys, &anchors)
}

/// Extends anchors over equal neighbours: repeated elements between them are paired as they come.
fn between(xs: &[Element], ys: &[Element], anchors: &Pairs) -> Pairs {
    let mut pairs = Vec::with_capacity(anchors.len());
    let (mut x, mut y) = (0, 0);
    for &(next_x, next_y) in anchors.iter().chain([&(xs.len(), ys.len())]) {
        while x < next_x && y < next_y && equal_at(xs, ys, x, y) {
            pairs.push((x, y));
            (x, y) = (x + 1, y + 1);
        }
        let (mut back_x, mut back_y) = (next_x, next_y);
        while back_x > x && back_y > y && equal_at(xs, ys, back_x - 1, back_y - 1) {
            (back_x, back_y) = (back_x - 1, back_y - 1);
        }
        pairs.extend((back_x..next_x).zip(back_y..next_y));
        if next_x < xs.len() {
            pairs.push((next_x, next_y));
        }
        (x, y) = (next_x + 1, next_y + 1);
    }
    pairs
}

fn equal_at(xs: &[Element], ys: &[Element], x: usize, y: usize) -> bool {
    matches!((xs.get(x), ys.get(y)), (Some(a), Some(b)) if a.hash == b.hash)
}

/// The longest part of pairs (sorted by the first) that rises in the second too.
fn longest_rising(pairs: &Pairs) -> Pairs {
    // `tops[n]`: index of the pair that ends the best run of length n + 1; `before[i]`: the pair before i in its run.
    let mut tops: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let second = |at: usize| pairs.get(at).map_or(0, |pair| pair.1);
    for at in 0..pairs.len() {
        let place = tops.partition_point(|&top| second(top) < second(at));
        before.push(place.checked_sub(1).and_then(|previous| tops.get(previous).copied()));
        match tops.get_mut(place) {
            Some(top) => *top = at,
            None => tops.push(at),
        }
    }
    let mut run = Vec::with_capacity(tops.len());
    let mut next = tops.last().copied();
    while let Some(at) = next {
        run.extend(pairs.get(at).copied());
        next = before.get(at).copied().flatten();
    }
    run.reverse();
    run
}
