//! gRPC with a real peer at both ends: Debian's own interpreter and its `python3-grpcio`, which `tests/run.sh` installs.
//!
//! What is called and what has to come of it, `grpc_calls.py` says.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::front::Pair;
use crate::harness::report::Line;
use crate::harness::site::await_that;
use crate::harness::{Config, Door, Origin, Site};
use crate::upgrade::Successor;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/grpc_calls.py");
const ALL_GOOD: &str = "all calls are good";

/// A gRPC server, and another one that answers otherwise here and there. They end with the story.
struct Calls {
    site: Site,
    authority: Pair,
    legacy: Server,
    new: Server,
}

struct Server {
    process: Child,
    /// In clear and over TLS.
    ports: [u16; 2],
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Server {
    fn start(folder: &Path, side: &str, pair: &Pair) -> Self {
        let command = python(&["serve", folder.to_str().unwrap(), side]).arg(&pair.key).arg(&pair.certificate).spawn();
        let mut server = Self { process: command.expect("python3 runs"), ports: [0; 2] };
        await_that("the gRPC server", || {
            let told = std::fs::read_to_string(folder.join(side)).unwrap_or_default();
            let ports: Vec<u16> = told.split(' ').filter_map(|port| port.parse().ok()).collect();
            server.ports = ports.try_into().map_err(|_| "python3-grpcio may be missing".to_owned())?;
            Ok(())
        });
        server
    }
}

fn python(how: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(SCRIPT).args(how);
    command
}

impl Calls {
    fn new() -> Self {
        let site = Site::of(Origin::dead(), Origin::dead());
        let authority = Pair::authority(site.folder.path(), "authority");
        let pair = authority.signs(site.folder.path(), "site", "DNS:site.test,IP:127.0.0.1");
        let [legacy, new] = ["legacy", "new"].map(|side| Server::start(site.folder.path(), side, &pair));
        Self { site, authority, legacy, new }
    }

    /// A door in front of both, which they know in clear.
    fn config(&self, routes: &str) -> Config {
        let backend = |server: &Server| format!("endpoints: [\"http://127.0.0.1:{}\"], http2: true", server.ports[0]);
        let (legacy, new) = (backend(&self.legacy), backend(&self.new));
        Config { listener: ", h2c: true".to_owned(), legacy, new, ..self.site.config(routes) }
    }

    /// The same over TLS, on both sides of the door.
    fn secured(&self, routes: &str) -> Config {
        let backend = |server: &Server| {
            format!("endpoints: [\"https://127.0.0.1:{}\"], http2: true, tls: {{ca: authority.pem}}", server.ports[1])
        };
        let listener = ", tls: {certificates: [{certificate: site.pem, key: site.key}]}".to_owned();
        Config { listener, legacy: backend(&self.legacy), new: backend(&self.new), ..self.site.config(routes) }
    }

    fn caller(&self, door: &Door, how: &str, more: &[&str]) -> Command {
        let target = format!("127.0.0.1:{}", door.address.port());
        let mut command = python(&[how, &target, self.site.folder.path().to_str().unwrap()]);
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Until those who go on have gone on for a while.
    fn await_some(&self, door: &Door) {
        let told = self.site.path("twenty-more");
        std::fs::remove_file(&told).ok();
        await_that("some calls", || if told.exists() { Ok(()) } else { Err(format!("none in\n{}", door.log())) });
    }

    fn call(&self, door: &Door, how: &str, more: &[&str]) {
        assert_good(self.caller(door, how, more).spawn().unwrap(), door);
    }
}

fn assert_good(caller: Child, door: &Door) {
    let run = caller.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    println!("{said}");
    assert!(run.status.success() && said.contains(ALL_GOOD), "{said}\n{}", door.log());
}

#[test]
fn calls_of_all_kinds_go_through_in_clear_and_over_tls() {
    let calls = Calls::new();
    let all = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
    calls.call(&calls.site.open_with(&calls.config(all)), "call", &[]);
    let secured = calls.site.open_with(&calls.secured(all));
    calls.call(&secured, "call", &[calls.authority.certificate.to_str().unwrap()]);
}

/// The copy goes to a server that is as real, and says some things in another way and others otherwise.
#[test]
fn what_two_servers_say_is_compared_and_so_is_how_it_ended() {
    let calls = Calls::new();
    let routes: Vec<String> = ["unary", "refuse", "count", "chat", "total", "word", "verdict", "reason", "ending", "footnote"]
        .iter()
        .map(|name| {
            format!("- {{name: {name}, match: {{path: {{exact: /demo.Echo/{name}}}}}, stage: shadow, mirror: {{methods: [POST]}}}}\n")
        })
        .collect();
    let door = calls.site.open_with(&calls.config(&routes.concat()));
    calls.call(&door, "compare", &[]);
    let line = |route: &str| door.await_accounted(route, 1);
    for alike in ["unary", "refuse", "count", "chat"] {
        assert_eq!(line(alike).count("matched"), 1, "{alike}: {:?}", line(alike));
    }
    // More than is kept of a body proves nothing, and costs the call nothing.
    assert_eq!(line("total").unproven_by("request_too_large"), 1, "{:?}", line("total"));
    let otherwise = [
        ("word", "body body"),
        ("verdict", "header header:Grpc-Status"),
        ("reason", "header header:Grpc-Message"),
        ("ending", "header header:Grpc-Status"),
        ("footnote", "header header:X-Found"),
    ];
    for (route, difference) in otherwise {
        let line: Line = line(route);
        assert_eq!(line.count("mismatched"), 1, "{route}: {line:?}");
        assert!(line.differences().iter().any(|told| told == difference), "{route}: {:?}", line.differences());
    }
}

/// A farewell of HTTP/2 is understood by the library that most clients are made with.
#[test]
fn no_call_fails_while_a_new_binary_takes_over() {
    let calls = Calls::new();
    let all = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";
    let mut door = calls.site.open_with(&calls.config(all));
    let caller = calls.caller(&door, "go_on", &[]).spawn().unwrap();
    calls.await_some(&door);
    door.signal("USR2");
    let successor = Successor::of(&door);
    calls.await_some(&door);
    assert_eq!(door.await_exit().code(), Some(0), "{}", door.log());
    calls.await_some(&door);
    std::fs::write(calls.site.path("enough"), "").unwrap();
    assert_good(caller, &door);
    assert!(successor.is_alive());
}
