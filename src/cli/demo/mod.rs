//! `matapalo demo`: the whole main job in small, with nothing to install. Two built-in origins, a door in front of them, some
//! users, and the report.

mod origins;
mod visitors;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};

use super::Exit;
use super::print::say;
use super::wiring::OpenDoor;
use crate::config;
use crate::evidence::report::{Filter, Paint, Report, text};
use crate::evidence::store::StoreReader;
use crate::socket::{Address, Inherited};
use origins::Origins;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Requests to send through the door (each page is asked for in turn).
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
}

/// # Errors
/// No free port on loopback, or no folder for temporary files.
pub fn run(_: &Path, args: &Args) -> anyhow::Result<Exit> {
    let folder = Folder::new()?;
    let origins = Origins::start().context("starting the built-in origins")?;
    let file = folder.write_config(&origins)?;
    let mut door = OpenDoor::build(config::load(&file)?, file.clone(), &mut Inherited::default())?;
    door.open(&mut Inherited::default())?;
    let Some(&Address::Tcp(address)) = door.addresses().first() else { bail!("the door has no address") };
    say(&introduction(&origins, address, &file))?;
    let seen = visitors::visit(address, args.requests)?;
    door.close();
    say(&format!("{} requests sent, {} failed.\n", seen.sent, seen.failed))?;
    say(&report(&folder.store())?)?;
    say(CONCLUSION)?;
    Ok(if seen.failed == 0 { Exit::Good } else { Exit::Trouble })
}

fn introduction(origins: &Origins, door: std::net::SocketAddr, file: &Path) -> String {
    format!(
        "Two built-in origins: legacy on http://{}, its port on http://{}.\nThe door in front of them: http://{door}, with {}:\n\n{}\n",
        origins.legacy,
        origins.new,
        file.display(),
        indented(&std::fs::read_to_string(file).unwrap_or_default()),
    )
}

const CONCLUSION: &str = "
The port has five bugs: a price rounded the other way, `None` where there is nothing, a list sorted by bytes, a missing
header, and a 307 for a 302. They are named above, one cause each; the pages' tokens, dates and spellings are not.
`about` is ready to flip: in a real config that is one word, `stage: new`. To try it on a real PHP site and its Python
port, run deploy/demo/up.sh.";

fn report(store: &Path) -> anyhow::Result<String> {
    let report = Report::read(&StoreReader::open(store)?, &Filter::at(SystemTime::now()))?;
    let paint = if std::io::stdout().is_terminal() { Paint::Coloured } else { Paint::Plain };
    Ok(text(&report, paint))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// A folder for this demo alone, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("matapalo-demo-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("making the folder {}", path.display()))?;
        Ok(Self(path))
    }

    fn store(&self) -> PathBuf {
        self.0.join("matapalo.db")
    }

    fn write_config(&self, origins: &Origins) -> anyhow::Result<PathBuf> {
        let file = self.0.join("matapalo.yaml");
        std::fs::write(&file, config_text(origins)).with_context(|| format!("writing {}", file.display()))?;
        Ok(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config_text(origins: &Origins) -> String {
    format!(
        "version: 1
listeners:
  - address: 127.0.0.1:0
admin: {{address: 127.0.0.1:0}}
backends:
  legacy: {{endpoints: [\"http://{}\"]}}
  new: {{endpoints: [\"http://{}\"]}}
session: {{key: [{{cookie: SHOPSID}}]}}
defaults:
  stage: shadow
  readiness: {{min_requests: 50}}
routes:
  - name: item
    match: {{path: {{template: \"/items/{{id}}\"}}}}
  - name: search
    match: {{path: {{prefix: /search}}}}
  - name: api
    match: {{path: {{prefix: /api}}}}
  - name: moved
    match: {{path: {{exact: /shop.php}}}}
  - name: about
    match: {{path: {{exact: /about}}}}
  - name: everything-else
    match: {{path: {{prefix: /}}}}
    stage: new
    fallback: {{on: {{status: [404, 501], connect_error: true}}}}
",
        origins.legacy, origins.new
    )
}
