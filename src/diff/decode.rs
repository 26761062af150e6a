//! Bytes on the wire → text: content codings undone, charset decoded. Bounded; a body that is not what it claims is a fault, never a panic.

use std::borrow::Cow;
use std::io::Read;

use ::http::HeaderMap;
use ::http::header::CONTENT_ENCODING;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::http::content_type::{self, MediaType};

/// Bytes that a body may grow to: a bomb is cut here. Two that are larger are beyond what a pair may cost, whatever is in them.
pub const MAX_DECODED: usize = 8 << 20;

/// What a small body may grow to, and how many times its size a larger one: ten times what pages shrink to.
const SMALL_DECODED: usize = 1 << 20;
const MOST_TIMES: usize = 128;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// More codings in a row than any server applies.
const MAX_CODINGS: usize = 4;

/// The largest zstd window that is accepted, as a power of two: 8 MiB, what RFC 8878 asks of every reader.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Why a body could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("says Content-Encoding: {0} but is not")]
    NotThat(String),
    #[error("ends in the middle of its {0} coding")]
    Cut(String),
    #[error("unknown Content-Encoding: {0}")]
    Unknown(String),
    #[error("grows beyond {0} bytes")]
    TooLarge(usize),
}

impl Fault {
    /// For the difference's cause.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::NotThat(_) => "coding_not_applied",
            Self::Cut(_) => "truncated",
            Self::Unknown(_) => "unknown_coding",
            Self::TooLarge(_) => "too_large",
        }
    }
}

/// Undoes the content codings of a body, the last one first.
///
/// # Errors
/// The body is not what its Content-Encoding says, or too large.
pub fn undo<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Fault> {
    let mut bytes = Cow::Borrowed(body);
    if body.is_empty() || !headers.contains_key(CONTENT_ENCODING) {
        return Ok(bytes);
    }
    let written: Vec<&str> = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
    let all = written.join(",").to_ascii_lowercase();
    let codings: Vec<&str> = all.split(',').map(str::trim).filter(|coding| !coding.is_empty()).collect();
    if codings.len() > MAX_CODINGS {
        return Err(Fault::Unknown(all));
    }
    let most = (body.len().saturating_mul(MOST_TIMES)).clamp(SMALL_DECODED, MAX_DECODED);
    for coding in codings.iter().rev() {
        let undone = match *coding {
            "identity" => continue,
            "gzip" | "x-gzip" if !bytes.starts_with(&GZIP_MAGIC) => return Err(Fault::NotThat("gzip".to_owned())),
            "gzip" | "x-gzip" => read_all(flate2::read::MultiGzDecoder::new(&*bytes), coding, most)?,
            "deflate" => deflate(&bytes, most)?,
            "br" => read_all(brotli::Decompressor::new(&*bytes, 4096), coding, most)?,
            "zstd" => zstandard(&bytes, most)?,
            other => return Err(Fault::Unknown(other.to_owned())),
        };
        bytes = Cow::Owned(undone);
    }
    Ok(bytes)
}

/// `deflate` is zlib by the RFC, and raw deflate by what some servers send.
fn deflate(bytes: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
    match read_all(flate2::read::ZlibDecoder::new(bytes), "deflate", most) {
        Err(Fault::NotThat(_)) => read_all(flate2::read::DeflateDecoder::new(bytes), "deflate", most),
        done => done,
    }
}

fn zstandard(bytes: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
    let not_that = |_| Fault::NotThat("zstd".to_owned());
    let mut decoder = zstd::stream::read::Decoder::new(bytes).map_err(not_that)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(not_that)?;
    read_all(decoder, "zstd", most)
}

fn read_all(mut reader: impl Read, coding: &str, most: usize) -> Result<Vec<u8>, Fault> {
    const FIRST: usize = 16 << 10;
    let mut bytes = Vec::new();
    loop {
        // Never room for more than is wanted: a list that doubles would take twice as much.
        let (usual, left) = (bytes.len().max(FIRST), most + 1 - bytes.len());
        let step = if left <= usual * 2 { left } else { usual };
        bytes.reserve_exact(step);
        let read = reader.by_ref().take(step as u64).read_to_end(&mut bytes);
        if bytes.len() > most {
            return Err(Fault::TooLarge(most));
        }
        match read {
            Ok(read) if read < step => {
                bytes.shrink_to(bytes.len() + bytes.len() / 8);
                return Ok(bytes);
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof || !bytes.is_empty() => {
                return Err(Fault::Cut(coding.to_owned()));
            }
            Err(_) => return Err(Fault::NotThat(coding.to_owned())),
        }
    }
}

/// Text, and whether some bytes were no characters (each became U+FFFD).
#[derive(Debug)]
pub struct Text<'a> {
    pub text: Cow<'a, str>,
    pub had_errors: bool,
    pub encoding: &'static Encoding,
}

impl Text<'_> {
    pub fn is_utf16(&self) -> bool {
        self.encoding == UTF_16LE || self.encoding == UTF_16BE
    }
}

/// The text of bytes that should be UTF-8. Those that are none stay apart from each other: each as U+FFFD and its letter in Latin-1, so
/// that `\xe9` and `\xe8` do not become one.
pub fn apart(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(apart_size(bytes));
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().flat_map(|byte| [char::REPLACEMENT_CHARACTER, char::from(*byte)]));
    }
    Cow::Owned(text)
}

/// Bytes of the text that [`apart`] makes.
pub fn apart_size(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().len() + chunk.invalid().len() * APART).sum()
}

/// Percent-decoded, what is no UTF-8 kept [`apart`].
pub fn unescaped(text: &str) -> String {
    let bytes: Cow<'_, [u8]> = percent_encoding::percent_decode_str(text).into();
    apart(&bytes).into_owned()
}

/// What a byte takes at most that [`apart`] keeps apart. Bytes.
pub const APART: usize = 5;

/// Decodes by byte order mark, else by the charset of Content-Type, else by what the document itself says, else as UTF-8.
/// A UTF-8 byte order mark stays in the text.
pub fn text<'a>(headers: &HeaderMap, bytes: &'a [u8]) -> Text<'a> {
    text_of(content_type::of(headers).as_ref(), bytes)
}

/// As [`text`], of a body that is said to be this.
pub fn text_of<'a>(said: Option<&MediaType<'_>>, bytes: &'a [u8]) -> Text<'a> {
    let declared = || Encoding::for_label(said?.charset.as_ref()?.as_bytes());
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let encoding = marked.or_else(declared).or_else(|| inside(bytes)).unwrap_or(UTF_8);
    if encoding == UTF_8 {
        return match std::str::from_utf8(bytes) {
            Ok(text) => Text { text: Cow::Borrowed(text), had_errors: false, encoding },
            Err(_) => Text { text: String::from_utf8_lossy(bytes), had_errors: true, encoding },
        };
    }
    let (text, _, had_errors) = encoding.decode(bytes);
    Text { text, had_errors, encoding }
}

/// `<meta charset=…>`, or the encoding of an XML declaration, within the first kilobyte, as browsers look for it.
fn inside(bytes: &[u8]) -> Option<&'static Encoding> {
    const LOOKED_AT: usize = 1024;
    let head = bytes.get(..LOOKED_AT.min(bytes.len()))?;
    memchr::memchr(b'<', head)?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let label = |key: &str| -> Option<String> {
        let (_, after) = head.split_once(key)?;
        let after = after.trim_start().strip_prefix('=')?.trim_start();
        let name = after.trim_start_matches(['"', '\'']);
        Some(name.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_:.".contains(*c)).collect())
    };
    let found = if head.contains("<meta") {
        label("charset")
    } else if head.starts_with("<?xml") {
        label("encoding")
    } else {
        None
    };
    Encoding::for_label(found?.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::borrow::Cow;
    use std::io::Write;

    use super::{APART, Fault, MAX_DECODED, apart, apart_size, text, undo, unescaped};
    use http::HeaderMap;

    fn coded(coding: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-encoding", coding.parse().unwrap());
        headers
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        brotli::CompressorWriter::new(&mut out, 4096, 4, 20).write_all(bytes).unwrap();
        out
    }

    #[test]
    fn bytes_that_are_no_text_stay_apart() {
        assert_eq!(apart("Noël".as_bytes()), "Noël");
        assert_eq!(apart(b"No\xebl"), "No\u{fffd}\u{eb}l");
        assert_ne!(apart(b"No\xebl"), apart(b"No\xeal"));
        assert_ne!(apart(b"No\xebl"), apart("No\u{fffd}l".as_bytes()));
        assert_ne!(unescaped("caf%E9"), unescaped("caf%E8"));
        assert_eq!(unescaped("caf%C3%A9"), "café");
        let worst: Vec<u8> = (0..=255).collect();
        assert!(apart(&worst).len() <= worst.len() * APART);
        assert_eq!(apart(&worst).len(), apart_size(&worst));
    }

    #[test]
    fn each_coding_and_a_stack_of_them() {
        let wanted = b"hello hello hello".as_slice();
        assert_eq!(&*undo(&coded("gzip"), &gzip(wanted)).unwrap(), wanted);
        assert_eq!(&*undo(&coded("br"), &brotli(wanted)).unwrap(), wanted);
        assert_eq!(&*undo(&coded("zstd"), &zstd::encode_all(wanted, 3).unwrap()).unwrap(), wanted);
        assert_eq!(&*undo(&coded("br, gzip"), &gzip(&brotli(wanted))).unwrap(), wanted);
        for raw in [true, false] {
            let mut out = Vec::new();
            let level = flate2::Compression::fast();
            if raw {
                flate2::write::DeflateEncoder::new(&mut out, level).write_all(wanted).unwrap();
            } else {
                flate2::write::ZlibEncoder::new(&mut out, level).write_all(wanted).unwrap();
            }
            assert_eq!(&*undo(&coded("deflate"), &out).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_not_what_it_says_is_told() {
        assert_eq!(undo(&coded("gzip"), b"{\"a\":1}"), Err(Fault::NotThat("gzip".into())));
        assert_eq!(undo(&coded("lzma"), b"x"), Err(Fault::Unknown("lzma".into())));
        let whole = gzip(&[b'x'; 100_000]);
        assert_eq!(undo(&coded("gzip"), &whole[..whole.len() / 2]), Err(Fault::Cut("gzip".into())));
    }

    #[test]
    fn a_bomb_is_cut() {
        let bomb = gzip(&vec![0; MAX_DECODED + 10]);
        assert!(bomb.len() < MAX_DECODED / 100);
        assert_eq!(undo(&coded("gzip"), &bomb), Err(Fault::TooLarge(MAX_DECODED)));
        let small = zstd::encode_all(vec![0; 3 << 20].as_slice(), 3).unwrap();
        assert_eq!(undo(&coded("zstd"), &small), Err(Fault::TooLarge(1 << 20)));
    }

    #[test]
    fn what_is_unpacked_takes_little_more_room_than_it_needs() {
        let page: Vec<u8> = (0..300_000_u32).flat_map(|n| format!("<li>{n}</li>").into_bytes()).collect();
        let codings =
            [("gzip", gzip(&page)), ("br", brotli(&page)), ("zstd", zstd::encode_all(page.as_slice(), 3).unwrap())];
        for (coding, packed) in codings {
            let Cow::Owned(unpacked) = undo(&coded(coding), &packed).unwrap() else { panic!("{coding}") };
            assert_eq!(unpacked, page, "{coding}");
            assert!(unpacked.capacity() <= page.len() / 8 * 9 + 8, "{coding}: {}", unpacked.capacity());
        }
    }

    #[test]
    fn a_stack_of_bombs_is_cut_at_the_outermost_that_grows_too_large() {
        let zeros = vec![0; MAX_DECODED * 2];
        let twice = gzip(&gzip(&zeros));
        assert!(twice.len() < 4096, "{}", twice.len());
        assert_eq!(undo(&coded("gzip, gzip"), &twice), Err(Fault::TooLarge(1 << 20)));
        let deflated = |bytes: &[u8]| {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        for (coding, bomb) in [("br", brotli(&zeros)), ("deflate", deflated(&zeros))] {
            assert!(matches!(undo(&coded(coding), &bomb), Err(Fault::TooLarge(_))), "{coding}");
        }
    }

    #[test]
    fn charsets() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "text/html; charset=ISO-8859-1".parse().unwrap());
        assert_eq!(text(&headers, b"No\xebl").text, "Noël");
        let none = HeaderMap::new();
        assert_eq!(text(&none, b"<meta charset='windows-1252'>\x80").text, "<meta charset='windows-1252'>€");
        assert!(text(&none, b"No\xebl").had_errors);
    }
}
