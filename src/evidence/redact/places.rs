//! Where a difference stands, and what that says of its values.

use std::borrow::Cow;

use super::html::holds_value;
use super::names::{self, Secrecy, secrecy};
use super::values;

/// How surely the value at a field path (JSON pointer or CSS selector) is a secret.
pub fn secrecy_of_path(path: &str) -> Secrecy {
    if path.starts_with('/') {
        let mut members = path.rsplit('/');
        let own = members.next().unwrap_or_default();
        // A name that is not sure says something about its own value only, not about all that lies below it.
        let lies_in_secret = members.any(|above| secrecy(above).is_sure());
        return match secrecy(own) {
            _ if lies_in_secret && names::is_about(own) => Secrecy::About,
            _ if lies_in_secret => Secrecy::Strong,
            own => own,
        };
    }
    // A selector names its element by attributes: `input[name="csrf_token"]`.
    let quoted = path.split('[').skip(1).filter_map(|part| part.split(']').next()).filter_map(|part| {
        let (attribute, value) = part.split_once('=')?;
        Some((attribute.trim_end_matches(['~', '^', '$', '*', '|']), value.trim_matches(['"', '\''])))
    });
    let of_element = quoted.map(|(attribute, value)| match attribute {
        "type" if value == "password" => Secrecy::Strong,
        "name" | "id" => of_field(value),
        _ => Secrecy::None,
    });
    // An attribute is named itself, `div[data-csrf-token]`, or holds the value of the element: `#csrf_token[value]`.
    let place = Place::of(path);
    let of_attribute = place.attribute.map_or(Secrecy::None, |attribute| match (secrecy(attribute), place.id) {
        (Secrecy::Weak, _) => Secrecy::None,
        (Secrecy::None, Some(id)) if holds_value(attribute) => of_field(id),
        (own, _) => own,
    });
    of_element.max().unwrap_or(Secrecy::None).max(of_attribute)
}

/// How surely the field of a page is a secret that has this name: in forms, a weak one is enough.
fn of_field(name: &str) -> Secrecy {
    match secrecy(name) {
        Secrecy::Weak => Secrecy::Strong,
        secrecy => secrecy,
    }
}

/// A JSON pointer with `*` for members of secrets that look drawn: `/sessions/*/name`.
pub fn without_keys(path: &str) -> Cow<'_, str> {
    if !path.starts_with('/') || !names::may_tell(path) {
        return Cow::Borrowed(path);
    }
    let mut lies_in_secret = false;
    let members = path.split('/').map(|member| {
        let is_key = lies_in_secret && values::is_drawn_key(member);
        lies_in_secret |= secrecy(member).is_sure();
        if is_key { "*" } else { member }
    });
    Cow::Owned(members.collect::<Vec<_>>().join("/"))
}

/// Whether a path has a part that looks drawn: in most there is nothing to look for.
pub fn may_name_secret(path: &str) -> bool {
    let parts = |letter: char| " >#.:()[]\"=".contains(letter) || (letter == '/' && path.starts_with('/'));
    path.split(parts).any(|part| values::is_drawn(part.trim_start_matches('/')))
}

/// A path as its names read, if that is not how they are written: `~1` in a JSON pointer, `\+` in a selector.
pub fn unescaped(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return path.contains('~').then(|| path.replace("~1", "/").replace("~0", "~"));
    }
    let (first, escaped) = path.split_once('\\')?;
    let escaped = escaped.split('\\').map(|part| {
        // `\39 `: no name begins with a digit.
        let digit = part.strip_prefix('3').filter(|rest| rest.get(1..2) == Some(" "));
        digit.map_or_else(|| part.to_owned(), |digit| digit.replacen(' ', "", 1))
    });
    Some(std::iter::once(first.to_owned()).chain(escaped).collect())
}

/// Where a difference of two pages stands, as far as its selector tells.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// `None`: the selector says the id only.
    pub element: Option<&'a str>,
    pub id: Option<&'a str>,
    pub attribute: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub fn of(selector: &'a str) -> Self {
        let last = selector.rsplit(" > ").next().unwrap_or_default();
        let (step, attribute) = match last.strip_suffix(']').and_then(|last| last.rsplit_once('[')) {
            Some((step, attribute)) if !attribute.contains('=') => (step, Some(attribute)),
            _ => (last, None),
        };
        match step.strip_prefix('#') {
            Some(id) => Self { element: None, id: Some(id), attribute },
            None => Self { element: step.split([':', '[', '.']).next(), id: None, attribute },
        }
    }
}
