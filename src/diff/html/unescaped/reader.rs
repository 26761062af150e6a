//! A page read token by token, and what stands before each place in it.

use super::super::charref::{self, Place};
use super::super::elements::{Name, Traits};
use super::super::lexer::{Content, Kind, Lexer, Raw, SelfClosing, Token};

/// A page read token by token.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    pub page: &'a str,
    pub lexer: Lexer<'a>,
    pub before: Before<'a>,
}

impl<'a> Reader<'a> {
    pub fn new(page: &'a str) -> Self {
        Self { page, lexer: Lexer::from(page, 0), before: Before::default() }
    }

    pub fn next(&mut self) -> Option<Token> {
        let token = self.lexer.next(Content::Html)?;
        match token.kind {
            Kind::Text | Kind::Rcdata => self.before.say(&charref::decode(token.inner.of(self.page), Place::Text)),
            Kind::Start | Kind::End => {
                self.before.tag = Some((token.kind, token.inner.of(self.page)));
                self.begin_raw(&token);
            }
            _ => {}
        }
        Some(token)
    }

    fn begin_raw(&mut self, start: &Token) {
        let name = Name::of(start.inner.of(self.page));
        if start.kind == Kind::Start && name.is(Traits::RAW) && start.self_closing == SelfClosing::No {
            self.lexer.begin_raw(Raw::of(name.text), start);
        }
    }

    /// The first letters from a place on.
    pub fn letters_from(&self, place: usize, left: &mut usize) -> Letters {
        const FAR: usize = 32;
        let mut ahead = self.clone();
        ahead.lexer.skip_to(u32::try_from(place).unwrap_or(u32::MAX));
        let mut letters = Letters::default();
        for _ in 0..FAR {
            let Some(token) = ahead.next().filter(|_| !letters.is_full()) else { break };
            *left = left.saturating_sub((token.span.end - token.span.start) as usize);
            if matches!(token.kind, Kind::Text | Kind::Rcdata) {
                letters.append(&charref::decode(token.inner.of(self.page), Place::Text));
            }
        }
        letters
    }

    /// Goes past a text, as if it were escaped.
    pub fn pass_text(&mut self, text: &str, end: usize) {
        self.before.say(text);
        self.lexer.skip_to(u32::try_from(end).unwrap_or(u32::MAX));
    }

    /// Goes past the tag in which a value was found that ends here, as if it were escaped.
    pub fn pass_value(&mut self, tag: &Token, end: usize) {
        self.before.tag = Some((tag.kind, tag.inner.of(self.page)));
        self.lexer.skip_in_tag(end + 1);
        self.begin_raw(tag);
    }
}

/// What stands before a place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before<'a> {
    pub letters: Letters,
    /// The tag right before it: start or end, and of what.
    pub tag: Option<(Kind, &'a str)>,
}

impl Before<'_> {
    fn say(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.letters.push(text);
            self.tag = None;
        }
    }

    /// Has a text in `title` or `textarea`, right behind its start tag, the one tag that is none of its text?
    pub fn is_ended_by(&self, text: &str) -> bool {
        self.tag
            .is_some_and(|(_, name)| text.to_ascii_lowercase().contains(&format!("</{}", name.to_ascii_lowercase())))
    }

    pub fn has_same_tag(&self, other: &Before<'_>) -> bool {
        match (self.tag, other.tag) {
            (Some((a, old)), Some((b, new))) => a == b && old.eq_ignore_ascii_case(new),
            (old, new) => old.is_none() && new.is_none(),
        }
    }
}

/// Some letters of what a page says, from one place on or up to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Letters([char; AROUND]);

impl Letters {
    /// Takes as many of the first letters as there is room for.
    pub fn append(&mut self, text: &str) {
        let free = self.0.iter().position(|letter| *letter == char::default()).unwrap_or(AROUND);
        let letters = text.chars().filter(|c| !c.is_whitespace());
        self.0[free..].iter_mut().zip(letters).for_each(|(place, letter)| *place = letter);
    }

    pub fn is_full(&self) -> bool {
        self.0.last().is_some_and(|letter| *letter != char::default())
    }

    fn push(&mut self, text: &str) {
        let mut last = self.0;
        let mut count = 0;
        for letter in text.chars().rev().filter(|c| !c.is_whitespace()).take(AROUND) {
            count += 1;
            last[AROUND - count] = letter;
        }
        last[..AROUND - count].copy_from_slice(&self.0[count..]);
        self.0 = last;
    }
}

/// By so many letters before it a place is known.
const AROUND: usize = 12;
