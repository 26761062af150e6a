//! The window: what it shows, and whom it obeys.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use crate::harness::site::await_that;
use crate::harness::{Door, Site, get, matapalo, one};

const NEW: &str = "- {name: all, match: {path: {prefix: /}}, stage: new}";

#[test]
fn it_is_healthy_and_ready_and_not_found_elsewhere() {
    let site = Site::named();
    let door = site.open(NEW);
    assert_eq!(get(door.admin, "/healthz").status(), 200);
    assert_eq!(get(door.admin, "/readyz").status(), 200);
    assert_eq!(get(door.admin, "/nothing").status(), 404);
    assert_eq!(one(door.admin, "DELETE", "/healthz", &[], b"").status(), 405);
}

#[test]
fn the_metrics_carry_the_promised_names() {
    let site = Site::named();
    let door = site.open("- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}");
    door.get("/");
    door.await_accounted("all", 1);
    door.await_metric("comparisons_total", &[("route", "all")], 1.0);
    let text = door.metrics();
    for name in [
        "requests_total",
        "request_duration_seconds",
        "overhead_seconds",
        "mirror_total",
        "comparisons_total",
        "route_stage",
        "route_weight",
        "readiness",
        "config_last_reload_successful",
        "config_last_reload_success_timestamp_seconds",
        "config_info",
        "backend_in_flight",
        "backend_up",
    ] {
        assert!(text.contains(&format!("# TYPE matapalo_{name} ")), "{name} is not there:\n{text}");
    }
    assert_eq!(door.metric("comparisons_total", &[("route", "all"), ("outcome", "mismatched")]), 1.0);
    assert_eq!(door.metric("route_stage", &[("route", "all"), ("stage", "shadow")]), 1.0);
    assert_eq!(door.metric("route_stage", &[("route", "all"), ("stage", "new")]), 0.0);
    assert!(!text.contains("/page"), "a path is no label");
}

#[test]
fn the_status_tells_what_is_in_force() {
    let site = Site::named();
    let door = site.open(NEW);
    door.get("/");
    let status = door.status();
    assert_eq!(status["generation"], 1, "{status}");
    assert!(status["hash"].as_str().is_some_and(|hash| hash.len() >= 8), "{status}");
    let routes = status["routes"].as_array().expect("routes");
    let all =
        routes.iter().find(|route| route["route"] == "all").unwrap_or_else(|| panic!("no route `all` in {status}"));
    assert_eq!(all["stage"], "new", "{status}");
    let run = door.command(&["status"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("all") && run.stdout.contains("new"), "{run}");
    let json = door.command(&["status", "--format", "json"]);
    let parsed: serde_json::Value =
        serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(parsed["generation"], status["generation"]);
}

#[test]
fn the_report_is_served_as_the_command_prints_it() {
    let site = Site::named();
    let door = site.open("- {name: all, match: {path: {prefix: /}}, stage: shadow, mirror: {percent: 100}}");
    door.get("/");
    door.await_accounted("all", 1);
    let served = get(door.admin, "/api/v1/report");
    assert_eq!(served.status(), 200, "{}", served.text());
    let served = crate::harness::report::line(&served.json(), "all").expect("the route is served");
    assert_eq!(served.count("mismatched"), 1);
    let one = get(door.admin, "/api/v1/report/all");
    assert_eq!(one.status(), 200, "{}", one.text());
    let sample = served.0["differences"][0]["samples"][0].clone();
    let id = sample.as_str().map_or_else(|| sample.to_string(), str::to_owned);
    let sample = get(door.admin, &format!("/api/v1/samples/{id}"));
    assert_eq!(sample.status(), 200, "sample {id}: {}", sample.text());
    assert_eq!(get(door.admin, "/api/v1/samples/424242424242").status(), 404);
}

#[test]
fn no_page_in_a_browser_can_flip_a_route() {
    let site = Site::named();
    let door = site.open(NEW);
    let attempts: [&[&str]; 6] = [
        &["Origin: https://evil.example", "Content-Type: application/x-www-form-urlencoded"],
        &["Origin: null", "Content-Type: text/plain"],
        &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Content-Type: text/plain"],
        &["Referer: https://evil.example/", "Origin: https://evil.example", "Content-Type: application/json"],
        &["Origin: http://127.0.0.1:9901", "Content-Type: multipart/form-data; boundary=x"],
        &["Host: evil.example", "Origin: http://evil.example", "Content-Type: application/json"],
    ];
    for lines in attempts {
        for path in ["/api/v1/rollback", "/api/v1/resume", "/api/v1/reload"] {
            let status = one(door.admin, "POST", path, lines, b"{}").status();
            assert!((400..500).contains(&status), "POST {path} with {lines:?} was answered with {status}");
        }
    }
    assert_eq!(get(door.admin, "/api/v1/rollback").status(), 405, "a link or an image flips nothing");
    assert_eq!(door.get("/").text(), "new");
    assert_eq!(door.post("/api/v1/rollback", "{}").status(), 200, "a tool on this machine may");
    assert_eq!(door.get("/").text(), "legacy");
}

#[test]
fn a_call_that_makes_no_sense_is_refused() {
    let site = Site::named();
    let door = site.open(NEW);
    for body in ["{", "[]", "route=all", "{\"route\": 7}", "{\"route\": \"nobody\"}", "{\"rout\": \"all\"}"] {
        let answer = door.post("/api/v1/rollback", body);
        assert!((400..500).contains(&answer.status()), "{body}: {} {}", answer.status(), answer.text());
        assert!(!answer.text().is_empty(), "{body}: no word of explanation");
    }
    assert_eq!(door.post("/api/v1/rollback?route=all", "").status(), 400, "the others would go with it");
    assert_eq!(door.get("/").text(), "new");
}

#[test]
fn check_refuses_a_token_that_run_refuses() {
    let site = Site::named();
    let config = site.path("matapalo.yaml");
    let text = site.config(NEW).text(1, 2, site.folder.path());
    let text = text.replace("\"127.0.0.1:2\"", "\"0.0.0.0:2\", token_file: token");
    fs::write(&config, text).unwrap();
    let run = |command: &str| matapalo(&[command, "-c", config.to_str().unwrap()]);
    for (content, says) in [(None, "No such file"), (Some(""), "it is empty"), (Some(" \n"), "it is empty")] {
        if let Some(content) = content {
            fs::write(site.path("token"), content).unwrap();
        }
        let checked = run("check");
        assert_eq!((checked.code, run("run").code), (2, 2), "{checked}");
        assert!(checked.stderr.contains("admin.token_file is ") && checked.stderr.contains(says), "{checked}");
        assert!(checked.stderr.contains("matapalo.yaml:4:"), "{checked}");
    }
    fs::write(site.path("token"), "secret").unwrap();
    assert_eq!(run("check").code, 0);
}

#[test]
fn a_token_opens_the_window_to_others_and_a_wrong_one_to_nobody() {
    let site = Site::named();
    let token = site.path("token");
    fs::write(&token, "correct-horse\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let door = open_with_admin(&site, &format!(", token_file: {token:?}"));
    let post = |lines: &[&str]| {
        let lines: Vec<&str> = lines.iter().copied().chain(["Content-Type: application/json"]).collect();
        one(door.admin, "POST", "/api/v1/rollback", &lines, b"{}").status()
    };
    // What came over another proxy is not of this machine.
    let from_elsewhere = "X-Forwarded-For: 203.0.113.9";
    for lines in [
        &[from_elsewhere][..],
        &["Authorization: Bearer wrong"],
        &[from_elsewhere, "Authorization: Bearer "],
        &["Authorization: Bearer correct-horse2"],
        &[from_elsewhere, "Authorization: Basic correct-horse"],
    ] {
        assert!([401, 403].contains(&post(lines)), "{lines:?}");
    }
    assert_eq!(one(door.admin, "GET", "/api/v1/status", &[from_elsewhere], b"").status(), 401, "reading needs it too");
    assert_eq!(door.get("/").text(), "new");
    assert_eq!(post(&[from_elsewhere, "Authorization: Bearer correct-horse"]), 200);
    assert_eq!(door.get("/").text(), "legacy");
    assert_eq!(door.command(&["resume", "--all"]).code, 0, "the command reads the token file");
    assert_eq!(door.get("/").text(), "new");
}

/// Opens a door whose `admin:` block has further keys.
fn open_with_admin(site: &Site, keys: &str) -> Door {
    let (door, admin) = (crate::harness::door::free_port(), crate::harness::door::free_port());
    let text = site.config(NEW).text(door, admin, site.folder.path());
    let file = site.path("matapalo.yaml");
    let plain = format!("admin: {{address: \"127.0.0.1:{admin}\"}}");
    assert!(text.contains(&plain));
    fs::write(&file, text.replace(&plain, &plain.replace('}', &format!("{keys}}}")))).unwrap();
    Door::start(&file, door, admin).unwrap_or_else(|log| panic!("{log}"))
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    let site = Site::named();
    let text = site.config(NEW).text(crate::harness::door::free_port(), 0, site.folder.path());
    let file = site.path("matapalo.yaml");
    fs::write(&file, text.replace("127.0.0.1:0", "0.0.0.0:9901")).unwrap();
    let run = matapalo(&["check", "-c", file.to_str().unwrap()]);
    assert_eq!(run.code, 2, "{run}");
    assert!(format!("{}{}", run.stdout, run.stderr).contains("token_file"), "{run}");
}

#[test]
fn it_listens_on_a_unix_socket_too() {
    let site = Site::named();
    let door = crate::harness::door::free_port();
    let socket = site.path("admin.sock");
    let text = site.config(NEW).text(door, 1, site.folder.path());
    let file = site.path("matapalo.yaml");
    fs::write(&file, text.replace("\"127.0.0.1:1\"", &format!("\"unix:{}\"", socket.display()))).unwrap();
    let mut child = std::process::Command::new(crate::harness::door::BINARY)
        .args(["run", "-c"])
        .arg(&file)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let asked = std::panic::catch_unwind(|| {
        await_that("an answer on the socket", || {
            let mut stream = UnixStream::connect(&socket).map_err(|error| error.to_string())?;
            let asked = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(asked.as_bytes()).map_err(|error| error.to_string())?;
            let mut text = String::new();
            stream.read_to_string(&mut text).map_err(|error| error.to_string())?;
            if text.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(text) }
        });
        let run = matapalo(&["rollback", "--all", "-c", file.to_str().unwrap()]);
        assert_eq!(run.code, 0, "{run}");
    });
    child.kill().unwrap();
    child.wait().unwrap();
    if let Err(failure) = asked {
        std::panic::resume_unwind(failure);
    }
}
