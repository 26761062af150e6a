//! What came from outside, as words of one line: nothing in it can write on a terminal.

/// Columns that a value of a difference may take.
const VALUE_WIDTH: usize = 100;

/// A field path; the empty one is the document itself.
pub fn place(path: &str) -> String {
    if path.is_empty() { "(root)".to_owned() } else { plain(path) }
}

/// What an origin said, on one line.
pub fn value(value: Option<&str>) -> String {
    short(value, VALUE_WIDTH)
}

/// The same in so many columns.
pub fn short(value: Option<&str>, width: usize) -> String {
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
