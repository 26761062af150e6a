//! XML (feeds, sitemaps) read strictly into a [`Dom`]: what is not well-formed is an error, as it is to a feed reader. Where it can be
//! read on behind it, the [`Document`] has the fault beside its tree.
//!
//! Covered: elements, attributes, text, CDATA, comments, processing instructions, character references and the five named ones.
//! Elements and attributes are known by their namespaces, whichever prefix stands for them (Namespaces in XML 1.0).
//! Not covered: entities of a document's own (they stay as written, and are never expanded), validation.

use html5ever::{Namespace, ns};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::charref::{self, Place};
use super::dom::{Dialect, Dom, Form, NONE, NodeId, NodeKind, ROOT, declares_space};
use super::lexer::{self, Span};
use super::limits;

#[derive(Debug)]
pub(super) enum Fault {
    TooBig,
    /// Not well-formed: what, and at which byte.
    Malformed(String, usize),
}

/// What the XML declaration says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Declaration {
    pub written: String,
    pub version: String,
    /// In lower case; empty: none.
    pub encoding: String,
}

/// A document as it was read.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub dom: Dom<'a>,
    pub declaration: Option<Declaration>,
    /// The first place where it is not well-formed, of those that can be read on behind.
    pub fault: Option<Fault>,
}

/// Parses a document into a tree that costs no more than `budget` bytes.
pub(super) fn parse(page: &str, dialect: Dialect, budget: usize) -> Result<Document<'_>, Fault> {
    let mut reading = Reading {
        dom: Dom::new(page, dialect, std::iter::once(page), budget),
        open: vec![ROOT],
        bound: Vec::new(),
        fault: None,
        declaration: None,
        budget,
    };
    let mut reader = Reader::from_str(page);
    loop {
        let start = position(&reader);
        let event = reader.read_event().map_err(|error| Fault::Malformed(error.to_string(), position(&reader)))?;
        let place = span(start, position(&reader));
        if matches!(event, Event::Eof) {
            break;
        }
        reading.take(event, place)?;
    }
    reading.finish(page.len())
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn span(start: usize, end: usize) -> Span {
    let clip = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { start: clip(start), end: clip(end) }
}

struct Reading<'a> {
    dom: Dom<'a>,
    open: Vec<NodeId>,
    /// The namespaces that are declared where we are, the innermost last.
    bound: Vec<Bound>,
    fault: Option<Fault>,
    declaration: Option<Declaration>,
    /// What the tree may cost. Bytes.
    budget: usize,
}

/// A namespace, and what stands for it.
struct Bound {
    /// Empty: names without a prefix.
    prefix: String,
    space: Namespace,
    /// In the element that has so many around it.
    depth: usize,
}

impl<'a> Reading<'a> {
    fn top(&self) -> NodeId {
        self.open.last().copied().unwrap_or(ROOT)
    }

    fn take(&mut self, event: Event<'_>, place: Span) -> Result<(), Fault> {
        match event {
            Event::Start(tag) => {
                let element = self.element(&tag, place)?;
                self.open.push(element);
            }
            Event::Empty(tag) => {
                let element = self.element(&tag, place)?;
                self.dom.close(element, place.start);
                self.unbind();
            }
            Event::End(_) => {
                let element = self.open.pop().unwrap_or(ROOT);
                self.dom.close(element, place.start);
                self.unbind();
            }
            Event::Text(_) => {
                if place.of(self.dom.page).contains("]]>") {
                    self.note("`]]>` in a text", place);
                }
                let text = charref::line_ends(place.of(self.dom.page)).into_owned();
                self.text(&text, place)?;
            }
            Event::CData(text) => self.text(&charref::line_ends(&text), place)?,
            Event::GeneralRef(reference) => {
                if is_undeclared(&reference) && !self.may_declare() {
                    self.note(UNDECLARED, place);
                }
                self.text(&resolve(self.dom.dialect, &reference), place)?;
            }
            Event::Comment(text) => {
                if text.contains("--") || text.ends_with('-') {
                    self.note("`--` in a comment", place);
                }
                self.leaf(NodeKind::Comment, &text, place);
            }
            Event::PI(text) => self.leaf(NodeKind::Instruction, &text, place),
            // An empty line before it, as PHP prints one in front of `<?php`: no reader of feeds takes it.
            Event::Decl(_) if place.start > 0 => {
                let what = "the XML declaration is not at the start".to_owned();
                return Err(Fault::Malformed(what, place.start as usize));
            }
            Event::Decl(declaration) => {
                let text = |part: Option<String>| part.unwrap_or_default().to_ascii_lowercase();
                self.declaration = Some(Declaration {
                    written: place.of(self.dom.page).to_owned(),
                    version: text(declaration.version().ok().map(|version| version.to_string())),
                    encoding: text(declaration.encoding().and_then(Result::ok).map(|encoding| encoding.to_string())),
                });
            }
            Event::DocType(_) => self.dom.doctype = Some(Span { start: place.start + DOCTYPE, end: place.end - 1 }),
            Event::Eof => {}
        }
        let too_many = self.dom.cost() > self.budget
            || self.open.len() > limits::MAX_DEPTH as usize
            || self.bound.len() > limits::MAX_NAMESPACES;
        if too_many { Err(Fault::TooBig) } else { Ok(()) }
    }

    /// Whether a DTD, here or elsewhere, may declare entities.
    fn may_declare(&self) -> bool {
        let doctype = self.dom.doctype.map(|span| span.of(self.dom.page));
        doctype.is_some_and(|text| text.contains('[') || text.contains("SYSTEM") || text.contains("PUBLIC"))
    }

    fn element(&mut self, tag: &BytesStart<'_>, place: Span) -> Result<NodeId, Fault> {
        let at = place.start as usize;
        if self.open.len() == 1 && self.dom.children(ROOT).any(|child| self.dom.is_element(child)) {
            return Err(Fault::Malformed("a second root element".to_owned(), at));
        }
        if let Some(what) = fault_in(place.of(self.dom.page)).filter(|what| *what != UNDECLARED || !self.may_declare())
        {
            self.note(what, place);
        }
        for (count, attribute) in tag.attributes().enumerate() {
            attribute.map_err(|error| Fault::Malformed(error.to_string(), at))?;
            if count >= limits::MAX_ATTRIBUTES {
                return Err(Fault::TooBig);
            }
        }
        if self.dom.dialect == Dialect::Xml {
            self.bind(place);
        }
        let qualified = tag.name();
        let name = qualified.as_ref();
        let prefix = name.split_once(':').map_or("", |(prefix, _)| prefix);
        let space = self.bound.iter().rfind(|bound| bound.prefix == prefix).map_or(&NO_SPACE, |bound| &bound.space);
        let element = self.dom.add_named(name, space, place).map_err(|_| Fault::TooBig)?;
        self.dom.append(self.top(), element);
        Ok(element)
    }

    /// Takes up the namespaces that a tag declares.
    fn bind(&mut self, tag: Span) {
        let depth = self.open.len();
        for attribute in lexer::attributes_of_tag(tag.of(self.dom.page)).filter(|raw| declares_space(raw.name)) {
            let prefix = attribute.name.split_once(':').map_or("", |(_, prefix)| prefix);
            let space = Namespace::from(&*charref::decode(attribute.value, Place::Text));
            if !prefix.is_empty() {
                self.dom.bind(prefix, &space);
            }
            self.bound.push(Bound { prefix: prefix.to_owned(), space, depth });
        }
    }

    /// Forgets those of an element that has ended.
    fn unbind(&mut self) {
        let depth = self.open.len();
        while self.bound.last().is_some_and(|bound| bound.depth >= depth) {
            self.bound.pop();
        }
    }

    fn text(&mut self, text: &str, place: Span) -> Result<(), Fault> {
        let parent = self.top();
        if parent == ROOT {
            let blank = text.chars().all(char::is_whitespace);
            return if blank {
                Ok(())
            } else {
                Err(Fault::Malformed("text outside the root element".to_owned(), place.start as usize))
            };
        }
        let is_there = *charref::line_ends(place.of(self.dom.page)) == *text;
        let form = if is_there { Form::Plain } else { Form::Own };
        self.dom.insert_text(parent, text, NONE, (place, form));
        Ok(())
    }

    fn leaf(&mut self, kind: NodeKind, text: &str, place: Span) {
        let node = self.dom.add_remark(kind, text, place);
        self.dom.append(self.top(), node);
    }

    fn note(&mut self, what: &str, place: Span) {
        self.fault.get_or_insert_with(|| Fault::Malformed(what.to_owned(), place.start as usize));
    }

    fn finish(self, length: usize) -> Result<Document<'a>, Fault> {
        if self.open.len() > 1 {
            let name = self.dom.name(self.top()).unwrap_or_default();
            return Err(Fault::Malformed(format!("<{name}> is not closed"), length));
        }
        if !self.dom.children(ROOT).any(|child| self.dom.is_element(child)) {
            return Err(Fault::Malformed("no root element".to_owned(), length));
        }
        Ok(Document { dom: self.dom.finish(), declaration: self.declaration, fault: self.fault })
    }
}

/// A reference to an entity of a document without a DTD, which has none but five (XML 1.0, section 4.1).
const UNDECLARED: &str = "a reference to an entity that nothing declares";

fn is_undeclared(name: &str) -> bool {
    !name.starts_with('#') && !matches!(name, "amp" | "lt" | "gt" | "quot" | "apos")
}

/// What is not well-formed in a tag, where the reader of tags does not look (XML 1.0, section 3.1).
fn fault_in(tag: &str) -> Option<&'static str> {
    let mut rest = tag;
    while let Some(at) = rest.find(['"', '\'']) {
        let (quote, behind) = rest.split_at(at).1.split_at(1);
        let (value, after) = behind.split_once(quote)?;
        if value.contains('<') {
            return Some("`<` in the value of an attribute");
        }
        if value.split('&').skip(1).any(|after| !begins_with_reference(after)) {
            return Some("`&` in the value of an attribute that begins no reference");
        }
        if value.split('&').skip(1).any(|after| after.split_once(';').is_some_and(|(name, _)| is_undeclared(name))) {
            return Some(UNDECLARED);
        }
        if !after.starts_with(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')) {
            return Some("no blank between two attributes");
        }
        rest = after;
    }
    None
}

/// The rest of `&amp;` or `&#38;`, and what follows.
fn begins_with_reference(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | ':'))
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.'))
    };
    let is_number = |number: &str| match number.strip_prefix('x') {
        Some(hex) => !hex.is_empty() && hex.bytes().all(|c| c.is_ascii_hexdigit()),
        None => !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()),
    };
    let Some((reference, _)) = text.split_once(';') else { return false };
    reference.strip_prefix('#').map_or_else(|| is_name(reference), is_number)
}

/// How long `<!DOCTYPE` is. Bytes.
const DOCTYPE: u32 = 9;

/// No namespace.
static NO_SPACE: Namespace = ns!();

/// What a reference stands for; one that only the document itself could define stays as written, and is never the text that says so. Browsers know those of XHTML by its
/// doctype (HTML Standard, 14.2).
fn resolve(dialect: Dialect, reference: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    match &**reference {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        name => {
            let written = format!("&{name};");
            let known =
                if dialect == Dialect::Xhtml { charref::decode(&written, Place::Text) } else { (&*written).into() };
            if *known == written { format!("\u{fffc}{written}") } else { known.into_owned() }
        }
    }
}
