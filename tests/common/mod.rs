//! What tests with real processes share.

#![allow(dead_code, clippy::disallowed_methods, reason = "each test uses its part; they wait for processes")]

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What is waited for comes within this, on the slowest machine that runs the tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks `probe` until it gives something.
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A real broker on a port of its own; killed when dropped.
pub struct Mosquitto {
    pub port: u16,
    child: Child,
    dir: tempfile::TempDir,
}

impl Mosquitto {
    /// One that lets everybody in.
    pub fn start() -> Mosquitto {
        Mosquitto::with("allow_anonymous true\n")
    }

    /// One with further lines in its configuration, below those of its listener.
    pub fn with(config: &str) -> Mosquitto {
        // Somebody else may take the port before the broker does; then it ends, and another is tried.
        (0..5).find_map(|_| Mosquitto::on(free_port(), config)).expect("mosquitto starts (is it installed?)")
    }

    /// One on a given port; `None` if it does not start.
    pub fn on(port: u16, config: &str) -> Option<Mosquitto> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mosquitto.conf");
        // As root it would become user mosquitto, who cannot read the tests' files.
        let base = "user root\npersistence false\nlog_type all\nlog_dest stderr\n";
        std::fs::write(&file, format!("{base}listener {port} 127.0.0.1\n{config}")).unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
        let program = program.iter().find(|path| Path::new(path).exists()).unwrap_or(&"mosquitto");
        let child = Command::new(program)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mosquitto is installed");
        let mut broker = Mosquitto { port, child, dir };
        wait_for("mosquitto", || match broker.child.try_wait().unwrap() {
            Some(_) => Some(false),
            None => TcpStream::connect(("127.0.0.1", port)).ok().map(|_| true),
        })
        .then_some(broker)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// For SIGHUP.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One message that a subscriber got.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    /// It was kept by the broker from before the subscription.
    pub retained: bool,
}

/// A subscriber to everything, apart from the code under test.
pub struct Subscriber {
    messages: Arc<Mutex<Vec<Message>>>,
    client: rumqttc::Client,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Subscriber {
    pub fn new(port: u16) -> Subscriber {
        Subscriber::with(rumqttc::MqttOptions::new(format!("test-{}", free_port()), "127.0.0.1", port))
    }

    /// With options of its own. Returns once the broker has confirmed the subscription.
    pub fn with(mut options: rumqttc::MqttOptions) -> Subscriber {
        options.set_max_packet_size(4 << 20, 4 << 20);
        let (client, mut connection) = rumqttc::Client::new(options, 10);
        client.subscribe("#", rumqttc::QoS::AtLeastOnce).unwrap();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let kept = messages.clone();
        let thread = std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(rumqttc::Event::Incoming(rumqttc::Packet::Publish(p))) => {
                        kept.lock().unwrap().push(Message {
                            topic: p.topic,
                            payload: p.payload.to_vec(),
                            retained: p.retain,
                        });
                    }
                    Ok(rumqttc::Event::Incoming(rumqttc::Packet::SubAck(_))) => drop(ready.try_send(())),
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        });
        is_ready.recv_timeout(PATIENCE).expect("the broker takes the subscription");
        Subscriber { messages, client, thread: Some(thread) }
    }

    /// All so far.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    /// Waits for a message on `topic` that `wanted` takes.
    pub fn wait(&self, topic: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        wait_for(topic, || self.messages().into_iter().find(|m| m.topic == topic && wanted(m)))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.client.disconnect();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Keeps the log lines of the process, so that tests can count them. Lines of all tests that run in
/// parallel are in it: look for what is yours, such as a port.
pub fn log_lines(mine: &str) -> Vec<String> {
    LOG.lock().unwrap().iter().filter(|line| line.contains(mine)).cloned().collect()
}

/// Starts keeping log lines of level info and above.
pub fn keep_log() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_env_filter(tracing_subscriber::EnvFilter::new("info"))
            .with_writer(|| Lines)
            .init();
    });
}

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Lines;

impl std::io::Write for Lines {
    // One call a line: the formatter writes whole lines.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().push(String::from_utf8_lossy(bytes).trim_end().to_owned());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with a file of the repository; writes it if `POSED_BLESS` is set.
pub fn assert_golden(path: &str, said: &str) {
    let file = root().join(path);
    if std::env::var_os("POSED_BLESS").is_some() {
        std::fs::write(&file, said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&file).unwrap_or_default(), "{path}");
}
