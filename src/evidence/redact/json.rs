//! Secrets in JSON, wherever it stands: a whole body, lines, a script in a page, an attribute, cut off or broken.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::{Redactor, Secrecy, names, secrecy};

/// A quoted name and its colon; quotes as JSON, JavaScript, JSON in JSON and JSON in an HTML attribute have them.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    super::pattern(
        r#"(?:"(?P<a>(?:[^"\\]|\\.){1,64})"|'(?P<b>[\w.-]{1,64})'|\\"(?P<c>[^"\\]{1,64})\\"|&(?:quot|\#34);(?P<d>[^&"]{1,64})&(?:quot|\#34);)\s*:\s*"#,
    )
});

/// The text with the values of secret names replaced.
pub fn redact<'a>(redactor: &Redactor, text: &'a str) -> Cow<'a, str> {
    let mut cleaned = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = NAME.captures_at(text, from) {
        let (Some(whole), Some(name)) = (found.get(0), (1..found.len()).find_map(|group| found.get(group))) else {
            break;
        };
        let secrecy = secrecy(&unescaped(name.as_str()));
        if secrecy == Secrecy::None {
            // What looked like a name may have been the end of a value, and the next quote the beginning of the real one.
            from = name.start();
            continue;
        }
        from = whole.end();
        // A weak name says something about its own value only, not about what lies within.
        if secrecy == Secrecy::Weak && text[from..].starts_with(['{', '[']) {
            continue;
        }
        let value = Value::at(text, from);
        cleaned.push_str(&text[copied..from]);
        cleaned.push_str(&value.redacted(redactor, secrecy));
        copied = from + value.text.len();
        from = copied;
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
        for quote in ["\"", "'", "\\\"", "&quot;", "&#34;"] {
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

    fn redacted(&self, redactor: &Redactor, secrecy: Secrecy) -> String {
        match self.shape {
            Shape::Quoted(quote) => {
                let inside = self.text.strip_prefix(quote).unwrap_or(self.text);
                let (inside, end) = inside.strip_suffix(quote).map_or((inside, ""), |inside| (inside, quote));
                if secrecy == Secrecy::Weak && names::is_plain_word(inside) {
                    return self.text.to_owned();
                }
                format!("{quote}{}{end}", redactor.mark(inside))
            }
            Shape::Bare if secrecy == Secrecy::Strong && self.text.starts_with(|c: char| c.is_ascii_digit()) => {
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

/// Every string and number of the text that is not a name.
fn strings_redacted(redactor: &Redactor, text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c.is_ascii_digit()) {
        cleaned.push_str(&rest[..at]);
        let value = Value::at(rest, at);
        rest = &rest[at + value.text.len()..];
        let is_name = rest.trim_start().starts_with(':');
        if is_name {
            cleaned.push_str(value.text);
        } else {
            cleaned.push_str(&value.redacted(redactor, Secrecy::Strong));
        }
    }
    cleaned.push_str(rest);
    cleaned
}
