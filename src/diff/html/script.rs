//! Inline scripts that hold JSON: compared as JSON, told at the script's place.

use super::dom::{Dom, NodeId};
use crate::diff::comparison::Comparison;
use crate::diff::json;
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

/// What the JSON comparer says of the two texts, by JSON pointers.
pub(super) fn compare_json(old: &str, new: &str, scope: &Scope<'_>) -> Comparison {
    let mut inner = Sink::new(scope.rules, scope.now);
    json::compare(old, new, scope, &mut inner);
    inner.finish()
}

/// A value with its pointer before it: `/price: 3`.
pub(super) fn at_pointer(pointer: &str, value: String) -> String {
    if pointer.starts_with('/') { format!("{pointer}: {value}") } else { value }
}
