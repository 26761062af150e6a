//! One spelling for all spellings of a link's target.

use std::borrow::Cow;

use super::super::limits;

/// The target with percent-encoding where it is needed and nowhere else, in upper case; `+` and `%20` alike in a query; scheme and
/// host in lower case; no default port. Of a target that is too long, or of another scheme than the web's, the target itself.
pub(in super::super) fn canonical(target: &str) -> Cow<'_, str> {
    if target.len() > limits::MAX_LINK || is_canonical(target.as_bytes()) {
        return Cow::Borrowed(target);
    }
    let mut target = Cow::Borrowed(target.trim_matches(|c: char| c.is_ascii_whitespace()));
    if memchr::memchr3(b'\t', b'\n', b'\r', target.as_bytes()).is_some() {
        target = Cow::Owned(target.replace(['\t', '\n', '\r'], ""));
    }
    let scheme = scheme(&target);
    if scheme.is_some_and(is_opaque) {
        return target;
    }
    let (rest, fragment) = super::split(&target, b'#');
    let (rest, query) = super::split(rest, b'?');
    let mut out = String::with_capacity(target.len() + 16);
    let path = push_origin(rest, &mut out);
    // A colon that is not escaped there would end a scheme (RFC 3986, section 4.2).
    let is_relative = out.is_empty() && scheme.is_none();
    let first = if is_relative { path.find('/').unwrap_or(path.len()) } else { 0 };
    push_path(&path[..first], b"/\\?#%:", b'/', &mut out);
    push_path(&path[first..], b"/\\?#%", b'/', &mut out);
    if let Some(query) = query {
        out.push('?');
        // Of a form's, that is; in a mail's address a plus is a plus (RFC 6068, section 5).
        let is_mail = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto"));
        push_query(query, if is_mail { b'+' } else { b' ' }, &mut out);
    }
    if let Some(fragment) = fragment {
        out.push('#');
        push_path(fragment, b"/\\?#%", b'\\', &mut out);
    }
    Cow::Owned(out)
}

/// Is it surely written as [`canonical`] writes it? Most are.
fn is_canonical(target: &[u8]) -> bool {
    // What leads elsewhere may have a scheme and a host, in which case does not count.
    let own = matches!(target, [b'/', rest @ ..] if rest.first() != Some(&b'/'));
    if !own && (target.starts_with(b"//") || target.iter().any(|c| *c == b':' || c.is_ascii_uppercase())) {
        return false;
    }
    let (rest, fragment) = parted(target, b'#');
    let (path, query) = parted(rest, b'?');
    let calm = |part: &[u8]| part.iter().all(|c| is(*c, IN_PATH) && *c != b'%');
    let mut in_value = false;
    let calm_in_query = |c: &u8| match c {
        b'&' => {
            in_value = false;
            true
        }
        b'=' => !std::mem::replace(&mut in_value, true),
        c => is(*c, IN_QUERY),
    };
    calm(path) && calm(fragment) && query.iter().all(calm_in_query)
}

/// What stands before a mark, and behind it.
fn parted(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    memchr::memchr(mark, text).map_or((text, &[]), |at| (&text[..at], &text[at + 1..]))
}

/// `javascript:`, `data:` and the like: compared as they stand.
fn is_opaque(scheme: &str) -> bool {
    !["http", "https", "mailto", "ftp"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

fn scheme(target: &str) -> Option<&str> {
    let scheme = memchr::memchr(b':', target.as_bytes()).map(|at| &target[..at])?;
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.');
    (!scheme.is_empty() && scheme.bytes().all(fits)).then_some(scheme)
}

/// Writes scheme and host, if there are any; returns the path.
fn push_origin<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let at = memchr::memmem::find(rest.as_bytes(), b"//");
    let Some(slashes) = at.filter(|at| *at == 0 || rest[..*at].ends_with(':')) else { return rest };
    if rest[..slashes].contains('/') {
        return rest;
    }
    let scheme = rest[..slashes].to_ascii_lowercase();
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
    out.push_str(host.strip_suffix(default_port).or_else(|| host.strip_suffix(':')).unwrap_or(&host));
    if path.is_empty() { "/" } else { path }
}

/// Writes a path or a fragment decoded, but for what would change its shape or the meaning of a `%`, which is `kept`. `backslash`: how
/// browsers read one that is not escaped (URL Standard, path state).
fn push_path(path: &str, kept: &[u8], backslash: u8, out: &mut String) {
    let bytes = path.as_bytes();
    let mut at = 0;
    while let Some(&c) = bytes.get(at) {
        if c != b'%' && is(c, IN_PATH) {
            at += push_plain(&path[at..], |c| c != b'%' && is(c, IN_PATH), out);
            continue;
        }
        let escaped = if c == b'%' { escaped(bytes, at) } else { None };
        at += if escaped.is_some() { 3 } else { 1 };
        match escaped {
            Some(c) if kept.contains(&c) => push_escaped(c, out),
            Some(c) => push(c, IN_PATH, out),
            None if c == b'\\' => push(backslash, IN_PATH, out),
            None => push(c, IN_PATH, out),
        }
    }
}

/// Writes names and values as a form would read them, a plus as what it stands for.
fn push_query(query: &str, plus: u8, out: &mut String) {
    let bytes = query.as_bytes();
    let mut in_value = false;
    let mut at = 0;
    while let Some(&c) = bytes.get(at) {
        if is(c, IN_QUERY) {
            at += push_plain(&query[at..], |c| is(c, IN_QUERY), out);
            continue;
        }
        at += 1;
        match c {
            b'&' => {
                in_value = false;
                out.push('&');
            }
            b'=' if !in_value => {
                in_value = true;
                out.push('=');
            }
            b'+' => push_escaped(plus, out),
            b'%' => match escaped(bytes, at - 1) {
                Some(c) => {
                    at += 2;
                    push(c, IN_QUERY, out);
                }
                None => push_escaped(b'%', out),
            },
            c => push_escaped(c, out),
        }
    }
}

/// Writes what a text begins with that stands for itself, all of it ASCII; returns how many bytes that are.
fn push_plain(text: &str, is_plain: impl Fn(u8) -> bool, out: &mut String) -> usize {
    let length = text.bytes().position(|c| !is_plain(c)).unwrap_or(text.len());
    out.push_str(&text[..length]);
    length
}

fn escaped(bytes: &[u8], at: usize) -> Option<u8> {
    let [_, high, low, ..] = bytes[at..] else { return None };
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

fn push(c: u8, plain: u8, out: &mut String) {
    if is(c, plain) {
        out.push(char::from(c));
    } else {
        push_escaped(c, out);
    }
}

fn push_escaped(c: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(c >> 4)]));
    out.push(char::from(DIGITS[usize::from(c & 15)]));
}

/// Stands in a path as itself; in the key or the value of a query.
const IN_PATH: u8 = 1;
const IN_QUERY: u8 = 2;

fn is(c: u8, one: u8) -> bool {
    CLASSES[usize::from(c)] & one != 0
}

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let (path, query) = (b"-._~!$&'()*+,;=:@/%|", b"-._~");
    let mut at = 0;
    while at < path.len() {
        classes[path[at] as usize] |= IN_PATH;
        at += 1;
    }
    let mut at = 0;
    while at < query.len() {
        classes[query[at] as usize] |= IN_QUERY;
        at += 1;
    }
    let mut c = 0_u8;
    while c < 128 {
        if c.is_ascii_alphanumeric() {
            classes[c as usize] |= IN_PATH | IN_QUERY;
        }
        c += 1;
    }
    classes
}

#[cfg(test)]
mod tests {
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
            ("/s?a=b=c", "/s?a=b%3Dc"),
            ("//example.org", "//EXAMPLE.org/"),
            ("/s#a?b", "/s#a%3fb"),
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
}
