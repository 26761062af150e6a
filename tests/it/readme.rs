//! The README tells the truth: its configs compile, its commands exist, its links lead somewhere, its promises are tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::matapalo;
use crate::harness::tls::Made;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// A fenced block: what stands behind the fence, its text, and the line it begins on.
struct Block {
    language: String,
    text: String,
    line: usize,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            if !open {
                found.push(Block { language: language.trim().to_owned(), text: String::new(), line: at + 2 });
            }
            open = !open;
        } else if open {
            let block = found.last_mut().unwrap();
            block.text.push_str(line);
            block.text.push('\n');
        }
    }
    assert!(!open, "a fenced block is never closed");
    found
}

/// What a block of routes alone is put into.
const AROUND_ROUTES: &str = "version: 1\nlisteners: [{address: 127.0.0.1:8080}]\nadmin: {address: 127.0.0.1:9901}\n\
    backends:\n  legacy: {endpoints: [\"http://127.0.0.1:9000\"]}\n  new: {endpoints: [\"http://127.0.0.1:8000\"]}\nroutes:\n";

#[test]
fn every_config_shown_compiles() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("matapalo.yaml");
    // The certificate that they speak of.
    Made::new(folder.path(), "site", "DNS:site.test", 90);
    let shown: Vec<Block> = blocks(&readme()).into_iter().filter(|block| block.language.starts_with("yaml")).collect();
    assert!(shown.len() >= 2, "only {} configs are shown", shown.len());
    for block in shown {
        let whole = block.text.contains("version:");
        let text = if whole { block.text.clone() } else { format!("{AROUND_ROUTES}{}", block.text) };
        fs::write(&file, text).unwrap();
        let run = matapalo(&["check", "-c", file.to_str().unwrap()]);
        assert_eq!(run.code, 0, "the config at README.md:{} is refused: {run}", block.line);
    }
}

/// Command lines of the shell blocks, without their comments.
fn command_lines() -> Vec<(usize, String)> {
    blocks(&readme())
        .into_iter()
        .filter(|block| block.language == "sh")
        .flat_map(|block| {
            let lines: Vec<String> = block.text.lines().map(str::to_owned).collect();
            lines.into_iter().enumerate().map(move |(at, line)| (block.line + at, line))
        })
        .map(|(at, line)| (at, line.split(" #").next().unwrap_or_default().trim().to_owned()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[test]
fn every_command_shown_exists_with_its_options() {
    let mut seen = 0;
    for (at, line) in command_lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "matapalo" => {
                seen += 1;
                let help = matapalo(&[words[1], "--help"]);
                assert_eq!(help.code, 0, "README.md:{at}: `{line}`: {help}");
                for option in words.iter().filter(|word| word.starts_with("--")) {
                    let option = option.split('=').next().unwrap();
                    assert!(help.stdout.contains(option), "README.md:{at}: `{line}`: there is no {option}");
                }
            }
            script if script.ends_with(".sh") => {
                seen += 1;
                use std::os::unix::fs::PermissionsExt;
                let path = root().join(script);
                let mode = fs::metadata(&path).unwrap_or_else(|error| panic!("README.md:{at}: {script}: {error}"));
                assert_ne!(mode.permissions().mode() & 0o111, 0, "README.md:{at}: {script} cannot be executed");
            }
            "git" | "cargo" | "cp" | "install" | "systemctl" | "curl" | "kill" | "cd" | "sudo" => {}
            other => panic!("README.md:{at}: `{other}` is not known to this test"),
        }
    }
    assert!(seen >= 5, "only {seen} commands are shown");
}

/// `[text](target)` outside of fenced blocks.
fn links() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in readme().lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let mut rest = line;
        while let Some(at) = rest.find("](").filter(|_| !fenced) {
            let text = rest[..at].rsplit('[').next().unwrap_or_default().to_owned();
            let target: String = rest[at + 2..].chars().take_while(|c| *c != ')').collect();
            rest = &rest[at + 2 + target.len()..];
            found.push((text, target));
        }
    }
    found
}

#[test]
fn every_link_leads_to_something_in_this_repository() {
    let inside: Vec<(String, String)> = links().into_iter().filter(|(_, target)| !target.starts_with("http")).collect();
    assert!(inside.len() >= 8, "only {} links", inside.len());
    for (text, target) in inside {
        let path: PathBuf = root().join(target.split('#').next().unwrap());
        assert!(path.exists(), "[{text}]({target}) leads nowhere");
    }
}

#[test]
fn every_promise_names_tests_that_exist() {
    let proofs: Vec<(String, String)> =
        links().into_iter().filter(|(text, target)| text.starts_with('`') && target.starts_with("tests/")).collect();
    assert!(proofs.len() >= 8, "only {} tests are named", proofs.len());
    for (text, target) in proofs {
        let name = text.trim_matches('`');
        let source = fs::read_to_string(root().join(&target)).unwrap_or_else(|error| panic!("{target}: {error}"));
        assert!(source.contains(&format!("fn {name}(")), "{target} has no test {name}");
    }
}

#[test]
fn every_promise_is_made_once_and_names_a_test() {
    let text = readme();
    let table = text.split("| promise | told by |\n|---|---|\n").nth(1).expect("a table of promises");
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 8, "only {} promises", rows.len());
    let mut proofs = BTreeSet::new();
    for row in rows {
        let (promise, told_by) = row.trim_matches('|').split_once('|').unwrap();
        assert!(told_by.contains("](tests/"), "no test tells that{promise}");
        assert!(proofs.insert(told_by), "another promise is told by the same tests as{promise}");
    }
}

/// The annotated config, with the two paths that the README names for a door under systemd.
#[test]
fn the_paths_of_operation_are_the_units() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let (store, log) = ("/var/lib/matapalo/matapalo.db", "/var/log/matapalo/access.log");
    assert!(readme().contains(&format!("`store: {{path: {store}}}`")), "where the store is");
    assert!(readme().contains(&format!("`access_log: {{path: {log}}}`")), "where the access log is");
    let unit = read("deploy/matapalo.service");
    assert!(unit.contains("\nStateDirectory=matapalo\n") && unit.contains("\nLogsDirectory=matapalo\n"));
    assert!(read("deploy/logrotate").contains("\n/var/log/matapalo/*.log {\n"));
    let annotated = read("config/matapalo.yaml");
    let edited = annotated.replace("  path: matapalo.db ", &format!("  path: {store} "));
    let edited = edited.replace("  path: access.log ", &format!("  path: {log} "));
    assert!(edited.contains(store) && edited.contains(log), "the annotated config has other paths by now");
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("matapalo.yaml");
    fs::write(&file, edited).unwrap();
    let run = matapalo(&["check", "-c", file.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn the_table_of_commands_is_the_commands() {
    let help = matapalo(&["--help"]).stdout;
    let listed = help.split("Commands:").nth(1).expect("a list of commands").split("Options:").next().unwrap();
    let commands: BTreeSet<String> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    let shown: BTreeSet<String> = readme()
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split(['`', ' ']).next())
        .map(str::to_owned)
        .filter(|name| commands.contains(name))
        .collect();
    assert_eq!(shown, commands, "the README's table and `matapalo --help` differ");
}
