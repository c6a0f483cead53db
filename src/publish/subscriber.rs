//! Subscribes to the topics of cameras: for the demo, which shows what really went through the
//! broker, for recordings, and for `posed watch`.

use super::client::network::{mqtt_options, network_options};
use super::connection_error::ConnectionError;
use super::{Error, Incoming, LONGEST_PAYLOAD_BYTES, Options};
use crate::shutdown::{Shutdown, Thread};
use rumqttc::{Client, Event, Outgoing, Packet, Publish, QoS, SubAck, SubscribeFilter, SubscribeReasonCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Most messages that wait to be received; further ones are lost.
const WAITING: usize = 256;

/// How often a retained message looks for room to wait in.
const ROOM: Duration = Duration::from_millis(5);

/// Longest time that [`Subscriber::stop`] takes.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// A subscription on its own thread, which reconnects until [`Subscriber::stop`].
pub struct Subscriber {
    stop: Shutdown,
    current: Arc<Mutex<Option<Client>>>,
    link: Arc<Mutex<Link>>,
    lost: Arc<AtomicU64>,
    messages: Receiver<Incoming>,
    thread: Thread,
}

/// Whether there is a connection to the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// The first attempt is not over.
    #[default]
    Connecting,
    /// The broker has accepted the subscription.
    Connected,
    /// There is no connection, and why. Attempts go on.
    Away(String),
}

impl Subscriber {
    /// Subscribes to the poses of `camera` at the broker of `options`, with its TLS and login but
    /// another client id.
    ///
    /// # Errors
    /// If [`Options::check`] fails or the thread cannot be started.
    pub fn start(options: &Options, camera: &str) -> Result<Subscriber, Error> {
        Subscriber::of(options, vec![options.topics.poses(camera)])
    }

    /// As [`Subscriber::start`], for all topics that match one of `filters`.
    ///
    /// # Errors
    /// As [`Subscriber::start`].
    pub fn of(options: &Options, filters: Vec<String>) -> Result<Subscriber, Error> {
        options.check()?;
        let (send, messages) = sync_channel(WAITING);
        let (stop, current, lost) = (Shutdown::default(), Arc::default(), Arc::default());
        let link: Arc<Mutex<Link>> = Arc::default();
        let watch = Watch {
            filters,
            client_id: format!("{}-watch-{:08x}", options.client_id, fastrand::u32(..)),
            options: options.clone(),
            stop: stop.clone(),
            current: Arc::clone(&current),
            link: Arc::clone(&link),
            lost: Arc::clone(&lost),
            send,
        };
        let thread = Thread::spawn("watch".into(), move || watch.run())?;
        Ok(Subscriber { stop, current, link, lost, messages, thread })
    }

    /// The next payload, if one arrives within `patience`.
    pub fn receive(&self, patience: Duration) -> Option<Vec<u8>> {
        self.message(patience).map(|message| message.payload)
    }

    /// The next message, if one arrives within `patience`.
    pub fn message(&self, patience: Duration) -> Option<Incoming> {
        self.messages.recv_timeout(patience).ok()
    }

    /// Whether there is a connection.
    pub fn link(&self) -> Link {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Messages that were lost because they were not received in time.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Disconnects and joins the thread. One that is still connecting is left behind: a person waits
    /// for the end of the command, and the thread holds nothing that must be closed.
    pub fn stop(self) {
        self.stop.trigger();
        if let Some(client) = self.current.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // If this fails, the connection and the thread have ended already.
            let _ = client.try_disconnect();
        }
        let _connecting = self.thread.join(STOP_WITHIN);
    }
}

struct Watch {
    options: Options,
    client_id: String,
    filters: Vec<String>,
    stop: Shutdown,
    current: Arc<Mutex<Option<Client>>>,
    link: Arc<Mutex<Link>>,
    lost: Arc<AtomicU64>,
    send: SyncSender<Incoming>,
}

impl Watch {
    fn run(mut self) {
        let mut said = None;
        while !self.stop.is_set() {
            let Err(error) = self.connection() else { return };
            self.set(Link::Away(error.text.clone()));
            if said.as_ref() != Some(&error.text) {
                let topic = self.filters.first().map_or("", String::as_str);
                tracing::warn!("{topic}: {}; retrying until it works", error.text);
                said = Some(error.text);
            }
            let pauses = if error.refused { &mut self.options.refused } else { &mut self.options.retry };
            self.stop.wait_timeout(pauses.pause());
        }
    }

    /// One connection with a new client (see the traps in the module's docs).
    fn connection(&mut self) -> Result<(), ConnectionError> {
        let mut mqtt = mqtt_options(&self.options, &self.client_id)?;
        mqtt.set_max_packet_size(LONGEST_PAYLOAD_BYTES, LONGEST_PAYLOAD_BYTES);
        let (client, mut connection) = Client::new(mqtt, 8);
        connection.eventloop.set_network_options(network_options());
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        for event in connection.iter() {
            // The stop may have come before there was a client to disconnect.
            if self.stop.is_set() {
                return Ok(());
            }
            match event? {
                Event::Incoming(Packet::ConnAck(_)) => {
                    let filter = |path: &String| SubscribeFilter::new(path.clone(), QoS::AtMostOnce);
                    client
                        .try_subscribe_many(self.filters.iter().map(filter))
                        .map_err(|e| ConnectionError::away(e.to_string()))?;
                    self.options.retry.reset();
                }
                Event::Incoming(Packet::SubAck(answer)) => self.subscribed(&answer)?,
                Event::Incoming(Packet::Publish(message)) => self.hand_over(message),
                Event::Outgoing(Outgoing::Disconnect) => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The broker has answered the subscription. It may refuse some filters.
    fn subscribed(&self, answer: &SubAck) -> Result<(), ConnectionError> {
        if answer.return_codes.iter().all(|code| *code == SubscribeReasonCode::Failure) {
            let text = "the broker refuses the subscription: allow this user to read the topics";
            return Err(ConnectionError::refused(text));
        }
        self.set(Link::Connected);
        Ok(())
    }

    fn set(&self, link: Link) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }

    /// A retained message comes once, so it waits for room. Others are soon replaced by newer ones.
    fn hand_over(&self, message: Publish) {
        let Publish { retain: retained, topic, payload, .. } = message;
        let mut message = Incoming { topic, payload: payload.to_vec(), retained };
        while let Err(e) = self.send.try_send(message) {
            match e {
                TrySendError::Full(waits) if retained && !self.stop.wait_timeout(ROOM) => message = waits,
                _ => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        }
    }
}
