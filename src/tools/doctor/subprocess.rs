//! Trials in a process of their own: what drives hardware may crash, and must not take the report along.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// What `posed try-hardware ARGS` prints, as `Ok` if it succeeds.
///
/// # Errors
/// What it prints if it fails; that it crashes; or that it is not back `within` the time. Then it is left behind.
pub(super) fn run(args: &[&OsStr], within: Duration) -> Result<String, String> {
    let said = |e: std::io::Error| format!("it cannot be tried: {e}");
    let mut command = Command::new(std::env::current_exe().map_err(said)?);
    command.arg("try-hardware").args(args).stdin(Stdio::null());
    let (send, result) = sync_channel(1);
    std::thread::Builder::new()
        .name("try-hardware".into())
        .spawn(move || {
            // Nobody waits any more if this comes too late.
            let _ = send.send(command.output());
        })
        .map_err(said)?;
    let Ok(output) = result.recv_timeout(within) else { return Err("it does not come back".into()) };
    let output = output.map_err(said)?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.signal() {
        Some(signal) => Err(format!("it crashes (signal {signal})")),
        None if output.status.success() => Ok(text),
        None => Err(text),
    }
}
