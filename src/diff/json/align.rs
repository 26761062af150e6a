//! Arrays: which element of the one is which of the other. An inserted element is one difference, a moved one is an order.
//!
//! Elements are told alike by a hash over their meaning, so that cosmetics do not matter, and those that are nowhere on the other side by
//! what the rules leave of them ([`super::essence`]); those left over are paired by likeness ([`super::leftover`]).

use smallvec::SmallVec;

use super::chain::{Element, MAX_CELLS, Pairs, best_chain, by_hash, each_common, unique_chain};
use super::essence::Essence;
use super::likeness::{ALIKE, alike_in_place, face, meaning};
use super::tape::Tape;
use super::walk::{Step, Walk};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::Rule;
use crate::diff::sink::Finding;

/// Steps for each value that is sorted by hash: of [`MAX_WORK`](crate::diff::sink::MAX_WORK).
pub(super) const SORTED: usize = 40;

/// Bytes of values that are shown in one step.
const SHOWN_PER_STEP: usize = 16;

/// Bytes for each element that is not at its place: in its list, in the order of the hashes, in pairs and in marks.
const ELEMENT: usize = 48;

/// Bytes for each place at which two elements may differ.
const UNLIKE: usize = 4;

/// Pairs of elements looked at to tell whether those at the same places are one.
const FACES: usize = 256;

/// Where the elements of two arrays of one length are.
enum Places {
    /// Each at its own place.
    Kept,
    /// So many at both ends are.
    Parted((usize, usize)),
}

impl<'a, 's> Walk<'_, 'a, 's, '_> {
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
        let counts = (old.elements(a).count(), new.elements(b).count());
        if !self.afford(counts.0 + counts.1) {
            return;
        }
        let ends = if counts.0 == counts.1 {
            match self.places(a, b, counts.0) {
                Places::Kept => {
                    for (index, (x, y)) in old.elements(a).zip(new.elements(b)).enumerate() {
                        self.at_step(Step::Index(index), x, y);
                    }
                    return;
                }
                Places::Parted(ends) => ends,
            }
        } else {
            self.equal_ends((a, b), counts)
        };
        self.aligned((a, b), counts, ends);
    }

    /// Are the elements of the two roots, arrays of one length, compared each with the one at its own place?
    pub(super) fn keeps_places(&mut self) -> bool {
        let count = self.old.elements(Tape::ROOT).count();
        matches!(self.places(Tape::ROOT, Tape::ROOT, count), Places::Kept) && !self.gave_up
    }

    /// Which elements of two arrays of one length are compared with the one at their own place: all, if at most one differs, or none of
    /// those that differ is found elsewhere.
    fn places(&mut self, a: usize, b: usize, count: usize) -> Places {
        if self.is_known(a, b) == Some(true) {
            return Places::Kept;
        }
        let held = count * UNLIKE;
        if !self.hold(held) {
            return Places::Kept;
        }
        let mut unlike = self.unlike((a, b), count);
        let parted = unlike.len() > 1 && self.are_parted((a, b), &mut unlike);
        self.sink.let_go(held);
        match (unlike.first(), unlike.last()) {
            (Some(first), Some(last)) if parted => Places::Parted((*first as usize, count - 1 - *last as usize)),
            _ => Places::Kept,
        }
    }

    /// What the rules in force leave of the elements of the array under way, if that is not all.
    pub(super) fn essence(&self) -> Option<Essence<'s, 'a>> {
        Essence::below(&self.path, self.scope)
    }

    /// Whether two elements mean the same, or would but for what the rules hide and silence.
    fn is_one(
        &mut self,
        (index, x): (usize, usize),
        (other, y): (usize, usize),
        essence: Option<&Essence<'s, 'a>>,
    ) -> bool {
        self.means_the_same(x, y)
            || essence.is_some_and(|essence| essence.of(self.old, index, x) == essence.of(self.new, other, y))
    }

    /// The places at which elements do not mean the same; none, if that is too much work.
    fn unlike(&mut self, (a, b): (usize, usize), count: usize) -> Vec<u32> {
        let (old, new) = (self.old, self.new);
        let mut unlike = Vec::new();
        for (place, (x, y)) in old.elements(a).zip(new.elements(b)).enumerate() {
            if !self.means_the_same(x, y) {
                if unlike.is_empty() {
                    unlike.reserve_exact(count - place);
                }
                unlike.push(place as u32);
            }
            if !self.afford_compared() {
                return Vec::new();
            }
        }
        unlike
    }

    /// Whether elements that differ are found at other places, or are so unlike that the two lists have nothing in common. Those that are
    /// one but for what the rules leave out are taken off the list.
    fn are_parted(&mut self, (a, b): (usize, usize), unlike: &mut Vec<u32>) -> bool {
        let (old, new) = (self.old, self.new);
        let held = unlike.len() * size_of::<(u64, u64)>();
        if !self.afford(unlike.len() * SORTED) || !self.hold(held) {
            return false;
        }
        let is_found = self.stand_elsewhere((a, b), unlike);
        self.sink.let_go(held);
        if is_found || self.gave_up || unlike.len() < 2 {
            return is_found && !self.gave_up;
        }
        // The others will be like these.
        let every = unlike.len().div_ceil(FACES);
        let pairs = picked(old.elements(a), unlike).zip(picked(new.elements(b), unlike)).step_by(every);
        let likeness: f64 = pairs.map(|(x, y)| alike_in_place(&face(old, x), &face(new, y))).sum();
        likeness < ALIKE * unlike.len().div_ceil(every) as f64
    }

    /// Whether an element at one of these places is one with another at another place.
    fn stand_elsewhere(&mut self, (a, b): (usize, usize), places: &mut Vec<u32>) -> bool {
        let (old, new) = (self.old, self.new);
        let essence = self.essence();
        let hash = |tape: &Tape<'a>, place: u32, node: usize| match &essence {
            Some(essence) => essence.of(tape, place as usize, node),
            None => meaning(tape, node),
        };
        let mut hashes = Vec::with_capacity(places.len());
        for ((place, x), y) in places.iter().zip(picked(old.elements(a), places)).zip(picked(new.elements(b), places)) {
            hashes.push((hash(old, *place, x), hash(new, *place, y)));
            if !self.afford_looks() {
                return false;
            }
        }
        let mut each = hashes.iter();
        places.retain(|_| each.next().is_none_or(|(x, y)| x != y));
        hashes.retain(|(x, y)| x != y);
        hashes.sort_unstable_by_key(|(_, y)| *y);
        hashes.iter().any(|(x, _)| hashes.binary_search_by_key(x, |(_, y)| *y).is_ok())
    }

    /// How many elements are one at the start, and of the others how many at the end.
    fn equal_ends(&mut self, (a, b): (usize, usize), counts: (usize, usize)) -> (usize, usize) {
        let (old, new) = (self.old, self.new);
        let essence = self.essence();
        let mut head = 0;
        for (x, y) in old.elements(a).zip(new.elements(b)) {
            if !self.is_one((head, x), (head, y), essence.as_ref()) || !self.afford_compared() {
                break;
            }
            head += 1;
        }
        let rests = (counts.0 - head, counts.1 - head);
        let held = (rests.0 + rests.1) * size_of::<u32>();
        if rests.0.min(rests.1) == 0 || !self.hold(held) {
            return (head, 0);
        }
        let nodes = |tape: &Tape<'a>, array: usize| -> Vec<u32> {
            tape.elements(array).skip(head).map(|node| node as u32).collect()
        };
        let (xs, ys) = (nodes(old, a), nodes(new, b));
        let mut tail = 0;
        for (x, y) in xs.iter().rev().zip(ys.iter().rev()) {
            let (x, y) = ((counts.0 - 1 - tail, *x as usize), (counts.1 - 1 - tail, *y as usize));
            if !self.is_one(x, y, essence.as_ref()) || !self.afford_compared() {
                break;
            }
            tail += 1;
        }
        self.sink.let_go(held);
        (head, tail)
    }

    /// Compares arrays whose elements are not all at their places; so many at both ends are.
    fn aligned(&mut self, (a, b): (usize, usize), counts: (usize, usize), (head, tail): (usize, usize)) {
        let (old, new) = (self.old, self.new);
        let middle = (counts.0 - head - tail, counts.1 - head - tail);
        if middle.0.min(middle.1) == 0 {
            return self.one_sided((a, b), middle, (head, tail));
        }
        let held = (middle.0 + middle.1) * ELEMENT;
        if !self.afford((middle.0 + middle.1) * SORTED) || !self.hold(held) {
            return;
        }
        if let Some(mut xs) = self.listed(old, (a, head, middle.0), meaning)
            && let Some(mut ys) = self.listed(new, (b, head, middle.1), meaning)
            && self.loosen(&mut xs, &mut ys)
        {
            let places = (by_hash(&xs), by_hash(&ys));
            let pairs = self.ordered_pairs((&xs, &places.0), (&ys, &places.1));
            let moved = moved((&xs, &places.0), (&ys, &places.1), &pairs);
            drop(places);
            if !moved.is_empty() {
                self.tell_order(a, b);
            }
            for (index, (x, y)) in old.elements(a).zip(new.elements(b)).take(head).enumerate() {
                self.at_step(Step::Index(index), x, y);
            }
            self.tell(&xs, &ys, &pairs, &moved);
            let ends = old.elements(a).skip(counts.0 - tail).zip(new.elements(b).skip(counts.1 - tail));
            for (index, (x, y)) in (counts.0 - tail..).zip(ends) {
                self.at_step(Step::Index(index), x, y);
            }
        }
        self.sink.let_go(held);
    }

    /// As [`Walk::aligned`], where one side has nothing between the ends.
    fn one_sided(&mut self, (a, b): (usize, usize), middle: (usize, usize), (head, tail): (usize, usize)) {
        let (old, new) = (self.old, self.new);
        for (index, (x, y)) in old.elements(a).zip(new.elements(b)).take(head).enumerate() {
            self.at_step(Step::Index(index), x, y);
        }
        for (index, x) in (0..).zip(old.elements(a)).skip(head).take(middle.0) {
            self.gone(index, x);
        }
        for (index, y) in (0..).zip(new.elements(b)).skip(head).take(middle.1) {
            self.added(index, y);
        }
        let ends = old.elements(a).skip(head + middle.0).zip(new.elements(b).skip(head + middle.1));
        for (index, (x, y)) in (head + middle.0..).zip(ends).take(tail) {
            self.at_step(Step::Index(index), x, y);
        }
    }

    fn tell_order(&mut self, a: usize, b: usize) {
        let shown = (first_elements(self.old, a), first_elements(self.new, b));
        if !self.afford((shown.0.len() + shown.1.len()) / SHOWN_PER_STEP) {
            return;
        }
        let finding = Finding::new(Kind::Order, self.pointer()).values(shown.0, shown.1);
        let finding = Finding { rule: Some(Rule::Unordered), ..finding };
        self.sink.report(finding.severity(Severity::Medium).cause("sorted_otherwise"));
    }

    /// So many elements of an array from one on, each with the hash that names it. `None`: that is too much work.
    pub(super) fn listed(
        &mut self,
        tape: &Tape<'a>,
        (array, from, count): (usize, usize, usize),
        name: impl Fn(&Tape<'a>, usize) -> u64,
    ) -> Option<Vec<Element>> {
        let mut list = Vec::with_capacity(count);
        for (index, node) in (0..).zip(tape.elements(array)).skip(from).take(count) {
            list.push(Element { hash: name(tape, node), node: node as u32, index });
            if !self.afford_looks() {
                return None;
            }
        }
        Some(list)
    }

    /// Elements that stand nowhere on the other side as they are get the hash of what the rules leave of them. `false`: that is too much
    /// work.
    pub(super) fn loosen(&mut self, xs: &mut [Element], ys: &mut [Element]) -> bool {
        let Some(essence) = self.essence() else { return true };
        if !self.afford((xs.len() + ys.len()) * SORTED) {
            return false;
        }
        let hashes = |list: &[Element]| {
            let mut hashes: Vec<u64> = list.iter().map(|element| element.hash).collect();
            hashes.sort_unstable();
            hashes
        };
        let (here, there) = (hashes(xs), hashes(ys));
        for (tape, list, others) in [(self.old, xs, there), (self.new, ys, here)] {
            for element in list.iter_mut().filter(|element| others.binary_search(&element.hash).is_err()) {
                element.hash = essence.of(tape, element.index(), element.node());
                if !self.afford_looks() {
                    return false;
                }
            }
        }
        true
    }

    /// Pairs in order: equal ones first, then, between these, by likeness.
    fn ordered_pairs(&mut self, (xs, x_places): (&[Element], &[u32]), (ys, y_places): (&[Element], &[u32])) -> Pairs {
        if xs.is_empty() || ys.is_empty() {
            return Pairs::new();
        }
        if xs.len() * ys.len() <= MAX_CELLS && self.afford(xs.len() * ys.len() * 2) {
            return best_chain(xs.len(), ys.len(), |i, j| match (xs.get(i), ys.get(j)) {
                (Some(x), Some(y)) if x.hash == y.hash => 1.0,
                _ => 0.0,
            });
        }
        unique_chain((xs, x_places), (ys, y_places))
    }

    /// Compares pairs, and tells what is between them: changed, removed, added. What has moved is compared with what it was.
    fn tell(&mut self, xs: &[Element], ys: &[Element], pairs: &Pairs, moved: &Pairs) {
        let (mut xs_moved, mut ys_moved) = (vec![false; xs.len()], vec![false; ys.len()]);
        for (x, y) in moved {
            set(&mut xs_moved, *x as usize);
            set(&mut ys_moved, *y as usize);
            self.pair(xs.get(*x as usize), ys.get(*y as usize));
        }
        let (mut from_x, mut from_y) = (0, 0);
        let places = pairs.iter().map(|(x, y)| (*x as usize, *y as usize));
        for (x, y) in places.chain([(xs.len(), ys.len())]) {
            let left = |list: &[Element], moved: &[bool], from: usize, to: usize| -> Vec<Element> {
                let fixed = |at: &usize| !moved.get(*at).copied().unwrap_or(true);
                (from..to).filter(fixed).filter_map(|at| list.get(at).copied()).collect()
            };
            self.gap(&left(xs, &xs_moved, from_x, x), &left(ys, &ys_moved, from_y, y));
            self.pair(xs.get(x), ys.get(y));
            (from_x, from_y) = (x + 1, y + 1);
        }
    }

    /// Compares two elements that belong together, if there are two.
    pub(super) fn pair(&mut self, x: Option<&Element>, y: Option<&Element>) {
        if let (Some(old), Some(new)) = (x, y) {
            self.at_step(Step::Index(old.index()), old.node(), new.node());
        }
    }
}

pub(super) fn set(flags: &mut [bool], at: usize) {
    if let Some(flag) = flags.get_mut(at) {
        *flag = true;
    }
}

pub(super) fn clear(flags: &mut [bool], at: usize) {
    if let Some(flag) = flags.get_mut(at) {
        *flag = false;
    }
}

/// The elements at these places, which rise.
fn picked(elements: impl Iterator<Item = usize>, places: &[u32]) -> impl Iterator<Item = usize> {
    let mut wanted = places.iter().peekable();
    (0..).zip(elements).filter_map(move |(place, element)| wanted.next_if_eq(&&place).map(|_| element))
}

/// Unpaired elements that stand, equal, at another place of the other side: each with where it stands there, in order.
fn moved((xs, x_places): (&[Element], &[u32]), (ys, y_places): (&[Element], &[u32]), pairs: &Pairs) -> Pairs {
    let (mut free_x, mut free_y) = (vec![true; xs.len()], vec![true; ys.len()]);
    for (x, y) in pairs {
        clear(&mut free_x, *x as usize);
        clear(&mut free_y, *y as usize);
    }
    let mut moved = Pairs::new();
    each_common((xs, x_places), (ys, y_places), |x_run, y_run| {
        let free = |run: &'_ [u32], flags: &[bool]| -> SmallVec<[u32; 4]> {
            run.iter().copied().filter(|at| flags.get(*at as usize) == Some(&true)).collect()
        };
        moved.extend(free(x_run, &free_x).into_iter().zip(free(y_run, &free_y)));
    });
    moved.sort_unstable();
    moved
}

/// The first elements of an array, as JSON text.
pub(super) fn first_elements(tape: &Tape<'_>, array: usize) -> String {
    const SHOWN: usize = 8;
    let mut elements = tape.elements(array);
    let shown: Vec<&str> = elements.by_ref().take(SHOWN).map(|node| tape.shown(node)).collect();
    let more = if elements.next().is_some() { ",…" } else { "" };
    format!("[{}{more}]", shown.join(","))
}
