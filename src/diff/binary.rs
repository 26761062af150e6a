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

const MAGIC: [(&[u8], &str); 17] = [
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
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
    // What JSON and markup start with: the usual case.
    if matches!(bytes.first(), None | Some(b'{' | b'[' | b'<')) {
        return None;
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("webp");
    }
    // Two letters would be text: the size of the file stands behind them, and zeros.
    if bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4]) {
        return Some("bmp");
    }
    MAGIC.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, name)| *name)
}

/// Width and height of an image, as its head tells.
fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    match magic(bytes)? {
        "png" => Some((big(bytes, 16, 4)?, big(bytes, 20, 4)?)),
        "gif" => Some((little(bytes, 6, 2)?, little(bytes, 8, 2)?)),
        "jpeg" => jpeg(bytes),
        "webp" => webp(bytes),
        // Rows may be told from the top down: a negative height.
        "bmp" => Some((little(bytes, 18, 4)?, little(bytes, 22, 4)?.cast_signed().unsigned_abs())),
        // One byte each; zero is 256.
        "ico" => Some((size_of_icon(*bytes.get(6)?), size_of_icon(*bytes.get(7)?))),
        _ => None,
    }
}

fn size_of_icon(byte: u8) -> u32 {
    if byte == 0 { 256 } else { byte.into() }
}

fn big(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(bytes.get(at..at + length)?.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(bytes.get(at..at + length)?.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

/// The first frame header behind the segments of metadata (ITU T.81, B.2.2).
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    const MOST_SEGMENTS: usize = 200;
    let mut at = 2;
    for _ in 0..MOST_SEGMENTS {
        while bytes.get(at) == Some(&0xff) && bytes.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        let (0xff, kind) = (*bytes.get(at)?, *bytes.get(at + 1)?) else { return None };
        match kind {
            // C4, C8 and CC are tables.
            0xc0..=0xcf if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                return Some((big(bytes, at + 7, 2)?, big(bytes, at + 5, 2)?));
            }
            0x01 | 0xd0..=0xd8 => at += 2,
            0xd9 | 0xda => return None,
            _ => at += 2 + big(bytes, at + 2, 2)? as usize,
        }
    }
    None
}

/// Lossy, lossless or extended (RFC 9649).
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " => Some((little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let packed = little(bytes, 21, 4)?;
            Some(((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::{describe, dimensions};

    fn image(start: &[u8], rest: &[u8]) -> Vec<u8> {
        [start, rest, &[0; 40]].concat()
    }

    #[test]
    fn images_are_told_by_their_size() {
        let frame = b"\xff\xc2\0\x11\x08\0\x10\0\x20";
        for (bytes, told) in [
            (image(b"\x89PNG\r\n\x1a\n", b"\0\0\0\rIHDR\0\0\0\x20\0\0\0\x10"), "png 32x16"),
            (image(b"GIF89a", b"\x20\0\x10\0"), "gif 32x16"),
            (image(b"\xff\xd8\xff\xe0\0\x05abc", &[b"\xff\xff\xdb\0\x02", frame.as_slice()].concat()), "jpeg 32x16"),
            (image(b"RIFF\0\0\0\0WEBPVP8X", b"\x0a\0\0\0\0\0\0\0\x1f\0\0\x0f\0\0"), "webp 32x16"),
            (image(b"RIFF\0\0\0\0WEBPVP8L", b"\x0a\0\0\0\x2f\x1f\xc0\x03\0"), "webp 32x16"),
            (image(b"RIFF\0\0\0\0WEBPVP8 ", b"\x0a\0\0\0abc\x9d\x01\x2a\x20\0\x10\0"), "webp 32x16"),
            (image(b"BM", b"\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x20\0\0\0\xf0\xff\xff\xff"), "bmp 32x16"),
            (image(b"\0\0\x01\0", b"\x01\0\x20\0"), "ico 32x256"),
        ] {
            assert!(describe(&bytes).starts_with(&format!("{told}, ")), "{told}: {}", describe(&bytes));
            for cut in 0..bytes.len() {
                dimensions(&bytes[..cut]);
            }
        }
        assert_eq!(describe(b"BMW is a maker of cars").split(',').next(), Some("data"));
        assert_eq!(dimensions(&[&b"\xff\xd8\xff"[..], &[0xff; 900]].concat()), None);
    }
}
