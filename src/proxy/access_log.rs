//! The access log: a line per request, pushed into a bounded buffer under a short lock and written by a thread of its own.
//!
//! A line never holds a cookie, an Authorization or any other header but User-Agent and Referer; of the target only the path,
//! because queries carry tokens. A full buffer (a disk that does not keep up) drops lines and says how many. A line that a full disk
//! took a part of is finished once there is room: whatever was dropped, no two lines are melted into one.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use prometheus::IntCounter;

use crate::config::settings::{AccessLogFormat, AccessLogSettings};
use crate::routing::{Bucket, Share};
use crate::trace::TraceId;

mod format;
mod sink;
#[cfg(test)]
mod tests;

use sink::Sink;

/// Between two writes.
const DRAIN: Duration = Duration::from_millis(100);
/// Bytes that may wait: some seconds of a very busy site.
const ROOM: usize = 4 << 20;
/// Bytes of a line without long fields: made outside of the lock, which all of the door's threads share.
const USUAL_LINE: usize = 512;
/// How long the end of the log waits for what was pushed to be written: nobody may be reading.
const FAREWELL: Duration = Duration::from_secs(2);

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
            AccessLogFormat::Json => format::json(&mut text, line),
            AccessLogFormat::Combined => format::combined(&mut text, line),
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
