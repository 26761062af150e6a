//! Text by lines: the first place where two texts part, and how many lines differ.

use super::cause;
use super::comparison::Kind;
use super::rules::Rule;
use super::sink::{Finding, Sink};

/// The path of a body that has no finer place.
pub const BODY: &str = "body";

const BOM: char = '\u{feff}';

/// Without the byte order mark: readers take one away, a second one they show or stumble over.
pub fn without_bom(text: &str) -> &str {
    text.strip_prefix(BOM).unwrap_or(text)
}

/// Spaces before the end of a text are content: a template may have lost them, or `trim` a no-break space.
pub fn without_final_newlines(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r'])
}

/// Compares text by lines; one finding tells the first line that differs.
pub fn compare(control: &str, candidate: &str, sink: &mut Sink<'_>) {
    if control == candidate {
        return;
    }
    let (mut old, mut new) = (control, candidate);
    if old.starts_with(BOM) != new.starts_with(BOM) {
        cosmetic(Rule::TextBom, old, new, sink);
        (old, new) = (without_bom(old), without_bom(new));
    }
    let cut = (without_final_newlines(old), without_final_newlines(new));
    if old.get(cut.0.len()..) != new.get(cut.1.len()..) {
        cosmetic(Rule::TextFinalNewline, old, new, sink);
    }
    (old, new) = cut;
    if line_ends(old) != line_ends(new) {
        cosmetic(Rule::TextLineEnds, old, new, sink);
        return lines(&old.replace("\r\n", "\n"), &new.replace("\r\n", "\n"), sink);
    }
    lines(old, new, sink);
}

/// Whether lines end with `\r\n`, and whether with `\n` alone.
fn line_ends(text: &str) -> (bool, bool) {
    let long = text.matches("\r\n").count();
    (long > 0, memchr::memchr_iter(b'\n', text.as_bytes()).nth(long).is_some())
}

/// Tells what a cosmetic rule is about: hidden if it is in force, a difference of its own if not.
fn cosmetic(rule: Rule, old: &str, new: &str, sink: &mut Sink<'_>) {
    if sink.hides(rule, || BODY.to_owned()) {
        return;
    }
    sink.report(Finding::new(Kind::Text, BODY).values(old, new).rule(rule).cause(rule.name()));
}

/// Goes through the lines without making lists of them: a text may have as many as bytes.
fn lines(old: &str, new: &str, sink: &mut Sink<'_>) {
    if old == new {
        return;
    }
    let ends = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
    let (xs, ys) = (old.as_bytes(), new.as_bytes());
    let counts = (ends(xs) + 1, ends(ys) + 1);
    let (common, behind) = (common_start(xs, ys), common_end(xs, ys));
    // A line is common if it ends on both sides where they part.
    let is_end = |text: &[u8]| matches!(text.get(common), None | Some(b'\n'));
    let (head, start) = match xs.get(..common).unwrap_or_default() {
        before if is_end(xs) && is_end(ys) => (ends(before) + 1, common + 1),
        before => (ends(before), memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)),
    };
    let is_start = |text: &[u8]| text.len() == behind || text.get(text.len() - behind - 1) == Some(&b'\n');
    let after = xs.get(xs.len() - behind..).unwrap_or_default();
    let tail = (ends(after) + usize::from(is_start(xs) && is_start(ys))).min(counts.0.min(counts.1) - head);
    let (removed, added) = (counts.0 - head - tail, counts.1 - head - tail);
    let firsts = (line_at(old, start), line_at(new, start));
    let line = |first: Option<&str>, count: usize| -> String {
        let first = first.filter(|_| count > 0).unwrap_or_default();
        let more = if count > 1 { format!(" (and {} more lines)", count - 1) } else { String::new() };
        format!("line {}: {first}{more}", head + 1)
    };
    let finding = Finding::new(Kind::Text, BODY).values(line(firsts.0, removed), line(firsts.1, added));
    let told = if removed == 0 {
        Some("lines_added")
    } else if added == 0 {
        Some(if tail == 0 { "truncated" } else { "lines_removed" })
    } else {
        firsts.0.zip(firsts.1).and_then(|(x, y)| cause::values(x, y))
    };
    sink.report(Finding { cause: told.or(Some("text_changed")), ..finding });
}

/// The line that starts at a byte.
fn line_at(text: &str, start: usize) -> Option<&str> {
    text.get(start..).and_then(|rest| rest.split('\n').next())
}

/// How many bytes two texts have in common at their start.
fn common_start(old: &[u8], new: &[u8]) -> usize {
    const PART: usize = 64;
    let parts = old.chunks_exact(PART).zip(new.chunks_exact(PART));
    let equal = parts.take_while(|(x, y)| x == y).count() * PART;
    let rests = (old.get(equal..).unwrap_or_default(), new.get(equal..).unwrap_or_default());
    equal + rests.0.iter().zip(rests.1).take_while(|(x, y)| x == y).count()
}

/// How many bytes two texts have in common at their end.
fn common_end(old: &[u8], new: &[u8]) -> usize {
    const PART: usize = 64;
    let parts = old.rchunks_exact(PART).zip(new.rchunks_exact(PART));
    let equal = parts.take_while(|(x, y)| x == y).count() * PART;
    let rest = |text: &'_ [u8]| text.len() - equal;
    let rests = (old.get(..rest(old)).unwrap_or_default(), new.get(..rest(new)).unwrap_or_default());
    equal + rests.0.iter().rev().zip(rests.1.iter().rev()).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use crate::diff::{Comparison, Outcome, Rules, Sink};

    fn diff(control: &str, candidate: &str) -> Comparison {
        let rules = Rules::default();
        let mut sink = Sink::new(&rules, None);
        super::compare(control, candidate, &mut sink);
        sink.finish()
    }

    #[test]
    fn line_ends_and_the_last_newline_do_not_count() {
        assert_eq!(diff("a\r\nb\r\n", "a\nb").outcome, Outcome::Matched);
        assert_eq!(diff("a\n", "a").outcome, Outcome::Matched);
        assert_eq!(diff("a\r\nb\nc", "a\r\nb\r\nc").outcome, Outcome::Matched);
        assert_eq!(diff("a\nb", "a\n b").outcome, Outcome::Mismatched);
        for lost in [" ", "\t", "\u{a0}", "\u{3000}", " \n"] {
            assert_eq!(diff(&format!("a{lost}"), "a").outcome, Outcome::Mismatched, "{lost:?}");
        }
        assert_eq!(diff("\u{feff}a", "a").outcome, Outcome::Matched);
        assert_eq!(diff("\u{feff}\u{feff}a", "a").outcome, Outcome::Mismatched);
    }

    #[test]
    fn lines_are_counted_as_a_list_of_them_would_be() {
        let texts = [
            "",
            "a",
            "a\nb",
            "a\n\nb",
            "b\nb\nb",
            "b\nb",
            "ab\nb",
            "a\nab",
            "b\nab\nb",
            "\u{eb}\nb",
            "\u{ec}\nb",
            "c\nb\na\nb",
        ];
        for (old, new) in texts.iter().flat_map(|old| texts.map(|new| (*old, new))).filter(|(old, new)| old != new) {
            let (xs, ys): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
            let head = xs.iter().zip(&ys).take_while(|(x, y)| x == y).count();
            let rest = xs.len().min(ys.len()) - head;
            let tail = xs.iter().rev().zip(ys.iter().rev()).take(rest).take_while(|(x, y)| x == y).count();
            let told = |lines: &[&str]| match lines.len() - head - tail {
                0 => format!("line {}: ", head + 1),
                1 => format!("line {}: {}", head + 1, lines[head]),
                more => format!("line {}: {} (and {} more lines)", head + 1, lines[head], more - 1),
            };
            let found = diff(old, new);
            assert_eq!(found.differences[0].control, Some(told(&xs)), "{old:?} {new:?}");
            assert_eq!(found.differences[0].candidate, Some(told(&ys)), "{old:?} {new:?}");
        }
    }

    #[test]
    fn the_first_line_that_differs_is_told() {
        let found = diff("a\nb\nc", "a\nX\nc");
        assert_eq!(found.differences[0].control.as_deref(), Some("line 2: b"));
        assert_eq!(found.differences[0].candidate.as_deref(), Some("line 2: X"));
        assert_eq!(diff("a\nb\nc", "a\nb").differences[0].cause.as_deref(), Some("truncated"));
    }
}
