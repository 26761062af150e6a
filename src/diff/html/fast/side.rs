//! One of the two pages, read up to its next tag.

use super::super::charref::{self, Place};
use super::super::flow::{self, Flow};
use super::super::lexer::{Content, Kind, Lexer, RawAttribute, SelfClosing, Token};
use super::super::view::{self, is_blank, is_conditional};

/// One page, read up to its next tag.
pub(super) struct Side<'a> {
    pub lexer: Lexer<'a>,
    pub flow: Flow,
    /// The text before the tag: one piece, unless comments stand in it.
    pub pieces: Vec<(Kind, &'a str)>,
    /// The same as it shows.
    pub shown: String,
    /// The same by its no-break spaces.
    pub solid: String,
    pub comments: u64,
    /// The attributes that were read last.
    pub listed: Vec<RawAttribute<'a>>,
}

impl<'a> Side<'a> {
    pub fn new(lexer: Lexer<'a>) -> Self {
        Self {
            lexer,
            flow: Flow::new(),
            pieces: Vec::new(),
            shown: String::new(),
            solid: String::new(),
            comments: 0,
            listed: Vec::new(),
        }
    }

    /// Reads something else.
    pub fn begin(&mut self, lexer: Lexer<'a>) {
        (self.lexer, self.flow, self.comments) = (lexer, Flow::new(), 0);
    }

    /// Gathers text up to the next tag, doctype or comment that counts.
    pub fn advance(&mut self, content: Content) -> Option<Token> {
        self.pieces.clear();
        while let Some(token) = self.lexer.next(content) {
            let inner = token.inner.of(self.lexer.page());
            match token.kind {
                Kind::Text | Kind::Rcdata | Kind::RawText => self.pieces.push((token.kind, inner)),
                Kind::Comment if !is_conditional(inner) => {
                    self.comments = view::mix(self.comments, xxhash_rust::xxh3::xxh3_64(inner.as_bytes()))
                }
                Kind::Comment | Kind::Start | Kind::End | Kind::Doctype => return Some(token),
            }
        }
        None
    }

    pub fn source(&self, token: &Token) -> &'a str {
        token.span.of(self.lexer.page())
    }

    /// Reads the attributes of a tag to where they are [kept](Self::listed).
    pub fn list(&mut self, token: &Token) {
        self.listed.clear();
        self.listed.extend(self.lexer.attributes(token));
    }

    pub fn name(&self, token: &Token) -> &'a str {
        token.inner.of(self.lexer.page())
    }

    /// The tag without what ends it: blanks, `/`, `>`.
    pub fn but_its_end(&self, token: &Token) -> &'a str {
        let source = self.source(token);
        let source = source.strip_suffix('>').unwrap_or(source);
        let source =
            if token.self_closing == SelfClosing::Yes { source.strip_suffix('/').unwrap_or(source) } else { source };
        source.trim_ascii_end()
    }

    pub fn is_hidden_input(&self, token: &Token) -> bool {
        let kind = self.lexer.attributes(token).find(|attribute| attribute.name.eq_ignore_ascii_case("type"));
        kind.is_some_and(|kind| kind.value.eq_ignore_ascii_case("hidden"))
    }

    /// Does an element with nothing in it show by its style?
    pub fn is_styled_icon(&self, token: &Token) -> bool {
        let attributes = self.lexer.attributes(token).map(|attribute| (attribute.name, attribute.value));
        flow::is_styled_icon(self.name(token), attributes)
    }

    /// Nothing but blanks, however they are written.
    pub fn says_nothing(&self) -> bool {
        self.pieces.iter().all(|(_, piece)| charref::decode(piece, Place::Text).chars().all(is_blank))
    }

    /// Nothing but blanks, all of them written as themselves.
    pub fn is_blank(&self) -> bool {
        self.pieces.iter().all(|(_, piece)| piece.bytes().all(|c| is_blank(char::from(c))))
    }

    /// What shows of the pieces, with blanks where they show.
    pub fn show(&mut self) {
        self.shown.clear();
        self.solid.clear();
        for (_, piece) in &self.pieces {
            let text = charref::decode(piece, Place::Text);
            self.flow.push(&text, &mut self.shown);
            if self.pieces.len() == 1 {
                self.solid = flow::solid(&text);
            } else {
                self.solid.push_str(&text);
            }
        }
        if self.pieces.len() > 1 {
            self.solid = flow::solid(&self.solid);
        }
    }

    /// The pieces as they stand.
    pub fn show_exactly(&mut self) {
        self.shown.clear();
        for (kind, piece) in &self.pieces {
            let text =
                if *kind == Kind::RawText { charref::line_ends(piece) } else { charref::decode(piece, Place::Text) };
            self.shown.push_str(&text);
        }
    }
}
