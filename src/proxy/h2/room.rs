//! Room for the bodies of a connection's requests, so that none waits for another one's backend.
//!
//! What a client may send on all of a connection's streams is bounded together, and bodies that nobody takes use it up: two of them,
//! and nothing of a third one comes. So each body brings its own room with it, as long as there is some for all connections together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{CONNECTION_WINDOW, STREAM_WINDOW};

/// Bytes, over all connections: 256 bodies that are not taken. Beyond that they wait for each other, on each connection for itself.
const ROOM: usize = 256 * STREAM_WINDOW as usize;

/// What is left of it.
#[derive(Debug)]
pub struct Room(AtomicUsize);

impl Default for Room {
    fn default() -> Self {
        Self(AtomicUsize::new(ROOM))
    }
}

/// What one connection has of it.
#[derive(Debug, Default)]
pub struct Shares(AtomicUsize);

/// What one body has of it, until this is dropped.
#[derive(Debug)]
pub struct Share {
    room: Arc<Room>,
    shares: Arc<Shares>,
    bytes: usize,
}

impl Shares {
    /// What the client may send on all streams together.
    pub fn window(&self) -> u32 {
        CONNECTION_WINDOW.saturating_add(u32::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(u32::MAX))
    }
}

impl Share {
    /// For a body that says how long it is, or does not; `None`: there is no room left.
    pub fn take(room: &Arc<Room>, shares: &Arc<Shares>, length: Option<usize>) -> Option<Self> {
        let most = STREAM_WINDOW as usize;
        let bytes = length.map_or(most, |length| length.min(most));
        let left = room.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |left| left.checked_sub(bytes));
        left.ok()?;
        shares.0.fetch_add(bytes, Ordering::Relaxed);
        Some(Self { room: room.clone(), shares: shares.clone(), bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shares.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.room.0.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bodies_have_room_until_there_is_none() {
        let (room, shares) = (Arc::<Room>::default(), Arc::<Shares>::default());
        let small = Share::take(&room, &shares, Some(10)).unwrap();
        assert_eq!(shares.window(), CONNECTION_WINDOW + 10);
        drop(small);
        let all: Vec<Share> = (0..256).map(|_| Share::take(&room, &shares, None).unwrap()).collect();
        assert_eq!(shares.window(), CONNECTION_WINDOW + 256 * STREAM_WINDOW);
        assert!(Share::take(&room, &Arc::default(), Some(1)).is_none(), "it is one room for all connections");
        drop(all);
        assert_eq!(shares.window(), CONNECTION_WINDOW);
        assert!(Share::take(&room, &shares, Some(usize::MAX)).is_some());
    }
}
