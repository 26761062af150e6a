//! The commands: what they print and how they end.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::door::BINARY;
use crate::harness::{PATIENCE, Run, Site, matapalo};

const COMMENTED: &str = r#"# The site of the archive.
version: 1
listeners:
  - address: 127.0.0.1:18080   # behind nginx
admin: {address: 127.0.0.1:19901}
backends:
  legacy: {endpoints: ["http://127.0.0.1:9000"]}
  new:    {endpoints: ["http://127.0.0.1:8000"]}
routes:
  # The API goes first: nobody logs in there.
  - name: rpc
    match: {path: {prefix: /rpc}, methods: [GET, POST]}
    stage: shadow      # since Monday
    mirror: {percent: 25}

  - name: package-page
    match: {path: {template: "/packages/{name}"}}
    stage: canary
    canary: {weight: 10}   # ask before raising
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(tempfile::TempDir::new().unwrap());
        fs::write(folder.config(), text).unwrap();
        folder
    }

    fn config(&self) -> std::path::PathBuf {
        self.0.path().join("matapalo.yaml")
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut all = arguments.to_vec();
        let config = self.config();
        all.extend(["-c", config.to_str().unwrap()]);
        matapalo(&all)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn check_says_good_and_warns_of_what_may_hurt() {
    let run = Folder::with(COMMENTED).run(&["check"]);
    assert_eq!(run.code, 0, "{run}");
    let hidden = COMMENTED.replace(
        "  # The API goes first",
        "  - {name: all, match: {path: {prefix: /rpc}, methods: [GET, POST]}, stage: legacy}\n  # The API goes first",
    );
    let run = Folder::with(&hidden).run(&["check"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(format!("{}{}", run.stdout, run.stderr).contains("rpc"), "a route that can never win is warned of: {run}");
    let run = Folder::with(&COMMENTED.replace("mirror: {percent: 25}", "mirror: {percent: 25, methods: [POST]}"))
        .run(&["check"]);
    assert!(format!("{}{}", run.stdout, run.stderr).contains("POST"), "a mirrored write is warned of: {run}");
}

#[test]
fn check_against_the_old_file_tells_which_routes_change() {
    let folder = Folder::with(&COMMENTED.replace("weight: 10", "weight: 50"));
    let old = folder.file("old.yaml", COMMENTED);
    let run = folder.run(&["check", "--against", &old]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("package-page"), "{run}");
    assert!(!run.stdout.contains("rpc"), "an unchanged route is not listed: {run}");
}

#[test]
fn explain_names_the_winner_the_losers_and_the_plan() {
    let folder = Folder::with(COMMENTED);
    let run = folder.run(&["explain", "GET", "/packages/vim"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("package-page"), "{run}");
    let run = folder.run(&["explain", "POST", "http://aur.example/rpc/?v=5", "-H", "Cookie: AURSID=x"]);
    assert!(run.stdout.contains("rpc") && run.stdout.contains("legacy"), "{run}");
    let json = folder.run(&["explain", "DELETE", "/rpc", "--format", "json"]);
    assert_eq!(json.code, 0, "{json}");
    let parsed: serde_json::Value =
        serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert!(parsed.to_string().contains("default"), "DELETE is not in the methods of rpc: {parsed}");
    assert_eq!(folder.run(&["explain", "GET", "http://"]).code, 2);
}

#[test]
fn explain_says_what_a_route_refuses() {
    let site = Site::named();
    let door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy, limits: {max_body: 10B}}");
    for (length, status) in [(10, 200), (11, 413)] {
        assert_eq!(door.ask("POST", "/page", &[], &vec![b'x'; length]).status(), status);
        let run = door.command(&["explain", "POST", "/page", "-H", &format!("Content-Length: {length}")]);
        let told = if status == 200 { "takes the route all" } else { "is refused by the route all with 413" };
        assert!(run.code == 0 && run.stdout.contains(told), "{run}");
    }
}

/// Who says of himself what only proxies may say is heard by neither: the door is asked too.
#[test]
fn explain_believes_whom_the_door_believes() {
    let routes = "- {name: office, match: {path: {prefix: /adm}, headers: {X-Real-IP: 10.0.0.5}}, stage: legacy}\n\
                  - {name: closed, match: {path: {prefix: /adm}}, respond: {status: 403}}\n\
                  - {name: half, match: {path: {prefix: /half}}, stage: canary, canary: {weight: 50}}\n\
                  - {name: tester, match: {path: {prefix: /}}, stage: canary, \
                     canary: {weight: 0, override: {header: X-Stage, from: [198.51.100.7, 127.0.0.1]}}}";
    let users: Vec<String> = (0..8).map(|n| format!("X-Remote-User: u{n}")).collect();
    let testers = [
        "X-Forwarded-For: 198.51.100.7",
        "X-Forwarded-For: 203.0.113.1",
        "Forwarded: for=198.51.100.7, for=_hidden",
        "X-Forwarded-For: unknown",
        "X: 1",
    ];
    let asked = [("/adm", "X-Real-IP: 10.0.0.5"), ("/adm", "X_Real_IP: 10.0.0.5")].into_iter();
    let asked = asked.chain(users.iter().map(|line| ("/half", line.as_str())));
    let asked: Vec<_> = asked.chain(testers.map(|line| ("/page", line))).collect();
    for trusted in ["[]", "[127.0.0.1]"] {
        let site = Site::named();
        let config = site.config(routes).and("session: {key: [{header: X-Remote-User}]}");
        let door = site.open_with(&config.and(&format!("trusted_proxies: {trusted}")));
        for (path, line) in &asked {
            let answer = door.ask("GET", path, &["X-Stage: new", line], b"");
            let run = door.command(&["explain", "GET", path, "-H", "X-Stage: new", "-H", line, "--format", "json"]);
            let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
            if answer.status() == 403 {
                assert_eq!(told["respond"], 403, "{line} of {trusted}: {run}");
            } else {
                assert_eq!(told["proxied"]["authoritative"]["origin"], answer.text(), "{line} of {trusted}: {run}");
            }
        }
    }
}

/// What is refused whatever the routes say: the door is asked too.
#[test]
fn explain_says_what_the_door_refuses() {
    let site = Site::named();
    let door = site.open("- {name: all, match: {path: {prefix: /}}, stage: legacy}");
    let long = format!("/{}", "a".repeat(9000));
    for (method, target, line) in [
        ("get", "/page", "X: 1"),
        ("pOST", "/page", "X: 1"),
        ("TRACE", "/page", "X: 1"),
        ("CONNECT", "/page", "X: 1"),
        ("GET", &long, "X: 1"),
        ("GET", "/page", "Transfer-Encoding: gzip, chunked"),
        ("GET", "/page", "Connection: close, X-Forwarded-For"),
        ("GET", "/page", "Connection: Forwarded"),
        ("GET", "/page", "X: 1"),
        ("propfind", "/page", "X: 1"),
        ("OPTIONS", "*", "X: 1"),
        ("GET", "*", "X: 1"),
    ] {
        let status = door.ask(method, target, &[line], b"").status();
        let run = door.command(&["explain", method, target, "-H", line]);
        assert_eq!(run.code, 0, "{run}");
        let told = if status == 200 { "takes the route all".to_owned() } else { format!("is refused with {status}: ") };
        assert!(run.stdout.contains(&told), "the door says {status}: {run}");
        assert_eq!(run.stdout.contains("route all"), status == 200, "{run}");
    }
}

#[test]
fn stage_changes_one_word_and_keeps_every_comment() {
    let folder = Folder::with(COMMENTED);
    let run = folder.run(&["stage", "rpc", "new"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(folder.text(), COMMENTED.replace("stage: shadow", "stage: new"));
    assert!(
        run.stdout.contains("stage: new") && run.stdout.contains("stage: shadow"),
        "the changed lines are shown: {run}"
    );
    let run = folder.run(&["stage", "package-page", "canary", "--weight", "25"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(folder.text().contains("canary: {weight: 25}   # ask before raising"), "{}", folder.text());
    assert_eq!(folder.run(&["check"]).code, 0);
}

#[test]
fn a_stage_that_would_not_compile_is_not_written() {
    let folder = Folder::with(COMMENTED);
    for arguments in [
        &["stage", "rpc", "shadwo"][..],
        &["stage", "rcp", "new"],
        &["stage", "package-page", "canary", "--weight", "130"],
    ] {
        let run = folder.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
        assert_eq!(folder.text(), COMMENTED, "{arguments:?}: the file was touched");
    }
    let run = folder.run(&["stage", "rcp", "new"]);
    assert!(run.stderr.contains("rpc"), "did you mean: {run}");
}

#[test]
fn diff_compares_two_files() {
    let folder = Folder::with(COMMENTED);
    let control = folder.file("control.json", "{\"price\": 1.0, \"name\": \"vim\", \"path\": \"a\\/b\"}");
    let equal = folder.file("equal.json", "{\"name\":\"vim\",\"price\":1,\"path\":\"a/b\"}");
    let other = folder.file("other.json", "{\"name\":\"vim\",\"price\":1.01,\"path\":\"a/b\"}");
    assert_eq!(folder.run(&["diff", &control, &equal]).code, 0);
    let run = folder.run(&["diff", &control, &other]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("/price"), "{run}");
    let run = folder.run(&["diff", &control, "/nowhere.json"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("/nowhere.json"), "{run}");
}

#[test]
fn diff_reads_pairs_line_by_line() {
    let folder = Folder::with(COMMENTED);
    let answer = |body: &str| {
        format!("{{\"status\":200,\"headers\":[[\"content-type\",\"application/json\"]],\"body\":{body:?}}}")
    };
    let pair = |id: &str, control: &str, candidate: &str| {
        format!("{{\"id\":\"{id}\",\"control\":{},\"candidate\":{}}}\n", answer(control), answer(candidate))
    };
    let pairs = folder
        .file("pairs.jsonl", &(pair("same", "{\"a\":1}", "{\"a\":1.0}") + &pair("other", "{\"a\":1}", "{\"a\":2}")));
    let run = folder.run(&["diff", "--pairs", &pairs, "--format", "json"]);
    assert_eq!(run.code, 1, "{run}");
    let lines: Vec<serde_json::Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{run}");
    assert_eq!((&lines[0]["id"], &lines[0]["outcome"]), (&"same".into(), &"matched".into()));
    assert_eq!((&lines[1]["id"], &lines[1]["outcome"]), (&"other".into(), &"mismatched".into()));
    assert_eq!(lines[1]["differences"][0]["path"], "/a", "{run}");
    let same = folder.file("same.jsonl", &pair("same", "{\"a\":1}", "{\"a\":1.0}"));
    assert_eq!(folder.run(&["diff", "--pairs", &same]).code, 0);
    let bad = folder.file("bad.jsonl", "{\"id\": 1}\nnot json\n");
    let run = folder.run(&["diff", "--pairs", &bad]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("bad.jsonl"), "{run}");
}

/// The allocator asks for huge pages; where the system gives them, a small pair would take as much memory as a large one. That is seen
/// between two pairs of those that are read line by line.
#[test]
#[cfg(target_os = "linux")]
fn diff_takes_hardly_any_huge_page() {
    let mut diff = Command::new(BINARY);
    diff.args(["diff", "--pairs", "-", "--format", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut diff = diff.spawn().unwrap();
    let body = "<p>A page of some length.</p>".repeat(5_000);
    let answer = |end: &str| format!("{{\"status\":200,\"headers\":[],\"body\":\"{body}{end}\"}}");
    let pair = format!("{{\"id\":\"1\",\"control\":{},\"candidate\":{}}}\n", answer("a"), answer("b"));
    let mut stdin = diff.stdin.take().unwrap();
    stdin.write_all(pair.as_bytes()).unwrap();
    let (tell, line) = std::sync::mpsc::channel();
    let mut answers = BufReader::new(diff.stdout.take().unwrap()).lines();
    std::thread::spawn(move || tell.send(answers.next()));
    // It is answered while more may come.
    let told = line.recv_timeout(PATIENCE).unwrap().unwrap().unwrap();
    assert!(told.contains("mismatched"), "{told}");
    let memory = fs::read_to_string(format!("/proc/{}/smaps_rollup", diff.id())).unwrap();
    drop(stdin);
    diff.wait().unwrap();
    let huge = memory.lines().find_map(|line| line.strip_prefix("AnonHugePages:")).unwrap();
    let kib: u32 = huge.trim().trim_end_matches(" kB").parse().unwrap();
    // Two, before it was known which command it is; with all that it asks for, it were seven.
    assert!(kib <= 4096, "{memory}");
}

#[test]
fn gate_gives_the_verdict_as_an_exit_code() {
    let good = Site::of(crate::harness::Origin::saying("same"), crate::harness::Origin::saying("same"));
    let door = good.open("- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}");
    let run = door.command(&["gate", "all"]);
    assert_eq!(run.code, 3, "nothing is known yet: {run}");
    let mut client = door.client();
    for at in 0..60 {
        client.get(&format!("/{at}"), &[]);
    }
    door.await_accounted("all", 60);
    let run = door.command(&["gate", "all", "--min-requests", "1000000"]);
    assert_eq!(run.code, 3, "60 are not a million: {run}");
    let run = door.command(&["gate", "all", "--min-requests", "50", "--max-mismatch", "20"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(door.command(&["gate", "nobody"]).code, 2);

    let bad = Site::named();
    let door = bad.open("- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}");
    let mut client = door.client();
    for at in 0..60 {
        client.get(&format!("/{at}"), &[]);
    }
    door.await_accounted("all", 60);
    let run = door.command(&["gate", "all", "--min-requests", "50"]);
    assert_eq!(run.code, 1, "every answer differs: {run}");
    assert!(run.stdout.contains("all"), "{run}");
}

#[test]
fn a_command_without_its_door_or_store_is_trouble_with_a_word_of_advice() {
    let folder = Folder::with(COMMENTED);
    let run = folder.run(&["status"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("127.0.0.1:19901"), "{run}");
    for command in [&["store", "check"][..], &["report", "nobody"]] {
        let run = folder.run(command);
        assert_eq!(run.code, 2, "{command:?}: {run}");
        assert!(!run.stderr.is_empty(), "{command:?}");
    }
    assert!(!folder.0.path().join("matapalo.db").exists(), "a reading command made a store");
}

#[test]
fn what_is_not_understood_is_trouble() {
    for arguments in [
        &["no-such-command"][..],
        &["run", "--no-such-option"],
        &["explain"],
        &["rollback"],
        &["rollback", "a", "--all"],
    ] {
        let run = matapalo(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"]] {
        assert_eq!(matapalo(arguments).code, 0, "{arguments:?}");
    }
}

#[test]
fn the_annotated_config_is_good() {
    let annotated = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/matapalo.yaml");
    let run = matapalo(&["check", "-c", annotated.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn help_offers_the_forms_of_a_report_that_there_are() {
    let help = matapalo(&["report", "--help"]);
    assert!(help.code == 0 && help.stdout.contains("text, json]"), "{help}");
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for form in ["markdown", "html", "junit"] {
        let line = readme.lines().find(|line| line.contains("`report --format`") && line.contains(form));
        assert!(line.is_some_and(|line| line.contains("not in this version yet")), "{form}");
        assert_eq!(matapalo(&["report", "--format", form]).code, 2, "{form}");
    }
}
