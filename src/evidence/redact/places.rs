//! Where a difference stands, and what that says of its values.

use super::html::holds_value;
use super::names::{Secrecy, secrecy};

/// How surely the value at a field path (JSON pointer or CSS selector) is a secret.
pub fn secrecy_of_path(path: &str) -> Secrecy {
    if path.starts_with('/') {
        let of = |segment: &str| match secrecy(segment) {
            // A weak name says something about its own value only, not about all that lies below it.
            Secrecy::Weak if !path.ends_with(segment) => Secrecy::None,
            secrecy => secrecy,
        };
        return path.split('/').map(of).max().unwrap_or(Secrecy::None);
    }
    // A selector names its element by attributes: `input[name="csrf_token"]`.
    let quoted = path.split('[').skip(1).filter_map(|part| part.split(']').next()).filter_map(|part| {
        let (attribute, value) = part.split_once('=')?;
        Some((attribute.trim_end_matches(['~', '^', '$', '*', '|']), value.trim_matches(['"', '\''])))
    });
    for (attribute, value) in quoted {
        let is_password = attribute == "type" && value == "password";
        if is_password || (matches!(attribute, "name" | "id") && secrecy(value) != Secrecy::None) {
            return Secrecy::Strong;
        }
    }
    // An attribute is named itself, `div[data-csrf-token]`, or holds the value of the element: `#csrf_token[value]`.
    let place = Place::of(path);
    let is_named = place.attribute.is_some_and(|attribute| {
        secrecy(attribute) == Secrecy::Strong
            || (holds_value(attribute) && place.id.is_some_and(|id| secrecy(id) != Secrecy::None))
    });
    if is_named { Secrecy::Strong } else { Secrecy::None }
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
