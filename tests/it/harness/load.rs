//! Users who keep asking while something happens, and who remember every failure.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::client::{Answer, Client, request};
use super::site::await_that;

/// Running users.
pub struct Load {
    over: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    failures: Arc<Mutex<Vec<String>>>,
    users: Vec<JoinHandle<()>>,
}

/// What the users saw.
#[derive(Debug)]
pub struct Harvest {
    pub answers: u64,
    pub failures: Vec<String>,
}

impl Harvest {
    /// Fails the test if a single request failed, or if there was no load to speak of.
    pub fn assert_clean(&self) {
        assert!(
            self.failures.is_empty(),
            "{} failed, {} went well: {:?}",
            self.failures.len(),
            self.answers,
            self.failures
        );
        assert!(self.answers > 20, "only {} requests were made: that is no load", self.answers);
    }
}

impl Load {
    /// `users` kept connections that ask for `target` until told to stop. An answer is a failure unless `good` says so.
    /// Users pause a little between requests: the machine is shared with the door.
    pub fn on(address: SocketAddr, users: usize, target: &str, good: fn(&Answer) -> bool) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let answers = Arc::new(AtomicU64::new(0));
        let failures = Arc::new(Mutex::new(Vec::new()));
        let users = (0..users)
            .map(|user| {
                let (over, answers, failures) = (over.clone(), answers.clone(), failures.clone());
                let asked = request("GET", target, &[&format!("Cookie: AURSID=user-{user}")], b"");
                std::thread::spawn(move || {
                    let mut client = Client::connect(address);
                    while !over.load(Ordering::Relaxed) {
                        match turn(&mut client, &asked, good) {
                            Ok(()) => {
                                answers.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(failure) => {
                                failures.lock().unwrap().push(failure);
                                let Ok(again) = Client::try_connect(address) else { return };
                                client = again;
                            }
                        }
                        std::thread::sleep(Duration::from_millis(2));
                    }
                })
            })
            .collect();
        Self { over, answers, failures, users }
    }

    /// Waits until the users have had this many more answers, so that what comes next happens under load.
    pub fn let_run(&self, more: u64) {
        let before = self.answers.load(Ordering::Relaxed);
        await_that("answers under load", || {
            let now = self.answers.load(Ordering::Relaxed);
            if now >= before + more { Ok(()) } else { Err(format!("{} so far", now - before)) }
        });
    }

    pub fn stop(self) -> Harvest {
        self.over.store(true, Ordering::Relaxed);
        for user in self.users {
            user.join().unwrap();
        }
        let failures = std::mem::take(&mut *self.failures.lock().unwrap());
        Harvest { answers: self.answers.load(Ordering::Relaxed), failures }
    }
}

fn turn(client: &mut Client, asked: &[u8], good: fn(&Answer) -> bool) -> Result<(), String> {
    client.try_send(asked).map_err(|error| format!("sending: {error}"))?;
    let answer = client.try_answer("GET").map_err(|broken| format!("receiving: {}", broken.why))?;
    // The door may close a kept connection, but it has to say so first.
    if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        *client = Client::try_connect(client.reader.stream.peer_addr().map_err(|error| error.to_string())?)
            .map_err(|error| format!("connecting again: {error}"))?;
    }
    if good(&answer) { Ok(()) } else { Err(format!("{} {:?}", answer.status(), answer.text())) }
}

/// The time of one request on a kept connection.
pub fn timed(client: &mut Client, target: &str) -> (Duration, Answer) {
    let asked = request("GET", target, &[], b"");
    let start = Instant::now();
    client.send(asked);
    let answer = client.answer("GET");
    (start.elapsed(), answer)
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
