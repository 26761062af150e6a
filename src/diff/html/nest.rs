//! Which elements stand open in a regular page, tag by tag, and what each tag ends without saying so.
//!
//! Regular is a page whose tags nest as they are written, so that every browser builds the same tree of it, and of any part that is
//! whole: no misnesting, nothing that is moved out of a table, no form in a form (HTML Standard, 13.2.6). What is not surely regular
//! is none: then [`tree`](super::tree) asks html5ever.

use super::elements::{Name, Traits};
use super::lexer::{Content, Kind, SelfClosing};
use super::view::is_blank;

/// Who is told how the elements nest. `None`: nothing more is wanted, the page counts as not regular.
pub(super) trait Shape<'a> {
    /// What is known of a tag.
    type Tag;

    /// An element begins. Where its end tag stands, if the inside is of no interest.
    fn open(&mut self, name: &Name<'a>, tag: &Self::Tag, phase: Phase) -> Option<Option<u32>>;
    /// An element without inside.
    fn void(&mut self, name: &Name<'a>, tag: &Self::Tag, phase: Phase) -> Option<()>;
    /// An element begins that nobody wrote, before a tag.
    fn imply(&mut self, name: &Name<'a>, before: &Self::Tag);
    /// The element that was opened last ends; without a tag: it ends where the next one begins.
    fn close(&mut self, end: Option<&Self::Tag>);
    /// `html`, `head` and `body`, and their end tags.
    fn frame(&mut self, part: Part, tag: &Self::Tag) -> Option<()>;
}

/// Nobody has to be told.
impl<'a, S: Shape<'a>> Shape<'a> for Option<S> {
    type Tag = S::Tag;

    fn open(&mut self, name: &Name<'a>, tag: &S::Tag, phase: Phase) -> Option<Option<u32>> {
        self.as_mut().map_or(Some(None), |shape| shape.open(name, tag, phase))
    }

    fn void(&mut self, name: &Name<'a>, tag: &S::Tag, phase: Phase) -> Option<()> {
        self.as_mut().map_or(Some(()), |shape| shape.void(name, tag, phase))
    }

    fn imply(&mut self, name: &Name<'a>, before: &S::Tag) {
        if let Some(shape) = self {
            shape.imply(name, before);
        }
    }

    fn close(&mut self, end: Option<&S::Tag>) {
        if let Some(shape) = self {
            shape.close(end);
        }
    }

    fn frame(&mut self, part: Part, tag: &S::Tag) -> Option<()> {
        self.as_mut().map_or(Some(()), |shape| shape.frame(part, tag))
    }
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

#[derive(Debug, Clone)]
pub(super) struct Nest<'a> {
    open: Vec<Name<'a>>,
    pub phase: Phase,
    /// Open `svg`.
    drawings: u32,
    /// Open `select`.
    choices: u32,
}

impl<'a> Nest<'a> {
    /// Before a page.
    pub fn new() -> Self {
        Self { open: Vec::new(), phase: Phase::Before, drawings: 0, choices: 0 }
    }

    /// Begins anew, before an element in the body, which stands where its like may stand.
    pub fn begin_before(&mut self, name: &str) {
        let around = match Name::of(name).text {
            "td" | "th" => Some("tr"),
            "tr" => Some("tbody"),
            "tbody" | "thead" | "tfoot" => Some("table"),
            _ => None,
        };
        self.open.clear();
        self.open.extend(around.map(Name::of));
        (self.phase, self.drawings, self.choices) = (Phase::Body, 0, 0);
    }

    pub fn content(&self) -> Content {
        if self.drawings > 0 { Content::Foreign } else { Content::Html }
    }

    pub fn top(&self) -> &'a str {
        top(&self.open)
    }

    pub fn in_table(&self) -> bool {
        self.open.iter().any(|open| open.text == "table" || open.is(Traits::TABLE_PART))
    }

    pub fn in_choices(&self) -> bool {
        self.choices > 0
    }

    pub fn doctype(&self) -> Option<()> {
        (self.phase == Phase::Before && self.open.is_empty()).then_some(())
    }

    /// May text stand here without a change to what stands around it?
    pub fn takes_text(&self) -> bool {
        match self.phase {
            Phase::Body => !top_is(&self.open, Traits::TABLE_PART),
            Phase::Head => matches!(self.top(), "script" | "style" | "title"),
            _ => false,
        }
    }

    pub fn text(&mut self, text: &str) -> Option<()> {
        if self.takes_text() || text.bytes().all(|c| is_blank(char::from(c))) {
            return Some(());
        }
        // What nobody framed: the body begins with it.
        let begins_body = matches!(self.phase, Phase::Before | Phase::Head | Phase::AfterHead)
            && self.open.is_empty()
            && !text.starts_with(|c| is_blank(c) || c == '&');
        begins_body.then(|| self.phase = Phase::Body)
    }

    /// A start tag. Where the element's end tag stands, if nobody is interested in its inside.
    pub fn start<S: Shape<'a>>(
        &mut self,
        name: &Name<'a>,
        self_closing: SelfClosing,
        tag: &S::Tag,
        shape: &mut S,
    ) -> Option<Option<u32>> {
        match self.phase {
            Phase::Body => self.in_body(name, self_closing, tag, shape),
            Phase::AfterBody => None,
            _ => self.before_body(name, self_closing, tag, shape),
        }
    }

    fn before_body<S: Shape<'a>>(
        &mut self,
        name: &Name<'a>,
        self_closing: SelfClosing,
        tag: &S::Tag,
        shape: &mut S,
    ) -> Option<Option<u32>> {
        let early = matches!(self.phase, Phase::Before | Phase::Head);
        match name.text {
            "html" if self.phase == Phase::Before && self.open.is_empty() => shape.frame(Part::Html, tag)?,
            "head" if self.phase == Phase::Before => {
                shape.frame(Part::Head, tag)?;
                self.phase = Phase::Head;
            }
            "body" if self.open.is_empty() => {
                self.phase = Phase::Body;
                shape.frame(Part::Body, tag)?;
            }
            "base" if !self.open.is_empty() => return None,
            "meta" | "link" | "base" if early => {
                self.phase = Phase::Head;
                shape.void(name, tag, self.phase)?;
            }
            "title" | "script" | "style" | "noscript" if early => {
                if !self.open.is_empty() && (self.top() != "noscript" || name.text != "style") {
                    return None;
                }
                self.phase = Phase::Head;
                return self.push(name, tag, shape);
            }
            "html" | "head" | "meta" | "link" | "base" | "title" | "script" | "style" | "noscript" => return None,
            _ if self.open.is_empty() => {
                self.phase = Phase::Body;
                return self.in_body(name, self_closing, tag, shape);
            }
            _ => return None,
        }
        Some(None)
    }

    fn in_body<S: Shape<'a>>(
        &mut self,
        name: &Name<'a>,
        self_closing: SelfClosing,
        tag: &S::Tag,
        shape: &mut S,
    ) -> Option<Option<u32>> {
        let closes_itself = self_closing == SelfClosing::Yes;
        if self.drawings > 0 {
            return match is_of_drawings(name.text) {
                true if closes_itself => shape.void(name, tag, self.phase).map(|()| None),
                true => self.push(name, tag, shape),
                false => None,
            };
        }
        // Fields and much else end a list of choices, however deep in it they stand.
        if name.is(Traits::NEVER_REGULAR)
            || (self.choices > 0 && !matches!(name.text, "option" | "optgroup" | "script"))
        {
            return None;
        }
        let left = depth_before(&self.open, name, self.choices > 0)?;
        self.leave(left, shape);
        if name.is(Traits::VOID) || (name.text == "svg" && closes_itself) {
            return shape.void(name, tag, self.phase).map(|()| None);
        }
        // A row right in a table is put into a body that nobody wrote; it ends with the table.
        if name.text == "tr" && self.top() == "table" {
            let body = Name::of("tbody");
            shape.imply(&body, tag);
            self.open.push(body);
        }
        self.push(name, tag, shape)
    }

    /// A `tbody` that one page writes and the other leaves to the browser begins right in a table.
    pub fn begin_body(&mut self, body: Name<'a>) {
        self.open.push(body);
    }

    fn push<S: Shape<'a>>(&mut self, name: &Name<'a>, tag: &S::Tag, shape: &mut S) -> Option<Option<u32>> {
        if self.open.len() >= DEEPEST {
            return None;
        }
        self.drawings += u32::from(name.text == "svg");
        self.choices += u32::from(name.text == "select");
        let inside = shape.open(name, tag, self.phase)?;
        self.open.push(*name);
        Some(inside)
    }

    /// The innermost element ends, with this end tag or with none.
    fn pop<S: Shape<'a>>(&mut self, end: Option<&S::Tag>, shape: &mut S) {
        let Some(name) = self.open.pop() else { return };
        self.drawings -= u32::from(name.text == "svg");
        self.choices -= u32::from(name.text == "select");
        shape.close(end);
    }

    /// All but the outermost `left` elements end without a tag.
    fn leave<S: Shape<'a>>(&mut self, left: usize, shape: &mut S) {
        while self.open.len() > left {
            self.pop(None, shape);
        }
    }

    pub fn end<S: Shape<'a>>(&mut self, name: &Name<'a>, tag: &S::Tag, shape: &mut S) -> Option<()> {
        match (self.phase, name.text) {
            (Phase::Before | Phase::Head, "head") if self.open.is_empty() => {
                shape.frame(Part::HeadEnd, tag)?;
                self.phase = Phase::AfterHead;
                return Some(());
            }
            (Phase::Body, "body" | "html") => {
                shape.frame(if name.text == "body" { Part::BodyEnd } else { Part::HtmlEnd }, tag)?;
                self.leave(depth_at_the_end(&self.open), shape);
                self.phase = Phase::AfterBody;
                return self.open.is_empty().then_some(());
            }
            (Phase::AfterBody, "html") => return shape.frame(Part::HtmlEnd, tag),
            (Phase::AfterBody, _) => return None,
            _ => {}
        }
        let left = depth_after(&self.open, name)?;
        self.leave(left + 1, shape);
        self.pop(Some(tag), shape);
        Some(())
    }

    /// The page ends. `None`: it was not regular.
    pub fn finish<S: Shape<'a>>(&mut self, shape: &mut S) -> Option<()> {
        self.leave(depth_at_the_end(&self.open), shape);
        (matches!(self.phase, Phase::Body | Phase::AfterBody) && self.open.is_empty()).then_some(())
    }

    /// Do the same elements stand open behind the tag `next`, whether this end tag stands before it or not?
    pub fn ends_anyway(&self, end: &Name<'_>, next: (Kind, &Name<'_>)) -> bool {
        if self.phase != Phase::Body || self.drawings > 0 || !may_be_omitted(end.text) {
            return false;
        }
        let left = |open: &[Name<'_>]| match next {
            (Kind::Start, name) if name.is(Traits::NEVER_REGULAR) => None,
            (Kind::Start, name) => depth_before(open, name, self.choices > 0),
            (Kind::End, Name { text: "body" | "html", .. }) => Some(depth_at_the_end(open)).filter(|left| *left == 0),
            (Kind::End, name) => depth_after(open, name),
            _ => None,
        };
        let with = depth_after(&self.open, end).and_then(|after| left(&self.open[..after]));
        with.is_some() && with == left(&self.open)
    }
}

fn may_be_omitted(name: &str) -> bool {
    matches!(name, "li" | "dd" | "dt" | "p" | "option" | "optgroup" | "td" | "th" | "tr" | "tbody" | "thead" | "tfoot")
}

fn is_of_drawings(name: &str) -> bool {
    matches!(
        name,
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
    )
}

/// Open elements, the outermost first.
type Stack<'s, 'a> = &'s [Name<'a>];

fn top<'a>(open: Stack<'_, 'a>) -> &'a str {
    open.last().map_or("", |open| open.text)
}

fn top_is(open: Stack<'_, '_>, one: Traits) -> bool {
    open.last().is_some_and(|open| open.is(one))
}

fn without_top<'s, 'a>(open: Stack<'s, 'a>, ends: impl Fn(&Name<'_>) -> bool) -> Stack<'s, 'a> {
    match open.split_last() {
        Some((last, rest)) if ends(last) => rest,
        _ => open,
    }
}

fn without<'s, 'a>(mut open: Stack<'s, 'a>, ends: impl Fn(&Name<'_>) -> bool) -> Stack<'s, 'a> {
    while let Some((_, rest)) = open.split_last().filter(|(last, _)| ends(last)) {
        open = rest;
    }
    open
}

/// How many elements stay open where one begins in the body; `None`: it may not stand there.
fn depth_before(open: Stack<'_, '_>, name: &Name<'_>, in_choices: bool) -> Option<usize> {
    let left =
        if (name.is(Traits::TABLE_PART) && name.text != "table") || name.is(Traits::CELL) || name.text == "caption" {
            before_table_part(open, name)?
        } else if name.text == "col" {
            Some(open).filter(|open| top(open) == "colgroup")?
        } else if top_is(open, Traits::TABLE_PART) && !matches!(name.text, "script" | "style") {
            return None;
        } else if name.text == "hr" {
            without_paragraph(open)?
        } else if name.is(Traits::MAKES_ROOM) {
            make_room(open, name, in_choices)?
        } else {
            open
        };
    Some(left.len())
}

/// What an element may stand in, and what it ends by standing there.
fn make_room<'s, 'a>(open: Stack<'s, 'a>, name: &Name<'_>, in_choices: bool) -> Option<Stack<'s, 'a>> {
    match name.text {
        text @ ("a" | "button" | "form" | "nobr") if open.iter().any(|open| open.text == text) => None,
        "option" => Some(without_top(open, |open| open.text == "option")),
        "optgroup" => {
            let left = without(open, |open| open.text == "option");
            if top(left) == "optgroup" { in_choices.then(|| without_top(left, |_| true)) } else { Some(left) }
        }
        "li" => without_paragraph(without_item(open, &["li"])?),
        "dd" | "dt" => without_paragraph(without_item(open, &["dd", "dt"])?),
        "table" => (!has_paragraph_in_scope(open)).then_some(open),
        _ if name.is(Traits::HEADING) && top_is(open, Traits::HEADING) => None,
        _ if name.is(Traits::CLOSES_PARAGRAPH) => without_paragraph(open),
        _ => Some(open),
    }
}

/// A list item begins: an open one ends, if nothing but its own text stands open in it.
fn without_item<'s, 'a>(open: Stack<'s, 'a>, names: &[&str]) -> Option<Stack<'s, 'a>> {
    let open = without_top(open, |open| open.text == "p");
    let passes = |open: &Name<'_>| {
        !open.is(Traits::SPECIAL) || matches!(open.text, "address" | "div" | "p" | "dialog" | "search")
    };
    let within = open.iter().rev().find(|open| names.contains(&open.text) || !passes(open));
    if within.is_some_and(|open| names.contains(&open.text)) {
        names.contains(&top(open)).then(|| without_top(open, |_| true))
    } else {
        Some(open)
    }
}

fn without_paragraph<'s, 'a>(open: Stack<'s, 'a>) -> Option<Stack<'s, 'a>> {
    let left = without_top(open, |open| open.text == "p");
    (!has_paragraph_in_scope(left)).then_some(left)
}

/// Does a paragraph stand open that a block would end?
fn has_paragraph_in_scope(open: Stack<'_, '_>) -> bool {
    let bound = |open: &&Name<'_>| open.is(Traits::BOUND) || open.text == "p";
    open.iter().rev().find(bound).is_some_and(|open| open.text == "p")
}

fn before_table_part<'s, 'a>(open: Stack<'s, 'a>, name: &Name<'_>) -> Option<Stack<'s, 'a>> {
    let section = name.is(Traits::SECTION);
    let mut left = without_top(open, |open| open.is(Traits::CELL) || open.text == "caption");
    left = without_top(left, |open| open.text == "colgroup");
    if section || name.text == "tr" {
        left = without_top(left, |open| open.text == "tr");
    }
    if section {
        left = without_top(left, |open| open.is(Traits::SECTION));
    }
    let fits = match name.text {
        "td" | "th" => top(left) == "tr",
        "tr" => top_is(left, Traits::SECTION) || top(left) == "table",
        _ => top(left) == "table",
    };
    fits.then_some(left)
}

/// How many elements stay open behind an end tag; `None`: it does not end the innermost one that has to be ended.
fn depth_after(open: Stack<'_, '_>, name: &Name<'_>) -> Option<usize> {
    // Nothing ends its like on the way.
    if let Some((_, rest)) = open.split_last().filter(|(last, _)| last.text == name.text) {
        return Some(rest.len());
    }
    let left = if name.is(Traits::ENDS_OTHERS) { without_others(open, name.text) } else { open };
    left.split_last().filter(|(last, _)| last.text == name.text).map(|(_, rest)| rest.len())
}

/// What ends because the element around it does.
fn without_others<'s, 'a>(open: Stack<'s, 'a>, name: &str) -> Stack<'s, 'a> {
    match name {
        "table" => without(open, |open| {
            open.is(Traits::CELL) || open.is(Traits::SECTION) || matches!(open.text, "tr" | "colgroup" | "caption")
        }),
        "tbody" | "thead" | "tfoot" => without(open, |open| open.is(Traits::CELL) || open.text == "tr"),
        "tr" => without(open, |open| open.is(Traits::CELL)),
        "select" => without(open, |open| matches!(open.text, "option" | "optgroup")),
        "optgroup" => without(open, |open| open.text == "option"),
        "li" => without(open, |open| matches!(open.text, "p" | "dd" | "dt" | "option")),
        "dd" | "dt" => without(open, |open| open.text == "p"),
        "p" | "noscript" => open,
        _ => without(open, |open| matches!(open.text, "li" | "dd" | "dt" | "p")),
    }
}

/// How many elements stay open at the end of the body that have to be closed before.
fn depth_at_the_end(open: Stack<'_, '_>) -> usize {
    without(open, |open| open.is(Traits::ENDS_WITH_ITS_PARENT)).len()
}
