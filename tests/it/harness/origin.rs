//! A scripted origin: a raw socket that logs the bytes it sees and answers what its script says, well or badly.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::PATIENCE;
use super::wire::{Reader, first_line, header, headers};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The exact bytes of the head, with its empty line.
    pub head: Vec<u8>,
    /// The body, decoded from chunks; empty if the script reads it by itself.
    pub body: Vec<u8>,
}

impl Seen {
    fn word(&self, at: usize) -> String {
        let line: String = first_line(&self.head).iter().map(|byte| char::from(*byte)).collect();
        line.split(' ').nth(at).unwrap_or_default().to_owned()
    }

    pub fn method(&self) -> String {
        self.word(0)
    }

    /// Path and query as sent, each byte one character.
    pub fn target(&self) -> String {
        self.word(1)
    }

    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }

    pub fn headers(&self, name: &str) -> Vec<String> {
        headers(&self.head, name)
    }

    /// Whether the door marked it as a copy.
    pub fn is_copy(&self) -> bool {
        self.header("x-matapalo-mirror").is_some()
    }
}

/// The script's end of one connection.
pub struct Wire {
    pub reader: Reader,
    closed: bool,
}

impl Wire {
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The door may have gone away: that is for the test to notice, not for the origin.
        if self.reader.stream.write_all(bytes.as_ref()).is_err() {
            self.closed = true;
        }
    }

    pub fn chunk(&mut self, data: impl AsRef<[u8]>) {
        let data = data.as_ref();
        let mut framed = format!("{:x}\r\n", data.len()).into_bytes();
        framed.extend_from_slice(data);
        framed.extend_from_slice(b"\r\n");
        self.send(framed);
    }

    pub fn last_chunk(&mut self) {
        self.send("0\r\n\r\n");
    }

    /// A whole answer: status with reason, header lines, body by length.
    pub fn answer(&mut self, status: &str, headers: &[&str], body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let mut whole = format!("HTTP/1.1 {status}\r\n");
        for line in headers {
            whole.push_str(line);
            whole.push_str("\r\n");
        }
        whole.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut whole = whole.into_bytes();
        whole.extend_from_slice(body);
        self.send(whole);
    }

    /// `200 OK` with this text.
    pub fn ok(&mut self, body: impl AsRef<[u8]>) {
        self.answer("200 OK", &["Content-Type: text/plain"], body);
    }

    /// Says goodbye with FIN after this answer.
    pub fn close(&mut self) {
        self.closed = true;
        self.reader.stream.shutdown(std::net::Shutdown::Both).ok();
    }

    /// Cuts the connection with RST.
    pub fn reset(&mut self) {
        self.closed = true;
        socket2::SockRef::from(&self.reader.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Says nothing for as long as the other side keeps the connection.
    pub fn hang(&mut self) {
        while self.reader.some(65_536).is_ok_and(|bytes| !bytes.is_empty()) {}
        self.closed = true;
    }

    pub fn body_of(&mut self, seen: &Seen) -> Vec<u8> {
        self.reader.body_of(&seen.head).unwrap_or_else(|broken| broken.got)
    }
}

type Script = dyn Fn(&Seen, &mut Wire) + Send + Sync;

#[derive(Default)]
struct Log {
    seen: Mutex<Vec<Arc<Seen>>>,
    more: Condvar,
    connections: AtomicUsize,
}

/// A running origin; it ends with the test that owns it.
pub struct Origin {
    pub address: SocketAddr,
    log: Arc<Log>,
    over: Arc<AtomicBool>,
}

/// With room for as many connections as a story opens at once: beyond the standard library's 128 each waits a second to be made.
fn listening() -> TcpListener {
    const ROOM: i32 = 1024;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(ROOM).unwrap();
    socket.into()
}

impl Origin {
    /// Reads each request whole, then runs the script, which answers on the wire.
    pub fn answering(script: impl Fn(&Seen, &mut Wire) + Send + Sync + 'static) -> Self {
        Self::start(Whole::Yes, script)
    }

    /// Runs the script as soon as the head is there; the body is the script's to read (or not).
    pub fn at_head(script: impl Fn(&Seen, &mut Wire) + Send + Sync + 'static) -> Self {
        Self::start(Whole::No, script)
    }

    /// Answers everything with `200 OK` and this text.
    pub fn saying(text: &'static str) -> Self {
        Self::answering(move |_, wire| wire.ok(text))
    }

    /// Takes connections and requests, never answers.
    pub fn hanging() -> Self {
        Self::at_head(|_, wire| wire.hang())
    }

    /// Nobody listens here.
    pub fn dead() -> Self {
        let listener = listening();
        let address = listener.local_addr().unwrap();
        Self { address, log: Arc::default(), over: Arc::new(AtomicBool::new(true)) }
    }

    fn start(whole: Whole, script: impl Fn(&Seen, &mut Wire) + Send + Sync + 'static) -> Self {
        let listener = listening();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let over = Arc::new(AtomicBool::new(false));
        let script: Arc<Script> = Arc::new(script);
        {
            let (log, over) = (log.clone(), over.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let (log, script) = (log.clone(), script.clone());
                    std::thread::spawn(move || serve(stream, whole, &log, &*script));
                }
            });
        }
        Self { address, log, over }
    }

    /// Everything seen until now, in order of arrival.
    pub fn seen(&self) -> Vec<Arc<Seen>> {
        self.log.seen.lock().unwrap().clone()
    }

    /// What of it were copies.
    pub fn copies(&self) -> Vec<Arc<Seen>> {
        self.seen().into_iter().filter(|seen| seen.is_copy()).collect()
    }

    /// Connections taken until now.
    pub fn connections(&self) -> usize {
        self.log.connections.load(Ordering::Relaxed)
    }

    /// Waits until at least `count` requests have been seen; fails the test when they do not come.
    pub fn await_seen(&self, count: usize) -> Vec<Arc<Seen>> {
        let seen = self.log.seen.lock().unwrap();
        let (seen, late) = self.log.more.wait_timeout_while(seen, PATIENCE, |seen| seen.len() < count).unwrap();
        assert!(!late.timed_out(), "wanted {count} requests at the origin, saw {}: {:?}", seen.len(), targets(&seen));
        seen.clone()
    }

    /// The one request seen; fails if there are none or more.
    pub fn only(&self) -> Arc<Seen> {
        let seen = self.await_seen(1);
        assert_eq!(seen.len(), 1, "wanted one request, saw {:?}", targets(&seen));
        seen[0].clone()
    }
}

fn targets(seen: &[Arc<Seen>]) -> Vec<String> {
    seen.iter().map(|seen| format!("{} {}", seen.method(), seen.target())).collect()
}

impl Drop for Origin {
    fn drop(&mut self) {
        if !self.over.swap(true, Ordering::Relaxed) {
            // Wakes the accepting thread, which then sees that it is over.
            TcpStream::connect(self.address).ok();
        }
    }
}

#[derive(Clone, Copy)]
enum Whole {
    Yes,
    No,
}

fn serve(stream: TcpStream, whole: Whole, log: &Log, script: &Script) {
    log.connections.fetch_add(1, Ordering::Relaxed);
    stream.set_nodelay(true).ok();
    let mut wire = Wire { reader: Reader::new(stream), closed: false };
    while let Ok(Some(seen)) = request(&mut wire, whole) {
        let seen = Arc::new(seen);
        log.seen.lock().unwrap().push(seen.clone());
        log.more.notify_all();
        script(&seen, &mut wire);
        if wire.closed {
            return;
        }
    }
}

fn request(wire: &mut Wire, whole: Whole) -> io::Result<Option<Seen>> {
    let Some(head) = wire.reader.head()? else { return Ok(None) };
    let body = match whole {
        Whole::Yes => wire.reader.body_of(&head).map_err(|broken| broken.why)?,
        Whole::No => Vec::new(),
    };
    Ok(Some(Seen { head, body }))
}
