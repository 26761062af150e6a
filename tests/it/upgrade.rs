//! A new binary takes over: no request fails, nothing that was counted is lost. Also what a service manager sees of it.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};

use crate::drain::{SOON, held};
use crate::harness::client::request;
use crate::harness::door::{BINARY, free_port};
use crate::harness::http2::{Http2, story};
use crate::harness::site::{await_that, program};
use crate::harness::tls::{Hello, Made, Secure};
use crate::harness::unix::ask_unix;
use crate::harness::{Answer, Client, Door, Load, Origin, Signal, Site, get};

/// Nothing is asked twice, so that each request is seen once.
const SHADOW: &str = "- {name: all, match: {path: {prefix: /}}, stage: shadow, noise: {settle: false, percent: 0}}";
const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

/// Ends a successor, which no test started itself.
pub struct Successor(u32);

impl Successor {
    /// The process that the door's log names.
    pub fn of(door: &Door) -> Self {
        door.await_log("successor=");
        Self(successors(door)[0])
    }

    pub fn is_alive(&self) -> bool {
        is_alive(self.0)
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        Command::new("kill").args(["-9", &self.0.to_string()]).status().ok();
    }
}

fn is_ok(answer: &Answer) -> bool {
    answer.status() == 200 && answer.text() == "legacy"
}

/// Asks on a connection for each request: these meet the moment at which a listener changes hands.
struct Fresh {
    over: Arc<AtomicBool>,
    users: Vec<std::thread::JoinHandle<Result<u64, String>>>,
}

impl Fresh {
    fn users(count: usize, ask: impl Fn() -> Result<(), String> + Clone + Send + 'static) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let user = |_| {
            let (over, ask) = (over.clone(), ask.clone());
            std::thread::spawn(move || {
                let mut answers = 0;
                while !over.load(Ordering::Relaxed) {
                    ask().map_err(|why| format!("after {answers} answers: {why}"))?;
                    answers += 1;
                }
                Ok(answers)
            })
        };
        Self { users: (0..count).map(user).collect(), over }
    }

    /// How many answers there were; fails the test if one was none.
    fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.users.into_iter().map(|user| user.join().unwrap().unwrap()).sum()
    }
}

fn ask_afresh(at: SocketAddr) -> Result<(), String> {
    let mut client = Client::try_connect(at).map_err(|error| format!("connecting: {error}"))?;
    client.try_send(request("GET", "/fresh", &[], b"")).map_err(|error| format!("sending: {error}"))?;
    let answer = client.try_answer("GET").map_err(|broken| format!("receiving: {}", broken.why))?;
    if is_ok(&answer) { Ok(()) } else { Err(format!("{}", answer.status())) }
}

/// A handshake and two requests on it.
fn ask_securely(at: SocketAddr, config: Arc<rustls::ClientConfig>) -> Result<(), String> {
    let mut client = Secure::try_connect(at, Some("site.test"), config).map_err(|error| format!("shaking: {error}"))?;
    for turn in 0..2 {
        let answer = client.try_get("/tls", &[]).map_err(|error| format!("TLS, request {turn}: {error}"))?;
        if !is_ok(&answer) {
            return Err(format!("{}", answer.status()));
        }
        if answer.header("connection").as_deref() == Some("close") {
            break;
        }
    }
    Ok(())
}

#[test]
fn no_request_fails_and_no_count_is_lost() {
    let site = Site::named();
    let mut door = site.open(SHADOW);
    let kept = Load::on(door.address, 6, "/kept", is_ok);
    let at = door.address;
    let fresh = Fresh::users(4, move || ask_afresh(at));
    kept.let_run(500);
    door.signal("USR2");
    let successor = Successor::of(&door);
    let status = door.await_exit();
    assert_eq!(status.code(), Some(0), "{}", door.log());
    kept.let_run(1000);
    let fresh = fresh.stop();
    let harvest = kept.stop();
    harvest.assert_clean();
    println!("{} on kept connections, {fresh} on fresh ones", harvest.answers);
    assert!(fresh > 100, "only {fresh} fresh connections: that is no load");
    assert!(successor.is_alive());
    // Whatever it had not come to compare by now, for this machine may be busy, is counted as it goes.
    kill("TERM", successor.0);
    await_that("the successor to end", || if successor.is_alive() { Err(door.log()) } else { Ok(()) });
    let line = door.report_on("all").expect("a report");
    let told = line.count("compared") + line.unproven();
    assert_eq!(told, harvest.answers + fresh, "{}", line.0);
}

/// One after the other, under load of every kind. The last number is what numbers.md asks for: none failed.
#[test]
fn five_upgrades_under_load_over_tls_http2_and_unix_sockets_too() {
    const UPGRADES: usize = 5;
    let site = Site::named();
    let pair = Made::new(site.folder.path(), "site", "DNS:site.test", 90);
    let (secure, clear) = (free_port(), free_port());
    let mut config = site.config(LEGACY);
    config.listener = format!(
        "}}\n  - {{address: \"127.0.0.1:{secure}\", tls: {{certificates: [{}]}}}}\n  - {{address: \"127.0.0.1:{clear}\", h2c: true}}\n  \
         - {{address: \"unix:door.sock\", mode: \"0600\"",
        pair.entry()
    );
    let mut door = site.open_with(&config);
    let kept = Load::on(door.address, 3, "/kept", is_ok);
    let at = door.address;
    let (secure, clear) = (SocketAddr::from(([127, 0, 0, 1], secure)), SocketAddr::from(([127, 0, 0, 1], clear)));
    let hello = Hello::to("site.test").speaking(&["http/1.1"]).config();
    let socket = site.path("door.sock");
    let loads = [
        Fresh::users(2, move || ask_afresh(at)),
        Fresh::users(2, move || ask_securely(secure, hello.clone())),
        Fresh::users(1, move || ask_over_http2(clear)),
        Fresh::users(1, move || match ask_unix(&socket, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") {
            Ok(answer) if answer.ends_with("legacy") => Ok(()),
            other => Err(format!("{other:?}")),
        }),
    ];
    let mut pid = door.pid();
    let mut guard: Option<Successor> = None;
    for upgrade in 1..=UPGRADES {
        kept.let_run(100);
        kill("USR2", pid);
        let told = Instant::now();
        await_that("the next door alone", || match successors(&door).get(upgrade - 1) {
            Some(_) if !is_alive(pid) => Ok(()),
            seen => Err(format!("{seen:?} in\n{}", door.log())),
        });
        assert!(told.elapsed() < SOON, "upgrade {upgrade} took {:?}: {}", told.elapsed(), door.log());
        let next = Successor(successors(&door)[upgrade - 1]);
        pid = next.0;
        // The one before has ended by itself: only its name is forgotten.
        std::mem::forget(guard.replace(next));
    }
    kept.let_run(100);
    let fresh: Vec<u64> = loads.into_iter().map(Fresh::stop).collect();
    let harvest = kept.stop();
    harvest.assert_clean();
    println!(
        "{UPGRADES} upgrades: {} on kept connections, fresh turns (plain, TLS, h2c, unix) {fresh:?}; 0 failed",
        harvest.answers
    );
    // A turn over HTTP/2 is a connection with twenty requests.
    assert!(fresh.iter().all(|turns| *turns > 5), "{fresh:?} is no load");
    assert_eq!(door.await_exit().code(), Some(0));
    kill("TERM", pid);
    await_that("the last door to end", || if is_alive(pid) { Err(door.log()) } else { Ok(()) });
    assert!(!site.path("door.sock").exists(), "the file goes with the last door");
}

/// Streams on one connection, until it is told that there are to be no more.
fn ask_over_http2(at: SocketAddr) -> Result<(), String> {
    story(async {
        let client = Http2::connect(at).await;
        for _ in 0..20 {
            match client.ask("GET", "/h2", &[], b"").await {
                Ok(answer) if answer.text() == "legacy" => {}
                // Refused before it was looked at: the protocol's way to say "elsewhere", and no failure.
                Err(error) if matches!(error.reason(), Some(h2::Reason::NO_ERROR | h2::Reason::REFUSED_STREAM)) => {
                    return Ok(());
                }
                Ok(answer) => return Err(format!("{} {}", answer.status, answer.text())),
                Err(error) => return Err(format!("HTTP/2: {error:?}")),
            }
        }
        Ok(())
    })
}

/// Every successor that the log names, in order.
fn successors(door: &Door) -> Vec<u32> {
    let log = door.log();
    let named = log.split("successor=").skip(1);
    named.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()).collect()
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().unwrap().success());
}

/// A zombie is not.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[test]
fn a_kept_connection_ends_with_its_next_answer() {
    let site = Site::named();
    let mut door = site.open(LEGACY);
    let mut kept = door.client();
    assert_eq!(kept.get("/", &[]).text(), "legacy");
    door.signal("USR2");
    let _successor = Successor::of(&door);
    let last = kept.get("/", &[]);
    assert_eq!((last.text().as_str(), last.header("connection").as_deref()), ("legacy", Some("close")));
    assert_eq!(door.await_exit().code(), Some(0));
}

/// An edit of who may open a socket waits for a new binary, and is told.
#[test]
fn a_unix_socket_takes_its_mode_from_the_config_of_the_next_door() {
    let site = Site::named();
    let mut config = site.config(LEGACY);
    config.listener = "}\n  - {address: \"unix:door.sock\", mode: \"0600\"".to_owned();
    let mut door = site.open_with(&config);
    let mode = || std::fs::metadata(site.path("door.sock")).unwrap().permissions().mode() & 0o777;
    door.edit_and_await("mode: \"0600\"", "mode: \"0640\"");
    assert_eq!((door.status()["restart_needed"].clone(), mode()), (serde_json::json!(["listeners"]), 0o600));
    door.signal("USR2");
    let successor = Successor::of(&door);
    assert_eq!(door.await_exit().code(), Some(0));
    assert_eq!((door.status()["restart_needed"].clone(), mode()), (serde_json::json!([]), 0o640));
    assert!(successor.is_alive());
}

/// A door whose binary is a file of its own, so that another one can be put in its place.
fn open_copy(site: &Site) -> Door {
    let binary = site.path("matapalo");
    copy_binary(&binary);
    Door::open_as(&binary, &site.path("matapalo.yaml"), &site.config(LEGACY))
}

/// By a process of its own, as [`program`] does.
fn copy_binary(to: &Path) {
    assert!(Command::new("cp").arg(BINARY).arg(to).status().unwrap().success());
}

fn put_in_place(site: &Site, script: &str) {
    program(&site.path("matapalo"), script);
}

#[test]
fn a_binary_that_cannot_run_changes_nothing() {
    let site = Site::named();
    let mut door = open_copy(&site);
    put_in_place(&site, "this is no program");
    door.signal("USR2");
    door.await_log("this door goes on");
    assert_eq!(get(door.address, "/").text(), "legacy");
    std::fs::remove_file(site.path("matapalo")).unwrap();
    door.signal("USR2");
    await_that("the second refusal", || match door.log().matches("this door goes on").count() {
        2 => Ok(()),
        _ => Err(door.log()),
    });
    copy_binary(&site.path("matapalo"));
    door.signal("USR2");
    let _successor = Successor::of(&door);
    assert_eq!(get(door.address, "/").text(), "legacy");
    door.await_exit();
}

#[test]
fn sigterm_while_the_new_binary_starts_ends_both() {
    let site = Site::named();
    let mut door = open_copy(&site);
    put_in_place(&site, &format!("#!/bin/sh\necho $$ > {:?}\nexec sleep 60\n", site.path("pid")));
    door.signal("USR2");
    await_that("the new binary to start", || {
        if std::fs::read_to_string(site.path("pid")).is_ok_and(|pid| pid.ends_with('\n')) {
            Ok(())
        } else {
            Err(door.log())
        }
    });
    let starting: u32 = std::fs::read_to_string(site.path("pid")).unwrap().trim().parse().unwrap();
    assert_eq!(get(door.address, "/").text(), "legacy", "served while the new one starts");
    door.signal("TERM");
    assert_eq!(door.await_exit().code(), Some(0), "{}", door.log());
    assert!(!is_alive(starting), "nobody is left behind");
}

#[test]
fn what_is_under_way_is_answered_by_the_door_that_took_it() {
    let release = Signal::new();
    let site = Site::of(held(&release), Origin::dead());
    let mut door = site.open(LEGACY);
    let mut client = door.client();
    client.send(request("GET", "/slow", &[], b""));
    site.legacy.await_seen(1);
    door.signal("USR2");
    let _successor = Successor::of(&door);
    assert_eq!(get(door.address, "/").text(), "legacy", "the successor serves meanwhile");
    release.give();
    let answer = client.answer("GET");
    assert_eq!((answer.text().as_str(), answer.header("connection").as_deref()), ("legacy", Some("close")));
    let answered = Instant::now();
    assert_eq!(door.await_exit().code(), Some(0));
    assert!(answered.elapsed() < SOON, "{:?}", answered.elapsed());
}

#[test]
fn a_successor_that_does_not_open_changes_nothing() {
    let site = Site::named();
    let mut door = site.open(LEGACY);
    door.edit("stage: legacy", "stage: nonsense");
    let mut kept = door.client();
    assert_eq!(kept.get("/", &[]).text(), "legacy");
    door.signal("USR2");
    door.await_log("this door goes on");
    assert_ne!(kept.get("/", &[]).header("connection").as_deref(), Some("close"), "it does not drain");
    assert_eq!(get(door.admin, "/readyz").status(), 200);
    door.edit("stage: nonsense", "stage: legacy");
    door.signal("USR2");
    let _successor = Successor::of(&door);
    assert_eq!(get(door.address, "/").text(), "legacy", "the second try goes well");
    drop(kept);
    door.await_exit();
}

/// A door that has a successor, and leaves when its last request is answered.
struct Leaving {
    site: Site,
    door: Door,
    /// It has asked, and is answered after the release.
    client: Client,
    release: Signal,
    successor: Successor,
}

impl Leaving {
    fn with_a_request_under_way() -> Self {
        let release = Signal::new();
        let site = Site::of(held(&release), Origin::saying("legacy"));
        let door = site.open(SHADOW);
        let mut client = door.client();
        client.send(request("GET", "/slow", &[], b""));
        site.legacy.await_seen(1);
        door.signal("USR2");
        let successor = Successor::of(&door);
        Self { site, door, client, release, successor }
    }
}

/// A service manager that stops the new door tells every process of the service.
#[test]
fn the_old_door_that_is_told_to_stop_while_it_leaves_answers_its_last_requests() {
    let Leaving { site: _site, mut door, mut client, release, successor } = Leaving::with_a_request_under_way();
    kill("TERM", successor.0);
    door.signal("TERM");
    door.await_log("told to stop");
    release.give();
    assert_eq!(client.answer("GET").text(), "legacy");
    assert_eq!(door.await_exit().code(), Some(0), "{}", door.log());
    let line = door.report_on("all").expect("what it counted");
    assert_eq!(line.count("compared") + line.unproven(), 1, "{}", line.0);
}

/// The store is the old door's until its last request is answered: who came after it and has to go again waits for that.
#[test]
fn a_successor_that_is_told_to_stop_early_loses_no_count() {
    const ASKED: u64 = 5;
    let Leaving { site: _site, mut door, mut client, release, successor } = Leaving::with_a_request_under_way();
    for _ in 0..ASKED {
        assert_eq!(get(door.address, "/").text(), "legacy");
    }
    kill("TERM", successor.0);
    await_that("the successor to close", || {
        if Client::try_connect(door.address).is_err() { Ok(()) } else { Err(String::new()) }
    });
    door.await_log("waits for the store");
    // The old door may take as long as its drain does.
    std::thread::sleep(Duration::from_secs(11));
    assert!(successor.is_alive(), "{}", door.log());
    release.give();
    assert_eq!(client.answer("GET").text(), "legacy");
    assert_eq!(door.await_exit().code(), Some(0));
    await_that("the successor to end", || if successor.is_alive() { Err(door.log()) } else { Ok(()) });
    let line = door.report_on("all").expect("both doors' counts");
    assert_eq!(line.count("compared") + line.unproven(), ASKED + 1, "{}", line.0);
}

/// While the first door holds the store, each that comes after it is replaced before it ever had it. The store goes from one to the
/// next in the order in which they came: were the newest to have it first, those in between would wait for it in vain.
#[test]
fn doors_that_were_replaced_before_they_had_the_store_lose_no_count() {
    const BETWEEN: usize = 3;
    const ASKED: u64 = 5;
    let Leaving { site: _site, mut door, mut client, release, successor } = Leaving::with_a_request_under_way();
    let mut doors = vec![successor];
    for after in 1..=BETWEEN {
        (0..ASKED).for_each(|_| assert_eq!(get(door.address, "/").text(), "legacy"));
        kill("USR2", doors[after - 1].0);
        await_that("the next door", || if successors(&door).len() > after { Ok(()) } else { Err(door.log()) });
        doors.push(Successor(successors(&door)[after]));
    }
    let newest = doors.pop().unwrap();
    await_that("those in between to wait for the store", || match door.log().matches("waits for the store").count() {
        BETWEEN => Ok(()),
        _ => Err(door.log()),
    });
    release.give();
    assert_eq!(client.answer("GET").text(), "legacy");
    let answered = Instant::now();
    assert_eq!(door.await_exit().code(), Some(0));
    for between in &doors {
        await_that("a door in between to end", || if between.is_alive() { Err(door.log()) } else { Ok(()) });
    }
    assert!(answered.elapsed() < SOON, "{:?}", answered.elapsed());
    // It has the store, too, and so nobody else has.
    await_that("the newest to open it", || match door.log().matches("the store is open now").count() {
        all if all == BETWEEN + 1 => Ok(()),
        _ => Err(door.log()),
    });
    assert_eq!(get(door.address, "/").text(), "legacy");
    kill("TERM", newest.0);
    await_that("the newest to end", || if newest.is_alive() { Err(door.log()) } else { Ok(()) });
    let line = door.report_on("all").expect("all doors' counts");
    let asked = 1 + ASKED * BETWEEN as u64 + 1;
    assert_eq!(line.count("compared") + line.unproven(), asked, "{}\n{}", line.0, door.log());
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_service_manager_hands_in_the_socket_and_is_told_how_the_door_is() {
    let site = Site::named();
    let manager = UnixDatagram::bind(site.path("notify.sock")).unwrap();
    manager.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let text = site.config(LEGACY).text(address.port(), free_port(), site.folder.path());
    std::fs::write(site.path("matapalo.yaml"), text).unwrap();
    let mut command = Command::new(BINARY);
    command.args(["run", "-c"]).arg(site.path("matapalo.yaml")).stdin(Stdio::null());
    command.env("LISTEN_FDS", "1").env("NOTIFY_SOCKET", site.path("notify.sock")).env("WATCHDOG_USEC", "200000");
    command.fd_mappings(vec![FdMapping { parent_fd: socket.into(), child_fd: 3 }]).unwrap();
    let mut waiting = Client::connect(address);
    let process = Process(command.spawn().unwrap());
    drop(command);
    // It is the manager's socket: what was sent before the door was there is answered.
    waiting.send(request("GET", "/", &[], b""));
    assert_eq!(waiting.answer("GET").text(), "legacy");
    let mut said = Said { manager, all: String::new() };
    said.until("READY=1");
    said.until("WATCHDOG=1");
    kill("HUP", process.0.id());
    said.until("RELOADING=1");
    said.until("READY=1");
    kill("USR2", process.0.id());
    said.until("MAINPID=");
    let rest = said.all.rsplit("MAINPID=").next().unwrap().to_owned();
    let successor = Successor(rest.lines().next().unwrap().parse().unwrap());
    assert_eq!(get(address, "/").text(), "legacy");
    kill("TERM", successor.0);
    said.until("STOPPING=1");
}

/// What the manager was told.
struct Said {
    manager: UnixDatagram,
    all: String,
}

impl Said {
    fn until(&mut self, word: &str) {
        let mut datagram = [0; 4096];
        loop {
            let length = self.manager.recv(&mut datagram).unwrap_or_else(|_| panic!("no {word} in {}", self.all));
            let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
            self.all.push_str(&text);
            self.all.push('\n');
            if text.contains(word) {
                return;
            }
        }
    }
}
