//! The hands: one file per command. This page is the command tree and nothing else.
//!
//! A command is a pair `Args` + `run(config, args) -> anyhow::Result<Exit>` in a file named after it. It prints its result on
//! stdout (with [`print::say`], which does not mind a closed pipe) and returns an [`Exit`]; an error it returns is printed on
//! stderr by [`main`], which then ends with [`Exit::Trouble`].

pub mod ask;
pub mod check;
pub mod compare;
pub mod demo;
pub mod diff;
pub mod discover;
mod evidence;
pub mod exit;
pub mod explain;
pub mod gate;
pub mod log;
mod notify;
pub mod options;
pub mod print;
mod privileges;
pub mod recheck;
pub mod report;
pub mod rollback;
pub mod run;
pub mod stage;
pub mod status;
pub mod store;
mod succession;
pub mod table;
mod wiring;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;
pub use options::{AdminTarget, Format};

/// Where the config is looked for when neither `-c` nor `$MATAPALO_CONFIG` says.
pub const DEFAULT_CONFIG: &str = "config/matapalo.yaml";

/// A strangler-fig reverse proxy: moves a site from a legacy backend to a new one, endpoint by endpoint, on evidence.
#[derive(Debug, Parser)]
#[command(name = "matapalo", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// The config file.
    #[arg(short, long, global = true, value_name = "FILE", env = "MATAPALO_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the door: serve in the foreground (SIGTERM drains, SIGHUP reloads)
    Run(run::Args),
    /// Check the config: every error and warning at once, or what would change
    Check(check::Args),
    /// Tell which route a request takes and why, and what would be done with it
    Explain(explain::Args),
    /// Show what the running door has in force
    Status(status::Args),
    /// Move a route to another stage by editing the config file
    Stage(stage::Args),
    /// Send one route, or all, back to legacy at once, until resumed
    Rollback(rollback::Args),
    /// End a rollback: the config file decides again
    Resume(rollback::Args),
    /// Look after the store
    Store(store::Args),
    /// Tell what was compared, what differs, and why
    Report(report::Args),
    /// Give the verdict on routes as an exit code
    Gate(gate::Args),
    /// Compare stored answers offline
    Diff(diff::Args),
    /// Ask both backends the same questions and report the differences
    Compare(compare::Args),
    /// Ask the stored requests of a cause again: open, fixed or regressed
    Recheck(recheck::Args),
    /// List the endpoints seen in traffic: what to port next
    Discover(discover::Args),
    /// Show the whole thing on two small built-in origins
    Demo(demo::Args),
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if !matches!(cli.command, Command::Run(_)) {
        do_without_huge_pages();
    }
    let exit = cli.command.run(&cli.config).unwrap_or_else(|error| {
        print::trouble(&error);
        Exit::Trouble
    });
    exit.into()
}

/// Huge pages save a twentieth of the processor of a door that is busy for weeks. A command is over soon, and would hold memory
/// that it does not use (measured: comparing two pages of 300 KB took 33 MB with them, and 13 without).
fn do_without_huge_pages() {
    // The flag is of the process, threads that come later included; a system that refuses it gives memory as before.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

impl Command {
    fn run(&self, config: &Path) -> anyhow::Result<Exit> {
        match self {
            Self::Run(args) => run::run(config, args),
            Self::Check(args) => check::run(config, args),
            Self::Explain(args) => explain::run(config, args),
            Self::Status(args) => status::run(config, args),
            Self::Stage(args) => stage::run(config, args),
            Self::Rollback(args) => rollback::rollback(config, args),
            Self::Resume(args) => rollback::resume(config, args),
            Self::Store(args) => store::run(config, args),
            Self::Report(args) => report::run(config, args),
            Self::Gate(args) => gate::run(config, args),
            Self::Diff(args) => diff::run(config, args),
            Self::Compare(args) => compare::run(config, args),
            Self::Recheck(args) => recheck::run(config, args),
            Self::Discover(args) => discover::run(config, args),
            Self::Demo(args) => demo::run(config, args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_tree_is_sound() {
        super::Cli::command().debug_assert();
    }
}
