//! A file that holds one answer: a whole HTTP response as `curl -i` or a socket gives it, or a bare body.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::diff::Observation;

/// # Errors
/// The file cannot be read, or begins with `HTTP/` and is no response.
pub fn read(file: &Path, media_type: Option<&str>) -> anyhow::Result<Observation> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut answer = if bytes.starts_with(b"HTTP/") {
        response(&bytes).with_context(|| format!("{} is no HTTP response", file.display()))?
    } else {
        Observation { status: StatusCode::OK, headers: HeaderMap::new(), body: bytes.into() }
    };
    if let Some(media_type) = media_type {
        let value = HeaderValue::from_str(full_type(media_type)).with_context(|| format!("--type {media_type:?}"))?;
        answer.headers.insert(CONTENT_TYPE, value);
    }
    Ok(answer)
}

fn full_type(short: &str) -> &str {
    match short {
        "json" => "application/json",
        "html" => "text/html",
        "xml" => "application/xml",
        "text" => "text/plain",
        "binary" => "application/octet-stream",
        full => full,
    }
}

fn response(bytes: &[u8]) -> anyhow::Result<Observation> {
    let (head, body) = split_head(bytes);
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = shown(lines.next().unwrap_or_default());
    let code = first.split_ascii_whitespace().nth(1).unwrap_or_default();
    let Ok(status) = code.parse::<StatusCode>() else { bail!("line 1: want HTTP/1.1 CODE REASON, found {first:?}") };
    if status.is_informational() && body.starts_with(b"HTTP/") {
        return response(body);
    }
    let mut headers = HeaderMap::new();
    for (number, line) in lines.enumerate() {
        let (name, value) = header(line).with_context(|| format!("line {}: {:?}", number + 2, shown(line)))?;
        headers.append(name, value);
    }
    let is_chunked =
        headers.get(TRANSFER_ENCODING).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    // `curl -i` shows the header and has undone the chunks.
    let whole = if is_chunked { unchunk(body) } else { None };
    Ok(Observation { status, headers, body: whole.map_or_else(|| Bytes::copy_from_slice(body), Bytes::from) })
}

/// A value is any bytes: what is no UTF-8 stays what it is.
fn header(line: &[u8]) -> anyhow::Result<(HeaderName, HeaderValue)> {
    let colon = memchr::memchr(b':', line).context("want NAME: VALUE")?;
    let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default());
    Ok((HeaderName::from_bytes(name.trim_ascii())?, HeaderValue::from_bytes(value.trim_ascii())?))
}

fn shown(line: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(line)
}

fn split_head(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = |mark: &[u8]| memchr::memmem::find(bytes, mark).map(|at| (at, at + mark.len()));
    let found = [end(b"\r\n\r\n"), end(b"\n\n")].into_iter().flatten().min();
    let (head, body) = found.unwrap_or((bytes.len(), bytes.len()));
    (bytes.get(..head).unwrap_or_default(), bytes.get(body..).unwrap_or_default())
}

/// The body of a chunked response; `None`: these are no chunks.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::with_capacity(rest.len());
    loop {
        let line_end = memchr::memmem::find(rest, b"\r\n")?;
        let line = std::str::from_utf8(rest.get(..line_end)?).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        let data = rest.get(line_end + 2..)?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(data.get(..size)?);
        rest = data.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::response;

    #[test]
    fn a_response_off_the_wire() {
        let answer = response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n3\r\nabc\r\n0\r\n\r\n").unwrap();
        assert_eq!(&*answer.body, b"abc");
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn what_curl_shows() {
        let answer = response(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/2 404 \ncontent-type: text/plain\n\nno\n").unwrap();
        assert_eq!(answer.status, 404);
        assert_eq!(&*answer.body, b"no\n");
    }

    #[test]
    fn a_value_is_the_bytes_that_were_sent() {
        let value = |byte: u8| {
            let head = [b"HTTP/1.1 200 OK\r\nX-Name: No".as_slice(), &[byte], b"l \r\nX-Next: 1\r\n\r\n"].concat();
            response(&head).unwrap().headers.remove("x-name").unwrap()
        };
        assert_eq!(value(0xeb).as_bytes(), b"No\xebl");
        assert_ne!(value(0xeb), value(0xea));
    }

    #[test]
    fn what_is_no_response_is_located() {
        let error = format!("{:#}", response(b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n").unwrap_err());
        assert!(error.contains("line 2") && error.contains("NAME: VALUE"), "{error}");
        assert!(response(b"HTTP/").is_err());
    }
}
