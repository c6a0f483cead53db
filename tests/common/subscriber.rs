//! A subscriber to every topic, independent of the code under test.

use super::{Mosquitto, PATIENCE, wait_for};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A message that the subscriber received.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    /// The broker had it before the subscription.
    pub retained: bool,
}

impl Message {
    /// The payload as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

/// A client id that no other client has: a broker ends the older of two connections with one id.
pub fn client_id() -> String {
    static CLIENTS: AtomicUsize = AtomicUsize::new(0);
    format!("test-{}-{}", std::process::id(), CLIENTS.fetch_add(1, Ordering::SeqCst))
}

/// Keeps every message. [`Subscriber::wait`] searches all of them; [`Subscriber::until`] and those
/// below it read on from the last message that they returned.
pub struct Subscriber {
    messages: Arc<Mutex<Vec<Message>>>,
    /// Number of messages that were read.
    read: AtomicUsize,
    client: rumqttc::Client,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Subscriber {
    pub fn start(broker: &Mosquitto) -> Subscriber {
        Subscriber::with(rumqttc::MqttOptions::new(client_id(), "127.0.0.1", broker.port))
    }

    /// Connects with `options`; returns once the broker has confirmed the subscription.
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
                        let (payload, retained) = (p.payload.to_vec(), p.retain);
                        kept.lock().unwrap().push(Message { topic: p.topic, payload, retained });
                    }
                    Ok(rumqttc::Event::Incoming(rumqttc::Packet::SubAck(_))) => drop(ready.try_send(())),
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        });
        is_ready.recv_timeout(PATIENCE).expect("the broker confirms the subscription");
        Subscriber { messages, read: AtomicUsize::new(0), client, thread: Some(thread) }
    }

    /// All messages so far.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    /// Waits for a message on `topic` that `accept` takes, among all messages.
    pub fn wait(&self, topic: &str, accept: impl Fn(&Message) -> bool) -> Message {
        wait_for(topic, || {
            self.messages.lock().unwrap().iter().find(|m| m.topic == topic && accept(m)).cloned()
        })
    }

    /// The next message, read or waited for.
    fn next_message(&self, what: &str) -> Message {
        let at = self.read.fetch_add(1, Ordering::SeqCst);
        wait_for(what, || self.messages.lock().unwrap().get(at).cloned())
    }

    /// The next payload on `topic` that `accept` takes; skips every other message.
    pub fn until(&self, topic: &str, mut accept: impl FnMut(&str) -> bool) -> String {
        loop {
            let message = self.next_message(topic);
            let text = message.text();
            if message.topic == topic && accept(&text) {
                return text;
            }
        }
    }

    /// As [`Subscriber::until`], as JSON.
    pub fn json(&self, topic: &str, mut accept: impl FnMut(&Value) -> bool) -> Value {
        let parse = |payload: &str| serde_json::from_str(payload).expect("payloads are JSON");
        parse(&self.until(topic, |payload| accept(&parse(payload))))
    }

    /// The first message below `unwanted` before the next one on `topic`.
    pub fn next(&self, unwanted: &str, topic: &str) -> Option<Message> {
        std::iter::repeat_with(|| self.next_message(topic))
            .take_while(|message| message.topic != topic)
            .find(|message| message.topic.starts_with(unwanted))
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
