//! Reads a config from its files and locates every mistake in it.
//!
//! The outlines that know lines and columns are built only when there is a mistake to locate, or for [`examine`].

use std::path::{Path, PathBuf};

use super::at::{KeyPath, Place, Step, write_steps};
use super::compile::{Files, Held, Written, compile};
use super::error::{ConfigError, ConfigErrors};
use super::mistake::{Findings, Mistake, Points};
use super::outline::{MOST_NODES, Outline, may_have_aliases, nests_too_deep};
use super::settings::Settings;
use super::sources::{Edited, Pattern, Sources, folder_of};
use super::spec::read::{Document, MOST_MISTAKES, read};
use super::spec::{IncludedSpec, Spec};
use super::token;

/// A config that compiles, with what is to be said of it.
#[derive(Debug)]
pub struct Loaded {
    pub settings: Settings,
    pub written: Written,
    /// Located.
    pub warnings: Vec<ConfigError>,
}

/// Reads, compiles and resolves a config. Its warnings are told without lines.
///
/// # Errors
/// Every mistake in all its files, located.
pub fn load(path: &Path) -> Result<Settings, ConfigErrors> {
    load_over(path, Held::Nothing)
}

/// [`load`] for a door that runs: where only a certificate or its key went wrong, what is in force of them goes on.
///
/// # Errors
/// As [`load`].
pub fn reload(path: &Path, in_force: &Settings) -> Result<Settings, ConfigErrors> {
    load_over(path, Held::By(in_force))
}

/// [`load`] for commands that ask about a config and open no door: certificates and keys that go wrong, or that are not the
/// caller's to read, are missing in what comes of it.
///
/// # Errors
/// As [`load`], of all else.
pub fn consult(path: &Path) -> Result<Settings, ConfigErrors> {
    load_over(path, Held::Elsewhere)
}

fn load_over(path: &Path, held: Held<'_>) -> Result<Settings, ConfigErrors> {
    let mut reading = Reading::of(Sources::gather(path, None))?;
    let mut settings = reading.settings(held)?;
    settings.kept = reading.kept();
    settings.warnings = reading.warnings().map(|warning| warning.to_string()).collect();
    Ok(settings)
}

/// [`load`] for people: keeps what was written, and locates the warnings too.
///
/// # Errors
/// As [`load`].
pub fn examine(path: &Path) -> Result<Loaded, ConfigErrors> {
    let mut reading = Reading::of(Sources::gather(path, None))?;
    let settings = reading.settings(Held::Nothing)?;
    Ok(reading.loaded(settings))
}

/// Whether a config compiles with another content of one file. What is wrong with certificates is no fault of an edit.
///
/// # Errors
/// As [`load`].
pub fn would_load(path: &Path, edited: Edited<'_>) -> Result<(), ConfigErrors> {
    Reading::of(Sources::gather(path, Some(edited)))?.settings(Held::Elsewhere).map(drop)
}

/// [`examine`], and what a door refuses only when it starts: other commands may be another user's, who cannot read the token.
///
/// # Errors
/// As [`load`].
pub fn rehearse(path: &Path) -> Result<Loaded, ConfigErrors> {
    let mut reading = Reading::of(Sources::gather(path, None))?;
    let settings = reading.settings(Held::Nothing)?;
    reading.judge_token(settings.admin.token_file.as_deref())?;
    Ok(reading.loaded(settings))
}

/// A file that is text.
struct TextFile {
    path: PathBuf,
    text: String,
    /// Built when a place is asked for.
    outline: Option<Outline>,
}

struct Reading {
    files: Vec<TextFile>,
    hash: String,
    content: String,
    written: Written,
    findings: Findings,
}

impl Reading {
    /// Reads all files. Mistakes of the YAML inside are findings; a file that is no text ends it here.
    fn of(sources: Sources) -> Result<Self, ConfigErrors> {
        let (hash, content) = (sources.hash(), sources.fingerprint());
        let (patterns, include) = (sources.patterns, sources.include);
        let mut files = Vec::with_capacity(sources.files.len());
        let mut errors = Vec::new();
        for source in sources.files {
            match source.content.map_err(|unreadable| unreadable.says).and_then(text_of) {
                Ok(text) => files.push(TextFile { path: source.path, text, outline: None }),
                Err(says) => errors.push(file_error(source.path, &says)),
            }
        }
        if !errors.is_empty() {
            return Err(ConfigErrors { errors, truncated: false });
        }
        let written = Written { main: Spec::default(), included: Vec::new() };
        let mut reading = Self { files, hash, content, written, findings: Findings::default() };
        reading.read_all();
        reading.judge_includes(&patterns, &include);
        Ok(reading)
    }

    fn read_all(&mut self) {
        if is_blank(&self.files[0].text) {
            self.findings.mistakes.push(Mistake::new(0, KeyPath::default(), "is empty: there is no config in it"));
        } else if let Some(main) = self.read_file(0) {
            self.written.main = main;
        }
        for file in 1..self.files.len() {
            let included: Option<IncludedSpec> = self.read_file(file);
            self.written.included.push((file, included.and_then(|spec| spec.routes).unwrap_or_default()));
        }
    }

    fn read_file<T: Document>(&mut self, file: usize) -> Option<T> {
        if let Some(says) = self.unreasonable(file) {
            self.findings.mistakes.push(Mistake::new(file, KeyPath::default(), says));
            return None;
        }
        let read = read::<T>(&self.files[file].text, file);
        if !read.mistakes.is_empty() || read.repeats {
            self.find_repetitions(file);
        }
        self.findings.mistakes.extend(read.mistakes);
        read.spec
    }

    /// Why a file is not even to be read as YAML: it would take all time or all memory.
    fn unreasonable(&mut self, file: usize) -> Option<&'static str> {
        let text = &self.files[file].text;
        if nests_too_deep(text) {
            return Some("opens a thousand brackets or lists in each other, which no config does");
        }
        let multiplies = may_have_aliases(text) && text.contains('&') && self.outline(file).weight() > MOST_NODES;
        multiplies.then_some("has aliases that stand for millions of values: write them out")
    }

    fn find_repetitions(&mut self, file: usize) {
        let repeated = self.outline(file).repeated_keys();
        for (at, place) in repeated {
            let mistake = Mistake { place: Some(place), ..Mistake::new(file, at, "is written twice") };
            self.findings.mistakes.push(mistake);
        }
    }

    /// What became of the `include` patterns.
    fn judge_includes(&mut self, patterns: &[Pattern], understood: &[String]) {
        let written = self.written.main.include.iter().flatten().map(|pattern| pattern.0.as_str());
        if self.findings.mistakes.is_empty() && !written.eq(understood.iter().map(String::as_str)) {
            let at = KeyPath(vec![Step::Key("include".to_owned())]);
            let says = "is written in an unusual way, want a list of texts: include: [routes.d/*.yaml]";
            self.findings.mistakes.push(Mistake::new(0, at, says));
        }
        for (index, pattern) in patterns.iter().enumerate() {
            let at = || KeyPath(vec![Step::Key("include".to_owned()), Step::Index(index)]);
            match pattern {
                Pattern::Matched => {}
                Pattern::Nothing => self.findings.warnings.push(Mistake::new(0, at(), "matches no file")),
                Pattern::Bad(says) => self.findings.mistakes.push(Mistake::new(0, at(), says.clone())),
            }
        }
    }

    fn settings(&mut self, held: Held<'_>) -> Result<Settings, ConfigErrors> {
        let folder = folder_of(&self.files[0].path);
        let reading_mistakes = std::mem::take(&mut self.findings.mistakes);
        let broken = reading_mistakes.iter().any(|mistake| mistake.at.0.is_empty());
        let files = Files { folder: &folder, held };
        let settings = compile(&self.written, files, &mut self.findings);
        // What is missing because it could not be read has been told already.
        self.findings.mistakes.retain(|mistake| !broken && !mistake.follows_from(&reading_mistakes));
        self.findings.mistakes.splice(..0, reading_mistakes);
        if self.findings.mistakes.is_empty() {
            let files = self.files.iter().map(|file| file.path.clone()).collect();
            return Ok(Settings { hash: self.hash.clone(), content: self.content.clone(), files, ..settings });
        }
        Err(self.errors())
    }

    fn judge_token(&mut self, file: Option<&Path>) -> Result<(), ConfigErrors> {
        let Some(file) = file else { return Ok(()) };
        let Err(says) = token::read(file) else { return Ok(()) };
        let at = KeyPath(["admin", "token_file"].map(|key| Step::Key(key.to_owned())).to_vec());
        let says = format!("is {}, which holds no token: {says}", file.display());
        self.findings.mistakes.push(Mistake::new(0, at, says));
        Err(self.errors())
    }

    fn loaded(mut self, mut settings: Settings) -> Loaded {
        self.outline_all();
        let warnings: Vec<ConfigError> = self.warnings().collect();
        settings.warnings = warnings.iter().map(ToString::to_string).collect();
        Loaded { settings, written: self.written, warnings }
    }

    fn errors(&mut self) -> ConfigErrors {
        // What is refused unread has no outline either.
        for file in 0..self.files.len() {
            if !nests_too_deep(&self.files[file].text) {
                self.outline(file);
            }
        }
        let mut mistakes = std::mem::take(&mut self.findings.mistakes);
        mistakes.append(&mut self.findings.kept);
        let mut errors: Vec<(usize, ConfigError)> =
            mistakes.iter().map(|mistake| (mistake.file, self.located(mistake))).collect();
        errors.sort_by_key(|(file, error)| (*file, error.line, error.column));
        let mut errors: Vec<ConfigError> = errors.into_iter().map(|(_, error)| error).collect();
        errors.dedup();
        let truncated = errors.len() >= MOST_MISTAKES;
        errors.truncate(MOST_MISTAKES);
        ConfigErrors { errors, truncated }
    }

    fn kept(&mut self) -> Vec<String> {
        let kept = std::mem::take(&mut self.findings.kept);
        for mistake in &kept {
            self.outline(mistake.file);
        }
        let told = |mistake: &Mistake| {
            let error = self.located(mistake);
            let goes_on = "what it held before stays in force, with all else of this config";
            ConfigError { message: format!("{}; {goes_on}", error.message), ..error }.to_string()
        };
        kept.iter().map(told).collect()
    }

    fn warnings(&self) -> impl Iterator<Item = ConfigError> {
        self.findings.warnings.iter().map(|warning| self.located(warning))
    }

    fn outline(&mut self, file: usize) -> &Outline {
        let file = &mut self.files[file];
        file.outline.get_or_insert_with(|| Outline::of(&file.text))
    }

    fn outline_all(&mut self) {
        for file in 0..self.files.len() {
            self.outline(file);
        }
    }

    /// With its place, as far as the outline is there.
    fn located(&self, mistake: &Mistake) -> ConfigError {
        let file = &self.files[mistake.file];
        let place = mistake.place.or_else(|| {
            let outline = file.outline.as_ref().filter(|_| !mistake.at.0.is_empty())?;
            match mistake.points {
                Points::Key => outline.key_place(&mistake.at),
                Points::Value => outline.value_place(&mistake.at),
            }
        });
        ConfigError {
            message: self.sentence(mistake),
            file: file.path.clone(),
            line: place.map(|Place { line, .. }| line),
            column: place.map(|Place { column, .. }| column),
        }
    }

    /// `routes[3] "packages": canary.weight is 130, want 0 to 100`
    fn sentence(&self, mistake: &Mistake) -> String {
        let mut sentence = String::new();
        let steps = match mistake.at.split_route() {
            None if mistake.at.0.is_empty() => {
                sentence.push_str("the file");
                &[]
            }
            None => mistake.at.0.as_slice(),
            Some((index, rest)) => {
                sentence.push_str(&format!("routes[{index}]"));
                if let Some(name) = self.route_name(mistake.file, index) {
                    sentence.push_str(&format!(" {name:?}"));
                }
                sentence.push_str(if rest.is_empty() { "" } else { ": " });
                rest
            }
        };
        // Writing to a string does not fail.
        let _ = write_steps(&mut sentence, steps);
        format!("{sentence} {}", mistake.says)
    }

    fn route_name(&self, file: usize, index: usize) -> Option<&str> {
        let routes = match file {
            0 => self.written.main.routes.as_deref(),
            file => self.written.included.iter().find(|(of, _)| *of == file).map(|(_, routes)| routes.as_slice()),
        };
        routes?.get(index)?.name.as_deref()
    }
}

/// Nothing but comments and document marks.
fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#') || line == "---" || line == "...")
}

fn file_error(file: PathBuf, says: &str) -> ConfigError {
    ConfigError { message: format!("the file {says}"), file, line: None, column: None }
}

/// The bytes as text, without the mark that some editors put in front.
fn text_of(content: Vec<u8>) -> Result<String, String> {
    if let Some(at) = memchr::memchr(0, &content) {
        return Err(format!("is no text: byte {at} is zero"));
    }
    let text = String::from_utf8(content).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = memchr::memchr_iter(b'\n', &error.as_bytes()[..at]).count() + 1;
        format!("is no UTF-8 text: line {line} has a byte that cannot be")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}
