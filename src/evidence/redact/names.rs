//! Which names promise a secret.

use std::sync::LazyLock;

use regex::Regex;

use super::words::{ABOUT, INNOCENT, OF_SECRET_CODES, STRONG_PARTS, STRONG_WORDS, WEAK_WORDS};
use super::{pattern, values};

/// How surely a name promises a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secrecy {
    None,
    /// `token_count`, `session_lang`, `password_changed_at`, `country_code`: about a secret, or called like one.
    About,
    /// `key`, `code`, `state`: a secret in a query or a form; in JSON, unless its value is a plain word.
    Weak,
    /// `tokens`, `sessions`: secrets, or how many there are.
    Several,
    /// `password`, `session_id`, `X-Api-Token`.
    Strong,
}

impl Secrecy {
    /// A name that can mean nothing else.
    pub fn is_sure(self) -> bool {
        self >= Self::Several
    }

    /// Whether this value is hidden that stands under such a name. When in doubt, it is.
    pub fn hides(self, value: &str) -> bool {
        match self {
            Self::None => false,
            Self::About => values::is_drawn(value),
            Self::Several if values::is_count(value) => false,
            Self::Weak | Self::Several | Self::Strong => !values::is_no_secret(value),
        }
    }
}

/// What every name that promises a secret has in it, separators or not: most names are done with after one look.
static TELLING: LazyLock<Regex> = LazyLock::new(|| {
    let parts = STRONG_PARTS.iter().chain(&STRONG_WORDS).chain(&WEAK_WORDS);
    let spread = parts.map(|part| part.chars().map(String::from).collect::<Vec<_>>().join("[^a-z0-9]?"));
    pattern(&format!("(?i){}", spread.collect::<Vec<_>>().join("|")))
});

/// Whether there may be a telling name in the text. `false`: there is none.
pub fn may_tell(text: &str) -> bool {
    text.contains('%') || TELLING.is_match(text)
}

/// How surely the field of this name holds a secret. Names come as `user[password]`, `X-Api-Key`, `accessToken`.
pub fn secrecy(name: &str) -> Secrecy {
    if !may_tell(name) {
        return Secrecy::None;
    }
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    let mut words = words(&name);
    words.retain(|word| !INNOCENT.contains(&word.as_str()));
    let Some(last) = words.last().map(String::as_str) else { return Secrecy::None };
    let promised = promised(&words, last);
    if promised > Secrecy::About && ABOUT.contains(&last) { Secrecy::About } else { promised }
}

/// Whether a name tells something of what it stands within: `expires_at` of a session.
pub fn is_about(name: &str) -> bool {
    words(name).last().is_some_and(|last| ABOUT.contains(&last.as_str()))
}

/// How surely words promise a secret, whatever the last one says of it.
fn promised(words: &[String], last: &str) -> Secrecy {
    let is_strong = |words: &[String]| {
        let joined = words.concat();
        STRONG_PARTS.iter().any(|part| joined.contains(part))
            || words.iter().any(|word| STRONG_WORDS.contains(&word.as_str()))
    };
    if is_strong(words) {
        let one = last.strip_suffix('s').unwrap_or_default();
        let is_several = !STRONG_WORDS.contains(&last) && is_strong(&[one.to_owned()]);
        return if is_several { Secrecy::Several } else { Secrecy::Strong };
    }
    let is_code = matches!(last, "code" | "codes") && words.len() > 1;
    if is_code && words.iter().any(|word| OF_SECRET_CODES.contains(&word.as_str())) {
        return Secrecy::Strong;
    }
    let is_weak = |word: &String| WEAK_WORDS.contains(&word.as_str()) || word.ends_with("key");
    match words.iter().filter(|word| !is_code || *word != last).any(is_weak) {
        true => Secrecy::Weak,
        false if is_code => Secrecy::About,
        false => Secrecy::None,
    }
}

/// The words of a name in lower case, parted by anything but letters and digits and by camel case.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut after_lower = false;
    for letter in name.chars() {
        let parts = !letter.is_alphanumeric() || (letter.is_uppercase() && after_lower);
        if parts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        after_lower = letter.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
