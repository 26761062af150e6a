//! HTML and XML compared as what a browser or a feed reader makes of them.
//!
//! The way of a pair: equal bytes end it; [`fast`] proves most cosmetic rewrites equal token by token ([`lexer`]), and [`elide`] what is
//! equal between the places where it could not; what is left is read into trees ([`grow`] what [`nest`]s [`regular`]ly, [`tree`] the rest by
//! html5ever's tree builder, [`xml`] strictly), seen as a user sees it ([`view`], [`flow`]), and walked side by side ([`walk`]), children
//! [`align`]ed. [`attribute`], [`link`], [`moment`], [`script`] and [`volatile`] know what values mean, [`elements`] what names say,
//! [`preface`] what was printed before a page, [`spelling`] what a tree forgets, [`escape`] and [`unescaped`] what went wrong between text
//! and markup, [`place`] how to tell where, [`selector`] how to be told, [`limits`] what a pair may cost.
//!
//! It decides nothing: what a rule is about goes to [`Sink::hides`] or, with the rule named, to [`Sink::report`].

mod align;
mod attribute;
mod charref;
mod dom;
mod elements;
mod elide;
mod escape;
mod fast;
mod flow;
mod grow;
mod lexer;
mod limits;
mod link;
mod moment;
mod nest;
mod place;
mod preface;
mod regular;
mod script;
mod selector;
mod skeleton;
mod spelling;
mod tree;
mod unescaped;
mod view;
mod volatile;
mod walk;
mod xml;

#[cfg(test)]
mod tests;

pub use selector::Selector;

use super::comparison::{Kind, Severity};
use super::rules::Rule;
use super::scope::Scope;
use super::sink::{Finding, Sink};
use attribute::Surroundings;
use dom::{Dialect, Dom, NodeId, ROOT};
use view::View;
use walk::{Sides, Told, Walk};

/// Which grammar a document follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    Html,
    /// HTML that a browser reads as XML: it shows an error instead of a page that is not well-formed.
    Xhtml,
    Xml,
}

/// The path of a difference that belongs to the page as a whole.
const PAGE: &str = ":root";

/// Compares two documents, already decoded to text.
///
/// Never panics; bounded by [`Sink::spend`] and the sizes in `limits`.
pub fn compare(markup: Markup, control: &str, candidate: &str, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    if control == candidate {
        return;
    }
    // A second one is a character of the page, in front of its doctype.
    let bare = |text: &'_ str| text.strip_prefix(BOM).map_or(0, |_| BOM.len_utf8());
    let (old, new) = (&control[bare(control)..], &candidate[bare(candidate)..]);
    let boms = (control.len() - old.len(), candidate.len() - new.len());
    if boms.0 != boms.1 && !sink.hides(Rule::TextBom, || PAGE.to_owned()) {
        sink.report(Finding::new(Kind::Text, PAGE).rule(Rule::TextBom));
    }
    if old == new {
        return;
    }
    if old.trim().is_empty() != new.trim().is_empty() {
        return sink.report(Finding::new(Kind::Body, PAGE).values(old.trim(), new.trim()));
    }
    match markup {
        Markup::Html => compare_html(old, new, scope, sink),
        Markup::Xhtml => compare_xhtml(old, new, scope, sink),
        Markup::Xml => compare_xml(old, new, scope, sink),
    }
}

/// A value of an attribute as a difference tells it: its character references decoded.
pub fn decoded(value: &str) -> std::borrow::Cow<'_, str> {
    charref::decode(value, charref::Place::Attribute)
}

const BOM: char = '\u{feff}';

fn compare_html(old: &str, new: &str, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    let (old, new) = preface::without(old, new, sink);
    if old.len() + new.len() > limits::MAX_TOKENS {
        return too_different(old, new, sink);
    }
    let around = Surroundings::of((old, new), scope.base(), scope.now);
    let proof = fast::prove(old, new, &around);
    if matches!(proof, fast::Proof::Equal(_)) || !compare_mended((old, new), scope, sink) {
        compare_read((old, new), &around, proof, scope, sink);
    }
}

/// Compares two pages of which it is known how far they are equal. Returns how many mended texts were told.
fn compare_read(
    (old, new): (&str, &str),
    around: &Surroundings,
    proof: fast::Proof<'_>,
    scope: &Scope<'_>,
    sink: &mut Sink<'_>,
) -> usize {
    let mended = match proof {
        fast::Proof::Equal(hidden) => is_hidden(hidden, scope, sink).then_some(0),
        fast::Proof::Unknown(trace, Some(begun)) => compare_rest((old, new), around, (&trace, *begun), scope, sink),
        fast::Proof::Unknown(_, None) => None,
    };
    mended.unwrap_or_else(|| compare_html_trees(old, new, scope, sink))
}

/// Is all that differs hidden by rules in force everywhere?
fn is_hidden(hidden: Vec<fast::Hiding>, scope: &Scope<'_>, sink: &mut Sink<'_>) -> bool {
    if hidden.iter().any(|hiding| {
        let rule = hiding.rule;
        !scope.rules.is_on(rule) || scope.rules.is_scoped(rule) || scope.rules.is_sided(rule)
    }) {
        return false;
    }
    hidden.into_iter().all(|hiding| (0..hiding.count).all(|_| sink.hides(hiding.rule, || hiding.example.clone())))
}

/// Compares two pages without the blocks that are equal. `None`: they have to be compared as a whole.
fn compare_rest(
    (old, new): (&str, &str),
    around: &Surroundings,
    known: (&fast::Trace, skeleton::Begun<'_>),
    scope: &Scope<'_>,
    sink: &mut Sink<'_>,
) -> Option<usize> {
    let elision = elide::survey((old, new), known, around, scope.rules)?;
    if elision.left > limits::MAX_TREES {
        return None;
    }
    // The whole trees are bigger still.
    let Ok(a) = tree::parse_without(old, &elision.old, limits::TREES) else {
        too_different(old, new, sink);
        return Some(0);
    };
    let Ok(b) = tree::parse_without(new, &elision.new, limits::TREES.saturating_sub(a.cost())) else {
        too_different(old, new, sink);
        return Some(0);
    };
    let before = sink.clone();
    if let Some(finding) = doctypes(&a, &b) {
        sink.report(finding);
    }
    let walked = compare_trees(&a, &b, scope, sink);
    if walked.told == Told::Mispaired {
        *sink = before;
        return None;
    }
    let mut ids = place::Ids::default();
    for (pair, rule, count) in elision.hidden {
        let node = || a.all_left_out().iter().find(|(_, left_out)| left_out.pair == pair).map(|(node, _)| *node);
        sink.hides_times(rule, count, || ids.selector(&a, node().unwrap_or(ROOT)));
    }
    Some(walked.mended)
}

/// Compares two pages of which one lets a text of the other through as markup, as if it did not, and tells that it did. `false`: none does,
/// or what it let through is not at the same place.
fn compare_mended((old, new): (&str, &str), scope: &Scope<'_>, sink: &mut Sink<'_>) -> bool {
    if old.len() + new.len() > limits::MAX_MENDED {
        return false;
    }
    let (in_old, in_new) = (unescaped::mend(new, old), unescaped::mend(old, new));
    let count = [&in_old, &in_new].into_iter().flatten().map(|mended| mended.count).sum::<usize>();
    if count == 0 {
        return false;
    }
    let old = in_old.as_ref().map_or(old, |mended| &mended.page);
    let new = in_new.as_ref().map_or(new, |mended| &mended.page);
    if old.len() + new.len() > limits::MAX_MENDED {
        return false;
    }
    let before = sink.clone();
    let around = Surroundings::of((old, new), scope.base(), scope.now);
    let proof = fast::prove(old, new, &around);
    let is_told = compare_read((old, new), &around, proof, scope, sink) == count;
    if !is_told {
        *sink = before;
    }
    is_told
}

/// Returns how many mended texts were told.
fn compare_html_trees(old: &str, new: &str, scope: &Scope<'_>, sink: &mut Sink<'_>) -> usize {
    let both = (old.len() + new.len() <= limits::MAX_TREES).then(|| {
        let a = tree::parse(old, limits::TREES).ok()?;
        let b = tree::parse(new, limits::TREES.saturating_sub(a.cost())).ok()?;
        Some((a, b))
    });
    let Some((a, b)) = both.flatten() else {
        too_different(old, new, sink);
        return 0;
    };
    if let Some(finding) = doctypes(&a, &b) {
        sink.report(finding);
    }
    compare_trees(&a, &b, scope, sink).mended
}

fn compare_xml(old: &str, new: &str, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    if old.len() + new.len() > limits::MAX_TREES {
        return too_different(old, new, sink);
    }
    let (a, b) = match documents((old, new), Dialect::Xml) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(xml::Fault::TooBig), _) | (_, Err(xml::Fault::TooBig)) => return too_different(old, new, sink),
        // Neither is XML that a reader would take: compared as a browser shows it.
        (Err(_), Err(_)) => return compare_html(old, new, scope, sink),
        (a, b) => return malformed(a.as_ref().err(), b.as_ref().err(), sink),
    };
    compare_documents(&a, &b, scope, sink);
}

fn compare_xhtml(old: &str, new: &str, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    if old.len() + new.len() > limits::MAX_TREES {
        return too_different(old, new, sink);
    }
    let (a, b) = match documents((old, new), Dialect::Xhtml) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(xml::Fault::TooBig), _) | (_, Err(xml::Fault::TooBig)) => return too_different(old, new, sink),
        // Both show an error: what they would show is told all the same.
        (Err(_), Err(_)) => return compare_html(old, new, scope, sink),
        (a, b) => return malformed(a.as_ref().err(), b.as_ref().err(), sink),
    };
    if let Some(finding) = doctypes(&a.dom, &b.dom) {
        sink.report(finding);
    }
    compare_documents(&a, &b, scope, sink);
}

type Read<'a> = Result<xml::Document<'a>, xml::Fault>;

fn documents<'a>((old, new): (&'a str, &'a str), dialect: Dialect) -> (Read<'a>, Read<'a>) {
    let a = xml::parse(old, dialect, limits::TREES);
    let left = a.as_ref().map_or(limits::TREES, |a| limits::TREES.saturating_sub(a.dom.cost()));
    (a, xml::parse(new, dialect, left))
}

fn compare_documents(a: &xml::Document<'_>, b: &xml::Document<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) {
    // No reader takes the one: what it says, nobody reads.
    if a.fault.is_some() != b.fault.is_some() {
        return malformed(a.fault.as_ref(), b.fault.as_ref(), sink);
    }
    for finding in declarations(a.declaration.as_ref(), b.declaration.as_ref()) {
        sink.report(finding);
    }
    compare_trees(&a.dom, &b.dom, scope, sink);
}

fn malformed(a: Option<&xml::Fault>, b: Option<&xml::Fault>, sink: &mut Sink<'_>) {
    let told = |fault: Option<&xml::Fault>| match fault {
        Some(xml::Fault::Malformed(what, at)) => format!("not well-formed at byte {at}: {what}"),
        _ => "well-formed".to_owned(),
    };
    sink.report(Finding::new(Kind::Structure, PAGE).values(told(a), told(b)).cause("not_well_formed"));
}

fn too_different(old: &str, new: &str, sink: &mut Sink<'_>) {
    let size = |text: &str| format!("{} bytes", text.len());
    sink.report(Finding::new(Kind::TooDifferent, PAGE).values(size(old), size(new)));
}

fn doctypes(a: &Dom<'_>, b: &Dom<'_>) -> Option<Finding> {
    let (old, new) = (a.doctype.map(|span| span.of(a.page)), b.doctype.map(|span| span.of(b.page)));
    if old == new {
        return None;
    }
    let shown = |doctype: Option<&str>| doctype.map(|text| format!("<!DOCTYPE{text}>").into());
    let mut finding = Finding::new(Kind::Structure, PAGE);
    (finding.control, finding.candidate) = (shown(old), shown(new));
    let folded = |doctype: Option<&str>| {
        doctype.map(|text| {
            text.to_ascii_lowercase().replace('\'', "\"").split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        })
    };
    if a.layout != b.layout {
        return Some(finding.severity(Severity::High).cause("quirks_mode"));
    }
    let rule = if folded(old) == folded(new) { Rule::HtmlSyntax } else { Rule::Doctype };
    Some(finding.rule(rule))
}

fn declarations(a: Option<&xml::Declaration>, b: Option<&xml::Declaration>) -> Vec<Finding> {
    let mut finding = Finding::new(Kind::Structure, PAGE);
    finding.control = a.map(|declaration| declaration.written.as_str().into());
    finding.candidate = b.map(|declaration| declaration.written.as_str().into());
    match (a, b) {
        (Some(a), Some(b)) if a == b => Vec::new(),
        (None, None) => Vec::new(),
        (Some(a), Some(b)) if (&a.version, &a.encoding) == (&b.version, &b.encoding) => {
            vec![finding.rule(Rule::XmlSyntax)]
        }
        (Some(a), Some(b)) if a.version == b.version && (a.encoding.is_empty() || b.encoding.is_empty()) => {
            vec![finding.rule(Rule::XmlDecl)]
        }
        (Some(_), Some(_)) => vec![finding],
        _ => vec![finding.rule(Rule::XmlDecl)],
    }
}

/// What came of walking two trees.
struct Walked {
    told: Told,
    /// How many mended texts were told.
    mended: usize,
}

fn compare_trees(a: &Dom<'_>, b: &Dom<'_>, scope: &Scope<'_>, sink: &mut Sink<'_>) -> Walked {
    let ignored: Vec<String> = scope.rules.ignored_selectors().map(str::to_owned).collect();
    // A selector that does not parse is refused when the rules are compiled; here it matches nothing.
    let selectors: Vec<Option<Selector>> = ignored.iter().map(|text| Selector::parse(text).ok()).collect();
    let ignoring = |dom: &Dom<'_>, node: NodeId| {
        let matches =
            |selector: &Option<Selector>| selector.as_ref().is_some_and(|selector| selector.matches(dom, node));
        selectors.iter().position(matches).and_then(|at| u16::try_from(at).ok())
    };
    let accepting: Vec<(usize, Selector)> =
        scope.rules.accepted_selectors().filter_map(|(at, text)| Some((at, Selector::parse(text).ok()?))).collect();
    let read = |text: &str| Some((text.to_owned(), Selector::parse(text).ok()?));
    let scoping: Vec<(String, Selector)> = scope.rules.scoped_selectors().filter_map(read).collect();
    let lists = walk::Lists::of(scope.rules);
    let (Ok(x), Ok(y)) = (View::of(a, &ignoring), View::of(b, &ignoring)) else {
        too_different(a.page, b.page, sink);
        return Walked { told: Told::TooMuch, mended: 0 };
    };
    let alike = x.item(View::ROOT).meaning == y.item(View::ROOT).meaning;
    if !alike && let Some(finding) = cut_off(a.page, b.page) {
        sink.report(finding);
        return Walked { told: Told::Something, mended: 0 };
    }
    if !alike && let Some(finding) = broken_off(a, b) {
        sink.report(finding);
    }
    let around = Surroundings::of((a.page, b.page), scope.base(), scope.now);
    let before = sink.len();
    let mut walk = Walk {
        sides: Sides { a: &x, b: &y },
        around: &around,
        scope,
        sink,
        ignored: &ignored,
        accepting: &accepting,
        scoping: &scoping,
        lists: &lists,
        ids: Default::default(),
        spaces: Vec::new(),
        tag_like: None,
        lost: Vec::new(),
        room: limits::TREES.saturating_sub(a.cost() + b.cost()),
        told: Told::Nothing,
        mended: 0,
    };
    walk.pair(View::ROOT, View::ROOT, (ROOT, ROOT));
    let (told, mended) = (walk.told, walk.mended);
    if told == Told::TooMuch && sink.len() == before || told == Told::Nothing && !alike {
        too_different(a.page, b.page, sink);
    }
    Walked { told, mended }
}

/// Does one page end in the middle of the other?
fn cut_off(old: &str, new: &str) -> Option<Finding> {
    let (short, long) = if old.len() < new.len() { (old.trim_end(), new) } else { (new.trim_end(), old) };
    if !long.starts_with(short) || is_whole(short) || !is_whole(long) {
        return None;
    }
    Some(Finding::new(Kind::Truncated, PAGE).values(tail(old), tail(new)))
}

/// Does one page end in the middle of a tag, or of an element that has to be closed, and the other with `</html>`? What the
/// whole one leaves open as well, nobody ever closed, and that tells nothing.
fn broken_off(old: &Dom<'_>, new: &Dom<'_>) -> Option<Finding> {
    let (a, b) = (is_whole(old.page), is_whole(new.page));
    let (whole, broken) = if a { (old, new) } else { (new, old) };
    let is_broken = a != b && (ends_in_tag(broken.page) || left_open(broken) > left_open(whole));
    is_broken.then(|| Finding::new(Kind::Truncated, PAGE).values(tail(old.page), tail(new.page)))
}

fn is_whole(page: &str) -> bool {
    page.as_bytes()
        .get(page.len().saturating_sub(CLOSING)..)
        .is_some_and(|end| end.windows(HTML_END.len()).any(|tag| tag.eq_ignore_ascii_case(HTML_END)))
}

/// How the last tag of a page begins, in whichever letters.
const HTML_END: &[u8] = b"</html";

fn ends_in_tag(page: &str) -> bool {
    let rest = page.rfind('>').map_or(page, |at| &page[at + 1..]);
    rest.rfind('<').is_some_and(|at| rest[at + 1..].starts_with(|c: char| c == '/' || c.is_ascii_alphabetic()))
}

/// How many elements are open at the end whose end tag cannot be left out?
fn left_open(dom: &Dom<'_>) -> usize {
    let last = |node: &NodeId| Some(dom.last(*node)).filter(|last| *last != dom::NONE);
    let is_open = |node: &NodeId| {
        let has_to_be_closed = dom.name(*node).is_some_and(|name| {
            matches!(
                name,
                "div"
                    | "ul"
                    | "ol"
                    | "dl"
                    | "table"
                    | "form"
                    | "span"
                    | "a"
                    | "b"
                    | "strong"
                    | "section"
                    | "main"
                    | "article"
                    | "select"
                    | "textarea"
                    | "script"
                    | "style"
                    | "title"
                    | "button"
            )
        });
        has_to_be_closed && dom.node(*node).source != dom::NOWHERE && !dom.is_closed(*node)
    };
    std::iter::successors(Some(ROOT), last).filter(is_open).count()
}

fn tail(text: &str) -> String {
    let from = text.len().saturating_sub(SHOWN);
    let start = (from..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    format!("{} bytes, ending {:?}", text.len(), &text[start..])
}

/// `</html>` stands within this of the end of a whole page: comments and blanks may follow. Bytes.
const CLOSING: usize = 512;
/// How much of a page's end is shown. Bytes.
const SHOWN: usize = 40;
