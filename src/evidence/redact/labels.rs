//! Secrets that a page shows behind their names: `<dt>API key</dt><dd>…</dd>`, `<th>Token</th><td>…</td>`, `<label>PIN</label> …`.

use std::borrow::Cow;

use super::values::is_shown_secret;
use super::{Redactor, Secrecy, secrecy};

/// Bytes of a label.
const LONGEST: usize = 64;

impl Redactor {
    /// The text of a page without what follows an element that names a secret, if it looks like one: of most labels nothing follows
    /// that they name.
    pub(super) fn labelled<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut cleaned = String::new();
        let mut copied = 0;
        let mut label = Secrecy::None;
        // From the beginning of a tag to that of the next.
        let mut tag = 0;
        while let Some(end) = memchr::memchr(b'>', &text.as_bytes()[tag..]) {
            let from = tag + end + 1;
            let next = memchr::memchr(b'<', &text.as_bytes()[from..]).map_or(text.len(), |at| from + at);
            let shown = text[from..next].trim();
            if !shown.is_empty() {
                if label.is_sure() && label.hides(shown) && is_shown_secret(shown) {
                    self.note_field(element(&text[tag..from]), shown);
                    let start = next - text[from..next].trim_start().len();
                    cleaned.push_str(&text[copied..start]);
                    cleaned.push_str(&self.mark(shown));
                    copied = start + shown.len();
                }
                label = if ends_element(&text[next..]) { named_by(shown) } else { Secrecy::None };
            }
            tag = next;
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        cleaned.push_str(&text[copied..]);
        Cow::Owned(cleaned)
    }
}

fn named_by(label: &str) -> Secrecy {
    if label.len() > LONGEST || label.contains('%') { Secrecy::None } else { secrecy(label) }
}

/// Is this an end tag, in a page or in JSON?
fn ends_element(tag: &str) -> bool {
    tag.starts_with("</") || tag.starts_with("<\\/")
}

/// The name that a tag has.
fn element(tag: &str) -> &str {
    let name = tag.trim_start_matches('<');
    name.split(|c: char| !c.is_alphanumeric() && c != '-').next().unwrap_or_default()
}
