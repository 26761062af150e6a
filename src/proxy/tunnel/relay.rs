//! A tunnel that the library has let go of: bytes pass both ways between a client and its backend until one of them has had enough.
//!
//! The library would keep 64 KiB for each direction, and the whole machinery of a request, for as long as somebody stays: 180 KiB
//! of a WebSocket on which nobody says a word. Here what is read goes through a piece of memory that all tunnels of a thread
//! share, and only what the other side does not take at once is kept. How both ends come here is told in [`tunnel`](super).

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::clock::Alarm;

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

thread_local! {
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE]);
}

/// How long each side may keep the other waiting.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// With two that say nothing.
    pub silence: Duration,
    /// With a backend that takes nothing.
    pub backend: Duration,
    /// With a client that takes nothing.
    pub client: Duration,
}

/// How a tunnel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// One side closed it in order.
    Closed,
    /// Or took nothing for too long.
    ClientBroke,
    BackendBroke,
    /// Nobody said a word for too long, or the backend took nothing.
    Late,
    /// Neither of them wanted that.
    Cut,
}

/// Of two ends.
#[derive(Debug)]
pub struct Relay<C, B> {
    client: C,
    backend: B,
    patience: Patience,
    to_client: Way,
    to_backend: Way,
    heard: Instant,
    alarm: Alarm,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// What was read and is not taken yet, and how much of it is.
    left: Vec<u8>,
    taken: usize,
    /// Since when nothing is.
    stuck: Option<Instant>,
    unflushed: bool,
    passed: u64,
}

enum Broken {
    Reading,
    Writing,
}

impl<C, B> Relay<C, B>
where
    C: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    /// `early` is what the client has said already.
    pub fn new(client: C, backend: B, early: Vec<u8>, patience: Patience) -> Self {
        let to_backend = Way { left: early, ..Way::default() };
        let (to_client, heard, alarm) = (Way::default(), Instant::now(), Alarm::default());
        Self { client, backend, patience, to_client, to_backend, heard, alarm }
    }

    /// Passes bytes until the end, or until it is cut, and tells the client of it.
    pub async fn run(mut self, cut: impl Future<Output = ()>) -> (End, u64) {
        let end = tokio::select! {
            biased;
            end = poll_fn(|cx| self.poll_end(cx)) => end,
            () = cut => End::Cut,
        };
        // Who takes nothing does not take the end either.
        if end != End::ClientBroke {
            let close = poll_fn(|cx| Pin::new(&mut self.client).poll_shutdown(cx));
            let _ = tokio::time::timeout(self.patience.client, close).await;
        }
        (end, self.to_client.passed)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let passed = self.to_client.passed + self.to_backend.passed;
        if let Poll::Ready(ended) = self.to_client.poll(&mut self.backend, &mut self.client, cx) {
            return Poll::Ready(match ended {
                Ok(()) => End::Closed,
                Err(Broken::Reading) => End::BackendBroke,
                Err(Broken::Writing) => End::ClientBroke,
            });
        }
        if let Poll::Ready(ended) = self.to_backend.poll(&mut self.client, &mut self.backend, cx) {
            return Poll::Ready(match ended {
                Ok(()) => End::Closed,
                Err(Broken::Reading) => End::ClientBroke,
                Err(Broken::Writing) => End::BackendBroke,
            });
        }
        // As nginx has it: heartbeats that a backend does not answer keep a tunnel, too.
        if self.to_client.passed + self.to_backend.passed > passed {
            self.heard = Instant::now();
        }
        self.poll_patience(cx)
    }

    /// A backend is not heard as long as the client does not take what it said.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let of_client = match self.to_client.stuck {
            Some(since) => (since.checked_add(self.patience.client), End::ClientBroke),
            None => (self.heard.checked_add(self.patience.silence), End::Late),
        };
        let of_backend = self.to_backend.stuck.and_then(|since| since.checked_add(self.patience.backend));
        let (until, end) = match (of_client, of_backend) {
            ((Some(first), _), Some(second)) if second < first => (Some(second), End::Late),
            ((None, _), Some(second)) => (Some(second), End::Late),
            (of_client, _) => of_client,
        };
        ready!(self.alarm.poll_until(until, cx));
        Poll::Ready(end)
    }
}

impl Way {
    /// Ready at the end of what is read, once all of it is taken.
    fn poll(
        &mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        loop {
            while self.taken < self.left.len() {
                self.taken += ready!(self.poll_give(None, &mut to, cx))?;
            }
            if self.taken > 0 {
                (self.left, self.taken) = (Vec::new(), 0);
            }
            let read = SHARED.with_borrow_mut(|piece| {
                let mut piece = ReadBuf::new(piece);
                match Pin::new(&mut from).poll_read(cx, &mut piece) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken::Reading)),
                    Poll::Pending => return Poll::Pending,
                }
                let piece = piece.filled();
                let mut given = 0;
                while given < piece.len() {
                    match self.poll_give(Some(&piece[given..]), &mut to, cx) {
                        Poll::Ready(more) => given += more?,
                        Poll::Pending => break,
                    }
                }
                self.left.extend_from_slice(&piece[given..]);
                Poll::Ready(Ok(piece.len()))
            });
            let at_end = match read {
                Poll::Ready(Err(broken)) => return Poll::Ready(Err(broken)),
                Poll::Ready(Ok(length)) => length == 0,
                Poll::Pending => false,
            };
            if read.is_pending() || at_end {
                ready!(self.poll_flush(&mut to, cx))?;
                return if at_end { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
        }
    }

    /// Gives away some of this, or of what is left.
    fn poll_give(
        &mut self,
        piece: Option<&[u8]>,
        to: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, Broken>> {
        let piece = piece.unwrap_or(&self.left[self.taken..]);
        let written = Pin::new(to).poll_write(cx, piece);
        let given = ready!(self.note(written))?;
        self.unflushed = true;
        self.passed += given as u64;
        if given == 0 { Poll::Ready(Err(Broken::Writing)) } else { Poll::Ready(Ok(given)) }
    }

    fn poll_flush(&mut self, to: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if self.unflushed {
            let flushed = Pin::new(to).poll_flush(cx);
            ready!(self.note(flushed))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Notes whether the other side takes what it is given.
    fn note<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<Result<T, Broken>> {
        match written {
            Poll::Ready(written) => {
                self.stuck = None;
                Poll::Ready(written.map_err(|_| Broken::Writing))
            }
            Poll::Pending => {
                self.stuck.get_or_insert_with(Instant::now);
                Poll::Pending
            }
        }
    }
}
