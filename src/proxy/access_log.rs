//! The access log: a line per request, pushed into a bounded buffer under a short lock and written by a thread of its own.
//!
//! A line never holds a cookie, an Authorization or any other header but User-Agent and Referer; of the target only the path,
//! because queries carry tokens. A full buffer (a disk that does not keep up) drops lines and says how many. A line that a full disk
//! took a part of is finished once there is room: whatever was dropped, no two lines are melted into one.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use prometheus::IntCounter;

use crate::config::settings::{AccessLogFormat, AccessLogSettings};
use crate::routing::{Bucket, Share};
use crate::trace::TraceId;

/// Between two writes.
const DRAIN: Duration = Duration::from_millis(100);
/// Bytes that may wait: some seconds of a very busy site.
const ROOM: usize = 4 << 20;
/// Bytes of a line without long fields: made outside of the lock, which all of the door's threads share.
const USUAL_LINE: usize = 512;
/// How long the end of the log waits for what was pushed to be written: nobody may be reading.
const FAREWELL: Duration = Duration::from_secs(2);
/// Characters of any one field that are kept.
const LONGEST_FIELD: usize = 2048;

/// One answered request.
#[derive(Debug)]
pub struct Line<'a> {
    pub at: SystemTime,
    pub client: IpAddr,
    pub method: &'a str,
    /// Without the query.
    pub path: &'a [u8],
    pub host: &'a [u8],
    /// `HTTP/1.1`
    pub protocol: &'a str,
    pub status: u16,
    /// Body bytes sent to the client.
    pub bytes: usize,
    pub took: Duration,
    pub route: &'a str,
    pub stage: &'a str,
    pub answered_by: &'a str,
    /// By `limits.rate`.
    pub limited: bool,
    /// Why it was not answered, or not wholly.
    pub error: Option<&'static str>,
    pub referer: &'a [u8],
    pub user_agent: &'a [u8],
    pub request_id: &'a [u8],
    /// The trace that tells of it, if one is kept.
    pub trace: Option<TraceId>,
}

/// The way in for the door.
#[derive(Debug)]
pub struct AccessLog {
    format: AccessLogFormat,
    percent: Share,
    /// Requests that could have been written.
    seen: AtomicU64,
    dropped: IntCounter,
    reopen: Arc<AtomicBool>,
    buffer: Arc<Mutex<Buffer>>,
    stop: Option<Sender<()>>,
    /// Hung up by the writer when it ends.
    ended: Mutex<Receiver<()>>,
}

#[derive(Debug, Default)]
struct Buffer {
    text: String,
    dropped: u64,
}

impl AccessLog {
    /// # Errors
    /// The file cannot be opened, or the system gives no thread.
    pub fn open(settings: &AccessLogSettings, dropped: IntCounter) -> io::Result<Self> {
        let mut sink = Sink::open(settings.path.clone(), dropped.clone())?;
        let buffer = Arc::new(Mutex::new(Buffer::default()));
        let (stop, stopped) = channel();
        let (ends, ended) = channel::<()>();
        let drained = buffer.clone();
        let reopen = Arc::new(AtomicBool::new(false));
        let wanted = reopen.clone();
        std::thread::Builder::new().name("access-log".into()).spawn(move || {
            drain(&stopped, &drained, &wanted, &mut sink);
            drop(ends);
        })?;
        Ok(Self {
            format: settings.format,
            percent: settings.percent,
            seen: AtomicU64::new(0),
            dropped,
            reopen,
            buffer,
            stop: Some(stop),
            ended: Mutex::new(ended),
        })
    }

    /// Whether an answer of this status is to be written. The share is of all requests, evenly spread; failures always are.
    pub fn wants(&self, status: u16) -> bool {
        if self.percent == Share::ALL || status >= 500 {
            return true;
        }
        // Steps of the golden ratio, which have no factor with the number of buckets: each is met once in so many requests,
        // and any few in a row lie far apart.
        let step = self.seen.fetch_add(1, Ordering::Relaxed).wrapping_mul(6181) % u64::from(Bucket::COUNT);
        Bucket::from_index(step as u16).is_some_and(|bucket| self.percent.holds_low(bucket))
    }

    /// Whatever file has the log's name by now is opened at once, and made if there is none, whether there is a line to write or not.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
    }

    pub fn push(&self, line: &Line<'_>) {
        let mut text = String::with_capacity(USUAL_LINE);
        // Writing to a string does not fail.
        let _ = match self.format {
            AccessLogFormat::Json => json(&mut text, line),
            AccessLogFormat::Combined => combined(&mut text, line),
        };
        let mut buffer = self.buffer.lock();
        if buffer.text.len() >= ROOM {
            buffer.dropped += 1;
            self.dropped.inc();
        } else {
            buffer.text.push_str(&text);
        }
    }
}

/// What was pushed is written before the log is gone, if somebody takes it.
impl Drop for AccessLog {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.ended.lock().recv_timeout(FAREWELL) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("nobody takes the access log: its last lines are lost");
        }
    }
}

fn drain(stopped: &Receiver<()>, buffer: &Mutex<Buffer>, reopen: &AtomicBool, sink: &mut Sink) {
    loop {
        let last = !matches!(stopped.recv_timeout(DRAIN), Err(RecvTimeoutError::Timeout));
        let Buffer { text, dropped } = std::mem::take(&mut *buffer.lock());
        if dropped > 0 {
            tracing::warn!(lines = dropped, "the access log does not keep up: lines were dropped");
        }
        if reopen.swap(false, Ordering::AcqRel) {
            sink.reopen();
        }
        sink.write(text.as_bytes());
        if last {
            return;
        }
    }
}

/// A file, opened anew when it was rotated away; or standard output.
#[derive(Debug)]
struct Sink {
    path: Option<PathBuf>,
    file: Option<File>,
    /// The rest of a line whose beginning was written.
    owed: Vec<u8>,
    failing: bool,
    lost: IntCounter,
}

impl Sink {
    fn open(path: Option<PathBuf>, lost: IntCounter) -> io::Result<Self> {
        let mut sink = Self { path, file: None, owed: Vec::new(), failing: false, lost };
        let file = sink.reopened()?;
        if sink.path.is_some() && ends_within_a_line(&file) {
            sink.owed = END_OF_LINE.to_vec();
        }
        sink.file = Some(file);
        Ok(sink)
    }

    fn reopened(&self) -> io::Result<File> {
        match &self.path {
            Some(path) => append_to(path),
            // Not by the library's own handle: its lock would be held for as long as nobody reads.
            None => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
        }
    }

    fn reopen(&mut self) {
        let opened = self.find_file();
        // Until something is written, nobody knows whether what was wrong is over.
        if opened.is_err() {
            self.tell(opened);
        }
    }

    fn write(&mut self, text: &[u8]) {
        if text.is_empty() && self.owed.is_empty() {
            return;
        }
        let written = match self.find_file() {
            Ok(()) => self.append(text),
            Err(error) => {
                self.lose(lines(text));
                Err(error)
            }
        };
        self.tell(written);
    }

    /// Trouble is told once, and again when it is over.
    fn tell(&mut self, written: io::Result<()>) {
        match (written, self.failing) {
            (Err(error), false) => tracing::error!("the access log cannot be written, lines are lost: {error}"),
            (Ok(()), true) => tracing::info!("the access log is written again"),
            _ => return,
        }
        self.failing = !self.failing;
    }

    /// Opens the file that has the name, if it is not the one that is open.
    fn find_file(&mut self) -> io::Result<()> {
        let rotated = |file: &File| self.path.as_deref().is_some_and(|path| was_rotated(file, path));
        if self.file.as_ref().is_none_or(rotated) {
            self.file = Some(self.reopened()?);
            self.forget_owed();
        } else if !self.owed.is_empty() && self.file.as_ref().is_some_and(is_emptied) {
            self.forget_owed();
        }
        Ok(())
    }

    /// The beginning of the line is elsewhere, or gone: what is left of it means nothing.
    fn forget_owed(&mut self) {
        self.lose(u64::from(!self.owed.is_empty() && self.owed != END_OF_LINE));
        self.owed.clear();
    }

    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let (taken, finished) = write_what_fits(file, &self.owed);
        self.owed.drain(..taken);
        if finished.is_err() {
            self.lose(lines(text));
            return finished;
        }
        let (taken, written) = write_what_fits(file, text);
        let (begun, left) = (&text[..taken], &text[taken..]);
        let is_torn = begun.last().is_some_and(|last| *last != b'\n');
        let end = memchr::memchr(b'\n', left).map_or(left.len(), |end| end + 1);
        let (owed, lost) = left.split_at(if is_torn { end } else { 0 });
        self.owed = owed.to_vec();
        self.lose(lines(lost));
        written
    }

    fn lose(&self, lines: u64) {
        self.lost.inc_by(lines);
    }
}

/// What is owed to a line of which the rest is lost: the door that wrote it has ended.
const END_OF_LINE: &[u8] = b"\n";

fn ends_within_a_line(file: &File) -> bool {
    let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map_or(0, |metadata| metadata.len());
    let mut last = [b'\n'];
    length > 0 && file.read_exact_at(&mut last, length - 1).is_ok() && last != END_OF_LINE
}

fn lines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// How many bytes were taken, and why not all of them.
fn write_what_fits(file: &mut File, text: &[u8]) -> (usize, io::Result<()>) {
    let mut taken = 0;
    while taken < text.len() {
        match file.write(&text[taken..]) {
            Ok(0) => return (taken, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => taken += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(()))
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).read(true).open(path)
}

/// Another file, or none, has the name: whoever rotates need not tell us.
fn was_rotated(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) != (named.dev(), named.ino()),
        _ => true,
    }
}

/// Whoever rotates by copying empties the file that stays.
fn is_emptied(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

fn json(out: &mut String, line: &Line<'_>) -> std::fmt::Result {
    let since = line.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    write!(
        out,
        "{{\"time\":{}.{:03},\"client\":\"{}\",\"method\":",
        since.as_secs(),
        since.subsec_millis(),
        line.client
    )?;
    for (key, value) in [
        ("", line.method.as_bytes()),
        (",\"host\":", line.host),
        (",\"path\":", line.path),
        (",\"protocol\":", line.protocol.as_bytes()),
        (",\"route\":", line.route.as_bytes()),
        (",\"stage\":", line.stage.as_bytes()),
        (",\"origin\":", line.answered_by.as_bytes()),
        (",\"referer\":", without_query(line.referer)),
        (",\"user_agent\":", line.user_agent),
        (",\"request_id\":", line.request_id),
    ] {
        out.push_str(key);
        quoted(out, value)?;
    }
    if let Some(trace) = line.trace {
        write!(out, ",\"trace_id\":\"{trace}\"")?;
    }
    if line.limited {
        out.push_str(",\"limited\":\"rate\"");
    }
    if let Some(error) = line.error {
        write!(out, ",\"error\":\"{error}\"")?;
    }
    writeln!(
        out,
        ",\"status\":{},\"bytes\":{},\"duration_ms\":{:.3}}}",
        line.status,
        line.bytes,
        line.took.as_secs_f64() * 1e3
    )
}

/// Apache's combined format, then route, stage, origin, seconds and the request's id. What is absent is a dash.
fn combined(out: &mut String, line: &Line<'_>) -> std::fmt::Result {
    let since = line.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = civil_date(since / 86_400);
    let clock = since % 86_400;
    let name = MONTHS.get(month as usize - 1).unwrap_or(&"???");
    write!(
        out,
        "{} - - [{day:02}/{name}/{year}:{:02}:{:02}:{:02} +0000] ",
        line.client,
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )?;
    let mut request = Vec::with_capacity(line.path.len() + 16);
    request.extend_from_slice(line.method.as_bytes());
    request.push(b' ');
    request.extend_from_slice(line.path);
    request.push(b' ');
    request.extend_from_slice(line.protocol.as_bytes());
    quoted(out, &request)?;
    write!(out, " {} {} ", line.status, line.bytes)?;
    quoted(out, or_dash(without_query(line.referer)))?;
    out.push(' ');
    quoted(out, or_dash(line.user_agent))?;
    let id = String::from_utf8_lossy(line.request_id);
    writeln!(out, " {} {} {} {:.3} {id}", line.route, line.stage, line.answered_by, line.took.as_secs_f64())
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Year, month and day of a day since 1970, in the proleptic Gregorian calendar.
fn civil_date(days: u64) -> (u64, u64, u64) {
    // Years begin in March, so that the leap day is the last one; eras have 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn or_dash(text: &[u8]) -> &[u8] {
    if text.is_empty() { b"-" } else { text }
}

fn without_query(url: &[u8]) -> &[u8] {
    url.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// In double quotes; what would end them, or the line, is escaped as JSON has it.
fn quoted(out: &mut String, text: &[u8]) -> std::fmt::Result {
    let text = String::from_utf8_lossy(text);
    out.push('"');
    for character in text.chars().take(LONGEST_FIELD) {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => write!(out, "\\u{:04x}", control as u32)?,
            plain => out.push(plain),
        }
    }
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn line(path: &'static [u8]) -> Line<'static> {
        Line {
            at: UNIX_EPOCH + Duration::from_millis(1_709_210_096_500),
            client: "203.0.113.7".parse().unwrap(),
            method: "GET",
            path,
            host: b"site.example",
            protocol: "HTTP/1.1",
            status: 200,
            bytes: 12,
            took: Duration::from_micros(1_500),
            route: "page",
            stage: "shadow",
            answered_by: "legacy",
            limited: false,
            error: None,
            referer: b"https://site.example/a?token=secret",
            user_agent: b"curl \"x\"\n",
            request_id: b"7d3f",
            trace: Some(TraceId([0x4b; 16])),
        }
    }

    #[test]
    fn a_json_line_is_json_whatever_the_client_sent_and_holds_no_query() {
        let mut out = String::new();
        json(&mut out, &line(b"/a\"\\\xff")).unwrap();
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["path"], "/a\"\\\u{fffd}");
        assert_eq!(value["duration_ms"], 1.5);
        assert_eq!(value["request_id"], "7d3f");
        assert_eq!(value["trace_id"], "4b".repeat(16));
        assert_eq!(value["user_agent"], "curl \"x\"\n");
        assert!(out.ends_with("}\n") && !out.contains("secret"));
    }

    #[test]
    fn a_combined_line_is_as_log_readers_know_it() {
        let mut out = String::new();
        combined(&mut out, &line(b"/a")).unwrap();
        assert_eq!(
            out,
            "203.0.113.7 - - [29/Feb/2024:12:34:56 +0000] \"GET /a HTTP/1.1\" 200 12 \"https://site.example/a\" \
             \"curl \\\"x\\\"\\u000a\" page shadow legacy 0.002 7d3f\n"
        );
    }

    #[test]
    fn a_combined_line_has_a_dash_for_what_is_absent() {
        let mut out = String::new();
        combined(&mut out, &Line { referer: b"", user_agent: b"", ..line(b"/a") }).unwrap();
        assert!(out.contains(" 200 12 \"-\" \"-\" page "), "{out}");
    }

    #[test]
    fn a_rotated_file_is_opened_anew_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let lost = IntCounter::new("dropped", "dropped").unwrap();
        let mut sink = Sink::open(Some(path.clone()), lost).unwrap();
        sink.write(b"one\n");
        std::fs::rename(&path, folder.path().join("access.log.1")).unwrap();
        sink.write(b"two\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"two\n");
        assert_eq!(std::fs::read(folder.path().join("access.log.1")).unwrap(), b"one\n");
    }

    #[test]
    fn closing_writes_what_was_pushed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let log = open(&path, Share::ALL);
        (0..3).for_each(|_| log.push(&line(b"/a")));
        drop(log);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    fn open(path: &Path, percent: Share) -> AccessLog {
        let settings = AccessLogSettings { path: Some(path.to_owned()), format: AccessLogFormat::Json, percent };
        AccessLog::open(&settings, IntCounter::new("dropped", "dropped").unwrap()).unwrap()
    }

    #[test]
    fn a_share_is_written_and_every_failure() {
        let folder = tempfile::tempdir().unwrap();
        let log = open(&folder.path().join("access.log"), Share::from_percent(10.0).unwrap());
        let wanted = (0..10_000).filter(|_| log.wants(200)).count();
        assert!((990..=1010).contains(&wanted), "{wanted} of 10,000");
        assert!((0..100).all(|_| log.wants(502)));
        let none = open(&folder.path().join("none.log"), Share::NONE);
        assert!(!(0..1000).any(|_| none.wants(404)) && none.wants(500));
    }

    #[test]
    fn a_full_buffer_drops_lines_and_counts_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let log = open(&path, Share::ALL);
        log.buffer.lock().text = "x".repeat(ROOM);
        // The writer may take the buffer at any moment: held, it cannot.
        let mut pushed = 0;
        while log.dropped.get() == 0 && pushed < 100 {
            log.buffer.lock().text = "x".repeat(ROOM);
            log.push(&line(b"/a"));
            pushed += 1;
        }
        assert!(log.dropped.get() > 0);
    }

    #[test]
    fn told_to_reopen_it_makes_a_new_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let log = open(&path, Share::ALL);
        log.push(&line(b"/a"));
        let lines = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap().lines().count();
        await_that(|| lines("access.log") == 1);
        std::fs::rename(&path, folder.path().join("access.log.1")).unwrap();
        log.reopen();
        await_that(|| path.exists());
        log.push(&line(b"/b"));
        drop(log);
        assert_eq!((lines("access.log.1"), lines("access.log")), (1, 1));
    }

    fn await_that(is_so: impl Fn() -> bool) {
        let since = std::time::Instant::now();
        while !is_so() {
            assert!(since.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A socket stands for the disk: it is full after so many bytes, and has room again once somebody reads.
    #[test]
    fn a_line_that_found_no_room_is_finished_and_only_what_is_lost_is_counted() {
        let (disk, mut reader) = UnixStream::pair().unwrap();
        disk.set_nonblocking(true).unwrap();
        reader.set_nonblocking(true).unwrap();
        let lost = IntCounter::new("dropped", "dropped").unwrap();
        let mut sink = Sink {
            path: None,
            file: Some(File::from(OwnedFd::from(disk))),
            owed: Vec::new(),
            failing: false,
            lost: lost.clone(),
        };
        let mut all = Vec::new();
        let mut read = |all: &mut Vec<u8>| drop(reader.read_to_end(all));
        let line = format!("{}\n", "x".repeat(999_999));
        let two = format!("{line}{line}");
        sink.write(two.as_bytes());
        assert!(sink.failing && lost.get() == 1 && !sink.owed.is_empty(), "the first one is owed, the second one lost");
        sink.write(b"three\nfour\n");
        assert_eq!(lost.get(), 3);
        // Also where there is nothing to add.
        while !sink.owed.is_empty() {
            read(&mut all);
            sink.write(b"");
        }
        assert!(!sink.failing);
        sink.write(b"five\n");
        read(&mut all);
        assert_eq!(String::from_utf8(all).unwrap(), format!("{line}five\n"));
        assert_eq!(lost.get(), 3);
    }

    #[test]
    fn half_a_line_of_an_ended_door_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let lost = IntCounter::new("dropped", "dropped").unwrap();
        for (before, after) in [("whole\nha", "whole\nha\nnext\n"), ("whole\n", "whole\nnext\n"), ("", "next\n")] {
            std::fs::write(&path, before).unwrap();
            Sink::open(Some(path.clone()), lost.clone()).unwrap().write(b"next\n");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
        assert_eq!(lost.get(), 0);
    }

    #[test]
    fn what_is_owed_to_a_file_that_is_gone_or_emptied_is_lost() {
        for empties in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("access.log");
            let lost = IntCounter::new("dropped", "dropped").unwrap();
            let mut sink = Sink::open(Some(path.clone()), lost.clone()).unwrap();
            sink.write(b"beg");
            sink.owed = b"inning\n".to_vec();
            if empties {
                std::fs::write(&path, b"").unwrap();
            } else {
                std::fs::remove_file(&path).unwrap();
            }
            sink.write(b"next\n");
            assert_eq!((std::fs::read(&path).unwrap().as_slice(), lost.get()), (b"next\n".as_slice(), 1));
        }
    }
}
