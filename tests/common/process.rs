//! The real binary, and configurations for it.

use super::{Mosquitto, root, wait_for};
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running `posed` with its own configuration file; killed when dropped.
pub struct Posed {
    child: Child,
    pub config: PathBuf,
    _dir: tempfile::TempDir,
}

/// The binary under test: that of this build, or `$POSED_BINARY`, such as an older one.
pub fn binary() -> PathBuf {
    std::env::var_os("POSED_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_posed").into(), PathBuf::from)
}

/// Sends the signal `name`, such as `STOP`, to process `id`.
pub fn signal(id: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &id.to_string()]).status().unwrap();
    assert!(status.success(), "kill -s {name} {id}");
}

/// `sh -c "setup; exec posed run"`.
pub fn posed_after(setup: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{setup}; exec \"$@\""), "sh"]).arg(binary()).arg("run");
    shell.current_dir(root()).env_remove("POSED_LOG");
    shell
}

/// `posed` with `args`, from the repository's root.
pub fn posed(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).current_dir(root()).env_remove("POSED_LOG");
    command
}

impl Posed {
    /// `posed run` with `config`.
    pub fn run(config: &str) -> Posed {
        Posed::spawn(posed(&["run"]), config)
    }

    /// Runs `command` with `--config` and a file that holds `config`.
    pub fn spawn(mut command: Command, config: &str) -> Posed {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("posed.toml");
        std::fs::write(&path, config).unwrap();
        // Without its own state, posed would go on from that of another test.
        if !command.get_envs().any(|(name, _)| name == "XDG_STATE_HOME") {
            command.env("XDG_STATE_HOME", dir.path());
        }
        let child = command.arg("--config").arg(&path).stderr(Stdio::piped()).spawn().unwrap();
        Posed { child, config: path, _dir: dir }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// If it has ended without being stopped: how, and everything it logged.
    pub fn died(&self) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The field after the name, which is in parentheses.
        stat.rsplit_once(") ").filter(|(_, fields)| fields.starts_with('Z'))?;
        let status = stat.trim_end().rsplit(' ').next().unwrap();
        let pipe = self.child.stderr.as_ref().unwrap().as_raw_fd();
        let log = std::fs::read_to_string(format!("/proc/self/fd/{pipe}")).unwrap();
        Some(format!("posed died, wait status {status}:\n{log}"))
    }

    /// Sends the signal `name`, such as `HUP`.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Sends SIGTERM; returns the exit status and everything it logged.
    pub fn stop(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for its end; returns the exit status and everything it logged.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = wait_for("the end of posed", || self.child.try_wait().unwrap());
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (status, log)
    }
}

impl Drop for Posed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The demo clip: 375 frames of two people, 1280x720.
pub fn clip() -> PathBuf {
    root().join("models/demo/walk.mp4")
}

/// A configuration with the small network and `cameras`.
pub fn config(broker: &Mosquitto, cameras: &str) -> String {
    let pose = root().join("models/lpn50-128x96");
    let port = broker.port;
    format!("[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\n[model]\npose = \"{}\"\n{cameras}", pose.display())
}

/// A camera that plays the demo clip; `more` holds further keys.
pub fn camera(name: &str, more: &str) -> String {
    let clip = clip();
    let source = clip.display();
    format!("[[camera]]\nname = \"{name}\"\nsource = \"file://{source}\"\nfinder = \"none\"\n{more}\n")
}
