//! Which names promise a secret.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern;

/// How surely a name promises a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secrecy {
    None,
    /// `key`, `code`, `state`: a secret in a query or a form; in JSON, unless its value is a plain word.
    Weak,
    /// `password`, `session_id`, `X-Api-Token`.
    Strong,
}

/// A name that contains one of these (separators left out) promises a secret.
const STRONG_PARTS: [&str; 26] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "sessid",
    "session",
    "csrf",
    "xsrf",
    "apikey",
    "authkey",
    "accesskey",
    "privatekey",
    "credential",
    "authoriz",
    "signature",
    "cookie",
    "nonce",
    "samlresponse",
    "passcode",
    "sesskey",
    "securityanswer",
    "cardnumber",
    "creditcard",
    "ccnumber",
    "cccsc",
];
/// A name of which one word is one of these promises a secret.
const STRONG_WORDS: [&str; 18] = [
    "pwd",
    "pass",
    "passw",
    "pin",
    "otp",
    "totp",
    "cvv",
    "cvc",
    "auth",
    "sid",
    "jwt",
    "bearer",
    "ssn",
    "hmac",
    "iban",
    "assertion",
    "sess",
    "dpop",
];
const WEAK_WORDS: [&str; 8] = ["key", "code", "state", "sig", "ticket", "signed", "magic", "invite"];
/// English words that end in `key`; any other (`resetkey`) is taken for a key.
const NOT_KEYS: [&str; 8] = ["monkey", "turkey", "donkey", "hockey", "jockey", "whiskey", "hotkey", "passkey"];

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
    let words = words(&name);
    let joined = words.concat();
    if STRONG_PARTS.iter().any(|part| joined.contains(part)) {
        return Secrecy::Strong;
    }
    if words.iter().any(|word| STRONG_WORDS.contains(&word.as_str())) {
        return Secrecy::Strong;
    }
    let is_weak = |word: &String| {
        WEAK_WORDS.contains(&word.as_str()) || (word.ends_with("key") && !NOT_KEYS.contains(&word.as_str()))
    };
    if words.iter().any(is_weak) { Secrecy::Weak } else { Secrecy::None }
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
