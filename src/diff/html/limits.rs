//! What one pair of pages may cost.

/// Both pages together up to this length are compared as trees: about 30 ms. Above it only the token-wise proof of equality
/// is tried. Bytes.
pub(super) const MAX_TREES: usize = 1 << 20;

/// Both pages together up to this length are tried token by token: about 40 ms. Bytes.
pub(super) const MAX_TOKENS: usize = 5 << 20;

/// What the trees of two pages may take, for each byte of theirs, if they are large.
const PER_BYTE: usize = 3;
/// What the trees of any two pages may take, however small: a page that is read takes four times its bytes, a dense table six times.
/// As long as [`MAX_TREES`] is what it is, this is what counts. Bytes.
const LEAST_BUDGET: usize = 4 << 20;

/// What the trees of two pages of together so many bytes may take, and what is made of them. Bytes.
pub(super) const fn budget(size: usize) -> usize {
    let share = size.saturating_mul(PER_BYTE);
    if share > LEAST_BUDGET { share } else { LEAST_BUDGET }
}

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
