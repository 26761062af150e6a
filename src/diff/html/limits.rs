//! What one pair of pages may cost.

/// Both pages together up to this length are compared as trees: about 30 ms. Above it only the token-wise proof of equality
/// is tried. Bytes.
pub(super) const MAX_TREES: usize = 1 << 20;

/// Both pages together up to this length are tried token by token: about 40 ms. Bytes.
pub(super) const MAX_TOKENS: usize = 5 << 20;

/// What the trees of two pages may take, and all that is made of them: of the three bytes for each byte of the largest pair, less a
/// quarter of one for lists beside. Smaller pairs may take it, too: a page that is read takes four times its bytes, a dense table six
/// times. Bytes.
pub(super) const TREES: usize = MAX_TREES / 4 * 11;

/// Both pages together up to this length are compared with one of them [mended](super::unescaped): it is there once more. Bytes.
pub(super) const MAX_MENDED: usize = MAX_TREES / 2;

/// Blocks of a page are remembered as long as they are larger than this on an average; where they are not, first the small ones are
/// forgotten, then all. Bytes.
pub(super) const LEAST_BLOCK: usize = 40;

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

/// Namespaces that may be declared at one place of XML: each name is looked up among them.
pub(super) const MAX_NAMESPACES: usize = 128;
