//! How one value became the other, and which cause a difference belongs to.
//!
//! [`infer`] names the transform between two values, by trying those that ports are known for, surest first; [`fingerprint`] makes one
//! name for all differences of one cause: route, place, kind and transform, but never a value; [`detail`] says of two values by how much.

mod detail;
mod leak;
mod numbers;
mod place;
mod signs;
mod strings;

use std::borrow::Cow;

use super::comparison::{Difference, Kind};
use super::sink::Finding;
pub use detail::detail;
pub use leak::is_leak;
pub use place::collapse;

/// The transform that turned legacy's value into new's, where it can be told.
pub fn infer(finding: &Finding) -> Option<&'static str> {
    if !matches!(finding.kind, Kind::Value | Kind::Type | Kind::Text | Kind::Attribute | Kind::Body) {
        return None;
    }
    let (control, candidate) = (&*finding.control.as_ref()?.text(), &*finding.candidate.as_ref()?.text());
    if finding.kind == Kind::Type {
        return Some(type_change(control, candidate));
    }
    match (json_string(control), json_string(candidate)) {
        (Some(old), Some(new)) => values(&old, &new),
        _ => values(control, candidate),
    }
}

/// In longer texts nobody looks for a transform: each costs the whole text. Bytes.
const LONGEST: usize = 16 << 10;

/// The transform between two texts or numbers.
pub fn values(control: &str, candidate: &str) -> Option<&'static str> {
    if control == candidate || control.len().max(candidate.len()) > LONGEST {
        return None;
    }
    numbers::infer(control, candidate).or_else(|| strings::infer(control, candidate)).or_else(|| {
        let (old, new) = core(control, candidate)?;
        numbers::infer(old, new).or_else(|| strings::infer(old, new))
    })
}

fn json_string(shown: &str) -> Option<Cow<'_, str>> {
    let inside = shown.strip_prefix('"')?.strip_suffix('"')?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str(shown).ok().map(Cow::Owned)
}

/// Two JSON values of different types.
fn type_change(control: &str, candidate: &str) -> &'static str {
    let (old, new) = (sort(control), sort(candidate));
    match (old, new) {
        (_, "string") if matches!(candidate, "\"None\"" | "\"True\"" | "\"False\"" | "\"nan\"") => "none_printed",
        (_, "odd") => "nan_printed",
        ("string", "number") if candidate == "0" => "cast_to_zero",
        ("string", "number") => "string_to_number",
        ("number", "string") => "number_to_string",
        ("bool", "number") | ("number", "bool") => "bool_and_number",
        ("bool", "string") | ("string", "bool") => "bool_and_string",
        ("null", "string") | ("string", "null") if control == "\"\"" || candidate == "\"\"" => "null_and_empty",
        ("list", "null") | ("object", "null") => "empty_to_null",
        ("null", "list") | ("null", "object") => "null_to_empty",
        ("list", "object") | ("object", "list") => "list_and_object",
        ("object", "string") | ("list", "string") => "encoded_twice",
        ("string", "object") | ("string", "list") => "no_longer_encoded_twice",
        (_, "null") => "became_null",
        ("null", _) => "was_null",
        _ => "type_changed",
    }
}

fn sort(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'{') => "object",
        Some(b'[') => "list",
        Some(b't' | b'f') => "bool",
        Some(b'n') => "null",
        Some(b'N' | b'I') => "odd",
        Some(b'-') if json.starts_with("-I") => "odd",
        _ => "number",
    }
}

/// What is left when the common start and end, cut at word boundaries, are taken away.
fn core<'a>(control: &'a str, candidate: &'a str) -> Option<(&'a str, &'a str)> {
    let in_word =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '-' | ':' | '&' | ';' | '#' | '%' | '+' | '\\');
    let mut start = 0;
    for ((at, a), b) in control.char_indices().zip(candidate.chars()) {
        if a != b {
            break;
        }
        if !in_word(a) {
            start = at + a.len_utf8();
        }
    }
    let (old, new) = (control.get(start..)?, candidate.get(start..)?);
    let mut cut = 0;
    let mut seen = 0;
    for (a, b) in old.chars().rev().zip(new.chars().rev()) {
        if a != b {
            break;
        }
        seen += a.len_utf8();
        if !in_word(a) {
            cut = seen;
        }
    }
    let (old, new) = (old.get(..old.len().checked_sub(cut)?)?, new.get(..new.len().checked_sub(cut)?)?);
    (old.len() < control.len() || new.len() < candidate.len()).then_some((old, new))
}

/// One cause: the route, the path with indexes collapsed, the kind and the transform, but no value. Twelve hex digits, stable over versions.
pub fn fingerprint(route: &str, difference: &Difference) -> String {
    fingerprint_at(route, &collapse(&difference.path), difference.kind, difference.cause.as_deref())
}

/// As [`fingerprint`], of a place that is already collapsed.
pub fn fingerprint_at(route: &str, place: &str, kind: Kind, cause: Option<&str>) -> String {
    let text = format!("{route}\n{place}\n{}\n{}", kind.name(), cause.unwrap_or_default());
    let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    format!("{:012x}", hash >> 16)
}

#[cfg(test)]
mod tests;
