//! The page as a tree: a compact arena of nodes joined by indexes, filled by [`tree`](super::tree) and [`xml`](super::xml).
//!
//! Every node knows where it stands in the source, so that spelling (quotes, entities, tag case) can be compared after the
//! tree has forgotten it.

use html5ever::interface::QuirksMode;
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, QualName};

use super::charref::{self, Place};
use super::lexer::{self, Content, Lexer, Span};

/// An index into [`Dom::nodes`].
pub(super) type NodeId = u32;

/// No node.
pub(super) const NONE: NodeId = u32::MAX;
/// The document.
pub(super) const ROOT: NodeId = 0;
/// Nothing in the page: an element the browser implied.
pub(super) const NOWHERE: Span = Span { start: u32::MAX, end: u32::MAX };

#[derive(Debug)]
pub(super) enum NodeKind {
    Document,
    Element {
        name: QualName,
        attributes: Vec<Attribute>,
    },
    Text(StrTendril),
    Comment(StrTendril),
    /// Processing instruction of XML: target and content in one.
    Instruction(StrTendril),
}

#[derive(Debug)]
pub(super) struct Node {
    pub kind: NodeKind,
    pub parent: NodeId,
    pub first: NodeId,
    pub last: NodeId,
    pub previous: NodeId,
    pub next: NodeId,
    pub depth: u32,
    /// The start tag, text or comment in the page.
    pub source: Span,
    /// The end tag; [`NOWHERE`] when it was left out.
    pub end: Span,
    /// What stands in it was proven equal to what stands in its partner, and is not in the tree.
    pub left_out: Option<LeftOut>,
}

/// An element whose inside is not in the tree: which of them, the same on both sides, and how many tags are in there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub pair: u32,
    pub tags: u32,
    /// So many elements of one name that follow each other stand in the tree as one.
    pub run: u32,
}

/// Is the page laid out by today's rules or by those of the nineties?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Standard,
    Quirks,
}

#[derive(Debug)]
pub(super) struct Dom<'a> {
    pub page: &'a str,
    pub nodes: Vec<Node>,
    /// The doctype as written after the keyword.
    pub doctype: Option<Span>,
    pub layout: Layout,
    pub dialect: Dialect,
    /// Rows or cells without their table: the root is nobody's.
    pub is_fragment: bool,
    /// The greatest depth at which a node was ever put.
    pub deepest: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Html,
    Xml,
}

impl<'a> Dom<'a> {
    pub fn new(page: &'a str, dialect: Dialect) -> Self {
        let mut dom = Self {
            page,
            nodes: Vec::new(),
            doctype: None,
            layout: Layout::Standard,
            dialect,
            is_fragment: false,
            deepest: 0,
        };
        dom.add(NodeKind::Document, NOWHERE);
        dom
    }

    pub fn set_quirks(&mut self, mode: QuirksMode) {
        self.layout = if mode == QuirksMode::Quirks { Layout::Quirks } else { Layout::Standard };
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    pub fn add(&mut self, kind: NodeKind, source: Span) -> NodeId {
        let id = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        self.nodes.push(Node {
            kind,
            parent: NONE,
            first: NONE,
            last: NONE,
            previous: NONE,
            next: NONE,
            depth: 0,
            source,
            end: NOWHERE,
            left_out: None,
        });
        id
    }

    pub fn append(&mut self, parent: NodeId, child: NodeId) {
        self.insert(parent, child, NONE);
    }

    /// Puts `child` under `parent`, before `before` or, if that is [`NONE`], last.
    pub fn insert(&mut self, parent: NodeId, child: NodeId, before: NodeId) {
        self.detach(child);
        let depth = self.node(parent).depth + 1;
        self.deepest = self.deepest.max(depth);
        let previous = if before == NONE { self.node(parent).last } else { self.node(before).previous };
        let node = self.node_mut(child);
        (node.parent, node.previous, node.next, node.depth) = (parent, previous, before, depth);
        if previous == NONE {
            self.node_mut(parent).first = child;
        } else {
            self.node_mut(previous).next = child;
        }
        if before == NONE {
            self.node_mut(parent).last = child;
        } else {
            self.node_mut(before).previous = child;
        }
    }

    pub fn detach(&mut self, child: NodeId) {
        let Node { parent, previous, next, .. } = *self.node(child);
        if parent == NONE {
            return;
        }
        if previous == NONE {
            self.node_mut(parent).first = next;
        } else {
            self.node_mut(previous).next = next;
        }
        if next == NONE {
            self.node_mut(parent).last = previous;
        } else {
            self.node_mut(next).previous = previous;
        }
        let node = self.node_mut(child);
        (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
    }

    /// Puts text under `parent` before `before`, joined with the text that stands there already.
    pub fn insert_text(&mut self, parent: NodeId, text: StrTendril, before: NodeId, source: Span) {
        let previous = if before == NONE { self.node(parent).last } else { self.node(before).previous };
        if previous != NONE {
            let node = self.node_mut(previous);
            if let NodeKind::Text(present) = &mut node.kind {
                present.push_tendril(&text);
                node.source.end = node.source.end.max(source.end);
                return;
            }
        }
        let id = self.add(NodeKind::Text(text), source);
        self.insert(parent, id, before);
    }

    pub fn children(&self, parent: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let mut next = self.node(parent).first;
        std::iter::from_fn(move || {
            let id = (next != NONE).then_some(next)?;
            next = self.node(id).next;
            Some(id)
        })
    }

    pub fn name(&self, id: NodeId) -> Option<&str> {
        match &self.node(id).kind {
            NodeKind::Element { name, .. } => Some(&name.local),
            _ => None,
        }
    }

    /// How many elements of the page an element of the tree stands for.
    pub fn run(&self, id: NodeId) -> u32 {
        self.node(id).left_out.map_or(1, |left_out| left_out.run)
    }

    pub fn is_element(&self, id: NodeId) -> bool {
        matches!(self.node(id).kind, NodeKind::Element { .. })
    }

    pub fn attributes(&self, id: NodeId) -> &[Attribute] {
        match &self.node(id).kind {
            NodeKind::Element { attributes, .. } => attributes,
            _ => &[],
        }
    }

    pub fn attribute(&self, id: NodeId, wanted: &str) -> Option<&str> {
        self.attributes(id).iter().find(|attribute| *attribute.name.local == *wanted).map(|attribute| &*attribute.value)
    }

    /// The charset that a meta tag names, in either way to write it, in lower case.
    pub fn charset(&self, id: NodeId) -> Option<String> {
        if self.name(id) != Some("meta") || self.dialect == Dialect::Xml {
            return None;
        }
        match (self.attributes(id).len(), self.attribute(id, "charset"), self.attribute(id, "http-equiv")) {
            (1, Some(charset), _) => Some(charset.trim().to_ascii_lowercase()),
            (2, None, Some(kind)) if kind.eq_ignore_ascii_case("content-type") => {
                let content = self.attribute(id, "content")?.to_ascii_lowercase();
                let (media, charset) = content.split_once(';')?;
                let is_page = matches!(media.trim(), "text/html" | "application/xhtml+xml");
                charset.trim().strip_prefix("charset=").filter(|_| is_page).map(|charset| charset.trim().to_owned())
            }
            _ => None,
        }
    }

    /// All text below, as it stands.
    pub fn text_content(&self, id: NodeId) -> String {
        let mut text = String::new();
        self.push_text(id, &mut text);
        text
    }

    fn push_text(&self, id: NodeId, text: &mut String) {
        if let NodeKind::Text(own) = &self.node(id).kind {
            text.push_str(own);
        }
        if self.node(id).left_out.is_some() {
            self.push_text_left_out(id, text);
        }
        for child in self.children(id) {
            self.push_text(child, text);
        }
    }

    fn push_text_left_out(&self, id: NodeId, text: &mut String) {
        let node = self.node(id);
        let mut lexer = Lexer::from(self.page.get(..node.end.start as usize).unwrap_or_default(), node.source.end);
        while let Some(token) = lexer.next(Content::Html) {
            if token.kind == lexer::Kind::Text {
                text.push_str(&charref::decode(token.inner.of(self.page), Place::Text));
            }
        }
    }

    /// Does what was left out of the tree have an element with this id?
    pub fn has_left_out_id(&self, id: &str) -> bool {
        let names_it = |source: &str| {
            let source = source.as_bytes();
            memchr::memmem::find_iter(source, id.as_bytes()).any(|at| {
                let (before, after) = (&source[..at], source.get(at + id.len()));
                let quote = before.last().filter(|c| matches!(c, b'"' | b'\''));
                let ends = match quote {
                    Some(quote) => after == Some(quote),
                    None => after.is_none_or(|c| c.is_ascii_whitespace() || *c == b'>'),
                };
                ends && before[..before.len() - usize::from(quote.is_some())].trim_ascii_end().ends_with(b"=")
            })
        };
        let left_out = self.nodes.iter().filter(|node| node.left_out.is_some());
        left_out.map(|node| Span { start: node.source.end, end: node.end.start }.of(self.page)).any(names_it)
    }

    /// Where the node and all below it stand in the page; `None` for what stands nowhere.
    pub fn extent(&self, id: NodeId) -> Option<Span> {
        let node = self.node(id);
        if node.source != NOWHERE && node.end != NOWHERE && node.end.end >= node.source.start {
            return Some(Span { start: node.source.start, end: node.end.end });
        }
        let own = (node.source != NOWHERE).then_some(node.source);
        let children = self.children(id).filter_map(|child| self.extent(child));
        own.into_iter().chain(children).reduce(|a, b| Span { start: a.start.min(b.start), end: a.end.max(b.end) })
    }
}
