//! Some users of the demo shop, each with a session of his own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context;

const PATHS: [&str; 9] =
    ["/items/1", "/items/2", "/items/3", "/items/4", "/search?q=", "/api/items", "/shop.php", "/about", "/imprint"];
/// Sessions that the requests are spread over.
const VISITORS: u32 = 20;
/// A demo that hangs should say so.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Seen {
    pub sent: u32,
    pub failed: u32,
}

/// Asks for each page in turn, over one kept connection.
///
/// # Errors
/// The door cannot be reached.
pub fn visit(door: SocketAddr, requests: u32) -> anyhow::Result<Seen> {
    let mut connection = connect(door)?;
    let mut seen = Seen::default();
    for number in 0..requests {
        let path = PATHS.get(number as usize % PATHS.len()).copied().unwrap_or("/");
        seen.sent += 1;
        if !matches!(ask(&mut connection, path, number % VISITORS), Ok(200..=399)) {
            seen.failed += 1;
            connection = connect(door)?;
        }
    }
    Ok(seen)
}

fn connect(door: SocketAddr) -> anyhow::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(door).with_context(|| format!("connecting to the door on {door}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

/// The status of one page, its body read and thrown away.
fn ask(connection: &mut BufReader<TcpStream>, path: &str, visitor: u32) -> std::io::Result<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nCookie: SHOPSID=visitor-{visitor}\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes())?;
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut length = 0;
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            Some(_) => {}
            None => break,
        }
    }
    std::io::copy(&mut connection.take(length), &mut std::io::sink())?;
    Ok(status)
}
