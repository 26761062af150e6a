//! What the names of elements say of them, as the tree builder's rules do (HTML Standard, 13.2.6). Names in lower case.

use std::borrow::Cow;

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
