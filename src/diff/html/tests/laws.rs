//! Laws that hold for pages nobody has written.

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

/// A page that is yet to be written down.
#[derive(Debug, Clone)]
enum Part {
    Element { name: &'static str, attributes: Vec<(&'static str, String)>, parts: Vec<Part> },
    Text(String),
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z]{1,7}",
        1 => "[0-9]{1,4}",
        1 => Just("R&B".to_owned()),
        1 => Just("a<b".to_owned()),
        1 => Just("it's".to_owned()),
        1 => Just("\"q\"".to_owned()),
        1 => Just("é€".to_owned()),
    ]
}

fn sentence() -> BoxedStrategy<Part> {
    vec(word(), 1..5).prop_map(|words| Part::Text(words.join(" "))).boxed()
}

fn attributes() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let link = (word(), word())
        .prop_map(|(a, b)| format!("/s?q={}&p=a b{}", a.replace('&', "%26"), b.replace(['&', '<', '"'], "")));
    (
        prop::option::of(vec("[a-z]{1,4}", 1..3).prop_map(|tokens| ("class", tokens.join(" ")))),
        prop::option::of(word().prop_map(|title| ("title", title))),
        prop::option::of(link.prop_map(|link| ("href", link))),
        prop::option::of("[a-z]{3}".prop_map(|id| ("id", id))),
        prop::option::of(Just(("hidden", String::new()))),
    )
        .prop_map(|(class, title, link, id, hidden)| [class, title, link, id, hidden].into_iter().flatten().collect())
}

fn element(name: &'static str, parts: impl Strategy<Value = Vec<Part>> + 'static) -> BoxedStrategy<Part> {
    (attributes(), parts).prop_map(move |(attributes, parts)| Part::Element { name, attributes, parts }).boxed()
}

fn inline() -> BoxedStrategy<Part> {
    let leaf = prop_oneof![4 => sentence(), 1 => element("img", Just(Vec::new()))];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let name = prop_oneof![Just("b"), Just("span"), Just("em")];
        (name, attributes(), vec(inner, 1..3)).prop_map(|(name, attributes, parts)| Part::Element {
            name,
            attributes,
            parts,
        })
    })
    .boxed()
}

fn block() -> BoxedStrategy<Part> {
    let paragraph = element("p", vec(inline(), 1..4));
    paragraph
        .prop_recursive(3, 24, 4, |inner| {
            let items = vec(element("li", vec(inline(), 1..3)), 1..6);
            let cells = vec(element("td", vec(inline(), 0..2)), 1..4);
            let rows = vec(element("tr", cells), 1..5);
            prop_oneof![
                element("ul", items),
                element("table", rows),
                element("div", vec(inner.clone(), 1..4)),
                element("pre", vec(sentence(), 1..2)),
                element("textarea", vec(sentence(), 0..2)),
            ]
        })
        .boxed()
}

fn page() -> impl Strategy<Value = Vec<Part>> {
    vec(block(), 1..5)
}

/// Writes a page down, each free choice of spelling taken from a list.
struct Pen<'c> {
    choices: &'c [u8],
    at: usize,
    out: String,
}

impl Pen<'_> {
    fn write(parts: &[Part], choices: &[u8]) -> String {
        let mut pen = Pen { choices, at: 0, out: "<!DOCTYPE html><title>t</title><body>".to_owned() };
        for part in parts {
            pen.between();
            pen.part(part, false, false);
        }
        pen.out
    }

    fn choose(&mut self, of: u8) -> u8 {
        if self.choices.is_empty() {
            return 0;
        }
        self.at += 1;
        self.choices[self.at % self.choices.len()] % of
    }

    fn one_of(&mut self, spellings: &[&str]) {
        let choice = self.choose(u8::try_from(spellings.len()).unwrap());
        self.out.push_str(spellings[usize::from(choice)]);
    }

    /// Where blanks and comments do not show.
    fn between(&mut self) {
        self.one_of(&["", "", "\n   ", "\r\n", "<!-- c -->", " <!---->\t"]);
    }

    fn part(&mut self, part: &Part, exact: bool, last: bool) {
        match part {
            Part::Text(text) => self.text(text, exact),
            Part::Element { name, attributes, parts } => self.element(name, attributes, parts, exact, last),
        }
    }

    fn text(&mut self, text: &str, exact: bool) {
        for c in text.chars() {
            match c {
                ' ' if !exact => self.one_of(&[" ", " ", "  ", "\n", "\r\n\t"]),
                c => self.character(c, &['&', '<'], "&#39;"),
            }
        }
    }

    fn character(&mut self, c: char, must: &[char], apostrophe: &str) {
        let choice = self.choose(4);
        let written = match (c, choice) {
            ('&', 1) => "&#38;".to_owned(),
            ('&', _) => "&amp;".to_owned(),
            ('<', 1) => "&#x3C;".to_owned(),
            ('<', _) => "&lt;".to_owned(),
            ('\'', 1) => "&#039;".to_owned(),
            ('\'', 2) => apostrophe.to_owned(),
            ('"', 1) => "&#34;".to_owned(),
            ('"', 2) => "&quot;".to_owned(),
            ('"', _) if must.contains(&'"') => "&quot;".to_owned(),
            ('é', 1) => "&eacute;".to_owned(),
            (c, 3) if !c.is_ascii() => format!("&#{};", u32::from(c)),
            (c, _) => c.to_string(),
        };
        self.out.push_str(&written);
    }

    fn element(&mut self, name: &str, attributes: &[(&'static str, String)], parts: &[Part], exact: bool, last: bool) {
        let upper = self.choose(4) == 1;
        let cased = if upper { name.to_ascii_uppercase() } else { name.to_owned() };
        self.out.push('<');
        self.out.push_str(&cased);
        let mut attributes: Vec<_> = attributes.to_vec();
        if self.choose(3) == 1 {
            attributes.reverse();
        }
        for (name, value) in attributes {
            self.attribute(name, &value);
        }
        if name == "img" {
            self.one_of(&[">", "/>", " />"]);
            return;
        }
        self.out.push('>');
        let exact = exact || matches!(name, "pre" | "textarea");
        let is_block = matches!(name, "div" | "ul" | "table" | "tr");
        let trims = matches!(name, "p" | "li" | "td");
        if trims {
            self.between();
        }
        for (at, part) in parts.iter().enumerate() {
            if is_block {
                self.between();
            }
            self.part(part, exact, at + 1 == parts.len());
        }
        if is_block || trims {
            self.between();
        }
        // The end tag may be left out where the next tag or the parent's end tag ends it.
        let optional = matches!(name, "li" | "td" | "tr") || (name == "p" && last);
        if !(optional && self.choose(3) == 1) {
            self.out.push_str("</");
            self.out.push_str(&cased);
            self.out.push('>');
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.one_of(&[" ", "  ", "\n"]);
        self.out.push_str(name);
        if name == "class" && self.choose(2) == 1 {
            let mut tokens: Vec<&str> = value.split(' ').collect();
            tokens.reverse();
            self.out.push_str(&format!("=\" {}  \"", tokens.join("  ")));
            return;
        }
        if name == "hidden" {
            self.one_of(&["", "=\"\"", "=''"]);
            return;
        }
        self.out.push_str("=\"");
        for c in value.chars() {
            match c {
                ' ' if name == "href" => self.one_of(&["%20", "+", " "]),
                c => self.character(c, &['"'], "&#39;"),
            }
        }
        self.out.push('"');
    }
}

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

fn by_trees(old: &str, new: &str) -> Comparison {
    let (request, rules) = (super::request(), Rules::default());
    let scope = super::Scope { request: &request, rules: &rules, now: None };
    let mut sink = super::Sink::new(&rules, None);
    super::super::compare_html_trees(old, new, &scope, &mut sink);
    sink.finish()
}

fn is_proven(old: &str, new: &str) -> bool {
    let around = Surroundings { page: None, now: None };
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
