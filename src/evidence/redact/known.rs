//! The secrets of one exchange, hunted for wherever they are printed again: a script prints the token of a form, and of a difference
//! only the value is told, without the name that betrays it.
//!
//! Looking takes one pass over a text, however many are known. What could be a word of the page (`required`, `active`, `42`) is not
//! hunted for: it is known at the attribute or element that it was found at, and only as all that stands there.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::IN_A_QUERY;
use super::values::is_drawn;
use crate::diff::html;

/// Bytes. What is shorter is no secret worth hunting for in bodies, and would tear words apart.
pub const SHORTEST: usize = 8;
/// The same under a name that may mean something else (`key`, `code`).
pub const SHORTEST_WEAK: usize = 16;
/// What base64 has of what is coded in URLs; other secrets with such are not looked for in them.
const CODED_IN_URLS: [char; 3] = ['+', '/', '='];
/// Secrets of one exchange that are kept; some megabytes at most, for as long as the pair is looked at.
const MOST: usize = 50_000;

#[derive(Debug, Clone, Default)]
pub struct Known {
    secrets: BTreeSet<String>,
    /// How they begin.
    starts: HashSet<u64>,
    /// Of which attribute or element, and what stood there.
    fields: BTreeSet<(String, String)>,
    /// There were more than [`MOST`].
    overflowed: bool,
}

impl Known {
    /// A secret that is hunted for, whatever it looks like; one that was drawn is, too, as it is coded in URLs.
    pub fn learn(&mut self, secret: &str) {
        for form in forms(secret) {
            if is_drawn(&form) {
                self.keep(percent_encoding::utf8_percent_encode(&form, IN_A_QUERY).to_string());
                self.keep(URL_SAFE_NO_PAD.encode(&*form));
                self.keep(STANDARD_NO_PAD.encode(&*form));
            }
            self.keep(form.into_owned());
        }
    }

    /// What was found under a telling name; `is_surely`: under one that can mean nothing else.
    pub fn learn_found(&mut self, secret: &str, is_surely: bool) {
        let is_hunted = |form: &str| {
            let may_be_shown = form.len() < SHORTEST_WEAK || form.contains(['.', '/']);
            is_drawn(form) && (is_surely || !may_be_shown)
        };
        for form in forms(secret).into_iter().filter(|form| is_hunted(form)) {
            if form.contains(CODED_IN_URLS) {
                self.keep(percent_encoding::utf8_percent_encode(&form, IN_A_QUERY).to_string());
            }
            self.keep(form.into_owned());
        }
    }

    /// What stood in an attribute, or in an element, that holds a secret.
    pub fn learn_field(&mut self, field: &str, value: &str) {
        for form in forms(value).into_iter().filter(|form| !form.is_empty()) {
            let at = (field.to_ascii_lowercase(), form.into_owned());
            if self.fields.contains(&at) || self.has_room() {
                self.fields.insert(at);
            }
        }
    }

    fn keep(&mut self, secret: String) {
        if secret.len() >= SHORTEST && (self.secrets.contains(&secret) || self.has_room()) {
            self.starts.extend(start(secret.as_bytes()));
            self.secrets.insert(secret);
        }
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.secrets.len() + self.fields.len() < MOST;
        self.overflowed |= !has_room;
        has_room
    }

    /// There were more secrets than are kept: what is in none of the lists may be one.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Whether this is what stood in a field that holds a secret, or the beginning of it.
    pub fn is_field(&self, field: &str, value: &str) -> bool {
        let (value, is_whole) = match uncut(value) {
            Some(shown) => (shown, false),
            None => (value.trim(), true),
        };
        // Where the path does not say which element it is, it may be any.
        if field == "*" {
            let is_it = |whole: &str| whole == value || (!is_whole && whole.starts_with(value));
            return self.fields.iter().any(|(_, whole)| is_it(whole));
        }
        let at = (field.to_ascii_lowercase(), value.to_owned());
        match self.fields.range(&at..).next() {
            Some(known) if is_whole => *known == at,
            Some((known, whole)) => *known == at.0 && whole.starts_with(value),
            None => false,
        }
    }

    /// The text with every secret replaced, and with the beginning of one that it ends with.
    pub fn replaced<'a>(&self, text: &'a str, mark: impl Fn(&str) -> String) -> Cow<'a, str> {
        if self.secrets.is_empty() {
            return Cow::Borrowed(text);
        }
        let shown = uncut(text).map_or(text.len(), str::len);
        let mut cleaned = String::new();
        let (mut copied, mut at) = (0, 0);
        while at + SHORTEST <= text.len() {
            let found = self.at(text, at, shown);
            if found == 0 {
                at += 1;
                continue;
            }
            cleaned.push_str(&text[copied..at]);
            cleaned.push_str(&mark(&text[at..at + found]));
            at += found;
            copied = at;
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        cleaned.push_str(&text[copied..]);
        Cow::Owned(cleaned)
    }

    /// How long a secret is that stands here; 0: none does. Where the text ends at `shown`, it may end within one.
    fn at(&self, text: &str, at: usize, shown: usize) -> usize {
        let begins = start(&text.as_bytes()[at..]).is_some_and(|start| self.starts.contains(&start));
        if !begins || !text.is_char_boundary(at) {
            return 0;
        }
        if let Some(rest) = text.get(at..shown) {
            let next = self.secrets.range::<str, _>((Bound::Included(rest), Bound::Unbounded)).next();
            if rest.len() >= SHORTEST && next.is_some_and(|secret| secret.starts_with(rest)) {
                return rest.len();
            }
        }
        self.longest(&text[at..])
    }

    /// The length of the longest secret that the text begins with.
    fn longest(&self, text: &str) -> usize {
        let mut most = text;
        while most.len() >= SHORTEST {
            let mut upto = self.secrets.range::<str, _>((Bound::Unbounded, Bound::Included(most)));
            let Some(secret) = upto.next_back() else { return 0 };
            if most.starts_with(secret.as_str()) {
                return secret.len();
            }
            let shared = secret.bytes().zip(most.bytes()).take_while(|(one, other)| one == other).count();
            most = &most[..most.floor_char_boundary(shared)];
        }
        0
    }
}

/// The first bytes of a secret, or of a text.
fn start(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|first: &[u8; SHORTEST]| u64::from_le_bytes(*first))
}

/// A secret as it may be printed: as it came, without the escapes of URLs, HTML and JSON, and with its blanks as a page shows them.
fn forms(secret: &str) -> Vec<Cow<'_, str>> {
    let secret = secret.trim().trim_matches('"');
    let mut forms = vec![Cow::Borrowed(secret)];
    if secret.contains('%') {
        forms.push(percent_encoding::percent_decode_str(secret).decode_utf8_lossy());
    }
    if secret.contains('&') {
        forms.push(html::decoded(secret));
    }
    if secret.contains('\\') {
        forms.extend(serde_json::from_str(&format!("\"{secret}\"")).ok().map(Cow::Owned));
    }
    if secret.contains(char::is_whitespace) {
        forms.push(Cow::Owned(secret.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    forms
}

/// What is left of a value that was too long to be shown whole: `abc… (400 bytes)`.
fn uncut(text: &str) -> Option<&str> {
    let (shown, size) = text.strip_suffix(" bytes)")?.rsplit_once("… (")?;
    size.bytes().all(|byte| byte.is_ascii_digit()).then_some(shown)
}
