//! Every reading that a backend may make of a path.
//!
//! The path is sent on byte for byte, so a backend may see another path in it than the router does: servers decode once,
//! applications decode again, Windows takes `\` for `/`, Java cuts `;parameters`, many merge slashes, all resolve dots,
//! each in an order of its own. A request is only sound if all of that leads to the same route. This file makes the
//! readings; what they lead to is for [`super::table`].
//!
//! Not read: case (paths are case-sensitive), overlong UTF-8 and `%u002f` (no backend of today decodes them).

use std::borrow::Cow;
use std::ops::ControlFlow;

use memchr::{memchr, memmem, memrchr};
use percent_encoding::percent_decode;
use smallvec::SmallVec;

/// How often a backend may decode: its server once, its application once more.
const MAX_DECODINGS: u8 = 2;

/// Distinct readings of one path. A URL quoted inside a path has about twenty; more is somebody's experiment.
const MAX_READINGS: usize = 128;

/// Bytes read for the readings of one path, all together: well under a millisecond.
const MAX_WORK: usize = 256 << 10;

/// There are more readings than may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// Whether every backend reads the path as it stands: it starts with a slash, and nothing in it means anything but
/// itself. One pass without branches, because nearly every path of a site goes this way and no further.
pub fn is_plain(path: &[u8]) -> bool {
    let Some((b'/', rest)) = path.split_first() else {
        return false;
    };
    let mut suspicious = false;
    let mut previous = b'/';
    for &byte in rest {
        suspicious |= matches!(byte, b'%' | b'\\' | b';' | 0);
        suspicious |= (previous == b'/') & matches!(byte, b'/' | b'.');
        previous = byte;
    }
    !suspicious
}

/// Shows every distinct reading, first the path as it was sent, until one breaks.
///
/// # Errors
/// [`TooMany`]: the readings shown are not all.
pub fn each<B>(path: &[u8], show: impl FnMut(&[u8]) -> ControlFlow<B>) -> Result<ControlFlow<B>, TooMany> {
    let mut readings = Readings { found: Vec::new(), work_left: MAX_WORK, show };
    match readings.explore(as_sent(path)) {
        ControlFlow::Continue(()) => Ok(ControlFlow::Continue(())),
        ControlFlow::Break(Stop::Shown(found)) => Ok(ControlFlow::Break(found)),
        ControlFlow::Break(Stop::TooMany) => Err(TooMany),
    }
}

/// The path as patterns are written: hexadecimal digits of encodings in upper case (RFC 3986, section 6.2.2.1), and `/`
/// for the empty path of `GET http://host` (RFC 9112, section 3.2.1).
pub fn as_sent(path: &[u8]) -> Vec<u8> {
    let mut sent = if path.is_empty() { b"/".to_vec() } else { path.to_vec() };
    let mut from = 0;
    while let Some(at) = memchr(b'%', &sent[from..]) {
        from += at + 1;
        let end = sent.len().min(from + 2);
        let code = &mut sent[from..end];
        if code.iter().all(u8::is_ascii_hexdigit) {
            code.make_ascii_uppercase();
        }
    }
    sent
}

/// A way to read a path. It gives nothing where it changes nothing.
type Way = fn(&[u8]) -> Option<Vec<u8>>;

/// Ways that decode nothing.
const HABITS: [Way; 7] =
    [rooted, cut_at_nul, backslashes_as_slashes, without_parameters, slashes_merged, dots_resolved, named_as_file];

/// Ways to decode. Some servers keep an encoded slash encoded, and resolve dots around it.
const DECODERS: [Way; 2] = [decoded, decoded_but_slashes];

struct Readings<F> {
    /// Those decoded less often come first, so that what is met again has been taken further than it would be now.
    found: Vec<Vec<u8>>,
    /// Bytes.
    work_left: usize,
    show: F,
}

enum Stop<B> {
    Shown(B),
    TooMany,
}

impl<B, F: FnMut(&[u8]) -> ControlFlow<B>> Readings<F> {
    /// All habits in any order and number, before any decoding, between two, and after the last.
    fn explore(&mut self, path: Vec<u8>) -> ControlFlow<Stop<B>> {
        self.add(path)?;
        let mut first = 0;
        for _ in 0..MAX_DECODINGS {
            self.take_up_habits(first)?;
            let end = self.found.len();
            for at in first..end {
                self.read(at, &DECODERS)?;
            }
            first = end;
        }
        self.take_up_habits(first)
    }

    fn take_up_habits(&mut self, first: usize) -> ControlFlow<Stop<B>> {
        let mut at = first;
        while at < self.found.len() {
            self.read(at, &HABITS)?;
            at += 1;
        }
        ControlFlow::Continue(())
    }

    fn read(&mut self, at: usize, ways: &[Way]) -> ControlFlow<Stop<B>> {
        for way in ways {
            if let Some(reading) = way(&self.found[at]) {
                self.add(reading)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn add(&mut self, reading: Vec<u8>) -> ControlFlow<Stop<B>> {
        let Some(work_left) = self.work_left.checked_sub(reading.len()) else {
            return ControlFlow::Break(Stop::TooMany);
        };
        self.work_left = work_left;
        if self.found.contains(&reading) {
            return ControlFlow::Continue(());
        }
        if self.found.len() == MAX_READINGS {
            return ControlFlow::Break(Stop::TooMany);
        }
        (self.show)(&reading).map_break(Stop::Shown)?;
        self.found.push(reading);
        ControlFlow::Continue(())
    }
}

/// `*` is no path (`OPTIONS *`); anything else without a slash in front is read as if it had one.
fn rooted(path: &[u8]) -> Option<Vec<u8>> {
    (!path.starts_with(b"/") && path != b"*").then(|| [b"/", path].concat())
}

/// What a backend in C sees of a path with a NUL byte.
fn cut_at_nul(path: &[u8]) -> Option<Vec<u8>> {
    memchr(0, path).map(|at| path[..at].to_vec())
}

fn backslashes_as_slashes(path: &[u8]) -> Option<Vec<u8>> {
    memchr(b'\\', path)?;
    Some(path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect())
}

/// `/a;v=1/b` is `/a/b` for a Java backend.
fn without_parameters(path: &[u8]) -> Option<Vec<u8>> {
    let first = memchr(b';', path)?;
    let mut out = path[..first].to_vec();
    let mut rest = &path[first..];
    while let Some(slash) = memchr(b'/', rest) {
        rest = &rest[slash..];
        let end = memchr(b';', rest).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..end]);
        rest = &rest[end..];
    }
    Some(out)
}

fn slashes_merged(path: &[u8]) -> Option<Vec<u8>> {
    let first = memmem::find(path, b"//")?;
    let mut out = path[..=first].to_vec();
    for &byte in &path[first + 1..] {
        if byte != b'/' || out.last() != Some(&b'/') {
            out.push(byte);
        }
    }
    Some(out)
}

/// RFC 3986, section 5.2.4: `.` and `..` are resolved, and nothing is above the root.
fn dots_resolved(path: &[u8]) -> Option<Vec<u8>> {
    memmem::find(path, b"/.")?;
    let (b'/', inner) = path.split_first()? else { return None };
    if !inner.split(is_slash).any(is_dots) {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    for segment in inner.split(is_slash) {
        match segment {
            b"." => {}
            b".." => out.truncate(memrchr(b'/', &out).unwrap_or(0)),
            _ => {
                out.push(b'/');
                out.extend_from_slice(segment);
            }
        }
    }
    if inner.split(is_slash).next_back().is_some_and(is_dots) {
        out.push(b'/');
    }
    Some(out)
}

/// The same as file systems and their libraries do, to which `/a/.` is `/a` and not `/a/`.
fn named_as_file(path: &[u8]) -> Option<Vec<u8>> {
    let last = path.rsplit(is_slash).next().filter(|segment| is_dots(segment));
    let mut out = last.and_then(|_| dots_resolved(path))?;
    if out.len() == 1 {
        return None;
    }
    out.pop();
    Some(out)
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

fn is_dots(segment: &[u8]) -> bool {
    matches!(segment, b"." | b"..")
}

fn decoded(path: &[u8]) -> Option<Vec<u8>> {
    match Cow::from(percent_decode(path)) {
        Cow::Owned(decoded) => Some(decoded),
        Cow::Borrowed(_) => None,
    }
}

fn decoded_but_slashes(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = memchr(b'%', rest) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        let taken = from.len().min(3);
        let (code, after) = from.split_at(taken);
        match percent_decode(code).collect::<SmallVec<[u8; 3]>>().as_slice() {
            [byte] if !matches!(byte, b'/' | b'\\' | b'%') => {
                out.push(*byte);
                rest = after;
            }
            _ => {
                out.push(b'%');
                rest = &from[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    (out.len() < path.len()).then_some(out)
}

#[cfg(test)]
pub mod tests;
