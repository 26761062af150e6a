//! HTML read as a browser reads it: our [`Lexer`]'s tokens through html5ever's tree builder into a [`Dom`].
//!
//! The lexer is ours for two reasons: it copies nothing, and each node learns its place in the page. Scripting counts as off,
//! so that the content of `noscript` is compared as what it is.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{self, Doctype, Tag, TagKind, TokenSink, TokenSinkResult};
use html5ever::tree_builder::{ElemName, TreeBuilder, TreeBuilderOpts};
use html5ever::{Attribute, LocalName, Namespace, QualName, local_name, ns};

use super::charref::{self, Place};
use super::dom::{Dialect, Dom, Elsewhere, Form, HTML, LeftOut, NONE, NOWHERE, NodeId, NodeKind, ROOT};
use super::grow::{self, Refusal, too_many_attributes};
use super::lexer::{Content, Kind, Lexer, Raw, RawAttribute, SelfClosing, Span, Token};
use super::limits;

/// The page is deeper or has more nodes than is worth comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooBig;

/// Parses a page without the insides of some of its blocks, which are marked as left out.
pub(super) fn parse_without<'a>(page: &'a str, cuts: &[Cut], budget: usize) -> Result<Dom<'a>, TooBig> {
    match grow::grow(page, cuts, budget) {
        Ok(dom) => Ok(dom),
        Err(Refusal::TooBig) => Err(TooBig),
        Err(Refusal::Irregular) => finish(TreeBuilder::new(Sink::new(page, budget), options()), page, cuts),
    }
}

/// Parses a page, or the fragment that a page-less answer is, into a tree that costs no more than `budget` bytes.
pub(super) fn parse(page: &str, budget: usize) -> Result<Dom<'_>, TooBig> {
    let Some(name) = context(page) else { return parse_page(page, budget) };
    let sink = Sink::new(page, budget);
    sink.dom.borrow_mut().is_fragment = true;
    let context = sink.dom.borrow_mut().add_named(&name, &HTML, NOWHERE).map_err(|_| TooBig)?;
    finish(TreeBuilder::new_for_fragment(sink, context, None, options()), page, &[])
}

/// Parses what is a page.
pub(super) fn parse_page(page: &str, budget: usize) -> Result<Dom<'_>, TooBig> {
    parse_without(page, &[], budget)
}

/// The same of a page that need not be regular.
#[cfg(test)]
pub(super) fn parse_by_tree_builder(page: &str, budget: usize) -> Result<Dom<'_>, TooBig> {
    finish(TreeBuilder::new(Sink::new(page, budget), options()), page, &[])
}

/// The same with html5ever's own tokenizer: what ours is held against.
#[cfg(test)]
pub(super) fn parse_by_html5ever(page: &str) -> Dom<'_> {
    use html5ever::tendril::TendrilSink;
    let tokenizer = html5ever::tokenizer::TokenizerOpts { discard_bom: false, ..Default::default() };
    let options = html5ever::ParseOpts { tree_builder: options(), tokenizer };
    let mut sink = Sink::new(page, usize::MAX);
    sink.knows_tokens = false;
    html5ever::parse_document(sink, options).one(page)
}

/// How a page is laid out that begins with this doctype.
pub(super) fn layout_of(text: Option<&str>) -> QuirksMode {
    let Some(text) = text else { return QuirksMode::Quirks };
    if text.trim().eq_ignore_ascii_case("html") {
        return QuirksMode::NoQuirks;
    }
    let builder = TreeBuilder::new(Sink::new("", usize::MAX), options());
    let _ = builder.process_token(tokenizer::DoctypeToken(doctype(text)), 1);
    builder.sink.quirks.get()
}

fn options() -> TreeBuilderOpts {
    TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() }
}

fn finish<'a>(builder: Builder<'a>, page: &str, cuts: &[Cut]) -> Result<Dom<'a>, TooBig> {
    feed(&builder, page, cuts)?;
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
        if let Some(raw) = process(builder, &lexer, &token, content) {
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
    builder.sink.tag.replace(local_name!(""));
    let _ = builder.process_token(tokenizer::EOFToken, 1);
    if builder.sink.too_big() { Err(TooBig) } else { Ok(()) }
}

/// Hands one token on; says which raw text begins after it.
fn process(builder: &Builder<'_>, lexer: &Lexer<'_>, token: &Token, content: Content) -> Option<Raw> {
    let page = lexer.page();
    let inner = token.inner.of(page);
    builder.sink.tag.replace(local_name!(""));
    let result = match token.kind {
        Kind::Text => {
            return process_text(builder, &charref::decode(inner, Place::Text), (token.inner, Form::References));
        }
        Kind::Rcdata => return process_text(builder, &charref::rcdata(inner), (token.inner, Form::Rcdata)),
        // NUL is U+FFFD in raw text, but in CDATA the tree builder decides.
        Kind::RawText if token.inner != token.span => {
            let text = inner.replace("\r\n", "\n").replace('\r', "\n");
            return process_text(builder, &text, (token.inner, Form::Plain));
        }
        Kind::RawText => return process_text(builder, &charref::line_ends(inner), (token.inner, Form::Plain)),
        Kind::Comment => {
            builder.sink.remark.set(token.inner);
            let text = charref::line_ends(inner);
            builder.process_token(tokenizer::CommentToken(StrTendril::from_slice(&text)), 1)
        }
        Kind::Doctype => {
            builder.sink.dom.borrow_mut().doctype.get_or_insert(token.inner);
            builder.process_token(tokenizer::DoctypeToken(doctype(inner)), 1)
        }
        Kind::Start | Kind::End => {
            builder.sink.overflown.set(builder.sink.overflown.get() || too_many_attributes(page, token));
            let tag = tag(builder, lexer, token, content);
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
fn process_text(builder: &Builder<'_>, text: &str, origin: (Span, Form)) -> Option<Raw> {
    builder.sink.text.set(Some(Origin { span: origin.0, form: origin.1, read: 0 }));
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

fn tag(builder: &Builder<'_>, lexer: &Lexer<'_>, token: &Token, content: Content) -> Tag {
    let name = LocalName::from(&*charref::lower_name(token.inner.of(lexer.page())));
    let mut tag = Tag {
        kind: if token.kind == Kind::Start { TagKind::StartTag } else { TagKind::EndTag },
        name,
        self_closing: token.self_closing == SelfClosing::Yes,
        attrs: Vec::new(),
        had_duplicate_attributes: false,
    };
    builder.sink.mark.set(NO_MARK);
    if tag.kind == TagKind::StartTag {
        builder.sink.tag.replace(tag.name.clone());
        tag.attrs = match (needs(&tag.name), content) {
            (Needs::Nothing, Content::Html) => Vec::new(),
            (Needs::Type, Content::Html) => {
                attributes(lexer.attributes(token).filter(|raw| raw.name.eq_ignore_ascii_case("type")))
            }
            (Needs::Mark, _) | (Needs::MarkInHtml, Content::Html) => builder.sink.marked(lexer, token),
            _ => attributes(lexer.attributes(token)),
        };
    }
    tag
}

/// What the tree builder looks at of an element's attributes. All others are read out of the page by who asks the tree for them.
enum Needs {
    Nothing,
    /// Fields may be hidden.
    Type,
    /// Whether two have the same: such elements are made anew, and three alike are enough.
    Mark,
    /// The same, but in a drawing all.
    MarkInHtml,
    All,
}

fn needs(name: &LocalName) -> Needs {
    match &**name {
        "b" | "big" | "code" | "em" | "i" | "nobr" | "s" | "small" | "strike" | "strong" | "tt" | "u" => Needs::Mark,
        "a" | "font" => Needs::MarkInHtml,
        "input" => Needs::Type,
        "html" | "body" | "image" | "template" | "svg" | "math" => Needs::All,
        _ => Needs::Nothing,
    }
}

fn attributes<'a>(raw: impl Iterator<Item = RawAttribute<'a>>) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = Vec::new();
    for raw in raw.take(limits::MAX_ATTRIBUTES) {
        let name = LocalName::from(&*charref::lower_name(raw.name));
        if attributes.iter().any(|present| present.name.local == name) {
            continue;
        }
        let value = StrTendril::from_slice(&charref::decode(raw.value, Place::Attribute));
        attributes.push(Attribute { name: QualName::new(None, ns!(), name), value });
    }
    attributes
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
    /// What the tree may cost. Bytes.
    budget: usize,
    /// The tokens come from our lexer, which says where they stand.
    knows_tokens: bool,
    /// Where the token stands that is being processed.
    place: Cell<Span>,
    /// The text that was handed on last: some waits until the tag behind it is known.
    text: Cell<Option<Origin>>,
    /// The comment that was handed on last.
    remark: Cell<Span>,
    /// The name of the start tag that is being processed. Empty: it is none.
    tag: RefCell<LocalName>,
    /// What stands for the attributes of the tag that is being processed.
    mark: Cell<u32>,
    /// The first tag that has such attributes, by their hash.
    marks: RefCell<HashMap<u64, u32>>,
    quirks: Cell<QuirksMode>,
    /// Elements whose end tag is still to come, as written: the tree builder tells neither of end tags nor of all that it closes.
    open: RefCell<Vec<NodeId>>,
    /// A tag has more attributes than is worth comparing, or the page has more names.
    overflown: Cell<bool>,
    /// Open elements that tags may have been held against.
    looked_at: Cell<usize>,
}

/// A text of the page, and how much of it has been put into the tree.
#[derive(Debug, Clone, Copy)]
struct Origin {
    span: Span,
    form: Form,
    read: u32,
}

const NO_MARK: u32 = u32::MAX;

/// The attribute that stands for all others. No page can name one so.
const MARK: &str = "attributes of the tag at";

impl<'a> Sink<'a> {
    fn new(page: &'a str, budget: usize) -> Self {
        Self {
            dom: RefCell::new(Dom::new(page, Dialect::Html)),
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
        }
    }

    fn too_big(&self) -> bool {
        let dom = self.dom.borrow();
        dom.cost() > self.budget
            || dom.deepest > limits::MAX_DEPTH
            || self.overflown.get()
            || self.looked_at.get() > limits::MAX_LOOKS
    }

    /// One attribute for all of a tag: equal for tags of equal attributes.
    fn marked(&self, lexer: &Lexer<'_>, token: &Token) -> Vec<Attribute> {
        let mut hashes: Vec<u64> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for raw in lexer.attributes(token).take(limits::MAX_ATTRIBUTES) {
            if names.iter().any(|known| known.eq_ignore_ascii_case(raw.name)) {
                continue;
            }
            names.push(raw.name);
            let hash = |text: &str| xxhash_rust::xxh3::xxh3_64(text.as_bytes());
            let value = charref::decode(raw.value, Place::Attribute);
            hashes.push(super::view::mix(hash(&charref::lower_name(raw.name)), hash(&value)));
        }
        if hashes.is_empty() {
            return Vec::new();
        }
        hashes.sort_unstable();
        let all = hashes.into_iter().fold(0, super::view::mix);
        let at = *self.marks.borrow_mut().entry(all).or_insert(token.span.start);
        self.mark.set(at);
        let name = QualName::new(None, ns!(), LocalName::from(MARK));
        vec![Attribute { name, value: StrTendril::from_slice(&at.to_string()) }]
    }

    /// The tag whose attributes such an attribute stands for.
    fn mark_of(attributes: &[Attribute]) -> u32 {
        let mark = attributes.first().filter(|first| &*first.name.local == MARK);
        mark.and_then(|mark| mark.value.parse().ok()).unwrap_or(NO_MARK)
    }

    /// Where a text stands in the page that came out of the tree builder, and how it is read there.
    fn origin(&self, text: &str) -> (Span, Form) {
        let nowhere = (self.place.get(), Form::Own);
        let Some(origin) = self.text.get().filter(|_| self.knows_tokens) else { return nowhere };
        let page = self.dom.borrow().page;
        let whole = origin.span.of(page);
        if charref::is_plain(whole) {
            // Blanks at its start, or a newline, may have been dropped.
            let rest = whole.get(origin.read as usize..).unwrap_or_default();
            let blanks = rest.len() - rest.trim_start_matches(super::view::is_blank).len();
            let at = [0, 1, blanks].into_iter().find(|at| rest.get(*at..).is_some_and(|rest| rest.starts_with(text)));
            let Some(at) = at else { return (origin.span, Form::Own) };
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
    fn leave_out(&self, cut: &Cut) -> Result<(), TooBig> {
        let mut dom = self.dom.borrow_mut();
        let made = u32::try_from(dom.nodes.len() - 1).map_err(|_| TooBig)?;
        if dom.node(made).source.start != cut.start {
            return Err(TooBig);
        }
        dom.leave_out(made, cut.mark);
        Ok(())
    }

    /// A tag comes: the tree builder may hold it against all that is open.
    fn look(&self) {
        let dom = self.dom.borrow();
        let last = u32::try_from(dom.nodes.len() - 1).unwrap_or(ROOT);
        let depth = dom.depth(last);
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
            dom.close(open[at], place.start);
            open.truncate(at);
        }
    }

    fn put(&self, parent: NodeId, child: NodeOrText<NodeId>, before: NodeId) {
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
struct Name<'a>(Ref<'a, (LocalName, Namespace)>);

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

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> NodeId {
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
