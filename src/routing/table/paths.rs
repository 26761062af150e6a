//! From a path to the groups of routes that match it, best first: exact, then segments, then regexes.

use std::ops::ControlFlow;

use super::fast_hash::{Bytes, FastMap};
use super::regexes::Regexes;
use super::trie::Trie;
use crate::routing::PathPattern;
use crate::routing::matcher::{decoded, spellings};

/// The routes of one path pattern, however it is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

#[derive(Debug, Default)]
pub struct Paths {
    exact: FastMap<Bytes, GroupId>,
    /// Bytes. Longer paths need no hashing.
    longest_exact: usize,
    trie: Trie,
    regexes: Regexes,
    groups: u32,
}

impl Paths {
    /// The group of a pattern; a new one has the next number.
    pub fn insert(&mut self, pattern: &PathPattern) -> GroupId {
        let fresh = GroupId(self.groups);
        let group = match pattern {
            PathPattern::Exact(path) => self.insert_exact(path, fresh),
            PathPattern::Prefix(segments) => self.trie.insert_prefix(segments, fresh),
            PathPattern::Template { segments, ending } => self.trie.insert_template(segments, *ending, fresh),
            PathPattern::Regex(regex) => self.regexes.insert(regex, fresh),
        };
        if group == fresh {
            self.groups += 1;
        }
        group
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups as usize
    }

    /// Compiles what can only be compiled when all patterns are known.
    pub fn finish(&mut self) {
        self.regexes.compile();
    }

    /// The groups of more specific patterns that match every path this one matches.
    pub fn stronger(&self, pattern: &PathPattern) -> Vec<GroupId> {
        match pattern {
            PathPattern::Exact(_) | PathPattern::Prefix(_) => Vec::new(),
            PathPattern::Template { .. } => {
                let literal = pattern.only_path().and_then(|path| self.exact.get(decoded(&path).as_slice()));
                literal.into_iter().copied().collect()
            }
            PathPattern::Regex(regex) => self.trie.prefixes_of_all(regex.start()),
        }
    }

    fn insert_exact(&mut self, path: &str, fresh: GroupId) -> GroupId {
        if let Some(known) = self.exact.get(decoded(path).as_slice()) {
            return *known;
        }
        for spelling in spellings(path) {
            self.longest_exact = self.longest_exact.max(spelling.len());
            self.exact.insert(spelling.into(), fresh);
        }
        fresh
    }

    /// Shows the groups whose pattern matches, from the most specific on. Groups of one rank are shown together.
    pub fn visit(&self, path: &[u8], mut show: impl FnMut(&[GroupId]) -> ControlFlow<()>) -> ControlFlow<()> {
        if path.len() <= self.longest_exact
            && let Some(group) = self.exact.get(path)
        {
            show(&[*group])?;
        }
        self.trie.visit(path, |group| show(&[group]))?;
        match self.regexes.matching(path).as_slice() {
            [] => ControlFlow::Continue(()),
            groups => show(groups),
        }
    }
}
