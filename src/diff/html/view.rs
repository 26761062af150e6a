//! What a user sees of a [`Dom`]: white space only where it shows, text joined over comments, every item with hashes of all
//! below it, so that equal parts are known to be equal at once.
//!
//! Two hashes per item: `meaning` is equal when the parts differ in nothing but cosmetic spelling, `spelling` when not even in
//! that. What is equal in meaning but not in spelling is walked in step only to count what was hidden.

use std::borrow::Cow;

use super::attribute;
use super::dom::{Dialect, Dom, LeftOut, NodeId, NodeKind, ROOT};
use super::flow::{self, Flow, Lead, Role};
use super::tree::TooBig;
use super::{limits, volatile};

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
        let mut build = Build { view, ignoring, shown: String::new() };
        build.element(ROOT, &mut Flow::new(), Role::Block, 0)?;
        Ok(build.view)
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
        let inner = !self.dom.is_own(text) && !matches!(self.dom.dialect, Dialect::Xml);
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

struct Build<'d, 'i> {
    view: View<'d>,
    ignoring: Ignoring<'i>,
    /// What shows of the text being joined.
    shown: String,
}

/// What the text being joined has gathered so far.
struct Joined {
    node: NodeId,
    reading: Reading,
    spelling: u64,
}

impl<'d> Build<'d, '_> {
    fn element(&mut self, node: NodeId, flow: &mut Flow, within: Role, depth: u32) -> Result<(), TooBig> {
        if depth > limits::MAX_DEPTH {
            return Err(TooBig);
        }
        let dom = self.view.dom;
        let role = match dom.dialect {
            Dialect::Html => flow::role(dom, node).within(within),
            Dialect::Xml => Role::Exact,
        };
        let mut item = self.start(node, flow.enter(role), role);
        if let Some(left_out) = dom.left_out(node) {
            flow.leave(role);
            self.add(without_inside(item, left_out));
            return Ok(());
        }
        let id = self.add(item.clone());
        let mut inner = flow.inside(role);
        let unseen = self.children(id, inner.as_mut().unwrap_or(flow), role, depth)?;
        flow.leave(role);
        let mut spelling = u64::from(item.spelling);
        let mut next = id + 1;
        while let Some(kid) = self.view.items.get(next as usize) {
            next = kid.end;
            spelling = mix(spelling, u64::from(kid.spelling));
            if kid.ignored != 0 {
                continue;
            }
            item.meaning = mix(item.meaning, kid.meaning);
            item.put(kid.bag());
            item.weight = item.weight.saturating_add(kid.weight);
        }
        item.spelling = short(mix(mix(spelling, unseen), u64::from(!dom.is_closed(node))));
        item.end = self.next();
        item.solid = self.view.item(id).solid;
        self.view.items[id as usize] = item;
        Ok(())
    }

    /// The item of an element before its children are known.
    fn start(&mut self, node: NodeId, lead: Lead, role: Role) -> Item {
        let dom = self.view.dom;
        let name = dom.name(node).unwrap_or_default();
        let mut own = hash(name.as_bytes());
        let mut bag = 0;
        let charset = dom.charset(node);
        if let Some(charset) = &charset {
            own = mix(own, hash(charset.as_bytes()));
        } else {
            let token = volatile::token_attribute_of(dom, node);
            for (name, value) in dom.attributes(node) {
                if value.is_empty() && attribute::is_void_when_empty(&name) {
                    continue;
                }
                let masked = !value.is_empty() && (name == "nonce" || token.is_some_and(|(held, _)| held == name));
                if masked {
                    self.secret(&value);
                }
                let value = if masked { "\0".into() } else { attribute::canonical(&name, &value) };
                let hashed = mix(hash(name.as_bytes()), hash(value.as_bytes()));
                own = own.wrapping_add(hashed);
                bag |= bit(hashed);
            }
        }
        let ignored = (self.ignoring)(dom, node).map_or(0, |entry| entry.saturating_add(1));
        Item {
            meaning: mix(own, lead as u64 + 1),
            bag: halves(bag),
            spelling: short(mix(hash(dom.node(node).source.of(dom.page).as_bytes()), own)),
            own: short(own),
            node,
            end: self.next() + 1,
            weight: 1,
            ignored,
            kind: ItemKind::Element,
            lead,
            solid: false,
            reading: match role {
                Role::Exact if dom.dialect == Dialect::Xml && !has_text(dom, node) => Reading::Nothing,
                Role::Exact => Reading::Exact,
                Role::Trimmed => Reading::Trimmed,
                _ => Reading::Flowing(Flow::new()),
            },
        }
    }

    /// More than a page shows; further ones stay unmasked.
    fn secret(&mut self, value: &str) {
        const MOST: usize = 16;
        const SHORTEST: usize = 8;
        let secrets = &mut self.view.secrets;
        if value.len() >= SHORTEST && secrets.len() < MOST && !secrets.iter().any(|known| known == value) {
            secrets.push(value.to_owned());
        }
    }

    /// Gives back a hash of what does not show: blanks and comments.
    fn children(&mut self, id: ItemId, flow: &mut Flow, role: Role, depth: u32) -> Result<u64, TooBig> {
        let (dom, node) = (self.view.dom, self.view.item(id).node);
        let reading = self.view.item(id).reading;
        let mut joined: Option<Joined> = None;
        let mut unseen = 0;
        for child in dom.children(node) {
            match dom.node(child).kind {
                NodeKind::Text => {
                    let text = dom.text(child);
                    if matches!(reading, Reading::Flowing(_)) && text.contains(flow::NBSP) {
                        self.view.items[id as usize].solid = true;
                    }
                    if !self.text((child, &text), reading, flow, &mut joined) {
                        unseen = mix(unseen, hash(dom.node(child).source.of(dom.page).as_bytes()));
                    }
                }
                NodeKind::Comment if !is_conditional(&dom.text(child)) => {
                    unseen = mix(unseen, hash(dom.text(child).as_bytes())).rotate_left(1);
                }
                NodeKind::Comment | NodeKind::Instruction => {
                    let kind = match dom.node(child).kind {
                        NodeKind::Comment => ItemKind::ConditionalComment,
                        _ => ItemKind::Instruction,
                    };
                    self.end_text(&mut joined);
                    let text = dom.text(child);
                    let meaning = mix(hash(squeezed(&text).as_bytes()), kind as u64 + 4);
                    self.childless(kind, (child, Reading::Nothing), meaning, hash(text.as_bytes()));
                }
                NodeKind::Document | NodeKind::Element => {
                    self.end_text(&mut joined);
                    self.element(child, flow, role, depth + 1)?;
                }
            }
        }
        self.end_text(&mut joined);
        Ok(unseen)
    }

    /// Joins a text to what stands before it; does anything of it show?
    fn text(
        &mut self,
        (node, text): (NodeId, &str),
        reading: Reading,
        flow: &mut Flow,
        joined: &mut Option<Joined>,
    ) -> bool {
        let dom = self.view.dom;
        let before = *flow;
        let length = self.shown.len();
        match reading {
            Reading::Flowing(_) => flow.push(text, &mut self.shown),
            mut other => other.push(text, &mut self.shown),
        }
        if self.shown.len() > length {
            let reading = if matches!(reading, Reading::Flowing(_)) { Reading::Flowing(before) } else { reading };
            let known = joined.get_or_insert(Joined { node, reading, spelling: 0 });
            known.spelling = mix(known.spelling, hash(dom.node(node).source.of(dom.page).as_bytes()));
        }
        self.shown.len() > length
    }

    fn end_text(&mut self, joined: &mut Option<Joined>) {
        let Some(Joined { node, reading, spelling }) = joined.take() else { return };
        let meaning = mix(hash(self.shown.as_bytes()), 3);
        self.shown.clear();
        self.childless(ItemKind::Text, (node, reading), meaning, spelling);
    }

    /// An item that is only its text.
    fn childless(&mut self, kind: ItemKind, (node, reading): (NodeId, Reading), meaning: u64, spelling: u64) {
        let item = Item {
            meaning,
            bag: halves(bit(meaning)),
            spelling: short(mix(spelling, meaning)),
            own: 0,
            node,
            end: self.next() + 1,
            weight: 1,
            ignored: 0,
            kind,
            lead: Lead::Nothing,
            reading,
            solid: false,
        };
        self.add(item);
    }

    fn next(&self) -> ItemId {
        u32::try_from(self.view.items.len()).unwrap_or(u32::MAX)
    }

    fn add(&mut self, item: Item) -> ItemId {
        let id = self.next();
        if self.view.items.len() == self.view.items.capacity() {
            // As the nodes of the tree: not twofold.
            self.view.items.reserve_exact((self.view.items.len() / 4).max(16));
        }
        self.view.items.push(item);
        id
    }
}

/// A hash that only says whether something is worth a look.
pub(super) fn short(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// With less below it, an element is not known by what that is. Texts and elements.
const KNOWN_BY_INSIDE: u16 = 4;

/// An element whose inside was proven equal to its partner's: equal to that one alone.
fn without_inside(item: Item, left_out: LeftOut) -> Item {
    const BITS: u32 = 8;
    let same = hash(&left_out.pair.to_le_bytes());
    let bag = (0..BITS.min(left_out.tags)).fold(item.bag(), |bag, at| bag | bit(mix(same, u64::from(at))));
    Item {
        meaning: same,
        spelling: short(same),
        bag: halves(bag),
        weight: u16::try_from(left_out.tags).unwrap_or(u16::MAX).max(2),
        ..item
    }
}

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

/// Element content of XML has blanks for layout only; where there is text, they belong to it.
fn has_text(dom: &Dom<'_>, node: NodeId) -> bool {
    let mut elements = false;
    for child in dom.children(node) {
        match dom.node(child).kind {
            NodeKind::Text if !dom.text(child).trim_matches(is_blank).is_empty() => return true,
            NodeKind::Element => elements = true,
            _ => {}
        }
    }
    !elements
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

fn bit(hash: u64) -> u128 {
    1 << (hash >> 57)
}
