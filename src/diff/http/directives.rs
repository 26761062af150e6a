//! Header values that are lists: of tokens, of directives, of `name=value`. Parsed loosely, as clients do.

use std::collections::{BTreeMap, BTreeSet};

/// Splits at a separator that is not inside quotes or `<>`.
pub fn split(value: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut angled, mut escaped) = (0, false, false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angled = true,
            '>' if !quoted => angled = false,
            c if c == separator && !quoted && !angled => {
                parts.push(value.get(start..at).unwrap_or_default().trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(value.get(start..).unwrap_or_default().trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// A comma-separated set of tokens without case.
pub fn tokens(values: &[String]) -> BTreeSet<String> {
    values.iter().flat_map(|value| split(value, ',')).map(str::to_ascii_lowercase).collect()
}

/// `a, b=1, c="2"` → names in lower case with their values, unquoted; the first of a name counts.
pub fn named(values: &[String], separator: char) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    for part in values.iter().flat_map(|value| split(value, separator)) {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name, Some(value.trim().trim_matches('"').to_owned())),
            None => (part, None),
        };
        found.entry(name.trim().to_ascii_lowercase()).or_insert(value);
    }
    found
}
