//! Field paths without what changes from answer to answer: indexes, ids, dates as keys, positions in lists, numbers in element ids.
//!
//! Only what a path shows by itself is decided here. That the members of an object are named after things (packages, users) takes
//! many answers to see: the recorder learns it.

/// A path without its indexes: `/results/3/Name` → `/results/*/Name`, `#row-17 > li:nth-child(3) > a` → `#row-* > li > a`.
///
/// What it says of elements is a CSS selector still; columns of tables keep their number, for they are fields.
pub fn collapse(path: &str) -> String {
    if path.starts_with('/') {
        let mut collapsed = String::with_capacity(path.len());
        for segment in path.split('/').skip(1) {
            collapsed.push('/');
            collapsed.push_str(&member(segment));
        }
        return collapsed;
    }
    match path.split_once(':') {
        Some(("header", _)) => path.to_owned(),
        Some(("cookie", name)) => format!("cookie:{}", without_numbers(name, Separated::Yes)),
        _ => selector(path),
    }
}

/// One member of a JSON pointer.
fn member(segment: &str) -> String {
    if is_index(segment) || is_date(segment) || is_version(segment) || segment.contains('@') || is_mixed_id(segment) {
        return "*".to_owned();
    }
    without_numbers(segment, Separated::Yes)
}

/// Digits, a UUID, a hash.
fn is_index(segment: &str) -> bool {
    const HASH: usize = 16;
    let digits = segment.strip_prefix('-').unwrap_or(segment);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_hash = segment.len() >= HASH
        && segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && segment.bytes().any(|byte| byte.is_ascii_digit());
    is_number || is_hash
}

/// `2024-01`, `2024-01-02`, `2024-01-02T03:04:05Z`, `2024-W07`, `02.01.2024`.
fn is_date(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    digits >= 5
        && segment.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && segment.bytes().all(|byte| byte.is_ascii_digit() || b"-.:TWQZ+ _".contains(&byte))
}

/// `1.2.3`, `v2.0-1`, `8.2`.
fn is_version(segment: &str) -> bool {
    let rest = segment.strip_prefix('v').unwrap_or(segment);
    let numbers = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    rest.contains('.') && rest.split(['.', '-', '+']).all(numbers)
}

/// `a1B2c3D4`, `V1StGXR8_Z5jdHi6B`: letters and digits in turns, as no person names a field.
fn is_mixed_id(segment: &str) -> bool {
    const SHORTEST: usize = 8;
    const TURNS: usize = 3;
    if segment.len() < SHORTEST || !segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte)) {
        return false;
    }
    let sorts: Vec<bool> =
        segment.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.is_ascii_digit()).collect();
    sorts.windows(2).filter(|pair| pair.first() != pair.last()).count() >= TURNS
}

/// Whether a number only counts as one behind a separator: `pkg-42` has one, `sha256` is a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separated {
    Yes,
    No,
}

/// `pkg-42` → `pkg-*`, `session_9f86d081884c7d65` → `session_*`.
fn without_numbers(name: &str, separated: Separated) -> String {
    const SHORTEST_HASH: usize = 8;
    let is_separator = |c: char| matches!(c, '-' | '_' | '.' | ':' | '[' | ']');
    let mut collapsed = String::with_capacity(name.len());
    for part in name.split_inclusive(is_separator) {
        let (word, end) = match part.char_indices().next_back() {
            Some((at, c)) if is_separator(c) => part.split_at(at),
            _ => (part, ""),
        };
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_number = digits > 0 && digits == word.len() && !(collapsed.is_empty() && separated == Separated::Yes);
        let is_hash = word.len() >= SHORTEST_HASH && digits > 0 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        match separated {
            _ if is_number || is_hash || is_mixed_id(word) => collapsed.push('*'),
            Separated::No => collapsed.push_str(&without_last_digits(word)),
            Separated::Yes => collapsed.push_str(word),
        }
        collapsed.push_str(end);
    }
    collapsed
}

/// `row17` → `row*`.
fn without_last_digits(word: &str) -> String {
    let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.len() == word.len() { word.to_owned() } else { format!("{name}*") }
}

fn selector(path: &str) -> String {
    path.split(" > ").map(step).collect::<Vec<_>>().join(" > ")
}

/// One element: `#row-17`, `li:nth-child(3)`, `td:nth-child(2)[title]`.
fn step(step: &str) -> String {
    if let Some(rest) = step.strip_prefix('#') {
        let end = rest.find('[').unwrap_or(rest.len());
        let (id, attribute) = rest.split_at(end);
        return format!("#{}{attribute}", without_numbers(&unescaped(id), Separated::No));
    }
    let Some((name, rest)) = step.split_once(":nth-") else { return step.to_owned() };
    // A cell's column is a field of its row; a place among siblings is an index.
    if matches!(name, "td" | "th") {
        return step.to_owned();
    }
    let attribute = rest.find('[').and_then(|at| rest.get(at..)).unwrap_or_default();
    format!("{name}{attribute}")
}

/// A CSS identifier as the id it stands for: `\31 7` → `17`.
fn unescaped(identifier: &str) -> String {
    let mut plain = String::with_capacity(identifier.len());
    let mut rest = identifier;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let digits = after.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        let code = after.get(..digits).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match code {
            Some(c) => {
                plain.push(c);
                let tail = after.get(digits..).unwrap_or_default();
                rest = tail.strip_prefix(' ').unwrap_or(tail);
            }
            None => rest = after,
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::collapse;

    #[test]
    fn what_changes_from_answer_to_answer_is_no_part_of_a_place() {
        for (path, place) in [
            ("", ""),
            ("/results/3/Name", "/results/*/Name"),
            ("/by_id/9f86d081884c7d65/x", "/by_id/*/x"),
            ("/by_id/123e4567-e89b-12d3-a456-426614174000", "/by_id/*"),
            ("/days/2024-01-02/hits", "/days/*/hits"),
            ("/months/2024-01", "/months/*"),
            ("/at/2024-01-02T03:04:05Z", "/at/*"),
            ("/versions/1.2.3/url", "/versions/*/url"),
            ("/users/jo@example.org", "/users/*"),
            ("/map/pkg-42/n", "/map/pkg-*/n"),
            ("/map/V1StGXR8_Z5jdHi6B/n", "/map/*/n"),
            ("/sha256", "/sha256"),
            ("/address1", "/address1"),
            ("/Name", "/Name"),
            ("/base64_body", "/base64_body"),
            ("header:X-Frame-Options", "header:X-Frame-Options"),
            ("cookie:SID", "cookie:SID"),
            ("cookie:wp_settings-17", "cookie:wp_settings-*"),
            ("status", "status"),
            ("ul > li:nth-child(3) > a:nth-of-type(2)[href]", "ul > li > a[href]"),
            ("#row-17 > td:nth-child(2)", "#row-* > td:nth-child(2)"),
            ("#row17[class]", "#row*[class]"),
            ("#\\31 7 > b", "#* > b"),
            ("#content > p", "#content > p"),
        ] {
            assert_eq!(collapse(path), place, "{path}");
        }
    }

    #[test]
    fn a_place_is_its_own_place() {
        for path in ["/results/*/Name", "#row-* > li > td:nth-child(3)", "/map/pkg-*/n"] {
            assert_eq!(collapse(path), path);
        }
    }
}
