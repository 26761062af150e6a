//! Secrets in JSON, wherever it stands: a whole body, lines, a script in a page, an attribute, cut off or broken.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::{Redactor, Secrecy, names, quotes, secrecy, values};

/// Bytes of a name that are looked at.
const LONGEST_NAME: usize = 64;

/// What scripts give a name: `csrfToken = "…"`, `app["token"] = '…'`, `{token: "…"}`, `'token' => '…'`,
/// `setRequestHeader("X-CSRF-Token", "…")`.
pub static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    super::pattern(
        r#"(?:(?-u:\b)(?P<a>[A-Za-z_$][A-Za-z0-9_$-]*)(?:(?:\\*["']\s*\])?\s*(?:={1,3}|:|=>)|\\*["']\s*=>)|\(\s*\\*["'](?P<b>[A-Za-z0-9_.-]+)\\*["']\s*,)\s*(?P<value>\\*["'`]|\\+(?:x2[27]|u002[27])|&(?:quot|\#34|\#39);)"#,
    )
});

/// The text with the values of secret names replaced.
pub fn redact<'a>(redactor: &Redactor, text: &'a str) -> Cow<'a, str> {
    replaced(redactor, text, |from| {
        let secret_at = |at: usize| match text.as_bytes()[at] {
            b':' => member(text, from, at),
            _ => paired(text, at),
        };
        memchr::memchr2_iter(b':', b'[', &text.as_bytes()[from..]).find_map(|at| secret_at(from + at))
    })
}

/// Where the value of a member begins that is a secret; its name stands between `from` and the colon.
fn member(text: &str, from: usize, colon: usize) -> Option<(usize, Secrecy)> {
    let (before, name) = name_before(&text[from..colon])?;
    let start = text.len() - text[colon + 1..].trim_start().len();
    let secrecy = match secrecy(&unescaped(name)) {
        // The member before it may have been seen to already.
        Secrecy::None if name == "value" => secrecy_of_value(&text[..from + before.len()])?,
        secrecy => secrecy,
    };
    // A name that is not sure says something about its own value only, not about what lies within.
    let is_within = !secrecy.is_sure() && text[start..].starts_with(['{', '[']);
    (secrecy != Secrecy::None && !is_within).then_some((start, secrecy))
}

/// What the member before it says of a `value`: `"name":"csrf_token",`, `"type":"password",`.
fn secrecy_of_value(before: &str) -> Option<Secrecy> {
    let (_, name) = name_before(before.trim_end().strip_suffix(',')?)?;
    Some(secrecy(name)).filter(|secrecy| secrecy.is_sure())
}

/// Where the value of a pair begins, `["csrf_token", "…"]`, that is surely a secret. Of two words both are names.
fn paired(text: &str, bracket: usize) -> Option<(usize, Secrecy)> {
    let list = text[bracket + 1..].trim_start();
    let quote = quotes::first(list)?;
    let name = &list[quote.len()..];
    let near = &name[..name.floor_char_boundary(LONGEST_NAME + quote.len())];
    let name = &near[..quotes::closing(near, quote)?];
    let secrecy = secrecy(&unescaped(name));
    if !secrecy.is_sure() {
        return None;
    }
    let rest = &list[quote.len() + name.len() + quote.len()..];
    let start = text.len() - rest.trim_start().strip_prefix(',')?.trim_start().len();
    let quote = quotes::first(&text[start..])?;
    let value = Value::at(text, start);
    let behind = text[start + value.text.len()..].trim_start();
    let is_pair = behind.is_empty() || behind.starts_with(']');
    (is_pair && !values::is_plain_word(value.inside(quote).0)).then_some((start, secrecy))
}

/// The quoted name that a text ends with, and what stands before it.
fn name_before(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end();
    let quote = quotes::last(text)?;
    let text = &text[..text.len() - quote.len()];
    let near = text.ceil_char_boundary(text.len().saturating_sub(LONGEST_NAME + quote.len()));
    let start = near + quotes::opening(&text[near..], quote)?;
    let name = &text[start + quote.len()..];
    (!name.is_empty()).then_some((&text[..start], name))
}

/// The text with the values replaced that secret names are given outside of JSON.
pub fn redact_assigned<'a>(redactor: &Redactor, text: &'a str) -> Cow<'a, str> {
    replaced(redactor, text, |mut from| {
        loop {
            let found = ASSIGNED.captures_at(text, from)?;
            let (name, value) = (found.name("a").or_else(|| found.name("b"))?, found.name("value")?);
            let secrecy = secrecy(name.as_str());
            if secrecy.is_sure() {
                return Some((value.start(), secrecy));
            }
            // It may be an attribute that holds a script.
            from = name.end();
        }
    })
}

/// The text with values replaced; `next` tells where the next secret begins, from a place on.
fn replaced<'a>(redactor: &Redactor, text: &'a str, next: impl Fn(usize) -> Option<(usize, Secrecy)>) -> Cow<'a, str> {
    let mut cleaned = String::new();
    let mut copied = 0;
    while let Some((start, secrecy)) = next(copied) {
        let value = Value::at(text, start);
        cleaned.push_str(&text[copied..start]);
        cleaned.push_str(&value.redacted(redactor, secrecy));
        copied = start + value.text.len();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    cleaned.push_str(&text[copied..]);
    Cow::Owned(cleaned)
}

fn unescaped(name: &str) -> Cow<'_, str> {
    if !name.contains('\\') {
        return Cow::Borrowed(name);
    }
    serde_json::from_str(&format!("\"{name}\"")).map_or(Cow::Borrowed(name), Cow::Owned)
}

enum Shape<'a> {
    /// With its quote.
    Quoted(&'a str),
    /// An object or a list: all of it belongs to the secret name.
    Nested,
    /// A number, `true`, `null`.
    Bare,
}

struct Value<'a> {
    shape: Shape<'a>,
    text: &'a str,
}

impl<'a> Value<'a> {
    /// The value that begins at `from`, up to its end or the end of the text.
    fn at(text: &'a str, from: usize) -> Self {
        let rest = &text[from..];
        if let Some(quote) = quotes::first(rest) {
            let end = quotes::closing(&rest[quote.len()..], quote).map_or(rest.len(), |end| end + 2 * quote.len());
            return Self { shape: Shape::Quoted(quote), text: &rest[..end] };
        }
        if rest.starts_with(['{', '[']) {
            return Self { shape: Shape::Nested, text: &rest[..end_of_nesting(rest)] };
        }
        let end = rest.find([',', '}', ']', ' ', '\n', '\r', '<', '&', '"', '\\']).unwrap_or(rest.len());
        Self { shape: Shape::Bare, text: &rest[..end] }
    }

    /// What stands between the quotes, and the one at the end, if there is one.
    fn inside(&self, quote: &str) -> (&'a str, &'a str) {
        let inside = &self.text[quote.len()..];
        inside.strip_suffix(quote).map_or((inside, ""), |whole| (whole, &inside[whole.len()..]))
    }

    fn is_number(&self) -> bool {
        self.text.starts_with(|first: char| first.is_ascii_digit())
    }

    fn redacted(&self, redactor: &Redactor, secrecy: Secrecy) -> String {
        match self.shape {
            Shape::Quoted(quote) => {
                let (inside, end) = self.inside(quote);
                if secrecy == Secrecy::Weak && values::is_plain_word(inside) {
                    return self.text.to_owned();
                }
                format!("{quote}{}{end}", redactor.mark_as(secrecy, inside))
            }
            Shape::Bare if secrecy.is_sure() && secrecy.hides(self.text) && self.is_number() => {
                format!("\"{}\"", redactor.mark(self.text))
            }
            Shape::Nested => strings_redacted(redactor, self.text),
            Shape::Bare => self.text.to_owned(),
        }
    }

    /// The name of a member within a secret; one that was drawn is a secret, too.
    fn as_name(&self, redactor: &Redactor) -> (String, Secrecy) {
        match self.shape {
            Shape::Quoted(quote) => match self.inside(quote) {
                (key, end) if values::is_drawn_key(key) => {
                    (format!("{quote}{}{end}", redactor.mark(key)), Secrecy::Strong)
                }
                (name, _) if names::is_about(name) => (self.text.to_owned(), Secrecy::About),
                _ => (self.text.to_owned(), Secrecy::Strong),
            },
            _ => (self.text.to_owned(), Secrecy::Strong),
        }
    }
}

/// The length of the object or list that the text begins with; all of the text if it does not end.
fn end_of_nesting(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' | b'\'' | b'\\' | b'&' => {
                if let Some(quote) = quotes::first(&text[at..]) {
                    match quotes::closing(&text[at + quote.len()..], quote) {
                        Some(end) => at += end + 2 * quote.len() - 1,
                        None => return text.len(),
                    }
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Every string and number of the text, but names and what only tells about a secret.
fn strings_redacted(redactor: &Redactor, text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    let mut secrecy = Secrecy::Strong;
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\'' | '\\' | '&') || c.is_ascii_digit()) {
        let (before, found) = rest.split_at(at);
        cleaned.push_str(before);
        if !found.starts_with(|c: char| c.is_ascii_digit()) && quotes::first(found).is_none() {
            cleaned.push_str(&found[..1]);
            rest = &found[1..];
            continue;
        }
        let value = Value::at(found, 0);
        rest = &found[value.text.len()..];
        let is_name = rest.trim_start().starts_with(':');
        let kept = if is_name { value.as_name(redactor) } else { (value.redacted(redactor, secrecy), secrecy) };
        cleaned.push_str(&kept.0);
        secrecy = kept.1;
    }
    cleaned.push_str(rest);
    cleaned
}
