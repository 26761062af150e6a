//! What only one side has. Words and elements that follow each other came or went together, and are told as one.

use smallvec::SmallVec;

use super::super::dom::NodeId;
use super::super::escape;
use super::super::lexer::Span;
use super::super::view::{ItemId, ItemKind, View};
use super::phrase::Words;
use super::{Side, Told, Walk};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::Rule;
use crate::diff::sink::Finding;

impl Walk<'_, '_, '_, '_> {
    /// Children of one side that follow each other and have no partner.
    pub(super) fn alone(&mut self, side: Side, run: &[ItemId], words: Words, at: (NodeId, NodeId)) {
        let view = if side == Side::Control { self.sides.a } else { self.sides.b };
        let count = |kind: ItemKind| run.iter().filter(|id| view.item(**id).kind == kind).count();
        let (texts, elements) = (count(ItemKind::Text), count(ItemKind::Element));
        if words == Words::Open && texts > 0 && elements > 0 && texts + elements == run.len() {
            return self.only_phrase(side, run, at);
        }
        for id in run {
            if words == Words::Open || view.item(*id).kind != ItemKind::Text {
                self.only(side, *id, at);
            }
        }
    }

    /// An item that only one side has.
    fn only(&mut self, side: Side, id: ItemId, within: (NodeId, NodeId)) {
        let view = if side == Side::Control { self.sides.a } else { self.sides.b };
        let item = view.item(id);
        let finding = match item.kind {
            ItemKind::Text => {
                let path = self.place(Side::Control, within.0);
                let text = &*view.text(id);
                match side {
                    Side::Control => Finding::new(Kind::Text, path).values(text, ""),
                    Side::Candidate => Finding::new(Kind::Text, path).values("", text),
                }
            }
            ItemKind::Element if view.dom.left_out(item.node).is_some() => {
                self.told = Told::Mispaired;
                return;
            }
            ItemKind::Element | ItemKind::Instruction | ItemKind::ConditionalComment => {
                let node = if item.kind == ItemKind::Element { item.node } else { view.dom.node(item.node).parent };
                let path = self.place(side, node);
                let source = source_of(view, id);
                match side {
                    Side::Control => {
                        escape::tag_like_below(view.dom, item.node, &mut self.lost);
                        Finding::new(Kind::Missing, path).only_control(source)
                    }
                    Side::Candidate => {
                        let escaped = escape::writes_one_of(&self.lost, &source);
                        let finding = Finding::new(Kind::Extra, path).only_candidate(source);
                        if escaped { finding.severity(Severity::Critical).cause("escape_missing") } else { finding }
                    }
                }
            }
        };
        let finding = match item.kind {
            ItemKind::ConditionalComment => finding.rule(Rule::ConditionalComments),
            ItemKind::Element if side == Side::Candidate && self.was_text(within.0, view.name(id)) => {
                finding.severity(Severity::Critical).cause("escape_missing")
            }
            _ => finding,
        };
        self.report(finding);
    }

    /// The same of several that follow each other, words among them.
    fn only_phrase(&mut self, side: Side, run: &[ItemId], within: (NodeId, NodeId)) {
        let view = if side == Side::Control { self.sides.a } else { self.sides.b };
        if run.iter().any(|id| view.dom.left_out(view.item(*id).node).is_some()) {
            self.told = Told::Mispaired;
            return;
        }
        let elements: SmallVec<[ItemId; 8]> =
            run.iter().copied().filter(|id| view.item(*id).kind == ItemKind::Element).collect();
        let Some(first) = elements.first() else { return };
        let path = self.place(side, view.item(*first).node);
        let extents = run.iter().filter_map(|id| view.dom.extent(view.item(*id).node));
        let whole = extents.reduce(|a, b| Span { start: a.start.min(b.start), end: a.end.max(b.end) });
        let source = whole.map_or("", |whole| whole.of(view.dom.page));
        let finding = match side {
            Side::Control => Finding::new(Kind::Missing, path).only_control(source),
            Side::Candidate => Finding::new(Kind::Extra, path).only_candidate(source),
        };
        let escaped = side == Side::Candidate && elements.iter().any(|id| self.was_text(within.0, view.name(*id)));
        self.report(if escaped { finding.severity(Severity::Critical).cause("escape_missing") } else { finding });
    }

    /// Did legacy have a tag of this name as text in that element?
    fn was_text(&mut self, within: NodeId, tag: &str) -> bool {
        let known = matches!(&self.tag_like, Some((node, _)) if *node == within);
        if !known {
            self.tag_like = Some((within, escape::tag_like_texts(self.sides.a.dom, within)));
        }
        let Some((_, texts)) = &self.tag_like else { return false };
        self.sink.spend(texts.len()) && escape::names_tag(texts, tag)
    }
}

/// An item as it stands in its page.
pub(super) fn source_of(view: &View<'_>, id: ItemId) -> String {
    let item = view.item(id);
    match item.kind {
        ItemKind::Element => view
            .dom
            .extent(item.node)
            .map(|extent| extent.of(view.dom.page))
            .filter(|source| !source.is_empty())
            .map_or_else(|| format!("<{}>", view.name(id)), str::to_owned),
        _ => view.text(id).into_owned(),
    }
}

/// Places that follow each other.
pub(super) fn runs(places: &[u32]) -> impl Iterator<Item = &[u32]> {
    places.chunk_by(|one, next| one + 1 == *next)
}
