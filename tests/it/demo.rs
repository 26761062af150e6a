//! The demonstrations do what they show: the bugs of the port are found, each under its own cause, and nothing else is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::door::{BINARY, free_port};
use crate::harness::report::{Line, line, report_of};
use crate::harness::site::program;
use crate::harness::{Door, matapalo};

#[test]
fn the_small_demo_runs_to_its_end_and_names_its_bugs() {
    let run = matapalo(&["demo"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("mismatched"), "{run}");
}

fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/demo").join(name)
}

/// Whether PHP, nginx and gunicorn are here. Where the build server runs they have to be: `tests/run.sh` installs them.
fn can_run() -> bool {
    let found = Command::new("sh")
        .arg("-c")
        .arg("PATH=$PATH:/usr/sbin; command -v nginx && ls /usr/sbin/php-fpm* && php -m | grep -qi pdo_sqlite && { /usr/bin/python3 -c 'import gunicorn' || python3 -c 'import gunicorn'; }")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    assert!(
        found || std::env::var_os("CI").is_none(),
        "php-fpm, nginx or gunicorn is missing; tests/run.sh installs them"
    );
    if !found {
        println!("not told here: php-fpm, nginx or gunicorn is missing; tests/run.sh installs them");
    }
    found
}

/// A seeded bug, and how the report has to name it: on which route, and what must stand in the difference.
struct Bug {
    name: &'static str,
    route: &'static str,
    /// Any of these, in the difference's kind, path or samples.
    told_by: &'static [&'static str],
}

const BUGS: [Bug; 8] = [
    Bug { name: "wrong-link", route: "home", told_by: &["href"] },
    Bug { name: "none-printed", route: "package-page", told_by: &["licenses"] },
    Bug { name: "double-escape", route: "package-page", told_by: &["pkgdesc"] },
    Bug { name: "sort-order", route: "package-list", told_by: &["table", "results", "order"] },
    Bug { name: "missing-empty-list", route: "rpc-info", told_by: &["Keywords"] },
    Bug { name: "lost-header", route: "login", told_by: &["x-frame-options"] },
    Bug { name: "redirect-307", route: "old-links", told_by: &["status"] },
    Bug { name: "rounding", route: "statistics", told_by: &["popular"] },
];

/// The causes of a route: one text per fingerprint.
fn causes(line: &Line) -> Vec<String> {
    line.0["differences"].as_array().map_or(Vec::new(), |list| list.iter().map(ToString::to_string).collect())
}

fn tells(cause: &str, bug: &Bug) -> bool {
    let cause = cause.to_lowercase();
    bug.told_by.iter().any(|word| cause.contains(&word.to_lowercase()))
}

#[test]
fn every_seeded_bug_of_the_real_site_is_named_and_no_noise_is() {
    if !can_run() {
        return;
    }
    let listed: BTreeSet<String> = fs::read_to_string(demo("BUGS.md"))
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned))
        .collect();
    assert_eq!(listed, BUGS.iter().map(|bug| bug.name.to_owned()).collect(), "BUGS.md and this test differ");

    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    let output = Command::new(demo("up.sh"))
        .args(["--once", "--seconds", "25", "--no-build", BINARY])
        .env("DEMO_DIR", &run)
        .env("DEMO_PORT", free_port().to_string())
        .env("DEMO_ADMIN_PORT", free_port().to_string())
        .env("DEMO_LEGACY_PORT", free_port().to_string())
        .env("DEMO_NEW_PORT", free_port().to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "up.sh --once ended with {}:\n{said}", output.status);

    let report = report_of(&run.join("matapalo.yaml"));
    for bug in &BUGS {
        let line = line(&report, bug.route).unwrap_or_else(|| panic!("{} is not in the report:\n{said}", bug.route));
        let causes = causes(&line);
        assert!(
            causes.iter().any(|cause| tells(cause, bug)),
            "{} is not named on {}: {causes:#?}",
            bug.name,
            bug.route
        );
        assert_ne!(line.verdict(), "ready", "{}", bug.route);
    }
    for known in report["routes"].as_array().unwrap() {
        let line = Line(known.clone());
        let route = known["route"].as_str().unwrap();
        let bugs: Vec<&Bug> = BUGS.iter().filter(|bug| bug.route == route).collect();
        let alarms: Vec<String> =
            causes(&line).into_iter().filter(|cause| !bugs.iter().any(|bug| tells(cause, bug))).collect();
        assert!(alarms.is_empty(), "false alarms on {route}: {alarms:#?}");
        if bugs.is_empty() {
            assert_eq!(line.count("mismatched"), 0, "false alarms on {route}: {known}");
        }
        assert!(causes(&line).len() <= bugs.len(), "one cause is told as several on {route}: {:#?}", causes(&line));
    }
}

/// `up.sh` looks whether its ports are free, and starts its door some seconds later.
#[test]
fn another_doors_window_is_not_taken_for_the_demos_own() {
    if !can_run() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (admin, elsewhere) = (free_port(), free_port());
    let other = format!(
        "version: 1\nlisteners: [{{address: \"127.0.0.1:{elsewhere}\"}}]\nadmin: {{address: \"127.0.0.1:{admin}\"}}\n\
         backends:\n  legacy: {{endpoints: [\"http://127.0.0.1:9\"]}}\n  new: {{endpoints: [\"http://127.0.0.1:9\"]}}\nroutes: []\n"
    );
    fs::write(path("other.yaml"), other).unwrap();
    let (yaml, pid) = (path("other.yaml"), path("pid"));
    let overtaken = format!(
        "#!/bin/sh\nif [ \"$1\" = run ]; then\n  {BINARY} run -c {} >/dev/null 2>&1 &\n  echo $! >{}\n  \
         until curl -sfo /dev/null http://127.0.0.1:{admin}/readyz; do sleep 0.05; done\nfi\nexec {BINARY} \"$@\"\n",
        yaml.display(),
        pid.display()
    );
    program(&path("overtaken"), &overtaken);
    let output = Command::new(demo("up.sh"))
        .args(["--once", "--seconds", "1", "--no-build", path("overtaken").to_str().unwrap()])
        .env("DEMO_DIR", path("run"))
        .env("DEMO_PORT", free_port().to_string())
        .env("DEMO_ADMIN_PORT", admin.to_string())
        .env("DEMO_LEGACY_PORT", free_port().to_string())
        .env("DEMO_NEW_PORT", free_port().to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let other = fs::read_to_string(&pid).unwrap_or_default();
    let ended = Command::new("kill").arg(other.trim()).status().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(ended.success(), "there was no other door:\n{said}");
    assert!(said.contains("the door is not ready") && !said.contains("open: http"), "{said}");
    assert!(!output.status.success(), "{said}");
}

/// The two stacks of the demo site; they end with the story.
struct Stacks {
    folder: TempDir,
    legacy: u16,
    new: u16,
}

impl Stacks {
    fn start() -> Self {
        let stacks = Self { folder: TempDir::new().unwrap(), legacy: free_port(), new: free_port() };
        let run = stacks.origins(&["start", stacks.path(), &stacks.legacy.to_string(), &stacks.new.to_string()]);
        assert!(run.0, "the stacks did not start:\n{}", run.1);
        stacks
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn origins(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(demo("origins.sh")).args(arguments).stdin(Stdio::null()).output().unwrap();
        (
            output.status.success(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    }

    /// A door with the demo's own config.
    fn door(&self) -> Door {
        let (door, admin) = (free_port(), free_port());
        let text = fs::read_to_string(demo("matapalo.yaml"))
            .unwrap()
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{door}"))
            .replace("127.0.0.1:9901", &format!("127.0.0.1:{admin}"))
            .replace("127.0.0.1:8081", &format!("127.0.0.1:{}", self.legacy))
            .replace("127.0.0.1:8082", &format!("127.0.0.1:{}", self.new));
        let file = self.folder.path().join("matapalo.yaml");
        fs::write(&file, text).unwrap();
        Door::start(&file, door, admin).unwrap_or_else(|log| panic!("{log}"))
    }
}

impl Drop for Stacks {
    fn drop(&mut self) {
        self.origins(&["stop", self.path()]);
    }
}

fn visitors(door: &Door, seconds: &str) -> Child {
    Command::new("python3")
        .arg(demo("traffic.py"))
        .args([&format!("http://{}", door.address), "--seconds", seconds, "--rate", "40"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The line of a route's stage, changed as an editor would change it.
fn restaged(text: &str, route: &str, stage: &str) -> String {
    let mut inside = false;
    text.lines()
        .map(|line| {
            if let Some(name) = line.trim_start().strip_prefix("- name: ") {
                inside = name.split_whitespace().next() == Some(route);
            }
            match line.find("stage: ").filter(|_| inside) {
                Some(at) => format!("{}stage: {stage}\n", &line[..at]),
                None => format!("{line}\n"),
            }
        })
        .collect()
}

#[test]
fn routes_of_the_real_site_flip_under_its_visitors_and_nobody_notices() {
    if !can_run() {
        return;
    }
    let stacks = Stacks::start();
    let door = stacks.door();
    let visitors = visitors(&door, "12");
    let served = |origin: &str| door.metric("requests_total", &[("route", "rss"), ("origin", origin)]);
    crate::harness::await_that("visitors", || if served("legacy") > 1.0 { Ok(()) } else { Err(door.log()) });
    for (route, stage) in
        [("rss", "new"), ("account", "new"), ("rpc-search", "new"), ("account", "shadow"), ("rpc-search", "shadow")]
    {
        let before = door.generation();
        crate::harness::site::replace(&door.config, &restaged(&door.config_text(), route, stage));
        door.await_generation_after(before);
    }
    crate::harness::await_that("new answers rss", || if served("new") > 1.0 { Ok(()) } else { Err(door.metrics()) });
    let output = visitors.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "visitors saw failures:\n{said}");
    println!("{said}");
}

#[test]
fn the_port_is_faithful_but_for_its_seeded_bugs() {
    if !can_run() {
        return;
    }
    let output = Command::new("python3").arg(demo("test_parity.py")).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
