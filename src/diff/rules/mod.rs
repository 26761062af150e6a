//! The `diff:` block of a route: [`spec`] is what is written, [`Rules`] what the comparer runs on.
//!
//! What each rule covers is decided where the difference is found; here is only whether it is in force.

mod at;
mod catalogue;
mod compile;
mod own;
mod side;
mod spec;

pub use at::{At, Segment};
pub use catalogue::{Class, Rule};
pub use own::OwnRule;
pub use side::Side;
pub use spec::{AcceptSpec, RulesSpec};

/// Numbers this close are equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
}

/// An intended difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Accept {
    pub at: At,
    pub was: Option<String>,
    pub is: Option<String>,
    pub reason: String,
    /// First second at which it no longer holds, Unix time.
    pub expires: Option<i64>,
    /// What it is called in counts and reports.
    pub label: String,
    /// As written.
    pub spec: AcceptSpec,
}

impl Accept {
    /// Whether its last day is over at this time.
    pub fn is_over(&self, now: Option<i64>) -> bool {
        matches!((self.expires, now), (Some(end), Some(now)) if now >= end)
    }
}

/// Where a rule is in force.
#[derive(Debug, Clone, PartialEq, Default)]
enum Reach {
    #[default]
    Nowhere,
    Everywhere,
    At(Vec<At>),
}

/// The `diff:` block as compiled. The default is `preset: php`.
#[derive(Debug, Clone)]
pub struct Rules {
    reach: Vec<Reach>,
    /// Rules that hide only what one side does.
    sides: Vec<(Rule, Side)>,
    /// Whether any rule is limited to places or a side: the quick walk then asks for each difference.
    scoped: bool,
    ignore: Vec<(At, String)>,
    unordered: Vec<At>,
    match_by: Vec<(At, String)>,
    accept: Vec<Accept>,
    tolerance: Tolerance,
    csrf_selectors: Vec<String>,
    asset_selectors: Vec<String>,
}

/// One mistake in a `diff:` block: where (keys below `diff`, such as `["ignore", "0"]`) and what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleError {
    pub at: Vec<String>,
    pub message: String,
}

impl Default for Rules {
    fn default() -> Self {
        Self::preset_php()
    }
}

impl Rules {
    /// # Errors
    /// Every mistake of the block at once.
    pub fn compile(spec: &RulesSpec) -> Result<Self, Vec<RuleError>> {
        compile::compile(spec)
    }

    /// Whether the rule is in force somewhere.
    pub fn is_on(&self, rule: Rule) -> bool {
        self.reach.get(rule as usize).is_some_and(|reach| *reach != Reach::Nowhere)
    }

    /// Whether the rule is in force at a difference's path.
    pub fn is_on_at(&self, rule: Rule, path: &str) -> bool {
        match self.reach.get(rule as usize) {
            None | Some(Reach::Nowhere) => false,
            Some(Reach::Everywhere) => true,
            Some(Reach::At(places)) => places.iter().any(|at| at.covers(path)),
        }
    }

    /// Whether the rule is limited to places or a side, so that [`Rules::is_on_at`] and [`Rules::is_on_for`] must be asked.
    pub fn is_scoped(&self, rule: Rule) -> bool {
        self.scoped && (matches!(self.reach.get(rule as usize), Some(Reach::At(_))) || self.is_sided(rule))
    }

    /// Whether the rule hides only what one side does, so that it can be asked only with both values.
    pub fn is_sided(&self, rule: Rule) -> bool {
        self.sides.iter().any(|(sided, _)| *sided == rule)
    }

    /// Whether the rule is about what the right side did: yes, unless it is limited to the other.
    pub fn is_on_for(&self, rule: Rule, control: Option<&str>, candidate: Option<&str>) -> bool {
        let wanted = self.sides.iter().find(|(sided, _)| *sided == rule);
        wanted.is_none_or(|(_, side)| side::doer(rule, control, candidate) == Some(*side))
    }

    /// The `ignore` entry that covers a path, as written.
    pub fn ignoring(&self, path: &str) -> Option<&str> {
        self.ignore.iter().find(|(at, _)| at.covers(path)).map(|(_, written)| written.as_str())
    }

    /// The CSS selectors of `ignore: [css:…]`.
    pub fn ignored_selectors(&self) -> impl Iterator<Item = &str> {
        self.ignore.iter().filter_map(|(at, _)| match at {
            At::Css(selector) => Some(selector.as_str()),
            _ => None,
        })
    }

    /// The CSS selectors that `csrf` was given beside the well-known names.
    pub fn csrf_selectors(&self) -> &[String] {
        &self.csrf_selectors
    }

    /// The CSS selectors that `asset_version` was given beside the well-known forms.
    pub fn asset_selectors(&self) -> &[String] {
        &self.asset_selectors
    }

    /// The CSS selectors of the elements whose children may stand in any order, each with the attribute that pairs them, if any.
    pub fn listed_selectors(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let unordered = self.unordered.iter().map(|at| (at, None));
        let keyed = self.match_by.iter().map(|(at, key)| (at, Some(key.as_str())));
        keyed.chain(unordered).filter_map(|(at, key)| match at {
            At::Css(selector) => Some((selector.as_str(), key)),
            _ => None,
        })
    }

    /// The CSS selectors that rules are limited to.
    pub fn scoped_selectors(&self) -> impl Iterator<Item = &str> {
        let places = self.reach.iter().filter_map(|reach| match reach {
            Reach::At(places) => Some(places),
            _ => None,
        });
        places.flatten().filter_map(|at| match at {
            At::Css(selector) => Some(selector.as_str()),
            _ => None,
        })
    }

    /// Whether the rule is in force in an element that one of these selectors covers.
    pub fn is_on_under(&self, rule: Rule, selectors: &[String]) -> bool {
        let Some(Reach::At(places)) = self.reach.get(rule as usize) else { return false };
        places.iter().any(|at| matches!(at, At::Css(own) if selectors.contains(own)))
    }

    /// Whether any entry but those for whole pages names an element: then all elements must be looked at.
    pub fn names_elements(&self) -> bool {
        self.ignored_selectors().next().is_some()
            || self.accepted_selectors().next().is_some()
            || self.scoped_selectors().next().is_some()
            || self.listed_selectors().next().is_some()
            || !self.csrf_selectors.is_empty()
            || !self.asset_selectors.is_empty()
    }

    /// Whether the operator named places that do not count.
    pub fn has_own(&self) -> bool {
        !self.ignore.is_empty() || !self.accept.is_empty()
    }

    pub fn accepts(&self) -> &[Accept] {
        &self.accept
    }

    /// Whether the order of the array at a pointer does not count.
    pub fn is_unordered(&self, path: &str) -> bool {
        self.unordered.iter().any(|at| at.is(path))
    }

    /// Where differences of any sort do not count: the ways of the pointers.
    pub fn left_out(&self) -> impl Iterator<Item = &[Segment]> {
        let ignored = self.ignore.iter().map(|(at, _)| at);
        let any = |accept: &&Accept| accept.was.is_none() && accept.is.is_none();
        ignored.chain(self.accept.iter().filter(any).map(|accept| &accept.at)).filter_map(At::way)
    }

    /// The arrays whose order does not count: the ways of the pointers.
    pub fn any_order(&self) -> impl Iterator<Item = &[Segment]> {
        self.unordered.iter().chain(self.match_by.iter().map(|(at, _)| at)).filter_map(At::way)
    }

    /// The member by which elements of the array at a pointer are paired.
    pub fn match_key(&self, path: &str) -> Option<&str> {
        self.match_by.iter().find(|(at, _)| at.is(path)).map(|(_, key)| key.as_str())
    }

    /// Whether some array is named by `unordered` or `match_by`.
    pub fn names_arrays(&self) -> bool {
        !self.unordered.is_empty() || !self.match_by.is_empty() || self.is_on(Rule::Unordered)
    }

    pub fn tolerance(&self) -> Tolerance {
        self.tolerance
    }
}

#[cfg(test)]
mod tests;
