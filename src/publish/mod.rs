//! Publishes poses and states to an MQTT broker. Only this module knows MQTT.
//!
//! ```text
//! workers -> poses()  -> a short queue per camera, oldest dropped ---+
//! daemon  -> retain() -> the last value of each topic ---------------+-> thread "mqtt" -> broker
//! events  -> send()   -> thread "spool": on disk until acknowledged -+         |
//! daemon  <- subscribe() <- a bounded channel <--------------------------------+
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

mod announced;
mod client;
pub mod commands;
mod connection_error;
pub mod discovery;
mod incoming;
mod messages;
mod options;
mod outbox;
mod probe;
pub mod spool;
mod state;
mod subscriber;
mod tls;
pub mod topics;

pub use incoming::Incoming;
pub use messages::{PersonMessage, Poses};
pub use options::{Error, Login, Options};
pub use outbox::{Stats, Unsent};
pub use probe::{BrokerFault, Probe, probe};
pub use state::{CameraStatus, Latency, State};
pub use subscriber::{Link, Subscriber};
pub use tls::Tls;
pub use topics::{Parts, Topics};

use crate::clock::{Mono, SharedClock};
use crate::shutdown::Thread;
use crate::telemetry::progress::Progress;
use announced::Announced;
use client::{Client, Shared};
use incoming::Router;
use outbox::Outbox;
use spool::{Keeper, SpoolStats};
use std::sync::mpsc::Receiver;
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
/// Part of it that is left to the spool: one write to a slow disk.
const FOR_SPOOL: Duration = Duration::from_millis(100);

/// Owns the connection to the broker. Every call except [`Publisher::stop`] returns at once.
pub struct Publisher {
    session: String,
    options: Options,
    shared: Shared,
    keeper: Option<Keeper>,
    thread: Mutex<Option<Thread>>,
}

impl Publisher {
    /// Starts the thread `mqtt`, which connects and reconnects until [`Publisher::stop`]. It is not
    /// an error if the broker is away. The thread reports its signs of life to `progress`. With a
    /// spool, its thread is started too.
    ///
    /// # Errors
    /// If [`Options::check`] fails or a thread cannot be started.
    pub fn start(options: Options, clock: SharedClock, progress: &Progress) -> Result<Publisher, Error> {
        options.check()?;
        let outbox = Arc::new(Outbox::new(options.queue));
        let announced = Arc::new(Announced::open(options.state_dir.as_deref()));
        let keeper = match &options.spool {
            Some(limits) => {
                let dir = options.state_dir.as_ref().map(|dir| dir.join("spool"));
                Some(Keeper::start(dir, limits.clone(), outbox.clone(), clock.clone(), progress)?)
            }
            None => None,
        };
        let spool = keeper.as_ref().map(Keeper::acks);
        let router = Arc::new(Router::default());
        let shared = Shared { outbox, router, announced, spool, clock: clock.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let beat = progress.stage("mqtt", TURN_LIMIT, clock);
        let client = Client::new(options.clone(), shared.clone());
        let session = format!("{:016x}", fastrand::u64(..));
        let publisher = Publisher { session, options, shared, keeper, thread: Mutex::new(None) };
        publisher.retain(&publisher.options.topics.schema(), SCHEMA.as_bytes());
        let thread = progress.spawn("mqtt".into(), move || client.run(runtime, &beat))?;
        *publisher.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(publisher)
    }

    /// Random identifier of this start of the daemon.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The options that it was started with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Clears retained topics that `keep` does not want, or that are below a prefix that is not
    /// used any more. `keep` gets the name of a camera, and the levels of the topic after it.
    pub fn clear_gone(&self, keep: impl Fn(&str, &str) -> bool) {
        if !self.options.retain {
            return;
        }
        for topic in self.shared.announced.gone(&self.options.topics, keep) {
            self.retain(&topic, b"");
        }
    }

    /// Publishes all retained values again, for a subscriber that has just started.
    pub fn republish(&self) {
        self.shared.outbox.republish();
    }

    /// Queues one message for `<prefix>/<camera>/poses`, QoS 0. If the broker is away, the message
    /// is dropped and counted. If the connection is slow, the oldest one in the queue is.
    pub fn poses(&self, camera: &str, payload: &[u8]) {
        self.shared.outbox.poses(camera, payload, || self.options.topics.poses(camera));
    }

    /// Drops the waiting messages of `camera`, which has stopped. Its final state must come last.
    pub fn discard(&self, camera: &str) {
        self.shared.outbox.discard(camera);
    }

    /// Publishes the state of `camera` if it differs from the last one.
    pub fn state(&self, camera: &str, state: &State<'_>) {
        self.retain(&self.options.topics.state(camera), &state.to_json(&self.session));
    }

    /// Sets the retained value of `topic` (QoS 1). It is published now if it differs from the last
    /// one, and again at every connection. An empty payload deletes the topic at the broker.
    pub fn retain(&self, topic: &str, payload: &[u8]) {
        if !payload.is_empty() && self.options.retain {
            self.shared.announced.add(topic, &self.options.topics);
        }
        self.shared.outbox.retain(topic, payload);
    }

    /// Sends a message that must not be lost (QoS 1): it is kept until the broker acknowledges it,
    /// over restarts too. `sync`: it survives a power cut. Does nothing without [`Options::spool`].
    pub fn send(&self, topic: &str, payload: &[u8], sync: bool) {
        if let Some(keeper) = &self.keeper {
            keeper.push(topic, payload, sync);
        }
    }

    /// Counters of the spool, and why it is in memory only; `None` without a spool.
    pub fn spool_stats(&self) -> Option<(SpoolStats, Option<String>)> {
        self.keeper.as_ref().map(Keeper::stats)
    }

    /// Subscribes to topic filters (QoS 1), now and at every connection. Messages that are not
    /// received in time are dropped and counted. The channel ends if a message arrives that is too
    /// long.
    pub fn subscribe(&self, filters: &[String]) -> Receiver<Incoming> {
        let receiver = self.shared.router.subscribe(filters);
        self.shared.outbox.wake.notify_one();
        receiver
    }

    /// Messages of others that were dropped because they came too fast.
    pub fn incoming_dropped(&self) -> u64 {
        self.shared.router.dropped()
    }

    /// Whether there is a connection that the broker has accepted.
    pub fn connected(&self) -> bool {
        self.shared.outbox.stats().connected
    }

    /// Name of the thread, if it has ended.
    pub fn ended(&self) -> Option<String> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().and_then(Thread::ended).map(str::to_owned)
    }

    /// Counters over all cameras.
    pub fn stats(&self) -> Stats {
        self.shared.outbox.stats()
    }

    /// Messages of `camera` that were not sent.
    pub fn dropped(&self, camera: &str) -> Unsent {
        self.shared.outbox.dropped(camera)
    }

    /// Publishes waiting retained values, then `offline`, disconnects and joins the thread. Takes
    /// at most a second, and no time while the broker is away. Later calls do nothing.
    pub fn stop(&self) {
        self.stop_by(self.shared.clock.now() + STOP_WITHIN);
    }

    /// As [`Publisher::stop`], with a deadline on the publisher's clock.
    pub fn stop_by(&self, by: Mono) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // The spool ends last: it notes what the broker acknowledges until then.
        let connection_ends = if self.keeper.is_some() { by.less(FOR_SPOOL) } else { by };
        self.shared.outbox.stop(connection_ends);
        // Only a name lookup that hangs in the C library can outlive this. It cannot be cancelled,
        // and nothing waits for it.
        thread.end(connection_ends.since(self.shared.clock.now()));
        if let Some(keeper) = &self.keeper {
            keeper.stop(by.since(self.shared.clock.now()));
        }
        self.shared.announced.save();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop();
    }
}
