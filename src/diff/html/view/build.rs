//! Builds a view: one pass over the tree, from the leaves up.

use std::borrow::Cow;

use super::super::attribute;
use super::super::dom::{Dialect, Dom, LeftOut, NodeId, NodeKind, ROOT};
use super::super::elements::Name;
use super::super::flow::{self, Flow, Lead, Role};
use super::super::tree::TooBig;
use super::super::{limits, link, script, volatile};
use super::{
    Ignoring, Item, ItemId, ItemKind, Reading, View, halves, hash, is_blank, is_conditional, mix, short, squeezed,
};

pub(super) struct Build<'d, 'i> {
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

impl<'d, 'i> Build<'d, 'i> {
    pub fn new(view: View<'d>, ignoring: Ignoring<'i>) -> Self {
        Self { view, ignoring, shown: String::new() }
    }

    pub fn whole(mut self) -> Result<View<'d>, TooBig> {
        self.element(ROOT, &mut Flow::new(), Role::Block, 0)?;
        Ok(self.view)
    }

    fn element(&mut self, node: NodeId, flow: &mut Flow, within: Role, depth: u32) -> Result<(), TooBig> {
        if depth > limits::MAX_DEPTH {
            return Err(TooBig);
        }
        let dom = self.view.dom;
        let role = match dom.dialect {
            Dialect::Html | Dialect::Xhtml => flow::role(dom, node).within(within),
            Dialect::Xml => Role::Exact,
        };
        let icon = self.is_icon(node, role);
        let lead = if icon { flow.show() } else { flow.enter(role) };
        let behind_icon = *flow;
        let mut item = self.start(node, lead, role);
        if let Some(left_out) = dom.left_out(node) {
            flow.leave(role);
            self.add(without_inside(item, left_out));
            return Ok(());
        }
        let id = self.add(item.clone());
        let mut inner = flow.inside(role);
        let unseen = self.children(id, inner.as_mut().unwrap_or(flow), role, depth)?;
        if icon {
            // Blanks in it show as little as any at its edges.
            *flow = behind_icon;
        }
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

    /// Does an element with nothing in it show by its style?
    fn is_icon(&self, node: NodeId, role: Role) -> bool {
        let dom = self.view.dom;
        let is_nothing = |child: NodeId| match dom.node(child).kind {
            NodeKind::Text => !self.view.surely_shows(child) && dom.text(child).chars().all(is_blank),
            NodeKind::Comment => !is_conditional(&dom.text(child)),
            _ => false,
        };
        if role != Role::Inline || !dom.children(node).all(is_nothing) {
            return false;
        }
        let (name, attributes) = (Name::of(dom.name(node).unwrap_or_default()), dom.attributes(node));
        let attributes = attributes.iter().map(|(name, value)| (&**name, &**value));
        flow::may_be_icon(&name) && flow::is_styled_icon(name.text, attributes)
    }

    /// The item of an element before its children are known.
    fn start(&mut self, node: NodeId, lead: Lead, role: Role) -> Item {
        let dom = self.view.dom;
        let name = dom.name(node).unwrap_or_default();
        let mut own = match dom.namespace(node) {
            "" => hash(name.as_bytes()),
            space => mix(hash(space.as_bytes()), hash(dom.local_name(node).as_bytes())),
        };
        let mut bag = 0;
        let charset = (name == "meta").then(|| dom.charset(node)).flatten();
        if let Some(charset) = &charset {
            own = mix(own, hash(charset.as_bytes()));
        } else if !dom.is_bare(node) {
            let (token, data) = (volatile::token_attribute_of(dom, node), dom.is_data(node));
            for (name, value) in dom.attributes(node) {
                if value.is_empty() && attribute::is_void_when_empty(&name) && !data {
                    continue;
                }
                let masked = !value.is_empty() && (name == "nonce" || token.is_some_and(|(held, _)| held == name));
                if masked {
                    self.secret(&value);
                }
                let value = match masked {
                    true => "\0".into(),
                    false if data && !link::is_link(&name) => Cow::Borrowed(&*value),
                    false => attribute::canonical(&name, &value),
                };
                let hashed = mix(hash(name.as_bytes()), hash(value.as_bytes()));
                own = own.wrapping_add(hashed);
                bag |= if script::looks_like_json(&value) { words(&value) } else { bit(hashed) };
            }
        }
        if dom.is_owned_elsewhere(node) {
            own = mix(own, hash(b"form"));
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
                Role::Exact | Role::Field => Reading::Exact,
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
                    if matches!(reading, Reading::Flowing(_)) && flow::has_nbsp(&text) {
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
                    self.childless(kind, (child, Reading::Nothing), (meaning, bit(meaning)), hash(text.as_bytes()));
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
        let bag = if reading == Reading::Trimmed { words(&self.shown) } else { bit(meaning) };
        self.shown.clear();
        self.childless(ItemKind::Text, (node, reading), (meaning, bag), spelling);
    }

    /// An item that is only its text.
    fn childless(
        &mut self,
        kind: ItemKind,
        (node, reading): (NodeId, Reading),
        (meaning, bag): (u64, u128),
        spelling: u64,
    ) {
        let item = Item {
            meaning,
            bag: halves(bag),
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

/// An element whose inside was proven equal to its partner's: equal to that one alone.
fn without_inside(item: Item, left_out: LeftOut) -> Item {
    const BITS: u32 = 8;
    let same = hash(&left_out.pair.to_le_bytes());
    // What a block without a tag shows is its text.
    let bag = (0..BITS.min(left_out.tags + 1)).fold(item.bag(), |bag, at| bag | bit(mix(same, u64::from(at))));
    Item {
        meaning: same,
        spelling: short(same),
        bag: halves(bag),
        weight: u16::try_from(left_out.tags).unwrap_or(u16::MAX).max(2),
        ..item
    }
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

/// The first words of a script or of JSON.
fn words(text: &str) -> u128 {
    const MOST: usize = 32;
    script::words(text).take(MOST).fold(0, |bag, word| bag | bit(hash(word)))
}

fn bit(hash: u64) -> u128 {
    1 << (hash >> 57)
}
