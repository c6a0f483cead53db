//! One connection that the broker has accepted: sends what the outbox holds, and reads what comes.

use super::flow::Flow;
use super::in_flight::{InFlight, Sent};
use super::proof::{Findings, Proof};
use crate::clock::SharedClock;
use crate::publish::announced::Announced;
use crate::publish::connection_error::ConnectionError;
use crate::publish::incoming::Router;
use crate::publish::outbox::{Message, Next, Outbox, Tag, Turn};
use crate::publish::{Options, probe, spool};
use rumqttc::{AsyncClient, Event, EventLoop, Outgoing, Packet, Publish, QoS};
use std::cell::RefCell;
use std::time::Duration;
use tokio::{pin, select, time};

/// Most messages without an acknowledgement; rumqttc stalls at 100.
const UNACKNOWLEDGED: u64 = 16;
/// How often the proof is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What the futures of one connection share. They run on one thread.
pub(super) struct Connection<'a> {
    pub client: AsyncClient,
    pub outbox: &'a Outbox,
    pub router: &'a Router,
    pub announced: &'a Announced,
    pub spool: Option<&'a spool::Acks>,
    pub options: &'a Options,
    pub clock: &'a SharedClock,
    pub proof: &'a Proof,
    pub in_flight: InFlight,
    pub flow: RefCell<Flow>,
    /// From 1.
    pub number: u64,
    /// Each message waits until the one before it is acknowledged.
    pub careful: bool,
    /// `online` is published after this long.
    pub announce_after: Duration,
}

impl Connection<'_> {
    /// Drives the connection until it is lost, or until our disconnect is written (`None`).
    pub(super) async fn poll(&self, events: &mut EventLoop) -> Option<ConnectionError> {
        loop {
            match events.poll().await {
                Ok(Event::Outgoing(Outgoing::Publish(id))) => self.in_flight.written(id),
                Ok(Event::Incoming(Packet::PubAck(ack))) => self.acknowledged(ack.pkid),
                Ok(Event::Incoming(Packet::UnsubAck(_))) => self.answered(),
                Ok(Event::Incoming(Packet::Publish(message))) => self.incoming(&message),
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return None,
                Ok(_) => {}
                Err(e) => return Some(self.failed(e)),
            }
        }
    }

    fn acknowledged(&self, id: u16) {
        let Some(Sent { topic, bytes, tag, .. }) = self.in_flight.acknowledged(id) else { return };
        self.answered();
        match (tag, self.spool) {
            (Tag::Durable(seq), Some(spool)) => spool.acknowledged(self.number, seq),
            (Tag::Retained, _) if bytes == 0 && self.outbox.cleared(&topic) => {
                self.announced.remove(&topic);
                self.announced.save();
            }
            _ => {}
        }
    }

    /// The broker has taken what was sent before the packet that it answers.
    fn answered(&self) {
        self.flow.borrow_mut().answered(self.clock.now());
        self.in_flight.news.notify_one();
    }

    fn incoming(&self, message: &Publish) {
        self.proof.heard(&message.topic, message.retain);
        self.router.route(&message.topic, &message.payload, message.retain);
    }

    /// A message that is too long to be read would end each connection, if it is retained.
    fn failed(&self, error: rumqttc::ConnectionError) -> ConnectionError {
        use rumqttc::StateError::Deserialization;
        use rumqttc::mqttbytes::Error::PayloadSizeLimitExceeded;
        if let rumqttc::ConnectionError::MqttState(Deserialization(PayloadSizeLimitExceeded(bytes))) = error {
            self.router.end();
            return ConnectionError::away(format!(
                "a message of {bytes} bytes arrived, which is too long; posed takes no more commands until it is \
                 restarted"
            ));
        }
        error.into()
    }

    /// Sends what the outbox holds, then disconnects. Waits while the connection is slow. If the
    /// connection is lost, [`Connection::poll`] sees it, and this future just waits to be dropped.
    pub(super) async fn feed(&self) {
        let availability = self.options.topics.availability();
        let announce = |payload: &str| Message {
            topic: availability.clone(),
            payload: payload.into(),
            tag: Tag::Availability,
        };
        let stable = time::sleep(self.announce_after);
        pin!(stable);
        let mut may_announce = self.announce_after.is_zero();
        loop {
            while let Some(filter) = self.router.next_due() {
                self.done(self.client.subscribe(filter, QoS::AtLeastOnce).await).await;
            }
            if self.flow.borrow_mut().needs_mark(self.clock.now()) {
                // Every broker answers this, and nothing else comes of it.
                self.unsubscribe(self.options.topics.prefix()).await;
            }
            match self.outbox.next(self.turn(may_announce)) {
                Next::Send(message) => self.send(message).await,
                Next::Announce => self.send(announce("online")).await,
                Next::Stop => break,
                Next::Wait => select! {
                    () = self.outbox.wake.notified() => {}
                    () = self.in_flight.news.notified() => {}
                    () = &mut stable, if !may_announce => may_announce = true,
                },
            }
        }
        self.send(announce("offline")).await;
        // Closing a socket with unread data resets it, and the reset can overtake what was written.
        // So read every acknowledgement first.
        while self.in_flight.outstanding() > 0 {
            self.in_flight.news.notified().await;
        }
        self.done(self.client.disconnect().await).await;
        std::future::pending::<()>().await;
    }

    /// What may be sent now.
    fn turn(&self, may_announce: bool) -> Turn {
        let most = if self.careful { 1 } else { UNACKNOWLEDGED };
        let room = self.in_flight.outstanding() < most;
        let poses = if self.careful { room } else { self.flow.borrow_mut().is_open(self.clock.now()) };
        Turn { room, may_announce, poses }
    }

    async fn unsubscribe(&self, topic: &str) {
        self.flow.borrow_mut().mark(self.clock.now());
        self.done(self.client.unsubscribe(topic).await).await;
    }

    async fn send(&self, message: Message) {
        let Options { topics, retain, .. } = self.options;
        let is_state = matches!(message.tag, Tag::Retained | Tag::Availability);
        if is_state {
            if self.outbox.holds(&message.topic, message.payload.len()) {
                return;
            }
            self.announced.save();
        }
        let bytes = message.payload.len();
        if bytes > 0 && self.proof.wants(&message.topic, bytes, topics, self.clock.now()) {
            self.done(self.client.subscribe(&message.topic, QoS::AtMostOnce).await).await;
        }
        let acknowledged = self.careful || message.tag != Tag::Poses;
        let qos = if acknowledged { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        self.in_flight.handed(&message, acknowledged);
        match acknowledged {
            true => self.flow.borrow_mut().mark(self.clock.now()),
            false => self.flow.borrow_mut().poses(message.topic.len() + bytes),
        }
        let Message { topic, payload, .. } = message;
        self.done(self.client.publish(topic, qos, is_state && *retain, payload).await).await;
    }

    /// Returns if a request was handed over. If not, the connection is lost.
    async fn done(&self, handed: Result<(), rumqttc::ClientError>) {
        if let Err(e) = handed {
            tracing::debug!("not sent: {e}");
            std::future::pending::<()>().await;
        }
    }

    /// Listens for our own messages after the start, and reports those that do not arrive.
    pub(super) async fn prove(&self, broker: &str) {
        while !self.proof.is_over() {
            time::sleep(LOOK).await;
            let found = self.proof.look(self.clock.now());
            for topic in &found.close {
                self.unsubscribe(topic).await;
            }
            if !found.unheard.is_empty() {
                self.report(broker, &found).await;
            }
        }
        std::future::pending::<()>().await;
    }

    async fn report(&self, broker: &str, found: &Findings) {
        let topics = found.unheard.join(", ");
        let remedy = probe::remedy(self.options, found.longest);
        // MQTT 3.1.1 does not tell what is forbidden, reading or writing. MQTT 5 does.
        let topic = self.options.topics.availability();
        let writes = if found.any_heard {
            Some(false)
        } else if found.unheard.contains(&topic) {
            probe::may_publish(self.options, &topic, b"online").await
        } else {
            None
        };
        match writes {
            Some(true) => tracing::info!(
                "{broker}: this user may publish, but not read what it publishes; so posed cannot prove that all of \
                 its messages arrive"
            ),
            Some(false) => tracing::error!("{broker}: messages on {topics} do not arrive: {remedy}"),
            None => tracing::warn!(
                "{broker}: posed does not hear its own messages on {topics}; either they do not arrive, or this user \
                 may not read them: {remedy}"
            ),
        }
    }
}
