//! HTML read as a browser reads it: our [`Lexer`]'s tokens through html5ever's tree builder into a [`Dom`].
//!
//! The lexer is ours for two reasons: it copies nothing, and each node learns its place in the page. Scripting counts as off,
//! so that the content of `noscript` is compared as what it is.

mod sink;

use html5ever::interface::QuirksMode;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{self, Doctype, Tag, TagKind, TokenSink, TokenSinkResult};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use html5ever::{Attribute, LocalName, QualName, local_name, ns};

use super::charref::{self, Place};
use super::dom::{Dom, Form, HTML, LeftOut, NOWHERE, NodeId};
use super::grow::{self, Refusal, too_many_attributes};
use super::lexer::{Content, Kind, Lexer, Raw, RawAttribute, SelfClosing, Span, Token};
use super::limits;
use sink::{NO_MARK, Origin, Sink};

/// The page is deeper or has more nodes than is worth comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooBig;

/// Parses a page without the insides of some of its blocks, which are marked as left out.
pub(super) fn parse_without<'a>(page: &'a str, cuts: &[Cut], budget: usize) -> Result<Dom<'a>, TooBig> {
    match grow::grow(page, cuts, budget) {
        Ok(dom) => Ok(dom),
        Err(Refusal::TooBig) => Err(TooBig),
        Err(Refusal::Irregular) => finish(TreeBuilder::new(Sink::new(page, cuts, budget), options()), page, cuts),
    }
}

/// Parses a page, or the fragment that a page-less answer is, into a tree that costs no more than `budget` bytes.
pub(super) fn parse(page: &str, budget: usize) -> Result<Dom<'_>, TooBig> {
    let Some(name) = context(page) else { return parse_page(page, budget) };
    let sink = Sink::new(page, &[], budget);
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
    finish(TreeBuilder::new(Sink::new(page, &[], budget), options()), page, &[])
}

/// The same with html5ever's own tokenizer: what ours is held against.
#[cfg(test)]
pub(super) fn parse_by_html5ever(page: &str) -> Dom<'_> {
    use html5ever::tendril::TendrilSink;
    let tokenizer = html5ever::tokenizer::TokenizerOpts { discard_bom: false, ..Default::default() };
    let options = html5ever::ParseOpts { tree_builder: options(), tokenizer };
    let mut sink = Sink::new(page, &[], usize::MAX);
    sink.knows_tokens = false;
    html5ever::parse_document(sink, options).one(page)
}

/// How a page is laid out that begins with this doctype.
pub(super) fn layout_of(text: Option<&str>) -> QuirksMode {
    let Some(text) = text else { return QuirksMode::Quirks };
    if text.trim().eq_ignore_ascii_case("html") {
        return QuirksMode::NoQuirks;
    }
    let builder = TreeBuilder::new(Sink::new("", &[], usize::MAX), options());
    let _ = builder.process_token(tokenizer::DoctypeToken(doctype(text)), 1);
    builder.sink.quirks.get()
}

fn options() -> TreeBuilderOpts {
    TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() }
}

fn finish<'a>(builder: Builder<'a>, page: &str, cuts: &[Cut]) -> Result<Dom<'a>, TooBig> {
    feed(&builder, page, cuts)?;
    builder.end();
    let Sink { dom, owners, .. } = builder.sink;
    let mut dom = dom.into_inner();
    dom.set_owners(owners.into_inner());
    Ok(dom.finish())
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
        "tbody" | "thead" | "tfoot" | "caption" | "colgroup" | "col" => Some(local_name!("table")),
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

/// What is left of a page.
pub(super) fn parts<'a>(page: &'a str, cuts: &[Cut]) -> impl Iterator<Item = &'a str> {
    let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut.close));
    let ends = cuts.iter().map(|cut| cut.start as usize).chain(std::iter::once(page.len()));
    starts.zip(ends).filter_map(|(start, end)| page.get(start as usize..end))
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
