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
use super::elements::Name;
use super::flow::Flow;
use super::lexer::{self, Content, Kind, Lexer, Span, Token};
use super::skeleton::{Begun, Block};
use crate::diff::rules::Rule;
use side::Side;

pub(super) enum Proof<'a> {
    /// Equal but for what these rules hide: how often, and an example of where.
    Equal(Vec<Hiding>),
    /// How far the proof went, and what stood open there; that only if both pages are regular up to there.
    Unknown(Trace, Option<Box<Begun<'a>>>),
}

#[derive(Debug)]
pub(super) struct Hiding {
    pub rule: Rule,
    pub count: u32,
    pub example: String,
}

pub(super) fn prove<'a>(old: &'a str, new: &'a str, around: &Surroundings) -> Proof<'a> {
    let styled = is_styled(old, new);
    let mut prover = Prover::new(Lexer::from(old, 0), Lexer::from(new, 0), around, styled);
    prover.begun = Begun::new([old, new], styled).map(Box::new);
    prover.prove()
}

/// Proves block after block equal, in the same room.
pub(super) struct Blocks<'a, 's>(Prover<'a, 's>);

impl<'a, 's> Blocks<'a, 's> {
    /// Of two regular pages. `styled`: one of them [may be](is_styled).
    pub fn new(around: &'s Surroundings, styled: bool) -> Self {
        let nothing = || Lexer::from("", 0);
        let mut prover = Prover::new(nothing(), nothing(), around, styled);
        prover.tells_places = false;
        Self(prover)
    }

    /// Two blocks that stand somewhere in their pages, without examples of places.
    pub fn prove(&mut self, old: (&'a str, &Block), new: (&'a str, &Block)) -> Proof<'a> {
        let lexer = |(page, block): (&'a str, &Block)| {
            Lexer::from(page.get(..block.end as usize).unwrap_or_default(), block.start)
        };
        let prover = &mut self.0;
        prover.old.begin(lexer(old));
        prover.new.begin(lexer(new));
        prover.trace.begin((old.1.first, new.1.first));
        prover.hidden.clear();
        prover.open.clear();
        prover.outer.clear();
        (prover.exact, prover.foreign, prover.raw_ends, prover.icon) = (0, 0, None, None);
        let begun = prover.begun.get_or_insert_with(|| Box::new(Begun::in_blocks()));
        begun.nest.begin_before(lexer::name_at(old.0, old.1.start));
        prover.prove()
    }
}

/// Is `white-space` named in one of two pages?
pub(super) fn is_styled(old: &str, new: &str) -> bool {
    [old, new].iter().any(|page| memchr::memmem::find(page.as_bytes(), b"white-space").is_some())
}

struct Prover<'a, 's> {
    old: Side<'a>,
    new: Side<'a>,
    around: &'s Surroundings,
    hidden: Vec<Hiding>,
    trace: Trace,
    /// Where the control is being compared.
    here: u32,
    /// `white-space` is named somewhere.
    styled: bool,
    /// Examples of places are asked for.
    tells_places: bool,
    /// Names of the elements that stand open, as far as end tags tell; for examples of places.
    open: Vec<&'a str>,
    /// The lines that go on behind elements with lines of their own, with the element's name.
    outer: Vec<(&'a str, Flow, Flow)>,
    /// The lines before an element that began right here, and that shows though nothing stands in it.
    icon: Option<(Flow, Flow)>,
    /// Open elements in which blanks count.
    exact: u32,
    /// `None`: the pages are not regular.
    begun: Option<Box<Begun<'a>>>,
    /// The end tags of the raw text that was read last.
    raw_ends: Option<[Span; 2]>,
    /// Open `svg` and `math`: in there, only what is spelled alike is taken for equal.
    foreign: u32,
}

/// How deep examples of places are told.
const STEPS: usize = 5;

impl<'a, 's> Prover<'a, 's> {
    fn new(old: Lexer<'a>, new: Lexer<'a>, around: &'s Surroundings, styled: bool) -> Self {
        Self {
            styled,
            tells_places: true,
            old: Side::new(old),
            new: Side::new(new),
            around,
            hidden: Vec::new(),
            trace: Trace::new(),
            here: 0,
            open: Vec::new(),
            outer: Vec::new(),
            icon: None,
            exact: 0,
            begun: None,
            raw_ends: None,
            foreign: 0,
        }
    }

    fn prove(&mut self) -> Proof<'a> {
        let whole = self.run();
        if whole.is_none() {
            self.trace.part();
        } else if self.trace.is_certain() {
            return Proof::Equal(std::mem::take(&mut self.hidden));
        }
        Proof::Unknown(std::mem::replace(&mut self.trace, Trace::NOTHING), self.begun.take())
    }

    /// `None`: the pages are not in step.
    fn run(&mut self) -> Option<()> {
        loop {
            self.here = self.old.lexer.at();
            self.trace.reach(self.here, self.new.lexer.at());
            let content = if self.foreign > 0 { Content::Foreign } else { Content::Html };
            let tokens = (self.old.advance(content), self.new.advance(content));
            if self.old.comments != self.new.comments {
                self.hide(Rule::HtmlComments);
                self.new.comments = self.old.comments;
            }
            self.texts()?;
            if self.past_texts(&tokens).is_none() {
                self.lose(self.same_blanks())?;
            }
            let (mut old, mut new) = match tokens {
                (Some(old), Some(new)) => (old, new),
                (None, None) => break,
                _ => return None,
            };
            self.pass_omitted(&mut old, &mut new)?;
            self.here = old.span.start;
            let even = self.old.flow == self.new.flow;
            let mut name = None;
            if old.kind != Kind::End {
                self.icon = None;
            }
            match old.kind {
                Kind::Doctype => self.doctypes(&old, &new)?,
                Kind::Comment if self.old.source(&old) == self.new.source(&new) => {}
                Kind::Comment => self.doubt()?,
                Kind::End => name = Some(self.ends(&old, &new)?),
                _ => name = Some(self.starts(&old, &new)?),
            }
            if self.past_tags(name.as_ref(), [&old, &new]).is_none() {
                self.lose(even)?;
            }
        }
        (self.outer.is_empty() && self.foreign == 0 && self.exact == 0).then_some(())
    }

    /// The pages are not regular from here on: blocks are not surely where their tags stand, and the same blanks have to be in both.
    /// `even`: they were up to here. Out of a table that is not regular, things are moved in front of it.
    fn lose(&mut self, even: bool) -> Option<()> {
        let known = self.begun.take().is_none_or(|begun| even && !begun.nest.in_table());
        known.then_some(())
    }

    /// Goes past texts that were compared. `None`: nobody can tell how the pages nest behind them.
    fn past_texts(&mut self, next: &(Option<Token>, Option<Token>)) -> Option<()> {
        let begun = self.begun.as_mut()?;
        let (old, new) = (&self.old, &self.new);
        let goes_on = begun.nest.takes_text() || old.is_blank() && new.is_blank();
        if !goes_on {
            let mut other = begun.nest.clone();
            old.pieces.iter().try_for_each(|(_, piece)| begun.nest.text(piece))?;
            new.pieces.iter().try_for_each(|(_, piece)| other.text(piece))?;
            (begun.nest.phase == other.phase).then_some(())?;
        }
        if !self.trace.is_calm() {
            for (page, side) in [old, new].into_iter().enumerate() {
                side.pieces.iter().for_each(|(_, piece)| begun.guide(page, piece));
            }
        }
        let place = |side: &Side<'_>, token: &Option<Token>| token.map_or(side.lexer.at(), |token| token.span.start);
        begun.at = [place(old, &next.0), place(new, &next.1)];
        Some(())
    }

    /// Goes past tags that were compared, and past what is raw behind them.
    fn past_tags(&mut self, name: Option<&Name<'a>>, tags: [&Token; 2]) -> Option<()> {
        let begun = self.begun.as_mut()?;
        match (tags[0].kind, name) {
            (Kind::Doctype, _) => begun.doctype()?,
            (Kind::Start, Some(name)) => begun.start(name, tags)?,
            (Kind::End, Some(name)) => begun.end(name, tags.map(|tag| Some(tag.span)))?,
            _ => {}
        }
        if let Some((name, ends)) = name.zip(self.raw_ends.take()) {
            begun.end(name, ends.map(Some))?;
        }
        begun.at = [self.old.lexer.at(), self.new.lexer.at()];
        Some(())
    }

    fn hide(&mut self, rule: Rule) {
        self.trace.hides(self.here, rule);
        if let Some(known) = self.hidden.iter_mut().find(|hiding| hiding.rule == rule) {
            known.count = known.count.saturating_add(1);
            return;
        }
        let example = if self.tells_places { self.place() } else { String::new() };
        self.hidden.push(Hiding { rule, count: 1, example });
    }

    /// An example of a place: the elements that stand open here.
    fn place(&self) -> String {
        let from = self.open.len().saturating_sub(STEPS);
        let steps: Vec<String> = self.open[from..].iter().map(|name| super::place::ident(name)).collect();
        if steps.is_empty() { super::PAGE.to_owned() } else { steps.join(" > ") }
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
