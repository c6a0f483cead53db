//! The thread that owns the connection: it connects, sends, and after a loss pauses and reconnects.

mod connection;
mod flow;
mod in_flight;
pub(super) mod network;
mod outcome;
mod proof;
mod stability;

use super::announced::Announced;
use super::connection_error::ConnectionError;
use super::incoming::Router;
use super::outbox::Outbox;
use super::{Options, spool};
use crate::clock::{Mono, SharedClock};
use crate::telemetry::progress::Beat;
use connection::Connection;
use flow::Flow;
use in_flight::InFlight;
use network::{host, last_will, mqtt_options, network_options};
use proof::Proof;
use rumqttc::{AsyncClient, EventLoop, MqttOptions};
use stability::{Loss, Stability};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::{select, time};

/// Room for topic and header beside the payload.
const PACKET_OVERHEAD_BYTES: usize = 4 * 1024;
/// Time that the runtime needs to shut down after the disconnect.
const RUNTIME_END: Duration = Duration::from_millis(150);
/// Time that the thread needs to end after that.
const THREAD_END: Duration = Duration::from_millis(50);
/// Interval of the signs of life.
const PULSE: Duration = Duration::from_secs(1);

/// What the connection shares with the callers of the publisher.
#[derive(Clone)]
pub(super) struct Shared {
    pub outbox: Arc<Outbox>,
    pub router: Arc<Router>,
    pub announced: Arc<Announced>,
    pub spool: Option<spool::Acks>,
    pub clock: SharedClock,
}

/// How a connection ended.
enum End {
    /// The publisher was stopped.
    Stopped,
    /// The broker did not accept it.
    NotMade(ConnectionError),
    /// The broker had accepted it.
    Lost(ConnectionError, Loss),
}

pub(super) struct Client {
    options: Options,
    shared: Shared,
    broker: String,
    /// The last error that was logged.
    said: Option<String>,
    /// When the connection was lost.
    away_since: Option<Mono>,
    attempts: u64,
    stability: Stability,
    proof: Proof,
}

impl Client {
    pub(super) fn new(options: Options, shared: Shared) -> Client {
        let scheme = if options.tls.is_some() { "mqtts" } else { "mqtt" };
        let broker = format!("{scheme}://{}:{}", host(&options.host), options.port);
        let (stability, proof) = (Stability::new(options.stable), Proof::default());
        Client { options, shared, broker, said: None, away_since: None, attempts: 0, stability, proof }
    }

    /// Runs until the outbox is stopped.
    pub(super) fn run(mut self, runtime: Runtime, beat: &Beat) {
        let outbox = self.shared.outbox.clone();
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
        let outbox = self.shared.outbox.clone();
        loop {
            self.attempts += 1;
            let pause = match self.connect().await {
                End::Stopped => return self.disconnected(),
                End::NotMade(error) => self.not_made(error).await,
                End::Lost(error, loss) => self.lost(&error, &loss),
            };
            select! {
                _ = outbox.stopping() => return,
                () = time::sleep(pause) => {}
            }
        }
    }

    /// Makes one connection and uses it until its end.
    async fn connect(&mut self) -> End {
        let outbox = self.shared.outbox.clone();
        let options = match self.mqtt_options() {
            Ok(options) => options,
            Err(error) => return End::NotMade(error),
        };
        // The channel has no capacity: a message that was handed over is being written.
        let (client, mut events) = AsyncClient::new(options, 0);
        events.set_network_options(network_options());
        let first = select! {
            _ = outbox.stopping() => return End::Stopped,
            first = events.poll() => first,
        };
        match first {
            Ok(_) => self.use_connection(client, &mut events).await,
            Err(e) => End::NotMade(e.into()),
        }
    }

    /// Built for each connection, because password and certificate files may have changed.
    fn mqtt_options(&self) -> Result<MqttOptions, ConnectionError> {
        let mut mqtt = mqtt_options(&self.options, &self.options.client_id)?;
        // Our own messages come back while they are proved.
        let longest = super::LONGEST_PAYLOAD_BYTES + PACKET_OVERHEAD_BYTES;
        mqtt.set_max_packet_size(longest, longest);
        mqtt.set_last_will(last_will(&self.options, self.options.retain));
        Ok(mqtt)
    }

    /// Uses a connection that the broker has accepted.
    async fn use_connection(&mut self, client: AsyncClient, events: &mut EventLoop) -> End {
        let since = self.shared.clock.now();
        let number = self.accepted(since);
        self.proof.connected(since);
        let careful = self.stability.is_careful(since);
        let Shared { outbox, router, announced, spool, clock } = self.shared.clone();
        let connection = Connection {
            client,
            outbox: &outbox,
            router: &router,
            announced: &announced,
            spool: spool.as_ref(),
            options: &self.options,
            clock: &clock,
            proof: &self.proof,
            in_flight: InFlight::default(),
            flow: RefCell::new(Flow::default()),
            number,
            careful,
            announce_after: self.stability.announce_after(),
        };
        let out_of_time = async {
            let by = outbox.stopping().await;
            time::sleep(by.since(clock.now()).saturating_sub(RUNTIME_END + THREAD_END)).await;
        };
        let (stability, broker, lasted) = (&mut self.stability, &self.broker, self.options.stable);
        let stable = async {
            time::sleep(lasted).await;
            if stability.lasted() {
                tracing::info!("{broker}: the connection is stable again");
            }
            std::future::pending::<()>().await;
        };
        select! {
            end = connection.poll(events) => match end {
                None => End::Stopped,
                Some(error) => {
                    let (now, oldest) = (clock.now(), connection.in_flight.oldest());
                    End::Lost(error.clone(), Loss { since, now, closed: error.closed, careful, oldest })
                }
            },
            // These three never end by themselves.
            () = connection.feed() => End::Stopped,
            () = connection.prove(broker) => End::Stopped,
            () = stable => End::Stopped,
            () = out_of_time => {
                tracing::warn!("{broker}: stopped without a disconnect: out of time");
                End::Stopped
            }
        }
    }

    fn disconnected(&self) {
        self.shared.outbox.disconnected();
        self.shared.router.disconnected();
        if let Some(spool) = &self.shared.spool {
            spool.disconnected();
        }
    }
}

/// Gives a sign of life while the queue moves, waits for the broker, or there is no connection. A
/// broker that answers nothing does not count as a hang: the keep-alive ends its connection.
async fn pulse(outbox: &Outbox, beat: &Beat) {
    let mut before = outbox.stats();
    loop {
        let now = outbox.stats();
        let waits = now.connected && !now.held_up && now.waiting > 0 && before.waiting > 0;
        if !waits || now.published != before.published || now.reconnects != before.reconnects {
            beat.busy();
        }
        before = now;
        time::sleep(PULSE).await;
    }
}
