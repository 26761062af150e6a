//! The names of a page's elements, each kept once.

use std::collections::HashMap;

use html5ever::{LocalName, Namespace, QualName, ns};

/// The page has more names than [`MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diff::html) struct TooMany;

/// More names than any page has. A tree that has them is not worth comparing.
const MOST: usize = 4096;

/// So many names are searched one by one. Most pages have fewer.
const FEW: usize = 32;

/// Where elements of HTML are at home.
pub(in crate::diff::html) static HTML: Namespace = ns!(html);

type Name = (LocalName, Namespace);

#[derive(Debug, Default)]
pub(super) struct Names {
    all: Vec<Name>,
    places: HashMap<Name, u16>,
    /// The names that were asked for last, each in the slot of its spelling.
    recent: Recent,
}

#[derive(Debug)]
struct Recent([u16; SLOTS]);

impl Default for Recent {
    fn default() -> Self {
        Self([0; SLOTS])
    }
}

impl Names {
    pub fn get(&self, at: u16) -> Option<&Name> {
        self.all.get(usize::from(at))
    }

    pub fn of_qualified(&mut self, name: &QualName) -> Result<u16, TooMany> {
        self.of(&name.local, &name.ns)
    }

    pub fn of(&mut self, name: &str, space: &Namespace) -> Result<u16, TooMany> {
        let slot = slot(name);
        let recent = self.recent.0[slot];
        if self.get(recent).is_some_and(|known| *known.0 == *name && known.1 == *space) {
            return Ok(recent);
        }
        let full = (LocalName::from(name), space.clone());
        let known = if self.all.len() <= FEW {
            self.all.iter().position(|known| *known == full).and_then(|at| u16::try_from(at).ok())
        } else {
            self.places.get(&full).copied()
        };
        let at = known.map_or_else(|| self.keep(full), Ok)?;
        self.recent.0[slot] = at;
        Ok(at)
    }

    fn keep(&mut self, name: Name) -> Result<u16, TooMany> {
        let at = u16::try_from(self.all.len()).map_err(|_| TooMany)?;
        if self.all.len() >= MOST {
            return Err(TooMany);
        }
        self.all.push(name.clone());
        if self.all.len() > FEW {
            // From here on, all are looked up.
            let missing = self.all.iter().enumerate().skip(self.places.len());
            self.places.extend(missing.filter_map(|(at, name)| Some((name.clone(), u16::try_from(at).ok()?))));
        }
        Ok(at)
    }
}

const SLOTS: usize = 64;

/// Where a name is kept among the last ones.
fn slot(name: &str) -> usize {
    let bytes = name.as_bytes();
    let at = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
    (bytes.len() * 7 + at(0) * 3 + at(bytes.len().saturating_sub(1)) + at(1) * 5) % SLOTS
}
