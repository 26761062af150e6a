//! Where a difference stands, and what that says of its values.

use super::html::holds_value;
use super::names::{self, Secrecy, secrecy};

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
