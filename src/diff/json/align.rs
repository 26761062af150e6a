//! Arrays: which element of the one is which of the other. An inserted element is one difference, a moved one is an order.
//!
//! Elements are told alike by a hash over their meaning, so that cosmetics do not matter; those left over are paired by likeness.

use std::collections::HashMap;

use super::chain::{Element, Pairs, best_chain, by_hash, each_common, unique_chain};
use super::likeness::{Face, alike, alike_in_place, face, meaning, member_hash};
use super::number;
use super::parse::{Kind as Json, Tape};
use super::string;
use super::walk::{Step, Walk};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::Rule;
use crate::diff::sink::Finding;

/// Cells of an alignment table: 64 Ki steps and, at two bytes each, 128 KiB.
const MAX_CELLS: usize = 1 << 16;

/// Steps for each value that is hashed by meaning, compared by meaning, or sorted by hash: of [`MAX_WORK`](crate::diff::sink::MAX_WORK).
const HASHED: usize = 10;
const COMPARED: usize = 8;
const SORTED: usize = 40;

/// Pairs of elements looked at to tell whether those at the same places are one.
const FACES: usize = 256;

/// Elements of different arrays less alike than this are not one element that changed, but one removed and one added.
const ALIKE: f64 = 0.2;

impl<'a> Walk<'_, 'a, '_, '_> {
    pub(super) fn arrays(&mut self, a: usize, b: usize) {
        if self.scope.rules.names_arrays() {
            let path = self.pointer();
            if let Some(entry) = self.scope.rules.array_entry(&path) {
                self.sink.met(&entry, path.clone());
            }
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
        if !self.afford((old.weight(a) + new.weight(b)) * HASHED) {
            return;
        }
        let (xs, ys) = (listed(old, a), listed(new, b));
        if !self.afford((xs.len() + ys.len()) * SORTED) {
            return;
        }
        let pairs = self.ordered_pairs(&xs, &ys);
        self.tell(&xs, &ys, &pairs);
    }

    /// Whether each element is compared with the one at its own place: at most one differs, or none of those that differ is found elsewhere.
    fn is_in_place(&mut self, a: usize, b: usize) -> bool {
        let (old, new) = (self.old, self.new);
        let mut unlike: Vec<(usize, usize)> = Vec::new();
        for (x, y) in old.elements(a).zip(new.elements(b)) {
            if !self.afford(old.weight(x) * COMPARED) {
                return true;
            }
            if !self.means_the_same(x, y) {
                unlike.push((x, y));
            }
        }
        if unlike.len() <= 1 {
            return true;
        }
        let work: usize = unlike.iter().map(|(x, y)| old.weight(*x) + new.weight(*y)).sum();
        if !self.afford(work * HASHED + unlike.len() * SORTED) {
            return true;
        }
        let mut there: Vec<u64> = unlike.iter().map(|(_, y)| meaning(new, *y)).collect();
        there.sort_unstable();
        if unlike.iter().any(|(x, _)| there.binary_search(&meaning(old, *x)).is_ok()) {
            return false;
        }
        // The others will be like these.
        let every = unlike.len().div_ceil(FACES);
        let some = || unlike.iter().step_by(every);
        let likeness: f64 = some().map(|(x, y)| alike_in_place(&face(old, *x), &face(new, *y))).sum();
        likeness >= ALIKE * some().count() as f64
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
        let same =
            if xs_middle.len() * ys_middle.len() <= MAX_CELLS && self.afford(xs_middle.len() * ys_middle.len() * 2) {
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
                self.at_step(Step::Index(old.index()), old.node(), new.node());
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
        let (mut xs_moved, mut ys_moved) = (vec![false; xs.len()], vec![false; ys.len()]);
        let x_places = by_hash(xs, |at| free_x.get(at) == Some(&true));
        let y_places = by_hash(ys, |at| free_y.get(at) == Some(&true));
        each_common((xs, &x_places), (ys, &y_places), |x_run, y_run| {
            for (x, y) in x_run.iter().zip(y_run) {
                set(&mut xs_moved, *x as usize);
                set(&mut ys_moved, *y as usize);
            }
        });
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
                |tape: &Tape<'a>, list: &[Element]| list.iter().map(|element| face(tape, element.node())).collect();
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
            |tape: &Tape<'a>, list: &[Element]| list.iter().map(|element| tape.weight(element.node())).sum::<usize>();
        let widest = weight(self.old, xs) / xs.len().max(1) + weight(self.new, ys) / ys.len().max(1);
        weight(self.old, xs) + weight(self.new, ys) + xs.len() * ys.len() * widest.min(FACE)
    }

    fn changed_or_gone(&mut self, xs: &[Element], ys: &[Element], pairs: &Pairs) {
        let (mut paired_x, mut paired_y) = (vec![false; xs.len()], vec![false; ys.len()]);
        for (x, y) in pairs {
            set(&mut paired_x, *x);
            set(&mut paired_y, *y);
            if let (Some(old), Some(new)) = (xs.get(*x), ys.get(*y)) {
                self.at_step(Step::Index(old.index()), old.node(), new.node());
            }
        }
        for (element, _) in xs.iter().zip(&paired_x).filter(|(_, paired)| !**paired) {
            let finding = Finding::new(Kind::Missing, self.pointer_to(Step::Index(element.index())));
            self.sink.report(finding.only_control(self.old.shown(element.node())).cause("element_removed"));
        }
        for (element, _) in ys.iter().zip(&paired_y).filter(|(_, paired)| !**paired) {
            let finding = Finding::new(Kind::Extra, self.pointer_to(Step::Index(element.index())));
            self.sink.report(finding.only_candidate(self.new.shown(element.node())).cause("element_added"));
        }
    }

    /// Pairs by meaning wherever they stand; the rest by likeness. Another order is ignored, and said to be.
    fn unordered(&mut self, a: usize, b: usize) {
        let weight = self.old.weight(a) + self.new.weight(b);
        if !self.afford(weight * (HASHED + SORTED)) {
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
        if !self.afford(weight * (HASHED + SORTED)) {
            return;
        }
        let (xs, ys) = (listed(self.old, a), listed(self.new, b));
        let (old, new) = (self.old, self.new);
        let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, element) in ys.iter().enumerate().rev() {
            let name = member_hash(new, element.node(), key).unwrap_or(element.hash);
            places.entry(name).or_default().push(at);
        }
        self.loose(&xs, &ys, |element| {
            let name = member_hash(old, element.node(), key).unwrap_or(element.hash);
            places.get_mut(&name).and_then(Vec::pop)
        });
    }

    fn loose(&mut self, xs: &[Element], ys: &[Element], mut find: impl FnMut(&Element) -> Option<usize>) {
        let mut pairs: Pairs = xs.iter().enumerate().filter_map(|(at, x)| find(x).map(|place| (at, place))).collect();
        if !pairs.is_sorted_by_key(|(_, place)| *place) {
            let finding = Finding::new(Kind::Order, self.pointer());
            let finding = finding.values(first_elements(self.old, xs), first_elements(self.new, ys));
            let rule = Rule::Unordered.name();
            let entry = self.scope.rules.array_entry(&finding.path).unwrap_or_else(|| rule.to_owned());
            self.sink.silence(finding.cause("sorted_otherwise"), rule.to_owned(), &entry);
        }
        pairs.sort_unstable();
        for (x, y) in &pairs {
            if let (Some(old), Some(new)) = (xs.get(*x), ys.get(*y)) {
                self.at_step(Step::Index(old.index()), old.node(), new.node());
            }
        }
        let rest = |list: &[Element], taken: &dyn Fn(usize) -> bool| -> Vec<Element> {
            list.iter().enumerate().filter(|(at, _)| !taken(*at)).map(|(_, element)| *element).collect()
        };
        let mut taken_y = vec![false; ys.len()];
        pairs.iter().for_each(|(_, y)| set(&mut taken_y, *y));
        let left = rest(xs, &|at| pairs.binary_search_by_key(&at, |(x, _)| *x).is_ok());
        let right = rest(ys, &|at| taken_y.get(at) == Some(&true));
        self.scattered(&left, &right);
    }

    /// Elements whose order does not count and that are equal to none: the most alike belong together.
    fn scattered(&mut self, xs: &[Element], ys: &[Element]) {
        if xs.len() * ys.len() > MAX_CELLS || xs.len().min(ys.len()) < 2 || !self.afford(self.likeness_work(xs, ys)) {
            return self.gap(xs, ys);
        }
        let faces = |tape: &Tape<'a>, list: &[Element]| list.iter().map(|element| face(tape, element.node())).collect();
        let (old, new): (Vec<Face>, Vec<Face>) = (faces(self.old, xs), faces(self.new, ys));
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
                pairs.push((i, j));
            }
        }
        pairs.sort_unstable();
        self.changed_or_gone(xs, ys, &pairs);
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
    let element = |(index, node)| Element { hash: meaning(tape, node), node: node as u32, index: index as u32 };
    let mut list = Vec::with_capacity(tape.elements(array).count());
    list.extend(tape.elements(array).enumerate().map(element));
    list
}

/// The first elements of an array, as JSON text.
fn first_elements(tape: &Tape<'_>, list: &[Element]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = list.iter().take(SHOWN).map(|element| tape.shown(element.node())).collect();
    let more = if list.len() > SHOWN { ",…" } else { "" };
    format!("[{}{more}]", shown.join(","))
}
