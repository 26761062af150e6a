//! The attributes of an element, read out of its start tag each time they are asked for.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{Dialect, Dom, Form, NodeId, NodeKind};
use crate::diff::html::charref::{self, Place};
use crate::diff::html::lexer::{self, RawAttribute};

/// The attributes of an element that are not those of a tag of its own.
#[derive(Debug)]
pub(in crate::diff::html) enum Elsewhere {
    /// Those of the tag that begins here: the element was made anew of another one.
    Tag(u32),
    /// Put together out of several tags, or called otherwise in the tree.
    List(Vec<(Box<str>, Box<str>)>),
}

/// Name and value, as they count.
pub(in crate::diff::html) type Attribute<'d> = (Cow<'d, str>, Cow<'d, str>);

impl<'a> Dom<'a> {
    /// The element has other attributes than those of its tag.
    pub fn take_attributes(&mut self, id: NodeId, from: Elsewhere) {
        self.node_mut(id).form = Form::Own;
        self.own_bytes += match &from {
            Elsewhere::Tag(_) => 0,
            Elsewhere::List(list) => list.iter().map(|(name, value)| name.len() + value.len() + KEPT).sum(),
        };
        self.elsewhere.insert(id, from);
    }

    /// Gives an element those attributes that it has not yet.
    pub fn add_attributes(&mut self, id: NodeId, more: Vec<(Box<str>, Box<str>)>) {
        let own = |(name, value): Attribute<'_>| (name.into(), value.into());
        let mut list: Vec<(Box<str>, Box<str>)> = self.attributes(id).into_iter().map(own).collect();
        for (name, value) in more {
            if !list.iter().any(|known| known.0 == name) {
                list.push((name, value));
            }
        }
        self.take_attributes(id, Elsewhere::List(list));
    }

    /// The start tag whose attributes the element has.
    fn tag(&self, id: NodeId) -> &'a str {
        let node = self.node(id);
        let elsewhere = (node.form == Form::Own).then(|| self.elsewhere.get(&id)).flatten();
        match elsewhere {
            Some(Elsewhere::Tag(start)) => self.page.get(*start as usize..).unwrap_or_default(),
            _ => node.source.of(self.page),
        }
    }

    fn list(&self, id: NodeId) -> Option<&[(Box<str>, Box<str>)]> {
        let elsewhere = (self.node(id).form == Form::Own).then(|| self.elsewhere.get(&id)).flatten();
        match elsewhere {
            Some(Elsewhere::List(list)) => Some(list),
            _ => None,
        }
    }

    /// The attributes, each name once.
    pub fn attributes(&self, id: NodeId) -> SmallVec<[Attribute<'_>; 8]> {
        if self.node(id).kind != NodeKind::Element {
            return SmallVec::new();
        }
        if let Some(list) = self.list(id) {
            return list.iter().map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value))).collect();
        }
        if self.is_bare(id) {
            return SmallVec::new();
        }
        let mut names: SmallVec<[&str; 8]> = SmallVec::new();
        let mut read: SmallVec<[Attribute<'_>; 8]> = SmallVec::new();
        // Which prefix stands for a namespace is nobody's business: names are compared by their namespaces.
        let counts = |attribute: &RawAttribute<'a>| self.dialect != Dialect::Xml || !declares_space(attribute.name);
        let mut raw = lexer::attributes_of_tag(self.tag(id)).filter(counts);
        for attribute in raw.by_ref().take(FEW) {
            if !names.iter().any(|name| self.is_named(&attribute, name)) {
                names.push(attribute.name);
                read.push((self.attribute_name(attribute.name), self.value(&attribute)));
            }
        }
        let rest: Vec<RawAttribute<'a>> = raw.collect();
        if !rest.is_empty() {
            read.extend(rest.iter().map(|attribute| (self.attribute_name(attribute.name), self.value(attribute))));
            let mut is_first = firsts(&read).into_iter();
            read.retain(|_| is_first.next().unwrap_or(true));
        }
        read
    }

    /// Surely no attributes at all: nothing stands behind the name of the tag.
    pub fn is_bare(&self, id: NodeId) -> bool {
        let node = self.node(id);
        let tag = node.source.of(self.page).as_bytes();
        node.form != Form::Own && tag.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'<' | b'>'))
    }

    pub fn attribute(&self, id: NodeId, wanted: &str) -> Option<Cow<'_, str>> {
        if self.node(id).kind != NodeKind::Element {
            return None;
        }
        if let Some(list) = self.list(id) {
            return list.iter().find(|(name, _)| **name == *wanted).map(|(_, value)| Cow::Borrowed(&**value));
        }
        let mut raw = lexer::attributes_of_tag(self.tag(id));
        raw.find(|attribute| self.is_named(attribute, wanted)).map(|attribute| self.value(&attribute))
    }

    /// `false`: surely no attribute `style`. Most elements have none, and need not be read to know it.
    pub fn may_have_style(&self, id: NodeId) -> bool {
        self.may_have(id, *b"yl")
    }

    /// The element's `id`.
    pub fn id(&self, id: NodeId) -> Option<Cow<'_, str>> {
        (self.is_element(id) && self.may_have(id, *b"id")).then(|| self.attribute(id, "id")).flatten()
    }

    /// `false`: surely no attribute with these two letters side by side in its name. They are small ones.
    fn may_have(&self, id: NodeId, letters: [u8; 2]) -> bool {
        let node = self.node(id);
        let tag = node.source.of(self.page).as_bytes();
        let [first, second] = letters;
        let goes_on = |at: usize| tag.get(at + 1).is_some_and(|c| c.eq_ignore_ascii_case(&second));
        node.form == Form::Own || memchr::memchr2_iter(first, first.to_ascii_uppercase(), tag).any(goes_on)
    }

    fn is_named(&self, attribute: &RawAttribute<'_>, wanted: &str) -> bool {
        match self.dialect {
            Dialect::Html if attribute.name.len() != wanted.len() => {
                // A NUL is a longer character in the tree.
                attribute.name.contains('\0') && charref::lower_name(attribute.name) == wanted
            }
            Dialect::Html => attribute.name.eq_ignore_ascii_case(wanted),
            Dialect::Xhtml | Dialect::Xml => attribute.name == wanted,
        }
    }

    /// The name as it counts; of one with a prefix of XML, `{namespace}name`.
    fn attribute_name(&self, name: &'a str) -> Cow<'a, str> {
        let space = |prefix: &str| self.prefixes.get(prefix).and_then(Option::as_ref);
        match self.dialect {
            Dialect::Html => charref::lower_name(name),
            Dialect::Xhtml => Cow::Borrowed(name),
            Dialect::Xml => match name.split_once(':').and_then(|(prefix, local)| Some((space(prefix)?, local))) {
                Some((space, local)) => Cow::Owned(format!("{{{space}}}{local}")),
                None => Cow::Borrowed(name),
            },
        }
    }

    fn value(&self, attribute: &RawAttribute<'a>) -> Cow<'a, str> {
        if self.dialect == Dialect::Html {
            return charref::decode(attribute.value, Place::Attribute);
        }
        // A line end or tab that is written as itself is a space (XML 1.0, section 3.3.3).
        match attribute.value.contains(['\n', '\r', '\t']) {
            true => {
                let spaced = attribute.value.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ");
                Cow::Owned(charref::decode(&spaced, Place::Text).into_owned())
            }
            false => charref::decode(attribute.value, Place::Text),
        }
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
}

/// `xmlns` or `xmlns:prefix`
pub(in crate::diff::html) fn declares_space(name: &str) -> bool {
    name.strip_prefix("xmlns").is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Which of many attributes are the first of their name.
fn firsts(list: &[Attribute<'_>]) -> Vec<bool> {
    let hashed = (0..).zip(list).map(|(at, (name, _))| (xxhash_rust::xxh3::xxh3_64(name.as_bytes()), at));
    let mut by_name: Vec<(u64, u32)> = hashed.collect();
    by_name.sort_unstable();
    let name = |at: u32| list.get(at as usize).map(|attribute| &attribute.0);
    let mut is_first = vec![true; list.len()];
    for pair in by_name.windows(2) {
        if pair[0].0 == pair[1].0
            && name(pair[0].1) == name(pair[1].1)
            && let Some(second) = is_first.get_mut(pair[1].1 as usize)
        {
            *second = false;
        }
    }
    is_first
}

/// Of so few attributes, each is held against all others.
const FEW: usize = 12;

/// An attribute that is kept takes as much beside its letters. Bytes.
const KEPT: usize = 32;
