//! A real mosquitto on a free port, which tests can pause, kill, starve and replace.

use super::{free_port, wait_for};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Killed when dropped.
pub struct Mosquitto {
    pub port: u16,
    address: &'static str,
    /// Lines below the listener; `{dir}` stands for a folder of its own.
    config: String,
    child: Option<Child>,
    dir: tempfile::TempDir,
}

impl Mosquitto {
    /// A broker that accepts every client.
    pub fn start() -> Mosquitto {
        Mosquitto::with("allow_anonymous true\n")
    }

    /// A broker with `config` appended to its listener's configuration.
    pub fn with(config: &str) -> Mosquitto {
        Mosquitto::at("127.0.0.1", config)
    }

    /// As [`Mosquitto::with`], on another address.
    pub fn at(address: &'static str, config: &str) -> Mosquitto {
        let attempt = |_| {
            let (port, config, dir) = (free_port(), config.to_owned(), tempfile::tempdir().unwrap());
            let mut broker = Mosquitto { port, address, config, child: None, dir };
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

    /// Starts it again after [`Mosquitto::down`]: same port, and an empty memory unless its
    /// configuration has a database.
    pub fn up(&mut self) {
        wait_for("the broker's port", || self.try_up().then_some(()));
    }

    /// SIGKILL.
    pub fn down(&mut self) {
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

    /// Sends the signal `name`, such as `STOP`.
    pub fn signal(&self, name: &str) {
        super::signal(self.child.as_ref().expect("it runs").id(), name);
    }

    /// Changes its configuration while it runs (SIGHUP), as far as mosquitto can.
    pub fn reload(&self, config: &str) {
        let reloads = || self.log().matches("Reloading config").count();
        let before = reloads();
        self.write(config);
        self.signal("HUP");
        wait_for("the new configuration", || (reloads() > before).then_some(()));
    }

    fn write(&self, config: &str) {
        // As root it would switch to user mosquitto, which cannot read the tests' files.
        let base =
            format!("user root\nlog_type all\nlog_dest stderr\nlistener {} {}\n", self.port, self.address);
        let config = config.replace("{dir}", &self.dir.path().display().to_string());
        self.file("mosquitto.conf", &(base + &config));
    }

    /// Starts the process and waits until it listens; `false` if it exits instead. Its log says so:
    /// the port may answer for another process that has taken it.
    fn try_up(&mut self) -> bool {
        self.write(&self.config);
        let dir = self.dir.path();
        let before = self.starts();
        let log = OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
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
            None => (self.starts() > before).then_some(true),
        });
        self.child = listens.then_some(child);
        listens
    }

    /// How often it has begun to listen.
    fn starts(&self) -> usize {
        self.log().lines().filter(|line| line.ends_with(" running")).count()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.down();
        if std::thread::panicking() {
            eprintln!("the broker's log:\n{}", self.log());
        }
    }
}
