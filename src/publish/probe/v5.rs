//! Questions that only MQTT 5 answers: the broker's limits, and whether a message is allowed.

use crate::publish::Options;
use crate::publish::client::network::{host, login, transport};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use std::time::Duration;
use tokio::time;

/// Longest time for the connection, and for each acknowledgement.
const WITHIN: Duration = Duration::from_secs(5);

/// What the broker says.
pub(super) struct Answer {
    /// It keeps retained messages.
    pub retain: bool,
    /// Longest packet that it takes.
    pub longest_bytes: Option<usize>,
    /// For each message: whether it is allowed; `None` without a clear answer.
    pub allowed: Vec<Option<bool>>,
}

/// Connects with MQTT 5 and publishes `messages`: topics and payloads. `None` if the broker does
/// not speak MQTT 5, or does not accept the connection.
pub(super) async fn ask(o: &Options, client_id: &str, messages: &[(String, Vec<u8>)]) -> Option<Answer> {
    let (client, mut events) = AsyncClient::new(mqtt_options(o, client_id)?, 1);
    let properties = time::timeout(WITHIN, accepted(&mut events)).await.ok()??;
    let mut answer = Answer {
        retain: properties.as_ref().and_then(|p| p.retain_available) != Some(0),
        longest_bytes: properties.and_then(|p| p.max_packet_size).map(|bytes| bytes as usize),
        allowed: Vec::new(),
    };
    for (topic, payload) in messages {
        let sent = client.publish(topic, QoS::AtLeastOnce, false, payload.clone()).await.is_ok();
        let verdict =
            if sent { time::timeout(WITHIN, verdict(&mut events)).await.ok().flatten() } else { None };
        answer.allowed.push(verdict);
    }
    if client.try_disconnect().is_ok() {
        let _ = time::timeout(Duration::from_millis(200), events.poll()).await;
    }
    Some(answer)
}

fn mqtt_options(o: &Options, client_id: &str) -> Option<MqttOptions> {
    let mut mqtt = MqttOptions::new(client_id, host(&o.host), o.port);
    mqtt.set_keep_alive(o.keep_alive).set_clean_start(true);
    if let Some((username, password)) = login(o).ok()? {
        mqtt.set_credentials(username, password);
    }
    if let Some(transport) = transport(o).ok()? {
        mqtt.set_transport(transport);
    }
    Some(mqtt)
}

type Properties = rumqttc::v5::mqttbytes::v5::ConnAckProperties;

/// Waits until the broker accepts the connection; `None` if it does not.
async fn accepted(events: &mut EventLoop) -> Option<Option<Properties>> {
    loop {
        if let Event::Incoming(Packet::ConnAck(ack)) = events.poll().await.ok()? {
            return Some(ack.properties);
        }
    }
}

/// Waits for the acknowledgement of the message that was sent last.
async fn verdict(events: &mut EventLoop) -> Option<bool> {
    loop {
        if let Event::Incoming(Packet::PubAck(ack)) = events.poll().await.ok()? {
            return Some(matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers));
        }
    }
}
