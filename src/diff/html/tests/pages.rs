//! Pages made by dice, and written down in the ways that stacks write them.

use std::fmt::Write;

/// SplitMix64 (Steele, Lea and Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound as u64).unwrap()
    }

    pub fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    pub fn pick<'t, T: ?Sized>(&mut self, from: &[&'t T]) -> &'t T {
        from[self.below(from.len())]
    }
}

#[derive(Debug, Clone)]
pub enum Node {
    Text(String),
    Element { name: &'static str, attributes: Vec<(&'static str, String)>, below: Vec<Node> },
}

fn element(name: &'static str, attributes: Vec<(&'static str, String)>, below: Vec<Node>) -> Node {
    Node::Element { name, attributes, below }
}

// ---- pages ----

const WORDS: [&str; 24] = [
    "package",
    "Noël",
    "it's",
    "R&D",
    "a<b",
    "\"quoted\"",
    "10",
    "3.50",
    "stable",
    "maintainer",
    "10\u{a0}kg",
    "€",
    "x",
    "of",
    "the",
    "2024-01-02",
    "None",
    "C++",
    "100%",
    "naïve",
    "🦀",
    "a-b",
    "1,234",
    "out",
];

fn words(dice: &mut Dice) -> String {
    let count = 1 + dice.below(4);
    (0..count).map(|_| dice.pick(&WORDS)).collect::<Vec<_>>().join(" ")
}

fn text(dice: &mut Dice) -> Node {
    Node::Text(words(dice))
}

fn link(dice: &mut Dice) -> String {
    let path =
        dice.pick(&["/packages/", "/p/a-b", "/caf\u{e9}", "/~user/", "/a b", "http://other.example/x", "?page=2"]);
    let query = dice.pick(&["", "q=a b&n=1", "q=R%26D", "a[0]=1&a[1]=2", "q=x/y:z", "tilde=~a"]);
    match (query, path.contains('?')) {
        ("", _) => path.to_owned(),
        (query, true) => format!("{path}&{query}"),
        (query, false) => format!("{path}?{query}"),
    }
}

fn attributes(dice: &mut Dice) -> Vec<(&'static str, String)> {
    let mut list = Vec::new();
    if dice.one_in(3) {
        list.push(("class", dice.pick(&["row odd", "row", "a b c", "wrap"]).to_owned()));
    }
    if dice.one_in(6) {
        list.push(("title", words(dice)));
    }
    if dice.one_in(8) {
        list.push(("style", dice.pick(&["color:red", "margin:0 1px;color:red", "width:10px"]).to_owned()));
    }
    if dice.one_in(8) {
        list.push(("data-id", dice.below(100).to_string()));
    }
    list
}

fn inline(dice: &mut Dice, depth: usize) -> Vec<Node> {
    let mut nodes = vec![text(dice)];
    for _ in 0..dice.below(3) {
        nodes.push(Node::Text(" ".to_owned()));
        let own = attributes(dice);
        nodes.push(match dice.below(if depth == 0 { 2 } else { 5 }) {
            0 => text(dice),
            1 => element("img", vec![("src", link(dice)), ("alt", words(dice))], vec![]),
            2 => element("a", [vec![("href", link(dice))], own].concat(), vec![text(dice)]),
            3 => element("b", own, vec![text(dice)]),
            _ => element("span", own, vec![text(dice)]),
        });
    }
    nodes
}

fn field(dice: &mut Dice) -> Node {
    let name = ("name", dice.pick(&["q", "id", "user", "page"]).to_owned());
    match dice.below(4) {
        0 => element("input", vec![("type", "text".to_owned()), name, ("value", words(dice))], vec![]),
        1 => {
            element("input", vec![("type", "hidden".to_owned()), name, ("value", dice.below(999).to_string())], vec![])
        }
        2 => element("input", vec![("type", "checkbox".to_owned()), name, ("checked", String::new())], vec![]),
        _ => element("textarea", vec![name], vec![text(dice)]),
    }
}

fn block(dice: &mut Dice, depth: usize) -> Node {
    let own = attributes(dice);
    match dice.below(if depth == 0 { 3 } else { 7 }) {
        0 | 1 => element("p", own, inline(dice, 1)),
        2 => element("pre", own, vec![Node::Text(format!("{}  {}", words(dice), words(dice)))]),
        3 => {
            let items = (0..1 + dice.below(4)).map(|_| element("li", attributes(dice), inline(dice, 1))).collect();
            element("ul", own, items)
        }
        4 => {
            let row = |dice: &mut Dice| {
                let cells = (0..3).map(|_| element("td", vec![], inline(dice, 0))).collect();
                element("tr", attributes(dice), cells)
            };
            let rows = (0..1 + dice.below(3)).map(|_| row(dice)).collect();
            element("table", own, vec![element("tbody", vec![], rows)])
        }
        5 => {
            let options = (0..2 + dice.below(2))
                .map(|n| element("option", vec![("value", n.to_string())], vec![text(dice)]))
                .collect();
            let select = element("select", vec![("name", "s".to_owned())], options);
            let fields = [vec![field(dice), field(dice)], vec![select]].concat();
            let target = vec![("method", "post".to_owned()), ("action", link(dice))];
            element("form", target, vec![element("div", own, fields)])
        }
        _ => element("div", own, (0..1 + dice.below(3)).map(|_| block(dice, depth - 1)).collect()),
    }
}

pub fn page(dice: &mut Dice) -> Vec<Node> {
    let mut blocks: Vec<Node> = (0..1 + dice.below(2)).map(|_| block(dice, 1)).collect();
    if dice.one_in(3)
        && let Some(Node::Element { attributes, .. }) = blocks.last_mut()
    {
        attributes.push(("id", "main".to_owned()));
    }
    blocks
}

// ---- spellings ----

/// Writes a page down as some stack does: all that nobody sees is left to the dice.
pub struct Pen<'d> {
    dice: &'d mut Dice,
    out: String,
}

pub fn write(nodes: &[Node], dice: &mut Dice) -> String {
    let mut pen = Pen { dice, out: String::new() };
    pen.gap();
    pen.one_of(&["<!DOCTYPE html>", "<!doctype html>", "<!DOCTYPE HTML>"]);
    pen.one_of(&["", "<html>", "<html><head>", "\n<html>\n<head>\n", "<HTML>"]);
    pen.one_of(&["<meta charset=utf-8>", "<meta charset='UTF-8' />", "<meta charset=\"utf-8\">"]);
    pen.one_of(&["<title>T</title>", "<title> T </title>", "<TITLE>T</TITLE>"]);
    pen.one_of(&["<body>", "</head><body>", "</head>\n<body>\n"]);
    for node in nodes {
        pen.gap();
        pen.node(node, Blanks::Squeezed);
    }
    pen.gap();
    pen.one_of(&["", "</body>", "</body></html>\n", "</body>\n</html>", "\r\n"]);
    pen.out
}

#[derive(Clone, Copy, PartialEq)]
pub enum Blanks {
    Squeezed,
    Exact,
}

impl Pen<'_> {
    fn one_of(&mut self, spellings: &[&str]) {
        let chosen = self.dice.pick(spellings);
        self.out.push_str(chosen);
    }

    /// Where blanks and comments do not show.
    fn gap(&mut self) {
        self.one_of(&["", "", "\n", "\r\n    ", "<!-- c -->", "\n<!-- é -->\t"]);
    }

    fn node(&mut self, node: &Node, blanks: Blanks) {
        match node {
            Node::Text(text) => self.text(text, blanks),
            Node::Element { name, attributes, below } => self.element(name, attributes, below),
        }
    }

    fn text(&mut self, text: &str, blanks: Blanks) {
        for c in text.chars() {
            match c {
                ' ' if blanks == Blanks::Squeezed => self.one_of(&[" ", " ", "  ", "\n", "\r\n\t", "<!-- c --> "]),
                '<' => self.one_of(&["&lt;", "&#60;", "&#x3c;"]),
                '&' => self.one_of(&["&amp;", "&#38;", "&#x26;"]),
                c => self.character(c),
            }
        }
    }

    fn character(&mut self, c: char) {
        match c {
            '\'' => self.one_of(&["'", "&#039;", "&#39;", "&#x27;", "&apos;"]),
            '"' => self.one_of(&["\"", "&quot;", "&#34;"]),
            '+' => self.one_of(&["+", "&#43;"]),
            '\u{a0}' => self.one_of(&["\u{a0}", "&nbsp;", "&#160;", "&#xA0;"]),
            'é' => self.one_of(&["é", "&eacute;", "&#233;", "&#xE9;"]),
            'ë' => self.one_of(&["ë", "&euml;", "&#235;"]),
            '€' => self.one_of(&["€", "&euro;", "&#8364;"]),
            c if !c.is_ascii() && self.dice.one_in(3) => {
                let _ = write!(self.out, "&#{};", u32::from(c));
            }
            c => self.out.push(c),
        }
    }

    fn element(&mut self, name: &str, attributes: &[(&'static str, String)], below: &[Node]) {
        let cased = if self.dice.one_in(5) { name.to_ascii_uppercase() } else { name.to_owned() };
        let is_implied = name == "tbody" && self.dice.one_in(2);
        if !is_implied {
            let _ = write!(self.out, "<{cased}");
            let mut attributes = attributes.to_vec();
            if self.dice.one_in(2) {
                attributes.reverse();
            }
            for (name, value) in &attributes {
                self.one_of(&[" ", " ", "  ", "\n  "]);
                self.attribute(name, value);
            }
            if matches!(name, "img" | "input") {
                return self.one_of(&[">", " />", " >"]);
            }
            self.one_of(&[">", ">", " >"]);
        }
        self.content(name, below);
        let is_optional = matches!(name, "li" | "td" | "tr" | "option" | "tbody");
        let is_left_out = is_implied || (is_optional && self.dice.one_in(3));
        if !is_left_out {
            let _ = write!(self.out, "</{cased}>");
        }
    }

    fn content(&mut self, name: &str, below: &[Node]) {
        let blanks = if matches!(name, "pre" | "textarea") { Blanks::Exact } else { Blanks::Squeezed };
        let is_list = matches!(name, "ul" | "table" | "tbody" | "tr" | "form" | "select");
        let ends_lines = matches!(name, "p" | "li" | "td" | "option");
        if blanks == Blanks::Exact {
            self.one_of(&["", "\n", "\r\n"]);
        }
        for node in below {
            if is_list || matches!(node, Node::Element { name: "p" | "div" | "ul" | "table" | "pre" | "form", .. }) {
                self.gap();
            }
            self.node(node, blanks);
        }
        if is_list || ends_lines {
            self.gap();
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let cased = if self.dice.one_in(6) { name.to_ascii_uppercase() } else { name.to_owned() };
        self.out.push_str(&cased);
        match name {
            "checked" => return self.one_of(&["", "=\"checked\"", "=checked", "=''"]),
            "class" => return self.class(value),
            "style" => {
                let spaced =
                    value.replace(':', self.dice.pick(&[":", ": "])).replace(';', self.dice.pick(&[";", "; "]));
                let _ = write!(self.out, "=\"{spaced}{}\"", self.dice.pick(&["", ";", "; "]));
                return;
            }
            "method" => return self.one_of(&["=post", "=\"POST\"", "='post'"]),
            _ => {}
        }
        let is_bare = !value.is_empty() && value.bytes().all(|c| c.is_ascii_alphanumeric());
        if is_bare && self.dice.one_in(3) {
            let _ = write!(self.out, "={value}");
            return;
        }
        let quote = if self.dice.one_in(3) { '\'' } else { '"' };
        let _ = write!(self.out, "={quote}");
        let is_link = matches!(name, "href" | "src" | "action");
        let mut in_query = false;
        for c in value.chars() {
            in_query |= c == '?';
            match c {
                '"' if quote == '"' => self.one_of(&["&quot;", "&#34;"]),
                '\'' if quote == '\'' => self.one_of(&["&#039;", "&#39;", "&apos;"]),
                '&' if is_link => self.one_of(&["&amp;", "&#38;", "&"]),
                '&' => self.one_of(&["&amp;", "&#38;"]),
                ' ' if is_link && in_query => self.one_of(&["+", "%20"]),
                ' ' if is_link => self.one_of(&["%20", " "]),
                '~' if is_link => self.one_of(&["~", "%7E", "%7e"]),
                '[' if is_link => self.one_of(&["[", "%5B"]),
                ']' if is_link => self.one_of(&["]", "%5D"]),
                '/' | ':' if is_link && value.find(['?']).is_some_and(|at| self.past(value, c, at)) => self.out.push(c),
                'é' if is_link => self.one_of(&["é", "%C3%A9", "%c3%a9", "&eacute;"]),
                c => self.character(c),
            }
        }
        self.out.push(quote);
    }

    fn past(&self, value: &str, c: char, at: usize) -> bool {
        value[at..].contains(c)
    }

    fn class(&mut self, value: &str) {
        let mut tokens: Vec<&str> = value.split(' ').collect();
        if self.dice.one_in(2) {
            tokens.reverse();
        }
        let joined = tokens.join(self.dice.pick(&[" ", "  ", "\n"]));
        let _ = write!(self.out, "=\"{}{joined}{}\"", self.dice.pick(&["", " "]), self.dice.pick(&["", " "]));
    }
}
