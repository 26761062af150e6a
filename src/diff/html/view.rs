//! What a user sees of a [`Dom`]: white space only where it shows, text joined over comments, every item with hashes of all
//! below it, so that equal parts are known to be equal at once.
//!
//! Two hashes per item: `meaning` is equal when the parts differ in nothing but cosmetic spelling, `spelling` when not even in
//! that. What is equal in meaning but not in spelling is walked in step only to count what was hidden.

mod build;

use std::borrow::Cow;

use super::dom::{Dialect, Dom, NodeId, NodeKind};
use super::flow::{self, Flow, Lead, Role};
use super::tree::TooBig;
use build::Build;

/// An index into [`View::items`]. What stands in an element follows it directly.
pub(super) type ItemId = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    Element,
    Text,
    /// A comment that old browsers obey: `<!--[if lt IE 9]>`.
    ConditionalComment,
    Instruction,
}

/// How texts are read: of a text, where it stands; of an element, directly below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// As they stand.
    Exact,
    /// Without blanks around them.
    Trimmed,
    /// As they show in a line that goes on so.
    Flowing(Flow),
    /// Not at all: blanks are layout.
    Nothing,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub meaning: u64,
    /// Which texts and attributes stand below: one bit each. Tells at a glance how alike two parts are.
    pub bag: [u64; 2],
    pub spelling: u32,
    /// Name and attributes alone, by meaning.
    pub own: u32,
    /// The element, or the first of the text nodes that make up the text.
    pub node: NodeId,
    /// The item behind all that stands in this one.
    end: ItemId,
    /// Texts and attributes below.
    pub weight: u16,
    /// An operator's `ignore` covers it: which, and one more. Zero: none.
    ignored: u16,
    pub kind: ItemKind,
    /// Whether a space shows before it; texts have it in them.
    pub lead: Lead,
    reading: Reading,
    /// A text directly below has no-break spaces.
    solid: bool,
}

/// What an item takes. Bytes.
pub(super) const ITEM: usize = size_of::<Item>();

impl Item {
    /// Which `ignore` entry covers it.
    pub fn ignored(&self) -> Option<u16> {
        self.ignored.checked_sub(1)
    }

    fn bag(&self) -> u128 {
        u128::from(self.bag[0]) << 64 | u128::from(self.bag[1])
    }

    fn put(&mut self, bits: u128) {
        let [high, low] = halves(bits);
        self.bag = [self.bag[0] | high, self.bag[1] | low];
    }
}

#[expect(clippy::cast_possible_truncation, reason = "two halves")]
fn halves(bits: u128) -> [u64; 2] {
    [(bits >> 64) as u64, bits as u64]
}

#[derive(Debug)]
pub(super) struct View<'d> {
    pub dom: &'d Dom<'d>,
    pub items: Vec<Item>,
    /// Tokens and nonces that the page shows: masked where they stand in scripts.
    pub secrets: Vec<String>,
}

/// Which `ignore` entry covers a node, by its place in the rules.
pub(super) type Ignoring<'i> = &'i dyn Fn(&Dom<'_>, NodeId) -> Option<u16>;

impl<'d> View<'d> {
    /// The document's own item.
    pub const ROOT: ItemId = 0;

    pub fn of(dom: &'d Dom<'d>, ignoring: Ignoring<'_>) -> Result<Self, TooBig> {
        let view = Self { dom, items: Vec::with_capacity(dom.shown), secrets: Vec::new() };
        Build::new(view, ignoring).whole()
    }

    pub fn item(&self, id: ItemId) -> &Item {
        &self.items[id as usize]
    }

    pub fn kids(&self, id: ItemId) -> impl Iterator<Item = ItemId> + '_ {
        let end = self.item(id).end;
        let mut next = id + 1;
        std::iter::from_fn(move || {
            let kid = (next < end).then_some(next)?;
            next = self.item(kid).end;
            Some(kid)
        })
    }

    /// What an item shows that is no element.
    pub fn text(&self, id: ItemId) -> Cow<'_, str> {
        let item = self.item(id);
        match item.kind {
            ItemKind::Element => Cow::Borrowed(""),
            ItemKind::Text => self.joined(item),
            ItemKind::ConditionalComment | ItemKind::Instruction => Cow::Owned(squeezed(&self.dom.text(item.node))),
        }
    }

    /// The text from a node on, over comments, up to the next thing that shows.
    fn joined(&self, item: &Item) -> Cow<'_, str> {
        let first = self.dom.text(item.node);
        let mut reading = item.reading;
        let mut rest = self.parts_behind(item.node);
        let Some(second) = rest.next() else {
            return match (reading, first) {
                (Reading::Exact, text) => text,
                (Reading::Trimmed, Cow::Borrowed(text)) => Cow::Borrowed(text.trim_matches(is_blank)),
                (_, text) => {
                    let mut shown = String::with_capacity(text.len());
                    reading.push(&text, &mut shown);
                    Cow::Owned(shown)
                }
            };
        };
        let mut shown = String::new();
        reading.push(&first, &mut shown);
        std::iter::once(second).chain(rest).for_each(|node| reading.push(&self.dom.text(node), &mut shown));
        Cow::Owned(shown)
    }

    fn parts_behind(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let dom = self.dom;
        let behind = std::iter::successors(Some(dom.node(node).next), |at| {
            (*at != super::dom::NONE).then(|| dom.node(*at).next)
        });
        behind
            .take_while(|at| *at != super::dom::NONE)
            .take_while(|at| match dom.node(*at).kind {
                NodeKind::Text => true,
                NodeKind::Comment => !is_conditional(&dom.text(*at)),
                _ => false,
            })
            .filter(|at| dom.node(*at).kind == NodeKind::Text)
    }

    pub fn name(&self, id: ItemId) -> &str {
        self.dom.name(self.item(id).node).unwrap_or_default()
    }

    /// Is a text part of a line, so that blanks in it are one?
    pub fn flows(&self, text: ItemId) -> bool {
        matches!(self.item(text).reading, Reading::Flowing(_))
    }

    /// Does an element begin a line, and what follows it another one?
    pub fn breaks_line(&self, element: ItemId) -> bool {
        matches!(flow::name_role(self.name(element)), Role::Block | Role::Exact)
    }

    /// All that stands below an element, by meaning. Zero: too little to know it by.
    pub fn inside(&self, id: ItemId) -> u64 {
        let item = self.item(id);
        if item.kind != ItemKind::Element || item.weight < KNOWN_BY_INSIDE || self.dom.left_out(item.node).is_some() {
            return 0;
        }
        let counted = self.kids(id).map(|kid| self.item(kid)).filter(|kid| kid.ignored == 0);
        counted.fold(0, |inside, kid| mix(inside, kid.meaning))
    }

    /// What does not show directly below an element: a hash of the blanks, and one of the comments.
    pub fn unseen(&self, id: ItemId) -> (u64, u64) {
        let item = self.item(id);
        let (mut blanks, mut comments) = (0, 0);
        for child in self.dom.children(item.node) {
            match self.dom.node(child).kind {
                NodeKind::Text if !self.surely_shows(child) && item.reading.skips(&self.dom.text(child)) => {
                    blanks = mix(blanks, hash(self.dom.node(child).source.of(self.dom.page).as_bytes()));
                }
                NodeKind::Comment if !is_conditional(&self.dom.text(child)) => {
                    comments = mix(comments, hash(self.dom.text(child).as_bytes()));
                }
                _ => {}
            }
        }
        (blanks, comments)
    }

    /// Does a text begin with a letter or the like? Most do, and need not be read to be known to show.
    fn surely_shows(&self, text: NodeId) -> bool {
        let source = self.dom.node(text).source.of(self.dom.page);
        let inner = !self.dom.is_own(text) && self.dom.dialect == Dialect::Html;
        inner && source.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
    }

    /// The texts directly below an element by their no-break spaces. Empty: they have none.
    pub fn solid(&self, id: ItemId) -> String {
        let item = self.item(id);
        if item.solid { flow::solid(&own_text(self.dom, item.node)) } else { String::new() }
    }
}

impl Reading {
    /// Writes what is read of one more text.
    fn push(&mut self, text: &str, out: &mut String) {
        match self {
            Self::Exact => out.push_str(text),
            Self::Trimmed => out.push_str(text.trim_matches(is_blank)),
            Self::Flowing(flow) => flow.push(text, out),
            Self::Nothing => {}
        }
    }

    /// Does it show nothing of a text?
    fn skips(self, text: &str) -> bool {
        match self {
            Self::Exact => text.is_empty(),
            Self::Trimmed => text.chars().all(is_blank),
            Self::Flowing(_) => text.chars().all(flow::is_gap),
            Self::Nothing => true,
        }
    }
}

fn squeezed(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// A hash that only says whether something is worth a look.
pub(super) fn short(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// With less below it, an element is not known by what that is. Texts and elements.
const KNOWN_BY_INSIDE: u16 = 4;

/// The text directly below an element, as it stands; elements part it.
fn own_text(dom: &Dom<'_>, node: NodeId) -> String {
    let mut own = String::new();
    for child in dom.children(node) {
        match dom.node(child).kind {
            NodeKind::Text => own.push_str(&dom.text(child)),
            NodeKind::Element => own.push(' '),
            _ => {}
        }
    }
    own
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

pub(super) fn is_conditional(comment: &str) -> bool {
    let text = comment.trim_matches(is_blank);
    text.starts_with("[if ") || text.starts_with("[if(") || text.ends_with("<![endif]") || text == "<![endif]"
}

fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// Order counts: `mix(a, b) != mix(b, a)`.
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b.rotate_left(32) ^ 0xd1b5_4a32_d192_ed03);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are folded")]
    let folded = (product as u64) ^ ((product >> 64) as u64);
    folded.wrapping_add(a.rotate_left(17)).wrapping_add(b)
}
