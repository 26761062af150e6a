//! Proof of equality without a tree: the tokens of both pages in step, compared by what they mean.
//!
//! Two pages of equal tokens are equal trees. So wherever the tags are the same and only spelling differs (quotes, entities,
//! blanks that do not show, comments, fresh tokens), no tree is built. A text or an attribute that is not proven equal is a doubt:
//! the pages are read on while their tags agree, and what is in doubt, the trees decide ([`Trace`]). Where tags part, nothing more
//! is known. This may fail to prove, it must not prove wrongly. Its law: what it calls equal, the trees call equal.

mod side;
mod tags;
mod texts;
mod trace;

pub(super) use trace::Trace;

use super::attribute::Surroundings;
use super::elements::Known;
use super::flow::Flow;
use super::lexer::{Content, Kind, Lexer, Token};
use super::skeleton::Block;
use crate::diff::rules::Rule;
use side::Side;

#[derive(Debug)]
pub(super) enum Proof {
    /// Equal but for what these rules hide: how often, and an example of where.
    Equal(Vec<Hiding>),
    Unknown(Trace),
}

#[derive(Debug)]
pub(super) struct Hiding {
    pub rule: Rule,
    pub count: u32,
    pub example: String,
}

pub(super) fn prove(old: &str, new: &str, around: &Surroundings) -> Proof {
    Prover::new(Lexer::from(old, 0), Lexer::from(new, 0), around).prove()
}

/// The same of two blocks that stand somewhere in two pages.
pub(super) fn prove_blocks(old: (&str, &Block), new: (&str, &Block), around: &Surroundings) -> Proof {
    let (a, b) = (old.0.get(..old.1.end as usize), new.0.get(..new.1.end as usize));
    let (a, b) = (Lexer::from(a.unwrap_or_default(), old.1.start), Lexer::from(b.unwrap_or_default(), new.1.start));
    let mut prover = Prover::new(a, b, around);
    prover.trace.base = (old.1.first, new.1.first);
    prover.prove()
}
struct Prover<'a, 's> {
    old: Side<'a>,
    new: Side<'a>,
    around: &'s Surroundings,
    hidden: Vec<Hiding>,
    trace: Trace,
    known: Known<'a>,
    /// Where the control is being compared.
    here: u32,
    /// `white-space` is named somewhere.
    styled: bool,
    /// Names of the elements that stand open, as far as end tags tell; for examples of places.
    open: Vec<&'a str>,
    /// The lines that go on behind elements with lines of their own, with the element's name.
    outer: Vec<(&'a str, Flow, Flow)>,
    /// Open elements in which blanks count.
    exact: u32,
    /// Open `svg` and `math`: in there, only what is spelled alike is taken for equal.
    foreign: u32,
}

/// How deep examples of places are told.
const STEPS: usize = 5;

impl<'a, 's> Prover<'a, 's> {
    fn new(old: Lexer<'a>, new: Lexer<'a>, around: &'s Surroundings) -> Self {
        let names_blanks = |lexer: &Lexer<'_>| {
            let rest = lexer.page().as_bytes().get(lexer.at() as usize..).unwrap_or_default();
            memchr::memmem::find(rest, b"white-space").is_some()
        };
        Self {
            styled: names_blanks(&old) || names_blanks(&new),
            old: Side::new(old),
            new: Side::new(new),
            around,
            known: Known::new(),
            hidden: Vec::new(),
            trace: Trace::new(),
            here: 0,
            open: Vec::new(),
            outer: Vec::new(),
            exact: 0,
            foreign: 0,
        }
    }

    fn prove(mut self) -> Proof {
        match self.run() {
            Some(()) if self.trace.is_certain() => Proof::Equal(self.hidden),
            Some(()) => Proof::Unknown(self.trace),
            None => {
                self.trace.part();
                Proof::Unknown(self.trace)
            }
        }
    }

    /// `None`: the pages are not in step.
    fn run(&mut self) -> Option<()> {
        loop {
            self.here = self.old.lexer.at();
            self.trace.reach(self.here, self.new.lexer.at());
            let content = if self.foreign > 0 { Content::Foreign } else { Content::Html };
            let tokens = (self.old.advance(content).ok()?, self.new.advance(content).ok()?);
            if self.old.comments != self.new.comments {
                self.hide(Rule::HtmlComments);
                self.new.comments = self.old.comments;
            }
            self.texts()?;
            let (old, new) = match tokens {
                (Some(old), Some(new)) if old.kind == new.kind => (old, new),
                (None, None) => break,
                _ => return None,
            };
            self.here = old.span.start;
            match old.kind {
                Kind::Doctype => self.doctypes(&old, &new)?,
                Kind::End => self.ends(&old, &new)?,
                _ => self.starts(&old, &new)?,
            }
        }
        (self.outer.is_empty() && self.foreign == 0 && self.exact == 0).then_some(())
    }

    fn hide(&mut self, rule: Rule) {
        self.trace.hides(self.here, rule);
        if let Some(known) = self.hidden.iter_mut().find(|hiding| hiding.rule == rule) {
            known.count = known.count.saturating_add(1);
            return;
        }
        let from = self.open.len().saturating_sub(STEPS);
        let steps: Vec<String> =
            self.open[from..].iter().map(|name| super::place::ident(&name.to_ascii_lowercase())).collect();
        let example = if steps.is_empty() { super::PAGE.to_owned() } else { steps.join(" > ") };
        self.hidden.push(Hiding { rule, count: 1, example });
    }

    /// What stands here may differ; whether the pages stay in step, the next tags tell.
    fn doubt(&mut self) -> Option<()> {
        self.trace.doubt(self.here)
    }

    fn doctypes(&mut self, old: &Token, new: &Token) -> Option<()> {
        let (old, new) = (self.old.source(old), self.new.source(new));
        if old == new {
            return Some(());
        }
        let folded = |text: &str| text.to_ascii_lowercase().split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        (folded(old) == folded(new)).then(|| self.hide(Rule::HtmlSyntax))
    }
}
