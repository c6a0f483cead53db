//! The thread that owns the connection: it connects, sends, and after a loss pauses and reconnects.

use super::Options;
use super::connection_error::ConnectionError;
use super::outbox::{Next, Outbox};
use crate::clock::{Mono, SharedClock};
use crate::telemetry::progress::Beat;
use rumqttc::{
    AsyncClient, Event, EventLoop, LastWill, MqttOptions, NetworkOptions, Outgoing, Packet, QoS,
    TlsConfiguration, Transport,
};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::{select, time};

/// Longest time to connect, and for the broker to take what was written.
const NETWORK_TIMEOUT_S: u64 = 5;
/// Poses in the kernel's buffer grow old and cannot be dropped, so the buffer is small.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;
/// A broker sends only short packets to a client without subscriptions.
const LONGEST_INCOMING_BYTES: usize = 64 * 1024;
/// Room for topic and header beside the payload.
const PACKET_OVERHEAD_BYTES: usize = 4 * 1024;
/// Most retained messages without an acknowledgement; rumqttc stalls at 100.
const UNACKNOWLEDGED: u64 = 16;
/// A connection that lasts this long resets the back-off.
const GOOD_AFTER: Duration = Duration::from_secs(5);
/// Time that the runtime needs to shut down after the disconnect.
const RUNTIME_END: Duration = Duration::from_millis(150);
/// Time that the thread needs to end after that.
const THREAD_END: Duration = Duration::from_millis(50);
/// Interval of the signs of life.
const PULSE: Duration = Duration::from_secs(1);

/// How a connection ended.
enum End {
    /// The publisher was stopped.
    Stopped,
    /// The connection failed; `since` is when the broker accepted it, if it did.
    Lost { error: ConnectionError, since: Option<Mono> },
}

pub(super) struct Client {
    options: Options,
    outbox: Arc<Outbox>,
    clock: SharedClock,
    broker: String,
    /// The last error that was logged.
    said: Option<String>,
    /// When the connection was lost.
    away_since: Option<Mono>,
    attempts: u64,
}

impl Client {
    pub(super) fn new(options: Options, outbox: Arc<Outbox>, clock: SharedClock) -> Client {
        let scheme = if options.tls.is_some() { "mqtts" } else { "mqtt" };
        let broker = format!("{scheme}://{}:{}", host(&options.host), options.port);
        Client { options, outbox, clock, broker, said: None, away_since: None, attempts: 0 }
    }

    /// Runs until the outbox is stopped.
    pub(super) fn run(mut self, runtime: Runtime, beat: &Beat) {
        let outbox = self.outbox.clone();
        runtime.block_on(async {
            select! {
                () = self.keep_connected() => {}
                // Never ends by itself.
                () = pulse(&outbox, beat) => {}
            }
        });
        beat.idle();
        runtime.shutdown_timeout(RUNTIME_END);
    }

    async fn keep_connected(&mut self) {
        loop {
            self.attempts += 1;
            let (error, since) = match self.connection().await {
                End::Stopped => return self.outbox.disconnected(),
                End::Lost { error, since } => (error, since),
            };
            if let Some(since) = since {
                self.outbox.disconnected();
                self.attempts = 0;
                if self.clock.now().since(since) >= GOOD_AFTER {
                    self.options.retry.reset();
                }
            }
            self.log(&error, since);
            let pause = if error.refused { self.options.refused.pause() } else { self.options.retry.pause() };
            select! {
                _ = self.outbox.stopping() => return,
                () = time::sleep(pause) => {}
            }
        }
    }

    /// Makes one connection and uses it until its end.
    async fn connection(&mut self) -> End {
        let outbox = self.outbox.clone();
        let lost = |error| End::Lost { error, since: None };
        let options = match self.mqtt_options() {
            Ok(options) => options,
            Err(error) => return lost(error),
        };
        // The channel has no capacity: a message that was handed over is being written.
        let (client, mut events) = AsyncClient::new(options, 0);
        events.set_network_options(network_options());
        let first = select! {
            _ = outbox.stopping() => return End::Stopped,
            first = events.poll() => first,
        };
        if let Err(e) = first {
            return lost(e.into());
        }
        self.accepted();
        let since = Some(self.clock.now());
        let acks = Acks::default();
        let polled = poll(&mut events, &acks);
        let fed = feed(&client, &outbox, &self.options, &acks);
        let out_of_time = async {
            let by = outbox.stopping().await;
            let left = by.since(self.clock.now());
            time::sleep(left.saturating_sub(RUNTIME_END + THREAD_END)).await;
        };
        select! {
            end = polled => match end {
                None => End::Stopped,
                Some(error) => End::Lost { error, since },
            },
            // Never ends by itself.
            () = fed => End::Stopped,
            () = out_of_time => {
                tracing::warn!("{}: stopped without a disconnect: out of time", self.broker);
                End::Stopped
            }
        }
    }

    /// Built for each connection, because password and certificate files may have changed.
    fn mqtt_options(&self) -> Result<MqttOptions, ConnectionError> {
        let o = &self.options;
        let mut mqtt = mqtt_options(o, &o.client_id)?;
        mqtt.set_max_packet_size(
            LONGEST_INCOMING_BYTES,
            super::LONGEST_PAYLOAD_BYTES + PACKET_OVERHEAD_BYTES,
        );
        mqtt.set_last_will(LastWill::new(o.availability_topic(), "offline", QoS::AtLeastOnce, true));
        Ok(mqtt)
    }

    /// Notes that the broker has accepted the connection.
    fn accepted(&mut self) {
        let now = self.clock.now();
        match self.away_since.take() {
            None => tracing::info!("{}: connected", self.broker),
            Some(since) => {
                let (away, attempts) = (now.since(since).as_secs_f64(), self.attempts);
                tracing::info!("{}: connected after {away:.1} s ({attempts} attempts)", self.broker);
            }
        }
        self.said = None;
        self.options.refused.reset();
        self.outbox.connected();
    }

    /// Logs each kind of error once, not at every attempt.
    fn log(&mut self, error: &ConnectionError, stood_since: Option<Mono>) {
        let now = self.clock.now();
        self.away_since.get_or_insert(now);
        if self.said.as_ref() == Some(&error.text) {
            tracing::debug!("{}: still {}", self.broker, error.text);
            return;
        }
        let ConnectionError { text, refused } = error;
        match stood_since {
            Some(since) if now.since(since) < GOOD_AFTER => tracing::warn!(
                "{}: lost soon after connecting: {text} (if this repeats, another client may use the client id {:?})",
                self.broker,
                self.options.client_id
            ),
            Some(_) => tracing::warn!("{}: lost: {text}; poses are dropped until it is back", self.broker),
            None if *refused => tracing::error!("{}: {text}", self.broker),
            None => tracing::warn!("{}: no connection: {text}; retrying until it works", self.broker),
        }
        self.said = Some(text.clone());
    }
}

/// A clean session at the broker of `o`, with its login and TLS. Reads the password and certificate
/// files.
pub(super) fn mqtt_options(o: &Options, client_id: &str) -> Result<MqttOptions, ConnectionError> {
    let mut mqtt = MqttOptions::new(client_id, host(&o.host), o.port);
    mqtt.set_keep_alive(o.keep_alive);
    mqtt.set_clean_session(true);
    if let Some(login) = &o.login {
        let password = match &login.password_file {
            Some(path) => crate::secret::read(path)?.expose().to_owned(),
            None => String::new(),
        };
        mqtt.set_credentials(&login.username, password);
    }
    if let Some(tls) = &o.tls {
        let connector = tls.connector()?;
        mqtt.set_transport(Transport::Tls(TlsConfiguration::NativeConnector(connector)));
    }
    Ok(mqtt)
}

/// rumqttc appends `:port` and resolves the result, so an IPv6 address needs brackets.
fn host(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

pub(super) fn network_options() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(NETWORK_TIMEOUT_S);
    network.set_tcp_nodelay(true);
    network.set_tcp_send_buffer_size(SEND_BUFFER_BYTES);
    network
}

/// Counts QoS 1 messages and their acknowledgements. Sender and receiver run on one thread.
#[derive(Default)]
struct Acks {
    sent: Cell<u64>,
    acknowledged: Cell<u64>,
    news: Notify,
}

impl Acks {
    fn outstanding(&self) -> u64 {
        self.sent.get().saturating_sub(self.acknowledged.get())
    }
}

/// Gives a sign of life while the queue moves or there is no connection. A broker that takes nothing
/// does not count as a hang: its connection ends after [`NETWORK_TIMEOUT_S`], within the limit.
async fn pulse(outbox: &Outbox, beat: &Beat) {
    let mut before = outbox.stats();
    loop {
        let now = outbox.stats();
        let waits = now.connected && now.waiting > 0 && before.waiting > 0;
        if !waits || now.published != before.published || now.reconnects != before.reconnects {
            beat.busy();
        }
        before = now;
        time::sleep(PULSE).await;
    }
}

/// Drives the connection until it is lost, or until our disconnect is written (`None`).
async fn poll(events: &mut EventLoop, acks: &Acks) -> Option<ConnectionError> {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::PubAck(_))) => {
                acks.acknowledged.set(acks.acknowledged.get() + 1);
                acks.news.notify_one();
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return None,
            Ok(_) => {}
            Err(e) => return Some(e.into()),
        }
    }
}

/// Sends what the outbox holds, then disconnects. Waits while the connection is slow. If the
/// connection is lost, [`poll`] sees it and this future just waits to be dropped.
async fn feed(client: &AsyncClient, outbox: &Outbox, options: &Options, acks: &Acks) {
    let availability = options.availability_topic();
    let send = async |topic: String, payload: Vec<u8>, retained: bool| {
        let qos = if retained { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        acks.sent.set(acks.sent.get() + u64::from(retained));
        if let Err(e) = client.publish(topic, qos, retained, payload).await {
            tracing::debug!("not sent: {e}");
            std::future::pending::<()>().await;
        }
    };
    loop {
        match outbox.next(acks.outstanding() < UNACKNOWLEDGED) {
            Next::Send(message) => send(message.topic, message.payload, message.retained).await,
            Next::Announce => send(availability.clone(), b"online".to_vec(), true).await,
            Next::Stop => break,
            Next::Wait => select! {
                () = outbox.wake.notified() => {}
                () = acks.news.notified() => {}
            },
        }
    }
    send(availability, b"offline".to_vec(), true).await;
    // Closing a socket with unread data resets it, and the reset can overtake what was written.
    // So read every acknowledgement first.
    while acks.outstanding() > 0 {
        acks.news.notified().await;
    }
    if let Err(e) = client.disconnect().await {
        tracing::debug!("no disconnect: {e}");
    }
    std::future::pending::<()>().await;
}
