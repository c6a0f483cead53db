//! Tries the broker for `posed doctor`: connects, publishes, and listens for its own messages.

mod v5;

use super::client::network::{fault_of_will, mqtt_options, network_options};
use super::connection_error::ConnectionError;
use super::{LONGEST_PAYLOAD_BYTES, Options, Poses, SCHEMA};
use crate::clock::SharedClock;
use crate::frame::{ClockLabel, Stamp};
use rumqttc::{AsyncClient, Event, EventLoop, Packet, QoS};
use std::time::Duration;
use tokio::{select, time};

/// Longest wait for the broker to accept. The network's own limit is shorter and says more.
const ACCEPT_WITHIN: Duration = Duration::from_secs(8);
/// Longest wait for our own messages.
const HEAR_WITHIN: Duration = Duration::from_secs(3);
/// Room for the header of a packet beside topic and payload.
const HEADER_BYTES: usize = 16;
/// What one person takes in a message, in bytes.
const PERSON_BYTES: usize = 700;
/// Brokers that limit the length of messages take this much.
const LONG_BYTES: usize = 1000;
/// With room for fewer people than this, a limit is worth a warning.
const FEW_PEOPLE: usize = 16;

/// What a broker that accepts us does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerFault {
    /// Messages will be missing; otherwise it is only worth knowing.
    pub serious: bool,
    /// What is wrong.
    pub text: String,
    /// What to do.
    pub remedy: String,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// How long the broker took to accept us.
    pub took: Duration,
    /// Topics on which our messages arrive.
    pub heard: Vec<String>,
    /// What does not work.
    pub faults: Vec<BrokerFault>,
}

/// A topic and a payload.
type Message = (String, Vec<u8>);

/// Connects with the daemon's TLS and login but another client id. Publishes the schema and, for
/// each of `cameras`, a message without people, and listens for them.
///
/// # Errors
/// Why there is no connection and what to do about it, as the daemon would log it.
pub fn probe(options: &Options, cameras: &[&str], clock: &SharedClock) -> Result<Probe, String> {
    let id = format!("{}-doctor-{:04x}", options.client_id, fastrand::u16(..));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let outcome = runtime.block_on(examine(options, &id, cameras, clock));
    // A name lookup that still runs is abandoned.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome.map_err(|error| error.text)
}

/// Whether this user may publish on `topic`; `None` if the broker does not tell. Publishes
/// `payload`.
pub(super) async fn may_publish(options: &Options, topic: &str, payload: &[u8]) -> Option<bool> {
    let id = format!("{}-probe-{:04x}", options.client_id, fastrand::u16(..));
    let message = (topic.to_owned(), payload.to_vec());
    v5::ask(options, &id, &[message]).await?.allowed.first().copied().flatten()
}

/// How to let this user publish and read messages of up to `bytes`.
pub(super) fn remedy(options: &Options, bytes: usize) -> String {
    let prefix = options.topics.prefix();
    let access = match &options.login {
        Some(login) => format!(
            "allow user {0:?} to write and read {prefix}/# (mosquitto: `user {0}` and `topic readwrite {prefix}/#` \
             in its acl_file)",
            login.username
        ),
        None => format!(
            "allow clients without a user name to write and read {prefix}/# (mosquitto: `topic readwrite {prefix}/#` \
             at the top of its acl_file), or set username in [mqtt]"
        ),
    };
    if bytes < LONG_BYTES {
        return access;
    }
    format!("{access}; or allow messages of {bytes} bytes (mosquitto: message_size_limit)")
}

async fn examine(
    options: &Options,
    id: &str,
    cameras: &[&str],
    clock: &SharedClock,
) -> Result<Probe, ConnectionError> {
    let began = clock.now();
    let (client, mut events) = connect(options, id).await?;
    let mut probe = Probe { took: clock.now().since(began), heard: Vec::new(), faults: Vec::new() };
    let limits = v5::ask(options, &format!("{id}-5"), &[]).await;
    let keeps = limits.as_ref().map(|limits| limits.retain);
    if options.retain && !matches!(keeps, Some(true)) {
        probe.faults.extend(retain_fault(options, id, keeps == Some(false)).await);
    }
    let longest = limits.and_then(|limits| limits.longest_bytes);
    let (short, long): (Vec<Message>, Vec<Message>) =
        messages(options, cameras, clock).into_iter().partition(|(topic, payload)| {
            longest.is_none_or(|most| topic.len() + payload.len() + HEADER_BYTES <= most)
        });
    probe.faults.extend(longest.and_then(|most| size_fault(most, &long)));
    let unheard = hear(&client, &mut events, &short).await;
    let quiet = |topic: &str| unheard.iter().any(|(name, _)| name == topic);
    probe.heard = short.iter().map(|(topic, _)| topic.clone()).filter(|topic| !quiet(topic)).collect();
    if !unheard.is_empty() {
        probe.faults.extend(silence(options, id, &unheard).await);
    }
    Ok(probe)
}

/// Connects with MQTT 3.1.1, as the daemon does.
async fn connect(options: &Options, id: &str) -> Result<(AsyncClient, EventLoop), ConnectionError> {
    let mut mqtt = mqtt_options(options, id)?;
    mqtt.set_max_packet_size(LONGEST_PAYLOAD_BYTES, LONGEST_PAYLOAD_BYTES);
    let (client, mut events) = AsyncClient::new(mqtt, 0);
    events.set_network_options(network_options());
    match time::timeout(ACCEPT_WITHIN, events.poll()).await {
        Ok(accepted) => accepted?,
        Err(_) => return Err(ConnectionError::away("no answer from the broker")),
    };
    Ok((client, events))
}

/// What is published to try the topics: it changes nothing for those who read it.
fn messages(options: &Options, cameras: &[&str], clock: &SharedClock) -> Vec<Message> {
    let mut messages = vec![(options.topics.schema(), SCHEMA.as_bytes().to_vec())];
    for camera in cameras {
        let stamp = Stamp { mono: clock.now(), wall: clock.wall(), clock: ClockLabel::Receive, pts: None };
        let frame = Poses { session: "doctor", seq: 0, camera, stamp, age: Duration::ZERO, size: (1, 1) };
        let mut payload = Vec::new();
        frame.write([], &mut payload);
        messages.push((options.topics.poses(camera), payload));
    }
    messages
}

/// Publishes `messages` and listens. Returns those that did not arrive.
async fn hear(client: &AsyncClient, events: &mut EventLoop, messages: &[Message]) -> Vec<Message> {
    let mut unheard = messages.to_vec();
    let feed = async {
        for (topic, _) in messages {
            let _ = client.subscribe(topic, QoS::AtMostOnce).await;
        }
        for (topic, payload) in messages {
            let _ = client.publish(topic, QoS::AtLeastOnce, false, payload.clone()).await;
        }
        std::future::pending::<()>().await;
    };
    let listen = async {
        while !unheard.is_empty() {
            match events.poll().await {
                Ok(Event::Incoming(Packet::Publish(message))) if !message.retain => {
                    unheard.retain(|(topic, _)| *topic != message.topic);
                }
                Ok(_) => {}
                // What was not heard by now is reported.
                Err(_) => break,
            }
        }
    };
    let listen = time::timeout(HEAR_WITHIN, listen);
    select! {
        () = feed => {}
        _ = listen => {}
    }
    // Disconnect properly, so that the broker logs no lost client.
    let goodbye = async {
        let _ = client.disconnect().await;
        std::future::pending::<()>().await;
    };
    let drive = async { while events.poll().await.is_ok() {} };
    let both = async {
        select! { () = goodbye => {} () = drive => {} }
    };
    let _ = time::timeout(Duration::from_millis(200), both).await;
    unheard
}

/// What the broker has against retained messages.
async fn retain_fault(options: &Options, id: &str, known: bool) -> Option<BrokerFault> {
    let remedy =
        "allow retained messages (mosquitto: retain_available true), or set retain = false in [mqtt]";
    if known {
        let text = "the broker keeps no retained messages, so it refuses the daemon".to_owned();
        return Some(BrokerFault { serious: true, text, remedy: remedy.into() });
    }
    let fault = fault_of_will(options, &format!("{id}-will")).await?;
    let (text, remedy) = fault.text.split_once(": ").unwrap_or((&fault.text, remedy));
    Some(BrokerFault { serious: true, text: text.to_owned(), remedy: remedy.to_owned() })
}

/// What a limit on the size of packets means.
fn size_fault(most: usize, long: &[Message]) -> Option<BrokerFault> {
    let people = most / PERSON_BYTES;
    if long.is_empty() && people >= FEW_PEOPLE {
        return None;
    }
    let held =
        long.iter().map(|(topic, payload)| format!("; {topic} ({} bytes) is held back", payload.len()));
    let held: String = held.collect();
    Some(BrokerFault {
        serious: false,
        text: format!(
            "the broker takes at most {most} bytes in a packet: frames with more than about {people} people are not \
             published{held}"
        ),
        remedy: "raise the broker's limit (mosquitto: max_packet_size)".into(),
    })
}

/// Why messages did not arrive. MQTT 3.1.1 does not say whether writing or reading is forbidden.
async fn silence(options: &Options, id: &str, unheard: &[Message]) -> Vec<BrokerFault> {
    let answer = v5::ask(options, &format!("{id}-5"), unheard).await;
    let allowed = answer.map(|answer| answer.allowed).unwrap_or_default();
    let of = |verdict: Option<bool>| -> Vec<&str> {
        let verdicts = allowed.iter().copied().chain(std::iter::repeat(None));
        unheard
            .iter()
            .zip(verdicts)
            .filter(|(_, v)| *v == verdict)
            .map(|((topic, _), _)| topic.as_str())
            .collect()
    };
    let longest = unheard.iter().map(|(_, payload)| payload.len()).max().unwrap_or_default();
    let says = |topics: Vec<&str>, serious: bool, what: &str| {
        let text = format!("{what} {}", topics.join(", "));
        (!topics.is_empty()).then(|| BrokerFault { serious, text, remedy: remedy(options, longest) })
    };
    [
        says(of(Some(false)), true, "the broker lets us log in, but not publish on"),
        says(of(None), true, "we log in, but do not hear what we publish on"),
        says(of(Some(true)), false, "we may publish, but not read what we publish on"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
