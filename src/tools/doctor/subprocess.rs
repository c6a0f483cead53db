//! Runs a hardware check in a subprocess. A driver may crash it, and the report must survive.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Runs `posed try-hardware ARGS` and returns the line it prints.
///
/// # Errors
/// The line it prints if it fails, or the reason if it crashes or takes longer than `within`. A
/// subprocess that hangs is left behind.
pub(super) fn run(args: &[&OsStr], within: Duration) -> Result<String, String> {
    let failed = |e: std::io::Error| format!("cannot be tried: {e}");
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.arg("try-hardware").args(args).stdin(Stdio::null());
    let (send, result) = sync_channel(1);
    std::thread::Builder::new()
        .name("try-hardware".into())
        .spawn(move || {
            // The receiver is gone if this comes too late.
            let _ = send.send(command.output());
        })
        .map_err(failed)?;
    let Ok(output) = result.recv_timeout(within) else {
        return Err(format!("no answer within {within:.0?}"));
    };
    let output = output.map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.signal() {
        Some(signal) => Err(format!("crashes (signal {signal})")),
        None if output.status.success() => Ok(text),
        None => Err(text),
    }
}
