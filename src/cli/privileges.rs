//! From root to a user without privileges, for good: once the ports are bound, before anything is opened that outlives it.

use std::ffi::CString;

use anyhow::{Context, ensure};
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getuid, initgroups, setgid, setuid};

use crate::config::settings::RunAs;

/// Becomes this user, with his own groups and this one first; all threads of the process do.
///
/// # Errors
/// There is no such user or group, or it cannot be done. The process must not go on then: it may still be root.
pub fn drop_to(who: &RunAs) -> anyhow::Result<()> {
    let user = user(&who.user)?;
    let group = who.group.as_deref().map_or(Ok(user.gid), group)?;
    // A door that takes over from one that has done this already.
    if getuid() == user.uid && geteuid() == user.uid && getegid() == group {
        return Ok(());
    }
    ensure!(geteuid().is_root(), "user is {:?}: only root can become another user", who.user);
    let name = CString::new(who.user.as_str()).context("user")?;
    initgroups(&name, group).with_context(|| format!("taking on the groups of {:?}", who.user))?;
    setgid(group).with_context(|| format!("taking on group {group}"))?;
    setuid(user.uid).with_context(|| format!("becoming {:?}", who.user))?;
    let is_back = !user.uid.is_root() && setuid(Uid::from_raw(0)).is_ok();
    ensure!(!is_back, "became {:?}, but could become root again", who.user);
    tracing::info!(user = who.user, uid = %user.uid, gid = %group, "privileges are dropped");
    Ok(())
}

fn user(name: &str) -> anyhow::Result<User> {
    let found = User::from_name(name).with_context(|| format!("looking up user {name:?}"))?;
    found.with_context(|| format!("user is {name:?}, whom this machine does not know"))
}

fn group(name: &str) -> anyhow::Result<Gid> {
    let found = Group::from_name(name).with_context(|| format!("looking up group {name:?}"))?;
    Ok(found.with_context(|| format!("group is {name:?}, which this machine does not know"))?.gid)
}
