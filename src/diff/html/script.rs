//! Inline scripts that hold JSON: compared as JSON, told at the script's place.

use super::attribute::Surroundings;
use super::dom::{Dom, NodeId};
use super::{link, volatile};
use crate::diff::comparison::Comparison;
use crate::diff::json;
use crate::diff::rules::Rule;
use crate::diff::scope::Scope;
use crate::diff::sink::Sink;

/// `application/json`, `application/ld+json`, `importmap`…
pub(super) fn is_json(dom: &Dom<'_>, node: NodeId) -> bool {
    dom.name(node) == Some("script")
        && dom.attribute(node, "type").is_some_and(|kind| {
            let kind = kind.trim().to_ascii_lowercase();
            kind == "application/json"
                || kind.ends_with("+json")
                || matches!(kind.as_str(), "importmap" | "speculationrules")
        })
}

/// Is the value of an attribute a JSON object or list? Those that components are given are.
pub(super) fn holds_json(value: &str) -> bool {
    looks_like_json(value) && serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok()
}

/// The words of a script or of the JSON in an attribute, escapes left out: the same for most that differ in spelling alone, and many
/// of them if a value differs, so that they are found to stand for each other.
pub(super) fn words(text: &str) -> impl Iterator<Item = &[u8]> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        loop {
            let length = rest.iter().take_while(|c| c.is_ascii_alphanumeric()).count();
            let (word, behind) = rest.split_at(length);
            let between = match behind {
                [] if word.is_empty() => return None,
                [b'\\', b'u', ..] => 6,
                [b'\\', ..] => 2,
                _ => 1,
            };
            rest = behind.get(between..).unwrap_or_default();
            if !word.is_empty() {
                return Some(word);
            }
        }
    })
}

/// May an attribute's value be JSON?
pub(super) fn looks_like_json(value: &str) -> bool {
    value.trim_start().starts_with(['{', '['])
}

/// The option that a difference between two members is about: an address of the own site, the id of a build, a token.
pub(super) fn rule_of(pointer: &str, old: &str, new: &str, around: &Surroundings) -> Option<Rule> {
    let (old, new): (String, String) = (serde_json::from_str(old).ok()?, serde_json::from_str(new).ok()?);
    let name = pointer.rsplit('/').next()?;
    if link::names_build(name) && link::are_builds(&old, &new) {
        return Some(Rule::AssetVersion);
    }
    if volatile::named_token(name).is_some_and(|sure| volatile::same_token(sure, &old, &new)) {
        return Some(Rule::Csrf);
    }
    let are_targets = [&old, &new].iter().all(|value| link::form(value) != link::Form::Relative);
    let is_same =
        || link::canonical(&old) == link::canonical(&new) || link::same_page(around.page.as_ref(), &old, &new);
    (are_targets && is_same()).then_some(Rule::OwnHostLinks)
}

/// What the JSON comparer says of the two texts, by JSON pointers.
pub(super) fn compare_json(old: &str, new: &str, scope: &Scope<'_>) -> Comparison {
    let mut inner = Sink::new(scope.rules, scope.now);
    inner.weigh(old.len() + new.len(), 0);
    json::compare(old, new, scope, &mut inner);
    inner.finish()
}

/// Two scripts that differ in the JSON that is given to a name or a function, and in nothing else: `window.App = {…};`, `init([…])`.
/// Each such value is compared for itself; `None`: more differs.
pub(super) fn compare_values(old: &str, new: &str, scope: &Scope<'_>) -> Option<Vec<Comparison>> {
    const MOST: usize = 32;
    let (mut old, mut new) = (old, new);
    let mut compared = Vec::new();
    while old != new {
        let (a, b) = (json_in(old)?, json_in(new)?);
        let found = compare_json(&old[a.0..a.1], &new[b.0..b.1], scope);
        if old[..a.0] != new[..b.0] || compared.len() >= MOST {
            return None;
        }
        compared.push(found);
        (old, new) = (&old[a.1..], &new[b.1..]);
    }
    Some(compared)
}

/// Where the first JSON object or list stands that is given to a name or a function.
fn json_in(text: &str) -> Option<(usize, usize)> {
    const TRIES: usize = 16;
    let marks = memchr::memchr2_iter(b'=', b'(', text.as_bytes());
    let starts = marks.map(|mark| {
        let rest = &text[mark + 1..];
        (text.len() - rest.trim_start().len(), rest.trim_start())
    });
    starts.filter(|(_, rest)| rest.starts_with(['{', '['])).take(TRIES).find_map(|(start, rest)| {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
        values.next()?.ok()?;
        Some((start, start + values.byte_offset()))
    })
}

/// A value with its pointer before it: `/price: 3`.
pub(super) fn at_pointer(pointer: &str, value: String) -> String {
    if pointer.starts_with('/') { format!("{pointer}: {value}") } else { value }
}
