//! A real mosquitto on a free port.

use super::{free_port, wait_for};
use std::fs::OpenOptions;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Killed when dropped.
pub struct Mosquitto {
    pub port: u16,
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
        // Another process may take the free port before the broker does.
        let attempt = |_| {
            let mut broker = Mosquitto { port: free_port(), child: None, dir: tempfile::tempdir().unwrap() };
            // As root it would switch to user mosquitto, which cannot read the tests' files.
            let base = "user root\npersistence false\nlog_type all\nlog_dest stderr\n";
            let text = format!("{base}listener {} 127.0.0.1\n{config}", broker.port);
            std::fs::write(broker.dir.path().join("mosquitto.conf"), text).unwrap();
            broker.try_up().then_some(broker)
        };
        (0..5).find_map(attempt).expect("mosquitto starts")
    }

    /// Starts it again after [`Mosquitto::down`]: same port, same configuration, empty memory.
    pub fn up(&mut self) {
        wait_for("the broker's port", || self.try_up().then_some(()));
    }

    /// Kills it.
    pub fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts the process and waits until it listens; `false` if it exits instead.
    fn try_up(&mut self) -> bool {
        let log = OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
        let program = program.iter().find(|path| Path::new(path).exists()).unwrap_or(&"mosquitto");
        let mut child = Command::new(program)
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mosquitto is installed (tests/deps.sh test)");
        let listens = wait_for("mosquitto", || match child.try_wait().unwrap() {
            Some(_) => Some(false),
            None => TcpStream::connect(("127.0.0.1", self.port)).ok().map(|_| true),
        });
        self.child = listens.then_some(child);
        listens
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.down();
    }
}
