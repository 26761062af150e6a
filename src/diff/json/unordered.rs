//! Arrays whose order does not count: elements are paired by what they mean or by a key, the rest by likeness.

use std::collections::HashMap;

use super::align::{HASHED, SORTED, clear, first_elements, set};
use super::chain::{Element, MAX_CELLS, Pairs};
use super::leftover::faces;
use super::likeness::{ALIKE, alike, member_hash};
use super::walk::{Step, Walk};
use crate::diff::comparison::Kind;
use crate::diff::rules::Rule;
use crate::diff::sink::Finding;

impl Walk<'_, '_, '_, '_> {
    /// Pairs by meaning wherever they stand; the rest by likeness. Another order is ignored, and said to be.
    pub(super) fn unordered(&mut self, a: usize, b: usize) {
        let Some((xs, ys, held)) = self.all_listed(a, b) else { return };
        let mut places: HashMap<u64, Vec<u32>> = HashMap::new();
        for (at, element) in (0..ys.len() as u32).zip(&ys).rev() {
            places.entry(element.hash).or_default().push(at);
        }
        self.loose((a, &xs), (b, &ys), |element| places.get_mut(&element.hash).and_then(Vec::pop));
        self.sink.let_go(held);
    }

    /// All elements of both, and the room that is held for finding them by what they mean.
    fn all_listed(&mut self, a: usize, b: usize) -> Option<(Vec<Element>, Vec<Element>, usize)> {
        const ENTRY: usize = 128;
        let (old, new) = (self.old, self.new);
        let counts = (old.elements(a).count(), new.elements(b).count());
        let held = (counts.0 + counts.1) * ENTRY;
        if !self.afford((old.weight(a) + new.weight(b)) * (HASHED + SORTED)) || !self.hold(held) {
            return None;
        }
        let listed = self.listed(old, a, 0, counts.0).zip(self.listed(new, b, 0, counts.1));
        if listed.is_none() {
            self.sink.let_go(held);
        }
        listed.map(|(xs, ys)| (xs, ys, held))
    }

    /// Pairs by a member of the elements.
    pub(super) fn by_key(&mut self, a: usize, b: usize, key: &str) {
        let Some((xs, ys, held)) = self.all_listed(a, b) else { return };
        let (old, new) = (self.old, self.new);
        let mut places: HashMap<u64, Vec<u32>> = HashMap::new();
        for (at, element) in (0..ys.len() as u32).zip(&ys).rev() {
            let name = member_hash(new, element.node(), key).unwrap_or(element.hash);
            places.entry(name).or_default().push(at);
        }
        self.loose((a, &xs), (b, &ys), |element| {
            let name = member_hash(old, element.node(), key).unwrap_or(element.hash);
            places.get_mut(&name).and_then(Vec::pop)
        });
        self.sink.let_go(held);
    }

    /// Compares the pairs that `find` makes, each new element once, wherever they stand; then what is left on both sides.
    fn loose(
        &mut self,
        (a, xs): (usize, &[Element]),
        (b, ys): (usize, &[Element]),
        mut find: impl FnMut(&Element) -> Option<u32>,
    ) {
        let mut pairs: Pairs = (0..).zip(xs).filter_map(|(at, x)| find(x).map(|place| (at, place))).collect();
        if !pairs.is_sorted_by_key(|(_, place)| *place) {
            let finding = Finding::new(Kind::Order, self.pointer());
            let finding = finding.values(first_elements(self.old, a), first_elements(self.new, b));
            let rule = Rule::Unordered.name();
            let entry = self.scope.rules.array_entry(&finding.path).unwrap_or_else(|| rule.to_owned());
            self.sink.silence(finding.cause("sorted_otherwise"), rule.to_owned(), &entry);
        }
        pairs.sort_unstable();
        for (x, y) in &pairs {
            if let (Some(old), Some(new)) = (xs.get(*x as usize), ys.get(*y as usize)) {
                self.at_step(Step::Index(old.index()), old.node(), new.node());
            }
        }
        let rest = |list: &[Element], taken: &dyn Fn(usize) -> bool| -> Vec<Element> {
            list.iter().enumerate().filter(|(at, _)| !taken(*at)).map(|(_, element)| *element).collect()
        };
        let mut taken_y = vec![false; ys.len()];
        pairs.iter().for_each(|(_, y)| set(&mut taken_y, *y as usize));
        let left = rest(xs, &|at| pairs.binary_search_by_key(&(at as u32), |(x, _)| *x).is_ok());
        let right = rest(ys, &|at| taken_y.get(at) == Some(&true));
        self.scattered(&left, &right);
    }

    /// Elements whose order does not count and that are equal to none: the most alike belong together.
    fn scattered(&mut self, xs: &[Element], ys: &[Element]) {
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
