//! Publishes poses and states to an MQTT broker. Only this module knows MQTT.
//!
//! ```text
//! workers -> poses()  -> a short queue per camera, oldest dropped -+
//! daemon  -> retain() -> the last value of each topic -------------+-> thread "mqtt" -> broker
//! ```
//! Callers never wait for the broker. While it is away, poses are dropped and counted. Retained
//! values are kept and published again at every connection, because a broker may lose its memory.
//!
//! # Why tokio here
//! rumqttc is built on tokio and depends on it. Its blocking wrapper cannot be interrupted while it
//! connects. A runtime on our one thread can, so a stop never waits for the network.
//!
//! # Traps of rumqttc 0.25 that this module avoids
//! - A lost connection leaves requests in the client that can freeze the next connection. So each
//!   connection gets a new client.
//! - Sending to the client's channel blocks unless the event loop is polled. So only a future that
//!   runs beside the event loop sends.
//! - The default packet limit is 10 KiB; a dozen people need more. It is raised.

mod client;
pub mod commands;
mod connection_error;
pub mod discovery;
mod messages;
mod outbox;
mod probe;
pub mod spool;
mod subscriber;
mod tls;

pub use messages::{CameraStatus, Latency, PersonMessage, Poses, State};
pub use outbox::{Stats, Unsent};
pub use probe::probe;
pub use subscriber::Subscriber;
pub use tls::Tls;

use crate::backoff::Backoff;
use crate::clock::{Mono, SharedClock};
use crate::shutdown::Thread;
use crate::telemetry::progress::Progress;
use outbox::Outbox;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// JSON Schema of the messages, as published on `<prefix>/schema`.
pub const SCHEMA: &str = include_str!("schema.json");

/// Longest payload, in bytes: enough for hundreds of people.
pub const LONGEST_PAYLOAD_BYTES: usize = 1 << 20;

/// The watchdog takes the thread for hung after this long without a sign of life.
const TURN_LIMIT: Duration = Duration::from_secs(15);

/// Longest time that [`Publisher::stop`] takes.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// Default pauses while the broker is away. Poses flow again within three seconds of its return.
const RETRY: Backoff = pauses(Duration::from_millis(250), Duration::from_secs(2));

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
    /// First levels of every topic.
    pub prefix: String,
    /// Interval of the signs of life. The broker publishes the last will after 1.5 times this.
    pub keep_alive: Duration,
    /// Messages kept for each camera while the connection is slow; older ones are dropped.
    pub queue: usize,
    /// Pauses between attempts while the broker is away.
    pub retry: Backoff,
    /// Pauses between attempts after the broker refuses us or we distrust its certificate. A person
    /// has to correct that, and many brokers ban clients that retry too often.
    pub refused: Backoff,
}

impl Options {
    /// Plain MQTT to `host`, with the prefix `posed` and the default pauses.
    pub fn new(host: impl Into<String>, port: u16, client_id: impl Into<String>) -> Options {
        Options {
            host: host.into(),
            port,
            tls: None,
            client_id: client_id.into(),
            login: None,
            prefix: "posed".into(),
            keep_alive: Duration::from_secs(10),
            queue: 4,
            retry: RETRY,
            refused: AFTER_REFUSAL,
        }
    }

    /// `<prefix>/<camera>/poses`
    pub fn poses_topic(&self, camera: &str) -> String {
        format!("{}/{camera}/poses", self.prefix)
    }

    /// `<prefix>/<camera>/state`
    pub fn state_topic(&self, camera: &str) -> String {
        format!("{}/{camera}/state", self.prefix)
    }

    /// `<prefix>/availability`
    pub fn availability_topic(&self) -> String {
        format!("{}/availability", self.prefix)
    }

    /// `<prefix>/schema`
    pub fn schema_topic(&self) -> String {
        format!("{}/schema", self.prefix)
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

/// User name and password at the broker.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub username: String,
    /// File with the password; read at every attempt, so a corrected file needs no restart.
    pub password_file: Option<PathBuf>,
}

/// Errors that keep a publisher from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
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

/// Owns the connection to the broker. Every call except [`Publisher::stop`] returns at once.
pub struct Publisher {
    session: String,
    options: Options,
    clock: SharedClock,
    outbox: Arc<Outbox>,
    thread: Mutex<Option<Thread>>,
}

impl Publisher {
    /// Starts the thread `mqtt`, which connects and reconnects until [`Publisher::stop`]. It is not
    /// an error if the broker is away. The thread reports its signs of life to `progress`.
    ///
    /// # Errors
    /// If [`Options::check`] fails or the thread cannot be started.
    pub fn start(options: Options, clock: SharedClock, progress: &Progress) -> Result<Publisher, Error> {
        options.check()?;
        let outbox = Arc::new(Outbox::new(options.queue));
        outbox.retain(&options.schema_topic(), SCHEMA.as_bytes());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let beat = progress.stage("mqtt", TURN_LIMIT, clock.clone());
        let client = client::Client::new(options.clone(), outbox.clone(), clock.clone());
        let thread = progress.spawn("mqtt".into(), move || client.run(runtime, &beat))?;
        let session = format!("{:016x}", fastrand::u64(..));
        Ok(Publisher { session, options, clock, outbox, thread: Mutex::new(Some(thread)) })
    }

    /// Random identifier of this start of the daemon.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The options that it was started with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Queues one message for `<prefix>/<camera>/poses`, QoS 0. If the broker is away, the message is
    /// dropped and counted. If the connection is slow, the oldest one in the queue is.
    pub fn poses(&self, camera: &str, payload: &[u8]) {
        self.outbox.poses(camera, payload, || self.options.poses_topic(camera));
    }

    /// Drops the waiting messages of `camera`, which has stopped. Its final state must come last.
    pub fn discard(&self, camera: &str) {
        self.outbox.discard(camera);
    }

    /// Publishes the state of `camera` if it differs from the last one.
    pub fn state(&self, camera: &str, state: &State<'_>) {
        self.retain(&self.options.state_topic(camera), &state.to_json());
    }

    /// Sets the retained value of `topic` (QoS 1). It is published now if it differs from the last
    /// one, and again at every connection. An empty payload deletes the topic at the broker.
    pub fn retain(&self, topic: &str, payload: &[u8]) {
        self.outbox.retain(topic, payload);
    }

    /// Whether there is a connection that the broker has accepted.
    pub fn connected(&self) -> bool {
        self.outbox.stats().connected
    }

    /// Name of the thread, if it has ended.
    pub fn ended(&self) -> Option<String> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().and_then(Thread::ended).map(str::to_owned)
    }

    /// Counters over all cameras.
    pub fn stats(&self) -> Stats {
        self.outbox.stats()
    }

    /// Messages of `camera` that were not sent.
    pub fn dropped(&self, camera: &str) -> Unsent {
        self.outbox.dropped(camera)
    }

    /// Publishes waiting retained values, then `offline`, disconnects and joins the thread. Takes at
    /// most a second, and no time while the broker is away. Later calls do nothing.
    pub fn stop(&self) {
        self.stop_by(self.clock.now() + STOP_WITHIN);
    }

    /// As [`Publisher::stop`], with a deadline on the publisher's clock.
    pub fn stop_by(&self, by: Mono) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        self.outbox.stop(by);
        // Only a name lookup that hangs in the C library can outlive this. It cannot be cancelled,
        // and nothing waits for it.
        thread.end(by.since(self.clock.now()));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop();
    }
}
