//! What the tree has forgotten: how the same tag or text is written in the two pages, and which rule that is about.

use smallvec::SmallVec;

use super::charref::{self, Place};
use super::dom::{Dialect, declares_space};
use super::lexer::{self, RawAttribute};
use super::view::is_blank;
use crate::diff::rules::Rule;

/// At most three rules are about one tag.
pub(super) type Rules = SmallVec<[Rule; 3]>;

/// The rules that hide how two start tags of one meaning differ in spelling.
pub(super) fn of_tags(dialect: Dialect, sources: (&str, &str), names: (&str, &str)) -> Rules {
    let read =
        |source, name: &str| -> SmallVec<[RawAttribute<'_>; 8]> { lexer::attributes(source, 1 + name.len()).collect() };
    of_attributes(dialect, sources, names, (&read(sources.0, names.0), &read(sources.1, names.1)))
}

/// The same, the attributes already read.
pub(super) fn of_attributes(
    dialect: Dialect,
    sources: (&str, &str),
    names: (&str, &str),
    (old, new): (&[RawAttribute<'_>], &[RawAttribute<'_>]),
) -> Rules {
    let (syntax, entities) = match dialect {
        Dialect::Html | Dialect::Xhtml => (Rule::HtmlSyntax, Rule::HtmlEntities),
        Dialect::Xml => (Rule::XmlSyntax, Rule::XmlSyntax),
    };
    let mut rules = Rules::new();
    if sources.0.is_empty() || sources.1.is_empty() {
        rules.push(syntax);
        return rules;
    }
    let mut other_syntax = sources.0.get(1..=names.0.len()) != sources.1.get(1..=names.1.len())
        || closes_itself(sources.0) != closes_itself(sources.1);
    if dialect == Dialect::Xml {
        let declared = |attributes: &[RawAttribute<'_>]| -> Vec<(String, String)> {
            let spaces = attributes.iter().filter(|attribute| declares_space(attribute.name));
            spaces.map(|attribute| (attribute.name.to_owned(), attribute.value.to_owned())).collect()
        };
        other_syntax |= declared(old) != declared(new);
    }
    let mut last = None;
    let mut explained = old.len() != new.len();
    for (at, attribute) in old.iter().enumerate() {
        let is_other = |other: &RawAttribute<'_>| other.name.eq_ignore_ascii_case(attribute.name);
        let same_place = new.get(at).is_some_and(is_other).then_some(at);
        let Some(at) = same_place.or_else(|| new.iter().position(is_other)) else { continue };
        let other = &new[at];
        if last.is_some_and(|last| at < last) && !rules.contains(&Rule::HtmlAttributeOrder) {
            rules.push(Rule::HtmlAttributeOrder);
        }
        last = Some(at);
        other_syntax |= attribute.quote != other.quote || attribute.name != other.name;
        if attribute.value == other.value {
            continue;
        }
        explained = true;
        let decoded =
            (charref::decode(attribute.value, Place::Attribute), charref::decode(other.value, Place::Attribute));
        if decoded.0 == decoded.1 && !rules.contains(&entities) {
            rules.push(entities);
        }
    }
    if other_syntax || (!explained && rules.is_empty()) {
        rules.push(syntax);
    }
    rules
}

fn closes_itself(source: &str) -> bool {
    source.ends_with("/>")
}

/// The rule that hides how two texts of one meaning differ in spelling.
pub(super) fn of_texts(dialect: Dialect, sources: (&str, &str)) -> Rule {
    fn solid(text: &str) -> impl Iterator<Item = char> + '_ {
        text.chars().filter(|c| !is_blank(*c))
    }
    let returns = |text: &str| memchr::memchr(b'\r', text.as_bytes()).is_some();
    let differ_in_returns = returns(sources.0) != returns(sources.1);
    match dialect {
        _ if differ_in_returns && sources.0.replace("\r\n", "\n") == sources.1.replace("\r\n", "\n") => {
            Rule::TextLineEnds
        }
        _ if solid(sources.0).eq(solid(sources.1)) => Rule::HtmlWhitespace,
        Dialect::Html | Dialect::Xhtml => Rule::HtmlEntities,
        Dialect::Xml => Rule::XmlSyntax,
    }
}
