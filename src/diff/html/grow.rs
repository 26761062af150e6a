//! The tree of a regular page, built as its tags nest: what html5ever builds of it, at a fraction of the cost.
//!
//! Which pages are regular and what ends where, [`regular`](super::regular) says; that both trees are the same is a law of the tests.

use super::charref;
use super::dom::{Dialect, Dom, Form, HTML, NONE, NOWHERE, NodeId, NodeKind, ROOT};
use super::elements::Name;
use super::lexer::{Kind, Lexer, Token};
use super::limits;
use super::nest::{Part, Phase, Shape};
use super::regular::{self, Reader};
use super::tree::{self, Cut};

/// The tree of a page without the insides of some of its blocks, within a budget of bytes.
pub(super) fn grow<'a>(page: &'a str, cuts: &[Cut], budget: usize) -> Result<Dom<'a>, Refusal> {
    let mut growing = Growing {
        dom: Dom::new(page, Dialect::Html, tree::parts(page, cuts), budget),
        cuts: cuts.iter().peekable(),
        budget,
        open: Vec::new(),
        html: NONE,
        head: NONE,
        body: NONE,
        after: NONE,
        html_ended: false,
        drops_newline: false,
    };
    if regular::read(page, &mut growing).is_none() {
        return Err(if growing.is_too_big() { Refusal::TooBig } else { Refusal::Irregular });
    }
    let doctype = growing.dom.doctype.map(|span| span.of(page));
    growing.dom.set_quirks(tree::layout_of(doctype));
    Ok(growing.dom.finish())
}

/// Why a tree did not grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    TooBig,
    Irregular,
}

struct Growing<'a, 'c> {
    dom: Dom<'a>,
    cuts: std::iter::Peekable<std::slice::Iter<'c, Cut>>,
    /// What the tree may cost. Bytes.
    budget: usize,
    open: Vec<NodeId>,
    html: NodeId,
    head: NodeId,
    body: NodeId,
    /// The element that was open when the body ended: what follows belongs to it.
    after: NodeId,
    html_ended: bool,
    /// A browser drops a newline right behind `<pre>`.
    drops_newline: bool,
}

impl<'a> Growing<'a, '_> {
    fn is_too_big(&self) -> bool {
        self.dom.cost() > self.budget
    }

    fn framing(&mut self, name: &str, parent: NodeId, token: Option<&Token>) -> Option<NodeId> {
        let node = self.dom.add_named(name, &HTML, token.map_or(NOWHERE, |token| token.span)).ok()?;
        self.dom.append(parent, node);
        Some(node)
    }

    fn html(&mut self, token: Option<&Token>) -> Option<NodeId> {
        if self.html == NONE {
            self.html = self.framing("html", ROOT, token)?;
        }
        Some(self.html)
    }

    fn head(&mut self, token: Option<&Token>) -> Option<NodeId> {
        if self.head == NONE {
            let html = self.html(None)?;
            self.head = self.framing("head", html, token)?;
        }
        Some(self.head)
    }

    fn body(&mut self, token: Option<&Token>) -> Option<NodeId> {
        if self.body == NONE {
            self.head(None)?;
            self.body = self.framing("body", self.html, token)?;
        }
        Some(self.body)
    }

    /// What a text or an element is put into.
    fn parent(&mut self, phase: Phase) -> Option<NodeId> {
        match (phase, self.open.last()) {
            (_, Some(open)) => Some(*open),
            (Phase::Before | Phase::Head, None) => self.head(None),
            (Phase::AfterHead, None) => self.html(None),
            (Phase::Body, None) => self.body(None),
            (Phase::AfterBody, None) => Some(self.after),
        }
    }

    fn element(&mut self, name: &str, token: &Token, phase: Phase) -> Option<NodeId> {
        // Elements of drawings change their names and those of their attributes; html5ever knows them all.
        if name == "svg" || self.is_too_big() {
            return None;
        }
        if too_many_attributes(self.dom.page, token) {
            return None;
        }
        let parent = self.parent(phase)?;
        let node = self.dom.add_named(name, &HTML, token.span).ok()?;
        self.dom.append(parent, node);
        self.drops_newline = false;
        Some(node)
    }
}

/// Has a tag more attributes than are worth comparing?
pub(super) fn too_many_attributes(page: &str, token: &Token) -> bool {
    // Before each stands one of these.
    let begins = |c: &&u8| matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | b'/' | b'"' | b'\'');
    let tag = token.span.of(page).as_bytes();
    let could = tag.len() > 2 * limits::MAX_ATTRIBUTES && tag.iter().filter(begins).count() > limits::MAX_ATTRIBUTES;
    could && Lexer::from(page, token.span.start).attributes(token).nth(limits::MAX_ATTRIBUTES).is_some()
}

impl<'a> Reader<'a> for Growing<'a, '_> {
    fn doctype(&mut self, token: &Token) -> Option<()> {
        // A second one, or one behind the first tag, is dropped by a browser.
        let is_first = self.dom.doctype.is_none() && self.html == NONE;
        is_first.then(|| self.dom.doctype = Some(token.inner))
    }

    fn comment(&mut self, token: &Token, phase: Phase) -> Option<()> {
        if self.is_too_big() {
            return None;
        }
        self.drops_newline = false;
        let node = self.dom.add(NodeKind::Comment, Form::Plain, token.inner);
        let parent = match phase {
            Phase::Before if self.html == NONE => ROOT,
            Phase::Before => self.html,
            Phase::AfterBody if self.html_ended => ROOT,
            Phase::AfterBody => self.html,
            _ => self.parent(phase)?,
        };
        self.dom.append(parent, node);
        Some(())
    }

    fn text(&mut self, token: &Token, phase: Phase) -> Option<()> {
        if phase == Phase::Before {
            return Some(());
        }
        let form = match token.kind {
            Kind::Text => Form::References,
            Kind::Rcdata => Form::Rcdata,
            _ => Form::Plain,
        };
        let mut span = token.inner;
        let page = self.dom.page;
        if std::mem::take(&mut self.drops_newline) {
            let raw = span.of(page);
            if raw.starts_with('&')
                && form != Form::Plain
                && charref::decode(raw, charref::Place::Text).starts_with('\n')
            {
                return None;
            }
            let newline = ["\r\n", "\n", "\r"].into_iter().find(|end| raw.starts_with(end)).map_or(0, str::len);
            span.start += u32::try_from(newline).unwrap_or(0);
            if span.start == span.end {
                return Some(());
            }
        }
        let parent = self.parent(phase)?;
        let last = self.dom.last(parent);
        if last != NONE && self.dom.node(last).kind == NodeKind::Text {
            let text = match form {
                Form::References => charref::decode(span.of(page), charref::Place::Text),
                Form::Rcdata => charref::rcdata(span.of(page)),
                _ => charref::line_ends(span.of(page)),
            };
            self.dom.insert_text(parent, &text, NONE, (span, form));
        } else {
            let node = self.dom.add(NodeKind::Text, form, span);
            self.dom.append(parent, node);
        }
        Some(())
    }
}

impl<'a> Shape<'a> for Growing<'a, '_> {
    type Tag = Token;

    fn open(&mut self, name: &Name<'a>, token: &Token, phase: Phase) -> Option<Option<u32>> {
        let node = self.element(name.text, token, phase)?;
        self.open.push(node);
        self.drops_newline = matches!(name.text, "pre" | "textarea");
        let cut = self.cuts.next_if(|cut| cut.start == token.span.start);
        if let Some(cut) = cut {
            self.dom.leave_out(node, cut.mark);
        }
        Some(cut.map(|cut| cut.close))
    }

    fn void(&mut self, name: &Name<'a>, token: &Token, phase: Phase) -> Option<()> {
        self.element(name.text, token, phase).map(|_| ())
    }

    fn imply(&mut self, name: &Name<'a>, _: &Token) {
        let parent = self.open.last().copied().unwrap_or(ROOT);
        if let Some(node) = self.framing(name.text, parent, None) {
            self.open.push(node);
        }
    }

    fn close(&mut self, end: Option<&Token>) {
        self.drops_newline = false;
        let Some(node) = self.open.pop() else { return };
        if let Some(token) = end {
            self.dom.close(node, token.span.start);
        }
    }

    fn frame(&mut self, part: Part, token: &Token) -> Option<()> {
        match part {
            Part::Html | Part::Head | Part::Body if too_many_attributes(self.dom.page, token) => return None,
            Part::Html if self.html != NONE => return None,
            Part::Html => self.html(Some(token)).map(|_| ())?,
            Part::Head => self.head(Some(token)).map(|_| ())?,
            Part::Body => self.body(Some(token)).map(|_| ())?,
            Part::HeadEnd => {
                let head = self.head(None)?;
                self.end(head, token);
            }
            Part::BodyEnd => {
                let body = self.body(None)?;
                self.after = self.open.last().copied().unwrap_or(body);
                self.end(body, token);
            }
            Part::HtmlEnd => {
                let body = self.body(None)?;
                if self.after == NONE {
                    self.after = self.open.last().copied().unwrap_or(body);
                }
                self.end(self.html, token);
                self.html_ended = true;
            }
        }
        Some(())
    }
}

impl Growing<'_, '_> {
    /// An end tag of an element that nobody began ends nothing that could be told of.
    fn end(&mut self, node: NodeId, token: &Token) {
        if self.dom.node(node).source != NOWHERE {
            self.dom.close(node, token.span.start);
        }
    }
}
