//! How fast pages are compared, beside html5ever: the same 54 KB pairs in one interleaved run, medians of many rounds.
//!
//! `cargo bench --bench html`. The peer parses both pages with html5ever into the plainest tree there is and compares the trees
//! node by node; it knows no rule, aligns nothing and tells nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;
use std::cell::{Ref, RefCell};
use std::hint::black_box;
use std::time::{Duration, Instant};

use html5ever::interface::{ElemName, ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, LocalName, Namespace, ParseOpts, QualName, parse_document};
use matapalo::diff::html::{Markup, compare};
use matapalo::diff::{Outcome, Request, Rules, Scope, Sink};

const ROUNDS: usize = 40;
/// Comparisons per round: long enough for the clock.
const REPEAT: usize = 8;
const ROWS: usize = 170;

fn main() {
    let legacy = page(Dialect::Php, None);
    let pairs = [
        ("equal but for spelling", page(Dialect::Python, None), Outcome::Matched),
        ("one cell differs", page(Dialect::Python, Some(Change::Cell)), Outcome::Mismatched),
        ("one row inserted", page(Dialect::Python, Some(Change::Row)), Outcome::Mismatched),
        ("equal bytes", legacy.clone(), Outcome::Matched),
    ];
    println!("{:<24} {:>9} {:>12} {:>14} {:>7}", "pair", "KB/side", "ours MB/s", "html5ever MB/s", "ratio");
    for (name, new, wanted) in pairs {
        assert_eq!(ours(&legacy, &new), wanted, "{name}");
        let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            our_times.push(timed(|| ours(&legacy, &new) == Outcome::Matched));
            peer_times.push(timed(|| peer(&legacy, &new)));
        }
        let bytes = (legacy.len() + new.len()) as f64;
        let speed = |times: &mut Vec<Duration>| bytes / median(times).as_secs_f64() / 1e6;
        let (our_speed, peer_speed) = (speed(&mut our_times), speed(&mut peer_times));
        println!(
            "{name:<24} {:>9.1} {our_speed:>12.1} {peer_speed:>14.1} {:>7.1}",
            bytes / 2e3,
            our_speed / peer_speed
        );
    }
}

fn timed(mut work: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    for _ in 0..REPEAT {
        black_box(work());
    }
    start.elapsed() / REPEAT as u32
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ours(old: &str, new: &str) -> Outcome {
    let request = Request {
        method: http::Method::GET,
        scheme: "http",
        host: "archive.example".to_owned(),
        target: "/packages/".to_owned(),
        headers: http::HeaderMap::new(),
    };
    let rules = Rules::default();
    let scope = Scope { request: &request, rules: &rules, now: None };
    let mut sink = Sink::new(&rules, None);
    compare(Markup::Html, old, new, &scope, &mut sink);
    sink.finish().outcome
}

// ---- the pages ----

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Php,
    Python,
}

#[derive(Clone, Copy, PartialEq)]
enum Change {
    Cell,
    Row,
}

/// A package list as two stacks print it.
fn page(dialect: Dialect, change: Option<Change>) -> String {
    let php = dialect == Dialect::Php;
    let either = |old: &'static str, new: &'static str| if php { old } else { new };
    let mut page = String::from(either(
        "<!DOCTYPE html>\n<html lang=\"en\">\n  <head>\n    <meta charset=\"utf-8\" />\n    <title>Packages</title>\n    <link rel='stylesheet' href='/css/a.css' />\n  </head>\n  <body>\n",
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Packages</title>\n<link rel=\"stylesheet\" href=\"/css/a.css\">\n</head>\n<body>\n",
    ));
    page.push_str(either(
        "<form method=\"post\" action=\"/packages/\"><input type=\"hidden\" name=\"token\" value=\"0123456789abcdef0123456789abcdef\" />\n<table class=\"results\">\n",
        "<form method=\"post\" action=\"/packages/\"><input type=\"hidden\" name=\"token\" value=\"fedcba98765432100123456789abcdef\">\n<table class=\"results\">\n",
    ));
    for row in 0..ROWS {
        if change == Some(Change::Row) && row == ROWS / 2 {
            push_row(&mut page, php, 9_999, 1);
        }
        let votes = if change == Some(Change::Cell) && row == ROWS / 2 { 1 } else { row * 7 % 90 };
        push_row(&mut page, php, row, votes);
    }
    page.push_str(either("</table></form>\n<!-- php -->\n</body>\n</html>\n", "</table></form>\n</body>\n</html>\n"));
    page
}

fn push_row(page: &mut String, php: bool, row: usize, votes: usize) {
    let class = if row.is_multiple_of(2) { "even" } else { "odd" };
    if php {
        page.push_str(&format!(
            "        <tr class=\"{class}\">\n          <td><input type=\"checkbox\" name=\"IDs[{row}]\" value=\"1\" /></td>\n          <td><a href=\"/packages/?q=package+{row}&amp;SB=n\">package-{row}</a></td>\n          <td>1.{row}-1</td>\n          <td>{votes}</td>\n          <td class=\"wrap\">A library that isn&#039;t &quot;small&quot; &amp; does thing {row}</td>\n        </tr>\n"
        ));
    } else {
        page.push_str(&format!(
            "    <tr class=\"{class}\">\n      <td><input type=\"checkbox\" name=\"IDs[{row}]\" value=\"1\"></td>\n      <td><a href=\"/packages/?q=package%20{row}&amp;SB=n\">package-{row}</a></td>\n      <td>1.{row}-1</td>\n      <td>{votes}</td>\n      <td class=\"wrap\">A library that isn&#39;t &#34;small&#34; &amp; does thing {row}</td>\n    </tr>\n"
        ));
    }
}

// ---- the peer ----

fn peer(old: &str, new: &str) -> bool {
    let parse = |page: &str| parse_document(Plain::default(), ParseOpts::default()).one(page);
    let (old, new) = (parse(old), parse(new));
    same(&old, 0, &new, 0)
}

enum Kind {
    Document,
    Element(QualName, Vec<Attribute>),
    Text(StrTendril),
    Comment,
}

struct Node {
    kind: Kind,
    parent: usize,
    children: Vec<usize>,
}

struct Plain(RefCell<Vec<Node>>);

impl Default for Plain {
    fn default() -> Self {
        Self(RefCell::new(vec![Node { kind: Kind::Document, parent: 0, children: Vec::new() }]))
    }
}

impl Plain {
    fn add(&self, kind: Kind) -> usize {
        let mut nodes = self.0.borrow_mut();
        nodes.push(Node { kind, parent: usize::MAX, children: Vec::new() });
        nodes.len() - 1
    }

    fn put(&self, parent: usize, child: NodeOrText<usize>, before: Option<usize>) {
        let node = match child {
            NodeOrText::AppendNode(node) => node,
            NodeOrText::AppendText(text) => {
                let mut nodes = self.0.borrow_mut();
                if before.is_none()
                    && let Some(last) = nodes[parent].children.last().copied()
                    && let Kind::Text(present) = &mut nodes[last].kind
                {
                    present.push_tendril(&text);
                    return;
                }
                drop(nodes);
                self.add(Kind::Text(text))
            }
        };
        self.remove_from_parent(&node);
        let mut nodes = self.0.borrow_mut();
        let at = before.and_then(|before| nodes[parent].children.iter().position(|child| *child == before));
        let at = at.unwrap_or(nodes[parent].children.len());
        nodes[parent].children.insert(at, node);
        nodes[node].parent = parent;
    }
}

#[derive(Debug)]
struct Name<'a>(Ref<'a, QualName>);

impl ElemName for Name<'_> {
    fn ns(&self) -> &Namespace {
        &self.0.ns
    }

    fn local_name(&self) -> &LocalName {
        &self.0.local
    }
}

impl TreeSink for Plain {
    type Handle = usize;
    type Output = Vec<Node>;
    type ElemName<'a> = Name<'a>;

    fn finish(self) -> Vec<Node> {
        self.0.into_inner()
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> usize {
        0
    }

    fn elem_name<'a>(&'a self, target: &'a usize) -> Name<'a> {
        Name(Ref::map(self.0.borrow(), |nodes| match &nodes[*target].kind {
            Kind::Element(name, _) => name,
            _ => panic!("no element"),
        }))
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> usize {
        self.add(Kind::Element(name, attributes))
    }

    fn create_comment(&self, _: StrTendril) -> usize {
        self.add(Kind::Comment)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> usize {
        self.add(Kind::Comment)
    }

    fn append(&self, parent: &usize, child: NodeOrText<usize>) {
        self.put(*parent, child, None);
    }

    fn append_based_on_parent_node(&self, element: &usize, previous: &usize, child: NodeOrText<usize>) {
        let parent = self.0.borrow()[*element].parent;
        match parent {
            usize::MAX => self.put(*previous, child, None),
            parent => self.put(parent, child, Some(*element)),
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &usize) -> usize {
        *target
    }

    fn same_node(&self, x: &usize, y: &usize) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &usize, child: NodeOrText<usize>) {
        let parent = self.0.borrow()[*sibling].parent;
        self.put(parent, child, Some(*sibling));
    }

    fn add_attrs_if_missing(&self, _: &usize, _: Vec<Attribute>) {}

    fn remove_from_parent(&self, target: &usize) {
        let mut nodes = self.0.borrow_mut();
        let parent = nodes[*target].parent;
        if parent != usize::MAX {
            nodes[parent].children.retain(|child| child != target);
        }
    }

    fn reparent_children(&self, node: &usize, new_parent: &usize) {
        let mut nodes = self.0.borrow_mut();
        let children = std::mem::take(&mut nodes[*node].children);
        for child in &children {
            nodes[*child].parent = *new_parent;
        }
        nodes[*new_parent].children.extend(children);
    }
}

/// Equal names, attributes as sets, texts without blanks around them, children in order without blank texts and comments.
fn same(old: &[Node], a: usize, new: &[Node], b: usize) -> bool {
    let counted = |nodes: &[Node], at: usize| -> Vec<usize> {
        let shows = |child: &usize| match &nodes[*child].kind {
            Kind::Text(text) => !text.trim().is_empty(),
            Kind::Comment => false,
            _ => true,
        };
        nodes[at].children.iter().copied().filter(shows).collect()
    };
    let own = match (&old[a].kind, &new[b].kind) {
        (Kind::Element(name, attributes), Kind::Element(other, others)) => {
            name == other
                && attributes.len() == others.len()
                && attributes.iter().all(|attribute| others.iter().any(|other| other.name == attribute.name))
        }
        (Kind::Text(text), Kind::Text(other)) => text.trim() == other.trim(),
        (Kind::Document, Kind::Document) => true,
        _ => false,
    };
    let (olds, news) = (counted(old, a), counted(new, b));
    // All is looked at, as a comparer that tells differences must.
    let below = olds.iter().zip(&news).filter(|(a, b)| !same(old, **a, new, **b)).count();
    own && olds.len() == news.len() && below == 0
}
