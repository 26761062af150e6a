//! What was found while two texts were read side by side.

use smallvec::SmallVec;

use super::super::walk::Step;
use crate::diff::rules::Rule;
use crate::diff::sink::Sink;

/// Rules that hide something in an ordinary JSON text, and things that differ.
const FEW: usize = 4;

/// What cosmetic rules would hide, each with its count and the first place; and what differs.
#[derive(Debug, Default)]
pub struct Proof<'a> {
    pub(super) met: SmallVec<[(Rule, u32, String); FEW]>,
    pub(super) unlike: SmallVec<[Unlike<'a>; FEW]>,
    pub(super) parts: SmallVec<[Part<'a>; FEW]>,
}

/// What differs, in the order of the texts.
#[derive(Debug)]
pub enum Unlike<'a> {
    Scalar(Change<'a>),
    Elements(Run<'a>),
}

/// A scalar that differs, at the same place on both sides.
#[derive(Debug)]
pub struct Change<'a> {
    pub path: Vec<Step<'a>>,
    pub old: &'a str,
    pub new: &'a str,
}

/// Elements of an array that only one side has, one behind the other.
#[derive(Debug)]
pub struct Run<'a> {
    /// Of the array.
    pub path: Vec<Step<'a>>,
    /// Of the first of them.
    pub index: usize,
    pub owner: Owner,
    /// The elements with what parts them.
    pub text: &'a str,
}

/// Which side has what the other has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Old,
    New,
}

/// An element of an array in which something differs.
#[derive(Debug)]
pub struct Part<'a> {
    /// Where the array begins in the left text.
    pub(super) array: usize,
    /// How many steps lead to it, and something below it that differs.
    pub(super) depth: usize,
    pub(super) unlike: usize,
    pub old: &'a str,
    pub new: &'a str,
}

/// The steps to the array of a part.
fn way<'p, 'a>(unlike: &'p [Unlike<'a>], part: &Part<'a>) -> &'p [Step<'a>] {
    let path = unlike.get(part.unlike).map(|unlike| match unlike {
        Unlike::Scalar(change) => &change.path,
        Unlike::Elements(run) => &run.path,
    });
    path.and_then(|path| path.get(..part.depth)).unwrap_or_default()
}

impl<'a> Proof<'a> {
    /// The elements that differ, of each array that has several, and its path: it may be that they stand elsewhere on the other side.
    pub fn siblings(&mut self) -> impl Iterator<Item = (&[Step<'a>], &[Part<'a>])> {
        self.parts.sort_by_key(|part| part.array);
        let arrays = self.parts.chunk_by(|one, next| one.array == next.array).filter(|parts| parts.len() > 1);
        arrays.map(|parts| (parts.first().map(|part| way(&self.unlike, part)).unwrap_or_default(), parts))
    }

    /// Tells what was hidden; what is left to be judged comes back.
    pub fn tell(self, sink: &mut Sink<'_>) -> impl Iterator<Item = Unlike<'a>> + use<'a> {
        for (rule, count, path) in self.met {
            sink.hides_times(rule, count, || path);
        }
        self.unlike.into_iter()
    }
}
