//! Laws that hold for pages nobody has written.

mod parts;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::attribute::Surroundings;
use super::super::dom::{Dom, NOWHERE, NodeId, NodeKind, ROOT};
use super::super::lexer::Span;
use super::super::selector::Selector;
use super::super::tree;
use super::super::{fast, grow};
use super::{Markup, compared, html};
use crate::diff::rules::Rules;
use crate::diff::{Comparison, Outcome};
use parts::{Part, Pen, page};

/// The elements that are written down, in document order.
fn written<'d>(dom: &'d Dom<'_>) -> impl Iterator<Item = NodeId> + 'd {
    let mut order = Vec::new();
    let mut stack = vec![ROOT];
    while let Some(node) = stack.pop() {
        if dom.name(node).is_some_and(|name| !matches!(name, "html" | "head" | "body" | "tbody" | "title")) {
            order.push(node);
        }
        let children: Vec<NodeId> = dom.children(node).collect();
        stack.extend(children.into_iter().rev());
    }
    order.into_iter()
}

/// What a mutation did: the place in document order of the element it is about, and what is said to be there.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Text,
    Attribute,
    Removed,
}

/// Changes the `nth` thing that can be changed; says which element it is about.
fn mutate(parts: &mut Vec<Part>, nth: &mut usize, seen: &mut usize, parent: Option<usize>) -> Option<(usize, Change)> {
    let mut at = 0;
    while at < parts.len() {
        match &mut parts[at] {
            Part::Text(text) => {
                if *nth == 0
                    && let Some(parent) = parent
                {
                    text.push_str("zz");
                    return Some((parent, Change::Text));
                }
                *nth = nth.saturating_sub(1);
            }
            Part::Element { attributes, parts: below, .. } => {
                let own = *seen;
                *seen += 1;
                for (name, value) in attributes.iter_mut().filter(|(name, _)| *name != "hidden") {
                    if *nth == 0 {
                        value.push_str(if *name == "class" { " qqqq" } else { "zz" });
                        return Some((own, Change::Attribute));
                    }
                    *nth -= 1;
                }
                if *nth == 0 {
                    parts.remove(at);
                    return Some((own, Change::Removed));
                }
                *nth -= 1;
                if let Some(found) = mutate(below, nth, seen, Some(own)) {
                    return Some(found);
                }
            }
        }
        at += 1;
    }
    None
}

fn selects(page: &str, path: &str) -> Vec<usize> {
    let dom = tree::parse(page, usize::MAX).unwrap();
    let selector = Selector::parse(path).unwrap_or_else(|error| panic!("{error}"));
    written(&dom).enumerate().filter(|(_, node)| selector.matches(&dom, *node)).map(|(at, _)| at).collect()
}

fn is_silent(found: &Comparison) -> bool {
    found.outcome == Outcome::Matched
}

/// Pieces that browsers stumble over.
fn soup() -> impl Strategy<Value = String> {
    const PIECES: [&str; 62] = [
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<i",
        ">",
        "<a href='x'>",
        "</a>",
        "<table>",
        "<tr>",
        "<td>",
        "</table>",
        "<select>",
        "<option>",
        "</select>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "--!>",
        "<!-->",
        "<![CDATA[",
        "]]>",
        "<svg>",
        "<title>",
        "</title>",
        "</svg>",
        "<math>",
        "<mi>",
        "<textarea>",
        "</textarea>",
        "<pre>",
        "\n",
        "&amp;",
        "&am",
        "&#",
        "&#x41;",
        "&#0;",
        "&notit;",
        "&not",
        "=",
        "\"",
        "'",
        "<style>",
        "</style>",
        "<",
        "</",
        "<!doctype html>",
        "<?x",
        "\0",
        "\r",
        "x",
        " ",
        "é",
        "<template>",
        "</template>",
        "<body a=1>",
        "<frameset>",
        "<plaintext>",
        "<noscript>",
        "/",
        "<br/>",
    ];
    vec(prop::sample::select(&PIECES[..]), 0..40).prop_map(|pieces| pieces.concat())
}

/// The tree as text, without its places in the source.
fn dump(dom: &Dom<'_>, node: NodeId, out: &mut String) {
    match dom.node(node).kind {
        NodeKind::Document => {}
        NodeKind::Element => {
            let (name, space) = dom.full_name(node).unwrap();
            let mut attributes: Vec<String> =
                dom.attributes(node).iter().map(|(name, value)| format!(" {name}={value:?}")).collect();
            attributes.sort();
            out.push_str(&format!("<{space}:{name}{}>", attributes.concat()));
        }
        NodeKind::Text => out.push_str(&format!("{:?}", dom.text(node))),
        NodeKind::Comment => out.push_str(&format!("<!--{:?}", dom.text(node))),
        NodeKind::Instruction => out.push_str(&format!("<?{:?}", dom.text(node))),
    }
    for child in dom.children(node) {
        dump(dom, child, out);
    }
    out.push_str("</>");
}

fn dumped(dom: &Dom<'_>) -> String {
    let mut out = String::new();
    dump(dom, ROOT, &mut out);
    out
}

/// The places of all nodes in the page.
fn placed(dom: &Dom<'_>) -> Vec<(String, Option<Span>, bool)> {
    let mut nodes = Vec::new();
    let mut stack = vec![ROOT];
    while let Some(node) = stack.pop() {
        let at = dom.node(node).source;
        let is_empty = dom.node(node).kind == NodeKind::Text && at.start == at.end;
        if !is_empty {
            let name = dom.name(node).unwrap_or_default().to_owned();
            nodes.push((name, Some(at).filter(|at| *at != NOWHERE), dom.is_closed(node)));
        }
        let children: Vec<NodeId> = dom.children(node).collect();
        stack.extend(children.into_iter().rev());
    }
    nodes
}

fn grows_as_html5ever_builds(page: &str) -> Result<(), TestCaseError> {
    if let Ok(grown) = grow::grow(page, &[], usize::MAX) {
        let built = tree::parse_by_tree_builder(page, usize::MAX).unwrap();
        prop_assert_eq!(dumped(&grown), dumped(&built), "{}", page);
        prop_assert_eq!(placed(&grown), placed(&built), "{}", page);
        prop_assert_eq!(grown.layout, built.layout, "{}", page);
    }
    Ok(())
}

#[test]
fn of_two_newlines_behind_a_pre_the_first_is_dropped() {
    for page in ["<pre>\n\n</pre>", "<pre>\r\n\r\n</pre>", "<pre>\n\n\na</pre>", "<textarea>\n\n</textarea>"] {
        grows_as_html5ever_builds(page).unwrap();
    }
}

/// Tags in an order that is often regular: each opened one is mostly closed.
fn nearly_regular() -> impl Strategy<Value = String> {
    const NAMES: [&str; 40] = [
        "p", "div", "ul", "li", "table", "tr", "td", "th", "tbody", "thead", "caption", "colgroup", "b", "i", "a",
        "span", "select", "option", "optgroup", "form", "button", "pre", "textarea", "script", "style", "title",
        "noscript", "h1", "h2", "dl", "dd", "dt", "section", "iframe", "object", "label", "fieldset", "svg", "html",
        "body",
    ];
    const BITS: [&str; 20] = [
        "x",
        " ",
        "\n",
        "a &amp; b",
        "<!--c-->",
        "<br>",
        "<img src=a>",
        "<input type=hidden>",
        "<hr/>",
        "<col>",
        "<meta a=b>",
        "<link>",
        "\r\n",
        "</>",
        "&#10;",
        "<head>",
        "</head>",
        "<base>",
        "</body>",
        "</html>",
    ];
    let tag = (prop::sample::select(&NAMES[..]), 0..8_u8, prop::sample::select(&BITS[..]));
    (0..4_u8, vec(tag, 0..24)).prop_map(|(frame, tags)| {
        let starts =
            ["", "<!DOCTYPE html>", "<!doctype html public 'x'><html><head></head><body>", "<title>t</title><body>"];
        let mut page = starts[usize::from(frame)].to_owned();
        let mut open = Vec::new();
        for (name, action, bit) in tags {
            match action {
                0..3 => {
                    page.push_str(&format!("<{name} a='{name}'>"));
                    open.push(name);
                }
                3..5 => page.push_str(bit),
                5 => page.push_str(&format!("<{name}>")),
                _ => {
                    if let Some(name) = open.pop() {
                        page.push_str(&format!("</{name}>"));
                    }
                }
            }
        }
        open.into_iter().rev().for_each(|name| page.push_str(&format!("</{name}>")));
        page
    })
}

pub(super) fn by_trees(old: &str, new: &str) -> Comparison {
    let (request, rules) = (super::request(), Rules::default());
    let scope = super::Scope { request: &request, rules: &rules, now: None };
    let mut sink = super::Sink::new(&rules, None);
    super::super::compare_html_trees(old, new, &scope, &mut sink);
    sink.finish()
}

pub(super) fn is_proven(old: &str, new: &str) -> bool {
    let around = Surroundings { page: None, base: None, now: None };
    matches!(fast::prove(old, new, &around), fast::Proof::Equal(_))
}

/// `PROPTEST_CASES`, or as many as take a few seconds.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn our_lexer_cuts_as_html5ever_does(page in soup()) {
        let ours = tree::parse_by_tree_builder(&page, usize::MAX).unwrap();
        let theirs = tree::parse_by_html5ever(&page);
        prop_assert_eq!(dumped(&ours), dumped(&theirs));
    }

    #[test]
    fn regular_pages_grow_into_the_tree_that_html5ever_builds(page in nearly_regular()) {
        grows_as_html5ever_builds(&page)?;
    }

    #[test]
    fn soup_that_is_regular_grows_into_the_tree_that_html5ever_builds(page in soup()) {
        grows_as_html5ever_builds(&page)?;
    }

    #[test]
    fn written_pages_grow_into_the_tree_that_html5ever_builds(parts in page(), choices in vec(any::<u8>(), 0..40)) {
        grows_as_html5ever_builds(&Pen::write(&parts, &choices))?;
    }

    #[test]
    fn nothing_panics(old in soup(), new in soup()) {
        for markup in [Markup::Html, Markup::Xml] {
            let _ = compared(markup, &old, &new, &Rules::default());
        }
    }

    #[test]
    fn no_bytes_panic(old in vec(any::<u8>(), 0..200), new in vec(any::<u8>(), 0..200)) {
        let (old, new) = (String::from_utf8_lossy(&old), String::from_utf8_lossy(&new));
        for markup in [Markup::Html, Markup::Xml] {
            let _ = compared(markup, &old, &new, &Rules::default());
        }
    }

    #[test]
    fn a_page_equals_itself(page in soup()) {
        let found = by_trees(&page, &page);
        prop_assert!(is_silent(&found) && found.hidden.is_empty(), "{:?}", found);
    }

    #[test]
    fn what_is_proven_equal_without_trees_is_equal_by_trees(page in soup(), at in any::<prop::sample::Index>(), piece in soup()) {
        let (mut other, start) = (page.clone(), at.index(page.len() + 1));
        let start = (0..=start).rev().find(|at| other.is_char_boundary(*at)).unwrap();
        other.insert_str(start, &piece.chars().take(3).collect::<String>());
        for (old, new) in [(&page, &other), (&other, &page)] {
            if is_proven(old, new) {
                let found = by_trees(old, new);
                prop_assert!(is_silent(&found), "{old:?}\n---\n{new:?}\n---\n{found:#?}");
            }
        }
    }

    #[test]
    fn trees_find_cosmetic_rewrites_equal_too(parts in page(), new in vec(any::<u8>(), 1..40)) {
        let (old, new) = (Pen::write(&parts, &[]), Pen::write(&parts, &new));
        let found = by_trees(&old, &new);
        prop_assert!(is_silent(&found), "{old}\n---\n{new}\n---\n{found:#?}");
    }

    #[test]
    fn cosmetic_rewrites_never_alarm(parts in page(), old in vec(any::<u8>(), 0..40), new in vec(any::<u8>(), 1..40)) {
        let (old, new) = (Pen::write(&parts, &old), Pen::write(&parts, &new));
        let found = html(&old, &new);
        prop_assert!(is_silent(&found), "{old}\n---\n{new}\n---\n{found:#?}");
    }

    #[test]
    fn one_change_is_always_found_where_it_is(
        parts in page(),
        nth in 0_usize..60,
        old_choices in vec(any::<u8>(), 0..10),
        new_choices in vec(any::<u8>(), 0..10),
    ) {
        let mut changed = parts.clone();
        let Some((element, change)) = mutate(&mut changed, &mut { nth }, &mut 0, None) else { return Ok(()) };
        let (old, new) = (Pen::write(&parts, &old_choices), Pen::write(&changed, &new_choices));
        let found = html(&old, &new);
        prop_assert_eq!(found.outcome, Outcome::Mismatched, "{}\n---\n{}", old, new);
        if change != Change::Removed {
            let places: Vec<Vec<usize>> = found.differences.iter().map(|found| selects(&old, &found.path)).collect();
            prop_assert_eq!(&places, &vec![vec![element]], "{}\n---\n{}\n---\n{:#?}", old, new, found);
        }
    }
}
