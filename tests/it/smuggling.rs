//! What two servers could read in two ways reaches no backend, or reaches it as one request that can be read in one way only.
//!
//! Both origins keep every byte that they are sent and read it as strictly as HTTP can be read. For each payload there are two
//! good ends: the door refuses it, closes the connection, and no whole request has arrived anywhere; or exactly the requests
//! that the payload means have arrived, well-formed, at the authoritative origin and, as copies, at the other.

mod payloads;
mod recorder;
mod servers;

use std::time::{Duration, Instant};

use crate::harness::{Client, Config, Door, PATIENCE, await_that};
use payloads::{Meant, Payload, all};
use recorder::{Arrived, Recorder};

/// Follows each payload on a connection of its own: when it has arrived, everything before it has.
const LAST: &str = "/the-last-one";
/// A copy that is not there so long after its marker's does not come any more.
const COPY_MAY_LAG: Duration = Duration::from_secs(3);

struct Stand {
    legacy: Recorder,
    new: Recorder,
    door: Door,
    _folder: tempfile::TempDir,
}

impl Stand {
    fn at(stage: &str) -> Self {
        let (legacy, new) = (Recorder::start(), Recorder::start());
        let folder = tempfile::TempDir::new().unwrap();
        let config = Config {
            listener: String::new(),
            legacy: format!("endpoints: [\"http://{}\"]", legacy.address),
            new: format!("endpoints: [\"http://{}\"]", new.address),
            // Nothing is asked twice but by the payload.
            noise: "settle: false, percent: 0".to_owned(),
            top: String::new(),
            routes: format!(
                "- {{name: all, match: {{path: {{prefix: /}}}}, stage: {stage}, mirror: {{percent: 100, methods: [GET, HEAD, POST]}}}}"
            ),
        };
        let door = Door::open(&folder.path().join("matapalo.yaml"), &config);
        Self { legacy, new, door, _folder: folder }
    }

    /// Sends the payload, and says how it was answered.
    fn send(&self, payload: &Payload) -> Outcome {
        let (answers, refused) = match &payload.meant {
            Meant::Refused => (1, true),
            Meant::These(these) => (these.len(), false),
            Meant::RefusedAfter(these) => (these.len() + 1, true),
        };
        let mut client = Client::connect(self.door.address);
        // The door may close before it has read all: that is one of the good ends.
        client.try_send(&payload.bytes).ok();
        let statuses: Vec<u16> =
            (0..answers).map_while(|_| client.try_answer(payload.method).ok()).map(|answer| answer.status()).collect();
        // What is refused is followed by nothing.
        let closed = refused && client.reader.some(1).map_or(true, |bytes| bytes.is_empty());
        Outcome { statuses, closed }
    }

    /// What has arrived since the last call, without the marker that this call sends behind it.
    ///
    /// Copies are sent side by side, so the marker's may overtake the payload's: where there are to be some, they are waited
    /// for a while, and what then is missing is missing.
    fn arrived(&self, are_copied: bool) -> (Vec<Arrived>, Vec<Arrived>) {
        assert_eq!(self.door.get(LAST).status(), 200, "the door goes on");
        let done = |arrived: &[Arrived]| arrived.iter().any(|one| one.target == LAST);
        await_that("the marker at both origins", || {
            let both = done(&self.legacy.now()) && done(&self.new.now());
            if both { Ok(()) } else { Err(format!("{:?} | {:?}", self.legacy.now(), self.new.now())) }
        });
        let end = Instant::now() + COPY_MAY_LAG;
        while are_copied && self.legacy.now().len() != self.new.now().len() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
        let without_marker = |all: Vec<Arrived>| all.into_iter().filter(|one| one.target != LAST).collect();
        (without_marker(self.legacy.take()), without_marker(self.new.take()))
    }
}

#[derive(Debug)]
struct Outcome {
    statuses: Vec<u16>,
    closed: bool,
}

/// What is wrong with the end that a payload came to.
fn fault(payload: &Payload, outcome: &Outcome, authoritative: &[Arrived], copies: &[Arrived]) -> Option<String> {
    let unsound = authoritative.iter().chain(copies).find_map(|one| one.unsound.clone());
    if let Some(why) = unsound {
        return Some(format!("not well-formed: {why}"));
    }
    let meant = |arrived: &[Arrived]| -> Vec<(String, Vec<u8>)> {
        arrived.iter().map(|one| (one.target.clone(), one.body.clone())).collect()
    };
    let wanted: &[(&str, &[u8])] = match &payload.meant {
        Meant::Refused => &[],
        Meant::These(wanted) => wanted,
        Meant::RefusedAfter(wanted) => wanted,
    };
    let wanted: Vec<(String, Vec<u8>)> =
        wanted.iter().map(|(target, body)| ((*target).to_owned(), body.to_vec())).collect();
    if meant(authoritative) != wanted {
        return Some(format!("wanted {wanted:?} at the origin, there are {:?}", meant(authoritative)));
    }
    let mut copied = meant(copies);
    // Copies are sent side by side.
    copied.sort();
    let mut each = wanted.clone();
    each.sort();
    if !payload.is_not_copied && copied != each {
        return Some(format!("wanted {each:?} as copies, there are {copied:?}"));
    }
    if payload.is_not_copied && !copied.is_empty() {
        return Some(format!("wanted no copies, there are {copied:?}"));
    }
    let refused = !matches!(payload.meant, Meant::These(_));
    let last = outcome.statuses.last().copied().unwrap_or(0);
    if refused && !(matches!(last, 400 | 405 | 501) && outcome.closed) {
        return Some("wanted a refusal and a closed connection".to_owned());
    }
    if !refused && (outcome.statuses.len() != wanted.len() || outcome.statuses.iter().any(|status| *status != 200)) {
        return Some(format!("wanted {} answers", wanted.len()));
    }
    None
}

fn faults_at(stage: &str) -> Vec<String> {
    let stand = Stand::at(stage);
    let payloads = all();
    let mut faults = Vec::new();
    for payload in &payloads {
        let outcome = stand.send(payload);
        let (legacy, new) = stand.arrived(!payload.is_not_copied);
        let (authoritative, copies) = if stage == "new" { (new, legacy) } else { (legacy, new) };
        if let Some(fault) = fault(payload, &outcome, &authoritative, &copies) {
            faults.push(format!("{}: {fault}; {outcome:?}", payload.name));
        }
    }
    println!("{} payloads at stage {stage}, {} faults", payloads.len(), faults.len());
    assert!(!stand.door.log().contains("panicked"), "{}", stand.door.log());
    faults
}

#[test]
fn no_request_is_smuggled_to_legacy_or_to_the_copy() {
    let faults = faults_at("shadow");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_request_is_smuggled_to_new_or_to_the_copy() {
    let faults = faults_at("new");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_payload_in_single_bytes_comes_to_the_same_end() {
    let stand = Stand::at("legacy");
    for payload in all().iter().filter(|payload| payload.bytes.len() < 200).step_by(3) {
        let mut client = Client::connect(stand.door.address).patient_for(Duration::from_millis(500));
        for byte in &payload.bytes {
            if client.try_send([*byte]).is_err() {
                break;
            }
        }
        while client.try_answer(payload.method).is_ok() {}
    }
    await_that("the marker", || {
        stand.door.get(LAST);
        if stand.legacy.now().iter().any(|one| one.target == LAST) { Ok(()) } else { Err(String::new()) }
    });
    let unsound: Vec<Arrived> = stand.legacy.take().into_iter().filter(|one| one.unsound.is_some()).collect();
    assert!(unsound.is_empty(), "{unsound:?}");
}

/// A request that nobody finishes leaves nothing behind on the connection to the origin that another user's could be taken for.
#[test]
fn half_a_request_never_meets_another_users() {
    let stand = Stand::at("legacy");
    for half in [
        "POST /half HTTP/1.1\r\nHost: site.test\r\nContent-Length: 100\r\n\r\nGET /stolen HTTP/1.1\r\nX: ",
        "POST /half HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nGET /stolen HTTP/1.1\r\nX: ",
        "POST /half HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let mut client = Client::connect(stand.door.address);
        client.send(half);
        stand.legacy.await_bytes(b"/half", PATIENCE);
        drop(client);
        for at in 0..5 {
            assert_eq!(stand.door.get(&format!("/whole/{at}")).status(), 200);
        }
        let arrived = stand.legacy.take();
        assert!(arrived.iter().all(|one| one.target.starts_with("/whole/") && one.unsound.is_none()), "{arrived:?}");
        assert_eq!(arrived.len(), 5);
    }
}
