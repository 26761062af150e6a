//! Options that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a table is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Where the running door's admin API is. Without these the config file says; with them it need not even be readable, so
/// that a rollback works while the file is broken.
#[derive(Debug, Clone, Default, Args)]
pub struct AdminTarget {
    /// The admin address of the running door, `host:port` or `unix:PATH` [default: the config's `admin.address`]
    #[arg(long, value_name = "ADDRESS", env = "MATAPALO_ADMIN")]
    pub admin: Option<String>,
    /// The file that holds the admin token [default: the config's `admin.token_file`]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}
