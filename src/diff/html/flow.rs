//! Where white space shows: the rules of CSS for inline text, applied by element name.
//!
//! A run of blanks inside a line shows as one space; at the start and end of a line it does not show. A space stands before the
//! next thing that shows, in whichever element that is: `a <b>b</b>` and `a<b> b</b>` look alike, `a<b>b</b>` does not.

use super::charref::{self, Place};
use super::dom::{Dialect, Dom, NodeId};
use super::elements::{Name, Traits};
use super::view::is_blank;

/// How an element takes part in the line it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Begins and ends a line.
    Block,
    /// Part of the line.
    Inline,
    /// One thing in the line, with lines of its own inside: a button, an image.
    Atomic,
    /// Does not show: no part of the line.
    Hidden,
    /// Blanks count as they stand: `pre`; text in XML.
    Exact,
    /// One thing in the line, in which blanks count as they stand: `textarea`.
    Field,
    /// Does not show, and its text counts but for blanks around it: `script`, `style`.
    Trimmed,
}

impl Role {
    /// Inside `pre`, all text counts as it stands.
    pub fn within(self, outer: Self) -> Self {
        match (outer, self) {
            (Self::Exact, Self::Block | Self::Inline) => Self::Exact,
            _ => self,
        }
    }
}

/// Whether a space stands before an atomic thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    Nothing,
    Space,
}

pub(super) fn role(dom: &Dom<'_>, node: NodeId) -> Role {
    let Some(name) = dom.name(node) else { return Role::Block };
    // Names of XML are others in other letters.
    let role = if dom.dialect == Dialect::Html { Name::of(name).role } else { name_role(name) };
    match role {
        Role::Atomic
            if name == "input"
                && dom.attribute(node, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("hidden")) =>
        {
            Role::Hidden
        }
        Role::Block | Role::Inline
            if dom.may_have_style(node) && keeps_blanks(dom.attribute(node, "style").as_deref()) =>
        {
            Role::Exact
        }
        role => role,
    }
}

/// Can an element that is part of a line show without anything in it? An icon does, by its style.
pub(super) fn may_be_icon(name: &Name<'_>) -> bool {
    name.role == Role::Inline && !name.is(Traits::VOID)
}

/// Is it styled, so that a box of its own may show?
pub(super) fn is_styled_icon<'n>(name: &str, mut attributes: impl Iterator<Item = (&'n str, &'n str)>) -> bool {
    let is_style = |name: &str| name.eq_ignore_ascii_case("class") || name.eq_ignore_ascii_case("style");
    name.contains('-') || attributes.any(|(name, value)| is_style(name) && !value.is_empty())
}

pub(super) fn keeps_blanks(style: Option<&str>) -> bool {
    style.is_some_and(|style| {
        let Some(at) = style.find("white-space") else { return false };
        let value = style[at + "white-space".len()..].trim_start_matches([' ', ':']);
        value.starts_with("pre") || value.starts_with("break-spaces")
    })
}

pub(super) fn name_role(name: &str) -> Role {
    match name {
        "a" | "abbr" | "acronym" | "b" | "bdi" | "bdo" | "big" | "cite" | "code" | "data" | "del" | "dfn" | "em"
        | "font" | "i" | "ins" | "kbd" | "label" | "mark" | "nobr" | "q" | "rp" | "rt" | "ruby" | "s" | "samp"
        | "slot" | "small" | "span" | "strike" | "strong" | "sub" | "sup" | "time" | "tt" | "u" | "var" | "wbr"
        | "map" | "output" | "noscript" | "tspan" => Role::Inline,
        "img" | "input" | "button" | "select" | "video" | "audio" | "canvas" | "iframe" | "object" | "embed"
        | "svg" | "math" | "meter" | "progress" | "picture" | "image" | "keygen" => Role::Atomic,
        "area" | "base" | "basefont" | "datalist" | "link" | "meta" | "noembed" | "noframes" | "param" | "source"
        | "template" | "track" | "head" => Role::Hidden,
        "script" | "style" => Role::Trimmed,
        "pre" | "listing" | "xmp" | "plaintext" => Role::Exact,
        "textarea" => Role::Field,
        // Elements of the page's own making are inline unless a style sheet says otherwise.
        custom if custom.contains('-') => Role::Inline,
        _ => Role::Block,
    }
}

/// Blank or no-break space: where one shows, the other shows alike. Which of the two it is, [`solid`] tells.
pub(super) fn is_gap(c: char) -> bool {
    c == NBSP || is_blank(c)
}

pub(super) const NBSP: char = '\u{a0}';

/// Has a text a no-break space? Asked of every text of a page: most have none of the bytes that it begins with.
pub(super) fn has_nbsp(text: &str) -> bool {
    let text = text.as_bytes();
    memchr::memchr_iter(0xc2, text).any(|at| text.get(at + 1) == Some(&0xa0))
}

/// A text by its no-break spaces, other blanks squeezed: equal for texts that differ in ordinary blanks alone. Empty: it has none.
pub(super) fn solid(text: &str) -> String {
    if !has_nbsp(text) {
        return String::new();
    }
    text.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The state of the line that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flow {
    line: Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Nothing in it yet.
    Start,
    /// Something in it.
    Open,
    /// Something in it, and blanks after that.
    Spaced,
}

impl Flow {
    pub fn new() -> Self {
        Self { line: Line::Start }
    }

    /// An element begins.
    pub fn enter(&mut self, role: Role) -> Lead {
        match role {
            Role::Block | Role::Exact => {
                self.line = Line::Start;
                Lead::Nothing
            }
            Role::Atomic | Role::Field => self.show(),
            Role::Inline | Role::Hidden | Role::Trimmed => Lead::Nothing,
        }
    }

    /// The line inside an element that has its own.
    pub fn inside(&self, role: Role) -> Option<Self> {
        matches!(role, Role::Atomic | Role::Field | Role::Hidden | Role::Trimmed | Role::Exact).then(Self::new)
    }

    /// The element ends.
    pub fn leave(&mut self, role: Role) {
        if matches!(role, Role::Block | Role::Exact) {
            self.line = Line::Start;
        }
    }

    /// Something shows; was there a space before it?
    pub fn show(&mut self) -> Lead {
        let lead = if self.line == Line::Spaced { Lead::Space } else { Lead::Nothing };
        self.line = Line::Open;
        lead
    }

    /// Blanks that may show, if something follows in the line.
    pub fn blank(&mut self) {
        if self.line == Line::Open {
            self.line = Line::Spaced;
        }
    }

    /// Goes past a text without writing it.
    pub fn pass(&mut self, text: &str) {
        if text.starts_with(is_gap) {
            self.blank();
        }
        if text.trim_start_matches(is_gap).is_empty() {
            return;
        }
        self.show();
        if text.ends_with(is_gap) {
            self.blank();
        }
    }

    /// The same of a text as it stands in the page.
    pub fn pass_written(&mut self, raw: &str) {
        // Most begin and end with what is neither a blank nor part of a reference.
        let shows = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b',' | b':'));
        if shows(raw.as_bytes().first()) && shows(raw.as_bytes().last()) {
            self.show();
        } else {
            self.pass(&charref::decode(raw, Place::Text));
        }
    }

    /// Writes what shows of a text.
    pub fn push(&mut self, text: &str, out: &mut String) {
        let mut rest = text;
        loop {
            let word = rest.trim_start_matches(is_gap);
            if word.len() < rest.len() {
                self.blank();
            }
            if word.is_empty() {
                return;
            }
            let end = word.find(is_gap).unwrap_or(word.len());
            if self.show() == Lead::Space {
                out.push(' ');
            }
            out.push_str(&word[..end]);
            rest = &word[end..];
        }
    }
}
