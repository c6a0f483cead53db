//! A mosquitto of the demo's own, on a free port of this machine, gone with the demo.

use anyhow::{Context as _, bail};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::shutdown::Shutdown;

/// How long a broker may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(50);

/// A running broker; dropping it ends it.
pub struct Broker {
    child: Child,
    config: PathBuf,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
}

impl Broker {
    /// Starts one.
    ///
    /// # Errors
    /// If mosquitto is not installed or does not listen in time.
    pub fn start() -> anyhow::Result<Broker> {
        // The port is free until somebody else takes it; the broker then says so and so do we.
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
                bail!("mosquitto ended at once ({status})");
            }
            never.wait_timeout(STEP);
        }
        bail!("mosquitto does not listen on port {} after {PATIENCE:?}", self.port)
    }
}

/// Debian keeps mosquitto where a user's `PATH` does not look.
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
        .context("cannot start mosquitto: install it (apt install mosquitto), or name a broker with --broker")
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Both fail only if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
}
