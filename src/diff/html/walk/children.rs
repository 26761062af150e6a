//! The children of two elements that stand for each other: which of the one stands for which of the other, and who is alone.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::super::align::{self, Alignment, Movable, Moved, Sketch};
use super::super::dom::{Dom, NodeId, NodeKind};
use super::super::escape;
use super::super::selector::Selector;
use super::super::view::{ItemId, ItemKind, View, short};
use super::alone::{runs, source_of};
use super::phrase::Words;
use super::{Beside, Side, Walk};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::{Rule, Rules};
use crate::diff::sink::Finding;

impl Walk<'_, '_, '_, '_> {
    pub(super) fn kids(&mut self, a: ItemId, b: ItemId) {
        let (x, y) = (self.sides.a, self.sides.b);
        let (old, new) = (x.item(a), y.item(b));
        let at = (old.node, new.node);
        let unseen = (x.unseen(a), y.unseen(b));
        if unseen.0.0 != unseen.1.0 {
            self.hide(Rule::HtmlWhitespace, Kind::Text, at);
        }
        if unseen.0.1 != unseen.1.1 {
            self.hide(Rule::HtmlComments, Kind::Text, at);
        }
        let (old_kids, new_kids) = (self.counted(x, a), self.counted(y, b));
        if x.solid(a) != y.solid(b) && texts_of(x, &old_kids).eq(texts_of(y, &new_kids)) {
            self.solid_spaces(at);
        }
        self.ignored_kids(a, b, at);
        if old.meaning == new.meaning
            || old_kids.iter().map(|kid| x.item(*kid).meaning).eq(new_kids.iter().map(|kid| y.item(*kid).meaning))
        {
            for (old, new) in old_kids.iter().zip(&new_kids) {
                self.pair(*old, *new, at);
            }
            return;
        }
        if (old_kids.len() + new_kids.len()) * ALIGNING > self.room {
            self.too_much();
            return;
        }
        if self.wrapped((&old_kids, &new_kids), at) {
            return;
        }
        self.lists(a, (&old_kids, &new_kids), at);
    }

    /// Compares two lists of children, of which some differ.
    pub(super) fn lists(&mut self, a: ItemId, (old_kids, new_kids): (&[ItemId], &[ItemId]), at: (NodeId, NodeId)) {
        let (x, y) = (self.sides.a, self.sides.b);
        let list = self.lists.of_elements((x.dom, at.0), (y.dom, at.1));
        let mut alignment = match list.and_then(|list| list.key.as_deref()) {
            Some(key) => align::by_key(&keys(x, old_kids, key), &keys(y, new_kids, key)),
            None => self.align(a, old_kids, new_kids),
        };
        if let Some(list) = list {
            self.any_order(&mut alignment, &list.entry, (old_kids, new_kids), at);
        }
        if !self.sink.spend(alignment.work) {
            self.too_much();
            return;
        }
        self.aligned(&alignment, (old_kids, new_kids), at);
    }

    /// Spaces at which no line breaks stand for others, or the other way round.
    fn solid_spaces(&mut self, at: (NodeId, NodeId)) {
        let path = self.place(Side::Control, at.0);
        let values = (own_text(self.sides.a, at.0), own_text(self.sides.b, at.1));
        self.report(Finding::new(Kind::Text, path).values(values.0, values.1).rule(Rule::Nbsp));
    }

    pub(super) fn counted(&self, view: &View<'_>, parent: ItemId) -> SmallVec<[ItemId; 16]> {
        view.kids(parent).filter(|kid| view.item(*kid).ignored().is_none()).collect()
    }

    /// What the operator ignores still is told, as ignored, when it differs.
    fn ignored_kids(&mut self, a: ItemId, b: ItemId, at: (NodeId, NodeId)) {
        if self.ignored.is_empty() {
            return;
        }
        let (x, y) = (self.sides.a, self.sides.b);
        let ignored = |view: &View<'_>, parent: ItemId| -> Vec<ItemId> {
            view.kids(parent).filter(|kid| view.item(*kid).ignored().is_some()).collect()
        };
        let (old, new) = (ignored(x, a), ignored(y, b));
        for index in 0..old.len().max(new.len()) {
            let (old, new) = (old.get(index), new.get(index));
            if let (Some(old), Some(new)) = (old, new)
                && x.item(*old).meaning == y.item(*new).meaning
            {
                continue;
            }
            let entry = old.map(|id| x.item(*id)).or_else(|| new.map(|id| y.item(*id))).and_then(|item| item.ignored());
            let written = entry.and_then(|entry| self.ignored.get(usize::from(entry))).cloned().unwrap_or_default();
            let path = match (old, new) {
                (Some(old), _) => self.place(Side::Control, x.item(*old).node),
                (None, Some(new)) => self.place(Side::Candidate, y.item(*new).node),
                (None, None) => self.place(Side::Control, at.0),
            };
            let mut finding = Finding::new(Kind::Text, path);
            finding.control = old.map(|id| source_of(x, *id).into());
            finding.candidate = new.map(|id| source_of(y, *id).into());
            self.something();
            self.sink.ignore(finding, format!("ignore: css:{written}"));
        }
    }

    fn align(&self, parent: ItemId, old: &[ItemId], new: &[ItemId]) -> Alignment {
        let (x, y) = (self.sides.a, self.sides.b);
        let are_alike =
            |(old, new): (&ItemId, &ItemId)| x.item(*old).kind == y.item(*new).kind && x.name(*old) == y.name(*new);
        let stay = matches!(x.name(parent), "tr" | "head") && old.len() == new.len();
        if stay && old.iter().zip(new).all(are_alike) {
            let of = |view: &View<'_>, kids: &[ItemId]| -> Vec<u64> {
                kids.iter().map(|id| view.item(*id).meaning).collect()
            };
            // Two cells of a column each have their heading; two values that only changed places are two that differ.
            let plain = |id: &ItemId| x.name(parent) == "tr" && x.item(*id).weight <= PLAIN;
            let permuted = (!old.iter().all(plain)).then(|| align::permuted(&of(x, old), &of(y, new))).flatten();
            return permuted.unwrap_or_else(|| align::by_place(old.len()));
        }
        let old: Vec<Sketch> = old.iter().map(|id| sketch(x, *id)).collect();
        let new: Vec<Sketch> = new.iter().map(|id| sketch(y, *id)).collect();
        align::align(&old, &new)
    }

    /// What stands in another order where the operator said that none counts.
    fn any_order(
        &mut self,
        alignment: &mut Alignment,
        entry: &str,
        kids: (&[ItemId], &[ItemId]),
        at: (NodeId, NodeId),
    ) {
        let path = self.place(Side::Control, at.0);
        if alignment.pairs.iter().all(|pair| pair.moved == Moved::No) {
            return self.sink.met(entry, path);
        }
        let from = in_place(alignment);
        for pair in &mut alignment.pairs {
            pair.moved = Moved::No;
        }
        let (x, y) = (self.sides.a, self.sides.b);
        let finding = Finding::new(Kind::Order, path).values(outline(x, kids.0, from), outline(y, kids.1, from));
        self.something();
        self.sink.silence(finding, entry.to_owned(), entry);
    }

    fn aligned(&mut self, alignment: &Alignment, kids: (&[ItemId], &[ItemId]), at: (NodeId, NodeId)) {
        if self.is_escaping(alignment, kids, at) {
            return;
        }
        if alignment.pairs.iter().any(|pair| pair.moved == Moved::Yes) {
            self.sorted_otherwise(alignment, kids, at);
        }
        let words = self.words(alignment, kids, at);
        let is_alone = |alone: &[u32], at: Option<u32>| at.is_some_and(|at| alone.binary_search(&at).is_ok());
        // Where something stands alone on both sides, one took the other's place, and the space around it stays.
        let is_gap = |a, b| is_alone(&alignment.only_a, a) != is_alone(&alignment.only_b, b);
        for pair in &alignment.pairs {
            let (old, new) = (kids.0[pair.a as usize], kids.1[pair.b as usize]);
            if words == Words::Told && self.are_other_texts(old, new) {
                continue;
            }
            let gap =
                is_gap(pair.a.checked_sub(1), pair.b.checked_sub(1)) || is_gap(Some(pair.a + 1), Some(pair.b + 1));
            self.pair_beside(old, new, at, if gap { Beside::Gap } else { Beside::Pairs });
        }
        for (side, only, kids) in
            [(Side::Control, &alignment.only_a, kids.0), (Side::Candidate, &alignment.only_b, kids.1)]
        {
            for run in runs(only) {
                let run: SmallVec<[ItemId; 8]> = run.iter().map(|at| kids[*at as usize]).collect();
                self.alone(side, &run, words, at);
            }
        }
    }

    fn are_other_texts(&self, old: ItemId, new: ItemId) -> bool {
        let (old, new) = (self.sides.a.item(old), self.sides.b.item(new));
        (old.kind, new.kind) == (ItemKind::Text, ItemKind::Text) && old.meaning != new.meaning
    }

    fn sorted_otherwise(&mut self, alignment: &Alignment, kids: (&[ItemId], &[ItemId]), at: (NodeId, NodeId)) {
        let path = self.place(Side::Control, at.0);
        let from = in_place(alignment);
        let outlines = (outline(self.sides.a, kids.0, from), outline(self.sides.b, kids.1, from));
        let finding = Finding::new(Kind::Order, path).values(outlines.0, outlines.1);
        self.report(finding.cause("sorted_otherwise"));
    }

    /// Whether text on the one side is markup on the other; then that is told, and nothing else.
    fn is_escaping(&mut self, alignment: &Alignment, kids: (&[ItemId], &[ItemId]), at: (NodeId, NodeId)) -> bool {
        let finding = self.escaping(alignment, kids, at);
        let found = finding.is_some();
        finding.into_iter().for_each(|finding| self.report(finding));
        found
    }

    /// Text on the one side that is markup on the other.
    fn escaping(
        &mut self,
        alignment: &Alignment,
        kids: (&[ItemId], &[ItemId]),
        at: (NodeId, NodeId),
    ) -> Option<Finding> {
        let (x, y) = (self.sides.a, self.sides.b);
        let elements = |view: &View<'_>, kids: &[ItemId], only: &[u32]| {
            only.iter().any(|at| view.item(kids[*at as usize]).kind == ItemKind::Element)
        };
        let (in_old, in_new) = (elements(x, kids.0, &alignment.only_a), elements(y, kids.1, &alignment.only_b));
        if in_new && escape::is_text_of(x.dom, at.0, y.dom, at.1) {
            let path = self.place(Side::Control, at.0);
            let values = (x.dom.text_content(at.0), escape::inner_source(y.dom, at.1));
            let finding = Finding::new(Kind::Text, path).values(values.0, values.1);
            return Some(finding.severity(Severity::Critical).cause("escape_missing"));
        }
        if in_old && escape::is_text_of(y.dom, at.1, x.dom, at.0) {
            let path = self.place(Side::Control, at.0);
            let values = (escape::inner_source(x.dom, at.0), y.dom.text_content(at.1));
            return Some(Finding::new(Kind::Text, path).values(values.0, values.1).cause("markup_escaped"));
        }
        None
    }
}

/// A cell with a text, and no element, in it: itself and the text.
const PLAIN: u16 = 2;

/// What aligning takes for each child. Bytes.
const ALIGNING: usize = size_of::<Sketch>() + 48;

/// Elements whose children have no order, as `unordered` and `match_by` name them.
#[derive(Debug, Default)]
pub(in crate::diff::html) struct Lists(Vec<List>);

#[derive(Debug)]
pub(in crate::diff::html) struct List {
    selector: Selector,
    /// The attribute that pairs the children.
    key: Option<String>,
    /// As it is called in the report.
    entry: String,
}

impl Lists {
    pub fn of(rules: &Rules) -> Self {
        let list = |(text, key): (&str, Option<&str>)| {
            let class = if key.is_some() { "match_by" } else { "unordered" };
            let selector = Selector::parse(text).ok()?;
            Some(List { selector, key: key.map(str::to_owned), entry: format!("{class}: css:{text}") })
        };
        Self(rules.listed_selectors().filter_map(list).collect())
    }

    fn of_elements(&self, old: (&Dom<'_>, NodeId), new: (&Dom<'_>, NodeId)) -> Option<&List> {
        self.0.iter().find(|list| list.selector.matches(old.0, old.1) && list.selector.matches(new.0, new.1))
    }
}

/// What each item is called by an attribute of its own, or of the first below it that has it.
fn keys<'v>(view: &'v View<'_>, kids: &[ItemId], key: &str) -> Vec<Option<Cow<'v, str>>> {
    kids.iter().map(|kid| first_with(view.dom, view.item(*kid).node, key)).collect()
}

fn first_with<'v>(dom: &'v Dom<'_>, node: NodeId, key: &str) -> Option<Cow<'v, str>> {
    dom.attribute(node, key).or_else(|| dom.children(node).find_map(|child| first_with(dom, child, key)))
}

/// The meanings of the texts among some items.
fn texts_of<'v>(view: &'v View<'_>, kids: &'v [ItemId]) -> impl Iterator<Item = u64> + 'v {
    kids.iter().map(|kid| view.item(*kid)).filter(|item| item.kind == ItemKind::Text).map(|item| item.meaning)
}

/// The text directly below an element, as it stands.
fn own_text(view: &View<'_>, node: NodeId) -> String {
    let texts = view.dom.children(node).filter(|child| view.dom.node(*child).kind == NodeKind::Text);
    texts.map(|text| view.dom.text(text)).collect()
}

/// How many children at the start stand where they stood.
fn in_place(alignment: &Alignment) -> usize {
    alignment
        .pairs
        .iter()
        .enumerate()
        .take_while(|(at, pair)| pair.a as usize == *at && pair.b == pair.a && pair.moved == Moved::No)
        .count()
}

/// The first words of each child, from the last one on that is in its place: enough to see the order.
fn outline(view: &View<'_>, kids: &[ItemId], in_place: usize) -> String {
    const MOST: usize = 8;
    const WORDS: usize = 24;
    const TAG: usize = 48;
    const ELSEWHERE: &str = "…";
    let text = |id: &ItemId| {
        let mut text = String::new();
        push_words(view, *id, WORDS, &mut text);
        if text.is_empty() {
            // What has no words: a link to a style sheet, an image.
            return view.dom.node(view.item(*id).node).source.of(view.dom.page).chars().take(TAG).collect();
        }
        text.trim_end().chars().take(WORDS).collect::<String>()
    };
    let from = in_place.saturating_sub(1).min(kids.len());
    let mut texts = kids[from..].iter().map(text).filter(|text| !text.is_empty());
    let mut shown: Vec<String> = (from > 0).then(|| ELSEWHERE.to_owned()).into_iter().collect();
    shown.extend(texts.by_ref().take(MOST));
    if texts.next().is_some() {
        shown.push(ELSEWHERE.to_owned());
    }
    shown.join(" | ")
}

/// The words below an item, each text apart from the next.
fn push_words(view: &View<'_>, id: ItemId, most: usize, out: &mut String) {
    let enough = most * size_of::<char>();
    if out.len() > enough {
        return;
    }
    let item = view.item(id);
    let left_out = view.dom.left_out(item.node).map(|_| view.dom.text_left_out(item.node, enough));
    for word in left_out.as_deref().unwrap_or(&view.text(id)).split_whitespace().take(most) {
        out.push_str(word);
        out.push(' ');
    }
    for kid in view.kids(id) {
        push_words(view, kid, most, out);
    }
}

fn sketch(view: &View<'_>, id: ItemId) -> Sketch {
    let item = view.item(id);
    let movable = item.kind == ItemKind::Element && item.weight > 1;
    let hash = |text: &str| short(xxhash_rust::xxh3::xxh3_64(text.as_bytes()));
    Sketch {
        meaning: item.meaning,
        sort: if item.kind == ItemKind::Element { hash(view.dom.local_name(item.node)) } else { item.kind as u32 },
        own: item.own,
        inside: short(view.inside(id)),
        id: view.dom.id(item.node).filter(|_| item.kind == ItemKind::Element).map_or(0, |id| hash(&id)),
        bag: item.bag,
        weight: item.weight,
        movable: if movable { Movable::Yes } else { Movable::No },
    }
}
