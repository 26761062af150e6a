//! How the tags of a regular page nest: what stands in what, told without a tree.
//!
//! Regular is a page whose tags nest as they are written, so that every browser builds the same tree of it, and of any part that is
//! whole: no misnesting, nothing that is moved out of a table, no form in a form. What is not surely regular is none: then
//! [`tree`](super::tree) asks html5ever. [`skeleton`](super::skeleton) looks for blocks in it, [`grow`](super::grow) builds its tree.

use super::elements::{Known, Name, Traits};
use super::lexer::{Content, Kind, Lexer, Raw, SelfClosing, Token};
use super::view::is_blank;

/// Who is told of a page, part by part. `None`: nothing more is wanted, the page counts as not regular.
pub(super) trait Shape<'a> {
    fn doctype(&mut self, token: &Token) -> Option<()>;
    fn comment(&mut self, token: &Token, phase: Phase) -> Option<()>;
    /// Text, blank or not, in the element that was opened last and is not closed, or where the phase says.
    fn text(&mut self, token: &Token, phase: Phase) -> Option<()>;
    /// An element begins. Where its end tag stands, if the inside is of no interest.
    fn open(&mut self, name: &Name<'a>, token: &Token, phase: Phase) -> Option<Option<u32>>;
    /// An element without inside.
    fn void(&mut self, name: &Name<'a>, token: &Token, phase: Phase) -> Option<()>;
    /// An element begins that nobody wrote, before a tag.
    fn imply(&mut self, name: &Name<'a>, before: &Token);
    /// The element that was opened last ends; without a tag: it ends where the next one begins.
    fn close(&mut self, end: Option<&Token>);
    /// `html`, `head` and `body`, and their end tags.
    fn frame(&mut self, part: Part, token: &Token) -> Option<()>;
}

/// The tags that frame a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Html,
    Head,
    Body,
    HeadEnd,
    BodyEnd,
    HtmlEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Before,
    Head,
    AfterHead,
    Body,
    AfterBody,
}

/// Nested deeper, a page is not worth it. The tree builder's own limit is above.
const DEEPEST: usize = 256;

/// Reads a page to its end; `None`: it is not regular.
pub(super) fn read<'a>(page: &'a str, shape: &mut impl Shape<'a>) -> Option<()> {
    if memchr::memchr(0, page.as_bytes()).is_some() {
        return None;
    }
    let lexer = Lexer::from(page, 0);
    let known = Known::new();
    Reading { page, lexer, known, open: Vec::new(), phase: Phase::Before, drawings: 0, choices: 0, shape }.run()
}

struct Reading<'a, 's, S> {
    page: &'a str,
    lexer: Lexer<'a>,
    known: Known<'a>,
    open: Vec<Name<'a>>,
    phase: Phase,
    /// Open `svg`.
    drawings: u32,
    /// Open `select`.
    choices: u32,
    shape: &'s mut S,
}

impl<'a, S: Shape<'a>> Reading<'a, '_, S> {
    fn run(&mut self) -> Option<()> {
        loop {
            let content = if self.in_svg() { Content::Foreign } else { Content::Html };
            let Some(token) = self.lexer.next(content) else { break };
            match token.kind {
                Kind::Text | Kind::Rcdata | Kind::RawText => self.text(&token)?,
                Kind::Comment => self.shape.comment(&token, self.phase)?,
                Kind::Doctype => {
                    (self.phase == Phase::Before && self.open.is_empty()).then_some(())?;
                    self.shape.doctype(&token)?;
                }
                Kind::Start => self.start(&token)?,
                Kind::End => self.end(&token)?,
            }
        }
        self.close_implied(|open| open.is(Traits::ENDS_WITH_ITS_PARENT));
        (matches!(self.phase, Phase::Body | Phase::AfterBody) && self.open.is_empty()).then_some(())
    }

    fn top(&self) -> &str {
        self.open.last().map_or("", |open| &open.text)
    }

    fn top_is(&self, one: Traits) -> bool {
        self.open.last().is_some_and(|open| open.is(one))
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|open| open.text == name)
    }

    fn in_svg(&self) -> bool {
        self.drawings > 0
    }

    fn text(&mut self, token: &Token) -> Option<()> {
        let text = token.inner.of(self.page);
        let blank = text.bytes().all(|c| is_blank(char::from(c)));
        match self.phase {
            _ if blank => {}
            Phase::Body if !self.top_is(Traits::TABLE_PART) => {}
            Phase::Head if matches!(self.top(), "script" | "style" | "title") => {}
            // What nobody framed: the body begins with it.
            Phase::Before | Phase::Head | Phase::AfterHead
                if self.open.is_empty() && !text.starts_with(|c| is_blank(c) || c == '&') =>
            {
                self.phase = Phase::Body;
            }
            _ => return None,
        }
        self.shape.text(token, self.phase)
    }

    fn start(&mut self, token: &Token) -> Option<()> {
        let name = self.known.name(token.inner.of(self.page));
        match self.phase {
            Phase::Body => self.in_body(name, token),
            Phase::AfterBody => None,
            _ => self.before_body(name, token),
        }
    }

    fn before_body(&mut self, name: Name<'a>, token: &Token) -> Option<()> {
        let early = matches!(self.phase, Phase::Before | Phase::Head);
        match &*name.text {
            "html" if self.phase == Phase::Before && self.open.is_empty() => self.shape.frame(Part::Html, token)?,
            "head" if self.phase == Phase::Before => {
                self.shape.frame(Part::Head, token)?;
                self.phase = Phase::Head;
            }
            "body" if self.open.is_empty() => {
                self.phase = Phase::Body;
                self.shape.frame(Part::Body, token)?;
            }
            "base" if !self.open.is_empty() => return None,
            "meta" | "link" | "base" if early => {
                self.phase = Phase::Head;
                self.shape.void(&name, token, self.phase)?;
            }
            "title" | "script" | "style" | "noscript" if early => {
                if !self.open.is_empty() && (self.top() != "noscript" || name.text != "style") {
                    return None;
                }
                self.phase = Phase::Head;
                self.begin_raw(&name, token);
                self.push(name, token)?;
            }
            "html" | "head" | "meta" | "link" | "base" | "title" | "script" | "style" | "noscript" => return None,
            _ if self.open.is_empty() => {
                self.phase = Phase::Body;
                return self.in_body(name, token);
            }
            _ => return None,
        }
        Some(())
    }

    fn begin_raw(&mut self, name: &Name<'_>, token: &Token) {
        let raw = match &*name.text {
            "title" | "textarea" => Raw::Rcdata,
            "script" => Raw::Script,
            "style" | "iframe" => Raw::Rawtext,
            _ => return,
        };
        self.lexer.begin_raw(raw, token);
    }

    fn in_body(&mut self, name: Name<'a>, token: &Token) -> Option<()> {
        if self.in_svg() {
            return self.in_foreign(name, token);
        }
        // Fields and much else end a list of choices, however deep in it they stand.
        let is_choice = matches!(&*name.text, "option" | "optgroup" | "script");
        if name.is(Traits::NEVER_REGULAR) || (self.choices > 0 && !is_choice) {
            return None;
        }
        if name.is(Traits::VOID) {
            return self.void(&name, token);
        }
        if self.open.len() >= DEEPEST {
            return None;
        }
        if (name.is(Traits::TABLE_PART) && name.text != "table") || name.is(Traits::CELL) {
            self.table_part(&name, token)?;
        } else if self.top_is(Traits::TABLE_PART) && !matches!(&*name.text, "script" | "style") {
            return None;
        } else if name.is(Traits::MAKES_ROOM) {
            self.make_room(&name)?;
        }
        if name.is(Traits::RAW) {
            self.begin_raw(&name, token);
        }
        if name.text == "svg" && token.self_closing == SelfClosing::Yes {
            return self.shape.void(&name, token, self.phase);
        }
        self.push(name, token)
    }

    fn void(&mut self, name: &Name<'a>, token: &Token) -> Option<()> {
        let top = self.top();
        match &*name.text {
            "col" => (top == "colgroup").then_some(())?,
            _ if self.top_is(Traits::TABLE_PART) => return None,
            "hr" => self.close_paragraph()?,
            _ => {}
        }
        self.shape.void(name, token, self.phase)
    }

    /// In a drawing, only its own elements.
    fn in_foreign(&mut self, name: Name<'a>, token: &Token) -> Option<()> {
        let known = matches!(
            &*name.text,
            "g" | "path"
                | "circle"
                | "rect"
                | "line"
                | "polyline"
                | "polygon"
                | "ellipse"
                | "defs"
                | "use"
                | "symbol"
                | "text"
                | "tspan"
                | "lineargradient"
                | "radialgradient"
                | "stop"
                | "clippath"
                | "mask"
                | "svg"
        );
        if !known || self.open.len() >= DEEPEST {
            return None;
        }
        if token.self_closing == SelfClosing::Yes {
            self.shape.void(&name, token, self.phase)
        } else {
            self.push(name, token)
        }
    }

    /// What an element may stand in, and what it ends by standing there.
    fn make_room(&mut self, name: &Name<'_>) -> Option<()> {
        match &*name.text {
            text @ ("a" | "button" | "form" | "nobr") if self.is_open(text) => return None,
            "option" if self.top() == "option" => self.pop(None),
            "optgroup" => {
                self.close_implied(|open| open.text == "option");
                if self.top() == "optgroup" {
                    (self.choices > 0).then(|| self.pop(None))?;
                }
            }
            "li" => {
                self.end_item(&["li"])?;
                self.close_paragraph()?;
            }
            "dd" | "dt" => {
                self.end_item(&["dd", "dt"])?;
                self.close_paragraph()?;
            }
            "table" => (!self.paragraph_in_scope()).then_some(())?,
            _ if name.is(Traits::HEADING) && self.top_is(Traits::HEADING) => return None,
            _ if name.is(Traits::CLOSES_PARAGRAPH) => self.close_paragraph()?,
            _ => {}
        }
        Some(())
    }

    /// A list item begins: an open one ends, if nothing but its own text stands open in it.
    fn end_item(&mut self, names: &[&str]) -> Option<()> {
        if self.top() == "p" {
            self.pop(None);
        }
        let passes = |open: &Name<'_>| {
            !open.is(Traits::SPECIAL) || matches!(&*open.text, "address" | "div" | "p" | "dialog" | "search")
        };
        let within = self.open.iter().rev().find(|open| names.contains(&&*open.text) || !passes(open));
        let found = within.is_some_and(|open| names.contains(&&*open.text));
        match found {
            true if names.contains(&self.top()) => self.pop(None),
            true => return None,
            false => {}
        }
        Some(())
    }

    fn close_paragraph(&mut self) -> Option<()> {
        if self.top() == "p" {
            self.pop(None);
        }
        (!self.paragraph_in_scope()).then_some(())
    }

    /// Does a paragraph stand open that a block would end?
    fn paragraph_in_scope(&self) -> bool {
        let bound = |open: &&Name<'_>| open.is(Traits::BOUND) || open.text == "p";
        self.open.iter().rev().find(bound).is_some_and(|open| open.text == "p")
    }

    fn table_part(&mut self, name: &Name<'_>, token: &Token) -> Option<()> {
        if self.top_is(Traits::CELL) {
            self.pop(None);
        }
        if self.top() == "colgroup" {
            self.pop(None);
        }
        let section = name.is(Traits::SECTION);
        if (section || name.text == "tr") && self.top() == "tr" {
            self.pop(None);
        }
        if section && self.top_is(Traits::SECTION) {
            self.pop(None);
        }
        let fits = match &*name.text {
            "td" | "th" => self.top() == "tr",
            "tr" => self.top_is(Traits::SECTION) || self.top() == "table",
            _ => self.top() == "table",
        };
        // A row right in a table is put into a body that nobody wrote; it ends with the table.
        if name.text == "tr" && self.top() == "table" {
            let body = self.known.name("tbody");
            self.shape.imply(&body, token);
            self.open.push(body);
        }
        fits.then_some(())
    }

    fn push(&mut self, name: Name<'a>, token: &Token) -> Option<()> {
        self.drawings += u32::from(name.text == "svg");
        self.choices += u32::from(name.text == "select");
        let inside = self.shape.open(&name, token, self.phase)?;
        if let Some(close) = inside {
            self.lexer.skip_to(close);
        }
        self.open.push(name);
        Some(())
    }

    /// The innermost element ends, with this end tag or with none.
    fn pop(&mut self, end: Option<&Token>) {
        let Some(name) = self.open.pop() else { return };
        self.drawings -= u32::from(name.text == "svg");
        self.choices -= u32::from(name.text == "select");
        self.shape.close(end);
    }

    fn end(&mut self, token: &Token) -> Option<()> {
        let name = self.known.name(token.inner.of(self.page));
        match (self.phase, &*name.text) {
            (Phase::Before | Phase::Head, "head") if self.open.is_empty() => {
                self.shape.frame(Part::HeadEnd, token)?;
                self.phase = Phase::AfterHead;
                return Some(());
            }
            (Phase::Body, "body" | "html") => {
                self.shape.frame(if name.text == "body" { Part::BodyEnd } else { Part::HtmlEnd }, token)?;
                self.close_implied(|open| open.is(Traits::ENDS_WITH_ITS_PARENT));
                self.phase = Phase::AfterBody;
                return self.open.is_empty().then_some(());
            }
            (Phase::AfterBody, "html") => return self.shape.frame(Part::HtmlEnd, token),
            (Phase::AfterBody, _) => return None,
            _ => {}
        }
        if name.is(Traits::ENDS_OTHERS) {
            self.end_others(&name);
        }
        if self.open.last()?.text != name.text {
            return None;
        }
        self.pop(Some(token));
        Some(())
    }

    /// What ends because the element around it does.
    fn end_others(&mut self, name: &Name<'_>) {
        match &*name.text {
            "table" => self.close_implied(|open| {
                open.is(Traits::CELL) || open.is(Traits::SECTION) || matches!(&*open.text, "tr" | "colgroup")
            }),
            "tbody" | "thead" | "tfoot" => self.close_implied(|open| open.is(Traits::CELL) || open.text == "tr"),
            "tr" => self.close_implied(|open| open.is(Traits::CELL)),
            "select" => self.close_implied(|open| matches!(&*open.text, "option" | "optgroup")),
            "optgroup" => self.close_implied(|open| open.text == "option"),
            "li" => self.close_implied(|open| matches!(&*open.text, "p" | "dd" | "dt" | "option")),
            "dd" | "dt" => self.close_implied(|open| open.text == "p"),
            "p" | "noscript" => {}
            _ => self.close_implied(|open| matches!(&*open.text, "li" | "dd" | "dt" | "p")),
        }
    }

    fn close_implied(&mut self, ends: impl Fn(&Name<'_>) -> bool) {
        while self.open.last().is_some_and(&ends) {
            self.pop(None);
        }
    }
}
