//! The workbench of these tests: a real broker on a free port, an independent subscriber, and the
//! real binary. All of it ends with its value.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Nothing here takes this long; a test that waits for it has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Repeats `probe` until it gives something.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A mosquitto.
pub struct Broker {
    child: Option<Guard>,
    pub port: u16,
    dir: tempfile::TempDir,
}

impl Broker {
    pub fn start() -> Broker {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut broker = Broker { child: None, port, dir: tempfile::tempdir().unwrap() };
        broker.up();
        broker
    }

    /// Starts it (again), on the same port and without a memory.
    pub fn up(&mut self) {
        let config = self.dir.path().join("mosquitto.conf");
        let text = format!("listener {} 127.0.0.1\nallow_anonymous true\npersistence false\n", self.port);
        std::fs::write(&config, text).unwrap();
        let child = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed (tests/deps.sh test)");
        self.child = Some(Guard(child));
        eventually("the broker listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok());
    }

    /// Kills it.
    pub fn down(&mut self) {
        self.child = None;
    }
}

/// mosquitto_sub on everything: each message as (topic, payload).
pub struct Subscriber {
    _child: Guard,
    messages: Receiver<(String, String)>,
}

impl Subscriber {
    pub fn start(broker: &Broker) -> Subscriber {
        let mut child = Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-t", "#", "-F", "%t %p"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto_sub is installed (tests/deps.sh test)");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, messages) = sync_channel(100_000);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let (topic, payload) = line.split_once(' ').unwrap_or((&line, ""));
                if send.send((topic.to_owned(), payload.to_owned())).is_err() {
                    break;
                }
            }
        });
        Subscriber { _child: Guard(child), messages }
    }

    /// The next payload of `topic` that `accept` takes; others are passed over.
    pub fn until(&self, topic: &str, mut accept: impl FnMut(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (got, payload) =
                self.messages.recv_timeout(left).unwrap_or_else(|_| panic!("no such message on {topic}"));
            if got == topic && accept(&payload) {
                return payload;
            }
        }
    }

    /// The same, as JSON.
    pub fn json(&self, topic: &str, mut accept: impl FnMut(&Value) -> bool) -> Value {
        let parse = |payload: &str| serde_json::from_str(payload).expect("payloads are JSON");
        parse(&self.until(topic, |payload| accept(&parse(payload))))
    }

    /// The first message below `unwanted` before the next on `topic`.
    pub fn next(&self, unwanted: &str, topic: &str) -> Option<(String, String)> {
        let message =
            || self.messages.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing on {topic}"));
        std::iter::repeat_with(message)
            .take_while(|(got, _)| got != topic)
            .find(|(got, _)| got.starts_with(unwanted))
    }

    /// Everything that is there by now.
    pub fn drain(&self) -> Vec<(String, String)> {
        self.messages.try_iter().collect()
    }
}

/// The binary, with a configuration of its own.
pub struct Posed {
    child: Guard,
    pub config: PathBuf,
    _dir: tempfile::TempDir,
}

pub fn posed(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posed"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("POSED_LOG");
    command
}

impl Posed {
    pub fn run(config: &str) -> Posed {
        Posed::spawn(posed(&["run"]), config)
    }

    /// The same with a command of one's own, which gets the configuration.
    pub fn spawn(mut command: Command, config: &str) -> Posed {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("posed.toml");
        std::fs::write(&path, config).unwrap();
        let child = command.arg("--config").arg(&path).stderr(Stdio::piped()).spawn().unwrap();
        Posed { child: Guard(child), config: path, _dir: dir }
    }

    pub fn pid(&self) -> u32 {
        self.child.0.id()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// SIGTERM; its exit status and what it logged.
    pub fn stop(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.ended()
    }

    /// Its exit status and log, once it has ended.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = eventually("posed ends", || self.child.0.try_wait().unwrap());
        let mut log = String::new();
        self.child.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (status, log)
    }
}

pub fn clip() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/demo/walk.mp4")
}

/// A configuration with the small network and one camera.
pub fn config(broker: &Broker, cameras: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    format!(
        "[mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\n[model]\npose = \"{}\"\n{cameras}",
        broker.port,
        models.join("lpn50-128x96").display(),
    )
}

/// A camera that shows the demo clip; `more` are further keys.
pub fn camera(name: &str, more: &str) -> String {
    format!(
        "[[camera]]\nname = \"{name}\"\nsource = \"file://{}\"\nfinder = \"none\"\n{more}\n",
        clip().display()
    )
}
