//! How one value became the other, and which cause a difference belongs to.

use super::comparison::Difference;
use super::sink::Finding;

/// The transform that turned legacy's value into new's, where it can be told.
pub fn infer(finding: &Finding) -> Option<&'static str> {
    let _ = finding;
    None
}

/// One cause: the route, the path with indexes collapsed, the kind and the transform, but no value. Twelve hex digits, stable over versions.
pub fn fingerprint(route: &str, difference: &Difference) -> String {
    let text = format!(
        "{route}\n{}\n{}\n{}",
        collapse(&difference.path),
        difference.kind.name(),
        difference.cause.as_deref().unwrap_or_default()
    );
    let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    format!("{:012x}", hash >> 16)
}

/// `/results/3/Name` → `/results/*/Name`; `li:nth-child(3)` → `li:nth-child(*)`.
pub fn collapse(path: &str) -> String {
    if path.starts_with('/') {
        let collapsed = path.split('/').map(|segment| match segment {
            index if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => "*",
            name => name,
        });
        return collapsed.collect::<Vec<_>>().join("/");
    }
    let mut collapsed = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('(') {
        collapsed.push_str(before);
        collapsed.push('(');
        match after.split_once(')') {
            Some((inside, tail)) if before.ends_with(":nth-child") || before.ends_with(":nth-of-type") => {
                let _ = inside;
                collapsed.push_str("*)");
                rest = tail;
            }
            _ => rest = after,
        }
    }
    collapsed.push_str(rest);
    collapsed
}
