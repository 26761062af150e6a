//! The door's own log: lines wait in a bounded queue, and a thread of its own writes them to stderr.
//!
//! Who logs never waits, and never learns whether anybody reads: a line that finds no room, or cannot be written, is dropped
//! and counted. The same goes for panics, which would else be told on stderr by the thread that has one.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};
use prometheus::IntCounter;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::print;
use crate::live::rollbacks::rfc3339;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// The variable that says what is logged.
const VARIABLE: &str = "RUST_LOG";
/// What is logged unless `$RUST_LOG` says otherwise.
const DEFAULT: &str = "info";
/// Not logged unless `$RUST_LOG` names it. Pingora's own lines repeat, per request, what the meters count, and quote targets with their
/// queries; those of the protocols' libraries can be called forth by any client, as often as it likes, and a page that is compared says
/// the same of itself each time.
const QUIET: &str =
    "pingora=off,pingora_core=off,pingora_proxy=off,pingora_pool=off,h2=off,rustls=off,tokio_rustls=off,html5ever=off";
/// What libraries say at `debug` and `trace` has heads and bodies in it, with their cookies and tokens: it is never logged, whatever
/// `$RUST_LOG` says. What this crate says is written with that in mind.
const LIBRARIES: LevelFilter = LevelFilter::INFO;
const OURS: &str = env!("CARGO_PKG_NAME");

/// Bytes that may wait: some thousand lines, while a terminal is held or a shipper of logs restarts.
const ROOM: usize = 1 << 20;
/// How long the end of the process waits for the last lines to be written.
const FAREWELL: Duration = Duration::from_millis(500);

/// The way in. Clones share the queue.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
    format: LogFormat,
}

/// A line that is written whatever `$RUST_LOG` leaves out, with the keys that all lines have.
#[derive(serde::Serialize)]
struct LastLine<'a> {
    timestamp: &'a str,
    level: &'a str,
    message: &'a str,
    target: &'a str,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write.
    filled: Condvar,
    /// There is not.
    emptied: Condvar,
    dropped: IntCounter,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// A line was taken out and is not written yet.
    writing: bool,
}

/// What `$RUST_LOG` asks for, if it can be understood.
fn wanted() -> EnvFilter {
    let asked = std::env::var(VARIABLE).ok().filter(|asked| !asked.trim().is_empty());
    asked
        .and_then(|asked| EnvFilter::try_new(format!("{QUIET},{asked}")).ok())
        .unwrap_or_else(|| EnvFilter::new(format!("{QUIET},{DEFAULT}")))
}

/// Whether a line may be logged, if it is asked for.
fn is_discreet(line: &Metadata<'_>) -> bool {
    let ours = line.target().strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    ours || *line.level() <= LIBRARIES
}

impl Log {
    /// Everything that is logged from here on goes to stderr, in this format.
    ///
    /// # Errors
    /// The system gives no thread or no descriptor.
    pub fn to_stderr(format: LogFormat) -> anyhow::Result<Self> {
        // Not by the library's own handle: its lock would be held for as long as nobody reads.
        let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let log = Self::to(stderr, format)?;
        let written = tracing_subscriber::fmt::layer().log_internal_errors(false).with_writer(log.clone());
        let wanted = tracing_subscriber::registry().with(wanted()).with(FilterFn::new(is_discreet));
        // A second start in the same process (tests) keeps the first one's log.
        let _ = match format {
            LogFormat::Text => wanted.with(written.with_ansi(io::stderr().is_terminal())).try_init(),
            LogFormat::Json => wanted.with(written.json().flatten_event(true)).try_init(),
        };
        // As the library's own hook tells it, which would wait for a reader.
        std::panic::set_hook(Box::new(|panic| {
            let trace = Backtrace::capture();
            match trace.status() {
                BacktraceStatus::Captured => tracing::error!("{panic}\n{trace}"),
                _ => tracing::error!("{panic}"),
            }
        }));
        Ok(log)
    }

    fn to(sink: impl Write + Send + 'static, format: LogFormat) -> anyhow::Result<Self> {
        let dropped = IntCounter::new("log_dropped_total", "Lines of the door's own log that nobody took.")?;
        let shared =
            Arc::new(Shared { queue: Mutex::default(), filled: Condvar::new(), emptied: Condvar::new(), dropped });
        let written = shared.clone();
        std::thread::Builder::new().name("log".into()).spawn(move || written.write_to(sink))?;
        Ok(Self { shared, format })
    }

    /// Lines that found no room, or could not be written.
    pub fn dropped(&self) -> &IntCounter {
        &self.shared.dropped
    }

    /// Why the door does not open, or ends.
    pub fn tell(&self, error: &anyhow::Error) {
        let told = match self.format {
            LogFormat::Text => print::told(error),
            LogFormat::Json => {
                let (timestamp, message) = (rfc3339(SystemTime::now()), format!("{error:#}"));
                let line =
                    LastLine { timestamp: &timestamp, level: "ERROR", message: &message, target: module_path!() };
                // Four texts are always JSON.
                serde_json::to_string(&line).unwrap_or_default() + "\n"
            }
        };
        self.push(told.as_bytes());
    }

    /// Takes a line as it is; never waits.
    fn push(&self, line: &[u8]) {
        let mut queue = self.shared.queue.lock();
        if queue.bytes + line.len() > ROOM {
            return self.shared.dropped.inc();
        }
        queue.bytes += line.len();
        queue.lines.push_back(line.to_vec());
        drop(queue);
        self.shared.filled.notify_one();
    }

    /// Waits for what was pushed to be written, but not for ever: nobody may be reading.
    pub fn flush(&self) {
        let until = Instant::now() + FAREWELL;
        let mut queue = self.shared.queue.lock();
        while queue.writing || !queue.lines.is_empty() {
            if self.shared.emptied.wait_until(&mut queue, until).timed_out() {
                return;
            }
        }
    }
}

impl Shared {
    fn write_to(&self, mut sink: impl Write) {
        let mut told = 0;
        loop {
            let written = sink.write_all(&self.next()).and_then(|()| sink.flush());
            match written {
                Err(_) => self.dropped.inc(),
                Ok(()) if self.dropped.get() > told => {
                    told = self.dropped.get();
                    tracing::warn!(lines = told, "lines of this log were dropped since the door opened");
                }
                Ok(()) => {}
            }
        }
    }

    /// The next line, as soon as there is one.
    fn next(&self) -> Vec<u8> {
        let mut queue = self.queue.lock();
        queue.writing = false;
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.bytes -= line.len();
                queue.writing = true;
                return line;
            }
            self.emptied.notify_all();
            self.filled.wait(&mut queue);
        }
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// One write is one line: that is how the subscriber writes.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Takes each line only when it is told to.
    struct Slow {
        goes: Receiver<()>,
        taken: Sender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.goes.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.taken.send(line.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Log, Sender<()>, Receiver<Vec<u8>>) {
        let ((go, goes), (taken, lines)) = (channel(), channel());
        (Log::to(Slow { goes, taken }, LogFormat::Text).unwrap(), go, lines)
    }

    #[test]
    fn a_flush_waits_for_the_last_line() {
        let (log, go, lines) = slow();
        (0..3).for_each(|index| log.push(format!("{index}\n").as_bytes()));
        (0..3).for_each(|_| go.send(()).unwrap());
        log.flush();
        assert_eq!(lines.try_iter().collect::<Vec<_>>().concat(), b"0\n1\n2\n");
    }

    #[test]
    fn a_writer_that_is_stuck_keeps_nobody_and_what_has_no_room_is_counted() {
        let (log, _go, _lines) = slow();
        let line = [b'x'; 1024];
        let began = Instant::now();
        (0..2 * ROOM / line.len()).for_each(|_| log.push(&line));
        assert!(began.elapsed() < FAREWELL, "{:?}", began.elapsed());
        assert!(log.dropped().get() as usize >= ROOM / line.len() - 1, "{}", log.dropped().get());
        log.flush();
        let took = began.elapsed();
        assert!(took >= FAREWELL && took < 4 * FAREWELL, "{took:?}");
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let (log, go, _lines) = slow();
        drop(go);
        (0..5).for_each(|_| log.push(b"nobody reads\n"));
        log.flush();
        assert_eq!(log.dropped().get(), 5);
    }
}
