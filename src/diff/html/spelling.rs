//! What the tree has forgotten: how the same tag or text is written in the two pages, and which rule that is about.

use super::charref::{self, Place};
use super::dom::Dialect;
use super::lexer::{self, RawAttribute};
use super::view::is_blank;
use crate::diff::rules::Rule;

/// The rules that hide how two start tags of one meaning differ in spelling.
pub(super) fn of_tags(dialect: Dialect, sources: (&str, &str), names: (&str, &str)) -> Vec<Rule> {
    let (syntax, entities) = match dialect {
        Dialect::Html => (Rule::HtmlSyntax, Rule::HtmlEntities),
        Dialect::Xml => (Rule::XmlSyntax, Rule::XmlSyntax),
    };
    if sources.0.is_empty() || sources.1.is_empty() {
        return vec![syntax];
    }
    let (old, new) = (read(sources.0, names.0), read(sources.1, names.1));
    let mut rules = Vec::new();
    let mut other_syntax = sources.0.get(1..=names.0.len()) != sources.1.get(1..=names.1.len())
        || closes_itself(sources.0) != closes_itself(sources.1);
    let find = |list: &'_ [RawAttribute<'_>], name: &str| {
        list.iter().position(|attribute| attribute.name.eq_ignore_ascii_case(name))
    };
    let mut last = None;
    for attribute in &old {
        let Some(at) = find(&new, attribute.name) else { continue };
        let other = &new[at];
        if last.is_some_and(|last| at < last) && !rules.contains(&Rule::HtmlAttributeOrder) {
            rules.push(Rule::HtmlAttributeOrder);
        }
        last = Some(at);
        other_syntax |= attribute.quote != other.quote || attribute.name != other.name;
        if attribute.value != other.value
            && charref::decode(attribute.value, Place::Attribute) == charref::decode(other.value, Place::Attribute)
            && !rules.contains(&entities)
        {
            rules.push(entities);
        }
    }
    let explained =
        !rules.is_empty() || old.len() != new.len() || old.iter().zip(&new).any(|(old, new)| old.value != new.value);
    if other_syntax || !explained {
        rules.push(syntax);
    }
    rules
}

fn read<'s>(source: &'s str, name: &str) -> Vec<RawAttribute<'s>> {
    lexer::attributes(source, 1 + name.len()).collect()
}

fn closes_itself(source: &str) -> bool {
    source.ends_with("/>")
}

/// The rule that hides how two texts of one meaning differ in spelling.
pub(super) fn of_texts(dialect: Dialect, sources: (&str, &str)) -> Rule {
    let words = |text: &str| text.split(is_blank).filter(|word| !word.is_empty()).collect::<String>();
    let (old, new) = (words(sources.0), words(sources.1));
    match dialect {
        _ if sources.0.replace("\r\n", "\n") == sources.1.replace("\r\n", "\n") && sources.0 != sources.1 => {
            Rule::TextLineEnds
        }
        _ if old == new => Rule::HtmlWhitespace,
        Dialect::Html => Rule::HtmlEntities,
        Dialect::Xml => Rule::XmlSyntax,
    }
}
