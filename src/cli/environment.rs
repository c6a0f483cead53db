//! What GStreamer reads from the environment alone, and which has no safe way to be set in a process that runs.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// GStreamer's v4l2 elements, when they stop, give up their buffers (orphan them), and those of 1.22 then keep the device
/// open: one file of it more with every pipeline that is rebuilt, so that a camera that was unplugged comes back under
/// another name. With this set they wait for the last frame and close it.
const DRAIN: &str = "GST_V4L2_FORCE_DRAIN";

/// Starts this program anew with it, in this very process; returns if it is set. Where that fails (qemu-user) all else
/// still works.
pub(super) fn ensure() {
    let Ok(program) = std::env::current_exe() else { return };
    if std::env::var_os(DRAIN).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    let _ = again.args(arguments).env(DRAIN, "1").exec();
}
