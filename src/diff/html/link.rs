//! Link targets by meaning: two spellings of one URL are brought to one.
//!
//! Pure text: nothing is resolved here but [`same_page`], which knows the page's own address.

mod canonical;

pub(super) use canonical::canonical;

use url::Url;

use super::charref::{self, Place};
use super::{lexer, limits};
use crate::diff::volatile::are_drawn_apart;

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
            | "xlink:href"
            | "ping"
            | "hx-get"
            | "hx-post"
    )
}

/// What a page says that its links count from: `<base href>`, in its head.
pub(super) fn base_of(page: &str) -> Option<String> {
    let head = &page[..page.floor_char_boundary(HEAD)];
    let starts = ["<base", "<BASE", "<Base"].map(|tag| memchr::memmem::find(head.as_bytes(), tag.as_bytes()));
    let start = starts.into_iter().flatten().min()?;
    let name = lexer::name_at(head, u32::try_from(start).ok()?);
    let mut attributes = lexer::attributes_of_tag(&page[start..]);
    let href = attributes.find(|attribute| attribute.name.eq_ignore_ascii_case("href"))?;
    name.eq_ignore_ascii_case("base").then(|| charref::decode(href.value, Place::Attribute).into_owned())
}

/// A base stands before the first link of a page. Bytes.
const HEAD: usize = 16 << 10;

/// Do two targets that are no spellings of one lead to the same place when clicked on this page? Says so for a relative and an
/// absolute link to the own site.
pub(super) fn same_page(page: Option<&Url>, control: &str, candidate: &str) -> bool {
    let Some(page) = page else { return false };
    if control.len().max(candidate.len()) > limits::MAX_LINK {
        return false;
    }
    if is_final(control) && is_final(candidate) {
        return false;
    }
    let (Ok(control), Ok(candidate)) = (page.join(control), page.join(candidate)) else { return false };
    canonical(control.as_str()) == canonical(candidate.as_str())
}

/// Is it a path on the own site that resolving leaves as it stands?
fn is_final(target: &str) -> bool {
    if !target.starts_with('/') || target.starts_with("//") {
        return false;
    }
    let mut before = 0;
    for c in target.bytes().take_while(|c| !matches!(c, b'?' | b'#')) {
        if matches!(c, b'\\' | b'%' | b'\t' | b'\n' | b'\r') || (before, c) == (b'/', b'.') {
            return false;
        }
        before = c;
    }
    true
}

/// How much of an address a target says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Absolute,
    Host,
    Path,
    Relative,
}

pub(super) fn form(target: &str) -> Form {
    match target.trim() {
        target if target.starts_with("//") => Form::Host,
        target if target.starts_with('/') => Form::Path,
        target if target.contains("://") => Form::Absolute,
        _ => Form::Relative,
    }
}

/// The targets of a `srcset`, each with its size: `/a.png 1x,/b.png 2x`.
pub(super) fn candidates(value: &str) -> impl Iterator<Item = (&str, &str)> {
    let skip = |c: char| c.is_ascii_whitespace() || c == ',';
    let mut rest = value;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(skip);
        let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (target, after) = rest.split_at(end);
        if target.is_empty() {
            return None;
        }
        if let Some(target) = target.strip_suffix(',') {
            rest = after;
            return Some((target, ""));
        }
        let (size, after) = after.split_once(',').unwrap_or((after, ""));
        rest = after;
        Some((target, size.trim()))
    })
}

/// `mark`: one of ASCII.
fn split(text: &str, mark: u8) -> (&str, Option<&str>) {
    let at = memchr::memchr(mark, text.as_bytes());
    at.map_or((text, None), |at| (&text[..at], text.get(at + 1..)))
}

/// Two targets that differ in the version of one asset alone: `?v=3`, `app.3f2a9c1b.js`, `/build/3f2a9c1b/app.js`.
pub(super) fn same_but_version(old: &str, new: &str) -> bool {
    let ((old_path, old_query), (new_path, new_query)) = (split(old, b'?'), split(new, b'?'));
    let queries = match (old_query, new_query) {
        (Some(old), Some(new)) => {
            let is_code = [".js", ".css", ".mjs"].iter().any(|end| old_path.ends_with(end));
            let (old, new): (Vec<&str>, Vec<&str>) = (old.split('&').collect(), new.split('&').collect());
            let same = |(old, new): (&&str, &&str)| {
                let alike = strip_version(old) == strip_version(new) || (is_code && are_ids_of_builds(old, new));
                alike && (old == new || (says_a_version(old) && says_a_version(new)))
            };
            old.len() == new.len() && old.iter().zip(&new).all(same)
        }
        (None, None) => true,
        _ => false,
    };
    queries && (old_path == new_path || (is_built(old_path, new_path) && same_but_hashes(old_path, new_path)))
}

/// Does a parameter hold something, and not what a template prints that knows no version?
fn says_a_version(parameter: &str) -> bool {
    let value = parameter.split_once('=').map_or(parameter, |(_, value)| value);
    let is_nothing = matches!(value, "" | "None" | "none" | "null" | "undefined" | "nil" | "NaN" | "False" | "false");
    // `?v=north` names another map.
    let is_word = !value.bytes().any(|c| c.is_ascii_digit()) && !value.bytes().all(|c| c.is_ascii_hexdigit());
    !is_nothing && !is_word && !value.contains(['{', '}', '<', '>', '$']) && !value.to_ascii_lowercase().contains("%7b")
}

/// Can the two be builds of one file? A picture that is named by nothing but a hash, or stands in a folder of uploads that is, is
/// another picture under another hash.
fn is_built(old: &str, new: &str) -> bool {
    fn parts(path: &str) -> (&str, &str) {
        path.rsplit_once('/').unwrap_or(("", path))
    }
    let (old, new) = (parts(old), parts(new));
    let is_uploaded = ["upload", "media", "avatar", "attachment", "photo"].iter().any(|word| old.0.contains(word));
    match (old.1.rsplit_once('.'), new.1.rsplit_once('.')) {
        (Some((_, "js" | "css" | "mjs")), Some(_)) => true,
        (Some((a, _)), Some((b, _))) => !are_hashes(a, b) && (old.0 == new.0 || !is_uploaded),
        _ => false,
    }
}

/// Is the target of a `link` element something that a page is built of? Feeds and other languages are linked, too. A script of the
/// server may join style sheets: `/load.php?modules=site&version=…`.
pub(super) fn is_asset_file(target: &str) -> bool {
    let path = split(split(target, b'#').0, b'?').0;
    path.rsplit_once('.').is_some_and(|(_, end)| {
        matches!(
            end,
            "css"
                | "php"
                | "js"
                | "mjs"
                | "map"
                | "png"
                | "ico"
                | "svg"
                | "jpg"
                | "jpeg"
                | "gif"
                | "webp"
                | "avif"
                | "woff"
                | "woff2"
                | "ttf"
                | "json"
                | "webmanifest"
        )
    })
}

/// Does the new target name another host where legacy stayed on the own site? So the name of a backend gets out.
pub(super) fn leaks_host(page: Option<&Url>, old: &str, new: &str) -> bool {
    let Some(page) = page else { return false };
    if is_final(new) {
        return false;
    }
    let (Ok(old), Ok(new)) = (page.join(old), page.join(new)) else { return false };
    let host = |url: &Url| (url.host_str().map(str::to_owned), url.port_or_known_default());
    host(&old) == host(page) && host(&new) != host(page) && old.path() == new.path() && old.query() == new.query()
}

/// The same of addresses within a text.
pub(super) fn leaks_host_in_text(page: Option<&Url>, old: &str, new: &str) -> bool {
    let Some(own) = page.and_then(Url::host_str) else { return false };
    let stayed = |host: &str| host.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case(own));
    let (mut old, mut new, mut leaks) = (around_hosts(old), around_hosts(new), false);
    loop {
        match (old.next(), new.next()) {
            (Some((before, a)), Some((other, b))) if before == other && a.is_some() == b.is_some() => {
                leaks |= a != b && a.is_some_and(stayed);
            }
            (None, None) => return leaks,
            _ => return false,
        }
    }
}

/// What stands before each address of a text, without its scheme, and the address's host; last, what stands behind them all.
fn around_hosts(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((before, after)) = text.split_once("://") else {
            rest = None;
            return Some((text, None));
        };
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        let end = after.find(|c: char| !is_host(c)).unwrap_or(after.len());
        rest = Some(&after[end..]);
        let before = before.strip_suffix("https").or(before.strip_suffix("http")).unwrap_or(before);
        Some((before, Some(&after[..end])))
    })
}

/// `app.js?id=3f2a9c1b`, as Laravel Mix writes it.
fn are_ids_of_builds(old: &str, new: &str) -> bool {
    matches!((old.strip_prefix("id="), new.strip_prefix("id=")), (Some(old), Some(new)) if are_hashes(old, new))
}

fn strip_version(pair: &str) -> &str {
    const NAMES: [&str; 16] = [
        "v",
        "_v",
        "ver",
        "version",
        "rev",
        "t",
        "ts",
        "cb",
        "build",
        "hash",
        "h",
        "_",
        "mtime",
        "assets_version",
        "asset_version",
        "cache",
    ];
    match pair.split_once('=') {
        Some((name, value)) if NAMES.contains(&name) && !value.is_empty() => &pair[..=name.len()],
        // `style.css?1699999999`, `app.js?3f2a9c1`
        None if pair.len() >= 4 && pair.bytes().all(|c| c.is_ascii_hexdigit() || c == b'.') => "",
        _ => pair,
    }
}

/// Paths that differ in hashes of a build alone, each between separators.
fn same_but_hashes(old: &str, new: &str) -> bool {
    let parts = |path: &str| -> Vec<String> { path.split_inclusive(['/', '.', '-']).map(str::to_owned).collect() };
    let (old, new) = (parts(old), parts(new));
    let pairs = || old.iter().zip(&new).filter(|(old, new)| old != new);
    let bare = |part: &str| part.trim_end_matches(['/', '.', '-']).to_owned();
    old.len() == new.len()
        && pairs().all(|(old, new)| {
            let (a, b) = (bare(old), bare(new));
            old[a.len()..] == new[b.len()..] && are_hashes(&a, &b)
        })
}

/// Could both be hashes of one kind? Digits alone are a number or a day, one of the two may be so by chance.
fn are_hashes(old: &str, new: &str) -> bool {
    let both = |test: fn(&str) -> bool| test(old) && test(new);
    let is_hex = |part: &str| part.len() >= 6 && part.bytes().all(|c| c.is_ascii_hexdigit());
    let is_mixed = |part: &str| {
        let has = |test: fn(&u8) -> bool| part.bytes().any(|c| test(&c));
        (8..=64).contains(&part.len())
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
    };
    let digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    let letters = |part: &str| part.bytes().all(|c| c.is_ascii_alphabetic());
    old.len() == new.len()
        && are_drawn_apart(old, new)
        && ((both(is_hex) && !(digits(old) && digits(new)) && !(letters(old) && letters(new))) || both(is_mixed))
}

/// Does a meta tag, an attribute or a member of that name hold the id of a build?
pub(super) fn names_build(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    let plain = plain.strip_prefix("data").unwrap_or(&plain);
    matches!(
        plain,
        "build"
            | "buildid"
            | "buildhash"
            | "buildnumber"
            | "buildversion"
            | "assetversion"
            | "assetsversion"
            | "assethash"
            | "appversion"
            | "revision"
            | "gitsha"
            | "commit"
            | "commithash"
            | "commitsha"
            | "releaseid"
    )
}

/// Two ids of builds: a number or a hash each.
pub(super) fn are_builds(old: &str, new: &str) -> bool {
    let is_build = |value: &str| {
        value.bytes().any(|c| c.is_ascii_digit())
            && value.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b'+'))
    };
    is_build(old) && is_build(new)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn versions_of_assets() {
        for (a, b) in [
            ("/app.js?v=3", "/app.js?v=4"),
            ("/app.3f2a9c1b.js", "/app.99aa00cc.js"),
            ("/app-BxY3kQ9z.js", "/app-Cq8wLm2p.js"),
            ("/build/abc123ef/app.js", "/build/99aa00cc/app.js"),
        ] {
            assert!(same_but_version(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("/app.js?v=3", "/app.js"),
            ("/app.js?v=3", "/other.js?v=3"),
            ("/app.js?v=3&x=1", "/app.js?v=3&x=2"),
            ("/img/20240101.png", "/img/20240102.png"),
            ("/img/cheese.png", "/img/butter.png"),
        ] {
            assert!(!same_but_version(a, b), "{a} {b}");
        }
    }
}
