//! A mosquitto that the tests can pause, kill, starve and replace.

use crate::common::{free_port, wait_for};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Killed when dropped.
pub struct Broker {
    pub port: u16,
    address: &'static str,
    /// Lines below the listener; `{dir}` stands for a folder of its own.
    config: String,
    child: Option<Child>,
    dir: tempfile::TempDir,
}

impl Broker {
    /// Accepts every client.
    pub fn start() -> Broker {
        Broker::with("allow_anonymous true\npersistence false\n")
    }

    pub fn with(config: &str) -> Broker {
        Broker::at("127.0.0.1", config)
    }

    pub fn at(address: &'static str, config: &str) -> Broker {
        let attempt = |_| {
            let dir = tempfile::tempdir().unwrap();
            let (port, config) = (free_port(), config.to_owned());
            let mut broker = Broker { port, address, config, child: None, dir };
            broker.try_up().then_some(broker)
        };
        // Another process may take the free port before the broker does.
        (0..5).find_map(attempt).expect("mosquitto starts")
    }

    /// A file of this name in the broker's folder.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Changes its configuration from the next start on.
    pub fn reconfigure(&mut self, config: &str) {
        self.config = config.to_owned();
    }

    pub fn up(&mut self) {
        wait_for("the broker's port", || self.try_up().then_some(()));
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM: it writes its database first, if it has one.
    pub fn stop(&mut self) {
        self.signal("TERM");
        if let Some(mut child) = self.child.take() {
            wait_for("the end of mosquitto", || child.try_wait().unwrap());
        }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id();
        signal(id, name);
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    fn try_up(&mut self) -> bool {
        let dir = self.dir.path();
        // As root it would switch to user mosquitto, which cannot read the tests' files.
        let base =
            format!("user root\nlog_type all\nlog_dest stderr\nlistener {} {}\n", self.port, self.address);
        let config = self.config.replace("{dir}", &dir.display().to_string());
        std::fs::write(dir.join("mosquitto.conf"), base + &config).unwrap();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
        let program = program.iter().find(|path| Path::new(path).exists()).unwrap_or(&"mosquitto");
        let mut child = Command::new(program)
            .arg("-c")
            .arg(dir.join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mosquitto is installed (tests/deps.sh test)");
        let listens = wait_for("mosquitto", || match child.try_wait().unwrap() {
            Some(_) => Some(false),
            None => TcpStream::connect((self.address, self.port)).ok().map(|_| true),
        });
        self.child = listens.then_some(child);
        listens
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal, such as `STOP`, to a process.
pub fn signal(id: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &id.to_string()]).status().unwrap();
    assert!(status.success(), "kill -s {name} {id}");
}
