//! The built binary, started on a config, ended by its process id.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::site::{Config, await_that, replace};
use super::{Answer, Client, PATIENCE, get, one};

pub const BINARY: &str = env!("CARGO_BIN_EXE_matapalo");

/// Ports for doors lie below the range from which the system takes ports for outgoing connections, so that a door can be
/// restarted on its own port.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 20_000;
static TAKEN: AtomicU16 = AtomicU16::new(0);

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let own = (std::process::id() % 97) as u16 * 200;
    loop {
        let port = FIRST_PORT + (own + TAKEN.fetch_add(1, Ordering::Relaxed)) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl fmt::Display for Run {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Runs one command of the binary to its end.
pub fn matapalo(arguments: &[&str]) -> Run {
    let output = Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A running door.
pub struct Door {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    /// The config file.
    pub config: PathBuf,
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Door {
    /// Writes the config to `file` and opens a door on it.
    pub fn open(file: &Path, config: &Config) -> Self {
        Self::open_as(Path::new(BINARY), file, config)
    }

    /// The same with a copy of the binary.
    pub fn open_as(binary: &Path, file: &Path, config: &Config) -> Self {
        for _ in 0..5 {
            let (door, admin) = (free_port(), free_port());
            fs::write(file, config.text(door, admin, file.parent().unwrap())).unwrap();
            match Self::start_as(binary, file, door, admin) {
                Ok(door) => return door,
                Err(log) if log.contains("in use") => continue,
                Err(log) => panic!("the door did not open:\n{log}\n--- config\n{}", fs::read_to_string(file).unwrap()),
            }
        }
        panic!("no free ports for a door");
    }

    /// Starts on a config that lies there; the log if it ends before it is ready.
    pub fn start(file: &Path, door: u16, admin: u16) -> Result<Self, String> {
        Self::start_as(Path::new(BINARY), file, door, admin)
    }

    /// A door whose stdout and stderr go there, so that no log of it is kept.
    pub fn open_onto(file: &Path, config: &Config, output: impl Into<Stdio>, errors: impl Into<Stdio>) -> Self {
        let (door, admin) = (free_port(), free_port());
        fs::write(file, config.text(door, admin, file.parent().unwrap())).unwrap();
        Self::start_onto(Path::new(BINARY), file, [door, admin], [output.into(), errors.into()]).unwrap()
    }

    fn start_as(binary: &Path, file: &Path, door: u16, admin: u16) -> Result<Self, String> {
        Self::start_onto(binary, file, [door, admin], [Stdio::piped(), Stdio::piped()])
    }

    fn start_onto(
        binary: &Path,
        file: &Path,
        [door, admin]: [u16; 2],
        [output, errors]: [Stdio; 2],
    ) -> Result<Self, String> {
        let mut child = Command::new(binary)
            .args(["run", "-c"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        child.stdout.take().into_iter().for_each(|output| keep(output, &log));
        child.stderr.take().into_iter().for_each(|errors| keep(errors, &log));
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut door = Self { address: at(door), admin: at(admin), config: file.to_owned(), child, log };
        let start = Instant::now();
        loop {
            if door.is_ready() {
                return Ok(door);
            }
            if let Some(status) = door.child.try_wait().unwrap() {
                // The threads that keep the log may be a moment behind.
                std::thread::sleep(Duration::from_millis(50));
                return Err(format!("{status}\n{}", door.log()));
            }
            assert!(start.elapsed() < PATIENCE, "the door was not ready within {PATIENCE:?}:\n{}", door.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_ready(&self) -> bool {
        let Ok(mut client) = Client::try_connect(self.admin) else { return false };
        client.try_send("GET /readyz HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").is_ok()
            && client.try_answer("GET").is_ok_and(|answer| answer.status() == 200)
    }

    /// It was told to stop, and has heard it.
    pub fn await_draining(&self) {
        await_that("readiness to fail", || match get(self.admin, "/readyz").status() {
            503 => Ok(()),
            other => Err(format!("readyz says {other}")),
        });
    }

    /// The same door again, on the same config and ports.
    pub fn restarted(mut self) -> Self {
        self.kill();
        Self::start(&self.config.clone(), self.address.port(), self.admin.port())
            .unwrap_or_else(|log| panic!("the door did not open again:\n{log}"))
    }

    pub fn get(&self, target: &str) -> Answer {
        get(self.address, target)
    }

    pub fn ask(&self, method: &str, target: &str, lines: &[&str], body: &[u8]) -> Answer {
        one(self.address, method, target, lines, body)
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged until now.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn await_log(&self, text: &str) {
        await_that(&format!("{text:?} in the log"), || {
            let log = self.log();
            if log.contains(text) { Ok(()) } else { Err(format!("the log is:\n{log}")) }
        });
    }

    /// The text of the config file.
    pub fn config_text(&self) -> String {
        fs::read_to_string(&self.config).unwrap()
    }

    /// Replaces text in the config file, as an operator would; the text must be there.
    pub fn edit(&self, from: &str, to: &str) {
        let text = self.config_text();
        assert!(text.contains(from), "the config has no {from:?}:\n{text}");
        replace(&self.config, &text.replace(from, to));
    }

    /// The generation in force.
    pub fn generation(&self) -> u64 {
        self.status()["generation"].as_u64().expect("status names the generation")
    }

    /// Edits the config and waits until a newer generation is in force.
    pub fn edit_and_await(&self, from: &str, to: &str) {
        let before = self.generation();
        self.edit(from, to);
        self.await_generation_after(before);
    }

    pub fn await_generation_after(&self, before: u64) {
        await_that("a newer generation", || {
            if self.generation() > before { Ok(()) } else { Err(format!("still {before}; log:\n{}", self.log())) }
        });
    }

    /// One command on this door's config, such as `["status"]`.
    pub fn command(&self, arguments: &[&str]) -> Run {
        let mut all = arguments.to_vec();
        all.extend(["-c", self.config.to_str().unwrap()]);
        matapalo(&all)
    }

    /// A state-changing call, made as a command-line tool makes it.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        one(self.admin, "POST", path, &["Content-Type: application/json"], body.as_bytes())
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
        assert!(done.success(), "kill -{name} {}", self.pid());
    }

    /// Waits for its end; fails the test when it does not end.
    pub fn await_exit(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE * 2, "the door did not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Resident memory, bytes.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of the door on {}\n{}", self.address, self.log());
        }
    }
}

fn keep(from: impl Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = log.clone();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            log.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
}
