//! What a user sees of a [`Dom`]: white space only where it shows, text joined over comments, every item with hashes of all
//! below it, so that equal parts are known to be equal at once.
//!
//! Two hashes per item: `meaning` is equal when the parts differ in nothing but cosmetic spelling, `spelling` when not even in
//! that. What is equal in meaning but not in spelling is walked in step only to count what was hidden.

use super::attribute;
use super::dom::{Dialect, Dom, LeftOut, NOWHERE, NodeId, NodeKind, ROOT};
use super::flow::{self, Flow, Lead, Role};
use super::tree::TooBig;
use super::{limits, volatile};

pub(super) type ItemId = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    Element,
    Text,
    /// A comment that old browsers obey: `<!--[if lt IE 9]>`.
    ConditionalComment,
    Instruction,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub kind: ItemKind,
    /// The element, or the first of the text nodes that make up the text.
    pub node: NodeId,
    /// Range in [`View::kids`].
    pub kids: (u32, u32),
    /// Range in [`View::texts`].
    pub text: (u32, u32),
    pub meaning: u64,
    pub spelling: u64,
    /// Name and attributes alone, by meaning.
    pub own: u64,
    /// All that stands below, by meaning. Zero: too little to know it by.
    pub inside: u64,
    /// Whether a space shows before it; texts have it in them.
    pub lead: Lead,
    /// Which texts and attributes stand below: one bit each. Tells at a glance how alike two parts are.
    pub bag: u128,
    /// Texts and attributes below.
    pub weight: u32,
    /// Hash of the white space that was dropped directly below.
    pub blanks: u64,
    /// Hash of the texts with no-break spaces directly below.
    pub solid: u64,
    /// Hash of the comments directly below.
    pub comments: u64,
    /// An operator's `ignore` covers it.
    pub ignored: Option<u16>,
}

#[derive(Debug)]
pub(super) struct View<'d> {
    pub dom: &'d Dom<'d>,
    pub items: Vec<Item>,
    kids: Vec<ItemId>,
    texts: String,
    /// Tokens and nonces that the page shows: masked where they stand in scripts.
    pub secrets: Vec<String>,
    pub root: ItemId,
}

/// Which `ignore` entry covers a node, by its place in the rules.
pub(super) type Ignoring<'i> = &'i dyn Fn(&Dom<'_>, NodeId) -> Option<u16>;

impl<'d> View<'d> {
    pub fn of(dom: &'d Dom<'d>, ignoring: Ignoring<'_>) -> Result<Self, TooBig> {
        let view = Self {
            dom,
            items: Vec::with_capacity(dom.nodes.len()),
            kids: Vec::with_capacity(dom.nodes.len()),
            texts: String::with_capacity((dom.page.len() / 2).min(dom.nodes.len() * 16)),
            secrets: Vec::new(),
            root: 0,
        };
        let mut build = Build { view, ignoring };
        let root = build.element(ROOT, &mut Flow::new(), Role::Block, 0)?;
        build.view.root = root;
        Ok(build.view)
    }

    pub fn item(&self, id: ItemId) -> &Item {
        &self.items[id as usize]
    }

    pub fn kids(&self, id: ItemId) -> &[ItemId] {
        let (start, end) = self.item(id).kids;
        &self.kids[start as usize..end as usize]
    }

    pub fn text(&self, id: ItemId) -> &str {
        let (start, end) = self.item(id).text;
        &self.texts[start as usize..end as usize]
    }

    pub fn name(&self, id: ItemId) -> &str {
        self.dom.name(self.item(id).node).unwrap_or_default()
    }
}

struct Build<'d, 'i> {
    view: View<'d>,
    ignoring: Ignoring<'i>,
}

/// What the text being joined has gathered so far.
struct Joined {
    node: NodeId,
    start: usize,
    spelling: u64,
}

impl<'d> Build<'d, '_> {
    fn element(&mut self, node: NodeId, flow: &mut Flow, within: Role, depth: u32) -> Result<ItemId, TooBig> {
        if depth > limits::MAX_DEPTH {
            return Err(TooBig);
        }
        let dom = self.view.dom;
        let role = match dom.dialect {
            Dialect::Html => flow::role(dom, node).within(within),
            Dialect::Xml => Role::Exact,
        };
        let mut item = self.start(node, flow.enter(role));
        if let Some(left_out) = dom.node(node).left_out {
            flow.leave(role);
            return Ok(self.add(without_inside(item, left_out)));
        }
        let mut inner = flow.inside(role);
        let kids = self.children(node, inner.as_mut().unwrap_or(flow), role, depth, &mut item)?;
        flow.leave(role);
        item.kids = self.keep(&kids);
        for kid in kids {
            let kid = &self.view.items[kid as usize];
            item.spelling = mix(item.spelling, kid.spelling);
            if kid.ignored.is_some() {
                continue;
            }
            item.meaning = mix(item.meaning, kid.meaning);
            item.inside = mix(item.inside, kid.meaning);
            item.bag |= kid.bag;
            item.weight = item.weight.saturating_add(kid.weight);
        }
        if item.weight < KNOWN_BY_INSIDE {
            item.inside = 0;
        }
        let end = dom.node(node).end;
        item.spelling = mix(mix(item.spelling, item.blanks ^ item.comments.rotate_left(1)), u64::from(end == NOWHERE));
        Ok(self.add(item))
    }

    /// The item of an element before its children are known.
    fn start(&mut self, node: NodeId, lead: Lead) -> Item {
        let dom = self.view.dom;
        let name = dom.name(node).unwrap_or_default();
        let mut own = hash(name.as_bytes());
        let mut bag = 0;
        let token = volatile::token_attribute_of(dom, node);
        let charset = dom.charset(node);
        if let Some(charset) = &charset {
            own = mix(own, hash(charset.as_bytes()));
        }
        let attributes = if charset.is_some() { &[][..] } else { dom.attributes(node) };
        for attribute in attributes {
            let (name, value) = (&*attribute.name.local, &*attribute.value);
            if value.is_empty() && attribute::is_void_when_empty(name) {
                continue;
            }
            let masked = !value.is_empty() && (name == "nonce" || token.is_some_and(|(held, _)| held == name));
            if masked {
                self.secret(value);
            }
            let value = if masked { "\0".into() } else { attribute::canonical(name, value) };
            let hashed = mix(hash(name.as_bytes()), hash(value.as_bytes()));
            own = own.wrapping_add(hashed);
            bag |= bit(hashed);
        }
        Item {
            kind: ItemKind::Element,
            node,
            kids: (0, 0),
            text: (0, 0),
            meaning: mix(own, lead as u64 + 1),
            spelling: mix(hash(dom.node(node).source.of(dom.page).as_bytes()), own),
            own,
            inside: 0,
            lead,
            bag,
            weight: 1,
            blanks: 0,
            solid: 0,
            comments: 0,
            ignored: (self.ignoring)(dom, node),
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

    fn children(
        &mut self,
        node: NodeId,
        flow: &mut Flow,
        role: Role,
        depth: u32,
        item: &mut Item,
    ) -> Result<Vec<ItemId>, TooBig> {
        let dom = self.view.dom;
        let mut kids = Vec::new();
        let mut joined: Option<Joined> = None;
        let mut solid = false;
        let blanks_show = role != Role::Exact || has_text(dom, node);
        for child in dom.children(node) {
            match &dom.node(child).kind {
                NodeKind::Text(text) => {
                    let source = dom.node(child).source.of(dom.page);
                    let start = joined.as_ref().map_or(self.view.texts.len(), |joined| joined.start);
                    let before = self.view.texts.len();
                    match role {
                        Role::Exact if blanks_show => self.view.texts.push_str(text),
                        Role::Exact => {}
                        Role::Trimmed => self.view.texts.push_str(text.trim_matches(is_blank)),
                        _ => {
                            solid |= text.contains(flow::NBSP);
                            flow.push(text, &mut self.view.texts);
                        }
                    }
                    if self.view.texts.len() == before {
                        item.blanks = mix(item.blanks, hash(source.as_bytes()));
                    } else {
                        let known = joined.get_or_insert(Joined { node: child, start, spelling: 0 });
                        known.spelling = mix(known.spelling, hash(source.as_bytes()));
                    }
                }
                NodeKind::Comment(text) if !is_conditional(text) => {
                    item.comments = mix(item.comments, hash(text.as_bytes()));
                }
                NodeKind::Comment(text) | NodeKind::Instruction(text) => {
                    let kind = match dom.node(child).kind {
                        NodeKind::Comment(_) => ItemKind::ConditionalComment,
                        _ => ItemKind::Instruction,
                    };
                    self.end_text(&mut joined, &mut kids);
                    let start = self.view.texts.len();
                    let words: Vec<&str> = text.split_ascii_whitespace().collect();
                    self.view.texts.push_str(&words.join(" "));
                    kids.push(self.leaf(kind, child, start, hash(text.as_bytes())));
                }
                NodeKind::Document | NodeKind::Element { .. } => {
                    self.end_text(&mut joined, &mut kids);
                    kids.push(self.element(child, flow, role, depth + 1)?);
                }
            }
        }
        self.end_text(&mut joined, &mut kids);
        if solid {
            item.solid = hash(flow::solid(&own_text(dom, node)).as_bytes());
        }
        Ok(kids)
    }

    fn end_text(&mut self, joined: &mut Option<Joined>, kids: &mut Vec<ItemId>) {
        let Some(Joined { node, start, spelling }) = joined.take() else { return };
        kids.push(self.childless(ItemKind::Text, node, (start, 3), spelling));
    }

    fn leaf(&mut self, kind: ItemKind, node: NodeId, start: usize, spelling: u64) -> ItemId {
        self.childless(kind, node, (start, kind as u64 + 4), spelling)
    }

    /// An item that is only its text, from `start` on; `salt` keeps equal texts of different kinds apart.
    fn childless(&mut self, kind: ItemKind, node: NodeId, (start, salt): (usize, u64), spelling: u64) -> ItemId {
        let end = self.view.texts.len();
        let meaning = mix(hash(&self.view.texts.as_bytes()[start..end]), salt);
        let item = Item {
            kind,
            node,
            kids: (0, 0),
            text: range(start, end),
            meaning,
            spelling: mix(spelling, meaning),
            own: 0,
            inside: 0,
            lead: Lead::Nothing,
            bag: bit(meaning),
            weight: 1,
            blanks: 0,
            solid: 0,
            comments: 0,
            ignored: None,
        };
        self.add(item)
    }

    fn keep(&mut self, kids: &[ItemId]) -> (u32, u32) {
        let start = self.view.kids.len();
        self.view.kids.extend_from_slice(kids);
        range(start, self.view.kids.len())
    }

    fn add(&mut self, item: Item) -> ItemId {
        let id = u32::try_from(self.view.items.len()).unwrap_or(u32::MAX);
        self.view.items.push(item);
        id
    }
}

/// With less below it, an element is not known by what that is. Texts and elements.
const KNOWN_BY_INSIDE: u32 = 4;

/// An element whose inside was proven equal to its partner's: equal to that one alone.
fn without_inside(item: Item, left_out: LeftOut) -> Item {
    const BITS: u32 = 8;
    let same = hash(&left_out.pair.to_le_bytes());
    let bag = (0..BITS.min(left_out.tags)).fold(item.bag, |bag, at| bag | bit(mix(same, u64::from(at))));
    Item { meaning: same, spelling: same, bag, weight: left_out.tags.max(2), ..item }
}

/// The text directly below an element, as it stands; elements part it.
fn own_text(dom: &Dom<'_>, node: NodeId) -> String {
    let mut own = String::new();
    for child in dom.children(node) {
        match &dom.node(child).kind {
            NodeKind::Text(text) => own.push_str(text),
            NodeKind::Element { .. } => own.push(' '),
            _ => {}
        }
    }
    own
}

/// Element content of XML has blanks for layout only; where there is text, they belong to it.
fn has_text(dom: &Dom<'_>, node: NodeId) -> bool {
    let mut elements = false;
    for child in dom.children(node) {
        match &dom.node(child).kind {
            NodeKind::Text(text) if !text.trim_matches(is_blank).is_empty() => return true,
            NodeKind::Element { .. } => elements = true,
            _ => {}
        }
    }
    dom.dialect == Dialect::Html || !elements
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

pub(super) fn is_conditional(comment: &str) -> bool {
    let text = comment.trim_matches(is_blank);
    text.starts_with("[if ") || text.starts_with("[if(") || text.ends_with("<![endif]") || text == "<![endif]"
}

fn range(start: usize, end: usize) -> (u32, u32) {
    (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX))
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
