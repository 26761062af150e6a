//! The literal edges of the tree of segments, all in one hash map: a step down is one look into one block of memory, of
//! which a table of thousands of routes has few enough to stay in the processor's cache.

use std::hash::{Hash, Hasher};

use super::fast_hash::FastMap;
use super::trie::NodeId;

#[derive(Debug, Default)]
pub struct Children {
    short: FastMap<Edge, NodeId>,
    /// By parent, then segment.
    long: FastMap<NodeId, FastMap<Box<[u8]>, NodeId>>,
}

/// Bytes of a segment that is kept inside its edge. Longer ones are rare in the literals of patterns.
const SHORT: usize = 19;

/// Parent, length and bytes of a short segment, padded with zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge([u8; 4 + 1 + SHORT]);

impl Edge {
    /// `None`: the segment is long.
    fn of(NodeId(parent): NodeId, segment: &[u8]) -> Option<Self> {
        let mut edge = [0; 4 + 1 + SHORT];
        edge[5..].get_mut(..segment.len())?.copy_from_slice(segment);
        edge[..4].copy_from_slice(&parent.to_ne_bytes());
        edge[4] = segment.len() as u8;
        Some(Self(edge))
    }
}

impl Hash for Edge {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl Children {
    pub fn get(&self, parent: NodeId, segment: &[u8]) -> Option<NodeId> {
        match Edge::of(parent, segment) {
            Some(edge) => self.short.get(&edge).copied(),
            None => self.long.get(&parent)?.get(segment).copied(),
        }
    }

    pub fn insert(&mut self, parent: NodeId, segment: &[u8], child: NodeId) {
        match Edge::of(parent, segment) {
            Some(edge) => self.short.insert(edge, child),
            None => self.long.entry(parent).or_default().insert(segment.into(), child),
        };
    }
}
