//! serde's messages, told as predicates of a key: `is "25%", want a number`.

use crate::config::suggest;

/// What a reading error says of the key it is about.
#[derive(Debug, PartialEq, Eq)]
pub enum Sentence {
    /// The key is not known; the known one it was probably meant to be.
    UnknownKey { says: String, meant: Option<String> },
    /// The value is not what is wanted.
    Value(String),
}

impl Sentence {
    pub fn of(message: &str) -> Self {
        if let Some(rest) = message.strip_prefix("unknown field ") {
            return Self::unknown_key(rest);
        }
        Self::Value(value(message))
    }

    fn unknown_key(rest: &str) -> Self {
        let names = quoted(rest);
        let [key, known @ ..] = names.as_slice() else {
            return Self::UnknownKey { says: "is no key here".to_owned(), meant: None };
        };
        Self::UnknownKey {
            says: format!("is no key here{}", suggest::hint(key, known.iter().copied())),
            meant: suggest::nearest(key, known.iter().copied()).map(str::to_owned),
        }
    }
}

fn value(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let names = quoted(rest);
        if let [word, known @ ..] = names.as_slice() {
            return format!("is {word:?}{}", suggest::hint(word, known.iter().copied()));
        }
    }
    let found_and_wanted = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "));
    match found_and_wanted {
        Some((found, wanted)) => format!("is {}, want {}", plain_found(found), plain_wanted(wanted)),
        // Our own types already speak in predicates.
        None if ["is ", "has ", "names "].iter().any(|verb| message.starts_with(verb)) => message.to_owned(),
        None if message.starts_with("data did not match any variant") => "is of no form that is known here".to_owned(),
        None => format!("cannot be read: {message}"),
    }
}

/// The names in backticks, in order.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn plain_found(found: &str) -> String {
    match found {
        "unit value" => "empty".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "a mapping".to_owned(),
        "enum" => "tagged".to_owned(),
        found => match found.split_once(' ') {
            Some(("integer" | "boolean", value)) => value.trim_matches('`').to_owned(),
            Some(("string", value)) => value.to_owned(),
            _ => found.trim_start_matches("floating point ").trim_matches('`').to_owned(),
        },
    }
}

fn plain_wanted(wanted: &str) -> &str {
    match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f64" | "f32" => "a number",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "a boolean" => "true or false",
        "a string" => "a text",
        wanted if wanted.contains("variant") || wanted.contains("enum") || wanted.contains("singleton") => "a word",
        wanted => wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_guessed_or_listed() {
        let sentence = Sentence::of("unknown field `percnt`, expected one of `percent`, `methods`");
        let says = "is no key here, did you mean \"percent\"?".to_owned();
        assert_eq!(sentence, Sentence::UnknownKey { says, meant: Some("percent".to_owned()) });
        let sentence = Sentence::of("unknown field `x`, expected `path` or `interval`");
        let says = "is no key here, want path or interval".to_owned();
        assert_eq!(sentence, Sentence::UnknownKey { says, meant: None });
    }

    #[test]
    fn types_are_told_in_plain_words() {
        let says = |message| match Sentence::of(message) {
            Sentence::Value(says) | Sentence::UnknownKey { says, .. } => says,
        };
        assert_eq!(
            says("invalid type: string \"x, expected y\", expected u64"),
            "is \"x, expected y\", want a whole number"
        );
        assert_eq!(says("invalid type: unit value, expected a sequence"), "is empty, want a list");
        assert_eq!(says("invalid value: integer `-1`, expected u64"), "is -1, want a whole number");
        assert_eq!(says("invalid type: map, expected a boolean"), "is a mapping, want true or false");
        assert_eq!(says("is 5 without a unit"), "is 5 without a unit");
    }
}
