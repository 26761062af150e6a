//! HTML read as a browser reads it: our [`Lexer`]'s tokens through html5ever's tree builder into a [`Dom`].
//!
//! The lexer is ours for two reasons: it copies nothing, and each node learns its place in the page. Scripting counts as off,
//! so that the content of `noscript` is compared as what it is.

use std::cell::{Cell, Ref, RefCell};

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{self, Doctype, Tag, TagKind, TokenSink, TokenSinkResult};
use html5ever::tree_builder::{ElemName, TreeBuilder, TreeBuilderOpts};
use html5ever::{Attribute, LocalName, Namespace, QualName, local_name, ns};

use super::charref::{self, Place};
use super::dom::{Dialect, Dom, LeftOut, NOWHERE, NodeId, NodeKind, ROOT};
use super::lexer::{Content, Kind, Lexer, Raw, SelfClosing, Span, Token};
use super::limits;

/// The page is deeper or has more nodes than is worth comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooBig;

/// Parses a page without the insides of some of its blocks, which are marked as left out.
pub(super) fn parse_without<'a>(page: &'a str, cuts: &[Cut]) -> Result<Dom<'a>, TooBig> {
    let builder = TreeBuilder::new(Sink::new(page), options());
    feed(&builder, page, cuts)?;
    builder.end();
    Ok(builder.sink.dom.into_inner())
}

/// Parses a page, or the fragment that a page-less answer is.
pub(super) fn parse(page: &str) -> Result<Dom<'_>, TooBig> {
    let Some(name) = context(page) else { return parse_page(page) };
    let sink = Sink::new(page);
    sink.dom.borrow_mut().is_fragment = true;
    let element = NodeKind::Element { name: QualName::new(None, ns!(html), name), attributes: Vec::new() };
    let context = sink.dom.borrow_mut().add(element, NOWHERE);
    finish(TreeBuilder::new_for_fragment(sink, context, None, options()), page)
}

/// Parses what is a page.
pub(super) fn parse_page(page: &str) -> Result<Dom<'_>, TooBig> {
    finish(TreeBuilder::new(Sink::new(page), options()), page)
}

/// The same with html5ever's own tokenizer: what ours is held against.
#[cfg(test)]
pub(super) fn parse_by_html5ever(page: &str) -> Dom<'_> {
    use html5ever::tendril::TendrilSink;
    let tokenizer = html5ever::tokenizer::TokenizerOpts { discard_bom: false, ..Default::default() };
    let options = html5ever::ParseOpts { tree_builder: options(), tokenizer };
    html5ever::parse_document(Sink::new(page), options).one(page)
}

fn options() -> TreeBuilderOpts {
    TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() }
}

fn finish<'a>(builder: Builder<'a>, page: &str) -> Result<Dom<'a>, TooBig> {
    feed(&builder, page, &[])?;
    builder.end();
    Ok(builder.sink.dom.into_inner())
}

/// Rows, cells and options outside their table or list are dropped by a browser that reads them as a page; a script that
/// fetched them puts them into the right parent. So are they read here.
fn context(page: &str) -> Option<LocalName> {
    let mut lexer = Lexer::from(page, 0);
    loop {
        let token = lexer.next(Content::Html)?;
        let blank = token.kind == Kind::Comment || token.span.of(page).trim().is_empty();
        match token.kind {
            Kind::Start => break context_of(token.inner.of(page)),
            _ if blank => {}
            _ => break None,
        }
    }
}

fn context_of(first_tag: &str) -> Option<LocalName> {
    match first_tag.to_ascii_lowercase().as_str() {
        "tr" => Some(local_name!("tbody")),
        "td" | "th" => Some(local_name!("tr")),
        "tbody" | "thead" | "tfoot" | "caption" | "colgroup" => Some(local_name!("table")),
        "col" => Some(local_name!("colgroup")),
        _ => None,
    }
}

type Builder<'a> = TreeBuilder<NodeId, Sink<'a>>;

/// A block whose inside is left out: where its start tag begins, where its end tag does, and what it is marked with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub start: u32,
    pub close: u32,
    pub mark: LeftOut,
}

fn feed(builder: &Builder<'_>, page: &str, cuts: &[Cut]) -> Result<(), TooBig> {
    let mut lexer = Lexer::from(page, 0);
    let mut cuts = cuts.iter().peekable();
    loop {
        let foreign = builder.adjusted_current_node_present_but_not_in_html_namespace();
        let content = if foreign { Content::Foreign } else { Content::Html };
        let Some(token) = lexer.next(content) else { break };
        builder.sink.place.set(token.span);
        if let Some(raw) = process(builder, &lexer, &token) {
            lexer.begin_raw(raw, &token);
        }
        if let Some(cut) = cuts.next_if(|cut| cut.start == token.span.start) {
            builder.sink.leave_out(cut)?;
            lexer.skip_to(cut.close);
        }
        if builder.sink.too_big() {
            return Err(TooBig);
        }
    }
    builder.sink.place.set(NOWHERE);
    let _ = builder.process_token(tokenizer::EOFToken, 1);
    if builder.sink.too_big() { Err(TooBig) } else { Ok(()) }
}

/// Hands one token on; says which raw text begins after it.
fn process(builder: &Builder<'_>, lexer: &Lexer<'_>, token: &Token) -> Option<Raw> {
    let page = lexer.page();
    let result = match token.kind {
        Kind::Text => return process_text(builder, &charref::decode(token.inner.of(page), Place::Text)),
        Kind::Rcdata => {
            let text = charref::decode(token.inner.of(page), Place::Text);
            return process_text(builder, &text.replace('\0', "\u{fffd}"));
        }
        // NUL is U+FFFD in raw text, but in CDATA the tree builder decides.
        Kind::RawText if token.inner != token.span => {
            return process_text(builder, &token.inner.of(page).replace("\r\n", "\n").replace('\r', "\n"));
        }
        Kind::RawText => return process_text(builder, &charref::line_ends(token.inner.of(page))),
        Kind::Comment => {
            let text = charref::line_ends(token.inner.of(page));
            builder.process_token(tokenizer::CommentToken(StrTendril::from_slice(&text)), 1)
        }
        Kind::Doctype => {
            builder.sink.dom.borrow_mut().doctype.get_or_insert(token.inner);
            builder.process_token(tokenizer::DoctypeToken(doctype(token.inner.of(page))), 1)
        }
        Kind::Start | Kind::End => {
            let tag = tag(lexer, token);
            builder.sink.overflown.set(builder.sink.overflown.get() || tag.attrs.len() > limits::MAX_ATTRIBUTES);
            builder.sink.look();
            if tag.kind == TagKind::EndTag {
                builder.sink.end(&tag.name, token.span);
            }
            builder.process_token(tokenizer::TagToken(tag), 1)
        }
    };
    match result {
        TokenSinkResult::Plaintext => Some(Raw::Plaintext),
        TokenSinkResult::RawData(RawKind::Rcdata) => Some(Raw::Rcdata),
        TokenSinkResult::RawData(RawKind::Rawtext) => Some(Raw::Rawtext),
        TokenSinkResult::RawData(_) => Some(Raw::Script),
        _ => None,
    }
}

/// Text goes on in pieces, because each NUL is a token of its own.
fn process_text(builder: &Builder<'_>, text: &str) -> Option<Raw> {
    for (at, piece) in text.split('\0').enumerate() {
        if at > 0 {
            let _ = builder.process_token(tokenizer::NullCharacterToken, 1);
        }
        if !piece.is_empty() {
            let _ = builder.process_token(tokenizer::CharacterTokens(StrTendril::from_slice(piece)), 1);
        }
    }
    None
}

fn tag(lexer: &Lexer<'_>, token: &Token) -> Tag {
    let kind = if token.kind == Kind::Start { TagKind::StartTag } else { TagKind::EndTag };
    let mut attrs: Vec<Attribute> = Vec::new();
    let mut had_duplicate_attributes = false;
    for raw in lexer.attributes(token) {
        let name = lower_name(raw.name);
        if attrs.iter().any(|present| present.name.local == name) {
            had_duplicate_attributes = true;
            continue;
        }
        if attrs.len() > limits::MAX_ATTRIBUTES {
            break;
        }
        let value = StrTendril::from_slice(&charref::decode(raw.value, Place::Attribute));
        attrs.push(Attribute { name: QualName::new(None, ns!(), name), value });
    }
    Tag {
        kind,
        name: lower_name(token.inner.of(lexer.page())),
        self_closing: token.self_closing == SelfClosing::Yes,
        attrs,
        had_duplicate_attributes,
    }
}

fn lower_name(name: &str) -> LocalName {
    if name.bytes().any(|c| c.is_ascii_uppercase() || c == 0) {
        return LocalName::from(name.to_ascii_lowercase().replace('\0', "\u{fffd}"));
    }
    LocalName::from(name)
}

/// What follows `<!doctype`: a name and up to two quoted identifiers.
fn doctype(text: &str) -> Doctype {
    let trimmed = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let name_end = trimmed.find(|c: char| c.is_ascii_whitespace()).unwrap_or(trimmed.len());
    let (name, rest) = trimmed.split_at(name_end);
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let keyword = rest.get(..6).unwrap_or_default();
    let ids: Vec<StrTendril> = quoted(rest.get(6..).unwrap_or_default()).map(StrTendril::from_slice).collect();
    let (public_id, system_id) = match keyword.to_ascii_lowercase().as_str() {
        "public" => (ids.first().cloned(), ids.get(1).cloned()),
        "system" => (None, ids.first().cloned()),
        _ => (None, None),
    };
    let force_quirks = name.is_empty() || (!rest.is_empty() && public_id.is_none() && system_id.is_none());
    let name = (!name.is_empty()).then(|| StrTendril::from_slice(&name.to_ascii_lowercase()));
    Doctype { name, public_id, system_id, force_quirks }
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(['"', '\''])?;
        let quote = char::from(rest.as_bytes()[start]);
        let inner = &rest[start + 1..];
        let end = inner.find(quote)?;
        rest = &inner[end + 1..];
        Some(&inner[..end])
    })
}

struct Sink<'a> {
    dom: RefCell<Dom<'a>>,
    /// Where the token stands that is being processed.
    place: Cell<Span>,
    /// Elements whose end tag is still to come, as written: the tree builder tells neither of end tags nor of all that it closes.
    open: RefCell<Vec<NodeId>>,
    /// A tag has more attributes than is worth comparing.
    overflown: Cell<bool>,
    /// Open elements that tags may have been held against.
    looked_at: Cell<usize>,
    /// All attributes of the page.
    attributes: Cell<usize>,
}

impl<'a> Sink<'a> {
    fn new(page: &'a str) -> Self {
        Self {
            dom: RefCell::new(Dom::new(page, Dialect::Html)),
            place: Cell::new(NOWHERE),
            open: RefCell::default(),
            overflown: Cell::new(false),
            looked_at: Cell::new(0),
            attributes: Cell::new(0),
        }
    }

    fn too_big(&self) -> bool {
        let dom = self.dom.borrow();
        dom.nodes.len() + self.attributes.get() > limits::MAX_NODES
            || dom.deepest > limits::MAX_DEPTH
            || self.overflown.get()
            || self.looked_at.get() > limits::MAX_LOOKS
    }

    /// The element that has just been made is left empty.
    fn leave_out(&self, cut: &Cut) -> Result<(), TooBig> {
        let mut dom = self.dom.borrow_mut();
        let made = dom.nodes.last_mut().filter(|node| node.source.start == cut.start).ok_or(TooBig)?;
        made.left_out = Some(cut.mark);
        Ok(())
    }

    /// A tag comes: the tree builder may hold it against all that is open.
    fn look(&self) {
        let dom = self.dom.borrow();
        let depth = dom.nodes.last().map_or(0, |node| node.depth as usize);
        self.looked_at.set(self.looked_at.get() + depth);
    }

    /// An end tag ends the last open element of its name, and all that stand open in it.
    fn end(&self, name: &str, place: Span) {
        let mut dom = self.dom.borrow_mut();
        let mut open = self.open.borrow_mut();
        let within_reach = open.len().saturating_sub(limits::MAX_DEPTH as usize);
        let found = open[within_reach..]
            .iter()
            .rposition(|node| dom.name(*node).is_some_and(|own| own.eq_ignore_ascii_case(name)));
        if let Some(at) = found.map(|at| within_reach + at) {
            dom.nodes[open[at] as usize].end = place;
            open.truncate(at);
        }
    }

    fn put(&self, parent: NodeId, child: NodeOrText<NodeId>, before: NodeId) {
        let mut dom = self.dom.borrow_mut();
        match child {
            NodeOrText::AppendNode(node) => dom.insert(parent, node, before),
            NodeOrText::AppendText(text) => dom.insert_text(parent, text, before, self.place.get()),
        }
    }
}

/// An element's name, lent out of the arena.
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

/// What the tree builder is told if it asks for the name of something that is no element. It never does.
static NO_NAME: QualName = QualName { prefix: None, ns: ns!(), local: local_name!("") };

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
        Name(Ref::map(self.dom.borrow(), |dom| match &dom.node(*target).kind {
            NodeKind::Element { name, .. } => name,
            _ => &NO_NAME,
        }))
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> NodeId {
        let mut dom = self.dom.borrow_mut();
        self.attributes.set(self.attributes.get() + attributes.len());
        let place = self.place.get();
        let page = dom.page;
        // A token makes at most one element of its own name; all others are implied.
        let written = place.of(page).get(1..1 + name.local.len()).unwrap_or_default();
        let is_written = written.eq_ignore_ascii_case(&name.local);
        let node = dom.add(NodeKind::Element { name, attributes }, if is_written { place } else { NOWHERE });
        if is_written {
            self.open.borrow_mut().push(node);
        }
        node
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.dom.borrow_mut().add(NodeKind::Comment(text), self.place.get())
    }

    fn create_pi(&self, target: StrTendril, content: StrTendril) -> NodeId {
        let mut text = target;
        text.push_slice(" ");
        text.push_tendril(&content);
        self.dom.borrow_mut().add(NodeKind::Instruction(text), self.place.get())
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.put(*parent, child, super::dom::NONE);
    }

    fn append_based_on_parent_node(&self, element: &NodeId, previous: &NodeId, child: NodeOrText<NodeId>) {
        let parent = self.dom.borrow().node(*element).parent;
        if parent == super::dom::NONE {
            self.put(*previous, child, super::dom::NONE);
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

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.dom.borrow_mut().set_quirks(mode);
    }

    fn append_before_sibling(&self, sibling: &NodeId, child: NodeOrText<NodeId>) {
        let parent = self.dom.borrow().node(*sibling).parent;
        if parent != super::dom::NONE {
            self.put(parent, child, *sibling);
        }
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        let mut dom = self.dom.borrow_mut();
        let NodeKind::Element { attributes: present, .. } = &mut dom.nodes[*target as usize].kind else { return };
        for attribute in attributes {
            if !present.iter().any(|known| known.name == attribute.name) {
                present.push(attribute);
            }
        }
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.dom.borrow_mut().detach(*target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        let mut dom = self.dom.borrow_mut();
        while let Some(child) = Some(dom.node(*node).first).filter(|id| *id != super::dom::NONE) {
            dom.append(*new_parent, child);
        }
    }
}
