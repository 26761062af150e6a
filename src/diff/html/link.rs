//! Link targets by meaning: two spellings of one URL are brought to one.
//!
//! Pure text: nothing is resolved here but [`same_page`], which knows the page's own address.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

/// The attributes that hold one URL.
pub(super) fn is_link(name: &str) -> bool {
    matches!(
        name,
        "href"
            | "src"
            | "action"
            | "formaction"
            | "poster"
            | "cite"
            | "background"
            | "longdesc"
            | "manifest"
            | "data-href"
            | "data-src"
            | "data-url"
            | "hx-get"
            | "hx-post"
    )
}

/// One spelling for all spellings of a target: percent-encoding where it is needed and nowhere else, in upper case; `+` and `%20`
/// alike in a query; scheme and host in lower case; no default port.
pub(super) fn canonical(target: &str) -> Cow<'_, str> {
    let plain = |c: u8| {
        c.is_ascii_lowercase()
            || c.is_ascii_digit()
            || matches!(c, b'/' | b'.' | b'-' | b'_' | b'?' | b'=' | b'&' | b'#')
    };
    let query_is_plain = || target.split_once('?').is_none_or(|(_, query)| !query.contains(['/', '?']));
    if target.bytes().all(plain) && query_is_plain() {
        return Cow::Borrowed(target);
    }
    let mut target = Cow::Borrowed(target.trim_matches(|c: char| c.is_ascii_whitespace()));
    if target.contains(['\t', '\n', '\r']) {
        target = Cow::Owned(target.replace(['\t', '\n', '\r'], ""));
    }
    if is_opaque(&target) {
        return target;
    }
    let (rest, fragment) = split(&target, '#');
    let (rest, query) = split(rest, '?');
    let mut out = String::with_capacity(target.len() + 8);
    let path = push_origin(rest, &mut out);
    push_encoded(&decode_path(path), PATH, &mut out);
    if let Some(query) = query {
        push_query(query, &mut out);
    }
    if let Some(fragment) = fragment {
        out.push('#');
        push_encoded(&decode_path(fragment), PATH, &mut out);
    }
    Cow::Owned(out)
}

/// Do both lead to the same place when clicked on this page? Says so for a relative and an absolute link to the own site.
pub(super) fn same_page(page: Option<&Url>, control: &str, candidate: &str) -> bool {
    let Some(page) = page else { return false };
    let (Ok(control), Ok(candidate)) = (page.join(control), page.join(candidate)) else { return false };
    canonical(control.as_str()) == canonical(candidate.as_str())
}

/// `javascript:`, `data:` and the like: compared as they stand.
fn is_opaque(target: &str) -> bool {
    let Some((scheme, _)) = target.split_once(':') else { return false };
    let is_scheme =
        !scheme.is_empty() && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.'));
    is_scheme && !["http", "https", "mailto", "ftp"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Writes scheme and host, if there are any; returns the path.
fn push_origin<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some(slashes) = rest.find("//").filter(|at| *at == 0 || rest[..*at].ends_with(':')) else { return rest };
    let scheme = rest[..slashes].to_ascii_lowercase();
    if scheme.contains('/') {
        return rest;
    }
    let after = &rest[slashes + 2..];
    let (host, path) = after.split_at(after.find('/').unwrap_or(after.len()));
    let host = host.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http:" => ":80",
        "https:" => ":443",
        _ => "\0",
    };
    out.push_str(&scheme);
    out.push_str("//");
    out.push_str(host.strip_suffix(default_port).unwrap_or(&host));
    if path.is_empty() { "/" } else { path }
}

/// Decoded, but for what would change the path's shape or the meaning of a `%`.
fn decode_path(path: &str) -> Vec<u8> {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match escaped(bytes, at) {
            Some(c) if !matches!(c, b'/' | b'\\' | b'?' | b'#' | b'%') => {
                decoded.push(c);
                at += 3;
            }
            Some(_) => {
                // Kept encoded: `%` is written as itself, the digits in upper case.
                decoded.extend([b'%', bytes[at + 1].to_ascii_uppercase(), bytes[at + 2].to_ascii_uppercase()]);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

fn escaped(bytes: &[u8], at: usize) -> Option<u8> {
    let [b'%', high, low, ..] = bytes[at..] else { return None };
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// What stands in a path as itself, beside letters and digits.
const PATH: &[u8] = b"-._~!$&'()*+,;=:@/%|";
/// What stands in a query's key or value as itself.
const QUERY: &[u8] = b"-._~";

fn push_encoded(bytes: &[u8], plain: &[u8], out: &mut String) {
    for &c in bytes {
        if c.is_ascii_alphanumeric() || plain.contains(&c) {
            out.push(char::from(c));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.extend(['%', char::from(DIGITS[usize::from(c >> 4)]), char::from(DIGITS[usize::from(c & 15)])]);
        }
    }
}

fn push_query(query: &str, out: &mut String) {
    for (at, pair) in query.split('&').enumerate() {
        out.push(if at == 0 { '?' } else { '&' });
        for (at, part) in pair.splitn(2, '=').enumerate() {
            if at > 0 {
                out.push('=');
            }
            let spaced = part.replace('+', " ");
            push_encoded(&percent_decode_str(&spaced).collect::<Vec<u8>>(), QUERY, out);
        }
    }
}

/// `/app.js?v=3` → (`/app.js?v=`, true): the target without its version, and whether it has one.
pub(super) fn without_version(target: &str) -> Option<String> {
    let (path, query) = split(target, '?');
    if let Some(query) = query {
        let stripped: Vec<&str> = query.split('&').map(strip_version).collect();
        let stripped = stripped.join("&");
        return (stripped != query).then(|| format!("{path}?{stripped}"));
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let hash = file.split(['.', '-', '_']).find(|part| is_build_hash(part))?;
    Some(path.replacen(hash, "", 1))
}

fn strip_version(pair: &str) -> &str {
    const NAMES: [&str; 12] = ["v", "ver", "version", "rev", "t", "ts", "cb", "build", "hash", "h", "_", "mtime"];
    match pair.split_once('=') {
        Some((name, value)) if NAMES.contains(&name) && !value.is_empty() => &pair[..=name.len()],
        // `style.css?1699999999`, `app.js?3f2a9c1`
        None if pair.len() >= 4 && pair.bytes().all(|c| c.is_ascii_hexdigit() || c == b'.') => "",
        _ => pair,
    }
}

fn is_build_hash(part: &str) -> bool {
    part.len() >= 6 && part.bytes().all(|c| c.is_ascii_hexdigit()) && part.bytes().any(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn spellings_of_one_target() {
        for (a, b) in [
            ("/s?q=a+b", "/s?q=a%20b"),
            ("/s?q=%7Ex", "/s?q=~x"),
            ("/%7euser", "/~user"),
            ("/s?q=a%2Fb", "/s?q=a/b"),
            ("/caf%c3%a9", "/café"),
            ("/a b", "/a%20b"),
            ("HTTP://Example.ORG:80/x", "http://example.org/x"),
            ("https://example.org", "https://example.org/"),
            ("/s?a%5B0%5D=1", "/s?a[0]=1"),
        ] {
            assert_eq!(canonical(a), canonical(b), "{a} {b}");
        }
    }

    #[test]
    fn other_targets_stay_others() {
        for (a, b) in [
            ("/s?q=a%26b=1", "/s?q=a&b=1"),
            ("/a%2Fb", "/a/b"),
            ("/s?q=a%2Bb", "/s?q=a+b"),
            ("/s?a=1&b=2", "/s?b=2&a=1"),
            ("/a%2520b", "/a%20b"),
            ("/A", "/a"),
            ("http://a/x", "https://a/x"),
            ("/s?a=", "/s?a"),
            ("/x/", "/x"),
            ("?a=1", "/?a=1"),
        ] {
            assert_ne!(canonical(a), canonical(b), "{a} {b}");
        }
    }

    #[test]
    fn versions_of_assets() {
        assert_eq!(without_version("/app.js?v=3"), without_version("/app.js?v=4"));
        assert_eq!(without_version("/app.3f2a9c1b.js"), without_version("/app.99aa00cc.js"));
        assert_eq!(without_version("/app.js"), None);
        assert_ne!(without_version("/app.js?v=3"), without_version("/other.js?v=3"));
    }
}
