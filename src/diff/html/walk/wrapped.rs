//! An element that one side puts around what the other has without it: that is one change, and what stands in it is compared.

use super::super::dom::NodeId;
use super::super::view::{Item, ItemId, ItemKind, View};
use super::{Side, Walk};
use crate::diff::comparison::Kind;
use crate::diff::sink::Finding;

impl Walk<'_, '_, '_, '_> {
    /// Tells of an element around children, if that is what differs between two lists of them.
    pub(super) fn wrapped(&mut self, (old, new): (&[ItemId], &[ItemId]), at: (NodeId, NodeId)) -> bool {
        let (x, y) = (self.sides.a, self.sides.b);
        let same = |(a, b): &(&ItemId, &ItemId)| x.item(**a).meaning == y.item(**b).meaning;
        let before = old.iter().zip(new).take_while(same).count();
        let after = old[before..].iter().rev().zip(new[before..].iter().rev()).take_while(same).count();
        let (old, new) = (&old[before..old.len() - after], &new[before..new.len() - after]);
        if let [only] = new
            && is_around((y, *only), (x, old))
        {
            let node = y.item(*only).node;
            let finding = Finding::new(Kind::Extra, self.place(Side::Candidate, node)).only_candidate(tag(y, node));
            self.report(finding.cause("wrapped"));
            let inner = self.counted(y, *only);
            self.lists(View::ROOT, (old, &inner), (at.0, node));
            return true;
        }
        if let [only] = old
            && is_around((x, *only), (y, new))
        {
            let node = x.item(*only).node;
            let finding = Finding::new(Kind::Missing, self.place(Side::Control, node)).only_control(tag(x, node));
            self.report(finding.cause("unwrapped"));
            let inner = self.counted(x, *only);
            self.lists(View::ROOT, (&inner, new), (node, at.1));
            return true;
        }
        false
    }
}

/// A start tag as it stands in its page.
fn tag(view: &View<'_>, node: NodeId) -> String {
    view.dom.node(node).source.of(view.dom.page).to_owned()
}

/// Does an element stand around children that the other side has without it? So many of the same names, and mostly the same in them.
fn is_around((outer, around): (&View<'_>, ItemId), (inner, kids): (&View<'_>, &[ItemId])) -> bool {
    const MOST: usize = 256;
    let item = outer.item(around);
    let has_content = |id: &ItemId| inner.item(*id).kind == ItemKind::Element && inner.item(*id).weight > 1;
    if item.kind != ItemKind::Element
        || outer.dom.left_out(item.node).is_some()
        || kids.is_empty()
        || kids.len() > MOST
        || !kids.iter().any(has_content)
    {
        return false;
    }
    // Of two alike, the one stands for the other, and not for what stands in it.
    if matches!(kids, [kid] if inner.item(*kid).own == item.own) {
        return false;
    }
    let mut within = outer.kids(around);
    let (mut alike, mut equal) = (true, 0);
    for kid in kids {
        let Some(other) = within.next() else { return false };
        let (a, b) = (inner.item(*kid), outer.item(other));
        alike &= a.kind == b.kind && inner.name(*kid) == outer.name(other);
        // An only child is the same one by its attributes, too.
        equal += usize::from(a.meaning == b.meaning || (kids.len() == 1 && a.own == b.own && a.weight > 2));
    }
    let mostly = || equal > 0 && equal * 2 >= kids.len();
    alike && within.next().is_none() && (mostly() || kids.len() > 2 && say_nearly_the_same(item, inner, kids))
}

/// Does an element say most of what some children say, each of which may say something else, too?
fn say_nearly_the_same(outer: &Item, inner: &View<'_>, kids: &[ItemId]) -> bool {
    const LITTLE: u32 = 16;
    /// In bags as full as this, much is the same by chance.
    const MUCH: u32 = 96;
    let said = kids.iter().map(|kid| inner.item(*kid).bag).fold([0; 2], |all, bag| [all[0] | bag[0], all[1] | bag[1]]);
    let ones = |mixed: fn(u64, u64) -> u64| (0..2).map(|at| mixed(outer.bag[at], said[at]).count_ones()).sum::<u32>();
    let (both, either) = (ones(|a, b| a & b), ones(|a, b| a | b));
    let needed = if either > MUCH { 14 } else { 9 };
    either >= LITTLE && both * 16 >= either * needed
}
