//! Where a node stands, told as a CSS selector that a person can paste into a browser.
//!
//! It begins at the nearest element with an id of its own and says `:nth-child(n)` only where the name alone is not enough.

use std::collections::HashMap;
use std::fmt::Write;

use smallvec::SmallVec;

use super::dom::{Dialect, Dom, NodeId, ROOT};

#[derive(Debug, Default)]
pub(super) struct Ids {
    /// How many elements have each id, by its hash; filled when the first place is asked for.
    counts: Option<HashMap<u64, u32>>,
    /// The elements whose id was looked for in what was left out of the tree: does it stand there?
    looked_for: HashMap<NodeId, bool>,
    /// Of a parent, the child whose place was asked for last, and how many elements stand before it: who asks goes from first to last.
    counted: HashMap<NodeId, (NodeId, u32)>,
    /// The selector that was told last, and the elements that it leads through, each with where its step ends: the next one often begins
    /// like it.
    told: String,
    steps: Vec<(NodeId, usize)>,
}

impl Ids {
    /// The selector of an element; of the document itself: its root.
    pub fn selector(&mut self, dom: &Dom<'_>, element: NodeId) -> String {
        let mut new: SmallVec<[NodeId; 16]> = SmallVec::new();
        let mut known = 0;
        for at in dom.around(element).take_while(|at| *at != ROOT) {
            let place = self.steps.partition_point(|(step, _)| dom.depth(*step) < dom.depth(at));
            if self.steps.get(place).is_some_and(|(step, _)| *step == at) {
                known = place + 1;
                break;
            }
            new.push(at);
        }
        self.steps.truncate(known);
        self.told.truncate(self.steps.last().map_or(0, |(_, end)| *end));
        for at in new.into_iter().rev() {
            self.go_on(dom, at);
        }
        if self.told.is_empty() {
            let root = dom.children(ROOT).find_map(|child| dom.name(child));
            return root.map_or_else(|| ":root".to_owned(), ident);
        }
        self.told.clone()
    }

    /// Leads one step further down. An id of its own is where a selector begins.
    fn go_on(&mut self, dom: &Dom<'_>, node: NodeId) {
        let is_frame = dom.is_fragment && dom.node(node).parent == ROOT;
        if let Some(anchor) = self.anchor(dom, node) {
            self.told = anchor;
            self.steps.clear();
        } else if dom.is_element(node) && !is_frame {
            if !self.told.is_empty() {
                self.told.push_str(" > ");
            }
            self.push_step(dom, node);
        } else {
            return;
        }
        self.steps.push((node, self.told.len()));
    }

    fn anchor(&mut self, dom: &Dom<'_>, node: NodeId) -> Option<String> {
        let id = dom.id(node).filter(|id| !id.is_empty() && id.len() <= 64 && !id.contains(char::is_whitespace))?;
        if dom.dialect == Dialect::Xml || *self.counts(dom).get(&hash(&id))? != 1 {
            return None;
        }
        let elsewhere = *self.looked_for.entry(node).or_insert_with(|| is_left_out(dom, &id));
        (!elsewhere).then(|| format!("#{}", ident(&id)))
    }

    fn push_step(&mut self, dom: &Dom<'_>, node: NodeId) {
        let name = dom.name(node).unwrap_or("*");
        // A prefix is no part of what a selector without namespaces can say.
        let has_prefix = name.contains(':');
        if has_prefix {
            self.told.push('*');
        } else {
            push_ident(name, &mut self.told);
        }
        if !is_alone(dom, node, |other| has_prefix || dom.same_name(other, node)) {
            let place = self.before(dom, node) + 1;
            self.told.push_str(":nth-child(");
            push_number(place, &mut self.told);
            self.told.push(')');
        }
    }

    /// How many elements stand before one beside it.
    fn before(&mut self, dom: &Dom<'_>, node: NodeId) -> u32 {
        let parent = dom.node(node).parent;
        let count = |from: NodeId, mut seen: u32| {
            for sibling in dom.from(from).filter(|sibling| dom.is_element(*sibling)) {
                if sibling == node {
                    return Some(seen);
                }
                seen += dom.run(sibling);
            }
            None
        };
        let on = self.counted.get(&parent).and_then(|(last, seen)| count(*last, *seen));
        let seen = on.or_else(|| count(dom.first(parent), 0)).unwrap_or(0);
        self.counted.insert(parent, (node, seen));
        seen
    }

    fn counts(&mut self, dom: &Dom<'_>) -> &HashMap<u64, u32> {
        self.counts.get_or_insert_with(|| {
            let mut counts = HashMap::new();
            for node in 0..dom.nodes.len() {
                if let Some(id) = u32::try_from(node).ok().and_then(|node| dom.id(node)) {
                    *counts.entry(hash(&id)).or_insert(0) += 1;
                }
            }
            counts
        })
    }
}

/// Is it the only element of its parent that this says is like it?
fn is_alone(dom: &Dom<'_>, node: NodeId, is_like: impl Fn(NodeId) -> bool) -> bool {
    let siblings = dom.children(dom.node(node).parent).filter(|sibling| dom.is_element(*sibling) && is_like(*sibling));
    siblings.flat_map(|sibling| 0..dom.run(sibling)).nth(1).is_none()
}

fn hash(id: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id.as_bytes())
}

/// Does what was left out of the tree have an element with this id?
fn is_left_out(dom: &Dom<'_>, id: &str) -> bool {
    let names_it = |source: &str| {
        let source = source.as_bytes();
        memchr::memmem::find_iter(source, id.as_bytes()).any(|at| {
            let (before, after) = (&source[..at], source.get(at + id.len()));
            let quote = before.last().filter(|c| matches!(c, b'"' | b'\''));
            let ends = match quote {
                Some(quote) => after == Some(quote),
                None => after.is_none_or(|c| c.is_ascii_whitespace() || *c == b'>'),
            };
            ends && before[..before.len() - usize::from(quote.is_some())].trim_ascii_end().ends_with(b"=")
        })
    };
    dom.all_left_out().iter().any(|(node, _)| names_it(dom.source_left_out(*node)))
}

/// A name as CSS writes it.
pub(super) fn ident(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    push_ident(name, &mut out);
    out
}

pub(super) fn push_ident(name: &str, out: &mut String) {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    if name.bytes().all(is_plain) && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return out.push_str(name);
    }
    if name == "-" {
        return out.push_str("\\-");
    }
    for (at, c) in name.chars().enumerate() {
        let leading_digit = c.is_ascii_digit() && (at == 0 || (at == 1 && name.starts_with('-')));
        match c {
            _ if leading_digit => {
                let _ = write!(out, "\\{:x} ", u32::from(c));
            }
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => out.push(c),
            _ if !c.is_ascii() => out.push(c),
            _ if c.is_ascii_control() => {
                let _ = write!(out, "\\{:x} ", u32::from(c));
            }
            _ => out.extend(['\\', c]),
        }
    }
}

/// In decimal. What formats numbers of all kinds takes longer than all else of a selector.
fn push_number(number: u32, out: &mut String) {
    if number > 9 {
        push_number(number / 10, out);
    }
    out.extend(char::from_digit(number % 10, 10));
}
