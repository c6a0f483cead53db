//! The other end: what a subscriber to one camera's poses receives. For the demo, which shows what
//! really went through the broker.

use super::{Error, LONGEST_PAYLOAD_BYTES, Options};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Payloads that wait to be received; a subscriber that reads slower than this loses some.
const WAITING: usize = 256;

/// A subscription on a thread of its own; ends with [`Subscriber::stop`].
pub struct Subscriber {
    client: Client,
    payloads: Receiver<Vec<u8>>,
    thread: JoinHandle<()>,
}

impl Subscriber {
    /// Subscribes to the poses of `camera` at the broker of `options`, without TLS or login.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(options: &Options, camera: &str) -> Result<Subscriber, Error> {
        let id = format!("{}-watch", options.client_id);
        let mut mqtt = MqttOptions::new(id, options.host.clone(), options.port);
        mqtt.set_max_packet_size(LONGEST_PAYLOAD_BYTES, LONGEST_PAYLOAD_BYTES);
        let (client, mut connection) = Client::new(mqtt, 8);
        let (send, payloads) = sync_channel(WAITING);
        let (topic, subscribe) = (options.poses_topic(camera), client.clone());
        let thread = std::thread::Builder::new().name("watch".into()).spawn(move || {
            for event in connection.iter() {
                match event {
                    // A clean session forgets what it was subscribed to.
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        let _ = subscribe.try_subscribe(&topic, QoS::AtMostOnce);
                    }
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        let _ = send.try_send(message.payload.to_vec());
                    }
                    Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) | Err(_) => break,
                    Ok(_) => {}
                }
            }
        })?;
        Ok(Subscriber { client, payloads, thread })
    }

    /// The next payload, if one comes within `patience`.
    pub fn receive(&self, patience: Duration) -> Option<Vec<u8>> {
        self.payloads.recv_timeout(patience).ok()
    }

    /// Disconnects and joins the thread.
    pub fn stop(self) {
        let _ = self.client.try_disconnect();
        if self.thread.join().is_err() {
            tracing::error!("the subscriber's thread had panicked");
        }
    }
}
