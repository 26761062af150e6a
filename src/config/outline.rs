//! The outline of a YAML text: which node stands where. Built only when there is something to tell or to edit, because it
//! costs as much as reading the config itself.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::at::{KeyPath, Place, Step};

/// Index of a node in its outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeId(usize);

#[derive(Debug)]
pub struct Node {
    pub place: Place,
    /// In characters, not bytes, from the start of the text.
    pub span: Range<usize>,
    pub kind: Kind,
    /// Nodes that it stands for once its aliases are written out.
    weight: u64,
}

#[derive(Debug)]
pub enum Kind {
    Scalar {
        text: String,
        style: ScalarStyle,
    },
    List(Vec<NodeId>),
    Mapping(Vec<Entry>),
    /// Stands for the node with this anchor.
    Alias(usize),
}

#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub key: NodeId,
    pub value: NodeId,
}

#[derive(Debug)]
pub struct Outline {
    nodes: Vec<Node>,
    anchors: HashMap<usize, NodeId>,
    root: Option<NodeId>,
}

/// A list or mapping that has been entered and not yet left.
struct Open {
    id: NodeId,
    anchor: usize,
    pending_key: Option<NodeId>,
}

impl Outline {
    /// The outline of the first document, as far as the text can be parsed.
    pub fn of(text: &str) -> Self {
        let mut outline = Self { nodes: Vec::new(), anchors: HashMap::new(), root: None };
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { break };
            match event {
                Event::Scalar(value, style, anchor, _) => {
                    let id = outline.add(&span, Kind::Scalar { text: value.into_owned(), style });
                    outline.close(id, anchor, &mut open);
                }
                Event::Alias(anchor) => {
                    let id = outline.add(&span, Kind::Alias(anchor));
                    // An alias within its own anchor would be without end.
                    outline.nodes[id.0].weight =
                        outline.anchors.get(&anchor).map_or(u64::MAX, |of| outline.nodes[of.0].weight);
                    outline.close(id, 0, &mut open);
                }
                Event::SequenceStart(anchor, _) => {
                    let id = outline.add(&span, Kind::List(Vec::new()));
                    open.push(Open { id, anchor, pending_key: None });
                }
                Event::MappingStart(anchor, _) => {
                    let id = outline.add(&span, Kind::Mapping(Vec::new()));
                    open.push(Open { id, anchor, pending_key: None });
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(Open { id, anchor, .. }) = open.pop() else { break };
                    outline.nodes[id.0].span.end = span.end.index();
                    outline.close(id, anchor, &mut open);
                }
                Event::DocumentEnd => break,
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
            }
        }
        // What a broken end leaves open still tells where its parts are.
        while let Some(Open { id, anchor, .. }) = open.pop() {
            outline.close(id, anchor, &mut open);
        }
        outline
    }

    fn add(&mut self, span: &Span, kind: Kind) -> NodeId {
        let place = Place { line: span.start.line(), column: span.start.col() + 1 };
        self.nodes.push(Node { place, span: span.start.index()..span.end.index(), kind, weight: 1 });
        NodeId(self.nodes.len() - 1)
    }

    /// A node is complete: hangs it under the one that is open.
    fn close(&mut self, id: NodeId, anchor: usize, open: &mut [Open]) {
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        let Some(above) = open.last_mut() else {
            self.root.get_or_insert(id);
            return;
        };
        let weight = self.nodes[id.0].weight;
        let parent = &mut self.nodes[above.id.0];
        parent.weight = parent.weight.saturating_add(weight);
        match &mut parent.kind {
            Kind::List(items) => items.push(id),
            Kind::Mapping(entries) => match above.pending_key.take() {
                Some(key) => entries.push(Entry { key, value: id }),
                None => above.pending_key = Some(id),
            },
            Kind::Scalar { .. } | Kind::Alias(_) => {}
        }
    }

    /// Nodes that the text stands for once its aliases are written out.
    pub fn weight(&self) -> u64 {
        self.root.map_or(0, |root| self.nodes[root.0].weight)
    }

    pub fn root(&self) -> Option<NodeId> {
        self.root
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// What an alias stands for; any other node itself.
    fn resolved(&self, id: NodeId) -> NodeId {
        match self.node(id).kind {
            Kind::Alias(anchor) => self.anchors.get(&anchor).copied().unwrap_or(id),
            _ => id,
        }
    }

    /// Whether the node has an anchor or is an alias, so that other places may share it.
    pub fn is_shared(&self, id: NodeId) -> bool {
        matches!(self.node(id).kind, Kind::Alias(_)) || self.anchors.values().any(|anchored| *anchored == id)
    }

    /// The text of a scalar.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(id).kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The last entry of a mapping with this key.
    pub fn entry(&self, mapping: NodeId, key: &str) -> Option<Entry> {
        let Kind::Mapping(entries) = &self.node(self.resolved(mapping)).kind else { return None };
        entries.iter().rev().copied().find(|entry| self.text(entry.key) == Some(key))
    }

    pub fn items(&self, list: NodeId) -> &[NodeId] {
        match &self.node(self.resolved(list)).kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// Where the value at this path stands, or the innermost one around it that exists.
    pub fn value_place(&self, path: &KeyPath) -> Option<Place> {
        let (found, _) = self.walk(path)?;
        Some(self.node(found).place)
    }

    /// Where the key of this path stands; as [`Self::value_place`] if it is no key or not there.
    pub fn key_place(&self, path: &KeyPath) -> Option<Place> {
        let (found, key) = self.walk(path)?;
        Some(self.node(key.unwrap_or(found)).place)
    }

    /// The innermost existing node of the path, and, if that is all of the path, its key.
    fn walk(&self, path: &KeyPath) -> Option<(NodeId, Option<NodeId>)> {
        let mut here = self.root?;
        let mut own_key = None;
        for step in &path.0 {
            let next = match step {
                Step::Key(key) => self.entry(here, key).map(|entry| (entry.value, Some(entry.key))),
                Step::Index(index) => self.items(here).get(*index).map(|item| (*item, None)),
            };
            let Some((value, key)) = next else { return Some((here, None)) };
            (here, own_key) = (value, key);
        }
        Some((here, own_key))
    }

    /// Keys that a mapping has more than once: the path of the mapping's key and where each repetition stands.
    pub fn repeated_keys(&self) -> Vec<(KeyPath, Place)> {
        let mut repeated = Vec::new();
        let mut pending: Vec<(KeyPath, NodeId)> =
            self.root.map(|root| (KeyPath::default(), root)).into_iter().collect();
        while let Some((path, id)) = pending.pop() {
            match &self.node(id).kind {
                Kind::List(items) => {
                    let below = |(index, item): (usize, &NodeId)| (path.below(Step::Index(index)), *item);
                    pending.extend(items.iter().enumerate().map(below));
                }
                Kind::Mapping(entries) => {
                    let mut seen = std::collections::HashSet::new();
                    for entry in entries {
                        let key = path.below(Step::Key(self.text(entry.key).unwrap_or("?").to_owned()));
                        if !seen.insert(self.text(entry.key)) {
                            repeated.push((key.clone(), self.node(entry.key).place));
                        }
                        pending.push((key, entry.value));
                    }
                }
                Kind::Scalar { .. } | Kind::Alias(_) => {}
            }
        }
        repeated.sort_by_key(|(_, place)| *place);
        repeated
    }
}

impl KeyPath {
    fn below(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

/// Whether the text could hold an alias (`*name`) at all: the cheap question before the dear one.
pub fn may_have_aliases(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'*', bytes).any(|at| {
        let before = at.checked_sub(1).map_or(b'\n', |before| bytes[before]);
        matches!(before, b' ' | b'\t' | b'\n' | b'\r' | b'[' | b'{' | b',' | b':' | b'-')
    })
}

/// More nodes than this come out of no honest file of the permitted size, but of a few aliases of aliases.
pub const MOST_NODES: u64 = 4_000_000;

/// Whether the text has aliases that stand for more than anybody would write out.
pub fn multiplies(text: &str) -> bool {
    may_have_aliases(text) && text.contains('&') && Outline::of(text).weight() > MOST_NODES
}

/// Brackets that are open at once, or dashes in a row, beyond which a text is no config but an attack on the YAML reader,
/// whose time grows with the square of the depth. The config's own depth is below ten.
const DEEPEST: usize = 1_000;

/// Whether reading the text would take unreasonably long. Brackets in texts and comments count too, so the bound is wide.
pub fn nests_too_deep(text: &str) -> bool {
    let mut open = 0_usize;
    let mut dashes = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        match byte {
            b'-' | b'?' => dashes += 1,
            b' ' | b'\t' => {}
            _ => dashes = 0,
        }
        if open > DEEPEST || dashes > DEEPEST {
            return true;
        }
    }
    false
}
