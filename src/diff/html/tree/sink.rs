//! What html5ever's tree builder does to our [`Dom`]: elements made, moved and closed, each with its place in the page.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::tree_builder::ElemName;
use html5ever::{Attribute, LocalName, Namespace, QualName, local_name, ns};

use super::{Cut, TooBig, parts};
use crate::diff::html::charref::{self, Place};
use crate::diff::html::dom::{Dialect, Dom, Elsewhere, Form, NONE, NOWHERE, NodeId, NodeKind, ROOT};
use crate::diff::html::lexer::{Lexer, Span, Token};
use crate::diff::html::{limits, view};

pub(super) struct Sink<'a> {
    pub(super) dom: RefCell<Dom<'a>>,
    /// What the tree may cost. Bytes.
    pub(super) budget: usize,
    /// The tokens come from our lexer, which says where they stand.
    pub(super) knows_tokens: bool,
    /// Where the token stands that is being processed.
    pub(super) place: Cell<Span>,
    /// The text that was handed on last: some waits until the tag behind it is known.
    pub(super) text: Cell<Option<Origin>>,
    /// The comment that was handed on last.
    pub(super) remark: Cell<Span>,
    /// The name of the start tag that is being processed. Empty: it is none.
    pub(super) tag: RefCell<LocalName>,
    /// What stands for the attributes of the tag that is being processed.
    pub(super) mark: Cell<u32>,
    /// The first tag that has such attributes, by their hash.
    pub(super) marks: RefCell<HashMap<u64, u32>>,
    pub(super) quirks: Cell<QuirksMode>,
    /// Elements whose end tag is still to come, as written: the tree builder tells neither of end tags nor of all that it closes.
    pub(super) open: RefCell<Vec<NodeId>>,
    /// A tag has more attributes than is worth comparing, or the page has more names.
    pub(super) overflown: Cell<bool>,
    /// Open elements that tags may have been held against.
    pub(super) looked_at: Cell<usize>,
    /// Annotations in formulas that say that they hold HTML, in the order they were made.
    pub(super) annotations: RefCell<Vec<NodeId>>,
    /// Fields, each with the form that stood open when it was made: in a table, a form is empty and owns what follows.
    pub(super) owners: RefCell<Vec<(NodeId, NodeId)>>,
}

/// A text of the page, and how much of it has been put into the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) span: Span,
    pub(super) form: Form,
    pub(super) read: u32,
}

pub(super) const NO_MARK: u32 = u32::MAX;

/// The attribute that stands for all others. No page can name one so.
const MARK: &str = "attributes of the tag at";

impl<'a> Sink<'a> {
    pub(super) fn new(page: &'a str, cuts: &[Cut], budget: usize) -> Self {
        Self {
            dom: RefCell::new(Dom::new(page, Dialect::Html, parts(page, cuts), budget)),
            budget,
            knows_tokens: true,
            place: Cell::new(NOWHERE),
            text: Cell::new(None),
            remark: Cell::new(NOWHERE),
            tag: RefCell::new(local_name!("")),
            mark: Cell::new(NO_MARK),
            marks: RefCell::default(),
            quirks: Cell::new(QuirksMode::NoQuirks),
            open: RefCell::default(),
            overflown: Cell::new(false),
            looked_at: Cell::new(0),
            annotations: RefCell::default(),
            owners: RefCell::default(),
        }
    }

    pub(super) fn too_big(&self) -> bool {
        let dom = self.dom.borrow();
        dom.cost() > self.budget
            || dom.deepest > limits::MAX_DEPTH
            || self.overflown.get()
            || self.looked_at.get() > limits::MAX_LOOKS
    }

    /// One attribute for all of a tag: equal for tags of equal attributes.
    pub(super) fn marked(&self, lexer: &Lexer<'_>, token: &Token) -> Vec<Attribute> {
        let mut hashes: Vec<u64> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for raw in lexer.attributes(token).take(limits::MAX_ATTRIBUTES) {
            if names.iter().any(|known| known.eq_ignore_ascii_case(raw.name)) {
                continue;
            }
            names.push(raw.name);
            let hash = |text: &str| xxhash_rust::xxh3::xxh3_64(text.as_bytes());
            let value = charref::decode(raw.value, Place::Attribute);
            hashes.push(view::mix(hash(&charref::lower_name(raw.name)), hash(&value)));
        }
        if hashes.is_empty() {
            return Vec::new();
        }
        hashes.sort_unstable();
        let all = hashes.into_iter().fold(0, view::mix);
        let at = *self.marks.borrow_mut().entry(all).or_insert(token.span.start);
        self.mark.set(at);
        let name = QualName::new(None, ns!(), LocalName::from(MARK));
        vec![Attribute { name, value: StrTendril::from_slice(&at.to_string()) }]
    }

    /// The tag whose attributes such an attribute stands for.
    pub(super) fn mark_of(attributes: &[Attribute]) -> u32 {
        let mark = attributes.first().filter(|first| &*first.name.local == MARK);
        mark.and_then(|mark| mark.value.parse().ok()).unwrap_or(NO_MARK)
    }

    /// Where a text stands in the page that came out of the tree builder, and how it is read there.
    pub(super) fn origin(&self, text: &str) -> (Span, Form) {
        let nowhere = (self.place.get(), Form::Own);
        let Some(origin) = self.text.get().filter(|_| self.knows_tokens) else { return nowhere };
        let page = self.dom.borrow().page;
        let whole = origin.span.of(page);
        if charref::is_plain(whole) {
            // Blanks at its start, or a newline, may have been dropped.
            let rest = whole.get(origin.read as usize..).unwrap_or_default();
            let blanks = rest.len() - rest.trim_start_matches(view::is_blank).len();
            let dropped = [0, 1, blanks].map(|at| rest.get(at..).map(|rest| (at, rest))).into_iter().flatten();
            // Of several equal newlines, the first one was: the text goes on to the end.
            let whole = dropped.clone().find(|(_, rest)| *rest == text);
            let Some((at, _)) = whole.or_else(|| dropped.clone().find(|(_, rest)| rest.starts_with(text))) else {
                return (origin.span, Form::Own);
            };
            let start = origin.span.start + origin.read + u32::try_from(at).unwrap_or(0);
            let end = start + u32::try_from(text.len()).unwrap_or(0);
            self.text.set(Some(Origin { read: end - origin.span.start, ..origin }));
            return (Span { start, end }, origin.form);
        }
        let newline = ["\r\n", "\n", "\r"].into_iter().find(|end| whole.starts_with(end)).map_or(0, str::len);
        for dropped in [0, newline] {
            let rest = whole.get(dropped..).unwrap_or_default();
            let read = match origin.form {
                Form::References => charref::decode(rest, Place::Text),
                Form::Rcdata => charref::rcdata(rest),
                _ => charref::line_ends(rest),
            };
            if *read == *text {
                let start = origin.span.start + u32::try_from(dropped).unwrap_or(0);
                return (Span { start, ..origin.span }, origin.form);
            }
        }
        (origin.span, Form::Own)
    }

    /// The element that has just been made is left empty.
    pub(super) fn leave_out(&self, cut: &Cut) -> Result<(), TooBig> {
        let mut dom = self.dom.borrow_mut();
        let made = u32::try_from(dom.nodes.len() - 1).map_err(|_| TooBig)?;
        if dom.node(made).source.start != cut.start {
            return Err(TooBig);
        }
        dom.leave_out(made, cut.mark);
        Ok(())
    }

    /// A tag comes: the tree builder may hold it against all that is open.
    pub(super) fn look(&self) {
        let dom = self.dom.borrow();
        let last = u32::try_from(dom.nodes.len() - 1).unwrap_or(ROOT);
        let depth = dom.depth(last);
        self.looked_at.set(self.looked_at.get() + depth);
    }

    /// An end tag ends the last open element of its name, and all that stand open in it.
    pub(super) fn end(&self, name: &str, place: Span) {
        let mut dom = self.dom.borrow_mut();
        let mut open = self.open.borrow_mut();
        let within_reach = open.len().saturating_sub(limits::MAX_DEPTH as usize);
        let found = open[within_reach..]
            .iter()
            .rposition(|node| dom.name(*node).is_some_and(|own| own.eq_ignore_ascii_case(name)));
        if let Some(at) = found.map(|at| within_reach + at) {
            dom.close(open[at], place.start);
            open.truncate(at);
        }
    }

    pub(super) fn put(&self, parent: NodeId, child: NodeOrText<NodeId>, before: NodeId) {
        match child {
            NodeOrText::AppendNode(node) => self.dom.borrow_mut().insert(parent, node, before),
            NodeOrText::AppendText(text) => {
                let origin = self.origin(&text);
                self.dom.borrow_mut().insert_text(parent, &text, before, origin);
            }
        }
    }
}

/// An element's name, lent out of the arena.
#[derive(Debug)]
pub(super) struct Name<'a>(Ref<'a, (LocalName, Namespace)>);

impl ElemName for Name<'_> {
    fn ns(&self) -> &Namespace {
        &self.0.1
    }

    fn local_name(&self) -> &LocalName {
        &self.0.0
    }
}

/// What the tree builder is told if it asks for the name of something that is no element. It never does.
static NO_NAME: (LocalName, Namespace) = (local_name!(""), ns!());

impl<'a> TreeSink for Sink<'a> {
    type Handle = NodeId;
    type Output = Dom<'a>;
    type ElemName<'b>
        = Name<'b>
    where
        Self: 'b;

    fn finish(self) -> Dom<'a> {
        self.dom.into_inner()
    }

    fn parse_error(&self, _: std::borrow::Cow<'static, str>) {}

    fn get_document(&self) -> NodeId {
        ROOT
    }

    fn elem_name<'b>(&'b self, target: &'b NodeId) -> Name<'b> {
        Name(Ref::map(self.dom.borrow(), |dom| dom.full_name(*target).unwrap_or(&NO_NAME)))
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        let mut dom = self.dom.borrow_mut();
        let place = self.place.get();
        // A token makes at most one element of its own name and attributes; all others are implied, or made anew.
        let mark = Self::mark_of(&attributes);
        let is_written = self.tag.borrow().eq_ignore_ascii_case(&name.local) && mark == self.mark.get();
        let Ok(node) = dom.add_element(&name, if is_written { place } else { NOWHERE }) else {
            self.overflown.set(true);
            return dom.add(NodeKind::Element, Form::Plain, NOWHERE);
        };
        if is_written {
            self.open.borrow_mut().push(node);
        }
        if flags.mathml_annotation_xml_integration_point {
            self.annotations.borrow_mut().push(node);
        }
        let is_renamed = |attribute: &Attribute| {
            attribute.name.prefix.is_some() || attribute.name.local.bytes().any(|c| c.is_ascii_uppercase())
        };
        if is_written && !attributes.iter().any(is_renamed) || attributes.is_empty() {
            return node;
        }
        let from = if mark == NO_MARK { Elsewhere::List(listed(attributes)) } else { Elsewhere::Tag(mark) };
        dom.take_attributes(node, from);
        node
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.dom.borrow_mut().add_remark(NodeKind::Comment, &text, self.remark.get())
    }

    fn create_pi(&self, target: StrTendril, content: StrTendril) -> NodeId {
        let text = format!("{target} {content}");
        self.dom.borrow_mut().add_remark(NodeKind::Instruction, &text, NOWHERE)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.put(*parent, child, NONE);
    }

    fn append_based_on_parent_node(&self, element: &NodeId, previous: &NodeId, child: NodeOrText<NodeId>) {
        let parent = self.dom.borrow().node(*element).parent;
        if parent == NONE {
            self.put(*previous, child, NONE);
        } else {
            self.put(parent, child, *element);
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    /// A template's content is kept where a reader sees it: below the template.
    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        *target
    }

    fn same_node(&self, x: &NodeId, y: &NodeId) -> bool {
        x == y
    }

    fn is_mathml_annotation_xml_integration_point(&self, node: &NodeId) -> bool {
        self.annotations.borrow().binary_search(node).is_ok()
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.quirks.set(mode);
        self.dom.borrow_mut().set_quirks(mode);
    }

    fn append_before_sibling(&self, sibling: &NodeId, child: NodeOrText<NodeId>) {
        let parent = self.dom.borrow().node(*sibling).parent;
        if parent != NONE {
            self.put(parent, child, *sibling);
        }
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        if !attributes.is_empty() {
            self.dom.borrow_mut().add_attributes(*target, listed(attributes));
        }
    }

    fn associate_with_form(&self, target: &NodeId, form: &NodeId, _: (&NodeId, Option<&NodeId>)) {
        self.owners.borrow_mut().push((*target, *form));
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.dom.borrow_mut().detach(*target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        let mut dom = self.dom.borrow_mut();
        while let Some(child) = Some(dom.first(*node)).filter(|id| *id != NONE) {
            dom.append(*new_parent, child);
        }
    }
}

fn listed(attributes: Vec<Attribute>) -> Vec<(Box<str>, Box<str>)> {
    attributes.into_iter().map(|attribute| (Box::from(&*attribute.name.local), Box::from(&*attribute.value))).collect()
}
