//! Proof of equality without a tree: the tokens of both pages in step, compared by what they mean.
//!
//! Two pages of equal tokens are equal trees. So wherever the tags are the same and only spelling differs (quotes, entities,
//! blanks that do not show, comments, fresh tokens), no tree is built. A text or an attribute that is not proven equal is a doubt:
//! the pages are read on while their tags agree, and what is in doubt, the trees decide ([`Trace`]). Where tags part, nothing more
//! is known. This may fail to prove, it must not prove wrongly. Its law: what it calls equal, the trees call equal.

mod omitted;
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
    Prover::new(Lexer::from(old, 0), Lexer::from(new, 0), around, &mut Known::new()).prove()
}

/// The same of two blocks that stand somewhere in two pages.
pub(super) fn prove_blocks<'a>(
    old: (&'a str, &Block),
    new: (&'a str, &Block),
    around: &Surroundings,
    known: &mut Known<'a>,
) -> Proof {
    let (a, b) = (old.0.get(..old.1.end as usize), new.0.get(..new.1.end as usize));
    let (a, b) = (Lexer::from(a.unwrap_or_default(), old.1.start), Lexer::from(b.unwrap_or_default(), new.1.start));
    let mut prover = Prover::new(a, b, around, known);
    prover.trace.base = (old.1.first, new.1.first);
    prover.blocks = Regular::Surely;
    prover.prove()
}
struct Prover<'a, 's> {
    old: Side<'a>,
    new: Side<'a>,
    around: &'s Surroundings,
    hidden: Vec<Hiding>,
    trace: Trace,
    known: &'s mut Known<'a>,
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
    /// The tag before began a table.
    begins_table: bool,
    blocks: Regular,
    /// Open `svg` and `math`: in there, only what is spelled alike is taken for equal.
    foreign: u32,
}

/// Are both pages regular?
#[derive(Debug)]
enum Regular {
    Unasked,
    /// Others have no blocks.
    Surely,
    No,
    /// The blocks of both.
    Yes(Vec<Block>, Vec<Block>),
}

/// Which page writes a tag that the other leaves to the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Old,
    New,
}

/// How deep examples of places are told.
const STEPS: usize = 5;

impl<'a, 's> Prover<'a, 's> {
    fn new(old: Lexer<'a>, new: Lexer<'a>, around: &'s Surroundings, known: &'s mut Known<'a>) -> Self {
        let names_blanks = |lexer: &Lexer<'_>| {
            let rest = lexer.page().as_bytes().get(lexer.at() as usize..).unwrap_or_default();
            memchr::memmem::find(rest, b"white-space").is_some()
        };
        Self {
            styled: names_blanks(&old) || names_blanks(&new),
            old: Side::new(old),
            new: Side::new(new),
            around,
            known,
            hidden: Vec::new(),
            trace: Trace::new(),
            here: 0,
            open: Vec::new(),
            outer: Vec::new(),
            exact: 0,
            begins_table: false,
            blocks: Regular::Unasked,
            foreign: 0,
        }
    }

    fn prove(mut self) -> Proof {
        let whole = self.run();
        if whole.is_none() {
            self.trace.part();
        } else if self.trace.is_certain() {
            return Proof::Equal(self.hidden);
        }
        if let Regular::Yes(old, new) = self.blocks {
            self.trace.blocks = Some((old, new));
        }
        Proof::Unknown(self.trace)
    }

    /// `None`: the pages are not in step.
    fn run(&mut self) -> Option<()> {
        loop {
            self.here = self.old.lexer.at();
            self.trace.reach(self.here, self.new.lexer.at());
            let content = if self.foreign > 0 { Content::Foreign } else { Content::Html };
            let mut tokens = (self.old.advance(content), self.new.advance(content));
            if self.old.comments != self.new.comments {
                self.hide(Rule::HtmlComments);
                self.new.comments = self.old.comments;
            }
            self.texts()?;
            if let (Some(old), Some(new)) = &mut tokens {
                self.pass_omitted(old, new);
            }
            let (old, new) = match tokens {
                (Some(old), Some(new)) if old.kind == new.kind => (old, new),
                (None, None) => break,
                _ => return None,
            };
            self.here = old.span.start;
            self.begins_table = false;
            match old.kind {
                Kind::Doctype => self.doctypes(&old, &new)?,
                Kind::Comment if self.old.source(&old) == self.new.source(&new) => {}
                Kind::Comment => self.doubt()?,
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
