//! `matapalo rollback` and `matapalo resume`: override the config file at once, and end that.
//!
//! They ask the running door, which does not read its config for it. Where none answers they write the file that the
//! next one reads when it starts; one that runs with a window unknown to us looks at the file twice a second.

use std::path::Path;
use std::time::SystemTime;

use anyhow::bail;

use super::ask::{DoorAt, Heard, Said};
use super::{AdminTarget, Exit, Format, print};
use crate::admin::api::Rolled;
use crate::config::consult;
use crate::config::settings::Answer;
use crate::evidence::store::lock;
use crate::live::{Rollbacks, Target};

/// One route or all of them; exactly one of both must be said.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The route's name
    pub route: Option<String>,
    /// Every route
    #[arg(long)]
    pub all: bool,
}

// What both verbs are told; no `///`, which clap would print as the help of each.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub target: AdminTarget,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// There is no such route, the door refuses, the file cannot be written, or nothing tells where it belongs.
pub fn rollback(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let asked = Asked { verb: Verb::Rollback, which: args.which.target(), at: &args.target, format: args.format };
    asked.of_door_or_file(config)
}

/// # Errors
/// There is no such route, it is not rolled back, the door refuses, the file cannot be written, or nothing tells where it belongs.
pub fn resume(config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let asked = Asked { verb: Verb::Resume, which: args.which.target(), at: &args.target, format: args.format };
    asked.of_door_or_file(config)
}

impl Which {
    fn target(&self) -> Target {
        self.route.clone().map_or(Target::All, Target::Route)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Rollback,
    Resume,
}

impl Verb {
    fn path(self) -> &'static str {
        match self {
            Self::Rollback => "/api/v1/rollback",
            Self::Resume => "/api/v1/resume",
        }
    }
}

struct Asked<'a> {
    verb: Verb,
    which: Target,
    at: &'a AdminTarget,
    format: Format,
}

impl Asked<'_> {
    fn of_door_or_file(&self, config: &Path) -> anyhow::Result<Exit> {
        let door = DoorAt::find(config, self.at)?;
        match door.post::<Rolled>(self.verb.path(), &self.body())? {
            Heard::Answer(rolled) => self.tell_in_force(config, &rolled),
            Heard::Nobody => self.write_down(config, &door),
        }
    }

    fn body(&self) -> serde_json::Value {
        match &self.which {
            Target::All => serde_json::json!({}),
            Target::Route(route) => serde_json::json!({ "route": route }),
        }
    }

    fn tell_in_force(&self, config: &Path, rolled: &Rolled) -> anyhow::Result<Exit> {
        match self.format {
            Format::Json => print::json(rolled)?,
            Format::Text => match self.says_itself(config) {
                Some(nothing) => print::say(&nothing)?,
                None => print::say(&format!("{}, in force now", self.sentence()))?,
            },
        }
        let Some(detail) = &rolled.detail else { return Ok(Exit::Good) };
        print::trouble(&anyhow::anyhow!("{detail}"));
        Ok(Exit::Trouble)
    }

    fn write_down(&self, config: &Path, door: &DoorAt) -> anyhow::Result<Exit> {
        let said = Said::by(config);
        let store = said.store_path(config);
        // A store that a door has open is no guess.
        if said.is_nothing() && lock::holder(&store).is_none() {
            bail!("{}", self.nothing_known(config, door));
        }
        let (mut rollbacks, broken) = Rollbacks::open(Rollbacks::beside(&store));
        if let Some(broken) = broken {
            print::trouble(&broken.into());
        }
        self.apply(&mut rollbacks, said.routes.as_deref())?;
        rollbacks.keep()?;
        let file = rollbacks.path().display().to_string();
        match self.format {
            Format::Json => {
                let written = serde_json::json!({ "rollbacks": rollbacks.now(), "kept": true, "door": "not running", "file": file });
                print::json(&written)?;
            }
            Format::Text => {
                let said = match self.says_itself(config) {
                    Some(nothing) => format!("{nothing}; written to {file}"),
                    None => format!(
                        "{}: written to {file}, in force when the door starts, or within a second if one runs on this store",
                        self.sentence()
                    ),
                };
                print::say(&format!("no door answers at {}\n{said}", door.address()))?;
            }
        }
        if said.routes.is_none() && matches!(self.which, Target::Route(_)) {
            print::trouble(&anyhow::anyhow!("the config is broken, so the route's name could not be checked"));
        }
        Ok(Exit::Good)
    }

    /// What is written for a door that has its window and its store elsewhere rolls nothing back.
    fn nothing_known(&self, config: &Path, door: &DoorAt) -> String {
        let what = match self.verb {
            Verb::Rollback => "nothing is rolled back",
            Verb::Resume => "nothing is resumed",
        };
        let why = consult(config).err().and_then(|errors| errors.errors.into_iter().next());
        let why = why.map(|error| format!(": {error}")).unwrap_or_default();
        format!(
            "no door answers at {}, and the config says neither `admin.address` nor `store.path`{why}; {what}: \
             say with --admin where the running door's window is (host:port or unix:PATH), or mend the config",
            door.address()
        )
    }

    /// A name that cannot be checked is taken as it is: the moment of a rollback is no moment for a refusal.
    fn apply(&self, rollbacks: &mut Rollbacks, routes: Option<&[String]>) -> anyhow::Result<()> {
        let asked_for = match &self.which {
            Target::Route(name) => vec![name.clone()],
            Target::All => Vec::new(),
        };
        let known = routes.unwrap_or(&asked_for).iter().map(String::as_str);
        match self.verb {
            Verb::Rollback => rollbacks.roll_back(&self.which, known, SystemTime::now())?,
            Verb::Resume => rollbacks.resume(&self.which, known)?,
        }
        Ok(())
    }

    /// Of a route that no backend answers.
    fn says_itself(&self, config: &Path) -> Option<String> {
        let (Verb::Rollback, Target::Route(name)) = (self.verb, &self.which) else { return None };
        let settings = consult(config).ok()?;
        let route = settings.routes.iter().find(|route| *route.name == **name)?;
        let Answer::Respond(status) = route.answer else { return None };
        Some(format!(
            "the door answers route {name:?} itself, with {}, rolled back or not: nothing changes (`matapalo resume {name}` forgets it)",
            status.as_u16()
        ))
    }

    fn sentence(&self) -> String {
        match (self.verb, &self.which) {
            (Verb::Rollback, Target::Route(name)) => {
                format!("route {name:?} is rolled back to legacy until `matapalo resume {name}`")
            }
            (Verb::Rollback, Target::All) => {
                "every route is rolled back to legacy until `matapalo resume --all`".to_owned()
            }
            (Verb::Resume, Target::Route(name)) => format!("route {name:?} is resumed: the config decides"),
            (Verb::Resume, Target::All) => "every route is resumed: the config decides".to_owned(),
        }
    }
}
