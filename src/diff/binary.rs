//! Bytes that are no text: size, type by magic, dimensions of images, and a hash to tell them by.

use super::comparison::Kind;
use super::sink::{Finding, Sink};
use super::text::BODY;

pub fn compare(control: &[u8], candidate: &[u8], sink: &mut Sink<'_>) {
    if control == candidate {
        return;
    }
    let (old, new) = (magic(control), magic(candidate));
    let cause = match () {
        () if old != new => "file_type",
        () if control.starts_with(candidate) => "truncated",
        () if dimensions(control) != dimensions(candidate) => "dimensions",
        () => "bytes",
    };
    let kind = if cause == "truncated" { Kind::Truncated } else { Kind::Body };
    sink.report(Finding::new(kind, BODY).values(describe(control), describe(candidate)).cause(cause));
}

/// `png 16x16, 1234 bytes, 0123456789abcdef`
fn describe(bytes: &[u8]) -> String {
    let kind = magic(bytes).unwrap_or("data");
    let size = dimensions(bytes).map(|(width, height)| format!(" {width}x{height}")).unwrap_or_default();
    format!("{kind}{size}, {} bytes, {:016x}", bytes.len(), xxhash_rust::xxh3::xxh3_64(bytes))
}

const MAGIC: [(&[u8], &str); 15] = [
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x7fELF", "elf"),
    (b"wOFF", "woff"),
    (b"wOF2", "woff2"),
    (b"\0asm", "wasm"),
    (b"\0\0\x01\0", "ico"),
];

/// The type that the first bytes tell.
pub fn magic(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("webp");
    }
    MAGIC.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, name)| *name)
}

/// Width and height of a PNG or GIF.
fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let four = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let two = |at: usize| bytes.get(at..at + 2)?.try_into().ok().map(|pair| u32::from(u16::from_le_bytes(pair)));
    match magic(bytes)? {
        "png" => Some((four(16)?, four(20)?)),
        "gif" => Some((two(6)?, two(8)?)),
        _ => None,
    }
}
