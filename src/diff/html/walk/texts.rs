//! Two texts that stand for each other: what users read, scripts and styles, and JSON wherever it stands.

use super::super::dom::{Dialect, Dom, NONE, NodeId, NodeKind};
use super::super::flow::{NBSP, has_nbsp};
use super::super::view::{ItemId, View};
use super::super::{escape, link, moment, script, spelling, unescaped, volatile};
use super::{Side, Walk};
use crate::diff::clock;
use crate::diff::comparison::{Comparison, Difference, Hidden, Kind, Severity};
use crate::diff::rules::Rule;
use crate::diff::sink::{Finding, MAX_KEPT};

impl Walk<'_, '_, '_, '_> {
    pub(super) fn text(&mut self, a: ItemId, b: ItemId, within: (NodeId, NodeId)) {
        let (x, y) = (self.sides.a, self.sides.b);
        let (old, new) = (&*x.text(a), &*y.text(b));
        if old == new {
            let source = |view: &View<'_>, id: ItemId| view.dom.node(view.item(id).node).source;
            let sources = (source(x, a).of(x.dom.page), source(y, b).of(y.dom.page));
            return self.hide(spelling::of_texts(x.dom.dialect, sources), Kind::Text, within);
        }
        if matches!(x.dom.name(within.0), Some("script" | "style")) && x.dom.dialect != Dialect::Xml {
            return self.code(old, new, within);
        }
        if old.trim_start_matches(' ') == new.trim_start_matches(' ')
            && let Some(finding) = self.space_of_words((x.item(a).node, y.item(b).node))
        {
            return self.report(finding.severity(Severity::Medium).cause("whitespace"));
        }
        self.told_texts(old, new, within);
    }

    /// Two texts that a user reads.
    pub(super) fn told_texts(&mut self, old: &str, new: &str, within: (NodeId, NodeId)) {
        let x = self.sides.a;
        if unescaped::is_marked(old) || unescaped::is_marked(new) {
            let path = self.place(Side::Control, within.0);
            return self.mended(Finding::new(Kind::Text, path), old, new);
        }
        let volatile = moment::same_but_clock(x.dom.name(within.0).unwrap_or_default(), old, new, self.around.now)
            || volatile::same_but_duration(old, new)
            || volatile::same_but_request_id(old, new);
        if volatile {
            return self
                .hide_values(Rule::HtmlVolatile, within, |_| Finding::new(Kind::Text, String::new()).values(old, new));
        }
        let (may_be_token, solid) =
            (self.chosen(self.scope.rules.csrf_selectors(), within), has_nbsp(old) || has_nbsp(new));
        if self.sink.len() > MAX_KEPT && !may_be_token && !solid && self.sink.only_counts() {
            return self.one_more();
        }
        let path = self.place(Side::Control, within.0);
        let finding = Finding::new(Kind::Text, path).values(old, new);
        let spaced = |text: &str| text.replace(NBSP, " ");
        if (has_nbsp(old) || has_nbsp(new)) && spaced(old) == spaced(new) {
            return self.report(finding.rule(Rule::Nbsp));
        }
        if may_be_token && !new.trim().is_empty() {
            return self.report(finding.rule(Rule::Csrf));
        }
        if escape::is_escaped_twice(old, new) {
            return self.report(finding.cause("escaped_twice"));
        }
        if escape::is_escaped_twice(new, old) {
            return self.report(finding.cause("escape_missing"));
        }
        // What a page shows is for people; what XML says, for programs.
        if x.dom.dialect == Dialect::Xml && clock::moment(old).is_some_and(|old| clock::moment(new) == Some(old)) {
            return self.report(finding.rule(Rule::DateFormats));
        }
        if link::leaks_host_in_text(self.around.page.as_ref(), old, new) {
            return self.report(finding.cause("host_leaked"));
        }
        let finding =
            if old.trim() == new.trim() { finding.severity(Severity::Medium).cause("whitespace") } else { finding };
        self.report(finding);
    }

    /// A text or value that one page lets through as markup.
    pub(super) fn mended(&mut self, finding: Finding, old: &str, new: &str) {
        let finding = finding.values(unescaped::without_marks(old), unescaped::without_marks(new));
        self.mended += unescaped::marks(old) + unescaped::marks(new);
        self.report(if unescaped::is_marked(new) {
            finding.severity(Severity::Critical).cause("escape_missing")
        } else {
            finding.cause("markup_escaped")
        });
    }

    /// A space that shows before two nodes on one side only, and stands behind the words before them: those are what differs, in the
    /// element that both stand in.
    pub(super) fn space_of_words(&mut self, at: (NodeId, NodeId)) -> Option<Finding> {
        let (x, y) = (self.sides.a.dom, self.sides.b.dom);
        let (old, new) = (words_before(x, at.0)?, words_before(y, at.1)?);
        let (before, after) = (x.text(old), y.text(new));
        if before == after || before.trim_end() != after.trim_end() {
            return None;
        }
        let common = x.around(old).find(|outer| x.around(at.0).any(|at| at == *outer))?;
        let path = self.place(Side::Control, common);
        Some(Finding::new(Kind::Text, path).values(before.into_owned(), after.into_owned()))
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
        let finding = Finding::new(Kind::Text, path.clone()).values(old, new);
        if masked.0 == masked.1 {
            return self.report(finding.rule(Rule::Csrf));
        }
        if moment::same_but_clock("", &masked.0, &masked.1, self.around.now) {
            return self.hide_values(Rule::HtmlVolatile, within, |_| finding);
        }
        if self.sink.spend((old.len() + new.len()) * JSON_BYTE)
            && let Some(values) = script::compare_values(old, new, self.scope)
        {
            return values.into_iter().for_each(|found| self.compared_json(found, &path, within));
        }
        if old.replace("\r\n", "\n") == new.replace("\r\n", "\n") {
            return self.hide_values(Rule::TextLineEnds, within, |_| finding);
        }
        self.report(finding.severity(Severity::Medium));
    }

    pub(super) fn json(&mut self, old: &str, new: &str, path: &str, within: (NodeId, NodeId)) {
        if !self.sink.spend((old.len() + new.len()) * JSON_BYTE) {
            self.too_much();
            return;
        }
        self.compared_json(script::compare_json(old, new, self.scope), path, within);
    }

    /// Tells what differs between two JSON values that stand in the page.
    fn compared_json(&mut self, found: Comparison, path: &str, within: (NodeId, NodeId)) {
        let around = self.around;
        let finding = |difference: Difference| {
            let told = |value: Option<String>| value.map(|value| script::at_pointer(&difference.path, value).into());
            let mut finding = Finding::new(difference.kind, path.to_owned()).severity(difference.severity);
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
}

/// Comparing a byte of JSON costs about this many of the sink's steps, its findings included.
const JSON_BYTE: usize = 16;

/// The text right before a node, in whatever elements it stands, if it says anything.
fn words_before(dom: &Dom<'_>, node: NodeId) -> Option<NodeId> {
    let before = |at: NodeId| dom.around(at).map(|at| dom.previous(at)).find(|previous| *previous != NONE);
    let mut at = before(node)?;
    loop {
        while dom.last(at) != NONE {
            at = dom.last(at);
        }
        if dom.node(at).kind != NodeKind::Comment {
            break;
        }
        at = before(at)?;
    }
    (dom.node(at).kind == NodeKind::Text && !dom.text(at).trim().is_empty()).then_some(at)
}
