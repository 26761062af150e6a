//! Pages that show markup to their readers, in whatever spelling, beside the same markup at work: nothing of it was let through.

use super::html;

/// What is shown; all of it stands in [`PORTS`] as markup, too.
const SAMPLES: [&str; 10] =
    ["<br />", "<br>", "<b>x</b>", "<b>", "</p>", "<li>", "<td>", "<!-- c -->", "<a href=\"/x\">", "<p class=\"a b\">"];

/// The page of legacy, and its ports.
const PAGES: [&str; 4] = [
    "<p class=\"a b\">one<br />two <b>x</b> <a href=\"/x\">l</a></p>\n<!-- c --><ul><li>a</li><li>b</li></ul><table><tr><td>1</td></tr></table>",
    "<p class=\"a b\">one<br>two <b>x</b> <a href=\"/x\">l</a></p>\n<ul><li>a</li><li>b</li></ul><table><tbody><tr><td>1</td></tr></table>",
    "<P class='b a'>one<BR>two <B>x</B> <A href=/x>l</A></P><UL><LI>a<LI>b</UL><TABLE><TR><TD>1</TABLE>",
    "<p class='a b'>one<br>two <b>x</b> <a href='/x'>l</a></p><!-- <b>x</b> --><ul><li>a</li><li>b</li></ul><table><tr><td>1</table>",
];

/// Ways to write `<`, `>` and `"` as text.
const SPELLINGS: [[&str; 3]; 5] = [
    ["&lt;", "&gt;", "&quot;"],
    ["&lt;", ">", "&#34;"],
    ["&#60;", "&#62;", "&#34;"],
    ["&#x3C;", "&#x3e;", "&#x22;"],
    ["&LT;", "&GT;", "&quot;"],
];

const PLACES: [[&str; 2]; 4] = [
    ["<p>sample ", " end</p>"],
    ["<pre><code>", "</code></pre>"],
    ["<p title=\"", "\">s</p>"],
    ["<textarea>", "</textarea>"],
];

#[test]
fn a_sample_of_markup_is_no_markup_however_it_is_spelled() {
    let page = |body: String| format!("<!DOCTYPE html><title>t</title><body>\n{body}\n</body>");
    let spelled = |sample: &str, [lt, gt, quote]: [&str; 3]| {
        sample.replace('<', "\0").replace('>', gt).replace('\0', lt).replace('"', quote)
    };
    let mut wrong = Vec::new();
    for sample in SAMPLES {
        for (port, place) in PAGES[1..].iter().flat_map(|port| PLACES.map(|place| (port, place))) {
            for spelling in SPELLINGS {
                let shown = |spelling| format!("{}{}{}", place[0], spelled(sample, spelling), place[1]);
                let (old, new) = (shown(SPELLINGS[0]), shown(spelling));
                for (last, count) in [("1", 0), ("2", 1)] {
                    let old = page(format!("{}{old}<p>last 1</p>", PAGES[0]));
                    let new = page(format!("{port}{new}<p>last {last}</p>"));
                    let found = html(&old, &new);
                    if found.differences.len() != count {
                        wrong.push(format!("{old}\n{new}\n{:#?}", found.differences));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them, as\n{}", wrong.len(), wrong[0]);
}
