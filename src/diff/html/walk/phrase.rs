//! Words and markup among the children of two elements: the same words in other elements are one change. Words that came or went with
//! elements are in [`alone`](super::alone).

use super::super::dom::NodeId;
use super::super::flow::{Lead, has_nbsp};
use super::super::view::{ItemId, ItemKind, View};
use super::{Side, Walk};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::html::align::Alignment;
use crate::diff::sink::Finding;

/// What is left to tell of texts among children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// They are compared one by one.
    Open,
    /// Nothing: they are the same in other elements.
    Told,
}

/// More text is not held together. Bytes.
const LONGEST: usize = 16 << 10;

impl Walk<'_, '_, '_, '_> {
    /// Compares what two lists of children say, whatever marks it up, if an element among them has no partner.
    pub(super) fn words(
        &mut self,
        alignment: &Alignment,
        (old, new): (&[ItemId], &[ItemId]),
        at: (NodeId, NodeId),
    ) -> Words {
        let (x, y) = (self.sides.a, self.sides.b);
        let elements = |view: &View<'_>, kids: &[ItemId], only: &[u32]| {
            only.iter().any(|at| view.item(kids[*at as usize]).kind == ItemKind::Element)
        };
        if !elements(x, old, &alignment.only_a) && !elements(y, new, &alignment.only_b) {
            return Words::Open;
        }
        let same = |(a, b): &(&ItemId, &ItemId)| x.item(**a).meaning == y.item(**b).meaning;
        let before = old.iter().zip(new).take_while(same).count();
        let (old, new) = (&old[before..], &new[before..]);
        let after = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
        let (old, new) = (&old[..old.len() - after], &new[..new.len() - after]);
        let Some((old, new)) = said(x, old).zip(said(y, new)) else { return Words::Open };
        let letters = |text: &str| text.split_whitespace().flat_map(str::chars).collect::<String>();
        if old.trim().is_empty() || !self.sink.spend(old.len() + new.len()) || letters(&old) != letters(&new) {
            return Words::Open;
        }
        if !old.split_whitespace().eq(new.split_whitespace()) || old.starts_with(' ') != new.starts_with(' ') {
            let path = self.place(Side::Control, at.0);
            let finding = Finding::new(Kind::Text, path).values(old, new);
            self.report(finding.severity(Severity::Medium).cause("whitespace"));
        }
        Words::Told
    }
}

/// What children say, one after the other. `None`: blanks in it count as they stand, or it is too long.
fn said(view: &View<'_>, kids: &[ItemId]) -> Option<String> {
    let mut text = String::new();
    kids.iter().try_for_each(|kid| say(view, *kid, &mut text))?;
    Some(text)
}

fn say(view: &View<'_>, id: ItemId, out: &mut String) -> Option<()> {
    let item = view.item(id);
    match item.kind {
        ItemKind::Text if !view.flows(id) || has_nbsp(&view.dom.text(item.node)) => return None,
        ItemKind::Text => out.push_str(&view.text(id)),
        ItemKind::Element if let Some(left_out) = view.dom.left_out(item.node) => {
            // Equal to its partner, whatever it says.
            out.push_str(&format!(" {} ", left_out.pair));
        }
        ItemKind::Element => {
            let breaks = view.breaks_line(id);
            if breaks || item.lead == Lead::Space {
                out.push(' ');
            }
            view.kids(id).try_for_each(|kid| say(view, kid, out))?;
            if breaks {
                out.push(' ');
            }
        }
        ItemKind::Instruction | ItemKind::ConditionalComment => {}
    }
    (out.len() <= LONGEST).then_some(())
}
