//! Two [`View`]s walked side by side: every difference told once, where it stands, with what it is.

mod alone;
mod attributes;
mod children;
mod phrase;
mod texts;
mod wrapped;

use super::attribute::Surroundings;
use super::dom::{Dom, NONE, NOWHERE, NodeId, ROOT};
use super::flow::Lead;
use super::place::Ids;
use super::selector::Selector;
use super::spelling;
use super::view::{Item, ItemId, ItemKind, View};
use crate::diff::comparison::{Kind, Severity};
use crate::diff::rules::{Class, Rule};
use crate::diff::scope::Scope;
use crate::diff::sink::{Finding, MAX_KEPT, Sink};
pub(super) use children::Lists;

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
    /// The namespaces of XML that stand for others, each told once.
    pub spaces: Vec<(&'d str, &'d str)>,
    /// Legacy's texts that look like markup below the element that was asked about last.
    pub tag_like: Option<(NodeId, String)>,
    /// Texts of elements that only legacy has, as words, that look like markup.
    pub lost: Vec<String>,
    /// What is left of the memory that the pair may take. Bytes.
    pub room: usize,
    /// Something was told or hidden.
    pub told: Told,
    /// How many texts were told that one page lets through as markup.
    pub mended: usize,
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

/// What stands next to two items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Pairs,
    /// Something that has no partner. The space around it went or came with it.
    Gap,
}

impl Walk<'_, '_, '_, '_> {
    /// Compares two items that stand for each other; `within` are the elements they stand in.
    pub fn pair(&mut self, a: ItemId, b: ItemId, within: (NodeId, NodeId)) {
        self.pair_beside(a, b, within, Beside::Pairs);
    }

    fn pair_beside(&mut self, a: ItemId, b: ItemId, within: (NodeId, NodeId), beside: Beside) {
        let (old, new) = (self.sides.a.item(a), self.sides.b.item(b));
        if self.is_over() || (old.meaning == new.meaning && old.spelling == new.spelling) {
            return;
        }
        let left_out = [(self.sides.a.dom, old), (self.sides.b.dom, new)].map(|(dom, item)| dom.left_out(item.node));
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
                if old.lead != new.lead && beside == Beside::Pairs {
                    self.lead(old, new);
                }
                self.tag(a, b);
                self.kids(a, b);
            }
            (ItemKind::Text, ItemKind::Text) if beside == Beside::Gap && self.are_same_words(a, b) => self.something(),
            (ItemKind::Text, _) => self.text(a, b, within),
            (ItemKind::ConditionalComment, _) if old.meaning != new.meaning => {
                self.comments(a, b, within);
            }
            (ItemKind::Instruction, _) if old.meaning != new.meaning => {
                self.instructions(a, b, within);
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

    // What is told is told in functions of its own: those that go down the trees need a small place on the stack.

    fn comments(&mut self, a: ItemId, b: ItemId, within: (NodeId, NodeId)) {
        let finding = self.texts_finding(Kind::Text, a, b, within).rule(Rule::ConditionalComments);
        self.report(finding);
    }

    fn instructions(&mut self, a: ItemId, b: ItemId, within: (NodeId, NodeId)) {
        let finding = self.texts_finding(Kind::Structure, a, b, within);
        self.report(finding);
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
        let mut path = String::with_capacity(element.len() + name.len() + 2);
        path.push_str(&element);
        path.push('[');
        let name = match name.strip_prefix('{').and_then(|name| name.split_once('}')) {
            Some((_, local)) => {
                path.push_str("*|");
                local
            }
            None => name,
        };
        super::place::push_ident(name, &mut path);
        path.push(']');
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

    /// A difference was counted without being told.
    fn one_more(&mut self) {
        if self.sink.spend(COUNTED) {
            self.something();
        } else {
            self.too_much();
        }
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
            finding.path = self.place(Side::Control, at.0).into();
        }
        self.report(finding);
    }

    fn are_same_words(&self, a: ItemId, b: ItemId) -> bool {
        self.sides.a.text(a).trim_ascii() == self.sides.b.text(b).trim_ascii()
    }

    /// The space that shows before an element is there on one side only.
    fn lead(&mut self, old: &Item, new: &Item) {
        let finding = self.space_of_words((old.node, new.node)).unwrap_or_else(|| {
            let space = |item: &Item| if item.lead == Lead::Space { "a space before it" } else { "no space before it" };
            Finding::new(Kind::Text, self.place(Side::Control, old.node)).values(space(old), space(new))
        });
        self.report(finding.severity(Severity::Medium).cause("whitespace"));
    }

    /// Names and attributes of two elements.
    fn tag(&mut self, a: ItemId, b: ItemId) {
        let (x, y) = (self.sides.a, self.sides.b);
        let (old, new) = (x.item(a), y.item(b));
        let at = (old.node, new.node);
        let sources = (x.dom.node(at.0).source.of(x.dom.page), y.dom.node(at.1).source.of(y.dom.page));
        if x.dom.local_name(at.0) != y.dom.local_name(at.1) {
            self.renamed(at);
        } else if sources.0 != sources.1 {
            for rule in spelling::of_tags(x.dom.dialect, sources, (x.name(a), y.name(b))) {
                self.hide(rule, Kind::Structure, at);
            }
        }
        if x.dom.is_closed(at.0) != y.dom.is_closed(at.1) {
            self.hide(Rule::HtmlSyntax, Kind::Structure, at);
        }
        // An element that stands nowhere may have the attributes of another one.
        let made = [x.dom.node(at.0), y.dom.node(at.1)].iter().any(|node| node.source == NOWHERE);
        if sources.0 != sources.1 || old.own != new.own || made {
            self.attributes(at);
        }
        if x.dom.namespace(at.0) != y.dom.namespace(at.1) {
            self.namespace(at);
        }
        if x.dom.is_owned_elsewhere(at.0) != y.dom.is_owned_elsewhere(at.1) {
            self.owner(at);
        }
    }

    /// An element got another name; what stands in it is compared all the same.
    fn renamed(&mut self, at: (NodeId, NodeId)) {
        let tag = |dom: &Dom<'_>, node: NodeId| format!("<{}>", dom.name(node).unwrap_or_default());
        let values = (tag(self.sides.a.dom, at.0), tag(self.sides.b.dom, at.1));
        let finding = Finding::new(Kind::Structure, self.place(Side::Control, at.0)).values(values.0, values.1);
        self.report(finding.cause("element_renamed"));
    }

    /// An element of XML is in another namespace. What stands in it mostly is, too, and that is not told again.
    fn namespace(&mut self, at: (NodeId, NodeId)) {
        let (x, y) = (self.sides.a.dom, self.sides.b.dom);
        let outer = (x.node(at.0).parent, y.node(at.1).parent);
        let spaces = (x.namespace(at.0), y.namespace(at.1));
        let is_outers = spaces == (x.namespace(outer.0), y.namespace(outer.1));
        if !is_outers && !self.spaces.contains(&spaces) {
            self.spaces.push(spaces);
            let path = self.attribute_place(Side::Control, at.0, "xmlns");
            self.report(Finding::new(Kind::Attribute, path).values(spaces.0, spaces.1));
        }
    }

    /// A field is sent with a form on one side only.
    fn owner(&mut self, at: (NodeId, NodeId)) {
        let owned = (self.sides.a.dom.is_owned(at.0), self.sides.b.dom.is_owned(at.1));
        if owned.0 != owned.1 {
            let path = self.attribute_place(Side::Control, at.0, "form");
            let said = |owned| if owned { "sent with a form" } else { "sent with no form" };
            self.report(Finding::new(Kind::Attribute, path).values(said(owned.0), said(owned.1)));
        }
    }
}

/// Telling a finding costs about this many of the sink's steps.
const FINDING: usize = 400;

/// Only counting one, once as many are told as are kept, costs about this many of the sink's steps.
const COUNTED: usize = 100;

/// Comparing two items costs about this many of the sink's steps.
const STEP: usize = 50;
