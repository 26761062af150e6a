//! Pairs made to be dear: each pulls at one place where a comparer of pages could lose its bound.

use std::fmt::Write;

/// A name and two pages of about `size` bytes each.
pub type Pair = (&'static str, String, String);

/// Writes `piece` until the page is full.
fn fill(size: usize, mut piece: impl FnMut(&mut String, usize)) -> String {
    let mut page = String::with_capacity(size + 256);
    page.push_str("<!DOCTYPE html><title>T</title><body>");
    let mut at = 0;
    while page.len() < size {
        piece(&mut page, at);
        at += 1;
    }
    page
}

/// The same pieces with another number in them.
fn both(size: usize, piece: impl Fn(&mut String, usize)) -> (String, String) {
    (fill(size, |page, at| piece(page, at)), fill(size, |page, at| piece(page, at * 2_654_435_761 % 1_000_003 + 7)))
}

fn pair(name: &'static str, size: usize, piece: impl Fn(&mut String, usize)) -> Pair {
    let (old, new) = both(size, piece);
    (name, old, new)
}

fn repeated(name: &'static str, size: usize, old: &str, new: &str) -> Pair {
    (name, fill(size, |page, _| page.push_str(old)), fill(size, |page, _| page.push_str(new)))
}

pub fn pairs(size: usize) -> Vec<Pair> {
    let mut pairs = vec![
        pair("every paragraph differs", size, |page, n| {
            let _ = write!(page, "<p>text {n}</p>");
        }),
        pair("every cell differs", size, |page, n| {
            let _ = write!(page, "<table><tr><td>{n}<td>{}<td>{}</table>", n + 1, n + 2);
        }),
        pair("every link differs", size, |page, n| {
            let _ = write!(page, "<a href='/x/../y?q={n}+%20#f{n}'>x</a>");
        }),
        pair("every class differs", size, |page, n| {
            let _ = write!(page, "<i class='a{n} b c{n} d'></i>");
        }),
        pair("every style differs", size, |page, n| {
            let _ = write!(page, "<i style='margin : {n}px ; color:red'></i>");
        }),
        pair("every id differs", size, |page, n| {
            let _ = write!(page, "<div id=i{n}><b>{n}</b></div>");
        }),
        pair("one letter elements", size, |page, n| page.push_str(["<b>", "<i>", "<u>", "<s>"][n % 4])),
        pair("misnested", size, |page, n| page.push_str(["<b><p>", "<i></b>", "<p></i>", "x"][n % 4])),
        pair("short texts and breaks", size, |page, n| {
            let _ = write!(page, "{}<br>", n % 10);
        }),
        pair("attributes", size, |page, n| {
            page.push_str("<p");
            for at in 0..200 {
                let _ = write!(page, " a{at}={n}");
            }
            page.push('>');
        }),
        pair("JSON script", size, |page, n| {
            let _ = write!(page, "<script type=application/json>{{\"a\":[{n},{n},{n}]}}</script>");
        }),
        pair("JSON attributes", size, |page, n| {
            let _ = write!(page, "<i data-x='{{\"a\":[{n},{n}]}}'></i>");
        }),
        pair("escaped markup", size, |page, n| {
            let _ = write!(page, "<p>&lt;b&gt;{n}&amp;amp;</p>");
        }),
        pair("sources", size, |page, n| {
            let _ = write!(page, "<img srcset='/a{n}.png 1x, /b.png {n}x' src=/c{n}.png>");
        }),
        pair("dates", size, |page, n| {
            let _ = write!(page, "<p>Generated 2024-01-02 03:04:{:02} in 0.{n} s</p>", n % 60);
        }),
        pair("no-break spaces", size, |page, n| {
            let _ = write!(page, "<p>&nbsp;{n}&nbsp; x</p>");
        }),
        pair("inputs", size, |page, n| {
            let _ = write!(page, "<input type=hidden name=token value={n:032x}>");
        }),
        repeated("unclosed paragraphs", size, "<p>", "<p>x"),
        repeated("unclosed links", size, "<a>", "<a>x"),
        repeated("foster parents", size, "<table>x", "<table>y"),
        repeated("foster letters", size, "<table><tr>x</table>", "<table><tr>y</table>"),
        repeated("bold and italic, misnested", size, "<b><i></b></i>", "<b><i>x</b></i>"),
        repeated("links in misnested blocks", size, "<a><div></a>", "<a><div>x</a>"),
        repeated("fonts and paragraphs", size, "<p><font size=1>", "<p><font size=2>"),
        repeated("ampersands", size, "&", "&&amp;"),
        repeated(
            "long names after ampersands",
            size,
            "&CounterClockwiseContourIntegra",
            "&CounterClockwiseContourIntegral;",
        ),
        repeated("comments", size, "<!--a-->", "<!--b-->x"),
        repeated("open comments", size, "<!-", "<!--"),
        repeated("end tags", size, "</p>", "</p>x"),
        repeated("options", size, "<option>", "<option>x"),
        repeated("lists", size, "<li>a", "<li>b"),
        repeated("svg", size, "<svg><g>", "<svg><g/>"),
        repeated("forms", size, "<form><input>", "<form><input name=a>"),
        repeated("pre", size, "<pre>\n", "<pre>\n\n"),
        repeated("blanks", size, " \n", " \n x"),
        repeated("quotes in a script", size, "<script>\"</script>", "<script>'</script>"),
        repeated("templates", size, "<template>", "<template>x"),
        repeated("buttons", size, "<button>", "<button>x"),
        repeated("headings", size, "<h1>", "<h1>x"),
    ];
    let deep = |inner: &str| {
        let open = 480;
        let mut page = "<div>".repeat(open);
        while page.len() < size {
            let _ = write!(page, "<p>{inner}{}</p>", page.len());
        }
        page
    };
    pairs.push(("deep, and every paragraph differs", deep("a"), deep("b")));
    let nest = |inner: &str| {
        let mut page = String::new();
        while page.len() < size {
            let _ = write!(page, "{}{inner}{}{}", "<div>".repeat(400), page.len(), "</div>".repeat(400));
        }
        page
    };
    pairs.push(("many deep ones", nest("a"), nest("b")));
    let rows = |step: usize| {
        let count = size / 40;
        let mut page = String::from("<table>");
        for at in 0..count {
            let n = at * step % count;
            let _ = write!(page, "<tr><td>{n}<td>a{}<td>{}", n * 3, n * 7);
        }
        page
    };
    pairs.push(("shuffled rows", rows(1), rows(7_919)));
    let words = |step: usize| {
        let count = size / 8;
        (0..count).map(|at| format!("w{} ", at * step % count)).collect::<String>()
    };
    pairs.push(("one long text", format!("<p>{}</p>", words(1)), format!("<p>{}</p>", words(7_919))));
    pairs.push((
        "one long script",
        format!("<script>{}</script>", words(1)),
        format!("<script>{}</script>", words(7_919)),
    ));
    pairs.push((
        "one long class",
        format!("<p class='{}'></p>", words(1)),
        format!("<p class='{}'></p>", words(7_919)),
    ));
    pairs.push((
        "one long link",
        format!("<a href='/?{}'></a>", words(1)),
        format!("<a href='/?{}'></a>", words(7_919)),
    ));
    pairs.push(("one long srcset", format!("<img srcset='{}'>", words(1)), format!("<img srcset='{}'>", words(7_919))));
    pairs.push((
        "one long style",
        format!("<p style='{}'></p>", words(1).replace(' ', ":1;")),
        format!("<p style='{}'></p>", words(7_919).replace(' ', ":1;")),
    ));
    let json = |step: usize| {
        let count = size / 12;
        let list: Vec<String> = (0..count).map(|at| format!("{{\"k\":{}}}", at * step % count)).collect();
        format!("<script type=application/json>[{}]</script>", list.join(","))
    };
    pairs.push(("one long JSON script", json(1), json(7_919)));
    pairs.push(repeated("samples that are others", size, "<code>&lt;b&gt;</code> ", "<code>&#60;i></code> "));
    pairs.push(repeated("samples let through", size, "<code>&lt;b&gt;x</code> ", "<code><b>x</code> "));
    let quotes = |quote: &str| format!("<p title=\"{}\">x</p>", quote.repeat(size / 6));
    pairs.push(("quotes let through", quotes("&quot;"), quotes("\"")));
    pairs.push(repeated("quotes let through everywhere", size, "<p title=\"&quot;a&quot;\">", "<p title=\"\"a\"\">"));
    pairs
}
