//! What one pair of pages may cost.

/// Both pages together up to this length are compared as trees: about 30 ms. Above it only the token-wise proof of equality
/// is tried. Bytes.
pub(super) const MAX_TREES: usize = 1 << 20;

/// Both pages together up to this length are tried token by token: about 40 ms. Bytes.
pub(super) const MAX_TOKENS: usize = 5 << 20;

/// Nodes and attributes per page: as many as half a megabyte of a dense table has. Misnested markup makes many of few bytes.
pub(super) const MAX_NODES: usize = 45_000;

/// A link target longer than this is compared as it stands. Bytes.
pub(super) const MAX_LINK: usize = 8 << 10;

/// Chromium stops nesting at 512, too.
pub(super) const MAX_DEPTH: u32 = 512;

/// Depths of all tags of a page together: the tree builder may look at every open element for each tag. Half a megabyte of common
/// markup, ten to twenty deep, has half of it.
pub(super) const MAX_LOOKS: usize = 1_500_000;

/// Attributes per tag; finding duplicates costs the square of it.
pub(super) const MAX_ATTRIBUTES: usize = 256;

/// Children of one element that are aligned by table; with more, only what is unique anchors.
pub(super) const MAX_TABLE: usize = 250_000;
