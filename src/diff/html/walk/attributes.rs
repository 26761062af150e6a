//! The attributes of two elements that stand for each other.

use std::cell::OnceCell;

use super::super::attribute::{self, Verdict};
use super::super::dom::{Attribute, NodeId};
use super::super::{escape, link, script, selector, unescaped, volatile};
use super::{STEP, Side, Walk};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::{Class, Rule};
use crate::diff::sink::{Finding, MAX_KEPT};

impl Walk<'_, '_, '_, '_> {
    pub(super) fn attributes(&mut self, at: (NodeId, NodeId)) {
        let (x, y) = (self.sides.a.dom, self.sides.b.dom);
        if let (Some(old), Some(new)) = (x.charset(at.0), y.charset(at.1))
            && old == new
        {
            return self.hide(Rule::HtmlSyntax, Kind::Attribute, at);
        }
        let (olds, news) = (x.attributes(at.0), y.attributes(at.1));
        let (in_old, in_new) = (Named::of(&olds), Named::of(&news));
        for (place, (name, old)) in olds.iter().enumerate() {
            let (name, old) = (&**name, &**old);
            match in_new.find(name, place) {
                Some(new) => self.values(name, at, old, new),
                None if old.is_empty() && attribute::is_void_when_empty(name) && !self.are_data(at) => {
                    self.hide(Rule::HtmlSyntax, Kind::Attribute, at)
                }
                None => {
                    let path = self.attribute_place(Side::Control, at.0, name);
                    let finding =
                        Finding::new(Kind::Attribute, path).only_control(old).severity(attribute::severity(name));
                    self.report(finding);
                }
            }
        }
        for (place, (name, new)) in news.iter().enumerate() {
            let (name, new) = (&**name, &**new);
            if in_old.find(name, place).is_some() {
                continue;
            }
            if new.is_empty() && attribute::is_void_when_empty(name) && !self.are_data(at) {
                self.hide(Rule::HtmlSyntax, Kind::Attribute, at);
                continue;
            }
            let path = self.attribute_place(Side::Candidate, at.1, name);
            let mut finding =
                Finding::new(Kind::Attribute, path).only_candidate(new).severity(attribute::severity(name));
            if escape::broke_out(&olds, &news, name) {
                finding = finding.severity(Severity::Critical).cause("escape_missing");
            }
            self.report(finding);
        }
    }

    /// Has HTML nothing to say of the attributes of either?
    fn are_data(&self, at: (NodeId, NodeId)) -> bool {
        self.sides.a.dom.is_data(at.0) && self.sides.b.dom.is_data(at.1)
    }

    fn values(&mut self, name: &str, at: (NodeId, NodeId), old: &str, new: &str) {
        let (x, y) = (self.sides.a.dom, self.sides.b.dom);
        if !self.sink.spend(if link::is_link(name) { LINK } else { STEP }) {
            self.too_much();
            return;
        }
        if old == new {
            return;
        }
        if unescaped::is_marked(old) || unescaped::is_marked(new) {
            let path = self.attribute_place(Side::Control, at.0, name);
            return self.mended(Finding::new(Kind::Attribute, path), old, new);
        }
        let verdict = if self.are_data(at) && !link::is_link(name) {
            Verdict::Differ
        } else {
            let token = volatile::token_attribute_of(x, at.0)
                .filter(|held| held.0 == name && volatile::token_attribute_of(y, at.1) == Some(*held));
            let subject =
                attribute::Subject { element: x.name(at.0).unwrap_or_default(), name, token: token.map(|held| held.1) };
            attribute::compare(&subject, old, new, self.around)
        };
        if verdict == Verdict::Same {
            return;
        }
        if verdict == Verdict::Differ && self.is_only_counted(name, at, old, new) {
            return;
        }
        let path = if matches!(verdict, Verdict::But(rule) if rule.class() == Class::Cosmetic) {
            String::new()
        } else {
            self.attribute_place(Side::Control, at.0, name)
        };
        let finding = Finding::new(Kind::Attribute, path).values(old, new);
        match verdict {
            Verdict::Same => {}
            Verdict::But(rule) if rule.class() == Class::Cosmetic => self.hide_values(rule, at, |_| finding),
            Verdict::But(Rule::OwnHostLinks) => self.report(finding.rule(Rule::OwnHostLinks).cause("same_target")),
            Verdict::But(rule) => self.report(finding.rule(rule)),
            Verdict::Differ if !attribute::is_prose(name) && self.json_value(old, new, &finding.path, at) => {}
            Verdict::Differ => {
                let rule = self.chosen_rule(name, at).or_else(|| self.build(name, at, old, new));
                let finding = match rule.filter(|_| !old.is_empty() && !new.is_empty()) {
                    Some(rule) => finding.rule(rule),
                    None => self.with_cause(finding, name, old, new),
                };
                self.report(finding);
            }
        }
    }

    /// A difference of two values that no rule is about: how much it matters, and how it came about where that can be told.
    fn with_cause(&self, finding: Finding, name: &str, old: &str, new: &str) -> Finding {
        let finding = finding.severity(attribute::severity(name));
        if escape::is_escaped_twice(old, new) {
            finding.cause("escaped_twice")
        } else if name == "class" && is_other_stripe(old, new) {
            finding.severity(Severity::Low).cause("rows_striped_otherwise")
        } else if link::is_link(name) && link::leaks_host(self.around.page.as_ref(), old, new) {
            finding.cause("host_leaked")
        } else if escape::is_escaped_twice(new, old) || escape::cut_at_quote(old, new) && !old.is_empty() {
            finding.severity(Severity::Critical).cause("escape_missing")
        } else {
            finding
        }
    }

    /// Is all that is left to say of two values that they are one more difference? So it is once as many are told as are kept.
    fn is_only_counted(&mut self, name: &str, at: (NodeId, NodeId), old: &str, new: &str) -> bool {
        if self.sink.len() <= MAX_KEPT || script::holds_json(old) && script::holds_json(new) {
            return false;
        }
        let rule = self.chosen_rule(name, at).or_else(|| self.build(name, at, old, new));
        if rule.is_some() || !self.sink.only_counts() {
            return false;
        }
        self.one_more();
        true
    }

    /// Compares what is JSON on both sides as JSON; `false`: it is not.
    fn json_value(&mut self, old: &str, new: &str, path: &str, at: (NodeId, NodeId)) -> bool {
        let is_json = [old, new].iter().all(|value| script::holds_json(value));
        if is_json {
            self.json(old, new, path, at);
        }
        is_json
    }

    /// The rule whose selectors name the element, for attributes that hold a value.
    fn chosen_rule(&self, name: &str, at: (NodeId, NodeId)) -> Option<Rule> {
        if matches!(
            name,
            "name" | "type" | "id" | "class" | "for" | "method" | "style" | "checked" | "selected" | "disabled"
        ) {
            return None;
        }
        let rules = self.scope.rules;
        if self.chosen(rules.csrf_selectors(), at) {
            return Some(Rule::Csrf);
        }
        self.chosen(rules.asset_selectors(), at).then_some(Rule::AssetVersion)
    }

    /// The id of a build in a meta tag, or the checksum of an asset whose version differs, too.
    fn build(&self, name: &str, at: (NodeId, NodeId), old: &str, new: &str) -> Option<Rule> {
        let (x, y) = (self.sides.a.dom, self.sides.b.dom);
        let both = |name: &str| Some((x.attribute(at.0, name)?, y.attribute(at.1, name)?));
        let is_build = match name {
            "content" => {
                let (a, b) = both("name")?;
                a == b && link::names_build(&a) && link::are_builds(old, new)
            }
            "integrity" => {
                let (a, b) = both("src").or_else(|| both("href"))?;
                a != b && link::same_but_version(&a, &b) && old.starts_with("sha") && new.starts_with("sha")
            }
            _ => false,
        };
        is_build.then_some(Rule::AssetVersion)
    }

    /// Did the operator name the element by one of these selectors, on both sides?
    pub(super) fn chosen(&self, selectors: &[String], at: (NodeId, NodeId)) -> bool {
        selectors
            .iter()
            .filter_map(|text| selector::Selector::parse(text).ok())
            .any(|selector| selector.matches(self.sides.a.dom, at.0) && selector.matches(self.sides.b.dom, at.1))
    }
}

/// A list of attributes in which some are looked for by name.
struct Named<'l, 'd> {
    list: &'l [Attribute<'d>],
    /// Of a long list, once a name is not where it is likely to be: the names in order, and where each stands.
    places: OnceCell<Vec<(&'l str, usize)>>,
}

impl<'l, 'd> Named<'l, 'd> {
    fn of(list: &'l [Attribute<'d>]) -> Self {
        Self { list, places: OnceCell::new() }
    }

    /// The value of an attribute that is likely to stand in a place.
    fn find(&self, name: &str, likely: usize) -> Option<&'l str> {
        const SHORT: usize = 12;
        let found = self.list.get(likely).filter(|attribute| attribute.0 == name);
        let found = found.or_else(|| match self.list.len() {
            ..=SHORT => self.list.iter().find(|attribute| attribute.0 == name),
            _ => self.list.get(self.place(name)?),
        });
        found.map(|(_, value)| &**value)
    }

    fn place(&self, name: &str) -> Option<usize> {
        let places = self.places.get_or_init(|| {
            let named = self.list.iter().enumerate().map(|(at, attribute)| (&*attribute.0, at));
            let mut places: Vec<(&str, usize)> = named.collect();
            places.sort_unstable();
            places
        });
        let at = places.binary_search_by(|place| place.0.cmp(name)).ok()?;
        places.get(at).map(|place| place.1)
    }
}

/// Resolving two links costs about this many of the sink's steps.
const LINK: usize = 10_000;

/// Do two class lists differ in nothing but which of two alternating rows it is?
fn is_other_stripe(old: &str, new: &str) -> bool {
    const STRIPES: [(&str, &str); 4] = [("odd", "even"), ("row1", "row2"), ("row0", "row1"), ("a", "b")];
    let swapped = |one: &str, other: &str| {
        let swap = |class| match class {
            class if class == one => other,
            class if class == other => one,
            class => class,
        };
        let (mut old, mut new): (Vec<&str>, Vec<&str>) =
            (old.split_ascii_whitespace().map(swap).collect(), new.split_ascii_whitespace().collect());
        old.sort_unstable();
        new.sort_unstable();
        old == new
    };
    STRIPES.iter().any(|(one, other)| swapped(one, other))
}
