//! The same payloads before servers as sites have them, some of which take what none should: what the door lets through is for
//! each of them what it is for the door.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::payloads::{Meant, Payload, all};
use crate::harness::door::free_port;
use crate::harness::{Client, Config, Door, await_that};

fn program(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/smuggling/servers").join(name);
    file.display().to_string()
}

/// A real server, and what it has read.
struct Server {
    child: Child,
    port: u16,
    log: PathBuf,
    told: usize,
    folder: TempDir,
}

impl Server {
    /// Each word with `PORT` or `LOG` in it is given one.
    fn start(command: &[&str]) -> Self {
        let (port, folder) = (free_port(), TempDir::new().unwrap());
        let log = folder.path().join("requests");
        std::fs::write(&log, "").unwrap();
        let words = command
            .iter()
            .map(|word| word.replace("PORT", &port.to_string()).replace("LOG", &log.display().to_string()));
        let words: Vec<String> = words.collect();
        let child = Command::new(&words[0])
            .args(&words[1..])
            .env("LOG", &log)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}; tests/run.sh installs it", words[0]));
        await_that("the server listens", || {
            TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(|e| e.to_string())
        });
        Self { child, port, log, told: 0, folder }
    }

    /// Paths of requests since the last call, whatever comes before a query.
    fn seen(&mut self) -> Vec<String> {
        let log = std::fs::read(&self.log).unwrap();
        let new: String = log[self.told..].iter().map(|byte| char::from(*byte)).collect();
        self.told = log.len();
        let path = |line: &str| {
            line.split_once(' ').and_then(|(_, rest)| rest.rsplit_once(' ')).map(|(path, _)| path.to_owned())
        };
        new.lines().map(|line| path(line).unwrap_or_else(|| line.to_owned())).collect()
    }

    fn door(&self) -> Door {
        let config = Config {
            listener: String::new(),
            legacy: format!("endpoints: [\"http://127.0.0.1:{}\"]", self.port),
            new: "endpoints: [\"http://127.0.0.1:9\"]".to_owned(),
            noise: "settle: false, percent: 0".to_owned(),
            top: String::new(),
            routes: "- {name: all, match: {path: {prefix: /}}, stage: legacy}".to_owned(),
        };
        Door::open(&self.folder.path().join("matapalo.yaml"), &config)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killed, a server of several processes would leave some behind.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Sends a payload, and another user's request behind it; what that one got, if it is not its own answer.
fn fault(payload: &Payload, turn: usize, door: &Door) -> Option<String> {
    let mut client = Client::connect(door.address);
    client.try_send(&payload.bytes).ok();
    let _ = (0..begun_by(payload)).map_while(|_| client.try_answer(payload.method).ok()).count();
    let probe = format!("/probe/{turn}");
    let answer = door.get(&probe);
    let own = answer.status() == 200 && answer.text() == probe;
    (!own).then(|| format!("{}: another user got {} {:?}", payload.name, answer.status(), answer.text()))
}

/// Requests that a server may see; one whose body breaks off may have been begun.
fn begun_by(payload: &Payload) -> usize {
    match &payload.meant {
        Meant::Refused => 1,
        Meant::These(these) => these.len(),
        Meant::RefusedAfter(these) => these.len() + 1,
    }
}

fn is_smuggled(path: &str) -> bool {
    path.contains("smuggled")
}

fn smuggled_by(payload: &Payload) -> usize {
    match &payload.meant {
        Meant::Refused => 0,
        Meant::These(these) | Meant::RefusedAfter(these) => these.iter().filter(|(path, _)| is_smuggled(path)).count(),
    }
}

/// A server may refuse what the door lets through, and read a path in its own way; but it reads no request that is none, and nobody
/// gets another's answer.
fn nothing_is_smuggled_to(command: &[&str]) {
    let mut server = Server::start(command);
    let door = server.door();
    let (mut faults, mut begun, mut meant, mut seen, mut told) = (Vec::new(), 0, 0, 0, 0);
    for (turn, payload) in all().iter().enumerate() {
        faults.extend(fault(payload, turn, &door));
        begun += begun_by(payload) + 1;
        meant += smuggled_by(payload);
        // A server may find out late that a body does not go on, so what it has seen is the payload's or an earlier one's.
        let paths = server.seen();
        seen += paths.len();
        told += paths.iter().filter(|path| is_smuggled(path)).count();
        if told > meant || seen > begun {
            faults.push(format!(
                "{}, or one before it: {seen} requests of {begun}, the last are {paths:?}",
                payload.name
            ));
            break;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(seen > all().len(), "the server tells what it reads");
    assert!(!door.log().contains("panicked"), "{}", door.log());
}

/// Debian's own interpreter: another one may stand before it in PATH and know nothing of Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

#[test]
fn nothing_is_smuggled_to_gunicorn() {
    nothing_is_smuggled_to(&[PYTHON, &program("site.py"), "gunicorn", "PORT", "LOG"]);
}

#[test]
fn nothing_is_smuggled_to_uvicorn() {
    nothing_is_smuggled_to(&[PYTHON, &program("site.py"), "uvicorn", "PORT", "LOG"]);
}

#[test]
fn nothing_is_smuggled_to_pythons_own_server() {
    nothing_is_smuggled_to(&[PYTHON, &program("site.py"), "http.server", "PORT", "LOG"]);
}

#[test]
fn nothing_is_smuggled_to_phps_own_server() {
    nothing_is_smuggled_to(&["php", "-S", "127.0.0.1:PORT", &program("site.php")]);
}

#[test]
fn nothing_is_smuggled_to_node_however_lenient_it_is() {
    nothing_is_smuggled_to(&["node", &program("site.js"), "PORT", "LOG"]);
    nothing_is_smuggled_to(&["node", "--insecure-http-parser", &program("site.js"), "PORT", "LOG"]);
}
