//! A real Home Assistant core, driven by steps. See core.py for the protocol.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a harness of tests may panic")]

use crate::common::{Mosquitto, root};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One installation of Home Assistant; [`Core::start`] again is a restart.
pub struct Installation {
    tree: PathBuf,
    folder: tempfile::TempDir,
}

impl Installation {
    /// A new installation. `None`, with a message, if setup.sh has not installed Home Assistant.
    pub fn new() -> Option<Installation> {
        let tree = root().join("target/homeassistant/tree");
        if !tree.join("venv/made-from").exists() {
            eprintln!("skipped: Home Assistant is not installed: run make test-homeassistant");
            return None;
        }
        let folder = tempfile::tempdir_in(tree.join("tmp")).unwrap();
        std::fs::copy(root().join("tests/homeassistant/core.py"), folder.path().join("core.py")).unwrap();
        Some(Installation { tree, folder })
    }

    /// Starts it against `broker`.
    pub fn start(&self, broker: &Mosquitto) -> Core {
        let inside = Path::new("/").join(self.folder.path().strip_prefix(&self.tree).unwrap());
        let errors = std::fs::File::create(self.folder.path().join("stderr")).unwrap();
        let mut child = Command::new("chroot")
            .args([&self.tree, Path::new("/venv/bin/python"), &inside.join("core.py"), &inside])
            .arg(broker.port.to_string())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", &inside)
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Core { child, stdin, stdout, stderr: self.folder.path().join("stderr") }
    }
}

/// A running core; killed when dropped.
pub struct Core {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    stderr: PathBuf,
}

impl Core {
    fn step(&mut self, step: &Value) -> Value {
        writeln!(self.stdin.as_mut().unwrap(), "{step}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let errors = || std::fs::read_to_string(&self.stderr).unwrap();
        assert!(!line.is_empty(), "Home Assistant has ended: {}", errors());
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["ok"], true, "{step}: {answer}");
        answer
    }

    /// Waits until `entity`, or `entity:attribute`, is `state`; `absent`: it does not exist.
    pub fn until(&mut self, entity: &str, state: &str) {
        self.step(&json!(["until", entity, state]));
    }

    /// Calls a service.
    pub fn call(&mut self, service: &str, entity: &str, data: Value) {
        self.step(&json!(["call", service, entity, data]));
    }

    /// Devices, entities and warnings.
    pub fn dump(&mut self) -> Value {
        self.step(&json!(["dump"]))
    }

    /// Stops it in an orderly way.
    pub fn stop(mut self) {
        drop(self.stdin.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
