//! Two origins, a folder, and the config that joins them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;

use super::{Door, Origin, PATIENCE};

/// Legacy and new, and a folder for config and store.
pub struct Site {
    pub legacy: Origin,
    pub new: Origin,
    pub folder: TempDir,
}

impl Site {
    pub fn of(legacy: Origin, new: Origin) -> Self {
        Self { legacy, new, folder: TempDir::new().unwrap() }
    }

    /// Two origins that say who they are.
    pub fn named() -> Self {
        Self::of(Origin::saying("legacy"), Origin::saying("new"))
    }

    /// The config of this site with these routes (YAML list items).
    pub fn config(&self, routes: &str) -> Config {
        Config {
            listener: String::new(),
            legacy: format!("endpoints: [\"http://{}\"]", self.legacy.address),
            new: format!("endpoints: [\"http://{}\"]", self.new.address),
            top: String::new(),
            noise: "settle: false, percent: 0".to_owned(),
            routes: routes.to_owned(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens a door with these routes.
    pub fn open(&self, routes: &str) -> Door {
        self.open_with(&self.config(routes))
    }

    pub fn open_with(&self, config: &Config) -> Door {
        Door::open(&self.path("matapalo.yaml"), config)
    }
}

/// A config file in parts, so that a story shows only what it is about.
#[derive(Clone)]
pub struct Config {
    /// Further keys of the listener, such as `, tls: …`.
    pub listener: String,
    /// Inside the braces of each backend.
    pub legacy: String,
    pub new: String,
    /// Further top-level blocks.
    pub top: String,
    /// Inside the braces of `noise`, for every route. Nothing is asked again unless a story is about it: it counts what origins see.
    pub noise: String,
    pub routes: String,
}

impl Config {
    /// Adds top-level blocks.
    pub fn and(mut self, top: &str) -> Self {
        self.top.push_str(&unindented(top));
        self.top.push('\n');
        self
    }

    /// Adds keys to the new backend: `timeouts: {first_byte: 1s}`.
    pub fn new_with(mut self, keys: &str) -> Self {
        self.new = format!("{}, {keys}", self.new);
        self
    }

    /// Asks again, as this block says; empty: as a config does that says nothing.
    pub fn noise(mut self, block: &str) -> Self {
        self.noise = block.to_owned();
        self
    }

    /// The same site under other routes.
    pub fn routed(&self, routes: &str) -> Self {
        Self { routes: routes.to_owned(), ..self.clone() }
    }

    /// The file's text for a door at these ports.
    pub fn text(&self, door: u16, admin: u16, folder: &Path) -> String {
        let routes = unindented(&self.routes);
        let routes = if routes.trim().is_empty() { "routes: []".to_owned() } else { format!("routes:\n{routes}") };
        let noise =
            if self.noise.is_empty() { String::new() } else { format!("defaults: {{noise: {{{}}}}}\n", self.noise) };
        format!(
            "version: 1\nlisteners:\n  - {{address: \"127.0.0.1:{door}\"{}}}\nadmin: {{address: \"127.0.0.1:{admin}\"}}\n\
             threads: 2\nstore: {{path: {:?}}}\nbackends:\n  legacy: {{{}}}\n  new: {{{}}}\n{noise}{}{routes}\n",
            self.listener,
            folder.join("matapalo.db"),
            self.legacy,
            self.new,
            self.top,
        )
    }
}

/// Takes the common indentation away, so that YAML can be written inside of Rust.
pub fn unindented(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let common = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.iter().map(|line| format!("{}\n", &line[common..])).collect()
}

/// Replaces a file the way editors do: written beside, renamed over.
pub fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new-text");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

/// Makes a program of a script, in one step. It is written by a process of its own: were it open for writing here, a child that another
/// story starts just then would hold it open, and a file that is being written cannot be run.
pub fn program(path: &Path, script: &str) {
    let write = "printf %s \"$1\" >\"$2.beside\" && chmod 755 \"$2.beside\" && mv \"$2.beside\" \"$2\"";
    let written = Command::new("sh").args(["-c", write, "sh", script]).arg(path).status();
    assert!(written.unwrap().success());
}

/// Asks again and again until the answer is `Ok`; fails the test with the last `Err`. For what another process does,
/// where no event reaches this one.
pub fn await_that(what: &str, mut asked: impl FnMut() -> Result<(), String>) {
    let start = Instant::now();
    loop {
        match asked() {
            Ok(()) => return,
            Err(found) if start.elapsed() > PATIENCE => panic!("waited {PATIENCE:?} for {what}; {found}"),
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
    }
}
