//! "did you mean": the known name that a misspelt one is nearest to.

/// Less alike than this, a suggestion would be a guess (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.8;
/// One slip (a letter added, dropped, exchanged or swapped) is forgiven in words of at least this length: in shorter ones
/// it makes another word.
const FORGIVING: usize = 3;

/// The nearest of the known names, if it is near enough.
pub fn nearest<'a>(misspelt: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = misspelt.to_lowercase();
    let distances = known.into_iter().filter_map(|name| Some((distance(&lower, &name.to_lowercase())?, name)));
    distances
        .min_by(|((slips, unlike), _), ((other_slips, other_unlike), _)| {
            slips.cmp(other_slips).then(unlike.total_cmp(other_unlike))
        })
        .map(|(_, name)| name)
}

/// In slips, then in how little the words resemble each other; `None`: too far to be meant.
fn distance(misspelt: &str, name: &str) -> Option<(usize, f64)> {
    let (slips, likeness) = (strsim::damerau_levenshtein(misspelt, name), strsim::jaro_winkler(misspelt, name));
    let one_slip = slips <= 1 && misspelt.chars().count() >= FORGIVING;
    (one_slip || likeness >= ALIKE).then_some((slips, 1.0 - likeness))
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
        assert_eq!(nearest("rcp", ["rss", "rpc"]), Some("rpc"));
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(nearest("colour", ["legacy", "shadow"]), None);
        assert_eq!(hint("x", ["a", "b", "c"]), ", want a, b or c");
    }
}
