//! Secrets in pages and XML: in the fields, attributes and elements that there are for them. What scripts are given: [`json`].

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Redactor, Secrecy, json, names, pattern, secrecy, unquoted};

/// A quote that is never closed goes on to the end: there the text was cut.
macro_rules! attributes {
    () => {
        r#"(?:[^<>"']|"[^"]*"|'[^']*')*(?:"[^"]*\z|'[^']*\z)?"#
    };
}

pub static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(concat!("<[A-Za-z]", attributes!(), ">?")));
pub static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?P<name>[A-Za-z_:@][A-Za-z0-9_:.@-]*)\s*(?:=|\\(?:u00|x)3[dD])\s*(?P<value>\\*"[^"]*"?|\\*'[^']*'?|[^\s"'>]+)"#,
    )
});
pub static TEXTAREA: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(r"(?is)(?P<tag><textarea\b", attributes!(), r">)(?P<inside>.*?)(?P<end></textarea|\z)"))
});
pub static SELECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(r"(?is)(?P<tag><select\b", attributes!(), r">)(?P<inside>.*?)(?P<end></select|\z)"))
});
pub static OPTION: LazyLock<Regex> =
    LazyLock::new(|| pattern(concat!(r"(?is)(?P<tag><option\b", attributes!(), r">)(?P<text>[^<]*)")));
/// An element of XML, and what it begins with.
static ELEMENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?P<before><(?P<whole>(?:[A-Za-z_][A-Za-z0-9_.-]*:)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*))(?:\s[^<>]*)?>\s*)",
        r"(?:<!\[CDATA\[(?P<cdata>(?s:.*?))(?:\]\]>|\z)|(?P<value>[^<]+))"
    ))
});
/// A tag in a script: `\u003cinput name=\u0022csrf_token\u0022 …\u003e`.
pub static ESCAPED_TAG: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\\(?:u003|x3)[cC][A-Za-z][^<>]*?(?:\\(?:u003|x3)[eE]|[<>]|\z)"));
/// `script-src 'nonce-…'`.
pub static NONCE: LazyLock<Regex> = LazyLock::new(|| pattern(r"'nonce-(?P<value>[A-Za-z0-9+/=_-]+)"));

impl Redactor {
    /// The text of a page with its secrets replaced.
    pub(super) fn page(&self, text: &str) -> String {
        let text = TEXTAREA.replace_all(text, |found: &Captures<'_>| self.textarea(found));
        let text = SELECT.replace_all(&text, |found: &Captures<'_>| self.select(found));
        let text = TAG.replace_all(&text, |tag: &Captures<'_>| self.tag(&tag[0]));
        let text = ELEMENT.replace_all(&text, |found: &Captures<'_>| self.element(found));
        let text = ESCAPED_TAG.replace_all(&text, |tag: &Captures<'_>| self.tag(&tag[0]));
        let text = self.labelled(&text);
        let text = json::redact_assigned(self, &text);
        NONCE.replace_all(&text, |found: &Captures<'_>| format!("'nonce-{}", self.mark(&found["value"]))).into_owned()
    }

    fn textarea(&self, found: &Captures<'_>) -> String {
        if !named_secret(&found["tag"]).is_sure() {
            return found[0].to_owned();
        }
        format!("{}{}{}", &found["tag"], self.shown("textarea", &found["inside"]), &found["end"])
    }

    fn select(&self, found: &Captures<'_>) -> String {
        if !named_secret(&found["tag"]).is_sure() {
            return found[0].to_owned();
        }
        let options = OPTION.replace_all(&found["inside"], |option: &Captures<'_>| {
            format!("{}{}", self.attributes(&option["tag"], Secrecy::Strong), self.shown("option", &option["text"]))
        });
        format!("{}{options}{}", &found["tag"], &found["end"])
    }

    fn element(&self, found: &Captures<'_>) -> String {
        let (text, held) = (&found[0], found.name("cdata").or_else(|| found.name("value")));
        let secrecy = secrecy(&found["name"]);
        let is_secret = |held: &regex::Match<'_>| secrecy.is_sure() && secrecy.hides(held.as_str().trim());
        let Some(held) = held.filter(is_secret) else { return text.to_owned() };
        // By place: the tag may say what the element holds.
        let from = held.start() - found.get_match().start();
        let (before, after) = (&text[..from], &text[from + held.len()..]);
        format!("{before}{}{after}", self.shown(&found["whole"], held.as_str()))
    }

    /// What an element shows, its blanks kept.
    fn shown(&self, element: &str, text: &str) -> String {
        let value = text.trim();
        if value.is_empty() {
            return text.to_owned();
        }
        self.note_field(element, value);
        text.replacen(value, &self.mark(value), 1)
    }

    /// One HTML start tag: the values of an element with a telling name, and attributes with one of their own.
    fn tag(&self, tag: &str) -> String {
        if names::may_tell(tag) { self.attributes(tag, named_secret(tag)) } else { tag.to_owned() }
    }

    /// A start tag, the values of which are as secret as its element's name says.
    fn attributes(&self, tag: &str, values: Secrecy) -> String {
        let cleaned = ATTRIBUTE.replace_all(tag, |attribute: &Captures<'_>| {
            let (name, written) = (&attribute["name"], &attribute["value"]);
            let own = Some(secrecy(name)).filter(|own| own.is_sure()).unwrap_or(Secrecy::None);
            let secrecy = if holds_value(name) { own.max(values) } else { own };
            let (quote, value) = unquoted(written);
            if !secrecy.hides(value) || value.is_empty() {
                return attribute[0].to_owned();
            }
            self.note_field(name, value);
            let before = &attribute[0][..attribute[0].len() - written.len() + quote.len()];
            format!("{before}{}{}", self.mark_as(secrecy, value), &written[quote.len() + value.len()..])
        });
        cleaned.into_owned()
    }
}

/// What the names of an element say of its value.
fn named_secret(tag: &str) -> Secrecy {
    let of = |attribute: Captures<'_>| {
        let (_, value) = unquoted(&attribute["value"]);
        match attribute["name"].to_ascii_lowercase().as_str() {
            "name" | "id" | "property" | "itemprop" | "http-equiv" | "autocomplete" | "data-name" => secrecy(value),
            "type" if value.eq_ignore_ascii_case("password") => Secrecy::Strong,
            _ => Secrecy::None,
        }
    };
    ATTRIBUTE.captures_iter(tag).map(of).max().unwrap_or(Secrecy::None)
}

/// The attributes that hold the value of their element.
pub fn holds_value(attribute: &str) -> bool {
    ["value", "content", "data-value", "data-content"].iter().any(|name| attribute.eq_ignore_ascii_case(name))
}
