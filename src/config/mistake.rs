//! A mistake while it is known by its keys only; [`super::load`] turns it into a located [`super::ConfigError`].

use super::at::{At, KeyPath, Place, Step};

/// What of an entry a mistake is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Points {
    Key,
    Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Index of the file in the order they were read.
    pub file: usize,
    pub at: KeyPath,
    pub points: Points,
    /// A predicate, to be read after the keys: `is 130, want 0 to 100`.
    pub says: String,
    /// Known already for what cannot be reached by keys, such as YAML that is no YAML.
    pub place: Option<Place>,
    /// What must have been read without a mistake for this to be one of its own and not a consequence.
    pub hinges_on: Option<Hinge>,
}

/// A key in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hinge {
    pub file: usize,
    pub path: KeyPath,
}

impl Mistake {
    pub fn new(file: usize, at: KeyPath, says: impl Into<String>) -> Self {
        Self { file, at, points: Points::Value, says: says.into(), place: None, hinges_on: None }
    }

    /// Something that should be there and is not.
    pub fn missing(file: usize, at: KeyPath, says: impl Into<String>) -> Self {
        let hinges_on = Some(Hinge { file, path: at.clone() });
        Self { hinges_on, ..Self::new(file, at, says) }
    }

    /// Whether it only follows from one of these earlier mistakes, which dropped what they were about.
    pub fn follows_from(&self, earlier: &[Self]) -> bool {
        let Some(hinge) = &self.hinges_on else { return false };
        earlier.iter().any(|mistake| {
            let dropped = mistake.hinges_on.as_ref().map_or(&mistake.at, |meant| &meant.path);
            mistake.file == hinge.file && (hinge.path.starts_with(dropped) || dropped.starts_with(&hinge.path))
        })
    }
}

/// What compiling finds: mistakes, and what is legal but probably not meant.
#[derive(Debug, Default)]
pub struct Findings {
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Mistake>,
    /// Mistakes in files beside the config, where what they held before goes on.
    pub kept: Vec<Mistake>,
}

impl Findings {
    pub fn wrong(&mut self, at: &At<'_>, says: impl Into<String>) {
        self.mistakes.push(Mistake::new(at.file, at.path(), says));
    }

    pub fn missing(&mut self, at: &At<'_>, says: impl Into<String>) {
        self.mistakes.push(Mistake::missing(at.file, at.path(), says));
    }

    /// A mistake below a place, at keys that another room names; digits are positions in a list.
    pub fn wrong_below(&mut self, at: &At<'_>, keys: &[String], says: impl Into<String>) {
        let mut path = at.path();
        path.0.extend(keys.iter().map(|key| match key.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Key(key.clone()),
        }));
        self.mistakes.push(Mistake::new(at.file, path, says));
    }

    pub fn keep(&mut self, at: &At<'_>, says: impl Into<String>) {
        self.kept.push(Mistake::new(at.file, at.path(), says));
    }

    pub fn warn(&mut self, at: &At<'_>, says: impl Into<String>) {
        self.warnings.push(Mistake::new(at.file, at.path(), says));
    }
}
