//! Strings, numbers and words that stand for each other: read on both sides, as long as they mean the same.

use super::super::number;
use super::super::string::{self, Spellings};
use super::super::token;
use super::Pair;
use crate::diff::rules::Rule;

/// What a string is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Key,
    Here,
}

impl Pair<'_, '_> {
    /// Reads a string that means the same on both sides.
    #[inline]
    pub(super) fn strings(&mut self, place: Place) -> Option<()> {
        match self.ahead() {
            [b'"', inside @ ..] => match token::plain(inside) {
                length if inside.get(length) == Some(&b'"') => {
                    self.advance(length + 2);
                    Some(())
                }
                _ => self.other_strings(place),
            },
            _ => self.other_strings(place),
        }
    }

    /// Two strings that are not known to be the same, or escape something.
    #[inline(never)]
    fn other_strings(&mut self, place: Place) -> Option<()> {
        self.take(b'"')?;
        let ahead = self.ahead();
        let plain = token::plain(ahead);
        let whole = match ahead.get(plain) {
            Some(b'"') => Some(plain),
            Some(b'\\') => token::string_length(ahead, plain).ok().map(|(length, _)| length),
            _ => None,
        };
        match whole {
            Some(length) => {
                self.advance(length + 1);
                Some(())
            }
            None => self.spelled_strings(plain, place),
        }
    }

    /// Two strings that differ somewhere, from behind their quotes, and how many bytes of them are known to be alike.
    fn spelled_strings(&mut self, mut common: usize, place: Place) -> Option<()> {
        let start = self.old.at;
        let mut met = Spellings::default();
        loop {
            common = self.old.text.get(self.old.at..)?.floor_char_boundary(common);
            self.advance(common);
            match (self.old.rest(), self.new.rest()) {
                ([b'"', ..], [b'"', ..]) => break,
                // The usual case, without a look at what it means.
                ([b'\\', b'/', ..], [b'/', ..]) => {
                    met.add_slash();
                    self.old.at += 2;
                    self.new.at += 1;
                }
                _ => met = met.and(self.units()?),
            }
            common = token::common_plain(self.old.rest(), self.new.rest());
        }
        let key = start..self.old.at;
        self.advance(1);
        self.alike = 0;
        met.rules().try_for_each(|rule| {
            let key = match place {
                Place::Key => Some(key.clone()),
                Place::Here => None,
            };
            self.note(rule, key)
        })
    }

    /// Reads one character on both sides, if it is the same one.
    fn units(&mut self) -> Option<Spellings> {
        let (old, new) = (self.old.text.get(self.old.at..)?, self.new.text.get(self.new.at..)?);
        let (met, lengths) = string::same_unit(old, new)?;
        self.old.at += lengths.0;
        self.new.at += lengths.1;
        Some(met)
    }

    #[inline]
    pub(super) fn numbers(&mut self) -> Option<()> {
        let ahead = self.ahead();
        match token::number_length(ahead) {
            Ok(length) if length < ahead.len() => {
                self.advance(length);
                Some(())
            }
            _ => self.spelled_numbers(),
        }
    }

    #[inline(never)]
    fn spelled_numbers(&mut self) -> Option<()> {
        let (old, new) = (self.old.number_end()?, self.new.number_end()?);
        self.alike = 0;
        if old == new {
            return Some(());
        }
        if number::is_beyond_use(old) || number::is_beyond_use(new) {
            return None;
        }
        let rule = match number::respelled(old, new) {
            Some(spelling) => spelling.rule(),
            None if number::same_double(old, new) => Rule::JsonFloatDigits,
            None => return None,
        };
        self.note(rule, None)
    }

    #[inline]
    pub(super) fn word(&mut self, word: &[u8]) -> Option<()> {
        if !self.old.rest().starts_with(word) || !self.new.rest().starts_with(word) {
            return None;
        }
        self.advance(word.len());
        Some(())
    }
}
