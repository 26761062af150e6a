//! Secrets in JSON, wherever it stands: a whole body, lines, a script in a page, an attribute, cut off or broken.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::{Redactor, Secrecy, names, secrecy, values};

/// Quotes as JSON, JavaScript, JSON in JSON and JSON in an HTML attribute have them around names.
const QUOTES: [&str; 5] = ["&quot;", "&#34;", "\\\"", "\"", "'"];
/// Bytes of a name that are looked at.
const LONGEST_NAME: usize = 64;

/// What scripts give a name: `csrfToken = "…"`, `app["token"] = '…'`, `{token: "…"}`, `setRequestHeader("X-CSRF-Token", "…")`.
pub static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    super::pattern(
        r#"(?:(?-u:\b)(?P<a>[A-Za-z_$][A-Za-z0-9_$-]*)(?:\\?["']\s*\])?\s*(?:={1,3}|:|=>)|\(\s*["'](?P<b>[A-Za-z0-9_.-]{1,64})["']\s*,)\s*(?P<value>["'`]|\\"|&(?:quot|\#34|\#39);)"#,
    )
});

/// The text with the values of secret names replaced.
pub fn redact<'a>(redactor: &Redactor, text: &'a str) -> Cow<'a, str> {
    replaced(redactor, text, |from| {
        memchr::memchr_iter(b':', &text.as_bytes()[from..]).map(|at| from + at).find_map(|colon| {
            let secrecy = secrecy(&unescaped(name_before(&text[from..colon])?));
            let start = text.len() - text[colon + 1..].trim_start().len();
            match secrecy {
                Secrecy::None => None,
                // A name that is not sure says something about its own value only, not about what lies within.
                secrecy if !secrecy.is_sure() && text[start..].starts_with(['{', '[']) => None,
                secrecy => Some((start, secrecy)),
            }
        })
    })
}

/// The quoted name that a text ends with.
fn name_before(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let (quote, text) = QUOTES.into_iter().find_map(|quote| Some((quote, text.strip_suffix(quote)?)))?;
    let near = &text[text.ceil_char_boundary(text.len().saturating_sub(LONGEST_NAME + quote.len()))..];
    let name = &near[near.rfind(quote)? + quote.len()..];
    (!name.is_empty()).then_some(name)
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

enum Shape {
    /// With its quote.
    Quoted(&'static str),
    /// An object or a list: all of it belongs to the secret name.
    Nested,
    /// A number, `true`, `null`.
    Bare,
}

struct Value<'a> {
    shape: Shape,
    text: &'a str,
}

impl<'a> Value<'a> {
    /// The value that begins at `from`, up to its end or the end of the text.
    fn at(text: &'a str, from: usize) -> Self {
        let rest = &text[from..];
        for quote in ["\"", "'", "`", "\\\"", "&quot;", "&#34;", "&#39;"] {
            if let Some(inside) = rest.strip_prefix(quote) {
                let end = end_of_string(inside, quote).map_or(rest.len(), |end| quote.len() + end + quote.len());
                return Self { shape: Shape::Quoted(quote), text: &rest[..end] };
            }
        }
        if rest.starts_with(['{', '[']) {
            return Self { shape: Shape::Nested, text: &rest[..end_of_nesting(rest)] };
        }
        let end = rest.find([',', '}', ']', ' ', '\n', '\r', '<', '&', '"']).unwrap_or(rest.len());
        Self { shape: Shape::Bare, text: &rest[..end] }
    }

    fn is_number(&self) -> bool {
        self.text.starts_with(|first: char| first.is_ascii_digit())
    }

    /// The name of a member within a secret, and what it says of its value.
    fn as_name(&self) -> Secrecy {
        match self.shape {
            Shape::Quoted(quote) if names::is_about(self.text.trim_end_matches(quote)) => Secrecy::About,
            _ => Secrecy::Strong,
        }
    }

    fn redacted(&self, redactor: &Redactor, secrecy: Secrecy) -> String {
        match self.shape {
            Shape::Quoted(quote) => {
                let inside = self.text.strip_prefix(quote).unwrap_or(self.text);
                let (inside, end) = inside.strip_suffix(quote).map_or((inside, ""), |inside| (inside, quote));
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
}

/// Where the closing quote of a string begins that goes on from here.
fn end_of_string(inside: &str, quote: &str) -> Option<usize> {
    if quote.starts_with('&') || quote.starts_with('\\') {
        return inside.find(quote);
    }
    let mut escaped = false;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            byte if quote.as_bytes() == [byte] => return Some(at),
            _ => {}
        }
    }
    None
}

/// The length of the object or list that the text begins with; all of the text if it does not end.
fn end_of_nesting(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => match end_of_string(&text[at + 1..], "\"") {
                Some(end) => at += end + 1,
                None => return text.len(),
            },
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
    while let Some(at) = rest.find(|c: char| c == '"' || c.is_ascii_digit()) {
        cleaned.push_str(&rest[..at]);
        let value = Value::at(rest, at);
        rest = &rest[at + value.text.len()..];
        let is_name = rest.trim_start().starts_with(':');
        if is_name {
            cleaned.push_str(value.text);
            secrecy = value.as_name();
        } else {
            cleaned.push_str(&value.redacted(redactor, secrecy));
        }
    }
    cleaned.push_str(rest);
    cleaned
}
