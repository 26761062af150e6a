//! The files of a config: the one that was named and what it includes, as bytes, with one hash over all of them.
//!
//! Whoever watches the config asks only this far ([`fingerprint`]): it costs no parsing of routes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::spec::Text;

/// Larger than this no config is: 100,000 routes have less than half of it.
pub const MOST_BYTES: u64 = 16 << 20;
/// Included files.
const MOST_FILES: usize = 10_000;
/// Larger than this no certificate with its chain is, nor a bundle of all the web's authorities.
const MOST_TLS_BYTES: u64 = 2 << 20;

/// What a config consists of, for whoever watches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Hash over the content of all files; the same as [`super::Settings::content`].
    pub hash: String,
    /// The config file and what it includes, in the order they are read.
    pub files: Vec<PathBuf>,
    /// The folders in which a change may be one of the config: those of the files and of the `include` patterns.
    pub dirs: Vec<PathBuf>,
}

/// Hashes the content of a config as it is now, valid or not.
///
/// # Errors
/// The config file cannot be read. An included file that cannot be read is a part of the content.
pub fn fingerprint(path: &Path) -> io::Result<Fingerprint> {
    let sources = Sources::gather(path, None);
    if let Some(Source { content: Err(error), .. }) = sources.files.first() {
        return Err(io::Error::new(error.kind, error.says.clone()));
    }
    let hash = sources.fingerprint();
    let files = sources.files.into_iter().map(|file| file.path).collect();
    Ok(Fingerprint { hash, files, dirs: sources.dirs })
}

/// Content that stands in for a file's own: an edit that is checked before it is written.
#[derive(Debug, Clone, Copy)]
pub struct Edited<'a> {
    pub file: &'a Path,
    pub content: &'a [u8],
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub kind: io::ErrorKind,
    /// A predicate: `is a directory, want a file`.
    pub says: String,
}

#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    pub content: Result<Vec<u8>, Unreadable>,
}

/// What became of one `include` pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    Matched,
    Nothing,
    Bad(String),
}

#[derive(Debug)]
pub struct Sources {
    /// The config file first.
    pub files: Vec<Source>,
    pub dirs: Vec<PathBuf>,
    /// The `include` patterns, as they were understood.
    pub include: Vec<String>,
    /// Beside each of them.
    pub patterns: Vec<Pattern>,
    /// Certificates and keys that listeners, backends and `tracing` name: a change of theirs is one of the config.
    named: Vec<PathBuf>,
}

impl Sources {
    /// Reads the config file and what it includes.
    pub fn gather(path: &Path, edited: Option<Edited<'_>>) -> Self {
        let content = content(path, MOST_BYTES, edited);
        let named = content.as_deref().map(tls_files).unwrap_or_default();
        let include = content.as_deref().map(include_patterns).unwrap_or_default();
        let mut room = MOST_BYTES - content.as_ref().map_or(0, |content| content.len() as u64);
        let mut sources = Self {
            dirs: vec![folder_of(path)],
            files: vec![Source { path: path.to_owned(), content }],
            patterns: Vec::with_capacity(include.len()),
            include,
            named: Vec::new(),
        };
        // Behind a symlink, an edit in place happens elsewhere.
        if let Ok(target) = path.canonicalize() {
            sources.watch(folder_of(&target));
        }
        for pattern in sources.include.clone() {
            let found = sources.include(&pattern, path, edited, &mut room);
            sources.patterns.push(found);
        }
        for name in named {
            let file = folder_of(path).join(name);
            sources.watch(folder_of(&file));
            sources.named.push(file);
        }
        sources
    }

    fn include(&mut self, pattern: &str, main: &Path, edited: Option<Edited<'_>>, room: &mut u64) -> Pattern {
        let folder = folder_of(main);
        let Some(folder) = folder.to_str() else {
            return Pattern::Bad("cannot be used: the config's folder has a name that is not UTF-8".to_owned());
        };
        let absolute = Path::new(&glob::Pattern::escape(folder)).join(pattern);
        self.watch(fixed_folder(&Path::new(folder).join(pattern)));
        // Editors' and Kubernetes' own files begin with a dot; a star stays within its folder.
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let paths = match glob::glob_with(&absolute.to_string_lossy(), options) {
            Ok(paths) => paths,
            Err(error) => return Pattern::Bad(format!("is {pattern:?}, which is no file pattern: {}", error.msg)),
        };
        let mut found = Pattern::Nothing;
        for path in paths.flatten().take(MOST_FILES) {
            found = Pattern::Matched;
            if self.files.iter().any(|known| known.path == path) || is_same(&path, main) {
                continue;
            }
            let content = content(&path, *room, edited);
            *room -= content.as_ref().map_or(0, |content| (content.len() as u64).min(*room));
            self.watch(folder_of(&path));
            self.files.push(Source { path, content });
        }
        found
    }

    fn watch(&mut self, folder: PathBuf) {
        if !self.dirs.contains(&folder) {
            self.dirs.push(folder);
        }
    }

    /// Over everything that settings are made of. Where no files are named, the [`hash`](Self::hash) alone: it is shown
    /// and compared between replicas, which may have certificates of their own.
    pub fn fingerprint(&self) -> String {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for file in &self.named {
            let content = read_tls_file(file).unwrap_or_else(|unreadable| unreadable.says.into_bytes());
            hash.update(&(content.len() as u64).to_le_bytes());
            hash.update(&content);
        }
        let own = self.hash();
        if self.named.is_empty() { own } else { format!("{own}-{:032x}", hash.digest128()) }
    }

    /// Over names and contents; names without the config's folder, so that replicas agree wherever the files are mounted.
    pub fn hash(&self) -> String {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        let folder = self.files.first().map(|main| folder_of(&main.path)).unwrap_or_default();
        for (index, file) in self.files.iter().enumerate() {
            let name = file.path.strip_prefix(&folder).unwrap_or(&file.path);
            let name = if index == 0 { "".as_bytes() } else { name.as_os_str().as_encoded_bytes() };
            let content = match &file.content {
                Ok(content) => content.as_slice(),
                Err(unreadable) => unreadable.says.as_bytes(),
            };
            for part in [name, content] {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        format!("{:032x}", hash.digest128())
    }
}

/// The folder a path is in; `.` for a bare name.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The part of a pattern's folder that has no wildcard.
fn fixed_folder(pattern: &Path) -> PathBuf {
    let wild =
        |part: &std::path::Component<'_>| part.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[".contains(byte));
    let fixed: PathBuf = pattern.components().take_while(|part| !wild(part)).collect();
    if fixed.as_os_str().len() == pattern.as_os_str().len() { folder_of(pattern) } else { fixed }
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn content(path: &Path, most: u64, edited: Option<Edited<'_>>) -> Result<Vec<u8>, Unreadable> {
    match edited {
        Some(edited) if edited.file == path => Ok(edited.content.to_vec()),
        _ => read_bounded(path, most),
    }
}

fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>, Unreadable> {
    let unreadable = |kind, says: String| Unreadable { kind, says };
    let cannot = |error: io::Error| unreadable(error.kind(), format!("cannot be read: {error}"));
    let too_large = || {
        let says = format!(
            "has more than {} MiB, which is the most that a config may have in all its files",
            MOST_BYTES >> 20
        );
        unreadable(io::ErrorKind::FileTooLarge, says)
    };
    // Asked before opening: to open a pipe is to wait for its writer.
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    if metadata.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory, "is a directory, want a file".to_owned()));
    }
    if !metadata.is_file() {
        return Err(unreadable(io::ErrorKind::InvalidInput, "is a device or a pipe, want a file".to_owned()));
    }
    if metadata.len() > most {
        return Err(too_large());
    }
    let mut content = Vec::with_capacity(metadata.len() as usize);
    File::open(path).map_err(cannot)?.take(most + 1).read_to_end(&mut content).map_err(cannot)?;
    // It may have grown since.
    if content.len() as u64 > most { Err(too_large()) } else { Ok(content) }
}

/// The content of a certificate's or a key's file.
///
/// # Errors
/// A predicate, as of every file.
pub fn read_tls_file(path: &Path) -> Result<Vec<u8>, Unreadable> {
    read_bounded(path, MOST_TLS_BYTES)
}

/// Only what is needed to find the files; what is wrong with the rest is told when it is compiled.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ListenersOnly {
    listeners: Vec<WithTls>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BackendsOnly {
    backends: BTreeMap<Text, WithTls>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TracingOnly {
    tracing: WithTls,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WithTls {
    tls: Option<TlsFiles>,
}

/// Of a listener, or of what the door itself connects to.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TlsFiles {
    certificates: Vec<PairFiles>,
    client_ca: Option<Text>,
    ca: Option<Text>,
    client_certificate: Option<Text>,
    client_key: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PairFiles {
    certificate: Option<Text>,
    key: Option<Text>,
}

impl TlsFiles {
    fn paths(self) -> impl Iterator<Item = String> {
        let pairs = self.certificates.into_iter().flat_map(|pair| [pair.certificate, pair.key]);
        let others = [self.client_ca, self.ca, self.client_certificate, self.client_key];
        pairs.chain(others).flatten().map(|path| path.0)
    }
}

/// The files that listeners, backends and the collector of traces name. What is broken names none.
fn tls_files(content: &[u8]) -> Vec<String> {
    let Some(text) = readable(content).filter(|text| text.contains("tls")) else { return Vec::new() };
    let listeners = value(text, "listeners").unwrap_or_else(ListenersOnly::default).listeners;
    let backends = value(text, "backends").unwrap_or_else(BackendsOnly::default).backends;
    let tracing = value(text, "tracing").unwrap_or_else(TracingOnly::default).tracing;
    let all = listeners.into_iter().chain(backends.into_values()).chain([tracing]);
    all.filter_map(|with| with.tls).flat_map(TlsFiles::paths).collect()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IncludeOnly {
    include: Vec<Text>,
}

/// The `include` patterns of a config file. What is broken includes nothing.
fn include_patterns(content: &[u8]) -> Vec<String> {
    let Some(text) = readable(content).filter(|text| text.contains("include")) else { return Vec::new() };
    let IncludeOnly { include } = value(text, "include").unwrap_or_default();
    include.into_iter().map(|pattern| pattern.0).collect()
}

fn readable(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?;
    (!super::outline::nests_too_deep(text)).then_some(text)
}

/// What has one top-level key, found without reading the routes where it is written as usual: as a block of lines that
/// begins with `key:`. A block with aliases of what is anchored elsewhere takes the rest of the file to be understood.
fn value<T: DeserializeOwned>(text: &str, key: &str) -> Option<T> {
    if !text.contains(key) {
        return None;
    }
    block(text, key).and_then(|at| parse(&text[at])).or_else(|| parse(&without_routes(text)?)).or_else(|| parse(text))
}

fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    if super::outline::multiplies(text) { None } else { serde_yaml::from_str(text).ok() }
}

fn without_routes(text: &str) -> Option<String> {
    let routes = block(text, "routes")?;
    Some([&text[..routes.start], &text[routes.end..]].concat())
}

/// The lines of one top-level key.
fn block(text: &str, key: &str) -> Option<Range<usize>> {
    let opening = format!("{key}:");
    let start = if text.starts_with(&opening) { 0 } else { text.find(&format!("\n{opening}"))? + 1 };
    let block = &text[start..];
    let mut end = 0;
    for (index, line) in block.split_inclusive('\n').enumerate() {
        let goes_on = index == 0 || line.trim().is_empty() || line.starts_with([' ', '\t', '-', '#', ']']);
        if !goes_on || line.starts_with("---") {
            break;
        }
        end += line.len();
    }
    Some(start..start + end)
}

#[cfg(test)]
mod tests;
