//! The house rules of `src/lib.rs`, checked on the sources: a room uses only rooms declared above it, the pure rooms do
//! no IO and read no clock, and only `routing/stage.rs` branches on a stage.
//!
//! It reads paths (`a::b::c`, `use` groups flattened), not types: an alias could fool it, a habit cannot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// Where values are made of arguments alone. A file, or a folder with everything in it.
const PURE: [&str; 5] = ["routing", "diff", "evidence/tally.rs", "evidence/noise", "evidence/readiness.rs"];

/// What a pure room may not name: crates, and paths with everything below them.
const IMPURE: [&str; 8] =
    ["tokio", "pingora", "rand", "std::fs", "std::net", "std::env", "std::thread", "std::process"];

/// Rooms that may look at a stage: the one `match`, and the parser that knows which blocks a stage needs.
const STAGE_BRANCHES: [&str; 2] = ["routing/stage.rs", "config/"];

const STAGES: [&str; 4] = ["Legacy", "Shadow", "Canary", "New"];

/// One source file without comments, literals and tests, as tokens.
struct Source {
    /// Below `src/`, with `/`.
    name: String,
    tokens: Vec<String>,
}

impl Source {
    fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), tokens: without_tests(tokens(text)) }
    }

    /// The room it belongs to: its folder, or its own name.
    fn room(&self) -> &str {
        self.name.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// How many `super` lead from here to the crate's root.
    fn depth(&self) -> usize {
        let folders = self.name.matches('/').count();
        if self.name.ends_with("mod.rs") { folders } else { folders + 1 }
    }

    /// Every path named here, `use` groups flattened: `std::{fs, net}` gives `std::fs` and `std::net`.
    fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            if is_word(&self.tokens[at]) { path(&self.tokens, &mut at, "", &mut found) } else { at += 1 }
        }
        found
    }

    /// The rooms of this crate that it names, by `crate::` or by enough `super::`.
    fn rooms_used(&self) -> Vec<String> {
        let up = vec!["super"; self.depth()].join("::") + "::";
        let mut rooms: Vec<String> = self
            .paths()
            .iter()
            .filter_map(|path| path.strip_prefix("crate::").or_else(|| path.strip_prefix(&up)))
            .map(|rest| rest.split("::").next().unwrap().to_owned())
            .filter(|room| room != self.room())
            .collect();
        rooms.sort();
        rooms.dedup();
        rooms
    }

    fn impurities(&self) -> Vec<String> {
        let named = |path: &str, root: &str| path == root || path.starts_with(&format!("{root}::"));
        self.paths()
            .into_iter()
            .filter(|path| {
                IMPURE.iter().any(|root| named(path, root))
                    || path.split("::").any(|segment| segment == "Instant")
                    || path.ends_with("SystemTime::now")
            })
            .collect()
    }

    /// Stage variants that decide something here: match arms, comparisons, `matches!`.
    fn stage_branches(&self) -> Vec<String> {
        let token = |at: usize| self.tokens.get(at).map_or("", String::as_str);
        let mut found = Vec::new();
        for at in 2..self.tokens.len() {
            let variant = STAGES.contains(&token(at)) && token(at - 1) == "::" && token(at - 2) == "Stage";
            if !variant {
                continue;
            }
            let mut before = at - 2;
            while before >= 2 && token(before - 1) == "::" {
                before -= 2;
            }
            let compared = before > 0 && ["==", "!="].contains(&token(before - 1));
            if compared || ["=>", "|", "==", "!="].contains(&token(at + 1)) || self.inside_matches(at) {
                found.push(format!("Stage::{}", token(at)));
            }
        }
        found
    }

    fn inside_matches(&self, at: usize) -> bool {
        let mut depth = 0;
        for back in (0..at).rev() {
            match self.tokens[back].as_str() {
                ")" => depth += 1,
                "(" if depth == 0 => {
                    return back >= 2 && self.tokens[back - 1] == "!" && self.tokens[back - 2] == "matches";
                }
                "(" => depth -= 1,
                ";" | "{" | "}" => return false,
                _ => {}
            }
        }
        false
    }
}

/// Reads the path that begins at `at`, and leaves `at` behind it.
fn path(tokens: &[String], at: &mut usize, prefix: &str, found: &mut Vec<String>) {
    let mut whole = prefix.to_owned();
    loop {
        whole.push_str(&tokens[*at]);
        *at += 1;
        if tokens.get(*at).is_none_or(|token| token != "::") {
            found.push(whole);
            return;
        }
        *at += 1;
        whole.push_str("::");
        match tokens.get(*at) {
            Some(next) if is_word(next) => {}
            Some(next) if next == "{" => return group(tokens, at, &whole, found),
            _ => return found.push(whole.trim_end_matches(':').to_owned()),
        }
    }
}

/// Reads a `{a, b::c}` of a `use`.
fn group(tokens: &[String], at: &mut usize, prefix: &str, found: &mut Vec<String>) {
    *at += 1;
    while let Some(token) = tokens.get(*at) {
        if token == "}" {
            *at += 1;
            return;
        }
        if is_word(token) { path(tokens, at, prefix, found) } else { *at += 1 }
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Words and signs of a Rust source, without comments and literals.
fn tokens(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            length
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else if let Some(sign) = ["::", "=>", "==", "!="].into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(sign.to_owned());
            sign.len()
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    tokens
}

/// Length of the string, byte string, raw string or character that `rest` begins with.
fn literal(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('b').unwrap_or(rest);
    let skipped = rest.len() - body.len();
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let end = raw[hashes + 1..].find(&close).map_or(raw.len(), |end| hashes + 1 + end + close.len());
            return Some(skipped + 1 + end);
        }
    }
    let quote = body.chars().next().filter(|first| ['"', '\''].contains(first))?;
    let mut escaped = false;
    for (at, character) in body.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Some(skipped + at + character.len_utf8()),
            // A lifetime, not a character: `'a` ends where no quote follows its first letter.
            _ if quote == '\'' && at >= 2 && !body[1..].starts_with('\\') => return Some(skipped + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// Cuts the items under `#[cfg(test)]`: what follows the attribute up to its `;` or its closing brace.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    let mark: Vec<&str> = vec!["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if tokens.len() - at >= mark.len() && tokens[at..at + mark.len()].iter().zip(&mark).all(|(a, b)| a == b) {
            at = end_of_item(&tokens, at + mark.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

fn end_of_item(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The rooms of an architecture page, from the ground up.
fn rooms_in_order(lib: &str) -> Vec<String> {
    tokens(lib).windows(3).filter(|three| three[0] == "mod" && three[2] == ";").map(|three| three[1].clone()).collect()
}

fn is_pure(name: &str) -> bool {
    PURE.iter().any(|pure| name == *pure || name.starts_with(&format!("{pure}/")))
}

/// Every breach of the house rules, one line each.
fn breaches(lib: &str, sources: &[Source]) -> Vec<String> {
    let order = rooms_in_order(lib);
    let mut found = Vec::new();
    for source in sources {
        if let Some(own) = order.iter().position(|room| room == source.room()) {
            let above = |room: &String| order.iter().position(|other| other == room).is_none_or(|other| other < own);
            found.extend(source.rooms_used().iter().filter(|room| !above(room)).map(|room| {
                format!("src/{}: uses crate::{room}, which is declared below `{}`", source.name, source.room())
            }));
        }
        if is_pure(&source.name) {
            found.extend(source.impurities().iter().map(|path| format!("src/{}: pure, but names {path}", source.name)));
        }
        if !STAGE_BRANCHES.iter().any(|allowed| source.name.starts_with(allowed)) {
            found.extend(
                source
                    .stage_branches()
                    .iter()
                    .map(|variant| format!("src/{}: branches on {variant}; only routing/stage.rs may", source.name)),
            );
        }
    }
    found
}

fn sources_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Tests may reach for anything.
fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.split('/').any(|folder| folder == "tests")
}

#[test]
fn the_house_keeps_its_own_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(root.join("lib.rs")).unwrap();
    let sources: Vec<Source> = sources_below(&root)
        .into_iter()
        .filter_map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            (!is_test(&name)).then(|| Source::new(&name, &fs::read_to_string(&path).unwrap()))
        })
        .collect();
    assert!(sources.len() > 20, "only {} sources found: is the test looking at the right place?", sources.len());
    assert!(rooms_in_order(&lib).len() >= 10, "rooms found in lib.rs: {:?}", rooms_in_order(&lib));
    let found = breaches(&lib, &sources);
    assert!(found.is_empty(), "the house rules of src/lib.rs are broken:\n{}", found.join("\n"));
}

#[cfg(test)]
mod checker {
    use super::*;

    const LIB: &str =
        "/// Ground.\npub mod routing;\npub mod diff;\npub mod evidence;\npub mod config;\npub mod proxy;";

    fn breaches_of(name: &str, text: &str) -> Vec<String> {
        breaches(LIB, &[Source::new(name, text)])
    }

    #[test]
    fn sees_a_room_used_from_below() {
        let found = breaches_of("routing/table.rs", "use crate::config::Settings;");
        assert_eq!(found, ["src/routing/table.rs: uses crate::config, which is declared below `routing`"]);
        assert_eq!(breaches_of("config/mod.rs", "fn f() -> crate::proxy::Door { todo() }").len(), 1);
        assert_eq!(breaches_of("config/a.rs", "use crate::{routing::Stage, proxy::{Door, Front}};").len(), 1);
        assert_eq!(breaches_of("config/mod.rs", "use super::proxy::Door;").len(), 1);
        assert_eq!(breaches_of("config/a.rs", "use super::super::proxy;").len(), 1);
    }

    #[test]
    fn lets_a_room_use_what_stands_above_it_and_itself() {
        let good = "use crate::{routing, config::Settings};\nuse super::spec;\nuse crate::diff::*;";
        assert_eq!(breaches_of("config/compile.rs", good), Vec::<String>::new());
    }

    #[test]
    fn sees_io_clocks_and_chance_in_a_pure_room() {
        for bad in [
            "use std::fs;",
            "use std::{fmt, net::IpAddr};",
            "fn f() { tokio::spawn(g()); }",
            "use std::time::Instant;",
            "fn f() -> u64 { SystemTime::now() }",
            "fn f() { std::time::SystemTime::now() }",
            "use pingora::http::ResponseHeader;",
            "let x = rand::random();",
        ] {
            assert_eq!(breaches_of("diff/json.rs", bad).len(), 1, "not seen: {bad}");
            assert_eq!(breaches_of("evidence/tally.rs", bad).len(), 1, "not seen: {bad}");
            assert_eq!(breaches_of("evidence/store.rs", bad), Vec::<String>::new(), "a room that may: {bad}");
        }
    }

    #[test]
    fn sees_a_branch_on_a_stage_outside_of_its_home() {
        for bad in [
            "match stage { Stage::Canary => 1, _ => 2 }",
            "match stage { crate::routing::Stage::Legacy | Stage::Shadow => 1, _ => 2 }",
            "if policy.stage == Stage::New { f() }",
            "if Stage::New != routing::Stage::Shadow { f() }",
            "let b = matches!(policy.stage, Stage::Shadow);",
        ] {
            assert!(!breaches_of("proxy/door.rs", bad).is_empty(), "not seen: {bad}");
            assert_eq!(breaches_of("routing/stage.rs", bad), Vec::<String>::new(), "at home: {bad}");
        }
        assert_eq!(breaches_of("proxy/door.rs", "let first = Stage::Legacy; f(Stage::New)"), Vec::<String>::new());
    }

    #[test]
    fn reads_code_not_comments_strings_or_tests() {
        let text = r##"
            // use crate::proxy::Door;
            /* tokio::spawn */ fn f<'a>(x: &'a str) -> char { let _ = "crate::proxy"; 'x' }
            const RAW: &str = r#"std::fs "quoted" crate::proxy"#;
            #[cfg(test)]
            mod tests { use crate::proxy::Door; fn g() { if x { std::fs::read("a"); } } }
            #[cfg(test)]
            mod more;
            fn after() {}
        "##;
        assert_eq!(breaches_of("routing/table.rs", text), Vec::<String>::new());
        let after = "#[cfg(test)] mod tests { fn g() { {} } }\nuse crate::proxy::Door;";
        assert_eq!(breaches_of("routing/table.rs", after).len(), 1, "code behind a test module is read");
    }
}
