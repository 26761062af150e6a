//! Text by lines: the first place where two texts part, and how many lines differ.

use super::cause;
use super::comparison::Kind;
use super::rules::Rule;
use super::sink::{Finding, Sink};

/// The path of a body that has no finer place.
pub const BODY: &str = "body";

const BOM: char = '\u{feff}';

/// Compares text by lines; one finding tells the first line that differs.
pub fn compare(control: &str, candidate: &str, sink: &mut Sink<'_>) {
    if control == candidate {
        return;
    }
    let (mut old, mut new) = (control, candidate);
    if old.starts_with(BOM) != new.starts_with(BOM) {
        cosmetic(Rule::TextBom, old, new, sink);
        (old, new) = (old.trim_start_matches(BOM), new.trim_start_matches(BOM));
    }
    let cut = (old.trim_end(), new.trim_end());
    if old.get(cut.0.len()..) != new.get(cut.1.len()..) {
        cosmetic(Rule::TextFinalNewline, old, new, sink);
    }
    (old, new) = cut;
    if old.contains("\r\n") != new.contains("\r\n") {
        cosmetic(Rule::TextLineEnds, old, new, sink);
        return lines(&old.replace("\r\n", "\n"), &new.replace("\r\n", "\n"), sink);
    }
    lines(old, new, sink);
}

/// Tells what a cosmetic rule is about: hidden if it is in force, a difference of its own if not.
fn cosmetic(rule: Rule, old: &str, new: &str, sink: &mut Sink<'_>) {
    if sink.hides(rule, || BODY.to_owned()) {
        return;
    }
    sink.report(Finding::new(Kind::Text, BODY).values(old, new).rule(rule).cause(rule.name()));
}

fn lines(old: &str, new: &str, sink: &mut Sink<'_>) {
    if old == new {
        return;
    }
    let (xs, ys): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let head = xs.iter().zip(&ys).take_while(|(x, y)| x == y).count();
    let rest = xs.len().min(ys.len()) - head;
    let tail = xs.iter().rev().zip(ys.iter().rev()).take(rest).take_while(|(x, y)| x == y).count();
    let (removed, added) = (xs.len() - head - tail, ys.len() - head - tail);
    let line = |lines: &[&str], count: usize| -> String {
        let first = lines.get(head).filter(|_| count > 0).copied().unwrap_or_default();
        let more = if count > 1 { format!(" (and {} more lines)", count - 1) } else { String::new() };
        format!("line {}: {first}{more}", head + 1)
    };
    let finding = Finding::new(Kind::Text, BODY).values(line(&xs, removed), line(&ys, added));
    let told = if removed == 0 {
        Some("lines_added")
    } else if added == 0 {
        Some(if tail == 0 { "truncated" } else { "lines_removed" })
    } else {
        xs.get(head).zip(ys.get(head)).and_then(|(x, y)| cause::values(x, y))
    };
    sink.report(Finding { cause: told.or(Some("text_changed")), ..finding });
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
        assert_eq!(diff("a\nb", "a\n b").outcome, Outcome::Mismatched);
    }

    #[test]
    fn the_first_line_that_differs_is_told() {
        let found = diff("a\nb\nc", "a\nX\nc");
        assert_eq!(found.differences[0].control.as_deref(), Some("line 2: b"));
        assert_eq!(found.differences[0].candidate.as_deref(), Some("line 2: X"));
        assert_eq!(diff("a\nb\nc", "a\nb").differences[0].cause.as_deref(), Some("truncated"));
    }
}
