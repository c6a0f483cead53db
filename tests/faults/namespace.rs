//! Runs a row again in network and mount namespaces of its own.

use crate::{Trial, skipped};
use std::process::{Command, Stdio};

const INSIDE: &str = "POSED_FAULTS_INSIDE";

/// True in the process that must do the work; loopback is up there. Elsewhere it runs that process,
/// or says why it cannot.
pub fn inside(trial: &Trial) -> bool {
    let name = trial.name();
    if std::env::var_os(INSIDE).is_some_and(|value| value == name) {
        run(&["ip", "link", "set", "lo", "up"]);
        return true;
    }
    let quiet = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    if !quiet(Command::new("unshare").args(["--net", "--mount", "ip", "link", "set", "lo", "up"])) {
        skipped("needs root, unshare and ip (iproute2) for namespaces of its own");
        return false;
    }
    let status = Command::new("unshare")
        .args(["--net", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"])
        .env(INSIDE, name)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{name}: {status}");
    false
}

/// Runs a command that must succeed.
pub fn run(command: &[&str]) {
    let status = Command::new(command[0]).args(&command[1..]).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
