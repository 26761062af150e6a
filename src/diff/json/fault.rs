//! Why a text is not JSON, and where.

/// Why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but white space.
    Empty,
    /// It ends in the middle, at this byte.
    Truncated(usize),
    /// Something that is not JSON stands at this byte.
    Unexpected(usize),
    /// A whole document ends at this byte, and more follows.
    Trailing(usize),
    /// Deeper than [`super::parse::MAX_DEPTH`].
    TooDeep,
    /// More values than the memory bound allows.
    TooMany,
}

impl Fault {
    /// The same fault of a text that begins at `by`.
    pub(super) fn moved(self, by: usize) -> Self {
        match self {
            Self::Truncated(at) => Self::Truncated(at + by),
            Self::Unexpected(at) => Self::Unexpected(at + by),
            Self::Trailing(at) => Self::Trailing(at + by),
            other => other,
        }
    }
}
