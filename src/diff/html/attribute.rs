//! Attributes by meaning: which values are the same, which differ only in what a rule is about.

use std::borrow::Cow;

use url::Url;

use super::volatile::Sure;
use super::{link, moment, volatile};
use crate::diff::comparison::Severity;
use crate::diff::rules::Rule;
use crate::diff::volatile::shape;

/// What two values of one attribute are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    /// They differ only in what this rule is about.
    But(Rule),
    Differ,
}

/// What is known of the page beside the two values.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// The page's own address.
    pub page: Option<Url>,
    /// What its links count from: the same, unless the page says otherwise.
    pub base: Option<Url>,
    /// Unix time of the answers.
    pub now: Option<i64>,
}

impl Surroundings {
    /// Of two pages with one address. Where one says that its links count from elsewhere, and the other does not, that is told of
    /// itself, and nothing is known of where links of other forms lead.
    pub fn of((old, new): (&str, &str), page: Option<Url>, now: Option<i64>) -> Self {
        let base = match (link::base_of(old), link::base_of(new)) {
            (None, None) => page.clone(),
            (old, new) if old == new => page.as_ref().zip(old).and_then(|(page, base)| page.join(&base).ok()),
            _ => None,
        };
        Self { page, base, now }
    }
}

/// Present or absent is all they say.
pub(super) fn is_boolean(name: &str) -> bool {
    matches!(
        name,
        "allowfullscreen"
            | "async"
            | "autofocus"
            | "autoplay"
            | "checked"
            | "compact"
            | "controls"
            | "default"
            | "defer"
            | "declare"
            | "disabled"
            | "disablepictureinpicture"
            | "disableremoteplayback"
            | "formnovalidate"
            | "inert"
            | "ismap"
            | "itemscope"
            | "loop"
            | "multiple"
            | "muted"
            | "nohref"
            | "nomodule"
            | "noresize"
            | "novalidate"
            | "nowrap"
            | "noshade"
            | "open"
            | "playsinline"
            | "readonly"
            | "required"
            | "reversed"
            | "scoped"
            | "seamless"
            | "selected"
    )
}

/// Without a value they say the same as not being there.
pub(super) fn is_void_when_empty(name: &str) -> bool {
    matches!(name, "class" | "style")
}

/// How much it matters if this attribute differs.
pub(super) fn severity(name: &str) -> Severity {
    match name {
        "class" | "style" | "title" | "alt" | "width" | "height" | "lang" | "dir" | "role" | "tabindex"
        | "placeholder" => Severity::Medium,
        _ if name.starts_with("aria-") || name.starts_with("data-") => Severity::Medium,
        _ => Severity::High,
    }
}

/// Read by people, letter by letter, whatever it looks like.
pub(super) fn is_prose(name: &str) -> bool {
    matches!(name, "alt" | "title" | "placeholder" | "label" | "summary" | "abbr" | "aria-label" | "aria-description")
}

/// The value as it is hashed: equal for values that differ only in spelling.
pub(super) fn canonical<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    if is_boolean(name) {
        return Cow::Borrowed("");
    }
    match name {
        "hidden" => Cow::Borrowed(if value.eq_ignore_ascii_case("until-found") { "until-found" } else { "" }),
        "crossorigin" if !value.eq_ignore_ascii_case("use-credentials") => Cow::Borrowed(""),
        "class" | "sandbox" | "headers" => tokens(value),
        "rel" if has_upper(value) => Cow::Owned(tokens(&value.to_ascii_lowercase()).into_owned()),
        "rel" => tokens(value),
        "style" => style(value),
        "srcset" | "imagesrcset" => Cow::Owned(
            link::candidates(value)
                .map(|(target, size)| format!("{} {size}", link::canonical(target)))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        "sizes" | "accept" | "media" | "viewbox" | "viewBox" | "points" | "d" => spaced(value),
        "method" | "type" | "enctype" | "charset" | "http-equiv" | "shape" | "dir" if has_upper(value) => {
            Cow::Owned(value.to_ascii_lowercase())
        }
        _ if link::is_link(name) => link::canonical(value),
        _ => Cow::Borrowed(value),
    }
}

fn has_upper(value: &str) -> bool {
    value.bytes().any(|c| c.is_ascii_uppercase())
}

/// The attribute whose values are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'s> {
    pub element: &'s str,
    pub name: &'s str,
    /// It holds a token against cross-site requests, on both sides.
    pub token: Option<Sure>,
}

/// Compares two decoded values of one attribute of two elements that stand for each other.
pub(super) fn compare(subject: &Subject<'_>, old: &str, new: &str, around: &Surroundings) -> Verdict {
    let name = subject.name;
    if old == new {
        return Verdict::Same;
    }
    if canonical(name, old) == canonical(name, new) {
        return Verdict::But(spelling_rule(name));
    }
    if name == "nonce" && [old, new].iter().all(|value| shape(value).is_some()) {
        return Verdict::But(Rule::Csrf);
    }
    if subject.token.or_else(|| volatile::named_token(name)).is_some_and(|sure| volatile::same_token(sure, old, new)) {
        return Verdict::But(Rule::Csrf);
    }
    if link::is_link(name) {
        return other_links(subject.element, old, new, around);
    }
    if name == "data" && subject.element == "object" {
        return links(subject.element, old, new, around);
    }
    if name == "srcset" || name == "imagesrcset" {
        return candidates(old, new, around);
    }
    if name == "content"
        && let Some(verdict) = content(old, new, around)
    {
        return verdict;
    }
    if link::names_build(name) && link::are_builds(old, new) {
        return Verdict::But(Rule::AssetVersion);
    }
    if matches!(name, "id" | "for" | "aria-labelledby" | "aria-controls" | "aria-describedby" | "list" | "name")
        && volatile::same_but_generated(old, new)
    {
        return Verdict::But(Rule::HtmlVolatile);
    }
    let may_tell_time = matches!(name, "datetime" | "content" | "title") || name.starts_with("data-");
    if may_tell_time && moment::same_but_clock(name, old, new, around.now) {
        return Verdict::But(Rule::HtmlVolatile);
    }
    if matches!(name, "alt" | "title" | "value" | "placeholder" | "content" | "label") && same_but_nbsp(old, new) {
        return Verdict::But(Rule::Nbsp);
    }
    Verdict::Differ
}

fn same_but_nbsp(old: &str, new: &str) -> bool {
    (old.contains('\u{a0}') || new.contains('\u{a0}')) && old.replace('\u{a0}', " ") == new.replace('\u{a0}', " ")
}

fn spelling_rule(name: &str) -> Rule {
    match name {
        "class" | "rel" | "sandbox" | "headers" => Rule::HtmlClassTokens,
        "style" => Rule::HtmlStyleSpacing,
        _ if link::is_link(name) => Rule::HtmlUrlSpelling,
        _ => Rule::HtmlSyntax,
    }
}

fn links(element: &str, old: &str, new: &str, around: &Surroundings) -> Verdict {
    if link::canonical(old) == link::canonical(new) {
        return Verdict::But(Rule::HtmlUrlSpelling);
    }
    other_links(element, old, new, around)
}

/// The same of two that are not spellings of one target.
fn other_links(element: &str, old: &str, new: &str, around: &Surroundings) -> Verdict {
    if volatile::same_but_token_parameters(old, new) {
        return Verdict::But(Rule::Csrf);
    }
    if link::same_page(around.base.as_ref(), old, new) {
        let forms = (link::form(old), link::form(new));
        // Two relative ones that part ways lead to one place from this page, and from the next one elsewhere.
        let one_form = forms.0 == forms.1
            && (forms.0 != link::Form::Relative || old.trim_start_matches("./") == new.trim_start_matches("./"));
        return Verdict::But(if one_form { Rule::HtmlUrlSpelling } else { Rule::OwnHostLinks });
    }
    let is_asset = matches!(
        element,
        "script" | "link" | "img" | "source" | "use" | "iframe" | "embed" | "video" | "audio" | "object" | "image"
    );
    // What is embedded may be a page, and its parameters may choose what it shows.
    let is_file = matches!(element, "script" | "image" | "use") || link::is_asset_file(old);
    if is_asset && is_file && link::same_but_version(old, new) {
        return Verdict::But(Rule::AssetVersion);
    }
    Verdict::Differ
}

/// `srcset`: targets with their widths, each a link.
fn candidates(old: &str, new: &str, around: &Surroundings) -> Verdict {
    let (old, new): (Vec<_>, Vec<_>) = (link::candidates(old).collect(), link::candidates(new).collect());
    if old.len() != new.len() || old.iter().zip(&new).any(|(old, new)| old.1 != new.1) {
        return Verdict::Differ;
    }
    weakest(
        old.iter()
            .zip(&new)
            .map(|(old, new)| if old.0 == new.0 { Verdict::Same } else { links("img", old.0, new.0, around) }),
    )
}

/// `5;url=/next`, or an address as Open Graph has it.
fn content(old: &str, new: &str, around: &Surroundings) -> Option<Verdict> {
    let target = |value: &str| {
        let at = value.to_ascii_lowercase().find("url=")? + "url=".len();
        let (before, target) = (value.get(..at)?, value.get(at..)?);
        Some((before.to_ascii_lowercase().replace(' ', ""), target.trim_matches(['"', '\'']).to_owned()))
    };
    if let (Some(old), Some(new)) = (target(old), target(new))
        && old.0.starts_with(|c: char| c.is_ascii_digit())
    {
        return (old.0 == new.0).then(|| links("meta", &old.1, &new.1, around));
    }
    let is_target =
        |value: &str| value.starts_with('/') || ["http://", "https://"].iter().any(|scheme| value.starts_with(scheme));
    (is_target(old) && is_target(new)).then(|| links("meta", old, new, around))
}

/// What is said of several values at once: the rule that is asked of somebody, if any.
fn weakest(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.fold(Verdict::Same, |worst, verdict| match (worst, verdict) {
        (Verdict::Differ, _) | (_, Verdict::Differ) => Verdict::Differ,
        (Verdict::Same, other) | (other, Verdict::Same) => other,
        (Verdict::But(one), Verdict::But(other)) if one == other => Verdict::But(one),
        (Verdict::But(Rule::HtmlUrlSpelling), other) | (other, Verdict::But(Rule::HtmlUrlSpelling)) => other,
        _ => Verdict::Differ,
    })
}

/// A class list: each token once, in one order.
fn tokens(value: &str) -> Cow<'_, str> {
    if !value.bytes().any(|c| c.is_ascii_whitespace()) {
        return Cow::Borrowed(value);
    }
    let mut tokens: Vec<&str> = value.split_ascii_whitespace().collect();
    tokens.sort_unstable();
    tokens.dedup();
    Cow::Owned(tokens.join(" "))
}

/// Declarations with one spacing, their order kept: a later one wins over an earlier.
fn style(value: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(value.len());
    for declaration in declarations(value) {
        match declaration.split_once(':') {
            Some((property, rest)) => {
                let property = property.trim();
                // Custom properties are the only ones whose case counts.
                if property.starts_with("--") || !has_upper(property) {
                    out.push_str(property);
                } else {
                    out.push_str(&property.to_ascii_lowercase());
                }
                out.push(':');
                let rest = rest.trim_ascii();
                if rest.bytes().any(|c| c.is_ascii_whitespace()) {
                    push_spaced(rest, &mut out);
                } else {
                    out.push_str(rest);
                }
            }
            None => out.push_str(declaration.trim()),
        }
        out.push(';');
    }
    Cow::Owned(out)
}

/// A value with one blank where there are blanks, and none beside commas or before `!important`; quoted ones stand as they are.
fn push_spaced(value: &str, out: &mut String) {
    let mut quote = None;
    for c in value.chars() {
        match quote {
            Some(mark) => quote = Some(mark).filter(|mark| c != *mark),
            None if c.is_ascii_whitespace() => {
                if !out.ends_with([' ', ',']) {
                    out.push(' ');
                }
                continue;
            }
            None if matches!(c, ',' | '!') && out.ends_with(' ') => drop(out.pop()),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => {}
        }
        out.push(c);
    }
}

/// Splits at `;` outside quotes and brackets (`url(data:image/png;base64,…)`).
fn declarations(value: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let mut open = 0_u32;
    value
        .split(move |c: char| match (quote, c) {
            (Some(mark), _) => {
                if c == mark {
                    quote = None;
                }
                false
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                false
            }
            (None, '(') => {
                open += 1;
                false
            }
            (None, ')') => {
                open = open.saturating_sub(1);
                false
            }
            (None, ';') => open == 0,
            _ => false,
        })
        .filter(|declaration| !declaration.trim().is_empty())
}

fn spaced(value: &str) -> Cow<'_, str> {
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    let joined = words.join(" ");
    if joined == value { Cow::Borrowed(value) } else { Cow::Owned(joined) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn spellings() {
        assert_eq!(canonical("class", " b  a b"), canonical("class", "a b"));
        assert_eq!(canonical("style", "Color:red;  margin : 0 1px ;"), canonical("style", "color: red; margin: 0 1px"));
        assert_ne!(canonical("style", "color:red;color:blue"), canonical("style", "color:blue;color:red"));
        assert_eq!(
            canonical("style", "font:1px  'A  B' , c  !important"),
            canonical("style", "font: 1px 'A  B', c!important")
        );
        assert_ne!(canonical("style", "content:'a  b'"), canonical("style", "content:'a b'"));
        assert_eq!(canonical("checked", "checked"), canonical("checked", ""));
        assert_ne!(canonical("value", "A"), canonical("value", "a"));
        assert_eq!(declarations("a:url(x;y);b:';'").count(), 2);
    }
}
