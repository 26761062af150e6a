//! What must not be stored is taken out here, before the store: credentials, session ids, tokens, passwords.
//!
//! A secret becomes `REDACTED-` and eight digits of a keyed hash: equal secrets stay comparable within one run of the
//! door, and guessing one needs the key, which is never written. The marker is plain in a URL, a cookie, JSON and HTML.
//!
//! It works on text as it came, not on parsed trees: a sample must show the very bytes that differ, and a body that is
//! cut off or broken must be cleaned as well. Where it cannot tell, it redacts. Pure.

use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::Hasher;
use std::sync::LazyLock;

use http::HeaderMap;
use regex::{Captures, Regex};
use siphasher::sip::SipHasher13;

use crate::diff::{Request, decode};

mod difference;
mod html;
mod json;
mod known;
mod labels;
mod names;
mod places;
mod quotes;
#[cfg(test)]
mod tests;
mod values;
mod words;

use known::Known;
pub use names::{Secrecy, secrecy};
pub use places::may_name_secret;

/// What a secret is replaced by, followed by eight hexadecimal digits.
pub const MARKER: &str = "REDACTED-";

/// A URL in a URL in a URL: deeper ones are secrets as a whole.
const MAX_NESTED: usize = 4;

/// What the hashes in the markers are keyed with.
#[derive(Clone, Copy)]
pub struct Key(pub [u8; 16]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Whether e-mail addresses count as secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emails {
    Keep,
    Hide,
}

/// Cleans the texts of one exchange.
#[derive(Debug, Clone)]
pub struct Redactor {
    key: Key,
    emails: Emails,
    /// Secrets of this exchange: whoever prints one again prints it anywhere.
    known: Known,
    /// While bodies are read: what was found in them.
    found: RefCell<Option<Known>>,
}

impl Redactor {
    pub fn new(key: Key, emails: Emails) -> Self {
        Self { key, emails, known: Known::default(), found: RefCell::default() }
    }

    /// A redactor that also knows the secrets which the request and both answers carry in their headers and query.
    pub fn of_exchange(key: Key, emails: Emails, request: &Request, answers: [&HeaderMap; 2]) -> Self {
        let mut redactor = Self::new(key, emails);
        for headers in [&request.headers].into_iter().chain(answers) {
            for (name, value) in headers {
                redactor.learn_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
            }
        }
        for pair in PAIR.captures_iter(&request.target) {
            if secrecy(&pair["name"]).hides(&pair["value"]) {
                redactor.known.learn(&pair["value"]);
            }
        }
        redactor
    }

    /// Knows also what redacting these bodies finds: of a difference only the value is told, without what betrays it on the page.
    /// Takes time as the bodies are long, for pairs that are sampled or show a cause of which nothing waits to be written.
    #[must_use]
    pub fn having_read<'a>(mut self, bodies: impl IntoIterator<Item = (&'a HeaderMap, &'a [u8])>) -> Self {
        self.found = RefCell::new(Some(self.known));
        self.known = Known::default();
        for (headers, body) in bodies {
            // What cannot be decoded has not been compared either.
            if let Ok(decoded) = decode::undo(headers, body)
                && !is_of_pictures(headers)
            {
                self.cleaned(&decode::text(headers, &decoded).text);
            }
        }
        self.known = self.found.take().unwrap_or_default();
        self
    }

    fn learn_header(&mut self, name: &str, value: &str) {
        match name {
            "cookie" => value.split(';').filter_map(|pair| pair.split_once('=')).for_each(|(_, v)| self.known.learn(v)),
            "set-cookie" => {
                let pair = value.split(';').next().unwrap_or_default();
                self.known.learn(pair.split_once('=').map_or("", |(_, v)| v));
            }
            "authorization" | "proxy-authorization" => {
                self.known.learn(value.split_once(' ').map_or(value, |(_, credentials)| credentials));
            }
            _ if secrecy(name).is_sure() && secrecy(name).hides(value) => self.known.learn(value),
            _ => {}
        }
    }

    /// The marker of a secret.
    pub fn mark(&self, secret: &str) -> String {
        self.mark_found(secret, true)
    }

    /// What may be told of a value that stands under a name that promises a secret so surely: its marker, if it is one.
    fn mark_as(&self, secrecy: Secrecy, value: &str) -> String {
        if secrecy.hides(value) { self.mark_found(value, secrecy.is_sure()) } else { value.to_owned() }
    }

    fn mark_found(&self, secret: &str, is_surely: bool) -> String {
        // Nothing, done before, or left out by whoever told it.
        if secret.is_empty() || secret.starts_with(MARKER) || secret == "…" {
            return secret.to_owned();
        }
        if let Some(found) = self.found.borrow_mut().as_mut() {
            found.learn_found(secret, is_surely);
        }
        let mut hash = SipHasher13::new_with_key(&self.key.0);
        hash.write(secret.as_bytes());
        format!("{MARKER}{:08x}", hash.finish() as u32)
    }

    /// A secret that stood in this attribute or element.
    fn note_field(&self, field: &str, value: &str) {
        if let Some(found) = self.found.borrow_mut().as_mut() {
            found.learn_field(field, value);
        }
    }

    /// A header's value as it may be stored.
    pub fn header(&self, name: &str, value: &str) -> String {
        match name.to_ascii_lowercase().as_str() {
            "cookie" => {
                let pairs: Vec<String> = value.split(';').map(|pair| self.cookie_pair(pair.trim())).collect();
                pairs.join("; ")
            }
            "set-cookie" => self.set_cookie(value),
            "authorization" | "proxy-authorization" => match value.split_once(' ') {
                Some((scheme, credentials)) => format!("{scheme} {}", self.mark(credentials)),
                None => self.mark(value),
            },
            name if secrecy(name).hides(value) => self.mark_as(secrecy(name), value),
            _ => self.text(value),
        }
    }

    fn cookie_pair(&self, pair: &str) -> String {
        match pair.split_once('=') {
            Some((name, value)) => format!("{name}={}", self.mark(value.trim_matches('"'))),
            None => self.mark(pair),
        }
    }

    fn set_cookie(&self, value: &str) -> String {
        match value.split_once(';') {
            Some((pair, attributes)) => format!("{};{attributes}", self.cookie_pair(pair)),
            None => self.cookie_pair(value),
        }
    }

    /// Any text as it may be stored: a URL, a form, JSON, HTML, or none of these.
    pub fn text(&self, text: &str) -> String {
        self.cleaned(&self.without_known(text))
    }

    fn without_known<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.known.replaced(text, |secret| self.mark(secret))
    }

    /// The text without what betrays itself by its name or its form.
    fn cleaned(&self, text: &str) -> String {
        let text = json::redact(self, text);
        let text = self.page(&text);
        let text = PART.replace_all(&text, |part: &Captures<'_>| self.part(part));
        let text = PAIR.replace_all(&text, |pair: &Captures<'_>| self.pair(pair, 0));
        let text = USERINFO.replace_all(&text, |found: &Captures<'_>| {
            format!("{}{}@", &found["before"], self.mark(&found["password"]))
        });
        let text = BEARER.replace_all(&text, |found: &Captures<'_>| match &found["credentials"] {
            // "token verification", "basic authentication": prose.
            word if word.bytes().all(|byte| byte.is_ascii_lowercase()) => found[0].to_owned(),
            credentials => format!("{}{}", &found["scheme"], self.mark(credentials)),
        });
        let text = WEB_TOKEN.replace_all(&text, |found: &Captures<'_>| self.mark(&found[0]));
        let text = PRIVATE_KEY.replace_all(&text, |found: &Captures<'_>| self.mark(&found[0]));
        match self.emails {
            Emails::Keep => text.into_owned(),
            Emails::Hide => EMAIL.replace_all(&text, |found: &Captures<'_>| self.mark(&found[0])).into_owned(),
        }
    }

    /// A field of a form in parts (RFC 7578).
    fn part(&self, part: &Captures<'_>) -> String {
        match secrecy(&part["name"]) {
            Secrecy::None => part[0].to_owned(),
            secrecy => format!("{}{}", &part["head"], self.mark_as(secrecy, &part["value"])),
        }
    }

    /// `name=value` of a query, a form or a cookie; how deep within other values.
    fn pair(&self, pair: &Captures<'_>, depth: usize) -> String {
        let (before, name, is, value) = (&pair["before"], &pair["name"], &pair["is"], &pair["value"]);
        match secrecy(name) {
            // `state=open` filters a list; an OAuth state is no plain word.
            Secrecy::Weak if name.eq_ignore_ascii_case("state") && values::is_plain_word(value) => pair[0].to_owned(),
            secrecy if secrecy.hides(value) => format!("{before}{name}{is}{}", self.mark_as(secrecy, value)),
            _ => format!("{before}{name}{is}{}", self.nested_target(value, depth + 1)),
        }
    }

    /// A value that is itself a URL with a query, as it stands (`url=/x?token=…`) or encoded (`next=%2Fx%3Ftoken%3D…`), or encoded JSON.
    fn nested_target(&self, value: &str, depth: usize) -> String {
        let is_nested = value.contains('=') || ESCAPED_EQUALS.iter().any(|equals| value.contains(equals));
        if !is_nested && !value.contains("%3") && !value.contains("%22") {
            return value.to_owned();
        }
        if depth > MAX_NESTED {
            return self.mark(value);
        }
        let cleaned = |text: &str| PAIR.replace_all(text, |pair: &Captures<'_>| self.pair(pair, depth)).into_owned();
        if is_nested {
            return cleaned(value);
        }
        let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        let cleaned = cleaned(&json::redact(self, &decoded));
        if cleaned == decoded {
            return value.to_owned();
        }
        percent_encoding::utf8_percent_encode(&cleaned, IN_A_QUERY).to_string()
    }
}

/// Pictures and sounds are compared as bytes, and nothing of them is told.
fn is_of_pictures(headers: &HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let is = |sort: &str| kind.get(..sort.len()).is_some_and(|start| start.eq_ignore_ascii_case(sort.as_bytes()));
    ["image/", "video/", "audio/", "font/"].into_iter().any(is) && !is("image/svg")
}

/// A value of an attribute, and the quote before it. In JSON and scripts, quotes are escaped.
fn unquoted(written: &str) -> (&str, &str) {
    let quote = quotes::first(written).unwrap_or_default();
    let inside = &written[quote.len()..];
    let end = match quote.starts_with('\\') {
        true => quotes::closing(inside, quote),
        false => inside.strip_suffix(quote).map(str::len),
    };
    (quote, end.map_or(inside, |end| &inside[..end]))
}

/// As JSON and scripts may have it.
const ESCAPED_EQUALS: [&str; 4] = [r"\u003d", r"\u003D", r"\x3d", r"\x3D"];

/// What `encodeURIComponent` would encode.
const IN_A_QUERY: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// These patterns are fixed and a test compiles them all; one that did not compile would match nothing.
fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|_| NEVER.clone())
}

#[allow(clippy::expect_used, reason = "the empty class is a valid pattern")]
static NEVER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[^\s\S]").expect("a valid pattern"));

/// In JSON and scripts, what parts pairs may be escaped: `\u0026token=…`, `\ntoken=…`, `token\u003d…`. Other escapes are of the value.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?P<before>^|[?&;#\s"'>(]|&amp;|\\(?:[nrt]|(?:u00|x)(?:2[0236789]|3[bBcCeEfF])))"#,
        r#"(?P<name>[A-Za-z0-9_.\-\[\]%]{1,64})(?P<is>=|\\(?:u00|x)3[dD])"#,
        r#"(?P<value>(?:[^&\s"'<>;#)\\]|\\(?:[^\snrtux"']|(?:u00|x)(?:2[1458a-fA-F]|3[0-9aAdDfF]|[04-9a-fA-F][0-9a-fA-F])|u(?:0[1-9a-fA-F]|[1-9a-fA-F])))+)"#
    ))
});
/// The head of a part of a form, and the first line of its value.
static PART: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)(?P<head>content-disposition:\s*form-data;(?:[^\r\n]*;)?\s*name="?(?P<name>[^"\r\n;]+)"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n)(?P<value>[^\r\n]+)"#,
    )
});
static USERINFO: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<before>://[^/\s:@]*:)(?P<password>[^/\s@]+)@"));
static BEARER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(?P<scheme>\b(?:bearer|basic|digest|token)\s+)(?P<credentials>[A-Za-z0-9._~+/=-]{12,})")
});
/// A JSON Web Token: three parts in base64url, the first of which begins with `{"`.
static WEB_TOKEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"));
static PRIVATE_KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"));
static EMAIL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[A-Za-z0-9._%+-]+(?:@|%40|&#64;)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"));
