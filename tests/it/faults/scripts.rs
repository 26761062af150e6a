//! Ways in which an origin can answer badly, and what a user may see of each.

use std::time::Duration;

use crate::harness::{Origin, Wire};

/// What the user may see of it.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    /// The door's own answer.
    Status(u16),
    /// The transfer is broken, and so much of the body has come at most.
    Broken(&'static str),
    /// The origin's answer.
    Answer(u16, &'static str),
}

use Wanted::{Answer, Broken, Status};

pub struct Fault {
    pub name: &'static str,
    pub play: fn(&mut Wire),
    pub wanted: Wanted,
}

const OK: &str = "HTTP/1.1 200 OK\r\n";
/// Longer than any timeout of these stories' doors.
const TOO_LONG: Duration = Duration::from_secs(8);
/// What was sent has arrived by now, so that a reset does not overtake it.
const ARRIVED: Duration = Duration::from_millis(60);

fn head(wire: &mut Wire, lines: &str) {
    wire.send(format!("{OK}{lines}\r\n"));
}

fn then_reset(wire: &mut Wire) {
    std::thread::sleep(ARRIVED);
    wire.reset();
}

fn last(wire: &mut Wire, bytes: impl AsRef<[u8]>) {
    wire.send(bytes);
    wire.close();
}

/// Sends byte by byte.
fn slowly(wire: &mut Wire, bytes: impl AsRef<[u8]>) {
    for byte in bytes.as_ref() {
        wire.send([*byte]);
        std::thread::sleep(Duration::from_millis(4));
    }
}

macro_rules! faults {
    ($($name:literal, $wanted:expr, $play:expr;)*) => {
        &[$(Fault { name: $name, wanted: $wanted, play: $play }),*]
    };
}

/// Bodies that end too early.
pub const CUT: &[Fault] = faults![
    "closed inside of a body with a length", Broken("half"), |wire| last(wire, format!("{OK}Content-Length: 1000\r\n\r\nhalf"));
    "reset inside of a body with a length", Broken("half"), |wire| { head(wire, "Content-Length: 1000\r\n"); wire.send("half"); then_reset(wire) };
    "closed before a body with a length", Broken(""), |wire| last(wire, format!("{OK}Content-Length: 1000\r\n\r\n"));
    "closed one byte early", Broken("all but on"), |wire| last(wire, format!("{OK}Content-Length: 11\r\n\r\nall but on"));
    "closed between chunks", Broken("half"), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"));
    "reset between chunks", Broken("half"), |wire| { head(wire, "Transfer-Encoding: chunked\r\n"); wire.chunk("half"); then_reset(wire) };
    "closed inside of a chunk", Broken("half"), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked\r\n\r\n3e8\r\nhalf"));
    "closed inside of a chunk's size", Broken("half"), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n3"));
    "closed behind the last chunk's size", Broken("half"), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n"));
    "reset in a body that ends with the connection", Broken("half"), |wire| { head(wire, ""); wire.send("half"); then_reset(wire) };
    "HTTP/1.0, closed inside of a body with a length", Broken("half"), |wire| last(wire, "HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
    "half-closed inside of a body", Broken("half"), |wire| {
        head(wire, "Content-Length: 1000\r\n");
        wire.send("half");
        wire.reader.stream.shutdown(std::net::Shutdown::Write).ok();
        wire.hang();
    };
    "silent inside of a body with a length", Broken("half"), |wire| { head(wire, "Content-Length: 1000\r\n"); wire.send("half"); std::thread::sleep(TOO_LONG) };
    "silent between chunks", Broken("half"), |wire| { head(wire, "Transfer-Encoding: chunked\r\n"); wire.chunk("half"); std::thread::sleep(TOO_LONG) };
    "silent in a body that ends with the connection", Broken("half"), |wire| { head(wire, ""); wire.send("half"); std::thread::sleep(TOO_LONG) };
    "a chunk size that is none", Broken(""), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n"));
    "a chunk size of too many digits", Broken(""), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\nok\r\n0\r\n\r\n"));
    "chunks with bare line feeds", Broken(""), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n"));
    "a chunk longer than it says", Broken("ok"), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nokEXTRA\r\n0\r\n\r\n"));
];

/// No answer at all, or none that HTTP knows.
pub const NONE: &[Fault] = faults![
    "closed at once", Status(502), |wire| wire.close();
    "reset at once", Status(502), |wire| wire.reset();
    "closed inside of the status line", Status(502), |wire| last(wire, "HTTP/1.1 20");
    "closed inside of the head", Status(502), |wire| last(wire, format!("{OK}Content-Le"));
    "reset inside of the head", Status(502), |wire| { wire.send(format!("{OK}Content-Le")); then_reset(wire) };
    "silent", Status(504), |_| std::thread::sleep(TOO_LONG);
    "silent inside of the head", Status(504), |wire| { wire.send(format!("{OK}Content-Le")); std::thread::sleep(TOO_LONG) };
    "every byte there is", Status(502), |wire| last(wire, (0..=255).cycle().take(1024).collect::<Vec<u8>>());
    "a greeting of another protocol", Status(502), |wire| last(wire, "220 mail.test ESMTP\r\n\r\n");
    "a TLS alert", Status(502), |wire| last(wire, b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n");
    "a page without a head", Status(502), |wire| last(wire, "<html>hello</html>\r\n\r\n");
    "an endless head", Status(502), |wire| {
        wire.send(OK);
        let lines = "X-Endless: and so on, and so on, and so on\r\n".repeat(200);
        (0..400).for_each(|_| wire.send(&lines));
        wire.close();
    };
    "a huge header", Status(502), |wire| { wire.send(format!("{OK}X-Huge: ")); wire.send(vec![b'x'; 2 << 20]); last(wire, "\r\nContent-Length: 2\r\n\r\nok") };
    "three hundred headers", Status(502), |wire| last(wire, format!("{OK}{}Content-Length: 2\r\n\r\nok", "X: y\r\n".repeat(300)));
    "interim answers without end", Status(502), |wire| {
        (0..2000).for_each(|_| wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"));
        wire.close();
    };
    "an interim answer and nothing more", Status(502), |wire| last(wire, "HTTP/1.1 103 Early Hints\r\n\r\n");
    "another protocol that nobody asked for", Status(502), |wire| {
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello");
        wire.hang();
    };
    "two lengths", Status(502), |wire| last(wire, format!("{OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!"));
    "a length with a sign", Status(502), |wire| last(wire, format!("{OK}Content-Length: +2\r\n\r\nok"));
    "a negative length", Status(502), |wire| last(wire, format!("{OK}Content-Length: -1\r\n\r\nok"));
    "a length that is none", Status(502), |wire| last(wire, format!("{OK}Content-Length: two\r\n\r\nok"));
    "an empty length", Status(502), |wire| last(wire, format!("{OK}Content-Length:\r\n\r\nok"));
    "a coding that is none", Status(502), |wire| last(wire, format!("{OK}Transfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
    "a coding that nobody asked for", Status(502), |wire| last(wire, format!("{OK}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
    "a coding to the end of the connection", Status(502), |wire| last(wire, format!("{OK}Transfer-Encoding: gzip\r\n\r\nok"));
    "chunks in chunks", Status(502), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
    "chunked said twice", Status(502), |wire| last(wire, format!("{OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
    "identity with a length", Status(502), |wire| { head(wire, "Transfer-Encoding: identity\r\nContent-Length: 2\r\n"); wire.send("ok") };
    "identity without an end", Status(502), |wire| { head(wire, "Transfer-Encoding: identity\r\n"); wire.send("ok") };
    "a NUL in a header", Status(502), |wire| last(wire, format!("{OK}X: a\0b\r\nContent-Length: 2\r\n\r\nok"));
    "a carriage return in a header", Status(502), |wire| last(wire, format!("{OK}X: a\rb\r\nContent-Length: 2\r\n\r\nok"));
    "a header line without a colon", Status(502), |wire| last(wire, format!("{OK}broken line\r\nContent-Length: 2\r\n\r\nok"));
    "a status of two digits", Status(502), |wire| last(wire, "HTTP/1.1 99 X\r\nContent-Length: 2\r\n\r\nok");
    "a status of four digits", Status(502), |wire| last(wire, "HTTP/1.1 2000 X\r\nContent-Length: 2\r\n\r\nok");
    "HTTP/2.0 in words", Status(502), |wire| last(wire, "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
];

/// Odd, but whole.
pub const WHOLE: &[Fault] = faults![
    "a slow head", Answer(200, "ok"), |wire| { slowly(wire, format!("{OK}Content-Length: 2\r\n\r\n")); wire.send("ok") };
    "a slow body", Answer(200, "slow, but whole"), |wire| { head(wire, "Content-Length: 15\r\n"); slowly(wire, "slow, but whole") };
    "slow chunks", Answer(200, "ok"), |wire| { head(wire, "Transfer-Encoding: chunked\r\n"); slowly(wire, "1\r\no\r\n1\r\nk\r\n0\r\n\r\n") };
    "a body longer than its length", Answer(200, "ok"), |wire| last(wire, format!("{OK}Content-Length: 2\r\n\r\nokEXTRA"));
    "a body longer than its length, kept open", Answer(200, "ok"), |wire| { head(wire, "Content-Length: 2\r\n"); wire.send("okEXTRA") };
    "a second answer that nobody asked for", Answer(200, "ok"), |wire| {
        wire.send(format!("{OK}Content-Length: 2\r\n\r\nok{OK}Content-Length: 4\r\n\r\nevil"));
    };
    "a body that ends with the connection", Answer(200, "whole"), |wire| last(wire, format!("{OK}\r\nwhole"));
    "HTTP/1.0 to the end of the connection", Answer(200, "whole"), |wire| last(wire, "HTTP/1.0 200 OK\r\n\r\nwhole");
    "HTTP/1.0 with a length", Answer(200, "ok"), |wire| last(wire, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    "HTTP/1.0 that keeps its connection", Answer(200, "ok"), |wire| wire.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
    "HTTP/1.0 with chunks", Answer(200, "ok"), |wire| last(wire, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    "half-closed behind the body", Answer(200, "ok"), |wire| {
        head(wire, "Content-Length: 2\r\n");
        wire.send("ok");
        wire.reader.stream.shutdown(std::net::Shutdown::Write).ok();
        wire.hang();
    };
    "some interim answers", Answer(200, "ok"), |wire| {
        (0..5).for_each(|_| wire.send("HTTP/1.1 102 Processing\r\n\r\n"));
        wire.ok("ok");
    };
    "a 100 that nobody asked for", Answer(200, "ok"), |wire| { wire.send("HTTP/1.1 100 Continue\r\n\r\n"); wire.ok("ok") };
    "204 with a body", Answer(204, ""), |wire| wire.send("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody");
    "304 with a body", Answer(304, ""), |wire| wire.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nbody");
    "a length beside chunks", Answer(200, "ok"), |wire| { head(wire, "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"); wire.chunk("ok"); wire.last_chunk() };
    "identity to the end of the connection", Answer(200, "ok"), |wire| last(wire, format!("{OK}Connection: close\r\nTransfer-Encoding: identity\r\n\r\nok"));
    "identity with a length to the end of the connection", Answer(200, "ok"), |wire| last(wire, format!("{OK}Connection: close\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok"));
    "identity of HTTP/1.0", Answer(200, "ok"), |wire| last(wire, "HTTP/1.0 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok");
    "a length said twice", Answer(200, "ok"), |wire| { head(wire, "Content-Length: 2\r\nContent-Length: 2\r\n"); wire.send("ok") };
    "a list of equal lengths", Answer(200, "ok"), |wire| { head(wire, "Content-Length: 2, 2\r\n"); wire.send("ok") };
    "chunks with extensions", Answer(200, "ok"), |wire| { head(wire, "Transfer-Encoding: chunked\r\n"); wire.send("2;a=b\r\nok\r\n0\r\n\r\n") };
    "chunks with padded sizes", Answer(200, "ok"), |wire| { head(wire, "Transfer-Encoding: chunked\r\n"); wire.send("2   \r\nok\r\n0\r\n\r\n") };
    "trailers", Answer(200, "ok"), |wire| { head(wire, "Transfer-Encoding: chunked\r\n"); wire.send("2\r\nok\r\n0\r\nX-T: v\r\n\r\n") };
    "a head with bare line feeds", Answer(200, "ok"), |wire| wire.send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok");
    "a folded header", Answer(200, "ok"), |wire| { head(wire, "X: a\r\n b\r\nContent-Length: 2\r\n"); wire.send("ok") };
    "no reason", Answer(200, "ok"), |wire| wire.send("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok");
    "a status that nobody knows", Answer(599, "ok"), |wire| wire.send("HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\nok");
];

/// All of them, in the order in which [`bad`] numbers them.
pub fn all() -> Vec<&'static Fault> {
    CUT.iter().chain(NONE).chain(WHOLE).collect()
}

/// An origin that plays fault N at `/fault/N`, and answers everything else well.
pub fn bad() -> Origin {
    let faults = all();
    Origin::at_head(move |seen, wire| match seen.target().strip_prefix("/fault/") {
        Some(number) => (faults[number.parse::<usize>().unwrap()].play)(wire),
        None => wire.ok("good"),
    })
}
