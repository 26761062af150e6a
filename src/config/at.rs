//! Where in the config a value stands: by keys ([`At`], [`KeyPath`]) and by file, line and column ([`Place`]).
//!
//! [`At`] is a chain of borrowed steps on the stack, so that compiling a config without mistakes allocates no paths.

use std::fmt;

/// One step down into a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// The keys from the top of one file down to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(pub Vec<Step>);

impl KeyPath {
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The index of the route it lies in, and the steps below that route.
    pub fn split_route(&self) -> Option<(usize, &[Step])> {
        match self.0.as_slice() {
            [Step::Key(routes), Step::Index(index), rest @ ..] if routes == "routes" => Some((*index, rest)),
            _ => None,
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_steps(f, &self.0)
    }
}

/// Prints `canary.override.from[0]`; keys that are no plain words are quoted.
pub fn write_steps(f: &mut impl fmt::Write, steps: &[Step]) -> fmt::Result {
    for (position, step) in steps.iter().enumerate() {
        match step {
            Step::Index(index) => write!(f, "[{index}]")?,
            Step::Key(key) => {
                f.write_str(if position == 0 { "" } else { "." })?;
                if is_word(key) { f.write_str(key)? } else { write!(f, "{key:?}")? }
            }
        }
    }
    Ok(())
}

fn is_word(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A place while it is being looked at: a step and the place above it.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    above: Option<&'a At<'a>>,
    step: Borrowed<'a>,
    /// Index of the file in the order they were read.
    pub file: usize,
}

#[derive(Debug, Clone, Copy)]
enum Borrowed<'a> {
    Top,
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    /// The top of a file.
    pub fn top(file: usize) -> Self {
        Self { above: None, step: Borrowed::Top, file }
    }

    pub fn key(&'a self, key: &'a str) -> At<'a> {
        At { above: Some(self), step: Borrowed::Key(key), file: self.file }
    }

    pub fn index(&'a self, index: usize) -> At<'a> {
        At { above: Some(self), step: Borrowed::Index(index), file: self.file }
    }

    pub fn path(&self) -> KeyPath {
        let mut steps = Vec::new();
        let mut here = Some(self);
        while let Some(at) = here {
            match at.step {
                Borrowed::Top => {}
                Borrowed::Key(key) => steps.push(Step::Key(key.to_owned())),
                Borrowed::Index(index) => steps.push(Step::Index(index)),
            }
            here = at.above;
        }
        steps.reverse();
        KeyPath(steps)
    }
}

/// Line and column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}
