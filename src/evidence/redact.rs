//! What must not be stored is taken out here, before the store: credentials, session ids, tokens, passwords.
//!
//! A secret becomes `REDACTED-` and eight digits of a keyed hash: equal secrets stay comparable within one run of the
//! door, and guessing one needs the key, which is never written. The marker is plain in a URL, a cookie, JSON and HTML.
//!
//! It works on text as it came, not on parsed trees: a sample must show the very bytes that differ, and a body that is
//! cut off or broken must be cleaned as well. Where it cannot tell, it redacts. Pure.

use std::borrow::Cow;
use std::hash::Hasher;
use std::sync::LazyLock;

use http::HeaderMap;
use regex::{Captures, Regex};
use siphasher::sip::SipHasher13;

use crate::diff::{Difference, Request};

mod json;
mod names;
#[cfg(test)]
mod tests;

pub use names::{Secrecy, secrecy};

/// What a secret is replaced by, followed by eight hexadecimal digits.
pub const MARKER: &str = "REDACTED-";

/// Bytes. What is shorter is no secret worth hunting for in bodies, and would tear words apart.
const SHORTEST_KNOWN_SECRET: usize = 8;
/// Secrets of one exchange that are hunted for in its bodies.
const MAX_KNOWN_SECRETS: usize = 64;

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
    /// Secrets of this exchange, the longest first: whoever prints one again prints it anywhere.
    known: Vec<String>,
}

impl Redactor {
    pub fn new(key: Key, emails: Emails) -> Self {
        Self { key, emails, known: Vec::new() }
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
            if secrecy(&pair["name"]) != Secrecy::None {
                redactor.learn(&pair["value"]);
            }
        }
        redactor.known.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        redactor
    }

    fn learn_header(&mut self, name: &str, value: &str) {
        match name {
            "cookie" => value.split(';').filter_map(|pair| pair.split_once('=')).for_each(|(_, v)| self.learn(v)),
            "set-cookie" => {
                let pair = value.split(';').next().unwrap_or_default();
                self.learn(pair.split_once('=').map_or("", |(_, v)| v));
            }
            "authorization" | "proxy-authorization" => {
                self.learn(value.split_once(' ').map_or(value, |(_, credentials)| credentials));
            }
            _ if secrecy(name) == Secrecy::Strong => self.learn(value),
            _ => {}
        }
    }

    fn learn(&mut self, secret: &str) {
        let secret = secret.trim().trim_matches('"');
        let decoded = percent_encoding::percent_decode_str(secret).decode_utf8_lossy();
        for form in [secret, decoded.as_ref()] {
            let is_new = !self.known.iter().any(|known| known == form);
            if form.len() >= SHORTEST_KNOWN_SECRET && is_new && self.known.len() < MAX_KNOWN_SECRETS {
                self.known.push(form.to_owned());
            }
        }
    }

    /// The marker of a secret.
    pub fn mark(&self, secret: &str) -> String {
        // Nothing, done before, or left out by whoever told it.
        if secret.is_empty() || secret.starts_with(MARKER) || secret == "…" {
            return secret.to_owned();
        }
        let mut hash = SipHasher13::new_with_key(&self.key.0);
        hash.write(secret.as_bytes());
        format!("{MARKER}{:08x}", hash.finish() as u32)
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
            name if secrecy(name) != Secrecy::None => self.mark(value),
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
        let text = self.without_known(text);
        let text = json::redact(self, &text);
        let text = TAG.replace_all(&text, |tag: &Captures<'_>| self.tag(&tag[0]));
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

    fn without_known<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.known {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), &self.mark(secret)));
            }
        }
        text
    }

    /// `name=value` of a query, a form or a cookie; how deep within other values.
    fn pair(&self, pair: &Captures<'_>, depth: usize) -> String {
        let (before, name, value) = (&pair["before"], &pair["name"], &pair["value"]);
        match secrecy(name) {
            Secrecy::None => format!("{before}{name}={}", self.nested_target(value, depth + 1)),
            // `state=open` filters a list; an OAuth state is no plain word.
            Secrecy::Weak if name.eq_ignore_ascii_case("state") && names::is_plain_word(value) => pair[0].to_owned(),
            Secrecy::Weak | Secrecy::Strong => format!("{before}{name}={}", self.mark(value)),
        }
    }

    /// A value that is itself a URL with a query, as it stands (`url=/x?token=…`) or encoded (`next=%2Fx%3Ftoken%3D…`).
    fn nested_target(&self, value: &str, depth: usize) -> String {
        let is_nested = value.contains('=');
        if !is_nested && !value.contains("%3") {
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
        let cleaned = cleaned(&decoded);
        if cleaned == decoded {
            return value.to_owned();
        }
        percent_encoding::utf8_percent_encode(&cleaned, IN_A_QUERY).to_string()
    }

    /// One HTML start tag: the value of an input or a meta with a telling name, and attributes with one of their own.
    fn tag(&self, tag: &str) -> String {
        let named_secret = ATTRIBUTE.captures_iter(tag).any(|attribute| {
            let (name, value) = (attribute["name"].to_ascii_lowercase(), unquoted(&attribute["value"]));
            (matches!(name.as_str(), "name" | "id" | "property") && secrecy(value) != Secrecy::None)
                || (name == "type" && value.eq_ignore_ascii_case("password"))
        });
        let cleaned = ATTRIBUTE.replace_all(tag, |attribute: &Captures<'_>| {
            let name = &attribute["name"];
            let is_value = matches!(name.to_ascii_lowercase().as_str(), "value" | "content");
            if (named_secret && is_value) || secrecy(name) == Secrecy::Strong {
                let value = unquoted(&attribute["value"]);
                attribute[0].replace(value, &self.mark(value))
            } else {
                attribute[0].to_owned()
            }
        });
        cleaned.into_owned()
    }

    /// A difference as it may be stored: its path tells what its values are.
    pub fn difference(&self, difference: &Difference) -> Difference {
        let value = |text: &Option<String>| text.as_deref().map(|text| self.difference_text(&difference.path, text));
        Difference {
            control: value(&difference.control),
            candidate: value(&difference.candidate),
            path: self.without_known(&difference.path).into_owned(),
            ..difference.clone()
        }
    }

    fn difference_text(&self, path: &str, text: &str) -> String {
        if let Some(header) = path.strip_prefix("header:") {
            return self.header(header, text);
        }
        if let Some(cookie) = path.strip_prefix("cookie:") {
            return self.cookie_text(cookie, text);
        }
        match names::secrecy_of_path(path) {
            Secrecy::Strong => self.mark(text),
            Secrecy::Weak if !names::is_plain_word(text.trim_matches('"')) => self.mark(text),
            Secrecy::Weak | Secrecy::None => self.text(text),
        }
    }

    /// What is told of one cookie: `name=value; attributes`, attributes alone, or its value.
    fn cookie_text(&self, path: &str, text: &str) -> String {
        let name = path.split([';', '/', '.', ' ']).next().unwrap_or(path);
        if text.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')) {
            return self.set_cookie(text);
        }
        if COOKIE_ATTRIBUTES.is_match(text) { text.to_owned() } else { self.mark(text) }
    }
}

fn unquoted(value: &str) -> &str {
    value.trim_matches(['"', '\''])
}

/// What `encodeURIComponent` would encode.
const IN_A_QUERY: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// These patterns are fixed and a test compiles them all; one that did not compile would match nothing.
fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|_| NEVER.clone())
}

#[allow(clippy::expect_used, reason = "the empty class is a valid pattern")]
static NEVER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[^\s\S]").expect("a valid pattern"));

static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?P<before>^|[?&;\s"'>(]|&amp;)(?P<name>[A-Za-z0-9_.\-\[\]%]{1,64})=(?P<value>[^&\s"'<>;#)]+)"#)
});
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r#"<[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>?"#));
static ATTRIBUTE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?P<name>[A-Za-z_:@][\w:.@-]*)\s*=\s*(?P<value>"[^"]*"?|'[^']*'?|[^\s"'>]+)"#));
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
static COOKIE_ATTRIBUTES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*;?\s*(?:(?:path|domain|expires|max-age|samesite|priority)=[^;]*|secure|httponly|partitioned|lax|strict|none|absent|present|session|persistent|/[^;]*|[0-9]+(?: ?s)?)(?:\s*;\s*(?:(?:path|domain|expires|max-age|samesite|priority)=[^;]*|secure|httponly|partitioned))*\s*$",
    )
});
