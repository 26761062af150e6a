//! What is told of a difference: its path says what its values are.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::places::{self, Place};
use super::{Redactor, Secrecy, pattern, secrecy, values};
use crate::diff::Difference;

impl Redactor {
    /// A difference as it may be stored: its path tells what its values are.
    pub fn difference(&self, difference: &Difference) -> Difference {
        let value = |text: &Option<String>| text.as_deref().map(|text| self.difference_text(&difference.path, text));
        Difference {
            control: value(&difference.control),
            candidate: value(&difference.candidate),
            path: self.without_known(&self.path(&difference.path)).into_owned(),
            ..difference.clone()
        }
    }

    /// Where a difference stands, without secrets that are the names of members or the ids of elements: `*` stands for those.
    pub fn path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        if !places::may_name_secret(path) {
            return Cow::Borrowed(path);
        }
        let path = places::without_keys(path);
        let hidden = |path: &str| {
            // What could be a word of the page is one in most paths.
            let cleaned =
                self.known.replaced(path, |secret| if values::is_drawn(secret) { "*" } else { secret }.to_owned());
            (cleaned != path).then(|| cleaned.into_owned())
        };
        match hidden(&path).or_else(|| hidden(&places::unescaped(&path)?)) {
            Some(cleaned) => Cow::Owned(cleaned),
            None => path,
        }
    }

    fn difference_text(&self, path: &str, text: &str) -> String {
        if let Some(header) = path.strip_prefix("header:") {
            return self.header(header, text);
        }
        if let Some(cookie) = path.strip_prefix("cookie:") {
            return self.cookie_text(cookie, text);
        }
        let (secrecy, value) = (places::secrecy_of_path(path), text.trim_matches('"'));
        let is_shown = secrecy == Secrecy::Weak && values::is_plain_word(value);
        if secrecy.hides(value) && !is_shown {
            return self.mark(text);
        }
        if path.starts_with('/') { self.text(text) } else { self.page_text(path, text) }
    }

    /// What is told of a place on a page.
    fn page_text(&self, path: &str, text: &str) -> String {
        // JSON in a script or an attribute is told with its own pointer: `/csrf/token: "…"`.
        if let Some((pointer, value)) = text.split_once(": ")
            && pointer.starts_with('/')
        {
            return format!("{}: {}", self.without_known(&self.path(pointer)), self.difference_text(pointer, value));
        }
        let Place { element, id, attribute } = Place::of(path);
        let fields = match (attribute, element) {
            (Some(attribute), _) => vec![attribute],
            (None, Some(element)) => vec![element],
            (None, None) => vec!["textarea", "option"],
        };
        let is_known = fields.iter().any(|field| self.known.is_field(field, text))
            || (attribute.is_none()
                && element.is_some_and(|element| is_sure_of(element) && secrecy(element).hides(text)));
        // `<b id="csrf-token">`; a hint on passwords is no secret.
        let is_named = id.is_some_and(is_sure_of) && values::is_drawn(text);
        let may_be_any = self.known.overflowed() && !values::is_plain_word(text);
        if is_known || is_named || may_be_any { self.mark(text) } else { self.text(text) }
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

fn is_sure_of(name: &str) -> bool {
    secrecy(name).is_sure()
}

pub static COOKIE_ATTRIBUTES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*;?\s*(?:(?:path|domain|expires|max-age|samesite|priority)=[^;]*|secure|httponly|partitioned|lax|strict|none|absent|present|session|persistent|/[^;]*|[0-9]+(?: ?s)?)(?:\s*;\s*(?:(?:path|domain|expires|max-age|samesite|priority)=[^;]*|secure|httponly|partitioned))*\s*$",
    )
});
