//! "did you mean": the known name that a misspelt one is nearest to.

/// Less alike than this, a suggestion would be a guess (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.8;

/// The nearest of the known names, if it is near enough.
pub fn nearest<'a>(misspelt: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = misspelt.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// `, did you mean "shadow"?`, or the known names where none is near.
pub fn hint<'a>(misspelt: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(misspelt, known.clone()) {
        Some(name) => format!(", did you mean {name:?}?"),
        None => format!(", want {}", one_of(known)),
    }
}

/// `a, b or c`
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        assert_eq!(nearest("shadwo", ["legacy", "shadow", "canary"]), Some("shadow"));
        assert_eq!(nearest("get", ["GET", "HEAD"]), Some("GET"));
        assert_eq!(nearest("colour", ["legacy", "shadow"]), None);
        assert_eq!(hint("x", ["a", "b", "c"]), ", want a, b or c");
    }
}
