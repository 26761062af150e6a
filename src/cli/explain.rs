//! `matapalo explain`: which route, why, and what would be done.

use std::path::Path;

use super::{Exit, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request's method
    pub method: String,
    /// The request's URL, or its path and query
    pub url: String,
    /// A request header; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The client's address
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub client: std::net::IpAddr,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// The config does not compile, or the request cannot be understood.
pub fn run(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let _ = (config, args);
    anyhow::bail!("`matapalo explain` is not in this version yet")
}
