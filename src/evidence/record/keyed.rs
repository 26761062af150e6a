//! Learns which members are named after things: an object keyed by package names would otherwise make a cause per package.
//!
//! Where one kind of difference with one transform shows at many members of one object, and at the same place below each, these
//! members are one place, `*`. That takes more than [`NAMES`] of them. Where the difference is the member itself, they may as well be
//! the fields of one large record, each with a bug of its own: unless many names are such as no field has, that takes more than
//! [`FIELDS`].

use std::collections::{HashMap, HashSet};

use crate::evidence::store::triage::Pattern;

/// So many names under one parent may be those of fields; with one more they are one place.
pub const NAMES: usize = 12;
/// The same where what differs is the member itself.
pub const FIELDS: usize = 48;
/// Parents of a route that are watched; a difference at one more is counted under its own name.
const MAX_PARENTS: usize = 4_000;
/// Members of a path that are looked at; deeper ones keep their names.
const MAX_DEPTH: usize = 12;

/// What sort of difference stands at a place.
#[derive(Debug, Clone, Copy)]
pub struct Sort<'a> {
    pub kind: &'a str,
    pub cause: Option<&'a str>,
}

#[derive(Debug, Default)]
pub struct Keyed {
    learned: HashSet<Pattern>,
    /// Names seen by the pattern that they would make.
    seen: HashMap<Pattern, HashSet<String>>,
}

impl Keyed {
    /// Takes what an earlier door has learned.
    pub fn learn(&mut self, pattern: Pattern) {
        self.learned.insert(pattern);
    }

    /// A collapsed path with what was learned.
    pub fn settle(&self, place: &str, sort: Sort<'_>) -> String {
        if self.learned.is_empty() {
            return place.to_owned();
        }
        let mut steps = Steps::of(place);
        for at in 0..steps.names.len().min(MAX_DEPTH) {
            if self.learned.contains(&steps.pattern(at, sort)) {
                steps.replace(at);
            }
        }
        steps.join()
    }

    /// Notes a place that is new; tells what is learned by it.
    pub fn note(&mut self, place: &str, sort: Sort<'_>) -> Option<Pattern> {
        let steps = Steps::of(place);
        for at in 0..steps.names.len().min(MAX_DEPTH) {
            let Some(name) = steps.name(at) else { continue };
            let pattern = steps.pattern(at, sort);
            if !self.seen.contains_key(&pattern) && self.seen.len() >= MAX_PARENTS {
                continue;
            }
            let names = self.seen.entry(pattern.clone()).or_default();
            names.insert(name.to_owned());
            let may_be_fields = at + 1 == steps.names.len() && !are_things(names, steps.marks.get(at).copied());
            if names.len() > if may_be_fields { FIELDS } else { NAMES } {
                self.seen.remove(&pattern);
                self.learned.insert(pattern.clone());
                return Some(pattern);
            }
        }
        None
    }
}

/// Whether many of these are no names of fields: `vim-git`, `libstdc++`, `été`. An element's id may have a hyphen.
fn are_things(names: &HashSet<String>, mark: Option<&str>) -> bool {
    /// One in so many.
    const MANY: usize = 4;
    let is_field = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '*') || c == '-' && mark == Some("#");
    let things = names.iter().filter(|name| !name.chars().all(is_field)).count();
    things * MANY >= names.len()
}

/// A path taken apart: members of a JSON pointer, or the id that a selector begins with and the elements below it.
struct Steps<'a> {
    /// Before each name: `/`, `#`, ` > `.
    marks: Vec<&'static str>,
    names: Vec<&'a str>,
}

impl<'a> Steps<'a> {
    fn of(place: &'a str) -> Self {
        if place.starts_with('/') {
            let names: Vec<&str> = place.split('/').skip(1).collect();
            return Self { marks: vec!["/"; names.len()], names };
        }
        if let Some(rest) = place.strip_prefix("cookie:") {
            return Self { marks: vec!["cookie:"], names: vec![rest] };
        }
        let mut steps = Self { marks: Vec::new(), names: Vec::new() };
        for (at, step) in place.split(" > ").enumerate() {
            let (mark, name) = match (at, step.strip_prefix('#')) {
                (0, Some(id)) => ("#", id),
                (0, None) => ("", step),
                _ => (" > ", step),
            };
            steps.marks.push(mark);
            steps.names.push(name);
        }
        steps
    }

    /// A name that may be that of a thing: a member, a cookie, an element's id; not an element, and not a star already.
    fn name(&self, at: usize) -> Option<&'a str> {
        let may = matches!(self.marks.get(at), Some(&("/" | "#" | "cookie:")));
        self.names.get(at).copied().filter(|name| may && *name != "*")
    }

    fn pattern(&self, at: usize, sort: Sort<'_>) -> Pattern {
        let below = self.names.len().saturating_sub(at + 1);
        let leaf = if below == 0 { "" } else { self.names.last().copied().unwrap_or_default() };
        let before = self.marks.iter().zip(&self.names).take(at).flat_map(|(mark, name)| [*mark, *name]).collect();
        let mark = self.marks.get(at).copied().unwrap_or_default();
        let after = format!("{mark} {below} {leaf}\n{}\n{}", sort.kind, sort.cause.unwrap_or_default());
        Pattern { before, after }
    }

    fn replace(&mut self, at: usize) {
        if self.name(at).is_some()
            && let Some(name) = self.names.get_mut(at)
        {
            *name = "*";
        }
    }

    fn join(&self) -> String {
        self.marks.iter().zip(&self.names).flat_map(|(mark, name)| [*mark, *name]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{FIELDS, Keyed, NAMES, Sort};

    const SORT: Sort<'static> = Sort { kind: "value", cause: Some("rounding_mode") };

    fn taught(keyed: &mut Keyed, names: usize, path: impl Fn(&str) -> String) {
        for at in 0..names {
            let name: String = format!("{at:02}").bytes().map(|digit| char::from(digit + 49)).collect();
            let place = keyed.settle(&path(&name), SORT);
            keyed.note(&place, SORT);
        }
    }

    #[test]
    fn members_named_after_things_become_one_place() {
        let mut keyed = Keyed::default();
        taught(&mut keyed, NAMES, |name| format!("/packages/{name}/price"));
        assert_eq!(keyed.settle("/packages/vim/price", SORT), "/packages/vim/price", "twelve fields may be fields");
        taught(&mut keyed, NAMES + 1, |name| format!("/packages/{name}/price"));
        assert_eq!(keyed.settle("/packages/vim/price", SORT), "/packages/*/price");
        assert_eq!(keyed.settle("/packages/vim/size", SORT), "/packages/vim/size", "another place below");
        let other = Sort { kind: "missing", cause: None };
        assert_eq!(keyed.settle("/packages/vim/price", other), "/packages/vim/price", "another sort of difference");
    }

    #[test]
    fn fields_of_one_record_stay_apart_longer_than_names_of_things() {
        let mut keyed = Keyed::default();
        taught(&mut keyed, 28, |name| format!("/{name}"));
        assert_eq!(keyed.settle("/aa", SORT), "/aa", "28 bugs in 28 fields");
        taught(&mut keyed, FIELDS + 1, |name| format!("/{name}"));
        assert_eq!(keyed.settle("/aa", SORT), "/*");
        taught(&mut keyed, NAMES + 1, |name| format!("/votes/{name}-git"));
        assert_eq!(keyed.settle("/votes/vim", SORT), "/votes/*", "no field is called so");
        taught(&mut keyed, 28, |name| format!("#{name}-label"));
        assert_eq!(keyed.settle("#aa-label", SORT), "#aa-label");
    }

    #[test]
    fn names_within_names_and_ids_of_elements() {
        let mut keyed = Keyed::default();
        taught(&mut keyed, 60, |name| format!("/users/{name}/packages/p{name}/votes"));
        assert_eq!(keyed.settle("/users/jo/packages/vim/votes", SORT), "/users/*/packages/*/votes");
        taught(&mut keyed, NAMES + 1, |name| format!("#{name} > td:nth-child(2)"));
        assert_eq!(keyed.settle("#vim > td:nth-child(2)", SORT), "#* > td:nth-child(2)");
        assert_eq!(keyed.settle("#vim > td:nth-child(3)", SORT), "#vim > td:nth-child(3)", "another place below");
        taught(&mut keyed, 40, |name| format!("{name} > b"));
        assert_eq!(keyed.settle("table > b", SORT), "table > b", "elements are no names");
    }
}
