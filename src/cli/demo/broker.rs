//! A private mosquitto on a free local port, stopped with the demo.

use anyhow::{Context as _, bail};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::shutdown::Shutdown;

/// How long the broker may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(50);

/// A running broker, stopped when dropped.
pub struct Broker {
    child: Child,
    config: PathBuf,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Broker {
    /// Starts a broker and waits until it listens.
    ///
    /// # Errors
    /// If mosquitto is not installed or does not listen in time.
    pub fn start() -> anyhow::Result<Broker> {
        // If another program takes the port before the broker does, the demo fails.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let config = std::env::temp_dir().join(format!("posed-demo-{}.conf", std::process::id()));
        std::fs::File::create(&config)
            .and_then(|mut f| {
                write!(f, "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
            })
            .with_context(|| format!("cannot write {}", config.display()))?;
        let child = spawn(&config)?;
        let mut broker = Broker { child, config, port };
        broker.wait_until_it_listens()?;
        Ok(broker)
    }

    fn wait_until_it_listens(&mut self) -> anyhow::Result<()> {
        let never = Shutdown::default();
        for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("mosquitto ended ({status})");
            }
            never.wait_timeout(STEP);
        }
        bail!("mosquitto does not listen on port {} after {PATIENCE:?}", self.port)
    }
}

/// Debian installs mosquitto in /usr/sbin, which is not in a user's `PATH`.
fn spawn(config: &PathBuf) -> anyhow::Result<Child> {
    let start = |program: &str| {
        Command::new(program)
            .arg("-c")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    };
    start("mosquitto")
        .or_else(|_| start("/usr/sbin/mosquitto"))
        .context("cannot start mosquitto: install it (apt install mosquitto), or pass a broker with --broker")
}

impl Drop for Broker {
    fn drop(&mut self) {
        // These fail only if the broker has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
}
