//! The peer: html5ever into the plainest tree there is, and the trees compared node by node. It knows no rule, aligns nothing and
//! tells nothing.

use std::borrow::Cow;
use std::cell::{Ref, RefCell};

use html5ever::interface::{ElemName, ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, LocalName, Namespace, ParseOpts, QualName, parse_document};

pub fn peer(old: &str, new: &str) -> bool {
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
