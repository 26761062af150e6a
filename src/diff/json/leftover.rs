//! Elements of two arrays that are equal to none: what is alike is one element that changed, the rest was removed or added.

use super::align::{SORTED, set};
use super::chain::{Element, MAX_CELLS, Pairs, best_chain, by_hash, each_common, unique_chain};
use super::likeness::{ALIKE, Face, alike, face, member_hash};
use super::string;
use super::tape::{Kind as Json, Tape};
use super::walk::{Step, Walk};
use crate::diff::comparison::Kind;
use crate::diff::sink::Finding;

/// Steps for each element that is told to be gone: of [`MAX_WORK`](crate::diff::sink::MAX_WORK).
const GONE: usize = 60;

impl Walk<'_, '_, '_, '_> {
    /// Elements between two pairs: those alike changed, the rest was removed or added.
    pub(super) fn gap(&mut self, xs: &[Element], ys: &[Element]) {
        if xs.is_empty() && ys.is_empty() {
            return;
        }
        let pairs = if xs.len() == ys.len() && xs.len() == 1 {
            vec![(0, 0)]
        } else if xs.is_empty() || ys.is_empty() {
            Pairs::new()
        } else if xs.len() * ys.len() <= MAX_CELLS && self.afford(self.likeness_work(xs, ys)) {
            let held = self.likeness_room(xs, ys);
            if !self.hold(held) {
                return;
            }
            let (old, new) = (faces(self.old, xs), faces(self.new, ys));
            let pairs = best_chain(xs.len(), ys.len(), |i, j| match (old.get(i), new.get(j)) {
                (Some(x), Some(y)) => Some(alike(x, y)).filter(|likeness| *likeness >= ALIKE).unwrap_or(0.0),
                _ => 0.0,
            });
            self.sink.let_go(held);
            pairs
        } else {
            match self.told_apart(xs, ys) {
                Some((xs, ys)) => unique_chain((&xs, &by_hash(&xs)), (&ys, &by_hash(&ys))),
                None => (0..xs.len().min(ys.len()) as u32).map(|at| (at, at)).collect(),
            }
        };
        self.changed_or_gone(xs, ys, &pairs);
    }

    /// Too many records to be held against each other, named by the member that tells most of them apart. `None`: no member does.
    pub(super) fn told_apart(&mut self, xs: &[Element], ys: &[Element]) -> Option<(Vec<Element>, Vec<Element>)> {
        let (old, new) = (self.old, self.new);
        let first = xs.first().map(Element::node).filter(|first| old.kind(*first) == Json::Object)?;
        let names = old.members(first).filter(|(_, value)| !matches!(old.kind(*value), Json::Array | Json::Object));
        let names: Vec<String> = names.take(MOST_NAMES).map(|(key, _)| string::decode(key).into_owned()).collect();
        let count = xs.len() + ys.len();
        if !self.sink.has_left(names.len() * (count * SORTED + weight(old, xs) + weight(new, ys))) {
            return None;
        }
        let held = count * NAMED;
        if !self.sink.hold(held) {
            return None;
        }
        let mut best = (xs.len().min(ys.len()) / 2, None);
        for name in &names {
            let (here, there) = (named(old, xs, name), named(new, ys, name));
            let mut apart = 0;
            each_common((&here, &by_hash(&here)), (&there, &by_hash(&there)), |x_run, y_run| {
                apart += usize::from(x_run.len() == 1 && y_run.len() == 1);
            });
            if apart > best.0 {
                best = (apart, Some((here, there)));
            }
        }
        self.sink.let_go(held);
        let affordable = self.afford(names.len() * count * SORTED) && self.afford_looks();
        best.1.filter(|_| affordable)
    }

    /// Steps to read all faces and to compare each with each, at most [`FACE`] members of it.
    pub(super) fn likeness_work(&self, xs: &[Element], ys: &[Element]) -> usize {
        const FACE: usize = 16;
        let widest = weight(self.old, xs) / xs.len().max(1) + weight(self.new, ys) / ys.len().max(1);
        weight(self.old, xs) + weight(self.new, ys) + xs.len() * ys.len() * widest.min(FACE)
    }

    /// Bytes of all faces, and of the table.
    pub(super) fn likeness_room(&self, xs: &[Element], ys: &[Element]) -> usize {
        const FACE: usize = 64;
        const NODE: usize = 12;
        (xs.len() + ys.len()) * FACE + (weight(self.old, xs) + weight(self.new, ys)) * NODE + xs.len() * ys.len()
    }

    pub(super) fn changed_or_gone(&mut self, xs: &[Element], ys: &[Element], pairs: &Pairs) {
        let (mut paired_x, mut paired_y) = (vec![false; xs.len()], vec![false; ys.len()]);
        for (x, y) in pairs {
            set(&mut paired_x, *x as usize);
            set(&mut paired_y, *y as usize);
            self.pair(xs.get(*x as usize), ys.get(*y as usize));
        }
        for (element, _) in xs.iter().zip(&paired_x).filter(|(_, paired)| !**paired) {
            self.gone(element.index(), element.node());
        }
        for (element, _) in ys.iter().zip(&paired_y).filter(|(_, paired)| !**paired) {
            self.added(element.index(), element.node());
        }
    }

    pub(super) fn gone(&mut self, index: usize, node: usize) {
        if self.sink.only_counts() || !self.afford(GONE) {
            return;
        }
        let finding = Finding::new(Kind::Missing, self.pointer_to(Step::Index(index)));
        self.sink.report(finding.only_control(self.old.shown(node)).cause("element_removed"));
    }

    pub(super) fn added(&mut self, index: usize, node: usize) {
        if self.sink.only_counts() || !self.afford(GONE) {
            return;
        }
        let finding = Finding::new(Kind::Extra, self.pointer_to(Step::Index(index)));
        self.sink.report(finding.only_candidate(self.new.shown(node)).cause("element_added"));
    }
}

/// Members of a record that are tried for a name of it.
const MOST_NAMES: usize = 8;

/// Bytes for each element that is named: in the best list, in the next one, and in that of the hashes.
const NAMED: usize = 48;

/// The elements, named by a member; those without it keep the name that they have.
fn named(tape: &Tape<'_>, list: &[Element], name: &str) -> Vec<Element> {
    let hash = |element: &Element| member_hash(tape, element.node(), name).unwrap_or(element.hash);
    list.iter().map(|element| Element { hash: hash(element), ..*element }).collect()
}

/// Nodes of all these elements.
fn weight(tape: &Tape<'_>, list: &[Element]) -> usize {
    list.iter().map(|element| tape.weight(element.node())).sum()
}

pub(super) fn faces(tape: &Tape<'_>, list: &[Element]) -> Vec<Face> {
    list.iter().map(|element| face(tape, element.node())).collect()
}
