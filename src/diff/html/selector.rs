//! CSS selectors: read from an operator's rules and matched against a [`Dom`].
//!
//! Type, `*`, `#id`, `.class`, `[attr]` with `=`, `~=`, `|=`, `^=`, `$=`, `*=` and the flag `i`; `:nth-child(an+b)`,
//! `:nth-of-type(an+b)`, `:first-child`, `:last-child`, `:first-of-type`, `:last-of-type`, `:only-child`, `:empty`, `:root`,
//! `:not(…)`, `:is(…)`; the combinators ` `, `>`, `+`, `~`; lists with `,`. Pseudo-elements and states of the mouse are refused.

use super::dom::{Dialect, Dom, NONE, NodeId, ROOT};

/// A list of alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    alternatives: Vec<Complex>,
}

/// Compounds from right to left, each with how it is joined to the one on its left.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Complex {
    subject: Vec<Simple>,
    left: Vec<(Combinator, Vec<Simple>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Combinator {
    Descendant,
    Child,
    Next,
    Later,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Simple {
    Any,
    Type(String),
    Id(String),
    Class(String),
    Attribute { name: String, test: Test, value: String, fold: Case },
    Nth { step: i64, first: i64, of: Of, from: From },
    Only,
    Empty,
    Root,
    Not(Selector),
    Is(Selector),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Present,
    Equals,
    Word,
    Language,
    Starts,
    Ends,
    Contains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Exact,
    Fold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Children,
    Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Start,
    End,
}

/// Nested `:not(…)` deeper than this are refused.
const MAX_NESTING: u32 = 8;

impl Selector {
    /// # Errors
    /// Says what was wanted, what was found and where in the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0, nesting: 0 };
        let selector = reader.list().map_err(|wanted| {
            let at = reader.at.min(text.len());
            let found =
                text.get(at..).and_then(|rest| rest.chars().next()).map_or("the end".to_owned(), |c| format!("{c:?}"));
            format!(
                "{text:?} is no selector: want {wanted} at character {}, found {found}",
                text[..at].chars().count() + 1
            )
        })?;
        if reader.at < text.len() {
            return Err(format!("{text:?} is no selector: {:?} is left over", &text[reader.at..]));
        }
        Ok(selector)
    }

    pub(super) fn matches(&self, dom: &Dom<'_>, node: NodeId) -> bool {
        dom.is_element(node) && self.alternatives.iter().any(|complex| complex.matches(dom, node))
    }
}

impl Complex {
    fn matches(&self, dom: &Dom<'_>, node: NodeId) -> bool {
        all(&self.subject, dom, node) && self.left_matches(dom, node, 0)
    }

    fn left_matches(&self, dom: &Dom<'_>, node: NodeId, at: usize) -> bool {
        let Some((combinator, compound)) = self.left.get(at) else { return true };
        let fits = |candidate: NodeId| all(compound, dom, candidate) && self.left_matches(dom, candidate, at + 1);
        match combinator {
            Combinator::Child => parent_of(dom, node).is_some_and(fits),
            Combinator::Descendant => std::iter::successors(parent_of(dom, node), |up| parent_of(dom, *up)).any(fits),
            Combinator::Next => previous(dom, node).is_some_and(fits),
            Combinator::Later => std::iter::successors(previous(dom, node), |back| previous(dom, *back)).any(fits),
        }
    }
}

fn parent_of(dom: &Dom<'_>, node: NodeId) -> Option<NodeId> {
    Some(dom.node(node).parent).filter(|parent| *parent != NONE && *parent != ROOT)
}

fn previous(dom: &Dom<'_>, node: NodeId) -> Option<NodeId> {
    std::iter::successors(Some(dom.previous(node)), |back| (*back != NONE).then(|| dom.previous(*back)))
        .take_while(|back| *back != NONE)
        .find(|back| dom.is_element(*back))
}

fn all(compound: &[Simple], dom: &Dom<'_>, node: NodeId) -> bool {
    compound.iter().all(|simple| simple.matches(dom, node))
}

impl Simple {
    fn matches(&self, dom: &Dom<'_>, node: NodeId) -> bool {
        match self {
            Self::Any => true,
            Self::Type(name) => dom.name(node).is_some_and(|own| same_name(dom, own, name)),
            Self::Id(id) => dom.attribute(node, "id").is_some_and(|own| own == *id),
            Self::Class(class) => {
                dom.attribute(node, "class").is_some_and(|list| list.split_ascii_whitespace().any(|own| own == class))
            }
            Self::Attribute { name, test, value, fold } => {
                dom.attribute(node, name).is_some_and(|own| test.holds(&own, value, *fold))
            }
            Self::Nth { step, first, of, from } => {
                let offset = position(dom, node, *of, *from) - first;
                if *step == 0 { offset == 0 } else { offset % step == 0 && offset / step >= 0 }
            }
            Self::Only => [From::Start, From::End].iter().all(|from| position(dom, node, Of::Children, *from) == 1),
            Self::Empty => dom.first(node) == NONE,
            Self::Root => dom.node(node).parent == ROOT,
            Self::Not(selector) => !selector.matches(dom, node),
            Self::Is(selector) => selector.matches(dom, node),
        }
    }
}

fn same_name(dom: &Dom<'_>, own: &str, wanted: &str) -> bool {
    if dom.dialect == Dialect::Html { own.eq_ignore_ascii_case(wanted) } else { own == wanted }
}

/// Counted from one.
fn position(dom: &Dom<'_>, node: NodeId, of: Of, from: From) -> i64 {
    let step = |at: NodeId| if from == From::Start { dom.previous(at) } else { dom.node(at).next };
    let counts = |at: NodeId| dom.is_element(at) && (of == Of::Children || dom.name(at) == dom.name(node));
    let mut count = 1;
    let mut at = step(node);
    while at != NONE {
        count += if counts(at) { i64::from(dom.run(at)) } else { 0 };
        at = step(at);
    }
    count
}

impl Test {
    fn holds(self, own: &str, wanted: &str, case: Case) -> bool {
        if case == Case::Fold {
            return self.holds(&own.to_ascii_lowercase(), &wanted.to_ascii_lowercase(), Case::Exact);
        }
        match self {
            Self::Present => true,
            Self::Equals => own == wanted,
            Self::Word => own.split_ascii_whitespace().any(|word| word == wanted),
            Self::Language => own.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
            Self::Starts => !wanted.is_empty() && own.starts_with(wanted),
            Self::Ends => !wanted.is_empty() && own.ends_with(wanted),
            Self::Contains => !wanted.is_empty() && own.contains(wanted),
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    nesting: u32,
}

type Read<T> = Result<T, &'static str>;

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, wanted: char, what: &'static str) -> Read<()> {
        if self.take(wanted) { Ok(()) } else { Err(what) }
    }

    fn spaces(&mut self) -> usize {
        let rest = &self.text[self.at..];
        let count = rest.len() - rest.trim_start().len();
        self.at += count;
        count
    }

    fn list(&mut self) -> Read<Selector> {
        let mut alternatives = Vec::new();
        loop {
            self.spaces();
            alternatives.push(self.complex()?);
            self.spaces();
            if !self.take(',') {
                return Ok(Selector { alternatives });
            }
        }
    }

    fn complex(&mut self) -> Read<Complex> {
        let mut compounds = vec![self.compound()?];
        let mut combinators = Vec::new();
        loop {
            let spaces = self.spaces();
            let combinator = match self.peek() {
                Some('>') => Combinator::Child,
                Some('+') => Combinator::Next,
                Some('~') => Combinator::Later,
                None | Some(',' | ')') => break,
                Some(_) if spaces > 0 => Combinator::Descendant,
                Some(_) => break,
            };
            if combinator != Combinator::Descendant {
                self.at += 1;
                self.spaces();
            }
            combinators.push(combinator);
            compounds.push(self.compound()?);
        }
        let subject = compounds.pop().unwrap_or_default();
        Ok(Complex { subject, left: combinators.into_iter().zip(compounds).rev().collect() })
    }

    fn compound(&mut self) -> Read<Vec<Simple>> {
        let mut compound = Vec::new();
        if self.take('*') {
            compound.push(Simple::Any);
        } else if self.peek().is_some_and(begins_name) {
            compound.push(Simple::Type(self.name()?));
        }
        loop {
            match self.peek() {
                Some('#') => {
                    self.at += 1;
                    compound.push(Simple::Id(self.name()?));
                }
                Some('.') => {
                    self.at += 1;
                    compound.push(Simple::Class(self.name()?));
                }
                Some('[') => compound.push(self.attribute()?),
                Some(':') => compound.push(self.pseudo()?),
                _ if compound.is_empty() => return Err("an element, #id, .class, [attribute] or :nth-child(…)"),
                _ => return Ok(compound),
            }
        }
    }

    /// A name, its escapes (`\3A `, `\:`) undone.
    fn name(&mut self) -> Read<String> {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            if c == '\\' {
                self.at += 1;
                name.push(self.escape()?);
            } else if is_name(c) {
                self.at += c.len_utf8();
                name.push(c);
            } else {
                break;
            }
        }
        if name.is_empty() { Err("a name") } else { Ok(name) }
    }

    fn escape(&mut self) -> Read<char> {
        let rest = &self.text[self.at..];
        let digits = rest.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        if digits == 0 {
            let c = self.peek().ok_or("a character after \\")?;
            self.at += c.len_utf8();
            return Ok(c);
        }
        let code = u32::from_str_radix(&rest[..digits], 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
        self.at += digits;
        if self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.at += 1;
        }
        Ok(code)
    }

    fn string(&mut self) -> Read<String> {
        let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'')) else { return self.name() };
        self.at += 1;
        let mut value = String::new();
        loop {
            let c = self.peek().ok_or("a closing quote")?;
            self.at += c.len_utf8();
            match c {
                _ if c == quote => return Ok(value),
                '\\' => value.push(self.escape()?),
                _ => value.push(c),
            }
        }
    }

    fn attribute(&mut self) -> Read<Simple> {
        self.at += 1;
        self.spaces();
        let name = self.name()?;
        self.spaces();
        let test = match self.peek() {
            Some(']') => Test::Present,
            Some('=') => Test::Equals,
            Some('~') => Test::Word,
            Some('|') => Test::Language,
            Some('^') => Test::Starts,
            Some('$') => Test::Ends,
            Some('*') => Test::Contains,
            _ => return Err("], =, ~=, |=, ^=, $= or *="),
        };
        if test == Test::Present {
            self.at += 1;
            return Ok(Simple::Attribute { name, test, value: String::new(), fold: Case::Exact });
        }
        self.at += usize::from(test != Test::Equals);
        self.expect('=', "=")?;
        self.spaces();
        let value = self.string()?;
        self.spaces();
        let fold = if self.take('i') || self.take('I') { Case::Fold } else { Case::Exact };
        self.spaces();
        self.expect(']', "]")?;
        Ok(Simple::Attribute { name, test, value, fold })
    }

    fn pseudo(&mut self) -> Read<Simple> {
        self.at += 1;
        let nth = |step, first, of, from| Ok(Simple::Nth { step, first, of, from });
        let start = self.at;
        match self.name()?.as_str() {
            "first-child" => nth(0, 1, Of::Children, From::Start),
            "last-child" => nth(0, 1, Of::Children, From::End),
            "first-of-type" => nth(0, 1, Of::Type, From::Start),
            "last-of-type" => nth(0, 1, Of::Type, From::End),
            "nth-child" => self.nth(Of::Children, From::Start),
            "nth-last-child" => self.nth(Of::Children, From::End),
            "nth-of-type" => self.nth(Of::Type, From::Start),
            "nth-last-of-type" => self.nth(Of::Type, From::End),
            "only-child" => Ok(Simple::Only),
            "empty" => Ok(Simple::Empty),
            "root" => Ok(Simple::Root),
            "not" => Ok(Simple::Not(self.nested()?)),
            "is" | "where" => Ok(Simple::Is(self.nested()?)),
            _ => {
                self.at = start;
                Err("a pseudo-class that needs no user, such as nth-child(2) or not(…)")
            }
        }
    }

    fn nested(&mut self) -> Read<Selector> {
        self.expect('(', "(")?;
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err("less nesting");
        }
        let selector = self.list()?;
        self.nesting -= 1;
        self.expect(')', ")")?;
        Ok(selector)
    }

    fn nth(&mut self, of: Of, from: From) -> Read<Simple> {
        self.expect('(', "(")?;
        let end = self.text[self.at..].find(')').ok_or(")")?;
        let inner: String = self.text[self.at..self.at + end].chars().filter(|c| !c.is_whitespace()).collect();
        let (step, first) = an_plus_b(&inner.to_ascii_lowercase()).ok_or("odd, even, a number or an+b")?;
        self.at += end + 1;
        Ok(Simple::Nth { step, first, of, from })
    }
}

fn an_plus_b(text: &str) -> Option<(i64, i64)> {
    let small = |number: i64| (number.abs() < 1 << 32).then_some(number);
    match text {
        "odd" => return Some((2, 1)),
        "even" => return Some((2, 0)),
        _ => {}
    }
    let Some((step, first)) = text.split_once('n') else { return Some((0, small(text.parse().ok()?)?)) };
    let step = match step {
        "" | "+" => 1,
        "-" => -1,
        number => number.parse().ok()?,
    };
    let first = if first.is_empty() { 0 } else { first.parse().ok()? };
    Some((small(step)?, small(first)?))
}

fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '\\') || !c.is_ascii()
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::Selector;
    use crate::diff::html::dom::ROOT;
    use crate::diff::html::tree;

    /// The `data-n` of all that a selector matches.
    fn found(selector: &str) -> String {
        let page = r#"<div id=a><p data-n=1 class="x y">1</p><p data-n=2>2</p><ul data-n=u><li data-n=3><li data-n=4 title="Two Words"><li data-n=5></ul></div>"#;
        let dom = tree::parse(page, usize::MAX).unwrap();
        let selector = Selector::parse(selector).unwrap();
        let nodes = 0..u32::try_from(dom.nodes.len()).unwrap();
        nodes
            .filter(|node| *node != ROOT && selector.matches(&dom, *node))
            .filter_map(|node| dom.attribute(node, "data-n"))
            .collect()
    }

    #[test]
    fn matching() {
        for (selector, wanted) in [
            ("p", "12"),
            ("#a > p:nth-child(2)", "2"),
            ("li:nth-child(odd)", "35"),
            ("li:nth-child(-n+2)", "34"),
            ("li:not(:first-child)", "45"),
            (".x.y, li:last-child", "15"),
            ("p + p", "2"),
            ("p ~ ul li[title^='Two']", "4"),
            ("[title~=\"words\" i]", "4"),
            ("div li:nth-of-type(3)", "5"),
            ("body>#a>ul", "u"),
            ("ul > p", ""),
        ] {
            assert_eq!(found(selector), wanted, "{selector}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        assert_eq!(
            Selector::parse("a >").unwrap_err(),
            "\"a >\" is no selector: want an element, #id, .class, [attribute] or :nth-child(…) at character 4, found the end"
        );
        for wrong in ["", "a[", "a:hover", "a::before", ":nth-child(x)", "#", "a)", "[a=b"] {
            assert!(Selector::parse(wrong).is_err(), "{wrong}");
        }
    }
}
