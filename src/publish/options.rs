//! Which broker to publish to, with which login, under which topics.

use super::spool::Limits;
use super::tls::Tls;
use super::topics::Topics;
use crate::backoff::Backoff;
use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// Default pauses while the broker is away. Poses flow again within three seconds of its return.
const RETRY: Backoff = pauses(Duration::from_millis(250), Duration::from_secs(2));
/// Default pauses after connections that do not last. A client with our id, or a broker that
/// rejects a message, ends each new connection too.
const UNSTABLE: Backoff = pauses(Duration::from_millis(500), Duration::from_secs(60));
/// Default pauses after a refusal, which only a person can correct.
const AFTER_REFUSAL: Backoff = pauses(Duration::from_secs(2), Duration::from_secs(30));

/// A back-off that is checked at compile time.
const fn pauses(first: Duration, max: Duration) -> Backoff {
    match Backoff::new(first, max) {
        Ok(backoff) => backoff,
        Err(_) => panic!("the first pause is zero or longer than the longest"),
    }
}

/// Which broker to publish to, with which login, under which topics.
#[derive(Clone, Debug)]
pub struct Options {
    /// Host name or address of the broker; an IPv6 address without brackets.
    pub host: String,
    /// Port of the broker.
    pub port: u16,
    /// TLS settings; `None`: plain TCP.
    pub tls: Option<Tls>,
    /// Client id; must be unique at the broker.
    pub client_id: String,
    /// User name and password; `None`: log in without.
    pub login: Option<Login>,
    /// Names of the topics.
    pub topics: Topics,
    /// Whether the broker keeps retained messages. If not, states are published without the flag,
    /// and late subscribers wait for the next ones.
    pub retain: bool,
    /// Interval of the signs of life. The broker publishes the last will after 1.5 times this.
    pub keep_alive: Duration,
    /// Pose messages kept for each camera while the connection is slow; older ones are dropped.
    pub queue: usize,
    /// Folder for what must outlive a restart: the list of retained topics, and the spool. `None`:
    /// nothing outlives it.
    pub state_dir: Option<PathBuf>,
    /// Limits of the spool; `None`: there is none, and [`super::Publisher::send`] does nothing.
    pub spool: Option<Limits>,
    /// Pauses between attempts while the broker is away.
    pub retry: Backoff,
    /// Pauses after connections that the broker accepts, but that end within [`Options::stable`].
    pub unstable: Backoff,
    /// A connection that lasts this long is stable.
    pub stable: Duration,
    /// Pauses between attempts after the broker refuses us or we distrust its certificate. A person
    /// has to correct that, and many brokers ban clients that retry too often.
    pub refused: Backoff,
}

/// User name and password at the broker.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// User name.
    pub username: String,
    /// File with the password; read at every attempt, so a corrected file needs no restart.
    pub password_file: Option<PathBuf>,
    /// Password, if it is not in a file.
    pub password: Option<Secret>,
}

/// Errors that keep a publisher from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] super::tls::Error),
    /// rumqttc passes the address to the verifier with its brackets, so verification fails.
    #[error("TLS to an IPv6 address cannot be verified: use the broker's name in the url")]
    Ipv6Tls,
    /// A number is out of range.
    #[error("the queue must hold at least one message, and keep_alive must be at least one second")]
    Number,
    /// The system has no thread or no event queue left.
    #[error("cannot start the publisher's thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl Options {
    /// Plain MQTT to `host`, with the prefix `posed`, the default pauses and no state folder.
    pub fn new(host: impl Into<String>, port: u16, client_id: impl Into<String>) -> Options {
        Options {
            host: host.into(),
            port,
            tls: None,
            client_id: client_id.into(),
            login: None,
            topics: Topics::new("posed"),
            retain: true,
            keep_alive: Duration::from_secs(10),
            queue: 4,
            state_dir: None,
            spool: None,
            retry: RETRY,
            unstable: UNSTABLE,
            stable: Duration::from_secs(20),
            refused: AFTER_REFUSAL,
        }
    }

    /// Finds what is wrong before any connection is made.
    ///
    /// # Errors
    /// If a certificate or key cannot be used, or a number is out of range.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(tls) = &self.tls {
            tls.connector()?;
            if self.host.contains(':') {
                return Err(Error::Ipv6Tls);
            }
        }
        if self.queue == 0 || self.keep_alive < Duration::from_secs(1) {
            return Err(Error::Number);
        }
        Ok(())
    }
}
