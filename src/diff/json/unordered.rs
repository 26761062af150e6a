//! Arrays whose order does not count: elements are paired by what they mean or by a key, the rest by likeness.

use super::align::{SORTED, clear, first_elements};
use super::chain::{Element, MAX_CELLS, Pairs};
use super::leftover::faces;
use super::likeness::{ALIKE, alike, meaning, member_hash};
use super::tape::Tape;
use super::walk::Walk;
use crate::diff::comparison::Kind;
use crate::diff::rules::Rule;
use crate::diff::sink::Finding;

/// Bytes for each element: in its list, and in that of the hashes or in pairs and marks.
const ELEMENT: usize = 28;

impl<'a> Walk<'_, 'a, '_, '_> {
    /// Pairs by meaning wherever they stand; the rest by likeness. Another order is ignored, and said to be.
    pub(super) fn unordered(&mut self, a: usize, b: usize) {
        self.by_name(a, b, meaning);
    }

    /// Pairs by a member of the elements; those without it by meaning.
    pub(super) fn by_key(&mut self, a: usize, b: usize, key: &str) {
        self.by_name(a, b, |tape, node| member_hash(tape, node, key).unwrap_or_else(|| meaning(tape, node)));
    }

    /// Pairs by a hash that says which element it is.
    fn by_name(&mut self, a: usize, b: usize, name: impl Fn(&Tape<'a>, usize) -> u64) {
        let (old, new) = (self.old, self.new);
        let counts = (old.elements(a).count(), new.elements(b).count());
        let held = (counts.0 + counts.1) * ELEMENT;
        if !self.afford((counts.0 + counts.1) * SORTED) || !self.hold(held) {
            return;
        }
        if let Some(mut xs) = self.listed(old, (a, 0, counts.0), &name)
            && let Some(mut ys) = self.listed(new, (b, 0, counts.1), &name)
            && self.loosen(&mut xs, &mut ys)
        {
            self.loose((a, &mut xs), (b, &mut ys));
            self.scattered(&xs, &ys);
        }
        self.sink.let_go(held);
    }

    /// Compares those of one name, each once, wherever they stand. What is on one side only is left in the lists.
    fn loose(&mut self, (a, xs): (usize, &mut Vec<Element>), (b, ys): (usize, &mut Vec<Element>)) {
        let pairs = common(xs, ys);
        if !pairs.is_sorted_by_key(|(_, y)| ys.get(*y as usize).map(|y| y.index)) {
            let finding = Finding::new(Kind::Order, self.pointer());
            let finding = finding.values(first_elements(self.old, a), first_elements(self.new, b));
            let keyed = self.scope.rules.match_key(&finding.path).is_some();
            let rule = if keyed { "match_by" } else { Rule::Unordered.name() };
            let entry = self.scope.rules.array_entry(&finding.path).unwrap_or_else(|| rule.to_owned());
            self.sink.silence(finding.cause("sorted_otherwise"), rule.to_owned(), &entry);
        }
        for (x, y) in &pairs {
            self.pair(xs.get(*x as usize), ys.get(*y as usize));
        }
        leave(xs, pairs.iter().map(|(x, _)| *x));
        leave(ys, pairs.iter().map(|(_, y)| *y));
    }

    /// Elements whose order does not count and that are equal to none: the most alike belong together.
    fn scattered(&mut self, xs: &[Element], ys: &[Element]) {
        if xs.len() * ys.len() > MAX_CELLS
            && let Some((mut here, mut there)) = self.told_apart(xs, ys)
        {
            let pairs = common(&mut here, &mut there);
            return self.changed_or_gone(&here, &there, &pairs);
        }
        if xs.len() * ys.len() > MAX_CELLS || xs.len().min(ys.len()) < 2 || !self.afford(self.likeness_work(xs, ys)) {
            return self.gap(xs, ys);
        }
        let held = self.likeness_room(xs, ys) + xs.len() * ys.len() * size_of::<(f64, usize, usize)>();
        if !self.hold(held) {
            return;
        }
        let (old, new) = (faces(self.old, xs), faces(self.new, ys));
        let mut likely: Vec<(f64, usize, usize)> = Vec::new();
        for (i, x) in old.iter().enumerate() {
            likely.extend(
                new.iter().enumerate().map(|(j, y)| (alike(x, y), i, j)).filter(|(likeness, ..)| *likeness >= ALIKE),
            );
        }
        likely.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let (mut free_x, mut free_y) = (vec![true; xs.len()], vec![true; ys.len()]);
        let mut pairs = Pairs::new();
        for (_, i, j) in likely {
            if free_x.get(i) == Some(&true) && free_y.get(j) == Some(&true) {
                clear(&mut free_x, i);
                clear(&mut free_y, j);
                pairs.push((i as u32, j as u32));
            }
        }
        pairs.sort_unstable();
        self.sink.let_go(held);
        self.changed_or_gone(xs, ys, &pairs);
    }
}

/// Sorts both lists by name; then elements of one name, each once, in the order of the first array. In place, where a list of places
/// would take half as much again: the smaller the records, the more a pair has.
fn common(xs: &mut [Element], ys: &mut [Element]) -> Pairs {
    xs.sort_unstable_by_key(|x| (x.hash, x.index));
    ys.sort_unstable_by_key(|y| (y.hash, y.index));
    let mut pairs = Pairs::with_capacity(xs.len().min(ys.len()));
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (xs.get(i), ys.get(j)) {
        let order = x.hash.cmp(&y.hash);
        if order.is_eq() {
            pairs.push((i as u32, j as u32));
        }
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    pairs.sort_unstable_by_key(|(x, _)| xs.get(*x as usize).map(|x| x.index));
    pairs
}

/// Takes those at these places out of a list; the others are in the order of their array again.
fn leave(list: &mut Vec<Element>, taken: impl Iterator<Item = u32>) {
    let mut stays = vec![true; list.len()];
    taken.for_each(|place| clear(&mut stays, place as usize));
    let mut stays = stays.into_iter();
    list.retain(|_| stays.next().unwrap_or(true));
    list.sort_unstable_by_key(|element| element.index);
}
