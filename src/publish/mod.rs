//! Poses and states to an MQTT broker: the only room that knows MQTT.
//!
//! ```text
//! workers ──► poses()  ──► a short queue a camera, oldest dropped ──┐
//! daemon  ──► retain() ──► the last value of each topic ────────────┴──► thread "mqtt" ──► broker
//! ```
//! Callers never wait for the broker. While it is away poses are dropped and counted; what is
//! retained is kept and published again at every connection, so that a broker which lost its
//! memory gets it back.
//!
//! # Why tokio here
//! rumqttc is written on it and brings it along. Its blocking wrapper cannot be woken while it
//! connects; a runtime on our one thread can, so that a stop is always prompt.
//!
//! # Traps of rumqttc 0.25 that this room avoids
//! A client is used for one connection only, because a lost one leaves requests behind that can
//! freeze the next; nothing waits for its channel but a future that is polled beside its event loop;
//! its limit of 10 KiB a packet is raised, as a dozen people need more.

mod client;
mod connection_error;
mod messages;
mod outbox;
mod probe;
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

/// Longest payload: hundreds of people.
pub const LONGEST_PAYLOAD_BYTES: usize = 1 << 20;

/// A thread that gave no sign of life for this long hangs.
const TURN_LIMIT: Duration = Duration::from_secs(15);

/// [`Publisher::stop`] waits no longer than this.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// Default pauses while the broker is away: poses flow within three seconds of its return.
const RETRY: Backoff = pauses(Duration::from_millis(250), Duration::from_secs(2));

/// Default pauses after a refusal: a person has to correct something.
const AFTER_REFUSAL: Backoff = pauses(Duration::from_secs(2), Duration::from_secs(30));

/// Checked when the constants above are compiled.
const fn pauses(first: Duration, max: Duration) -> Backoff {
    match Backoff::new(first, max) {
        Ok(backoff) => backoff,
        Err(_) => panic!("the first pause is zero or longer than the longest"),
    }
}

/// Where to publish, as whom, under which topics.
#[derive(Clone, Debug)]
pub struct Options {
    /// Broker's name or address; an IPv6 address without brackets.
    pub host: String,
    /// Broker's port.
    pub port: u16,
    /// `None`: no TLS.
    pub tls: Option<Tls>,
    /// Unique at the broker.
    pub client_id: String,
    /// Who we are.
    pub login: Option<Login>,
    /// First levels of every topic.
    pub prefix: String,
    /// The broker announces us gone after one and a half times this.
    pub keep_alive: Duration,
    /// Messages kept a camera while the connection is slow; older ones are dropped.
    pub queue: usize,
    /// Pauses between attempts at a broker that is away.
    pub retry: Backoff,
    /// Pauses between attempts at a broker that refuses us or that we refuse: it takes a person to
    /// mend that, and many brokers ban who knocks too often.
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

    /// What can be known to be wrong before anything is sent.
    ///
    /// # Errors
    /// If a certificate or key cannot be used, or a number cannot work.
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

/// Who we are to the broker.
#[derive(Clone, Debug)]
pub struct Login {
    /// User name.
    pub username: String,
    /// File with the password, read at every attempt.
    pub password_file: Option<PathBuf>,
}

/// Why a publisher cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate or key.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// rumqttc hands the host to the verifier with its brackets.
    #[error("TLS to an IPv6 address cannot be verified: use the broker's name in the url")]
    Ipv6Tls,
    /// A number that cannot work.
    #[error("the queue must hold a message at least, and keep-alive must last a second")]
    Number,
    /// The system gives no thread or no event queue.
    #[error("no thread for the publisher: {0}")]
    Thread(#[from] std::io::Error),
}

/// Owns the connection to the broker. All calls return at once, but [`Publisher::stop`].
pub struct Publisher {
    session: String,
    options: Options,
    clock: SharedClock,
    outbox: Arc<Outbox>,
    thread: Mutex<Option<Thread>>,
}

impl Publisher {
    /// Starts the thread `mqtt`, which connects, for ever, until [`Publisher::stop`]. A broker that
    /// is away is no error. `progress` gets the thread's sign of life.
    ///
    /// # Errors
    /// If [`Options::check`] fails or there is no thread to be had.
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

    /// Differs from one start of the daemon to the next.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The options it was started with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Queues one message of `camera` for `<prefix>/<camera>/poses`, QoS 0. If the broker is away
    /// or slow, it or an older one is dropped and counted.
    pub fn poses(&self, camera: &str, payload: &[u8]) {
        self.outbox.poses(camera, payload, || self.options.poses_topic(camera));
    }

    /// Drops what waits of `camera`, which has stopped: what is said of it next shall be the last.
    pub fn discard(&self, camera: &str) {
        self.outbox.discard(camera);
    }

    /// Publishes the state of `camera` if it differs from the last one.
    pub fn state(&self, camera: &str, state: &State<'_>) {
        self.retain(&self.options.state_topic(camera), &state.to_json());
    }

    /// Keeps `payload` as the value of `topic`: published now if it differs from the last one, and
    /// at every connection; QoS 1, retained. An empty payload deletes the topic at the broker.
    pub fn retain(&self, topic: &str, payload: &[u8]) {
        self.outbox.retain(topic, payload);
    }

    /// Whether the broker has accepted us and not been lost since.
    pub fn connected(&self) -> bool {
        self.outbox.stats().connected
    }

    /// Counters over all cameras.
    pub fn stats(&self) -> Stats {
        self.outbox.stats()
    }

    /// Messages of `camera` that were dropped.
    pub fn dropped(&self, camera: &str) -> Unsent {
        self.outbox.dropped(camera)
    }

    /// Publishes what is retained and still waiting, then `offline`, disconnects and joins the
    /// thread; takes a second at most, and no time while the broker is away. Later calls do nothing.
    pub fn stop(&self) {
        self.stop_by(self.clock.now() + STOP_WITHIN);
    }

    /// The same, but by a time on the clock that the publisher was started with.
    pub fn stop_by(&self, by: Mono) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        self.outbox.stop(by);
        // Only a name lookup that hangs in the C library can make the thread outlive this: it cannot
        // be cancelled, and it holds nothing that anyone waits for.
        thread.end(by.since(self.clock.now()));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop();
    }
}
