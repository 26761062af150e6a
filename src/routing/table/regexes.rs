//! Every regex of the table in one automaton: a path is read once, however many there are.

use std::collections::HashMap;

use regex::bytes::{RegexSet, RegexSetBuilder};
use smallvec::SmallVec;

use super::paths::GroupId;
use crate::routing::matcher::PathRegex;

#[derive(Debug, Default)]
pub struct Regexes {
    patterns: Vec<(PathRegex, GroupId)>,
    by_source: HashMap<String, GroupId>,
    parts: Vec<Part>,
    /// The places of those that are too large even for a set of their own.
    alone: Vec<usize>,
}

/// Neighbouring patterns, compiled together.
#[derive(Debug)]
struct Part {
    set: RegexSet,
    /// The place of its first pattern.
    first: usize,
}

/// Compiled size of one set, bytes. A thousand ordinary regexes take a few MiB; more are split into several sets.
const MAX_SET_BYTES: usize = 32 << 20;

/// Memory that a set may use for the states it meets while matching, bytes per thread that matches. What does not fit is
/// thrown away and built again, which costs tens of times the time.
const MAX_STATES_BYTES: usize = 16 << 20;

impl Regexes {
    pub fn insert(&mut self, regex: &PathRegex, fresh: GroupId) -> GroupId {
        let group = *self.by_source.entry(regex.source().to_owned()).or_insert(fresh);
        if group == fresh {
            self.patterns.push((regex.clone(), fresh));
        }
        group
    }

    pub fn compile(&mut self) {
        self.compile_range(0, self.patterns.len(), MAX_SET_BYTES);
    }

    /// Halves what is too large for one set.
    fn compile_range(&mut self, first: usize, end: usize, set_bytes: usize) {
        if first == end {
            return;
        }
        let sources = self.patterns[first..end].iter().map(|(regex, _)| regex.anchored());
        let mut builder = RegexSetBuilder::new(sources);
        builder.unicode(false).size_limit(set_bytes).dfa_size_limit(MAX_STATES_BYTES);
        if let Ok(set) = builder.build() {
            self.parts.push(Part { set, first });
        } else if end - first > 1 {
            let middle = first.midpoint(end);
            self.compile_range(first, middle, set_bytes);
            self.compile_range(middle, end, set_bytes);
        } else {
            self.alone.push(first);
        }
    }

    pub fn matching(&self, path: &[u8]) -> SmallVec<[GroupId; 4]> {
        let mut groups = SmallVec::new();
        for part in &self.parts {
            groups.extend(part.set.matches(path).iter().map(|at| self.patterns[part.first + at].1));
        }
        let alone = self.alone.iter().map(|at| &self.patterns[*at]).filter(|(regex, _)| regex.matches(path));
        groups.extend(alone.map(|(_, group)| *group));
        groups
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::routing::PathPattern;

    fn table(sources: &[String]) -> Regexes {
        let mut regexes = Regexes::default();
        for (group, source) in (0..).map(GroupId).zip(sources) {
            let Ok(PathPattern::Regex(regex)) = PathPattern::regex(source) else { panic!("{source}") };
            assert_eq!(regexes.insert(&regex, group), group);
        }
        regexes
    }

    #[test]
    fn regexes_beyond_one_automaton_are_matched_by_several() {
        let mut sources: Vec<String> = (0..40).map(|n| format!("/r{n}/[a-z]+|/all")).collect();
        sources.push("/huge/(?:[a-z]{1,60}-){1,60}|/all".to_owned());
        let mut regexes = table(&sources);
        regexes.compile_range(0, sources.len(), 20_000);
        assert!(regexes.parts.len() > 1 && regexes.alone == [40], "{regexes:?}");
        assert_eq!(regexes.matching(b"/r39/ab").as_slice(), [GroupId(39)]);
        assert_eq!(regexes.matching(b"/huge/a-").as_slice(), [GroupId(40)]);
        assert_eq!(regexes.matching(b"/all").len(), 41);
        assert_eq!(regexes.matching(b"/none").len(), 0);
    }

    #[test]
    fn one_source_is_one_group() {
        let mut regexes = table(&["/a.*".to_owned(), "/b".to_owned()]);
        let Ok(PathPattern::Regex(again)) = PathPattern::regex("/a.*") else { panic!() };
        assert_eq!(regexes.insert(&again, GroupId(2)), GroupId(0));
    }
}
