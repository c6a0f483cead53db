//! Notices to systemd (sd_notify(3)): ready, status, reloading, stopping, watchdog. Outside of a
//! systemd service every call does nothing.

use sd_notify::NotifyState;
use std::path::PathBuf;
use std::time::Duration;

/// Start-up is complete: configuration, models and pipelines are loaded.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Sets the line that `systemctl status` shows.
pub fn status(status: &str) {
    send(&[NotifyState::Status(status)]);
}

/// A reload begins; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(e) => tracing::warn!("cannot read the clock for the reload notice: {e}"),
    }
}

/// The daemon stops.
pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// Feeds the watchdog once.
pub fn feed_watchdog() {
    send(&[NotifyState::Watchdog]);
}

/// The unit's `RuntimeDirectory=`, if it has one. It outlives a restart, but not a reboot.
pub fn runtime_directory() -> Option<PathBuf> {
    let folders = std::env::var_os("RUNTIME_DIRECTORY")?;
    std::env::split_paths(&folders).next().filter(|first| !first.as_os_str().is_empty())
}

/// How often to feed the watchdog: every half of its limit, as sd_watchdog_enabled(3) advises.
/// `None` if the unit has no watchdog.
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn send(state: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(state) {
        tracing::warn!("cannot notify systemd: {e}");
    }
}
