//! # matapalo: the architecture page
//!
//! A strangler-fig reverse proxy. Per request a value goes one way and changes its name as it goes:
//! `Parts → Route → Plan → Exchange → MirrorJob → Pair → Comparison → Tally + Sample → Report → Readiness`.
//! Nobody calls back; where one would need to, a value is missing.
//!
//! The rooms are declared from the ground up. A room uses only those declared above it (`tests/layers.rs` checks).
//!
//! Invariants:
//! * The pure rooms ([`routing`], [`diff`], and `tally`, `noise` and `readiness` of [`evidence`]) never do IO; time and chance are arguments.
//! * A response already under way is never altered or delayed for the mirror.
//! * Only `routing/stage.rs` branches on a stage.
//! * One settings snapshot per request, from the first byte to the stored comparison.
//! * Nothing below [`proxy`] knows a pingora session.
//! * A broken config, store, mirror, comparison or collector of traces can lose *knowledge*, never a *user's request*.
//! * Report and gate read the store only, so they also work with the door closed.

/// Who answers? Buckets, stages, the indexed route table. Pure.
pub mod routing;

/// What differs? Two observations compared as HTTP, JSON and HTML. Pure.
pub mod diff;

/// What does it prove? Tallies, readiness, the store, the report.
pub mod evidence;

/// Who are we? Certificates, keys, and the terms on which a listener speaks TLS.
pub mod tls;

/// Listening sockets that were open before: handed over by the door before this one, or by systemd.
pub mod socket;

/// What did the operator say? The YAML as written, compiled to settings, every error located.
pub mod config;

/// Where is it? Endpoints, their choice and state, in-flight limits, the client used for copies.
pub mod upstream;

/// What is in force now? The one atomic snapshot, the watch that replaces it, the rollbacks that override it.
pub mod live;

/// What did a request go through? Spans, made of the requests whose trace is kept, and their way to a collector.
pub mod trace;

/// Send the copy: offered without waiting, sent and compared on a runtime of its own.
pub mod mirror;

/// The door: pingora's hooks, each a few lines that do what the plan says.
pub mod proxy;

/// The window: health, metrics, API.
pub mod admin;

/// The hands: one file per command.
pub mod cli;
