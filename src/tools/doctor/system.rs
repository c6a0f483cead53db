//! The system clock and free disk space.

use super::diagnosis::{Diagnosis, Level};
use super::machine::Machine;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::SystemTime;

/// Folders that need space: for the journal, the state and the plugin registry.
const FOLDERS: [&str; 4] = ["/", "/var/log", "/var/lib", "/var/cache"];
/// With less, another program's log may fill the disk within days.
const LITTLE_DISK_MB: u64 = 200;

pub(super) fn examine(machine: &Machine, now: SystemTime, report: &mut Diagnosis) {
    clock(machine, now, report);
    disk(report);
}

const SET_CLOCK: &str = "set the time (`date -s`) and synchronise it: `timedatectl set-ntp true`, or install chrony; a board \
     without a clock battery starts with a wrong time";

fn clock(machine: &Machine, now: SystemTime, report: &mut Diagnosis) {
    // A clock before the time this program was installed is wrong.
    let written = std::env::current_exe().and_then(|exe| exe.metadata()?.modified());
    if written.is_ok_and(|written| now < written) {
        let found = format!("{} is before posed was installed", humantime::format_rfc3339_seconds(now));
        return report.add(Level::Fault, "clock", found, SET_CLOCK);
    }
    match synchronised(machine) {
        Some(true) => report.ok("clock", "synchronised by the network"),
        Some(false) => report.add(
            Level::Warning,
            "clock",
            "not synchronised: captured_at drifts, certificates may seem invalid",
            SET_CLOCK,
        ),
        None => report.add(
            Level::Note,
            "clock",
            "unknown whether the network synchronises it",
            "install systemd-timesyncd or chrony",
        ),
    }
}

/// Whether some daemon synchronises the clock; `None` if unknown.
fn synchronised(machine: &Machine) -> Option<bool> {
    if machine.path("/run/systemd/timesync/synchronized").exists() {
        return Some(true);
    }
    let out = Command::new("timedatectl").args(["show", "-p", "NTPSynchronized", "--value"]).output().ok()?;
    match String::from_utf8_lossy(&out.stdout).trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn disk(report: &mut Diagnosis) {
    let mut seen = BTreeSet::new();
    let mut fine = Vec::new();
    for folder in FOLDERS {
        let Ok(fs) = rustix::fs::statvfs(folder) else { continue };
        // Several folders may be on one file system.
        if !seen.insert((fs.f_fsid, fs.f_blocks)) {
            continue;
        }
        let free = fs.f_bavail.saturating_mul(fs.f_frsize) >> 20;
        let no_files = fs.f_files > 0 && fs.f_favail < 1000;
        if free < LITTLE_DISK_MB || no_files {
            let what = if no_files { "nearly out of inodes".to_owned() } else { format!("{free} MB free") };
            report.add(
                Level::Warning,
                "disk",
                format!("{folder}: {what}"),
                "free some space: `journalctl --vacuum-size=50M`, `apt-get clean`",
            );
        } else {
            fine.push(format!("{folder} {free} MB free"));
        }
    }
    if !fine.is_empty() {
        report.ok("disk", fine.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_clock_before_the_installation_is_a_fault() {
        let (_dir, synced) = Machine::with(&[("run/systemd/timesync/synchronized", "")]);
        let mut report = Diagnosis::default();
        clock(&synced, SystemTime::UNIX_EPOCH + Duration::from_secs(3600), &mut report);
        assert_eq!(report.worst(), Level::Fault, "{report:?}");
        let mut report = Diagnosis::default();
        clock(&synced, SystemTime::now(), &mut report);
        assert_eq!(report.worst(), Level::Ok, "{report:?}");
    }

    #[test]
    fn reports_every_file_system_once() {
        let mut report = Diagnosis::default();
        disk(&mut report);
        let text: String = report.findings.iter().map(|f| f.found.as_str()).collect();
        assert_eq!(text.matches("/ ").count() + text.matches("/:").count(), 1, "{text}");
    }
}
