//! What passes through the door is not touched: bytes, framing, order, pace. Told at stage `legacy`; the other stages share the path.

mod bodies;
mod connections;
mod heads;
mod streaming;
mod websocket;

use crate::harness::{Door, Origin, Site};

const LEGACY: &str = "- {name: all, match: {path: {prefix: /}}, stage: legacy}";

/// A door before one scripted origin.
fn before(legacy: Origin) -> (Site, Door) {
    let site = Site::of(legacy, Origin::dead());
    let door = site.open(LEGACY);
    (site, door)
}

/// Before an origin that answers these bytes and keeps the connection.
fn before_bytes(answer: impl Into<Vec<u8>>) -> (Site, Door) {
    let answer = answer.into();
    before(Origin::answering(move |_, wire| wire.send(&answer)))
}

/// Before an origin that answers these bytes and closes.
fn before_last_bytes(answer: impl Into<Vec<u8>>) -> (Site, Door) {
    let answer = answer.into();
    before(Origin::answering(move |_, wire| {
        wire.send(&answer);
        wire.close();
    }))
}
