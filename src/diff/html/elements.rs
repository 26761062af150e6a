//! What the names of elements say of them, as the tree builder's rules do (HTML Standard, 13.2.6). Names in lower case.

use std::borrow::Cow;
use std::sync::LazyLock;

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
                | "caption"
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
    /// No name of a standard, and with capital letters: nothing is known of it.
    pub const ODD: Self = Self(1 << 14);

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
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    /// In lower case, but for [`Traits::ODD`] ones.
    pub text: &'a str,
    pub traits: Traits,
    pub role: Role,
    pub hash: u64,
}

impl<'a> Name<'a> {
    pub fn of(written: &'a str) -> Self {
        let key = key(written);
        let mut at = slot(key);
        while let Some(Some((known, name))) = STANDARD.get(at) {
            let is_it = *known == key && name.text.len() == written.len();
            if is_it && (written.len() <= WORD || name.text.eq_ignore_ascii_case(written)) {
                return *name;
            }
            at += 1;
        }
        Self::new(written)
    }

    fn new(text: &'a str) -> Self {
        let mut traits = Traits::of(text);
        if text.bytes().any(|c| c.is_ascii_uppercase()) {
            traits = Traits(Traits::ODD.0 | Traits::NEVER_REGULAR.0);
        }
        Self { traits, role: flow::name_role(text), hash: xxhash_rust::xxh3::xxh3_64(text.as_bytes()), text }
    }

    pub fn is(&self, one: Traits) -> bool {
        self.traits.has(one)
    }
}

/// The names that pages are made of, each at its [`slot`] or behind it.
static STANDARD: LazyLock<Vec<Option<(u64, Name<'static>)>>> = LazyLock::new(|| {
    let mut table = vec![None; SLOTS * 2];
    for name in NAMES.iter().flat_map(|names| names.split(' ')) {
        let key = key(name);
        if let Some(free) = table.iter_mut().skip(slot(key)).find(|slot| slot.is_none()) {
            *free = Some((key, Name::new(name)));
        }
    }
    table
});

/// Elements of HTML, of old HTML and of drawings.
const NAMES: [&str; 10] = [
    "html head body title base link meta style script noscript template slot article section nav aside h1 h2 h3 h4 h5 h6",
    "hgroup header footer main address search p hr pre blockquote ol ul menu li dl dt dd figure figcaption div a em strong",
    "small s cite q dfn abbr ruby rt rp data time code var samp kbd sub sup i b u mark bdi bdo span br wbr ins del picture",
    "source img iframe embed object video audio track map area table caption colgroup col tbody thead tfoot tr td th form",
    "label input button select datalist optgroup option textarea output progress meter fieldset legend details summary",
    "dialog canvas applet acronym bgsound dir frame frameset noframes isindex keygen listing menuitem nextid noembed param",
    "plaintext rb rtc strike xmp basefont big blink center font marquee multicol nobr spacer tt image command",
    "selectedcontent svg math g path circle rect line polyline polygon ellipse defs use symbol text tspan stop mask",
    "lineargradient radialgradient clippath filter pattern marker desc foreignobject mi mo mn ms mtext mrow mfrac msup msub",
    "annotation-xml tref",
];

/// Many times as many as names: one is mostly found where it is looked for first.
const SLOTS: usize = 1 << 10;

/// A name whatever its case: all of it, if it is not longer than a word.
fn key(name: &str) -> u64 {
    name.bytes().take(WORD).fold(0, |key, c| key << 8 | u64::from(c.to_ascii_lowercase()))
}

/// Bytes.
const WORD: usize = 8;

fn slot(key: u64) -> usize {
    usize::try_from(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_in_any_case_and_no_other_is_taken_for_it() {
        for name in NAMES.iter().flat_map(|names| names.split(' ')) {
            let capital = name.to_ascii_uppercase();
            for written in [name, &capital] {
                let known = Name::of(written);
                assert_eq!((known.text, known.traits), (name, Traits::of(name)), "{written}");
            }
            let cut = &name[..name.len() - 1];
            for other in [format!("{name}x"), format!("{name}-{name}"), cut.to_owned(), format!("{cut}\u{1}")] {
                assert!(Name::of(&other).text == other, "{other}");
            }
        }
    }

    #[test]
    fn nothing_is_known_of_a_name_of_the_pages_own_in_capitals() {
        assert!(Name::of("MY-CARD").is(Traits::ODD));
        assert!(Name::of("my-card").is(Traits::ORDINARY));
    }
}
