//! The page as a tree: a compact arena of nodes joined by indexes, filled by [`tree`](super::tree), [`grow`](super::grow) and
//! [`xml`](super::xml).
//!
//! A node knows where it stands in the page, and little more: its text and its attributes are read out of the page when they are
//! asked for. So a tree takes a few bytes for each byte of its page, and spelling (quotes, entities, tag case) can be compared. Only
//! what stands nowhere in the page as it counts is kept beside it ([`names`], [`attributes`]).

mod attributes;
mod fields;
mod names;
mod spaces;

use std::borrow::Cow;
use std::collections::HashMap;

use html5ever::interface::QuirksMode;
use html5ever::{LocalName, Namespace, QualName};

use super::charref::{self, Place};
use super::lexer::{self, Content, Lexer, Span};
pub(super) use attributes::{Attribute, Elsewhere, declares_space};
use names::Names;
pub(super) use names::{HTML, TooMany};

/// An index into [`Dom::nodes`].
pub(super) type NodeId = u32;

/// No node.
pub(super) const NONE: NodeId = u32::MAX;
/// The document.
pub(super) const ROOT: NodeId = 0;
/// Nothing in the page: an element the browser implied.
pub(super) const NOWHERE: Span = Span { start: u32::MAX, end: u32::MAX };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeKind {
    Document,
    Element,
    Text,
    Comment,
    /// Processing instruction of XML: target and content in one.
    Instruction,
}

/// How a node is read out of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it stands, but for line ends; an element with the attributes of its tag.
    Plain,
    /// Text with character references.
    References,
    /// The same where a NUL is a character.
    Rcdata,
    /// Not out of the page: text of its own, attributes from elsewhere.
    Own,
    /// An element whose inside is not in the tree.
    LeftOut,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub kind: NodeKind,
    form: Form,
    name: u16,
    depth: u16,
    pub parent: NodeId,
    /// Of a text of its own: which.
    first: NodeId,
    /// Of the first child: the last one.
    previous: NodeId,
    pub next: NodeId,
    /// The start tag, text or comment in the page.
    pub source: Span,
    /// Where the end tag begins; [`NONE`] when it was left out.
    close: u32,
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
    /// Nodes of which something shows: as many as the view will have items.
    pub shown: usize,
    names: Names,
    /// Texts that stand nowhere in the page as they count: put together, or changed by the tree builder.
    own: Vec<String>,
    own_bytes: usize,
    elsewhere: HashMap<NodeId, Elsewhere>,
    /// In the order of the nodes.
    left_out: Vec<(NodeId, LeftOut)>,
    /// The namespaces of XML's prefixes. `None`: a prefix stands for several.
    prefixes: HashMap<String, Option<Namespace>>,
    /// Fields whose form is none of the elements around them, in order.
    owned_elsewhere: Vec<NodeId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Html,
    /// Pages written as XML: read as XML, shown as HTML.
    Xhtml,
    Xml,
}

impl<'a> Dom<'a> {
    /// With room for all nodes that these parts of the page may have, but for more than the budget of bytes lets it have.
    pub fn new(page: &'a str, dialect: Dialect, parts: impl Iterator<Item = &'a str>, budget: usize) -> Self {
        let nodes = FEW + parts.map(nodes_of).sum::<usize>();
        let mut dom = Self {
            page,
            nodes: Vec::with_capacity(nodes.min(budget / LEAST_COST)),
            doctype: None,
            layout: Layout::Standard,
            dialect,
            is_fragment: false,
            deepest: 0,
            shown: 0,
            names: Names::default(),
            own: Vec::new(),
            own_bytes: 0,
            elsewhere: HashMap::new(),
            left_out: Vec::new(),
            prefixes: HashMap::new(),
            owned_elsewhere: Vec::new(),
        };
        dom.add(NodeKind::Document, Form::Plain, NOWHERE);
        dom
    }

    /// The whole tree, without room for nodes that did not come: a browser drops tags that it has no place for.
    pub fn finish(mut self) -> Self {
        if self.nodes.capacity() > self.nodes.len() + self.nodes.len() / 8 + FEW {
            self.nodes.shrink_to_fit();
        }
        self
    }

    pub fn set_quirks(&mut self, mode: QuirksMode) {
        self.layout = if mode == QuirksMode::Quirks { Layout::Quirks } else { Layout::Standard };
    }

    /// What the tree takes, and what its view will take. Bytes.
    pub fn cost(&self) -> usize {
        /// A text or an element of its own, with its place in a table. Bytes.
        const KEPT: usize = 64;
        let kept = self.own.len() + self.elsewhere.len() + self.left_out.len();
        // A list that grows is copied, and for a moment both copies are there.
        let copied = if self.nodes.len() == self.nodes.capacity() { self.nodes.len() } else { 0 };
        (self.nodes.capacity() + copied) * NODE + self.shown * super::view::ITEM + kept * KEPT + self.own_bytes
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    pub fn add(&mut self, kind: NodeKind, form: Form, source: Span) -> NodeId {
        let id = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        if self.nodes.len() == self.nodes.capacity() {
            self.nodes.reserve_exact(self.nodes.len() / 8 + FEW);
        }
        let is_blank = |c: u8| super::view::is_blank(char::from(c));
        let shows = kind != NodeKind::Text || !source.of(self.page).bytes().all(is_blank);
        self.shown += usize::from(shows);
        self.nodes.push(Node {
            kind,
            form,
            name: 0,
            depth: 0,
            parent: NONE,
            first: NONE,
            previous: NONE,
            next: NONE,
            source,
            close: NONE,
        });
        id
    }

    /// # Errors
    /// There are more names than a page has.
    pub fn add_element(&mut self, name: &QualName, source: Span) -> Result<NodeId, TooMany> {
        let name = self.names.of_qualified(name)?;
        let id = self.add(NodeKind::Element, Form::Plain, source);
        self.node_mut(id).name = name;
        Ok(id)
    }

    /// The same of an element of HTML, or of XML, by its name alone.
    pub fn add_named(&mut self, name: &str, space: &Namespace, source: Span) -> Result<NodeId, TooMany> {
        let name = self.names.of(name, space)?;
        let id = self.add(NodeKind::Element, Form::Plain, source);
        self.node_mut(id).name = name;
        Ok(id)
    }

    pub fn append(&mut self, parent: NodeId, child: NodeId) {
        self.insert(parent, child, NONE);
    }

    /// Puts `child` under `parent`, before `before` or, if that is [`NONE`], last.
    pub fn insert(&mut self, parent: NodeId, child: NodeId, before: NodeId) {
        self.detach(child);
        let depth = self.node(parent).depth.saturating_add(1);
        self.deepest = self.deepest.max(u32::from(depth));
        let first = self.node(parent).first;
        let previous = if before == NONE { self.last(parent) } else { self.previous(before) };
        let node = self.node_mut(child);
        (node.parent, node.next, node.depth) = (parent, before, depth);
        if previous == NONE {
            // The new first one knows the last one: the old one's, or itself.
            let last = if first == NONE { child } else { self.node(first).previous };
            self.node_mut(child).previous = last;
            self.node_mut(parent).first = child;
        } else {
            self.node_mut(child).previous = previous;
            self.node_mut(previous).next = child;
        }
        if before != NONE {
            self.node_mut(before).previous = child;
        } else if previous != NONE {
            self.node_mut(first).previous = child;
        }
    }

    pub fn detach(&mut self, child: NodeId) {
        let Node { parent, next, .. } = *self.node(child);
        if parent == NONE {
            return;
        }
        let (previous, last) = (self.previous(child), self.last(parent));
        if previous == NONE {
            self.node_mut(parent).first = next;
            if next != NONE {
                self.node_mut(next).previous = last;
            }
        } else {
            self.node_mut(previous).next = next;
            if next != NONE {
                self.node_mut(next).previous = previous;
            } else {
                let first = self.node(parent).first;
                self.node_mut(first).previous = previous;
            }
        }
        let node = self.node_mut(child);
        (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
    }

    /// Puts text under `parent` before `before`, joined with the text that stands there already. `text` is what a reader of `source`
    /// in that form gets, unless it has a form of its own.
    pub fn insert_text(&mut self, parent: NodeId, text: &str, before: NodeId, (source, form): (Span, Form)) {
        let previous = if before == NONE { self.last(parent) } else { self.previous(before) };
        if previous != NONE && self.node(previous).kind == NodeKind::Text {
            return self.join_text(previous, text, (source, form));
        }
        let id = self.add(NodeKind::Text, form, source);
        if form == Form::Own {
            self.own_text(id, text.to_owned());
        }
        self.insert(parent, id, before);
    }

    fn join_text(&mut self, present: NodeId, text: &str, (source, form): (Span, Form)) {
        let node = *self.node(present);
        let are_plain = [node.source, source].iter().all(|span| charref::is_plain(span.of(self.page)));
        if node.form == Form::Own {
            self.own_bytes += text.len();
            if let Some(own) = self.own.get_mut(node.first as usize) {
                own.push_str(text);
            }
        } else if node.source.end != source.start || form != node.form || !are_plain {
            let joined = [&self.text(present), text].concat();
            self.own_text(present, joined);
        }
        let end = &mut self.node_mut(present).source.end;
        *end = (*end).max(source.end);
    }

    fn own_text(&mut self, id: NodeId, text: String) {
        self.own_bytes += text.len();
        let at = u32::try_from(self.own.len()).unwrap_or(NONE);
        self.own.push(text);
        let node = self.node_mut(id);
        (node.form, node.first) = (Form::Own, at);
    }

    /// Is a text not read out of the page?
    pub fn is_own(&self, id: NodeId) -> bool {
        self.node(id).form == Form::Own
    }

    /// The text of a text node, a comment or an instruction.
    pub fn text(&self, id: NodeId) -> Cow<'_, str> {
        let node = self.node(id);
        let source = node.source.of(self.page);
        match (node.kind, node.form) {
            (_, Form::Own) => Cow::Borrowed(self.own.get(node.first as usize).map_or("", String::as_str)),
            (_, Form::References) => charref::decode(source, Place::Text),
            (_, Form::Rcdata) => charref::rcdata(source),
            (NodeKind::Text | NodeKind::Comment | NodeKind::Instruction, _) => charref::line_ends(source),
            _ => Cow::Borrowed(""),
        }
    }

    /// A comment or instruction that says what stands at `source`.
    pub fn add_remark(&mut self, kind: NodeKind, text: &str, source: Span) -> NodeId {
        let is_there = *charref::line_ends(source.of(self.page)) == *text;
        let id = self.add(kind, if is_there { Form::Plain } else { Form::Own }, source);
        if !is_there {
            self.own_text(id, text.to_owned());
        }
        id
    }

    pub fn last(&self, parent: NodeId) -> NodeId {
        match self.first(parent) {
            NONE => NONE,
            first => self.node(first).previous,
        }
    }

    pub fn first(&self, parent: NodeId) -> NodeId {
        let node = self.node(parent);
        if matches!(node.kind, NodeKind::Document | NodeKind::Element) { node.first } else { NONE }
    }

    pub fn previous(&self, id: NodeId) -> NodeId {
        let node = self.node(id);
        if node.parent == NONE || self.node(node.parent).first == id { NONE } else { node.previous }
    }

    pub fn depth(&self, id: NodeId) -> usize {
        usize::from(self.node(id).depth)
    }

    pub fn children(&self, parent: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.from(self.first(parent))
    }

    /// A node and all that it stands in, the document last.
    pub fn around(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(Some(id), |at| Some(self.node(*at).parent).filter(|outer| *outer != NONE))
    }

    /// A node and those that follow it beside it.
    pub fn from(&self, first: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let mut next = first;
        std::iter::from_fn(move || {
            let id = (next != NONE).then_some(next)?;
            next = self.node(id).next;
            Some(id)
        })
    }

    pub fn name(&self, id: NodeId) -> Option<&str> {
        self.full_name(id).map(|name| &*name.0)
    }

    /// Name and namespace of an element.
    pub fn full_name(&self, id: NodeId) -> Option<&(LocalName, Namespace)> {
        let node = self.node(id);
        (node.kind == NodeKind::Element).then(|| self.names.get(node.name)).flatten()
    }

    pub fn is_element(&self, id: NodeId) -> bool {
        self.node(id).kind == NodeKind::Element
    }

    /// The element's end tag begins here.
    pub fn close(&mut self, id: NodeId, at: u32) {
        self.node_mut(id).close = at;
    }

    pub fn is_closed(&self, id: NodeId) -> bool {
        self.node(id).close != NONE
    }

    /// The element stays empty: its inside was proven equal to its partner's. It is the last that was made.
    pub fn leave_out(&mut self, id: NodeId, left_out: LeftOut) {
        self.node_mut(id).form = Form::LeftOut;
        self.left_out.push((id, left_out));
    }

    pub fn left_out(&self, id: NodeId) -> Option<LeftOut> {
        if self.node(id).form != Form::LeftOut {
            return None;
        }
        let at = self.left_out.binary_search_by_key(&id, |known| known.0).ok()?;
        self.left_out.get(at).map(|known| known.1)
    }

    /// All elements that were left out.
    pub fn all_left_out(&self) -> &[(NodeId, LeftOut)] {
        &self.left_out
    }

    /// How many elements of the page an element of the tree stands for.
    pub fn run(&self, id: NodeId) -> u32 {
        self.left_out(id).map_or(1, |left_out| left_out.run)
    }

    /// All text below, as it stands.
    pub fn text_content(&self, id: NodeId) -> String {
        let mut text = String::new();
        self.push_text(id, &mut text);
        text
    }

    fn push_text(&self, id: NodeId, text: &mut String) {
        match self.node(id).kind {
            NodeKind::Text => text.push_str(&self.text(id)),
            _ if self.node(id).form == Form::LeftOut => text.push_str(&self.text_left_out(id, usize::MAX)),
            _ => {}
        }
        for child in self.children(id) {
            self.push_text(child, text);
        }
    }

    /// The text in an element that was left out, at least as many bytes of it beside blanks.
    pub fn text_left_out(&self, id: NodeId, wanted: usize) -> String {
        let node = self.node(id);
        let mut lexer = Lexer::from(self.page.get(..node.close as usize).unwrap_or_default(), node.source.end);
        let (mut text, mut left) = (String::new(), wanted);
        while left > 0
            && let Some(token) = lexer.next(Content::Html)
        {
            if token.kind == lexer::Kind::Text {
                let piece = charref::decode(token.inner.of(self.page), Place::Text);
                left = left.saturating_sub(piece.trim().len());
                text.push_str(&piece);
            }
        }
        text
    }

    /// What stands in an element that was left out, as written.
    pub fn source_left_out(&self, id: NodeId) -> &'a str {
        let node = self.node(id);
        Span { start: node.source.end, end: node.close }.of(self.page)
    }

    /// Where the node and all below it stand in the page; `None` for what stands nowhere.
    pub fn extent(&self, id: NodeId) -> Option<Span> {
        let node = self.node(id);
        if node.source != NOWHERE && node.close != NONE && node.close >= node.source.start {
            let end = lexer::end_of_tag(self.page, node.close).max(node.source.end);
            return Some(Span { start: node.source.start, end });
        }
        let own = (node.source != NOWHERE).then_some(node.source);
        let children = self.children(id).filter_map(|child| self.extent(child));
        own.into_iter().chain(children).reduce(|a, b| Span { start: a.start.min(b.start), end: a.end.max(b.end) })
    }
}

/// Nodes that stand nowhere in a page, for which room is made.
const FEW: usize = 16;
/// What a node takes. Bytes.
const NODE: usize = size_of::<Node>();
/// What nodes cost on an average at least: of three that follow each other, two may be blanks, which no view has. Bytes.
const LEAST_COST: usize = NODE + super::view::ITEM / 3;

/// How many nodes a text of tags has at most, unless it is read as a browser mends what is not regular.
fn nodes_of(text: &str) -> usize {
    let text = text.as_bytes();
    let begins = |at: &usize| text.get(at + 1) != Some(&b'/');
    let ends_text = |at: &usize| at.checked_sub(1).is_some_and(|before| text[before] != b'>');
    memchr::memchr_iter(b'<', text).map(|at| usize::from(begins(&at)) + usize::from(ends_text(&at))).sum::<usize>() + 1
}
