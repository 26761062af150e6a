//! Escaping that went wrong between text and markup: what one side shows as text, the other has as elements.

use super::charref::{self, Place};
use super::dom::{Attribute, Dom, NodeId, NodeKind};
use super::flow::NBSP;
use super::lexer::Span;

/// The markup between an element's tags, as written.
pub(super) fn inner_source(dom: &Dom<'_>, node: NodeId) -> String {
    let span = dom
        .children(node)
        .filter_map(|child| dom.extent(child))
        .reduce(|a, b| Span { start: a.start.min(b.start), end: a.end.max(b.end) });
    span.map(|span| span.of(dom.page).to_owned()).unwrap_or_default()
}

/// Is the text of the one what the other has as markup? Then one of them did not escape.
pub(super) fn is_text_of(text_side: &Dom<'_>, text: NodeId, markup_side: &Dom<'_>, markup: NodeId) -> bool {
    let shows_markup = text_side.children(text).any(|child| match text_side.node(child).kind {
        NodeKind::Text => memchr::memchr(b'<', text_side.text(child).as_bytes()).is_some(),
        _ => false,
    });
    if !shows_markup {
        return false;
    }
    let (shown, written) = (text_side.text_content(text), inner_source(markup_side, markup));
    shown.len().max(written.len()) <= LONGEST && words(&shown) == words(&charref::decode(&written, Place::Text))
}

/// Longer passages are not weighed as a whole. Bytes.
const LONGEST: usize = 64 << 10;

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The texts directly below an element that look like markup, in lower case. Mostly there are none.
pub(super) fn tag_like_texts(dom: &Dom<'_>, within: NodeId) -> String {
    let texts = dom.children(within).filter(|child| dom.node(*child).kind == NodeKind::Text);
    let tag_like = texts.filter_map(|text| {
        let text = dom.text(text);
        memchr::memchr(b'<', text.as_bytes()).map(|_| text.to_ascii_lowercase())
    });
    tag_like.take(MOST_TEXTS).collect::<Vec<_>>().join("\n")
}

/// The texts anywhere below an element that look like markup, as words.
pub(super) fn tag_like_below(dom: &Dom<'_>, node: NodeId, found: &mut Vec<String>) {
    for child in dom.children(node) {
        if found.len() >= MOST_LOST {
            return;
        }
        match dom.node(child).kind {
            NodeKind::Text => {
                let text = dom.text(child);
                if text.len() <= LONGEST_TEXT && memchr::memchr(b'<', text.as_bytes()).is_some() {
                    found.push(words(&text));
                }
            }
            _ => tag_like_below(dom, child, found),
        }
    }
}

/// Does a source write one of these texts as markup?
pub(super) fn writes_one_of(texts: &[String], source: &str) -> bool {
    if texts.is_empty() || source.len() > LONGEST {
        return false;
    }
    // An escaped one is written otherwise.
    let written = words(source);
    texts.iter().any(|text| written.contains(text.as_str()))
}

/// More are not looked for.
const MOST_LOST: usize = 16;

/// Longer texts are not looked for. Bytes.
const LONGEST_TEXT: usize = 1 << 10;

/// More texts that look like markup are not gathered.
const MOST_TEXTS: usize = 64;

/// Does such a text name this tag? `<script` as text here, a `script` element there.
pub(super) fn names_tag(texts: &str, tag: &str) -> bool {
    let named = |rest: &str| rest.get(..tag.len()).is_some_and(|name| name.eq_ignore_ascii_case(tag));
    texts.len() <= LONGEST && texts.split('<').skip(1).any(named)
}

/// Is the new value the old one, cut at a quote that was not escaped?
pub(super) fn cut_at_quote(old: &str, new: &str) -> bool {
    ['"', '\''].iter().any(|quote| old.split_once(*quote).is_some_and(|(before, _)| before == new))
}

/// Did an attribute come out of another one's value? `value="a&quot; onclick=…"` there, `value="a" onclick=…` here.
pub(super) fn broke_out(old: &[Attribute<'_>], new: &[Attribute<'_>], name: &str) -> bool {
    let wanted = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    !wanted.is_empty()
        && old.iter().any(|(name, value)| {
            let Some((_, now)) = new.iter().find(|other| other.0 == *name) else { return false };
            cut_at_quote(value, now) && value.to_ascii_lowercase().contains(wanted)
        })
}

/// Is the new text the old one, escaped once more? `&amp;` shown to the reader.
pub(super) fn is_escaped_twice(old: &str, new: &str) -> bool {
    // A shown text has its no-break spaces as spaces.
    let plain = |text: &str| text.replace(NBSP, " ");
    let Some(reference) = memchr::memchr(b'&', new.as_bytes()) else { return false };
    let before = &new[..reference];
    let begin_alike = || old.starts_with(before) || before.contains(NBSP) || old.contains(NBSP);
    old != new && begin_alike() && plain(&charref::decode(new, Place::Text)) == plain(old)
}
