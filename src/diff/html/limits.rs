//! What one pair of pages may cost.

/// Both pages together up to this length are compared as trees: about 30 ms. Above it only the token-wise proof of equality
/// is tried. Bytes.
pub(super) const MAX_TREES: usize = 1 << 20;

/// Both pages together up to this length are tried token by token: about 40 ms. Bytes.
pub(super) const MAX_TOKENS: usize = 8 << 20;

/// Nodes per page: five times as many as half a megabyte of common markup has. Misnested markup makes many of few bytes.
pub(super) const MAX_NODES: usize = 60_000;

/// Chromium stops nesting at 512, too.
pub(super) const MAX_DEPTH: u32 = 512;

/// Attributes per tag; finding duplicates costs the square of it.
pub(super) const MAX_ATTRIBUTES: usize = 256;

/// Children of one element that are aligned by table; with more, only what is unique anchors.
pub(super) const MAX_TABLE: usize = 250_000;
