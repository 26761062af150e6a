//! Prefixes and templates in one tree of segments.
//!
//! The order of precedence is a walk: down the literals as far as they go, then from there back up, first into every
//! parameter that was passed (a pattern with a later parameter is the more specific one), then to every prefix.

use std::ops::ControlFlow;

use memchr::memchr;
use smallvec::SmallVec;

use super::children::Children;
use super::paths::GroupId;
use crate::routing::matcher::{Ending, Segment, decoded, spellings};

#[derive(Debug)]
pub struct Trie {
    /// The first one is the root.
    nodes: Vec<Node>,
    children: Children,
}

/// Where a run of segments leads.
#[derive(Debug, Default)]
struct Node {
    literals: Literals,
    parameter: Option<NodeId>,
    parent: NodeId,
    prefix: Option<GroupId>,
    /// By what follows the last segment: nothing, or a slash.
    bare: Option<GroupId>,
    slashed: Option<GroupId>,
}

/// Whether a literal can follow: most paths end in segments that no pattern names, which then need no looking up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Literals {
    #[default]
    None,
    Some,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct NodeId(pub u32);

const ROOT: NodeId = NodeId(0);

/// Parameters passed on the way down; more than this many are rare in one path.
const INLINE_FORKS: usize = 8;

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], children: Children::default() }
    }
}

impl Trie {
    pub fn insert_prefix(&mut self, segments: &[String], fresh: GroupId) -> GroupId {
        let end = segments.iter().fold(ROOT, |node, segment| self.literal(node, segment));
        *self.node_mut(end).prefix.get_or_insert(fresh)
    }

    pub fn insert_template(&mut self, segments: &[Segment], ending: Ending, fresh: GroupId) -> GroupId {
        let end = segments.iter().fold(ROOT, |node, segment| match segment {
            Segment::Literal(text) => self.literal(node, text),
            Segment::Parameter(_) => self.parameter(node),
        });
        let end = self.node_mut(end);
        let slot = match ending {
            Ending::Bare => &mut end.bare,
            Ending::Slash => &mut end.slashed,
        };
        *slot.get_or_insert(fresh)
    }

    fn literal(&mut self, parent: NodeId, text: &str) -> NodeId {
        if let Some(known) = self.children.get(parent, &decoded(text)) {
            return known;
        }
        let child = self.add(parent);
        self.node_mut(parent).literals = Literals::Some;
        spellings(text).iter().for_each(|spelling| self.children.insert(parent, spelling, child));
        child
    }

    fn parameter(&mut self, parent: NodeId) -> NodeId {
        if let Some(known) = self.node(parent).parameter {
            return known;
        }
        let child = self.add(parent);
        self.node_mut(parent).parameter = Some(child);
        child
    }

    fn add(&mut self, parent: NodeId) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node { parent, ..Node::default() });
        id
    }

    /// The node that a literal segment leads to.
    fn child(&self, parent: NodeId, segment: &[u8]) -> Option<NodeId> {
        match self.node(parent).literals {
            Literals::None => None,
            Literals::Some => self.children.get(parent, segment),
        }
    }

    fn node(&self, NodeId(id): NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    fn node_mut(&mut self, NodeId(id): NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    /// Shows the groups whose prefix or template matches, from the most specific on.
    pub fn visit(&self, path: &[u8], mut show: impl FnMut(GroupId) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut forks = SmallVec::<[(NodeId, Rest<'_>); INLINE_FORKS]>::new();
        let mut deepest = ROOT;
        let mut rest = Rest::of(path);
        while let Rest::More(bytes) = rest {
            let (segment, after) = cut(bytes);
            if let Some(parameter) = self.node(deepest).parameter_for(segment) {
                forks.push((parameter, after));
            }
            let Some(child) = self.child(deepest, segment) else { break };
            (deepest, rest) = (child, after);
        }
        let mut climb = Some(deepest);
        if let Rest::End(ending) = rest {
            let node = self.node(deepest);
            node.whole(ending).into_iter().chain(node.prefix).try_for_each(&mut show)?;
            climb = self.parent(deepest);
        }
        forks.into_iter().rev().try_for_each(|(node, rest)| self.templates(node, rest, &mut show))?;
        while let Some(id) = climb {
            self.node(id).prefix.into_iter().try_for_each(&mut show)?;
            climb = self.parent(id);
        }
        ControlFlow::Continue(())
    }

    /// Shows the templates below a node, those with the earlier literals first. As deep as the deepest pattern.
    fn templates(
        &self,
        at: NodeId,
        rest: Rest<'_>,
        show: &mut impl FnMut(GroupId) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let node = self.node(at);
        let bytes = match rest {
            Rest::End(ending) => return node.whole(ending).into_iter().try_for_each(show),
            Rest::More(bytes) => bytes,
            Rest::NoPath => return ControlFlow::Continue(()),
        };
        let (segment, after) = cut(bytes);
        let literal = self.child(at, segment);
        let mut branches = literal.into_iter().chain(node.parameter_for(segment));
        branches.try_for_each(|child| self.templates(child, after, show))
    }

    /// The prefixes of every path that starts with these bytes, the longest first.
    pub fn prefixes_of_all(&self, start: &[u8]) -> Vec<GroupId> {
        let mut found: Vec<GroupId> = self.node(ROOT).prefix.into_iter().collect();
        let mut at = ROOT;
        let mut rest = Rest::of(start);
        // A segment counts once its slash is there: the last one may go on.
        while let Rest::More(bytes) = rest {
            let (segment, after) = cut(bytes);
            let Some(child) = self.child(at, segment) else { break };
            if let Rest::End(Ending::Bare) = after {
                break;
            }
            found.extend(self.node(child).prefix);
            (at, rest) = (child, after);
        }
        found.reverse();
        found
    }

    fn parent(&self, child: NodeId) -> Option<NodeId> {
        (child != ROOT).then(|| self.node(child).parent)
    }
}

impl Node {
    /// A parameter stands for any segment but an empty one.
    fn parameter_for(&self, segment: &[u8]) -> Option<NodeId> {
        self.parameter.filter(|_| !segment.is_empty())
    }

    fn whole(&self, ending: Ending) -> Option<GroupId> {
        match ending {
            Ending::Bare => self.bare,
            Ending::Slash => self.slashed,
        }
    }
}

/// What of a path is not yet walked.
#[derive(Debug, Clone, Copy)]
enum Rest<'a> {
    /// `OPTIONS *`: only a prefix without segments matches.
    NoPath,
    /// One segment at least.
    More(&'a [u8]),
    End(Ending),
}

impl<'a> Rest<'a> {
    fn of(path: &'a [u8]) -> Self {
        path.strip_prefix(b"/").map_or(Self::NoPath, Self::after_slash)
    }

    fn after_slash(rest: &'a [u8]) -> Self {
        if rest.is_empty() { Self::End(Ending::Slash) } else { Self::More(rest) }
    }
}

/// The first segment, and what follows it.
fn cut(path: &[u8]) -> (&[u8], Rest<'_>) {
    match memchr(b'/', path) {
        Some(at) => (&path[..at], Rest::after_slash(&path[at + 1..])),
        None => (path, Rest::End(Ending::Bare)),
    }
}
