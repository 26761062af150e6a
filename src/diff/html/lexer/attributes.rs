//! The attributes of a tag, each as it stands in the page.

use super::{ends_name, find, is_space};

/// The attributes that follow a tag's name.
pub fn attributes(page: &str, name_end: usize) -> Attributes<'_> {
    Attributes { page, at: name_end.min(page.len()), end: End::Open }
}

/// The attributes of the tag that a text begins with.
pub fn attributes_of_tag(tag: &str) -> Attributes<'_> {
    let bytes = tag.as_bytes();
    let name_end = bytes.iter().skip(1).position(|c| ends_name(*c)).map_or(bytes.len(), |at| at + 1);
    attributes(tag, name_end)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    Double,
    Single,
    Bare,
    /// The attribute has no value: `checked`.
    None,
}

/// One attribute as it stands in the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    pub name: &'a str,
    pub value: &'a str,
    pub quote: Quote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Open,
    Closed,
    SelfClosed,
}

#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    page: &'a str,
    pub(super) at: usize,
    pub(super) end: End,
}

impl<'a> Attributes<'a> {
    fn peek(&self) -> Option<u8> {
        self.page.as_bytes().get(self.at).copied()
    }

    fn skip_while(&mut self, accept: impl Fn(u8) -> bool) -> usize {
        let rest = &self.page.as_bytes()[self.at..];
        self.at += rest.iter().position(|c| !accept(*c)).unwrap_or(rest.len());
        self.at
    }

    pub(super) fn step(&mut self) -> Option<RawAttribute<'a>> {
        if self.end != End::Open {
            return None;
        }
        loop {
            self.skip_while(is_space);
            match self.peek()? {
                b'>' => {
                    self.at += 1;
                    self.end = End::Closed;
                    return None;
                }
                b'/' if self.page.as_bytes().get(self.at + 1) == Some(&b'>') => {
                    self.at += 2;
                    self.end = End::SelfClosed;
                    return None;
                }
                b'/' => self.at += 1,
                _ => break,
            }
        }
        let start = self.at;
        self.at += 1; // A leading `=` belongs to the name.
        let name = self.skip_while(|c| !ends_name(c) && c != b'=');
        self.skip_while(is_space);
        let name = &self.page[start..name];
        if self.peek() != Some(b'=') {
            return Some(RawAttribute { name, value: "", quote: Quote::None });
        }
        self.at += 1;
        self.skip_while(is_space);
        let (value, quote) = self.value()?;
        Some(RawAttribute { name, value, quote })
    }

    /// `None` when the page ends inside a quoted value: the whole tag is dropped.
    fn value(&mut self) -> Option<(&'a str, Quote)> {
        let quote = match self.peek()? {
            b'"' => Quote::Double,
            b'\'' => Quote::Single,
            b'>' => return Some(("", Quote::Bare)),
            _ => {
                let start = self.at;
                let end = self.skip_while(|c| !is_space(c) && c != b'>');
                return Some((&self.page[start..end], Quote::Bare));
            }
        };
        let start = self.at + 1;
        let mark = if quote == Quote::Double { b'"' } else { b'\'' };
        let Some(length) = find([mark], &self.page.as_bytes()[start..]) else {
            self.at = self.page.len();
            return None;
        };
        self.at = start + length + 1;
        Some((&self.page[start..start + length], quote))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = RawAttribute<'a>;

    fn next(&mut self) -> Option<RawAttribute<'a>> {
        self.step()
    }
}
