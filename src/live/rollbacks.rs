//! Which routes the operator sent back to legacy, whatever the config file says, until resumed.
//!
//! Kept in a small JSON file beside the store, written whole and synced before it counts, so that it survives restarts,
//! crashes and broken configs. The file exists only while something is rolled back. Hence a file that cannot be read is
//! taken as *everything rolled back*: somebody had asked for legacy, and too much legacy is what the site was before,
//! while too little is the outage that the rollback had ended. It is said loudly, and `matapalo resume --all` clears it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::evidence::time;

/// Which routes are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Route(String),
    All,
}

/// What is rolled back, and since when (RFC 3339, as text: it is told, never reckoned with).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolledBack {
    /// Since when every route is rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<String>,
    /// By route name.
    #[serde(default)]
    pub routes: BTreeMap<String, String>,
}

impl RolledBack {
    pub fn holds(&self, route: &str) -> bool {
        self.since(route).is_some()
    }

    /// Since when the route is rolled back, by itself or with all; `None`: it is not.
    pub fn since(&self, route: &str) -> Option<&str> {
        self.all.as_ref().or_else(|| self.routes.get(route)).map(String::as_str)
    }

    /// The command that gives the route back to the config.
    pub fn ended_by(&self, route: &str) -> String {
        format!("matapalo resume {}", if self.all.is_some() { "--all" } else { route })
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.routes.is_empty()
    }

    fn roll_back(&mut self, target: &Target, at: SystemTime) {
        let since = rfc3339(at);
        match target {
            Target::All => self.all.get_or_insert(since),
            Target::Route(name) => self.routes.entry(name.clone()).or_insert(since),
        };
    }

    /// Resuming all resumes the single routes too: after it the file of the config is in force, and nothing else.
    fn resume(&mut self, target: &Target) -> Result<(), RollbackError> {
        match target {
            Target::All => *self = Self::default(),
            Target::Route(name) if self.routes.remove(name).is_some() => {}
            Target::Route(name) => {
                return Err(RollbackError::NotRolledBack { route: name.clone(), all: self.all.is_some() });
            }
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    #[error("no route is named {route:?}{}", did_you_mean(.suggestion.as_deref()))]
    UnknownRoute { route: String, suggestion: Option<String> },
    #[error("route {route:?} is not rolled back by itself{}", if *.all { "; every route is: resume them with --all" } else { "" })]
    NotRolledBack { route: String, all: bool },
}

/// The change is in force, but a restart of the door will not know of it.
#[derive(Debug, thiserror::Error)]
#[error("in force now, but lost at the next restart: cannot write {path}: {source}", path = .path.display())]
pub struct NotKept {
    pub path: PathBuf,
    pub source: io::Error,
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

/// The file cannot be read as rollbacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} cannot be read as rollbacks: {reason}; until `matapalo resume --all` every route is taken as rolled back", path = .path.display())]
pub struct BrokenFile {
    pub path: PathBuf,
    pub reason: String,
}

/// The rollbacks in force and the file that keeps them.
#[derive(Debug)]
pub struct Rollbacks {
    path: PathBuf,
    now: RolledBack,
    /// The file's content as last read or written; `None`: there is no file.
    content: Option<Vec<u8>>,
}

/// Room for tens of thousands of routes; more is not a file of ours.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// What is appended to the store's path.
const SUFFIX: &str = ".rollbacks";
/// Readable for everybody: whoever calls for a rollback, the door must be able to read it, and there is no secret in it.
const MODE: u32 = 0o644;

impl Rollbacks {
    /// Where the rollbacks of a store are kept.
    pub fn beside(store: &Path) -> PathBuf {
        let mut path = store.as_os_str().to_owned();
        path.push(SUFFIX);
        PathBuf::from(path)
    }

    /// Reads the file; no file means nothing is rolled back. What is wrong with it is told beside the (safe) reading.
    pub fn open(path: PathBuf) -> (Self, Option<BrokenFile>) {
        let mut rollbacks = Self { path, now: RolledBack::default(), content: None };
        let broken = rollbacks.reread();
        (rollbacks, broken)
    }

    pub fn now(&self) -> &RolledBack {
        &self.now
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether somebody else wrote the file since we last read or wrote it: a command run while the door's window was
    /// out of its reach.
    pub fn changed_on_disk(&self) -> bool {
        match read(&self.path) {
            Ok(content) => content != self.content,
            Err(_) => false,
        }
    }

    /// Takes what the file says now.
    pub fn reread(&mut self) -> Option<BrokenFile> {
        let (now, broken) = match read(&self.path) {
            Ok(None) => {
                self.content = None;
                (RolledBack::default(), None)
            }
            Ok(Some(content)) => {
                let parsed = serde_json::from_slice(&content).map_err(|error| error.to_string());
                self.content = Some(content);
                self.or_everything(parsed)
            }
            Err(error) => self.or_everything(Err(error.to_string())),
        };
        self.now = now;
        broken
    }

    fn or_everything(&self, parsed: Result<RolledBack, String>) -> (RolledBack, Option<BrokenFile>) {
        match parsed {
            Ok(now) => (now, None),
            Err(reason) => {
                let everything =
                    RolledBack { all: Some("the file cannot be read".to_owned()), ..RolledBack::default() };
                (everything, Some(BrokenFile { path: self.path.clone(), reason }))
            }
        }
    }

    /// Sends a route, or all, back to legacy. Call [`Self::keep`] once it is in force.
    ///
    /// # Errors
    /// [`RollbackError::UnknownRoute`] if `routes` do not hold the name.
    pub fn roll_back<'a>(
        &mut self,
        target: &Target,
        routes: impl IntoIterator<Item = &'a str>,
        at: SystemTime,
    ) -> Result<(), RollbackError> {
        if let Target::Route(name) = target {
            known(name, routes)?;
        }
        self.now.roll_back(target, at);
        Ok(())
    }

    /// Gives a route, or all, back to what the config file says. Call [`Self::keep`] once it is in force.
    ///
    /// # Errors
    /// [`RollbackError::UnknownRoute`] or [`RollbackError::NotRolledBack`].
    pub fn resume<'a>(
        &mut self,
        target: &Target,
        routes: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), RollbackError> {
        if let Target::Route(name) = target
            && !self.now.routes.contains_key(name)
        {
            known(name, routes)?;
        }
        self.now.resume(target)
    }

    /// Writes down what is in force: whole and synced. Not before it is in force, because a slow or full disk must not
    /// keep a site from being rolled back.
    ///
    /// # Errors
    /// [`NotKept`]: the file is as it was.
    pub fn keep(&mut self) -> Result<(), NotKept> {
        let written = match &self.now {
            nothing if nothing.is_empty() => remove(&self.path).map(|()| None),
            rolled_back => write(&self.path, rolled_back).map(Some),
        };
        self.content = written.map_err(|source| NotKept { path: self.path.clone(), source })?;
        Ok(())
    }
}

fn known<'a>(name: &str, routes: impl IntoIterator<Item = &'a str>) -> Result<(), RollbackError> {
    let mut nearest: Option<(&str, f64)> = None;
    for route in routes {
        if route == name {
            return Ok(());
        }
        let likeness = strsim::jaro_winkler(route, name);
        if nearest.is_none_or(|(_, best)| likeness > best) {
            nearest = Some((route, likeness));
        }
    }
    /// Below this two names have little more than letters in common.
    const LIKE: f64 = 0.75;
    let suggestion = nearest.filter(|(_, likeness)| *likeness >= LIKE).map(|(route, _)| route.to_owned());
    Err(RollbackError::UnknownRoute { route: name.to_owned(), suggestion })
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(found) if found.len() > MAX_FILE_BYTES => {
            Err(io::Error::other(format!("{} bytes, want at most {MAX_FILE_BYTES}", found.len())))
        }
        Ok(_) => match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        },
    }
}

/// Whole and synced, or not at all: a temporary file beside it, renamed over it, and the directory synced.
fn write(path: &Path, rolled_back: &RolledBack) -> io::Result<Vec<u8>> {
    let mut content = serde_json::to_vec_pretty(rolled_back)?;
    content.push(b'\n');
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = create(&beside).and_then(|mut file| {
        file.write_all(&content)?;
        file.set_permissions(Permissions::from_mode(MODE))?;
        give_to_the_stores_owner(path, &file);
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    if let Err(error) = renamed {
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    sync_directory(path)?;
    Ok(content)
}

/// A file of ours alone: root follows no link that somebody else laid here.
fn create(path: &Path) -> io::Result<File> {
    let new = || OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
    match new() {
        // Of a process of this number that was killed.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(path).and_then(|()| new()),
        other => other,
    }
}

/// Root may roll back for a door that runs as somebody else. Who is not root writes as himself, and others may read it.
fn give_to_the_stores_owner(path: &Path, file: &File) {
    let store = path.to_str().and_then(|path| path.strip_suffix(SUFFIX)).map(fs::metadata);
    if let Some(Ok(store)) = store {
        let _ = fchown(file, Some(store.uid()), Some(store.gid()));
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_directory(path),
    }
}

fn sync_directory(of: &Path) -> io::Result<()> {
    let directory = of.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// `2026-11-21T03:30:00Z`, UTC, to the second.
pub fn rfc3339(at: SystemTime) -> String {
    time::rfc3339(time::millis(at))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    const ROUTES: [&str; 3] = ["rpc", "package-page", "account"];

    fn at() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_231_800)
    }

    fn open_in(directory: &tempfile::TempDir) -> Rollbacks {
        let (rollbacks, broken) = Rollbacks::open(Rollbacks::beside(&directory.path().join("site.db")));
        assert_eq!(broken, None);
        rollbacks
    }

    fn route(name: &str) -> Target {
        Target::Route(name.to_owned())
    }

    #[test]
    fn a_rollback_survives_a_restart_and_a_resume_ends_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut rollbacks = open_in(&directory);
        rollbacks.roll_back(&route("rpc"), ROUTES, at()).unwrap();
        rollbacks.keep().unwrap();

        let mut reopened = open_in(&directory);
        assert!(reopened.now().holds("rpc") && !reopened.now().holds("account"));
        assert_eq!(reopened.now().routes["rpc"], "2026-11-21T03:30:00Z");

        reopened.resume(&route("rpc"), ROUTES).unwrap();
        reopened.keep().unwrap();
        assert!(!open_in(&directory).now().holds("rpc"));
        assert!(!reopened.path().exists(), "the file exists only while something is rolled back");
    }

    #[test]
    fn all_holds_every_route_and_resuming_all_forgets_the_single_ones_too() {
        let directory = tempfile::tempdir().unwrap();
        let mut rollbacks = open_in(&directory);
        rollbacks.roll_back(&route("rpc"), ROUTES, at()).unwrap();
        rollbacks.keep().unwrap();
        rollbacks.roll_back(&Target::All, ROUTES, at()).unwrap();
        assert!(rollbacks.now().holds("account") && rollbacks.now().holds("a route added later"));

        let refused = rollbacks.resume(&route("account"), ROUTES).unwrap_err();
        assert!(refused.to_string().contains("--all"), "{refused}");
        rollbacks.resume(&Target::All, ROUTES).unwrap();
        rollbacks.keep().unwrap();
        assert!(open_in(&directory).now().is_empty());
    }

    #[test]
    fn a_name_that_is_no_route_is_refused_with_the_nearest_one() {
        let directory = tempfile::tempdir().unwrap();
        let mut rollbacks = open_in(&directory);
        let refused = rollbacks.roll_back(&route("pacakge-page"), ROUTES, at()).unwrap_err();
        assert_eq!(refused.to_string(), r#"no route is named "pacakge-page"; did you mean "package-page"?"#);
        let refused = rollbacks.roll_back(&route("zzz"), ROUTES, at()).unwrap_err();
        assert_eq!(refused.to_string(), r#"no route is named "zzz""#);
        assert!(rollbacks.now().is_empty() && !rollbacks.path().exists());
    }

    #[test]
    fn a_rolled_back_route_that_left_the_config_can_still_be_resumed() {
        let directory = tempfile::tempdir().unwrap();
        let mut rollbacks = open_in(&directory);
        rollbacks.roll_back(&route("rpc"), ROUTES, at()).unwrap();
        rollbacks.keep().unwrap();
        rollbacks.resume(&route("rpc"), ["account"]).unwrap();
        assert!(rollbacks.now().is_empty());
    }

    #[test]
    fn an_unreadable_file_rolls_everything_back_until_resumed() {
        let directory = tempfile::tempdir().unwrap();
        let path = Rollbacks::beside(&directory.path().join("site.db"));
        for garbage in [&b"\xff\x00garbage"[..], b"", b"{\"routes\": {\"rpc\"", b"{\"rotues\": {}}"] {
            fs::write(&path, garbage).unwrap();
            let (mut rollbacks, broken) = Rollbacks::open(path.clone());
            assert!(broken.unwrap().to_string().contains("matapalo resume --all"));
            assert!(rollbacks.now().holds("rpc"));
            rollbacks.resume(&Target::All, ROUTES).unwrap();
            rollbacks.keep().unwrap();
            assert!(open_in(&directory).now().is_empty());
        }
    }

    #[test]
    fn what_cannot_be_written_is_in_force_all_the_same_and_said() {
        let (mut rollbacks, _) = Rollbacks::open(PathBuf::from("/proc/no-such-place/site.db.rollbacks"));
        rollbacks.roll_back(&route("rpc"), ROUTES, at()).unwrap();
        let not_kept = rollbacks.keep().unwrap_err();
        assert!(not_kept.to_string().contains("lost at the next restart"), "{not_kept}");
        assert!(rollbacks.now().holds("rpc"));
    }

    #[test]
    fn it_belongs_to_whom_the_store_belongs_and_a_file_left_over_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("site.db");
        fs::write(&store, b"").unwrap();
        let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        if is_root {
            std::os::unix::fs::chown(&store, Some(4711), Some(4712)).unwrap();
        }
        let mut rollbacks = open_in(&directory);
        let mut left_over = rollbacks.path().as_os_str().to_owned();
        left_over.push(format!(".{}.new", std::process::id()));
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&left_over).unwrap();
        rollbacks.roll_back(&Target::All, ROUTES, at()).unwrap();
        rollbacks.keep().unwrap();
        let kept = fs::metadata(rollbacks.path()).unwrap();
        assert_eq!(kept.mode() & 0o777, 0o644);
        let owner = fs::metadata(&store).unwrap();
        assert_eq!((kept.uid(), kept.gid()), (owner.uid(), owner.gid()));
        assert!(!Path::new(&left_over).exists());
    }

    #[test]
    fn another_writer_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let mut ours = open_in(&directory);
        let mut theirs = open_in(&directory);
        assert!(!ours.changed_on_disk());
        theirs.roll_back(&Target::All, ROUTES, at()).unwrap();
        theirs.keep().unwrap();
        assert!(ours.changed_on_disk());
        assert_eq!(ours.reread(), None);
        assert!(ours.now().holds("rpc") && !ours.changed_on_disk());
    }
}
