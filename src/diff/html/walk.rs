//! Two [`View`]s walked side by side: every difference told once, where it stands, with what it is.

use super::align::{self, Alignment, Movable, Moved, Sketch};
use super::attribute::{self, Surroundings, Verdict};
use super::dom::{Dialect, Dom, NONE, NOWHERE, NodeId, NodeKind, ROOT};
use super::escape;
use super::flow::{Lead, NBSP};
use super::link;
use super::place::Ids;
use super::script;
use super::selector::Selector;
use super::spelling;
use super::view::{ItemId, ItemKind, View};
use super::volatile;
use crate::diff::comparison::{Difference, Hidden, Kind, Severity};
use crate::diff::rules::{Class, Rule, Rules};
use crate::diff::scope::Scope;
use crate::diff::sink::{Finding, MAX_KEPT, Sink};

/// The two pages being compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'w, 'd> {
    pub a: &'w View<'d>,
    pub b: &'w View<'d>,
}

impl<'d> Sides<'_, 'd> {
    fn dom(&self, side: Side) -> &'d Dom<'d> {
        match side {
            Side::Control => self.a.dom,
            Side::Candidate => self.b.dom,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Control,
    Candidate,
}

pub(super) struct Walk<'w, 'd, 's, 'r> {
    pub sides: Sides<'w, 'd>,
    pub around: &'w Surroundings,
    pub scope: &'w Scope<'w>,
    pub sink: &'s mut Sink<'r>,
    /// The `ignore: css:` entries as written, in the order of [`super::view::Item::ignored`].
    pub ignored: &'w [String],
    /// The `accept: css:` entries, each with its place among all of `accept`.
    pub accepting: &'w [(usize, Selector)],
    /// The selectors that rules are limited to.
    pub scoping: &'w [(String, Selector)],
    /// Elements whose children have no order.
    pub lists: &'w Lists,
    pub ids: (Ids, Ids),
    /// Legacy's texts that look like markup below the element that was asked about last.
    pub tag_like: Option<(NodeId, String)>,
    /// Something was told or hidden.
    pub told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Something,
    /// The budget is used up.
    TooMuch,
    /// An element whose inside was left out stands for another than the one it was proven equal to.
    Mispaired,
}

impl Walk<'_, '_, '_, '_> {
    /// Compares two items that stand for each other; `within` are the elements they stand in.
    pub fn pair(&mut self, a: ItemId, b: ItemId, within: (NodeId, NodeId)) {
        let (old, new) = (self.sides.a.item(a), self.sides.b.item(b));
        if self.is_over() || (old.meaning == new.meaning && old.spelling == new.spelling) {
            return;
        }
        let left_out =
            [(self.sides.a.dom, old), (self.sides.b.dom, new)].map(|(dom, item)| dom.node(item.node).left_out);
        if left_out.iter().any(Option::is_some) {
            self.told = Told::Mispaired;
            return;
        }
        if !self.sink.spend(STEP) {
            self.too_much();
            return;
        }
        match (old.kind, new.kind) {
            (ItemKind::Element, ItemKind::Element) => {
                self.tag(a, b);
                self.kids(a, b);
            }
            (ItemKind::Text, _) => self.text(a, b, within),
            (ItemKind::ConditionalComment, _) if old.meaning != new.meaning => {
                let finding = self.texts_finding(Kind::Text, a, b, within).rule(Rule::ConditionalComments);
                self.report(finding);
            }
            (ItemKind::Instruction, _) if old.meaning != new.meaning => {
                let finding = self.texts_finding(Kind::Structure, a, b, within);
                self.report(finding);
            }
            _ => self.hide(Rule::HtmlWhitespace, Kind::Text, within),
        }
    }

    /// Nothing more needs to be looked at.
    fn is_over(&self) -> bool {
        matches!(self.told, Told::TooMuch | Told::Mispaired)
    }

    fn something(&mut self) {
        if !self.is_over() {
            self.told = Told::Something;
        }
    }

    fn too_much(&mut self) {
        if self.told != Told::Mispaired {
            self.told = Told::TooMuch;
        }
    }

    fn texts_finding(&mut self, kind: Kind, a: ItemId, b: ItemId, within: (NodeId, NodeId)) -> Finding {
        let path = self.place(Side::Control, within.0);
        Finding::new(kind, path).values(self.sides.a.text(a), self.sides.b.text(b))
    }

    /// The selector of a node; empty once so many differences are told that no further one is kept.
    fn place(&mut self, side: Side, node: NodeId) -> String {
        if self.sink.len() > MAX_KEPT {
            return String::new();
        }
        let dom = self.sides.dom(side);
        let path = match side {
            Side::Control => self.ids.0.selector(dom, node),
            Side::Candidate => self.ids.1.selector(dom, node),
        };
        self.tell_covering(side, node, &path);
        path
    }

    /// Tells the sink which entries of the operator's cover an element.
    fn tell_covering(&mut self, side: Side, node: NodeId, path: &str) {
        if !self.accepting.is_empty() {
            self.sink.is_under(path, self.accepting_at(side, node));
        }
        if !self.scoping.is_empty() {
            let dom = self.sides.dom(side);
            let covers = |entry: &&(String, Selector)| {
                std::iter::successors(Some(node), |at| Some(dom.node(*at).parent))
                    .take_while(|at| *at != ROOT && *at != NONE)
                    .any(|at| entry.1.matches(dom, at))
            };
            let covering = self.scoping.iter().filter(covers).map(|(written, _)| written.clone()).collect();
            self.sink.is_within(path, covering);
        }
    }

    /// The `accept: css:` entries that cover an element: those that match it or what it stands in.
    fn accepting_at(&self, side: Side, node: NodeId) -> Vec<usize> {
        let dom = self.sides.dom(side);
        let mut at = node;
        let mut covering = Vec::new();
        while at != ROOT && at != NONE {
            let matches = |entry: &&(usize, Selector)| entry.1.matches(dom, at);
            covering.extend(self.accepting.iter().filter(matches).map(|(index, _)| *index));
            at = dom.node(at).parent;
        }
        covering
    }

    fn attribute_place(&mut self, side: Side, node: NodeId, name: &str) -> String {
        let element = self.place(side, node);
        if element.is_empty() {
            return element;
        }
        let path = format!("{element}[{}]", super::place::ident(name));
        self.tell_covering(side, node, &path);
        path
    }

    pub fn report(&mut self, finding: Finding) {
        if self.sink.spend(FINDING) {
            self.something();
        } else {
            self.too_much();
        }
        self.sink.report(finding);
    }

    /// What a cosmetic rule is about: hidden and counted, or reported if the rule is off.
    pub fn hide(&mut self, rule: Rule, kind: Kind, at: (NodeId, NodeId)) {
        self.hide_values(rule, at, |_| Finding::new(kind, String::new()));
    }

    fn hide_values(&mut self, rule: Rule, at: (NodeId, NodeId), finding: impl FnOnce(&Self) -> Finding) {
        self.something();
        let scoped = (rule.class() == Class::Cosmetic && self.scope.rules.is_scoped(rule))
            .then(|| self.place(Side::Control, at.0));
        let (ids, dom) = (&mut self.ids.0, self.sides.a.dom);
        if let Some(path) = scoped {
            if self.sink.hides(rule, || path) {
                return;
            }
        } else if rule.class() == Class::Cosmetic && self.sink.hides(rule, || ids.selector(dom, at.0)) {
            return;
        }
        let mut finding = finding(self).rule(rule);
        if finding.path.is_empty() {
            finding.path = self.place(Side::Control, at.0);
        }
        self.report(finding);
    }

    /// Names and attributes of two elements.
    fn tag(&mut self, a: ItemId, b: ItemId) {
        let (x, y) = (self.sides.a, self.sides.b);
        let (old, new) = (x.item(a), y.item(b));
        let at = (old.node, new.node);
        if old.lead != new.lead {
            let space = |lead| if lead == Lead::Space { "a space before it" } else { "no space before it" };
            let path = self.place(Side::Control, at.0);
            let finding = Finding::new(Kind::Text, path).values(space(old.lead), space(new.lead));
            self.report(finding.severity(Severity::Medium).cause("whitespace"));
        }
        let sources = (x.dom.node(at.0).source.of(x.dom.page), y.dom.node(at.1).source.of(y.dom.page));
        if sources.0 != sources.1 {
            for rule in spelling::of_tags(x.dom.dialect, sources, (x.name(a), y.name(b))) {
                self.hide(rule, Kind::Structure, at);
            }
        }
        if (x.dom.node(at.0).end == NOWHERE) != (y.dom.node(at.1).end == NOWHERE) {
            self.hide(Rule::HtmlSyntax, Kind::Structure, at);
        }
        if sources.0 != sources.1 || old.own != new.own {
            self.attributes(at);
        }
    }

    fn attributes(&mut self, at: (NodeId, NodeId)) {
        let (x, y) = (self.sides.a.dom, self.sides.b.dom);
        if let (Some(old), Some(new)) = (x.charset(at.0), y.charset(at.1))
            && old == new
        {
            return self.hide(Rule::HtmlSyntax, Kind::Attribute, at);
        }
        for attribute in x.attributes(at.0) {
            let (name, old) = (&*attribute.name.local, &*attribute.value);
            match y.attribute(at.1, name) {
                Some(new) => self.values(name, at, old, new),
                None if old.is_empty() && attribute::is_void_when_empty(name) => {
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
        for attribute in y.attributes(at.1) {
            let (name, new) = (&*attribute.name.local, &*attribute.value);
            if x.attribute(at.0, name).is_some() {
                continue;
            }
            if new.is_empty() && attribute::is_void_when_empty(name) {
                self.hide(Rule::HtmlSyntax, Kind::Attribute, at);
                continue;
            }
            let path = self.attribute_place(Side::Candidate, at.1, name);
            let mut finding =
                Finding::new(Kind::Attribute, path).only_candidate(new).severity(attribute::severity(name));
            if escape::broke_out(x.attributes(at.0), y.attributes(at.1), name) {
                finding = finding.severity(Severity::Critical).cause("escape_missing");
            }
            self.report(finding);
        }
    }

    fn values(&mut self, name: &str, at: (NodeId, NodeId), old: &str, new: &str) {
        let (x, y) = (self.sides.a.dom, self.sides.b.dom);
        if !self.sink.spend(if link::is_link(name) { LINK } else { STEP }) {
            self.too_much();
            return;
        }
        let verdict = {
            let token = volatile::token_attribute_of(x, at.0)
                .filter(|held| held.0 == name && volatile::token_attribute_of(y, at.1) == Some(*held));
            let subject =
                attribute::Subject { element: x.name(at.0).unwrap_or_default(), name, token: token.map(|held| held.1) };
            attribute::compare(&subject, old, new, self.around)
        };
        if verdict == Verdict::Same {
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
            Verdict::But(rule) => self.report(finding.rule(rule)),
            Verdict::Differ if self.json_value(old, new, &finding.path, at) => {}
            Verdict::Differ => {
                let rule = self.chosen_rule(name, at).or_else(|| self.build(name, at, old, new));
                match rule.filter(|_| !old.is_empty() && !new.is_empty()) {
                    Some(rule) => self.report(finding.rule(rule)),
                    None => {
                        let finding = finding.severity(attribute::severity(name));
                        let finding = if escape::is_escaped_twice(old, new) {
                            finding.cause("escaped_twice")
                        } else if name == "class" && is_other_stripe(old, new) {
                            finding.severity(Severity::Low).cause("rows_striped_otherwise")
                        } else if link::is_link(name) && link::leaks_host(self.around.page.as_ref(), old, new) {
                            finding.cause("host_leaked")
                        } else if escape::cut_at_quote(old, new) && !old.is_empty() {
                            finding.severity(Severity::Critical).cause("escape_missing")
                        } else {
                            finding
                        };
                        self.report(finding);
                    }
                }
            }
        }
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
                a == b && link::names_build(a) && link::are_builds(old, new)
            }
            "integrity" => {
                let (a, b) = both("src").or_else(|| both("href"))?;
                a != b && link::same_but_version(a, b) && old.starts_with("sha") && new.starts_with("sha")
            }
            _ => false,
        };
        is_build.then_some(Rule::AssetVersion)
    }

    /// Did the operator name the element by one of these selectors, on both sides?
    fn chosen(&self, selectors: &[String], at: (NodeId, NodeId)) -> bool {
        selectors
            .iter()
            .filter_map(|text| super::selector::Selector::parse(text).ok())
            .any(|selector| selector.matches(self.sides.a.dom, at.0) && selector.matches(self.sides.b.dom, at.1))
    }

    fn text(&mut self, a: ItemId, b: ItemId, within: (NodeId, NodeId)) {
        let (x, y) = (self.sides.a, self.sides.b);
        let (old, new) = (x.text(a), y.text(b));
        if old == new {
            let source = |view: &View<'_>, id: ItemId| view.dom.node(view.item(id).node).source;
            let sources = (source(x, a).of(x.dom.page), source(y, b).of(y.dom.page));
            return self.hide(spelling::of_texts(x.dom.dialect, sources), Kind::Text, within);
        }
        if matches!(x.dom.name(within.0), Some("script" | "style")) && x.dom.dialect == Dialect::Html {
            return self.code(old, new, within);
        }
        self.told_texts(old, new, within);
    }

    /// Two texts that a user reads.
    fn told_texts(&mut self, old: &str, new: &str, within: (NodeId, NodeId)) {
        let x = self.sides.a;
        let volatile = volatile::same_but_clock(x.dom.name(within.0).unwrap_or_default(), old, new, self.around.now)
            || volatile::same_but_duration(old, new)
            || volatile::same_but_request_id(old, new);
        if volatile {
            return self
                .hide_values(Rule::HtmlVolatile, within, |_| Finding::new(Kind::Text, String::new()).values(old, new));
        }
        let path = self.place(Side::Control, within.0);
        let finding = Finding::new(Kind::Text, path).values(old, new);
        let spaced = |text: &str| text.replace(NBSP, " ");
        if (old.contains(NBSP) || new.contains(NBSP)) && spaced(old) == spaced(new) {
            return self.report(finding.rule(Rule::Nbsp));
        }
        if self.chosen(self.scope.rules.csrf_selectors(), within) && !new.trim().is_empty() {
            return self.report(finding.rule(Rule::Csrf));
        }
        if escape::is_escaped_twice(old, new) {
            return self.report(finding.cause("escaped_twice"));
        }
        if link::leaks_host_in_text(self.around.page.as_ref(), old, new) {
            return self.report(finding.cause("host_leaked"));
        }
        let finding =
            if old.trim() == new.trim() { finding.severity(Severity::Medium).cause("whitespace") } else { finding };
        self.report(finding);
    }

    /// Scripts and styles: JSON as JSON, all else as text, with the page's tokens masked.
    fn code(&mut self, old: &str, new: &str, within: (NodeId, NodeId)) {
        let path = self.place(Side::Control, within.0);
        if script::is_json(self.sides.a.dom, within.0) && script::is_json(self.sides.b.dom, within.1) {
            return self.json(old, new, &path, within);
        }
        let masked = (
            volatile::without_secrets(old, &self.sides.a.secrets),
            volatile::without_secrets(new, &self.sides.b.secrets),
        );
        let finding = Finding::new(Kind::Text, path).values(old, new);
        if masked.0 == masked.1 {
            return self.report(finding.rule(Rule::Csrf));
        }
        if volatile::same_but_clock("", &masked.0, &masked.1, self.around.now) {
            return self.hide_values(Rule::HtmlVolatile, within, |_| finding);
        }
        if self.sink.spend((old.len() + new.len()) * JSON_BYTE)
            && let Some(values) = script::compare_values(old, new, self.scope)
        {
            return values.iter().for_each(|found| self.hidden_in_json(&found.hidden, within));
        }
        if old.replace("\r\n", "\n") == new.replace("\r\n", "\n") {
            return self.hide_values(Rule::TextLineEnds, within, |_| finding);
        }
        self.report(finding.severity(Severity::Medium));
    }

    fn json(&mut self, old: &str, new: &str, path: &str, within: (NodeId, NodeId)) {
        if !self.sink.spend((old.len() + new.len()) * JSON_BYTE) {
            self.too_much();
            return;
        }
        let found = script::compare_json(old, new, self.scope);
        let around = self.around;
        let finding = |difference: Difference| {
            let told = |value: Option<String>| value.map(|value| script::at_pointer(&difference.path, value));
            let mut finding = Finding::new(difference.kind, path).severity(difference.severity);
            finding.control = told(difference.control.clone());
            finding.candidate = told(difference.candidate.clone());
            finding.rule = difference.rule.as_deref().and_then(Rule::by_name);
            if let (None, Some(old), Some(new)) = (finding.rule, &difference.control, &difference.candidate) {
                let rule = script::rule_of(&difference.path, old, new, around);
                finding = match rule {
                    Some(rule) => finding.rule(rule),
                    None => finding,
                };
            }
            finding
        };
        for difference in found.differences {
            self.report(finding(difference));
        }
        for difference in found.ignored {
            let rule = difference.rule.clone().unwrap_or_default();
            self.something();
            self.sink.ignore(finding(difference), rule);
        }
        self.hidden_in_json(&found.hidden, within);
    }

    /// Counts what was hidden in JSON that stands in the page.
    fn hidden_in_json(&mut self, hidden: &[Hidden], within: (NodeId, NodeId)) {
        self.something();
        for hidden in hidden {
            let Some(rule) = Rule::by_name(&hidden.rule) else { continue };
            for _ in 0..hidden.count {
                self.hide(rule, Kind::Text, within);
            }
        }
    }

    fn kids(&mut self, a: ItemId, b: ItemId) {
        let (x, y) = (self.sides.a, self.sides.b);
        let (old, new) = (x.item(a), y.item(b));
        let at = (old.node, new.node);
        if old.blanks != new.blanks {
            self.hide(Rule::HtmlWhitespace, Kind::Text, at);
        }
        if old.comments != new.comments {
            self.hide(Rule::HtmlComments, Kind::Text, at);
        }
        let (old_kids, new_kids) = (self.counted(x, a), self.counted(y, b));
        if old.solid != new.solid && texts_of(x, &old_kids).eq(texts_of(y, &new_kids)) {
            let path = self.place(Side::Control, at.0);
            let finding = Finding::new(Kind::Text, path).values(own_text(x, at.0), own_text(y, at.1));
            self.report(finding.rule(Rule::Nbsp));
        }
        self.ignored_kids(a, b, at);
        if old.meaning == new.meaning
            || old_kids.iter().map(|kid| x.item(*kid).meaning).eq(new_kids.iter().map(|kid| y.item(*kid).meaning))
        {
            for (old, new) in old_kids.iter().zip(&new_kids) {
                self.pair(*old, *new, at);
            }
            return;
        }
        let list = self.lists.of_elements((x.dom, at.0), (y.dom, at.1));
        let mut alignment = match list.and_then(|list| list.key.as_deref()) {
            Some(key) => align::by_key(&keys(x, &old_kids, key), &keys(y, &new_kids, key)),
            None => self.align(a, &old_kids, &new_kids),
        };
        if let Some(list) = list {
            self.any_order(&mut alignment, &list.entry, (&old_kids, &new_kids), at);
        }
        if !self.sink.spend(alignment.work) {
            self.too_much();
            return;
        }
        self.aligned(&alignment, (&old_kids, &new_kids), at);
    }

    fn counted(&self, view: &View<'_>, parent: ItemId) -> Vec<ItemId> {
        view.kids(parent).iter().copied().filter(|kid| view.item(*kid).ignored.is_none()).collect()
    }

    /// What the operator ignores still is told, as ignored, when it differs.
    fn ignored_kids(&mut self, a: ItemId, b: ItemId, at: (NodeId, NodeId)) {
        let (x, y) = (self.sides.a, self.sides.b);
        let ignored = |view: &View<'_>, parent: ItemId| -> Vec<ItemId> {
            view.kids(parent).iter().copied().filter(|kid| view.item(*kid).ignored.is_some()).collect()
        };
        let (old, new) = (ignored(x, a), ignored(y, b));
        for index in 0..old.len().max(new.len()) {
            let (old, new) = (old.get(index), new.get(index));
            if let (Some(old), Some(new)) = (old, new)
                && x.item(*old).meaning == y.item(*new).meaning
            {
                continue;
            }
            let entry = old.map(|id| x.item(*id)).or_else(|| new.map(|id| y.item(*id))).and_then(|item| item.ignored);
            let written = entry.and_then(|entry| self.ignored.get(usize::from(entry))).cloned().unwrap_or_default();
            let path = match (old, new) {
                (Some(old), _) => self.place(Side::Control, x.item(*old).node),
                (None, Some(new)) => self.place(Side::Candidate, y.item(*new).node),
                (None, None) => self.place(Side::Control, at.0),
            };
            let mut finding = Finding::new(Kind::Text, path);
            finding.control = old.map(|id| source_of(x, *id));
            finding.candidate = new.map(|id| source_of(y, *id));
            self.something();
            self.sink.ignore(finding, format!("ignore: css:{written}"));
        }
    }

    fn align(&self, parent: ItemId, old: &[ItemId], new: &[ItemId]) -> Alignment {
        let old: Vec<Sketch> = old.iter().map(|id| sketch(self.sides.a, *id)).collect();
        let new: Vec<Sketch> = new.iter().map(|id| sketch(self.sides.b, *id)).collect();
        let by_place = match self.sides.a.name(parent) {
            "tr" | "head" => align::by_place(&old, &new),
            _ => None,
        };
        by_place.unwrap_or_else(|| align::align(&old, &new))
    }

    /// What stands in another order where the operator said that none counts.
    fn any_order(
        &mut self,
        alignment: &mut Alignment,
        entry: &str,
        kids: (&[ItemId], &[ItemId]),
        at: (NodeId, NodeId),
    ) {
        let path = self.place(Side::Control, at.0);
        if alignment.pairs.iter().all(|pair| pair.moved == Moved::No) {
            return self.sink.met(entry, path);
        }
        let from = in_place(alignment);
        for pair in &mut alignment.pairs {
            pair.moved = Moved::No;
        }
        let (x, y) = (self.sides.a, self.sides.b);
        let finding = Finding::new(Kind::Order, path).values(outline(x, kids.0, from), outline(y, kids.1, from));
        self.something();
        self.sink.silence(finding, entry.to_owned(), entry);
    }

    fn aligned(&mut self, alignment: &Alignment, kids: (&[ItemId], &[ItemId]), at: (NodeId, NodeId)) {
        let (x, y) = (self.sides.a, self.sides.b);
        if let Some(finding) = self.escaping(alignment, kids, at) {
            return self.report(finding);
        }
        if alignment.pairs.iter().any(|pair| pair.moved == Moved::Yes) {
            let path = self.place(Side::Control, at.0);
            let from = in_place(alignment);
            let finding = Finding::new(Kind::Order, path).values(outline(x, kids.0, from), outline(y, kids.1, from));
            self.report(finding.cause("sorted_otherwise"));
        }
        for pair in &alignment.pairs {
            self.pair(kids.0[pair.a], kids.1[pair.b], at);
        }
        for only in &alignment.only_a {
            self.only(Side::Control, kids.0[*only], at);
        }
        for only in &alignment.only_b {
            self.only(Side::Candidate, kids.1[*only], at);
        }
    }

    /// Text on the one side that is markup on the other.
    fn escaping(
        &mut self,
        alignment: &Alignment,
        kids: (&[ItemId], &[ItemId]),
        at: (NodeId, NodeId),
    ) -> Option<Finding> {
        let (x, y) = (self.sides.a, self.sides.b);
        let elements = |view: &View<'_>, kids: &[ItemId], only: &[usize]| {
            only.iter().any(|at| view.item(kids[*at]).kind == ItemKind::Element)
        };
        let (in_old, in_new) = (elements(x, kids.0, &alignment.only_a), elements(y, kids.1, &alignment.only_b));
        if in_new && escape::is_text_of(x.dom, at.0, y.dom, at.1) {
            let path = self.place(Side::Control, at.0);
            let values = (x.dom.text_content(at.0), escape::inner_source(y.dom, at.1));
            let finding = Finding::new(Kind::Text, path).values(values.0, values.1);
            return Some(finding.severity(Severity::Critical).cause("escape_missing"));
        }
        if in_old && escape::is_text_of(y.dom, at.1, x.dom, at.0) {
            let path = self.place(Side::Control, at.0);
            let values = (escape::inner_source(x.dom, at.0), y.dom.text_content(at.1));
            return Some(Finding::new(Kind::Text, path).values(values.0, values.1).cause("markup_escaped"));
        }
        None
    }

    /// An item that only one side has.
    fn only(&mut self, side: Side, id: ItemId, within: (NodeId, NodeId)) {
        let view = if side == Side::Control { self.sides.a } else { self.sides.b };
        let item = view.item(id);
        let finding = match item.kind {
            ItemKind::Text => {
                let path = self.place(Side::Control, within.0);
                let text = view.text(id);
                match side {
                    Side::Control => Finding::new(Kind::Text, path).values(text, ""),
                    Side::Candidate => Finding::new(Kind::Text, path).values("", text),
                }
            }
            ItemKind::Element if view.dom.node(item.node).left_out.is_some() => {
                self.told = Told::Mispaired;
                return;
            }
            ItemKind::Element | ItemKind::Instruction | ItemKind::ConditionalComment => {
                let node = if item.kind == ItemKind::Element { item.node } else { view.dom.node(item.node).parent };
                let path = self.place(side, node);
                let source = source_of(view, id);
                match side {
                    Side::Control => Finding::new(Kind::Missing, path).only_control(source),
                    Side::Candidate => Finding::new(Kind::Extra, path).only_candidate(source),
                }
            }
        };
        let finding = match item.kind {
            ItemKind::ConditionalComment => finding.rule(Rule::ConditionalComments),
            ItemKind::Element if side == Side::Candidate && self.was_text(within.0, view.name(id)) => {
                finding.severity(Severity::Critical).cause("escape_missing")
            }
            _ => finding,
        };
        self.report(finding);
    }

    /// Did legacy have a tag of this name as text in that element?
    fn was_text(&mut self, within: NodeId, tag: &str) -> bool {
        let known = matches!(&self.tag_like, Some((node, _)) if *node == within);
        if !known {
            self.tag_like = Some((within, escape::tag_like_texts(self.sides.a.dom, within)));
        }
        let Some((_, texts)) = &self.tag_like else { return false };
        self.sink.spend(texts.len()) && escape::names_tag(texts, tag)
    }
}

/// Elements whose children have no order, as `unordered` and `match_by` name them.
#[derive(Debug, Default)]
pub(super) struct Lists(Vec<List>);

#[derive(Debug)]
pub(super) struct List {
    selector: Selector,
    /// The attribute that pairs the children.
    key: Option<String>,
    /// As it is called in the report.
    entry: String,
}

impl Lists {
    pub fn of(rules: &Rules) -> Self {
        let list = |(text, key): (&str, Option<&str>)| {
            let class = if key.is_some() { "match_by" } else { "unordered" };
            let selector = Selector::parse(text).ok()?;
            Some(List { selector, key: key.map(str::to_owned), entry: format!("{class}: css:{text}") })
        };
        Self(rules.listed_selectors().filter_map(list).collect())
    }

    fn of_elements(&self, old: (&Dom<'_>, NodeId), new: (&Dom<'_>, NodeId)) -> Option<&List> {
        self.0.iter().find(|list| list.selector.matches(old.0, old.1) && list.selector.matches(new.0, new.1))
    }
}

/// What each item is called by an attribute of its own, or of the first below it that has it.
fn keys<'v>(view: &'v View<'_>, kids: &[ItemId], key: &str) -> Vec<Option<&'v str>> {
    kids.iter().map(|kid| first_with(view.dom, view.item(*kid).node, key)).collect()
}

fn first_with<'v>(dom: &'v Dom<'_>, node: NodeId, key: &str) -> Option<&'v str> {
    dom.attribute(node, key).or_else(|| dom.children(node).find_map(|child| first_with(dom, child, key)))
}

/// The meanings of the texts among some items.
fn texts_of<'v>(view: &'v View<'_>, kids: &'v [ItemId]) -> impl Iterator<Item = u64> + 'v {
    kids.iter().map(|kid| view.item(*kid)).filter(|item| item.kind == ItemKind::Text).map(|item| item.meaning)
}

/// The text directly below an element, as it stands.
fn own_text(view: &View<'_>, node: NodeId) -> String {
    let texts = view.dom.children(node).filter_map(|child| match &view.dom.node(child).kind {
        NodeKind::Text(text) => Some(&**text),
        _ => None,
    });
    texts.collect()
}

/// Resolving two links costs about this many of the sink's steps.
const LINK: usize = 10_000;

/// Comparing a byte of JSON costs about this many of the sink's steps, its findings included.
const JSON_BYTE: usize = 16;

/// Telling a finding costs about this many of the sink's steps, once so many are told that it is only counted.
const FINDING: usize = 400;

/// Comparing two items costs about this many of the sink's steps.
const STEP: usize = 50;

fn source_of(view: &View<'_>, id: ItemId) -> String {
    let item = view.item(id);
    match item.kind {
        ItemKind::Element => view
            .dom
            .extent(item.node)
            .map(|extent| extent.of(view.dom.page))
            .filter(|source| !source.is_empty())
            .map_or_else(|| format!("<{}>", view.name(id)), str::to_owned),
        _ => view.text(id).to_owned(),
    }
}

/// How many children at the start stand where they stood.
fn in_place(alignment: &Alignment) -> usize {
    alignment
        .pairs
        .iter()
        .enumerate()
        .take_while(|(at, pair)| pair.a == *at && pair.b == *at && pair.moved == Moved::No)
        .count()
}

/// The first words of each child, from the last one on that is in its place: enough to see the order.
fn outline(view: &View<'_>, kids: &[ItemId], in_place: usize) -> String {
    const MOST: usize = 8;
    const WORDS: usize = 24;
    const ELSEWHERE: &str = "…";
    let text = |id: &ItemId| {
        let mut text = String::new();
        push_words(view, *id, WORDS, &mut text);
        text.trim_end().chars().take(WORDS).collect::<String>()
    };
    let from = in_place.saturating_sub(1).min(kids.len());
    let mut texts = kids[from..].iter().map(text).filter(|text| !text.is_empty());
    let mut shown: Vec<String> = (from > 0).then(|| ELSEWHERE.to_owned()).into_iter().collect();
    shown.extend(texts.by_ref().take(MOST));
    if texts.next().is_some() {
        shown.push(ELSEWHERE.to_owned());
    }
    shown.join(" | ")
}

/// The words below an item, each text apart from the next.
fn push_words(view: &View<'_>, id: ItemId, most: usize, out: &mut String) {
    if out.len() > most * size_of::<char>() {
        return;
    }
    let item = view.item(id);
    let left_out = view.dom.node(item.node).left_out.map(|_| view.dom.text_content(item.node));
    for word in left_out.as_deref().unwrap_or(view.text(id)).split_whitespace().take(most) {
        out.push_str(word);
        out.push(' ');
    }
    for kid in view.kids(id) {
        push_words(view, *kid, most, out);
    }
}

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

fn sketch(view: &View<'_>, id: ItemId) -> Sketch {
    let item = view.item(id);
    let movable = item.kind == ItemKind::Element && item.weight > 1;
    let hash = |text: &str| xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    Sketch {
        meaning: item.meaning,
        sort: if item.kind == ItemKind::Element { hash(view.name(id)) } else { item.kind as u64 },
        own: item.own,
        inside: item.inside,
        id: view.dom.attribute(item.node, "id").filter(|_| item.kind == ItemKind::Element).map_or(0, hash),
        bag: item.bag,
        weight: item.weight,
        movable: if movable { Movable::Yes } else { Movable::No },
    }
}
