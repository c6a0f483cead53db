//! Subscribes to the poses of one camera: for the demo, which shows what really went through the
//! broker, and for recordings.

use super::client::network::{mqtt_options, network_options};
use super::connection_error::ConnectionError;
use super::{Error, LONGEST_PAYLOAD_BYTES, Options};
use crate::shutdown::Shutdown;
use rumqttc::{Client, Event, Outgoing, Packet, QoS};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Most payloads that wait to be received; further ones are lost.
const WAITING: usize = 256;

/// A subscription on its own thread, which reconnects until [`Subscriber::stop`].
pub struct Subscriber {
    stop: Shutdown,
    current: Arc<Mutex<Option<Client>>>,
    lost: Arc<AtomicU64>,
    payloads: Receiver<Vec<u8>>,
    thread: JoinHandle<()>,
}

impl Subscriber {
    /// Subscribes to the poses of `camera` at the broker of `options`, with its TLS and login but
    /// another client id.
    ///
    /// # Errors
    /// If [`Options::check`] fails or the thread cannot be started.
    pub fn start(options: &Options, camera: &str) -> Result<Subscriber, Error> {
        options.check()?;
        let (send, payloads) = sync_channel(WAITING);
        let (stop, current, lost) = (Shutdown::default(), Arc::default(), Arc::default());
        let watch = Watch {
            topic: options.topics.poses(camera),
            client_id: format!("{}-watch-{:08x}", options.client_id, fastrand::u32(..)),
            options: options.clone(),
            stop: stop.clone(),
            current: Arc::clone(&current),
            lost: Arc::clone(&lost),
            send,
        };
        let thread = std::thread::Builder::new().name("watch".into()).spawn(move || watch.run())?;
        Ok(Subscriber { stop, current, lost, payloads, thread })
    }

    /// The next payload, if one arrives within `patience`.
    pub fn receive(&self, patience: Duration) -> Option<Vec<u8>> {
        self.payloads.recv_timeout(patience).ok()
    }

    /// Payloads that were lost because they were not received in time.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Disconnects and joins the thread; an attempt to connect may take some seconds to end.
    pub fn stop(self) {
        self.stop.trigger();
        if let Some(client) = self.current.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // If this fails, the connection and the thread have ended already.
            let _ = client.try_disconnect();
        }
        if self.thread.join().is_err() {
            tracing::error!("the subscriber's thread panicked");
        }
    }
}

struct Watch {
    options: Options,
    client_id: String,
    topic: String,
    stop: Shutdown,
    current: Arc<Mutex<Option<Client>>>,
    lost: Arc<AtomicU64>,
    send: SyncSender<Vec<u8>>,
}

impl Watch {
    fn run(mut self) {
        let mut said = None;
        while !self.stop.is_set() {
            let Err(error) = self.connection() else { return };
            if said.as_ref() != Some(&error.text) {
                tracing::warn!("{}: {}; retrying until it works", self.topic, error.text);
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
                    client
                        .try_subscribe(&self.topic, QoS::AtMostOnce)
                        .map_err(|e| ConnectionError::away(e.to_string()))?;
                    self.options.retry.reset();
                }
                Event::Incoming(Packet::Publish(message)) => self.hand_over(message.payload.to_vec()),
                Event::Outgoing(Outgoing::Disconnect) => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    fn hand_over(&self, payload: Vec<u8>) {
        if self.send.try_send(payload).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
