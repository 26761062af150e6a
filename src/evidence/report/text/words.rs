//! What came from outside, as words of one line: nothing in it can write on a terminal.

/// Columns that a value of a difference may take.
const VALUE_WIDTH: usize = 100;

/// A field path; the empty one is the document itself.
pub fn place(path: &str) -> String {
    if path.is_empty() { "(root)".to_owned() } else { plain(path) }
}

/// What both said, on one line each.
pub fn values(old: Option<&str>, new: Option<&str>) -> (String, String) {
    both(old, new, VALUE_WIDTH)
}

/// The same in so many columns each: what goes before the first letter that differs is left out where it would push that out of sight.
pub fn both(old: Option<&str>, new: Option<&str>, width: usize) -> (String, String) {
    /// Columns before the difference that are kept.
    const BEFORE: usize = 12;
    let (Some(one), Some(other)) = (old, new) else { return (short(old, width), short(new, width)) };
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    if same + BEFORE < width || one == other {
        return (short(old, width), short(new, width));
    }
    let tail = |text: &str| {
        let rest: String = text.chars().skip(same - BEFORE).collect();
        format!("…{}", short(Some(&rest), width))
    };
    (tail(one), tail(other))
}

/// A path for a line that it shares: a long selector by its first and its last elements.
pub fn narrow(path: &str) -> String {
    const WIDEST: usize = 44;
    let path = place(path);
    let steps: Vec<&str> = path.split(" > ").collect();
    match steps.as_slice() {
        [first, _, .., before, last] if path.chars().count() > WIDEST => format!("{first} … {before} > {last}"),
        _ => path,
    }
}

fn short(value: Option<&str>, width: usize) -> String {
    let Some(value) = value else { return "(nothing)".to_owned() };
    let value = plain(value);
    if value.is_empty() {
        return "(empty)".to_owned();
    }
    match value.char_indices().nth(width) {
        Some((cut, _)) => format!("{}…", &value[..cut]),
        None => value,
    }
}

/// What came from outside, without anything a terminal would act on.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            plain.extend(letter.escape_default());
        } else {
            plain.push(letter);
        }
    }
    plain
}
