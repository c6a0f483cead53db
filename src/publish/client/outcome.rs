//! What follows from how a connection began or ended: log lines, pauses, and messages held back.

use super::Client;
use super::in_flight::Sent;
use super::network::fault_of_will;
use super::stability::{FLAPPING, Loss};
use crate::clock::Mono;
use crate::publish::connection_error::ConnectionError;
use crate::publish::outbox::Tag;
use std::time::Duration;
use tokio::select;

/// A rejected message is tried again at the first connection after this long.
const HOLD_BACK: Duration = Duration::from_secs(600);

impl Client {
    /// Notes that the broker has accepted the connection. Returns its number.
    pub(super) fn accepted(&mut self, now: Mono) -> u64 {
        let quiet = self.stability.short() >= FLAPPING;
        match self.away_since.take() {
            None => tracing::info!("{}: connected", self.broker),
            Some(_) if quiet => tracing::debug!("{}: connected, perhaps not for long", self.broker),
            Some(since) => {
                let (away, attempts) = (now.since(since).as_secs_f64(), self.attempts);
                tracing::info!("{}: connected after {away:.1} s ({attempts} attempts)", self.broker);
            }
        }
        if !quiet {
            self.said = None;
        }
        self.options.refused.reset();
        let number = self.shared.outbox.connected(now);
        if let Some(spool) = &self.shared.spool {
            spool.connected(number);
        }
        number
    }

    /// The broker did not accept a connection. Returns the pause.
    pub(super) async fn not_made(&mut self, mut error: ConnectionError) -> Duration {
        if error.closed {
            let outbox = self.shared.outbox.clone();
            let fault = select! {
                _ = outbox.stopping() => None,
                fault = fault_of_will(&self.options, &self.options.client_id) => fault,
            };
            error = fault.unwrap_or(error);
        }
        self.away_since.get_or_insert(self.shared.clock.now());
        let ConnectionError { text, refused, .. } = &error;
        if self.is_news(text) {
            match refused {
                true => tracing::error!("{}: {text}", self.broker),
                false => tracing::warn!("{}: no connection: {text}; retrying until it works", self.broker),
            }
        }
        if *refused { self.options.refused.pause() } else { self.options.retry.pause() }
    }

    /// An accepted connection ended. Returns the pause.
    pub(super) fn lost(&mut self, error: &ConnectionError, loss: &Loss) -> Duration {
        let rejected = self.stability.lost(loss);
        if let Some(sent) = &rejected {
            self.hold_back(sent, loss.now);
        }
        self.disconnected();
        self.attempts = 0;
        self.away_since.get_or_insert(loss.now);
        let ConnectionError { text, .. } = error;
        match self.stability.short() {
            0 if rejected.is_some() => {}
            0 => tracing::warn!("{}: lost: {text}; poses are dropped until it is back", self.broker),
            FLAPPING => tracing::warn!(
                "{}: connections do not last ({text}): another client probably uses the client id {:?}; give each \
                 its own client_id in [mqtt]. posed retries ever less often, and logs this once",
                self.broker,
                self.options.client_id
            ),
            short if short < FLAPPING => {
                tracing::warn!("{}: lost soon after connecting: {text}", self.broker);
            }
            _ => tracing::debug!("{}: lost soon after connecting: {text}", self.broker),
        }
        if self.stability.short() > 0 {
            return self.options.unstable.pause();
        }
        self.options.unstable.reset();
        self.options.retry.reset();
        self.options.retry.pause()
    }

    /// Holds back a message that the broker rejects.
    fn hold_back(&self, sent: &Sent, now: Mono) {
        let Sent { topic, bytes, tag, .. } = sent;
        let (outbox, spool) = (&self.shared.outbox, &self.shared.spool);
        match (tag, spool) {
            (Tag::Durable(seq), Some(spool)) => {
                spool.acknowledged(outbox.connection(), *seq);
                outbox.rejected();
            }
            _ => outbox.hold(topic, *bytes, now + HOLD_BACK),
        }
        let retained = self.options.retain && matches!(tag, Tag::Retained | Tag::Availability);
        let retained = if retained { ", forbids retained messages ([mqtt] retain = false)" } else { "" };
        tracing::error!(
            "{}: a message on {topic} ({bytes} bytes) is held back: the broker closes the connection when it \
             arrives. Perhaps the broker limits the size (mosquitto: max_packet_size){retained} or forbids the topic",
            self.broker
        );
    }

    /// Whether `text` differs from the last error, which is logged once and not at every attempt.
    fn is_news(&mut self, text: &str) -> bool {
        let is_news = self.said.as_deref() != Some(text);
        if is_news {
            self.said = Some(text.to_owned());
        } else {
            tracing::debug!("{}: still {text}", self.broker);
        }
        is_news
    }
}
