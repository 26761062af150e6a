//! What the names of elements say of them, as the tree builder's rules do (HTML Standard, 13.2.6). Names in lower case.

use std::borrow::Cow;

use super::flow::{self, Role};

/// A name as the tree has it.
pub(super) fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|c| c.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// These end where their parent does.
pub(super) fn ends_with_its_parent(name: &str) -> bool {
    matches!(name, "p" | "li" | "dd" | "dt" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th")
}

pub(super) fn is_section(name: &str) -> bool {
    matches!(name, "tbody" | "thead" | "tfoot")
}

/// Text that is not blank is moved out of these.
pub(super) fn is_table_part(name: &str) -> bool {
    is_section(name) || matches!(name, "table" | "tr" | "colgroup")
}

pub(super) fn is_cell(name: &str) -> bool {
    matches!(name, "td" | "th")
}

pub(super) fn is_heading(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// Elements without content and end tag, those of old pages too.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "br"
            | "col"
            | "embed"
            | "frame"
            | "hr"
            | "image"
            | "img"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// What the tree builder has rules of its own for that are not followed here.
pub(super) fn never_regular(name: &str) -> bool {
    matches!(
        name,
        "html"
            | "head"
            | "body"
            | "frameset"
            | "frame"
            | "template"
            | "plaintext"
            | "listing"
            | "xmp"
            | "image"
            | "isindex"
            | "title"
            | "noframes"
            | "noembed"
            | "math"
            | "ruby"
            | "rb"
            | "rp"
            | "rt"
            | "rtc"
            | "applet"
            | "marquee"
            | "keygen"
            | "caption"
            | "bgsound"
            | "basefont"
            | "command"
            | "menuitem"
            | "selectedcontent"
    )
}

pub(super) fn closes_paragraph(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "center"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "header"
            | "hgroup"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "p"
            | "search"
            | "section"
            | "summary"
            | "ul"
            | "pre"
            | "form"
    ) || is_heading(name)
}

/// Elements whose end tag ends what is left open in them without one.
pub(super) fn is_special(name: &str) -> bool {
    closes_paragraph(name)
        || is_table_part(name)
        || is_cell(name)
        || matches!(
            name,
            "button"
                | "li"
                | "dd"
                | "dt"
                | "select"
                | "object"
                | "iframe"
                | "script"
                | "style"
                | "textarea"
                | "noscript"
                | "summary"
        )
}

/// What the rules of nesting ask of a name, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits(u16);

impl Traits {
    pub const VOID: Self = Self(1);
    pub const NEVER_REGULAR: Self = Self(1 << 1);
    pub const SECTION: Self = Self(1 << 2);
    pub const TABLE_PART: Self = Self(1 << 3);
    pub const CELL: Self = Self(1 << 4);
    pub const HEADING: Self = Self(1 << 5);
    pub const SPECIAL: Self = Self(1 << 6);
    pub const CLOSES_PARAGRAPH: Self = Self(1 << 7);
    pub const ENDS_WITH_ITS_PARENT: Self = Self(1 << 8);
    /// Begins raw text.
    pub const RAW: Self = Self(1 << 9);
    /// What stands open may end before it, or may not be there.
    pub const MAKES_ROOM: Self = Self(1 << 10);
    /// Nothing outside it is in scope of a button.
    pub const BOUND: Self = Self(1 << 11);
    /// Its end tag ends what stands open in it without one.
    pub const ENDS_OTHERS: Self = Self(1 << 12);
    /// What stands in it is read as in most elements.
    pub const ORDINARY: Self = Self(1 << 13);

    pub fn of(name: &str) -> Self {
        let raw = matches!(name, "title" | "textarea" | "script" | "style" | "iframe");
        let odd = matches!(
            name,
            "noembed" | "noframes" | "frameset" | "xmp" | "plaintext" | "listing" | "svg" | "math" | "pre"
        );
        let room =
            matches!(name, "a" | "button" | "form" | "nobr" | "option" | "optgroup" | "li" | "dd" | "dt" | "table")
                || is_heading(name)
                || closes_paragraph(name);
        let bound = matches!(name, "button" | "caption" | "table" | "td" | "th" | "object");
        let all = [
            (is_void(name), Self::VOID),
            (never_regular(name), Self::NEVER_REGULAR),
            (is_section(name), Self::SECTION),
            (is_table_part(name), Self::TABLE_PART),
            (is_cell(name), Self::CELL),
            (is_heading(name), Self::HEADING),
            (is_special(name), Self::SPECIAL),
            (closes_paragraph(name), Self::CLOSES_PARAGRAPH),
            (ends_with_its_parent(name), Self::ENDS_WITH_ITS_PARENT),
            (raw, Self::RAW),
            (room, Self::MAKES_ROOM),
            (bound, Self::BOUND),
            (is_special(name) || name == "optgroup", Self::ENDS_OTHERS),
            (!raw && !odd, Self::ORDINARY),
        ];
        Self(all.into_iter().filter(|(has, _)| *has).fold(0, |all, (_, one)| all | one.0))
    }

    pub fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }
}

/// The name of an element, with what is asked of it again and again.
#[derive(Debug, Clone)]
pub(super) struct Name<'a> {
    pub text: Cow<'a, str>,
    pub traits: Traits,
    pub role: Role,
    pub hash: u64,
}

impl<'a> Name<'a> {
    pub fn of(written: &'a str) -> Self {
        let text = lower(written);
        let (traits, role) = (Traits::of(&text), flow::name_role(&text));
        Self { traits, role, hash: xxhash_rust::xxh3::xxh3_64(text.as_bytes()), text }
    }

    pub fn is(&self, one: Traits) -> bool {
        self.traits.has(one)
    }
}

/// The names that were met last: a page has few.
pub(super) struct Known<'a>(Vec<Option<(&'a str, Name<'a>)>>);

impl<'a> Known<'a> {
    pub fn new() -> Self {
        Self(vec![None; SLOTS])
    }

    pub fn name(&mut self, written: &'a str) -> Name<'a> {
        let slot = slot(written);
        match self.0.get(slot) {
            Some(Some((known, name))) if *known == written => name.clone(),
            _ => {
                let name = Name::of(written);
                if let Some(slot) = self.0.get_mut(slot) {
                    *slot = Some((written, name.clone()));
                }
                name
            }
        }
    }
}

pub(super) const SLOTS: usize = 64;

/// Where a name is kept among the last ones.
pub(super) fn slot(name: &str) -> usize {
    let bytes = name.as_bytes();
    let at = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
    (bytes.len() * 7 + at(0) * 3 + at(bytes.len().saturating_sub(1)) + at(1) * 5) % SLOTS
}
