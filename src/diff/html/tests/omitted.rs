//! Tags that one page writes and the other leaves out: what is proven equal in step, is equal as trees; and most of it is proven.

use super::laws::{by_trees, is_proven};
use super::pages::Dice;
use crate::diff::Outcome;

const DEEPEST: usize = 4;
/// What stands in a list of choices is only text.
const CHOICES: usize = DEEPEST + 1;

/// Writes two pages at once, each leaving out what it likes.
struct Writing {
    dice: Dice,
    pages: [String; 2],
    /// One tag in so many stands where nobody expects it.
    stray: usize,
}

const STRAY: [&str; 21] = [
    "<tbody>",
    "</tbody>",
    "<tr>",
    "</tr>",
    "<td>",
    "</td>",
    "</table>",
    "<li>",
    "</li>",
    "</ul>",
    "<p>",
    "</p>",
    "<select>",
    "</select>",
    "<option>",
    "</option>",
    "<table>",
    "<div>",
    "</div>",
    "<dt>",
    "</form>",
];

impl Writing {
    fn both(&mut self, text: &str) {
        if self.dice.one_in(self.stray) {
            let stray = STRAY[self.dice.below(STRAY.len())];
            self.pages.iter_mut().for_each(|page| page.push_str(stray));
        }
        self.pages.iter_mut().for_each(|page| page.push_str(text));
    }

    fn either(&mut self, text: &str) {
        for at in 0..2 {
            if self.dice.one_in(2) {
                self.pages[at].push_str(text);
            }
            if self.dice.one_in(3) {
                self.pages[at].push_str("\n ");
            }
        }
    }

    fn words(&mut self) {
        let words = ["one two", "x", "<b>bold</b> y", "<span> z</span>", "<a href=/>link</a> ", "<br>", "", " a"];
        let words = words[self.dice.below(words.len())];
        self.both(words);
    }

    fn inside(&mut self, depth: usize) {
        for _ in 0..1 + self.dice.below(2) {
            match self.dice.below(if depth > 3 { 1 } else { 8 }) {
                0 | 1 => self.words(),
                2 => self.items("<ul>", &["li"], "</ul>", depth),
                3 => self.items("<dl>", &["dt", "dd"], "</dl>", depth),
                4 => self.items("<select>", &["option"], "</select>", CHOICES),
                5 => self.table(depth),
                6 => self.items("<div>", &["p"], "</div>", DEEPEST),
                _ => {
                    self.both("<div>");
                    self.inside(depth + 1);
                    self.both("</div>");
                }
            }
        }
    }

    fn items(&mut self, open: &str, names: &[&str], close: &str, depth: usize) {
        self.both(open);
        for at in 0..1 + self.dice.below(3) {
            let name = names[at % names.len()];
            self.both(&format!("<{name}>"));
            match depth {
                0..DEEPEST => self.inside(depth + 1),
                DEEPEST => self.words(),
                _ => self.both("one"),
            }
            self.either(&format!("</{name}>"));
        }
        self.both(close);
    }

    fn table(&mut self, depth: usize) {
        self.both("<table>");
        self.either("<tbody>");
        for _ in 0..1 + self.dice.below(2) {
            self.both("<tr>");
            for _ in 0..1 + self.dice.below(2) {
                let name = ["td", "th"][self.dice.below(2)];
                self.both(&format!("<{name}>"));
                if depth < 3 {
                    self.inside(depth + 1)
                } else {
                    self.words()
                }
                self.either(&format!("</{name}>"));
            }
            self.either("</tr>");
        }
        self.either("</tbody>");
        self.both("</table>");
    }
}

fn pages(seed: u64, stray: usize) -> [String; 2] {
    let head = || "<!DOCTYPE html><title>t</title><body>".to_owned();
    let mut writing = Writing { dice: Dice(seed), pages: [head(), head()], stray };
    writing.inside(0);
    writing.pages
}

#[test]
fn tags_left_out_are_proven_equal_where_trees_are() {
    let (mut proven, mut alike) = (0, 0);
    for seed in 0..20_000 {
        let [old, new] = pages(seed, if seed % 2 == 0 { 30 } else { usize::MAX });
        if is_proven(&old, &new) {
            let found = by_trees(&old, &new);
            assert_eq!(found.outcome, Outcome::Matched, "{seed}\n{old}\n---\n{new}\n---\n{found:#?}");
            proven += usize::from(old != new);
        } else if seed % 2 == 1 {
            alike += usize::from(by_trees(&old, &new).outcome == Outcome::Matched);
        }
    }
    assert!(proven > 10_000 && alike < 10, "{proven} proven, {alike} equal and not proven");
}

#[test]
fn an_end_tag_around_one_that_both_leave_out_may_be_left_out_too() {
    let row = |end: &str| format!("<!DOCTYPE html><title>t</title><table><tr><td>a<td>b{end}<tr><td>c</table>");
    assert!(is_proven(&row("</tr>"), &row("\n")));
    assert!(is_proven(&row("</td></tr>"), &row("")));
    let list = |end: &str| format!("<!DOCTYPE html><title>t</title><ul><li><p>a{end}<li>b</ul>");
    assert!(is_proven(&list("</li>"), &list("")));
}

#[test]
fn blanks_count_where_tags_do_not_nest() {
    let page = |body: &str| format!("<!DOCTYPE html><title>t</title><body>{body}");
    let moved_out = ("<div>a<table>x</table></div>", "<div>a <table>x</table></div>");
    let ends_nothing = ("<p>a</div> b", "<p>a</div>b");
    for (old, new) in [moved_out, ends_nothing] {
        let (old, new) = (page(old), page(new));
        assert!(!is_proven(&old, &new), "{new}");
        assert_eq!(by_trees(&old, &new).outcome, Outcome::Mismatched, "{new}");
    }
}
