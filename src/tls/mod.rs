//! Who are we, and how is it proven? Certificates and their keys made into what a TLS listener serves with: which certificate
//! a client is shown ([`choice`]), what a pair of files is worth ([`pair`]), which terms hold with clients ([`terms`]) and with
//! backends ([`backend`]).
//!
//! Bytes in, values out: files are read by the config, sockets by the door.

mod backend;
mod choice;
mod pair;
mod terms;

pub use backend::BackendTerms;
pub use pair::{Fault, Pair};
pub use terms::{Authorities, ClientAuth, HTTP2, MinVersion, Terms};

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests;
