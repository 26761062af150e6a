//! What is told of two pages without their equal blocks is what is told of them as a whole.

use proptest::prelude::*;

use super::super::attribute::Surroundings;
use super::super::{compare_html, compare_html_trees, elide, fast};
use super::request;
use crate::diff::Comparison;
use crate::diff::rules::Rules;
use crate::diff::scope::Scope;
use crate::diff::sink::Sink;

/// A part of a page, and what can happen to it on the one side.
#[derive(Debug, Clone)]
enum Change {
    Nothing,
    Spelling,
    Text,
    Attribute,
    Gone,
    Added,
    Moved,
}

fn part(n: usize, sort: usize, spelled: bool, text: &str, link: &str) -> String {
    let (slash, quote, gap, e) = if spelled { ("", "&#39;", " ", "é") } else { (" /", "&#039;", "\n   ", "&eacute;") };
    match sort {
        0 => format!(
            "{gap}<table class=\"t{n}\">{gap}<tr><td>{n}</td>{gap}<td><a href=\"/p/{n}?{link}\">{text}</a></td><td><input name=\"i{n}\"{slash}></td></tr>{gap}<tr><td>it{quote}s</td><td>x<br{slash}>y</td></tr></table>{gap}"
        ),
        1 => format!(
            "{gap}<div id=\"d{n}\"><h2>Part {n}</h2>{gap}<p>{text} <b>b{n}</b>{gap}and <i>caf{e}</i></p><ul><li><a href=\"/l?{link}\">one</a><li>two <em>{n}</em><li>three</ul></div>"
        ),
        2 => format!(
            "<form action=\"/f{n}?{link}\"><p><label>L <input name=\"a\" value=\"{text}\"{slash}></label>{gap}<select name=s><option value=1>1<option selected>{n}</select></p><textarea>\n {text}</textarea></form>{gap}"
        ),
        3 => format!(
            "<div><section><p>{n} <a href=\"/{n}?{link}\">a</a> <span>{text}</span> <em>e</em>{gap}<code>c</code></p></section>{gap}<pre>{text}\n  x</pre><script>var a = \"{n}\";</script></div>"
        ),
        _ => format!(
            "<ul class=\"{link} x\"><li><b>{n}</b> <i>{text}</i>{gap}</li>{gap}<li><p>in</p><p>{text}</li><!-- {quote} --></ul>"
        ),
    }
}

/// In how many places two parts of one sort may differ.
const PLACES: usize = 8;

fn pages(parts: &[(usize, Change)], frame: usize) -> (String, String) {
    let (mut old, mut new) = (String::new(), String::new());
    let mut moved = String::new();
    for (n, (sort, change)) in parts.iter().enumerate() {
        let legacy = part(n, *sort, false, "some text", "k=v");
        old.push_str(&legacy);
        match change {
            Change::Nothing => new.push_str(&legacy),
            Change::Spelling => new.push_str(&part(n, *sort, true, "some text", "k=v")),
            Change::Text => new.push_str(&part(n, *sort, true, "another text", "k=v")),
            Change::Attribute => new.push_str(&part(n, *sort, true, "some text", "k=w")),
            Change::Gone => {}
            Change::Added => {
                new.push_str(&part(n, *sort, true, "some text", "k=v"));
                new.push_str(&part(n + 1000, (*sort + 1) % 5, true, "new", "k=n"));
            }
            Change::Moved => moved = part(n, *sort, true, "some text", "k=v"),
        }
    }
    new.push_str(&moved);
    let framed = |inner: &str| match frame {
        0 => format!(
            "<!DOCTYPE html><html><head><title>T</title></head><body><div id=main>{inner}</div><p>end</body></html>"
        ),
        1 => format!("<!DOCTYPE html><title>T</title><body>{inner}"),
        _ => format!(
            "<!DOCTYPE html><head><meta charset=utf-8></head><body><table><tr><td>{inner}</td></tr></table></body>"
        ),
    };
    (framed(&old), framed(&new))
}

fn told<R>(old: &str, new: &str, way: impl Fn(&str, &str, &Scope<'_>, &mut Sink<'_>) -> R) -> Comparison {
    let (request, rules) = (request(), Rules::default());
    let scope = Scope { request: &request, rules: &rules, now: None };
    let mut sink = Sink::new(&rules, None);
    way(old, new, &scope, &mut sink);
    sink.finish()
}

fn is_cut(old: &str, new: &str) -> bool {
    let (request, rules) = (request(), Rules::default());
    let scope = Scope { request: &request, rules: &rules, now: None };
    let around = Surroundings { page: scope.base(), base: scope.base(), now: None };
    match fast::prove(old, new, &around) {
        fast::Proof::Unknown(trace, Some(begun)) => {
            elide::survey((old, new), (&trace, *begun), &around, &rules).is_some()
        }
        fast::Proof::Unknown(_, None) | fast::Proof::Equal(_) => false,
    }
}

fn changes() -> impl Strategy<Value = Vec<(usize, Change)>> {
    let change = prop_oneof![
        3 => Just(Change::Nothing),
        8 => Just(Change::Spelling),
        2 => Just(Change::Text),
        1 => Just(Change::Attribute),
        1 => Just(Change::Gone),
        1 => Just(Change::Added),
        1 => Just(Change::Moved),
    ];
    proptest::collection::vec((0..5_usize, change), 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_told_otherwise_without_the_equal_blocks(parts in changes(), frame in 0..3_usize) {
        let (old, new) = pages(&parts, frame);
        let (quick, whole) = (told(&old, &new, compare_html), told(&old, &new, compare_html_trees));
        prop_assert_eq!(quick.outcome, whole.outcome, "{}\n---\n{}", old, new);
        let in_step = parts.iter().all(|part| !matches!(part.1, Change::Gone | Change::Added | Change::Moved));
        if in_step {
            prop_assert_eq!(&quick.differences, &whole.differences, "{}\n---\n{}", old, new);
        }
        // Beside parts that went, came or moved another one of the same elements may be held against the changed one.
        let touched = parts.iter().filter(|part| !matches!(part.1, Change::Nothing | Change::Spelling)).count();
        prop_assert!(quick.differences.len() <= PLACES * touched, "{:?}\n{}\n---\n{}", quick, old, new);
        if in_step && is_cut(&old, &new) {
            let rules = |found: &Comparison| {
                let mut rules: Vec<String> = found.hidden.iter().map(|hidden| hidden.rule.to_string()).collect();
                rules.sort();
                rules
            };
            prop_assert_eq!(rules(&quick), rules(&whole), "{}\n---\n{}", old, new);
        }
    }
}

#[test]
fn most_pages_are_cut() {
    let parts: Vec<(usize, Change)> =
        (0..10).map(|n| (n % 5, if n == 6 { Change::Text } else { Change::Spelling })).collect();
    for frame in 0..3 {
        let (old, new) = pages(&parts, frame);
        assert!(is_cut(&old, &new), "frame {frame}");
    }
}

#[test]
fn a_page_that_is_not_regular_is_compared_as_a_whole() {
    let rows = "<tr><td><b>1</b><i>2</i></td><td><b>3</b></td></tr>".repeat(20);
    for broken in [
        "<b><p>x</b></p>",
        "<table>x</table>",
        "<a>1<a>2</a></a>",
        "<form><form></form></form>",
        "<p><div></div></p>",
        "</section>",
        "<li><div><li></div>",
    ] {
        let page =
            |text: &str| format!("<!DOCTYPE html><title>T</title><body><table>{rows}</table>{broken}<p>{text}</p>");
        assert!(!is_cut(&page("a"), &page("b")), "{broken}");
    }
}
