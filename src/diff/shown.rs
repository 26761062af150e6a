//! What is shown of one side at one place. Most of what is shown is read by nobody: rules hide the same headers in every pair, and of
//! their examples the newest is kept. So a header's value is shown as it came, which copies nothing.

use std::borrow::Cow;

use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decode;

/// A value, in whatever form it was at hand.
#[derive(Clone)]
pub struct Shown(Form);

#[derive(Clone)]
enum Form {
    Text(String),
    Header(HeaderValue),
}

impl Shown {
    /// The value as text. Of a header, what is no UTF-8 is kept [apart](decode::apart), and what stands around it left out.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Form::Text(text) => Cow::Borrowed(text),
            Form::Header(value) => match std::str::from_utf8(value.as_bytes()) {
                Ok(text) => Cow::Borrowed(text.trim()),
                Err(_) => Cow::Owned(decode::apart(value.as_bytes()).trim().to_owned()),
            },
        }
    }

    pub fn into_text(self) -> String {
        match self.0 {
            Form::Text(text) => text,
            Form::Header(_) => self.text().into_owned(),
        }
    }

    /// Bytes of the text, at most.
    pub fn size(&self) -> usize {
        match &self.0 {
            Form::Text(text) => text.len(),
            Form::Header(value) => value.len() * decode::APART,
        }
    }
}

impl From<String> for Shown {
    fn from(text: String) -> Self {
        Self(Form::Text(text))
    }
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Cow<'_, str>> for Shown {
    fn from(text: Cow<'_, str>) -> Self {
        text.into_owned().into()
    }
}

impl From<&String> for Shown {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&HeaderValue> for Shown {
    fn from(value: &HeaderValue) -> Self {
        Self(Form::Header(value.clone()))
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Shown {}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.text(), f)
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use http::HeaderValue;

    use super::Shown;

    #[test]
    fn a_header_is_shown_as_it_reads() {
        for (sent, shown) in [
            (&b"nginx/1.22.1"[..], "nginx/1.22.1"),
            (b" a\tb\t", "a\tb"),
            (b"", ""),
            ("No\u{eb}l\u{a0}".as_bytes(), "No\u{eb}l"),
            (b" No\xebl", "No\u{fffd}\u{eb}l"),
        ] {
            let value = Shown::from(&HeaderValue::from_bytes(sent).unwrap());
            assert_eq!(value.text(), shown);
            assert_eq!(value, Shown::from(shown));
            assert!(value.size() >= shown.len());
            assert_eq!(value.into_text(), shown);
        }
    }
}
