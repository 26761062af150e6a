//! What is told of one piece of work: when, as part of what, how it ended.

use std::sync::Arc;
use std::time::SystemTime;

use super::context::{Context, SpanId};

/// Characters of any one text that are kept.
const LONGEST_TEXT: usize = 2048;
/// Bytes that a span takes beside its texts, near enough: itself and the places of its attributes.
const FRAME: usize = 1024;

#[derive(Debug)]
pub struct Span {
    pub context: Context,
    pub parent: Option<SpanId>,
    pub parent_is_remote: bool,
    pub state: Arc<str>,
    pub name: String,
    pub kind: Kind,
    pub began: SystemTime,
    pub ended: SystemTime,
    pub attributes: Attributes,
    /// Whether it counts as failed: for a server that is a failure of its own, for who asked one also a refusal.
    pub failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody asked.
    Server,
    /// Somebody was asked.
    Client,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
}

/// Names as the semantic conventions of OpenTelemetry have them, and `matapalo.` for what they have no name for.
#[derive(Debug, Default)]
pub struct Attributes(pub Vec<(&'static str, Value)>);

impl Attributes {
    /// Nothing is told of what is empty.
    pub fn text(&mut self, key: &'static str, text: &[u8]) {
        if !text.is_empty() {
            let text = String::from_utf8_lossy(text);
            let end = text.char_indices().nth(LONGEST_TEXT).map_or(text.len(), |(end, _)| end);
            self.0.push((key, Value::Text(text[..end].to_owned())));
        }
    }

    pub fn number(&mut self, key: &'static str, number: impl Into<i64>) {
        self.0.push((key, Value::Number(number.into())));
    }
}

impl Span {
    /// Bytes that it keeps alive.
    pub fn size(&self) -> usize {
        let text = |(_, value): &(&str, Value)| match value {
            Value::Text(text) => text.len(),
            Value::Number(_) => 0,
        };
        FRAME + self.name.len() + self.attributes.0.iter().map(text).sum::<usize>()
    }
}
