//! Pages of a few elements, and all the ways to write them down that mean the same.

use proptest::collection::vec;
use proptest::prelude::*;

/// A page that is yet to be written down.
#[derive(Debug, Clone)]
pub enum Part {
    Element { name: &'static str, attributes: Vec<(&'static str, String)>, parts: Vec<Part> },
    Text(String),
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z]{1,7}",
        1 => "[0-9]{1,4}",
        1 => Just("R&B".to_owned()),
        1 => Just("a<b".to_owned()),
        1 => Just("it's".to_owned()),
        1 => Just("\"q\"".to_owned()),
        1 => Just("é€".to_owned()),
    ]
}

fn sentence() -> BoxedStrategy<Part> {
    vec(word(), 1..5).prop_map(|words| Part::Text(words.join(" "))).boxed()
}

fn attributes() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let link = (word(), word())
        .prop_map(|(a, b)| format!("/s?q={}&p=a b{}", a.replace('&', "%26"), b.replace(['&', '<', '"'], "")));
    (
        prop::option::of(vec("[a-z]{1,4}", 1..3).prop_map(|tokens| ("class", tokens.join(" ")))),
        prop::option::of(word().prop_map(|title| ("title", title))),
        prop::option::of(link.prop_map(|link| ("href", link))),
        prop::option::of("[a-z]{3}".prop_map(|id| ("id", id))),
        prop::option::of(Just(("hidden", String::new()))),
    )
        .prop_map(|(class, title, link, id, hidden)| [class, title, link, id, hidden].into_iter().flatten().collect())
}

fn element(name: &'static str, parts: impl Strategy<Value = Vec<Part>> + 'static) -> BoxedStrategy<Part> {
    (attributes(), parts).prop_map(move |(attributes, parts)| Part::Element { name, attributes, parts }).boxed()
}

fn inline() -> BoxedStrategy<Part> {
    let leaf = prop_oneof![4 => sentence(), 1 => element("img", Just(Vec::new()))];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let name = prop_oneof![Just("b"), Just("span"), Just("em")];
        (name, attributes(), vec(inner, 1..3)).prop_map(|(name, attributes, parts)| Part::Element {
            name,
            attributes,
            parts,
        })
    })
    .boxed()
}

fn block() -> BoxedStrategy<Part> {
    let paragraph = element("p", vec(inline(), 1..4));
    paragraph
        .prop_recursive(3, 24, 4, |inner| {
            let items = vec(element("li", vec(inline(), 1..3)), 1..6);
            let cells = vec(element("td", vec(inline(), 0..2)), 1..4);
            let rows = vec(element("tr", cells), 1..5);
            prop_oneof![
                element("ul", items),
                element("table", rows),
                element("div", vec(inner.clone(), 1..4)),
                element("pre", vec(sentence(), 1..2)),
                // Alone in its line: beside a field, blanks show.
                element("div", vec(element("textarea", vec(sentence(), 0..2)), 1..2)),
            ]
        })
        .boxed()
}

pub fn page() -> impl Strategy<Value = Vec<Part>> {
    vec(block(), 1..5)
}

/// Writes a page down, each free choice of spelling taken from a list.
pub struct Pen<'c> {
    choices: &'c [u8],
    at: usize,
    out: String,
}

impl Pen<'_> {
    pub fn write(parts: &[Part], choices: &[u8]) -> String {
        let mut pen = Pen { choices, at: 0, out: "<!DOCTYPE html><title>t</title><body>".to_owned() };
        for part in parts {
            pen.between();
            pen.part(part, false, false);
        }
        pen.out
    }

    fn choose(&mut self, of: u8) -> u8 {
        if self.choices.is_empty() {
            return 0;
        }
        self.at += 1;
        self.choices[self.at % self.choices.len()] % of
    }

    fn one_of(&mut self, spellings: &[&str]) {
        let choice = self.choose(u8::try_from(spellings.len()).unwrap());
        self.out.push_str(spellings[usize::from(choice)]);
    }

    /// Where blanks and comments do not show.
    fn between(&mut self) {
        self.one_of(&["", "", "\n   ", "\r\n", "<!-- c -->", " <!---->\t"]);
    }

    fn part(&mut self, part: &Part, exact: bool, last: bool) {
        match part {
            Part::Text(text) => self.text(text, exact),
            Part::Element { name, attributes, parts } => self.element(name, attributes, parts, exact, last),
        }
    }

    fn text(&mut self, text: &str, exact: bool) {
        for c in text.chars() {
            match c {
                ' ' if !exact => self.one_of(&[" ", " ", "  ", "\n", "\r\n\t"]),
                c => self.character(c, &['&', '<'], "&#39;"),
            }
        }
    }

    fn character(&mut self, c: char, must: &[char], apostrophe: &str) {
        let choice = self.choose(4);
        let written = match (c, choice) {
            ('&', 1) => "&#38;".to_owned(),
            ('&', _) => "&amp;".to_owned(),
            ('<', 1) => "&#x3C;".to_owned(),
            ('<', _) => "&lt;".to_owned(),
            ('\'', 1) => "&#039;".to_owned(),
            ('\'', 2) => apostrophe.to_owned(),
            ('"', 1) => "&#34;".to_owned(),
            ('"', 2) => "&quot;".to_owned(),
            ('"', _) if must.contains(&'"') => "&quot;".to_owned(),
            ('é', 1) => "&eacute;".to_owned(),
            (c, 3) if !c.is_ascii() => format!("&#{};", u32::from(c)),
            (c, _) => c.to_string(),
        };
        self.out.push_str(&written);
    }

    fn element(&mut self, name: &str, attributes: &[(&'static str, String)], parts: &[Part], exact: bool, last: bool) {
        let upper = self.choose(4) == 1;
        let cased = if upper { name.to_ascii_uppercase() } else { name.to_owned() };
        self.out.push('<');
        self.out.push_str(&cased);
        let mut attributes: Vec<_> = attributes.to_vec();
        if self.choose(3) == 1 {
            attributes.reverse();
        }
        for (name, value) in attributes {
            self.attribute(name, &value);
        }
        if name == "img" {
            self.one_of(&[">", "/>", " />"]);
            return;
        }
        self.out.push('>');
        let exact = exact || matches!(name, "pre" | "textarea");
        let is_block = matches!(name, "div" | "ul" | "table" | "tr");
        let trims = matches!(name, "p" | "li" | "td");
        if trims {
            self.between();
        }
        for (at, part) in parts.iter().enumerate() {
            if is_block {
                self.between();
            }
            self.part(part, exact, at + 1 == parts.len());
        }
        if is_block || trims {
            self.between();
        }
        // The end tag may be left out where the next tag or the parent's end tag ends it.
        let optional = matches!(name, "li" | "td" | "tr") || (name == "p" && last);
        if !(optional && self.choose(3) == 1) {
            self.out.push_str("</");
            self.out.push_str(&cased);
            self.out.push('>');
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.one_of(&[" ", "  ", "\n"]);
        self.out.push_str(name);
        if name == "class" && self.choose(2) == 1 {
            let mut tokens: Vec<&str> = value.split(' ').collect();
            tokens.reverse();
            self.out.push_str(&format!("=\" {}  \"", tokens.join("  ")));
            return;
        }
        if name == "hidden" {
            self.one_of(&["", "=\"\"", "=''"]);
            return;
        }
        self.out.push_str("=\"");
        for c in value.chars() {
            match c {
                ' ' if name == "href" => self.one_of(&["%20", "+", " "]),
                c => self.character(c, &['"'], "&#39;"),
            }
        }
        self.out.push('"');
    }
}
