//! One connection to the broker without a message, for `posed doctor`.

use super::Options;
use super::client::{mqtt_options, network_options};
use super::connection_error::ConnectionError;
use crate::clock::SharedClock;
use rumqttc::{AsyncClient, Event, Packet};
use std::time::Duration;
use tokio::time;

/// Longer than the network's own timeout, whose message is more precise.
const WITHIN: Duration = Duration::from_secs(8);

/// Connects with the daemon's TLS and login but another client id, and disconnects. Returns how long
/// the broker took to accept.
///
/// # Errors
/// What is wrong and what to do about it, as the daemon would log it.
pub fn probe(options: &Options, clock: &SharedClock) -> Result<Duration, String> {
    let id = format!("{}-doctor-{:04x}", options.client_id, fastrand::u16(..));
    let mqtt = mqtt_options(options, &id).map_err(|error| error.text)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let began = clock.now();
    let outcome = runtime.block_on(async {
        let (client, mut events) = AsyncClient::new(mqtt, 4);
        events.set_network_options(network_options());
        let accepted = async {
            loop {
                if let Event::Incoming(Packet::ConnAck(_)) =
                    events.poll().await.map_err(ConnectionError::from)?
                {
                    return Ok::<_, ConnectionError>(clock.now().since(began));
                }
            }
        };
        let took = match time::timeout(WITHIN, accepted).await {
            Ok(accepted) => accepted?,
            Err(_) => return Err(ConnectionError::away("no answer from the broker")),
        };
        // Disconnect properly, so that the broker logs no lost client.
        if client.try_disconnect().is_ok() {
            let _ = time::timeout(Duration::from_millis(200), events.poll()).await;
        }
        Ok(took)
    });
    // A name lookup that still runs is abandoned.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome.map_err(|error| error.text)
}
