//! Changes one word of a config and keeps every other byte: comments, layout, quotes, flow or block style.
//!
//! The result is compiled before it is written, so a config that does not compile is never written here. Where the words
//! stand is told by the [`Outline`]; what cannot be changed without touching something else (aliases) is refused.

mod write;

use std::ops::Range;
use std::path::{Path, PathBuf};

use saphyr_parser::ScalarStyle;
use serde::Serialize;

use super::compile::DEFAULT_ROUTE;
use super::error::ConfigErrors;
use super::load::would_load;
use super::outline::{Entry, Kind, NodeId, Outline, nests_too_deep};
use super::sources::{Edited, Sources};
use super::spec::Percent;
use super::suggest;
use crate::routing::Stage;

/// What a route is to be moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    pub stage: Stage,
    /// `None`: as it is.
    pub weight: Option<Percent>,
}

/// An edit that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    pub file: PathBuf,
    /// Empty: the file says so already, and was not touched.
    pub lines: Vec<ChangedLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedLine {
    /// From 1, in the file as it was.
    pub line: usize,
    /// `None`: nothing was there, the line is new.
    pub was: Option<String>,
    pub is: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("{} {says}", .file.display())]
    Unreadable { file: PathBuf, says: String },
    #[error("there is no route {name:?} in {}{hint}", .file.display())]
    NoRoute { name: String, file: PathBuf, hint: String },
    /// They would move with what matches no route, whatever is known of them.
    #[error(
        "`defaults.stage` is also the stage of {}: give them one of their own first (`matapalo stage NAME STAGE`), or edit {} by hand",
        .names.join(", "), .file.display()
    )]
    Shared { names: Vec<String>, file: PathBuf },
    #[error("{what} cannot be changed by a command: edit {} by hand", .file.display())]
    ByHand { what: String, file: PathBuf },
    /// Nothing was written.
    #[error("the config would not compile, so it was not written:\n{0}")]
    WouldNotCompile(ConfigErrors),
    #[error("{} was changed by somebody else meanwhile: try again", .0.display())]
    Meanwhile(PathBuf),
    #[error("{} cannot be written: {error}", .file.display())]
    NotWritten { file: PathBuf, error: std::io::Error },
}

/// Sets a route's stage, and its weight, in the file that the route is in.
///
/// # Errors
/// [`EditError`]; the file is as it was, except after an I/O error of a write in place.
pub fn set_stage(config: &Path, route: &str, to: Move) -> Result<Done, EditError> {
    let sources = Sources::gather(config, None);
    if route == DEFAULT_ROUTE {
        let names: Vec<String> = sources
            .files
            .iter()
            .flat_map(|source| source.content.iter())
            .flat_map(|content| follow_defaults(content))
            .collect();
        if !names.is_empty() {
            return Err(EditError::Shared { names, file: config.to_owned() });
        }
    }
    let mut names = Vec::new();
    for source in sources.files {
        let file = source.path;
        let content = source.content.map_err(|error| EditError::Unreadable { file: file.clone(), says: error.says })?;
        let Ok(text) = String::from_utf8(content) else {
            return Err(EditError::Unreadable { file, says: "is no UTF-8 text".to_owned() });
        };
        if nests_too_deep(&text) {
            return Err(EditError::Unreadable { file, says: "nests too deep for a config".to_owned() });
        }
        let page = Page::of(&text);
        // What matches no route is the first file's: included ones have routes alone.
        let splices = match (route == DEFAULT_ROUTE, page.route(route)) {
            (true, _) => page.default_splices(to),
            (false, Some(block)) => page.splices(block, to),
            (false, None) => {
                names.extend(page.names());
                continue;
            }
        };
        let splices = splices.map_err(|what| EditError::ByHand { what, file: file.clone() })?;
        return edit(config, file, &page, &splices);
    }
    let hint = suggest::nearest(route, names.iter().map(String::as_str));
    let hint = hint.map(|name| format!(", did you mean {name:?}?")).unwrap_or_default();
    Err(EditError::NoRoute { name: route.to_owned(), file: config.to_owned(), hint })
}

/// The routes of a file that have no stage of their own.
fn follow_defaults(content: &[u8]) -> Vec<String> {
    let Some(text) = str::from_utf8(content).ok().filter(|text| !nests_too_deep(text)) else { return Vec::new() };
    let page = Page::of(text);
    let says = |route: NodeId, key| page.outline.entry(route, key).is_some();
    let follows = |route: &&NodeId| !says(**route, "stage") && !says(**route, "respond");
    page.routes().iter().filter(follows).filter_map(|route| page.name(*route)).map(str::to_owned).collect()
}

fn edit(config: &Path, file: PathBuf, page: &Page<'_>, splices: &[Splice]) -> Result<Done, EditError> {
    if splices.is_empty() {
        return Ok(Done { file, lines: Vec::new() });
    }
    let (is, lines) = apply(page.text, splices);
    would_load(config, Edited { file: &file, content: is.as_bytes() }).map_err(EditError::WouldNotCompile)?;
    match write::replace(&file, page.text.as_bytes(), is.as_bytes()) {
        Ok(write::Outcome::Written) => Ok(Done { file, lines }),
        Ok(write::Outcome::ChangedMeanwhile) => Err(EditError::Meanwhile(file)),
        Err(error) => Err(EditError::NotWritten { file, error }),
    }
}

/// A piece of the text, by bytes, and what comes in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Splice {
    at: Range<usize>,
    with: String,
}

/// The text with all splices, and the lines that they change.
fn apply(text: &str, splices: &[Splice]) -> (String, Vec<ChangedLine>) {
    let mut sorted: Vec<&Splice> = splices.iter().collect();
    sorted.sort_by_key(|splice| splice.at.start);
    let mut is = text.to_owned();
    for splice in sorted.iter().rev() {
        is.replace_range(splice.at.clone(), &splice.with);
    }
    let mut lines: Vec<ChangedLine> = Vec::new();
    let line_of = |splice: &Splice| text[..splice.at.start].matches('\n').count();
    for same_line in sorted.chunk_by(|one, other| line_of(one) == line_of(other)) {
        let Some(first) = same_line.first() else { continue };
        let start = text[..first.at.start].rfind('\n').map_or(0, |before| before + 1);
        let end = text[first.at.start..].find('\n').map_or(text.len(), |after| first.at.start + after);
        let mut edited = text[start..end].to_owned();
        for splice in same_line.iter().rev() {
            edited.replace_range(splice.at.start - start..splice.at.end - start, &splice.with);
        }
        lines.push(changed_line(line_of(first) + 1, &text[start..end], &edited));
    }
    (is, lines)
}

fn changed_line(line: usize, was: &str, edited: &str) -> ChangedLine {
    let is: Vec<String> = edited.lines().map(str::to_owned).collect();
    let was = was.trim_end_matches('\r');
    // Lines were put behind this one or before it, which is as it was; behind the last one there is none.
    match (is.split_first(), is.split_last()) {
        (Some((first, new)), _) if first == was => ChangedLine { line: line + 1, was: None, is: new.to_vec() },
        (_, Some((last, new))) if last == was => ChangedLine { line, was: None, is: new.to_vec() },
        _ if was.is_empty() => ChangedLine { line, was: None, is },
        _ => ChangedLine { line, was: Some(was.to_owned()), is },
    }
}

/// The entries that say where to, the stage first.
fn news(to: Move) -> Vec<String> {
    let weight = to.weight.map(|Percent(weight)| format!("canary: {{weight: {}}}", weight.percent()));
    [format!("stage: {}", to.stage)].into_iter().chain(weight).collect()
}

/// One file with its outline.
struct Page<'a> {
    text: &'a str,
    outline: Outline,
    /// The byte at which each character of the outline's text begins, and the end.
    bytes: Vec<usize>,
}

impl<'a> Page<'a> {
    fn of(text: &'a str) -> Self {
        // The mark that some editors put in front is no part of the outline, but stays.
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        let offset = text.len() - body.len();
        let bytes = body.char_indices().map(|(at, _)| offset + at).chain([text.len()]).collect();
        Self { text, outline: Outline::of(body), bytes }
    }

    fn routes(&self) -> &[NodeId] {
        let routes = self.outline.root().and_then(|root| self.outline.entry(root, "routes"));
        routes.map(|entry| self.outline.items(entry.value)).unwrap_or_default()
    }

    fn name(&self, route: NodeId) -> Option<&str> {
        self.outline.text(self.outline.entry(route, "name")?.value)
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.routes().iter().filter_map(|route| self.name(*route)).map(str::to_owned)
    }

    fn route(&self, name: &str) -> Option<NodeId> {
        self.routes().iter().copied().find(|node| self.name(*node) == Some(name))
    }

    /// What has to change for what matches no route: its stage is said by `defaults`, which may be absent or empty.
    ///
    /// # Errors
    /// What cannot be changed here.
    fn default_splices(&self, to: Move) -> Result<Vec<Splice>, String> {
        let root = self.outline.root().ok_or("an empty config")?;
        let new = || format!("{{{}}}", news(to).join(", "));
        let splice = match self.outline.entry(root, "defaults") {
            None => self.in_front_of_routes(root, &format!("defaults: {}", new()))?,
            Some(entry) => match self.nothing_behind(entry) {
                None => return self.splices(entry.value, to),
                Some(at) => Splice { at: at..at, with: format!(" {}", new()) },
            },
        };
        Ok(vec![splice])
    }

    /// The place behind `key:`, if nothing is written there.
    fn nothing_behind(&self, entry: Entry) -> Option<usize> {
        let end = self.word(entry.key)?.end;
        let rest = self.text[end..].lines().next()?.strip_prefix(':')?.trim_start();
        let is_scalar = matches!(self.outline.node(entry.value).kind, Kind::Scalar { .. });
        (is_scalar && (rest.is_empty() || rest.starts_with('#'))).then_some(end + 1)
    }

    /// A new entry of the whole file: before `routes` and the remarks on them, which are the long end of a config.
    fn in_front_of_routes(&self, root: NodeId, new: &str) -> Result<Splice, String> {
        let Some(routes) = self.outline.entry(root, "routes").filter(|_| !self.is_flow(root)) else {
            return self.in_front(root, &[new.to_owned()], "the config");
        };
        let key = self.outline.node(routes.key);
        let mut at = self.byte(key.span.start) - (key.place.column - 1);
        while let Some(before) = self.text[..at].strip_suffix('\n') {
            let start = before.rfind('\n').map_or(0, |end| end + 1);
            if !before[start..].starts_with('#') {
                break;
            }
            at = start;
        }
        let indent = " ".repeat(key.place.column - 1);
        Ok(Splice { at: at..at, with: format!("{indent}{new}{}", self.line_end()) })
    }

    /// What has to change.
    ///
    /// # Errors
    /// What cannot be changed here.
    fn splices(&self, block: NodeId, to: Move) -> Result<Vec<Splice>, String> {
        self.own(block, "the route")?;
        let mut splices = Vec::new();
        let mut news = news(to);
        let stage = self.outline.entry(block, "stage");
        if let Some(stage) = stage {
            splices.extend(self.replaced(stage.value, to.stage.as_str(), "the stage")?);
            news.remove(0);
        }
        if let (Some(Percent(weight)), Some(canary)) = (to.weight, self.outline.entry(block, "canary")) {
            splices.extend(self.weight(canary.value, &weight.percent().to_string())?);
            news.pop();
        }
        if !news.is_empty() {
            splices.push(match stage.or_else(|| self.outline.entry(block, "name")) {
                Some(entry) => self.inserted(block, self.scalar_or(entry.value, "the route")?, &news)?,
                None => self.in_front(block, &news, "a route")?,
            });
        }
        Ok(splices)
    }

    fn weight(&self, canary: NodeId, weight: &str) -> Result<Option<Splice>, String> {
        self.own(canary, "the canary block")?;
        if let Some(entry) = self.outline.entry(canary, "weight") {
            return self.replaced(entry.value, weight, "the weight");
        }
        self.in_front(canary, &[format!("weight: {weight}")], "a canary block").map(Some)
    }

    /// New entries before the first one of a mapping.
    fn in_front(&self, mapping: NodeId, news: &[String], what: &str) -> Result<Splice, String> {
        let Kind::Mapping(entries) = &self.outline.node(mapping).kind else {
            return Err(format!("{what} that is no mapping"));
        };
        let Some(first) = entries.first() else {
            let inside = self.byte(self.outline.node(mapping).span.start) + 1;
            return Ok(Splice { at: inside..inside, with: news.join(", ") });
        };
        let key = self.outline.node(first.key);
        let at = self.byte(key.span.start);
        let separator = match self.is_flow(mapping) {
            true => ", ".to_owned(),
            false => format!("{}{}", self.line_end(), " ".repeat(key.place.column - 1)),
        };
        Ok(Splice { at: at..at, with: news.iter().map(|new| format!("{new}{separator}")).collect() })
    }

    /// New entries behind an entry's value: in a flow mapping on the same line, otherwise on lines of their own.
    fn inserted(&self, block: NodeId, behind: NodeId, news: &[String]) -> Result<Splice, String> {
        let end = self.word(behind).ok_or("a route whose name is written in an unusual way")?.end;
        if self.is_flow(block) {
            return Ok(Splice { at: end..end, with: format!(", {}", news.join(", ")) });
        }
        let Kind::Mapping(entries) = &self.outline.node(block).kind else { return Err("the route".to_owned()) };
        let column = entries.first().map_or(1, |entry| self.outline.node(entry.key).place.column);
        let indent = " ".repeat(column - 1);
        let line_end = self.text[end..].find('\n').map_or(self.text.len(), |after| end + after);
        let at = if self.text[..line_end].ends_with('\r') { line_end - 1 } else { line_end };
        let with = news.iter().map(|new| format!("{}{indent}{new}", self.line_end())).collect();
        Ok(Splice { at: at..at, with })
    }

    fn line_end(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    fn scalar_or(&self, node: NodeId, what: &str) -> Result<NodeId, String> {
        self.outline.text(node).map(|_| node).ok_or_else(|| what.to_owned())
    }

    /// A word exchanged for another, quotes kept; `None`: it is the same.
    fn replaced(&self, node: NodeId, word: &str, what: &str) -> Result<Option<Splice>, String> {
        self.own(node, what)?;
        let by_hand = || format!("{what}, as it is written here,");
        let quoted = self.word(node).ok_or_else(by_hand)?;
        let inner = match self.text.as_bytes().get(quoted.start) {
            Some(b'"' | b'\'') => quoted.start + 1..quoted.end - 1,
            _ => quoted,
        };
        Ok((self.text[inner.clone()] != *word).then(|| Splice { at: inner, with: word.to_owned() }))
    }

    /// Where a scalar stands, quotes included; `None` if it is not written as it reads.
    fn word(&self, node: NodeId) -> Option<Range<usize>> {
        let Kind::Scalar { text, style } = &self.outline.node(node).kind else { return None };
        let quote = match style {
            ScalarStyle::Plain => "",
            ScalarStyle::SingleQuoted => "'",
            ScalarStyle::DoubleQuoted => "\"",
            _ => return None,
        };
        let written = format!("{quote}{text}{quote}");
        let start = self.byte(self.outline.node(node).span.start);
        (!text.is_empty() && self.text[start..].starts_with(&written)).then(|| start..start + written.len())
    }

    /// What an alias shares with another place is not this route's own.
    fn own(&self, node: NodeId, what: &str) -> Result<(), String> {
        if self.outline.is_shared(node) {
            Err(format!("{what}, which an anchor or alias shares with another,"))
        } else {
            Ok(())
        }
    }

    fn is_flow(&self, mapping: NodeId) -> bool {
        self.text[self.byte(self.outline.node(mapping).span.start)..].starts_with('{')
    }

    fn byte(&self, character: usize) -> usize {
        self.bytes.get(character).copied().unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests;
