//! Elements that one side has more: where they are, so that the texts can be read side by side without them.

use std::ops::Range;

use smallvec::SmallVec;

use super::super::likeness::meaning;
use super::super::tape::Tape;
use super::super::token::{self, is_blank};
use super::proof::Owner;
use super::{Elements, Frame, Pair};

/// Elements to be left out of one text.
#[derive(Debug)]
pub(super) struct Gap {
    pub owner: Owner,
    /// Where their array begins in the left text.
    pub array: usize,
    pub index: usize,
    pub count: usize,
    /// Where reading is when they are left out, and where it goes on. Bytes.
    pub from: usize,
    pub to: usize,
    pub elements: Range<usize>,
    /// White space between.
    pub blanks: usize,
}

/// Arrays around the place that are looked at, from the outermost on.
const MOST_LEVELS: usize = 4;

/// Elements in a run; longer ones are a matter for [`align`](super::super::align).
const LONGEST: usize = 64;

/// The same. Bytes.
const LARGEST: usize = 64 << 10;

/// Elements in a run that is found by what stands behind it.
const NEAR: usize = 3;

/// As [`find`], of a few elements, by what stands just behind them. The array is not counted, so it is a guess: whether it holds is seen
/// by reading without them.
pub(super) fn near(pair: &Pair<'_, '_>) -> Option<Gap> {
    arrays(pair).find_map(|elements| {
        let (index, old, new) = rests(pair, elements);
        if !old.begins_small() || !new.begins_small() {
            return None;
        }
        let (first, other) = (old.meanings(1), new.meanings(1));
        if first == other {
            return None;
        }
        let behind = |rest: &Rest<'_>, first: &[u64]| {
            rest.meanings(1 + NEAR).iter().skip(1).position(|meaning| first.contains(meaning)).map(|at| at + 1)
        };
        let (owner, rest, count) = match (behind(&new, &first), behind(&old, &other)) {
            (Some(count), None) => (Owner::New, new, count),
            (None, Some(count)) => (Owner::Old, old, count),
            _ => return None,
        };
        let gap = rest.before_others(Place { array: elements.array, index, owner, count })?;
        rest.are_elements(&gap).then_some(gap)
    })
}

/// Where two texts that could not be read side by side may have parted: the outermost array under way that has more elements on one
/// side. They are what stands where it first differs, or behind all else; `None`: that is not the reason.
pub(super) fn find(pair: &Pair<'_, '_>) -> Option<Gap> {
    for elements in arrays(pair) {
        let (index, old, new) = rests(pair, elements);
        let (a, b) = (old.count()?, new.count()?);
        if a == b {
            continue;
        }
        let (owner, rest) = if a > b { (Owner::Old, old) } else { (Owner::New, new) };
        let (count, fewer) = (a.abs_diff(b), a.min(b));
        let place = Place { array: elements.array, index, owner, count };
        let gap = match fewer {
            _ if count > LONGEST => None,
            0 => rest.all(place),
            _ if old.meanings(1) != new.meanings(1) => rest.before_others(place),
            1 => rest.behind_first(place),
            _ => None,
        };
        return gap.filter(|gap| rest.are_elements(gap));
    }
    None
}

/// The arrays under way, from the outermost on.
fn arrays<'p>(pair: &'p Pair<'_, '_>) -> impl Iterator<Item = &'p Elements> {
    let arrays = pair.open.iter().filter_map(|frame| match frame {
        Frame::Array(elements) => Some(elements),
        Frame::Object(_) => None,
    });
    arrays.take(MOST_LEVELS)
}

/// Where an array first differs: the index, and what is left of it on both sides.
fn rests<'a>(pair: &Pair<'a, '_>, elements: &Elements) -> (usize, Rest<'a>, Rest<'a>) {
    let (index, starts) = elements.first.unwrap_or((elements.index, elements.starts));
    (index, Rest { text: pair.old.text, from: starts.0 }, Rest { text: pair.new.text, from: starts.1 })
}

#[derive(Debug, Clone, Copy)]
struct Place {
    array: usize,
    index: usize,
    owner: Owner,
    count: usize,
}

/// The elements of an array from one on, by their bytes alone.
#[derive(Debug, Clone, Copy)]
struct Rest<'a> {
    text: &'a str,
    from: usize,
}

impl Rest<'_> {
    /// Where each element ends; whether the array does, too.
    fn ends(&self) -> impl Iterator<Item = (usize, bool)> {
        let bytes = self.text.as_bytes();
        let mut next = Some(self.from);
        std::iter::from_fn(move || {
            let mut at = next?;
            let mut depth = 0_usize;
            loop {
                match bytes.get(at)? {
                    b'"' => at += token::string_length(bytes.get(at + 1..)?, 0).ok()?.0 + 1,
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' if depth == 0 => {
                        next = None;
                        return Some((at, true));
                    }
                    b']' | b'}' => depth -= 1,
                    b',' if depth == 0 => {
                        next = Some(at + 1);
                        return Some((at, false));
                    }
                    _ => {}
                }
                at += 1;
            }
        })
    }

    /// How many there are; `None`: the array does not end.
    fn count(&self) -> Option<usize> {
        let mut ends = self.ends();
        let (first, is_last) = ends.next()?;
        if is_last {
            let inside = self.text.as_bytes().get(self.from..first)?;
            return Some(usize::from(inside.iter().any(|byte| !is_blank(*byte))));
        }
        let mut count = 1;
        for (_, is_last) in ends {
            count += 1;
            if is_last {
                return Some(count);
            }
        }
        None
    }

    /// Whether the first few elements are quickly looked at.
    fn begins_small(&self) -> bool {
        self.ends().take(1 + NEAR).last().is_some_and(|(end, _)| end - self.from <= LARGEST)
    }

    /// What the first elements mean, so many of them as there are.
    fn meanings(&self, count: usize) -> SmallVec<[u64; 1 + NEAR]> {
        let mut from = self.from;
        let elements = self.ends().take(count).map_while(|(end, _)| {
            let tape = Tape::parse(self.text.get(from..end)?).ok()?;
            from = end + 1;
            Some(meaning(&tape, Tape::ROOT))
        });
        elements.collect()
    }

    /// Is what is left out a list of as many JSON values?
    fn are_elements(&self, gap: &Gap) -> bool {
        let Some(text) = self.text.get(gap.elements.clone()).filter(|text| text.len() <= LARGEST) else { return false };
        let list = format!("[{text}]");
        Tape::parse(&list).is_ok_and(|tape| tape.elements(Tape::ROOT).count() == gap.count)
    }

    fn gap(&self, place: Place, from: usize, to: usize, elements: Range<usize>) -> Option<Gap> {
        let blanks = blanks(self.text.as_bytes().get(from..to)?)?;
        let Place { array, index, owner, count } = place;
        Some(Gap { owner, array, index, count, from, to, elements, blanks })
    }

    /// The other side has nothing more.
    fn all(&self, place: Place) -> Option<Gap> {
        let (end, _) = self.ends().find(|(_, is_last)| *is_last)?;
        self.gap(place, self.from, end, self.from..end)
    }

    /// They stand before all that the other side has.
    fn before_others(&self, place: Place) -> Option<Gap> {
        let (end, _) = self.ends().nth(place.count - 1)?;
        self.gap(place, self.from, end + 1, self.from..end)
    }

    /// They stand behind the one that both sides have.
    fn behind_first(&self, place: Place) -> Option<Gap> {
        let (from, _) = self.ends().next()?;
        let (end, _) = self.ends().find(|(_, is_last)| *is_last)?;
        self.gap(Place { index: place.index + 1, ..place }, from, end, from + 1..end)
    }
}

/// White space outside strings.
fn blanks(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut count) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += token::string_length(bytes.get(at + 1..)?, 0).ok()?.0 + 1,
            byte if is_blank(*byte) => count += 1,
            _ => {}
        }
        at += 1;
    }
    Some(count)
}
