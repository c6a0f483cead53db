//! How a connection is set up: login, TLS, time limits, last will.

use crate::publish::Options;
use crate::publish::connection_error::ConnectionError;
use rumqttc::{
    AsyncClient, Event, LastWill, MqttOptions, NetworkOptions, Outgoing, QoS, TlsConfiguration, Transport,
};
use std::time::Duration;
use tokio::time;

/// Longest time to connect, and for the broker to take what was written.
const NETWORK_TIMEOUT_S: u64 = 5;
/// Room for one long message beside the poses that [`super::flow`] lets pass.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;
/// Longest time for a disconnect to be written.
const DISCONNECT_WITHIN: Duration = Duration::from_millis(200);

/// A clean session at the broker of `o`, with its login and TLS. Reads the password and certificate
/// files.
pub(in crate::publish) fn mqtt_options(o: &Options, client_id: &str) -> Result<MqttOptions, ConnectionError> {
    let mut mqtt = MqttOptions::new(client_id, host(&o.host), o.port);
    mqtt.set_keep_alive(o.keep_alive);
    mqtt.set_clean_session(true);
    if let Some((username, password)) = login(o)? {
        mqtt.set_credentials(username, password);
    }
    if let Some(transport) = transport(o)? {
        mqtt.set_transport(transport);
    }
    Ok(mqtt)
}

/// User name and password.
pub(in crate::publish) fn login(o: &Options) -> Result<Option<(&str, String)>, ConnectionError> {
    let Some(login) = &o.login else { return Ok(None) };
    let password = match (&login.password, &login.password_file) {
        (Some(password), _) => password.expose().to_owned(),
        (None, Some(path)) => crate::secret::read(path)?.expose().to_owned(),
        (None, None) => String::new(),
    };
    Ok(Some((&login.username, password)))
}

/// TLS, if it is wanted.
pub(in crate::publish) fn transport(o: &Options) -> Result<Option<Transport>, ConnectionError> {
    let Some(tls) = &o.tls else { return Ok(None) };
    Ok(Some(Transport::Tls(TlsConfiguration::NativeConnector(tls.connector()?))))
}

/// rumqttc appends `:port` and resolves the result, so an IPv6 address needs brackets.
pub(in crate::publish) fn host(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

pub(in crate::publish) fn network_options() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(NETWORK_TIMEOUT_S);
    network.set_tcp_nodelay(true);
    network.set_tcp_send_buffer_size(SEND_BUFFER_BYTES);
    network
}

/// What the broker publishes when we are gone.
pub(super) fn last_will(o: &Options, retain: bool) -> LastWill {
    LastWill::new(o.topics.availability(), "offline", QoS::AtLeastOnce, retain)
}

/// Connects and disconnects.
async fn try_connect(mqtt: MqttOptions) -> Result<(), ConnectionError> {
    let (client, mut events) = AsyncClient::new(mqtt, 1);
    events.set_network_options(network_options());
    events.poll().await?;
    // A proper disconnect: the broker publishes no last will.
    if client.try_disconnect().is_ok() {
        let written = async {
            while !matches!(events.poll().await, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) {}
        };
        let _ = time::timeout(DISCONNECT_WITHIN, written).await;
    }
    Ok(())
}

/// What the broker has against our last will, if it closes the connection because of it. MQTT 3.1.1
/// has no words for that, so this connects without a will and with others.
pub(in crate::publish) async fn fault_of_will(o: &Options, client_id: &str) -> Option<ConnectionError> {
    let accepts = async |will: Option<LastWill>| {
        let Ok(mut mqtt) = mqtt_options(o, client_id) else { return false };
        if let Some(will) = will {
            mqtt.set_last_will(will);
        }
        try_connect(mqtt).await.is_ok()
    };
    if !accepts(None).await || accepts(Some(last_will(o, o.retain))).await {
        return None;
    }
    if o.retain && accepts(Some(last_will(o, false))).await {
        return Some(ConnectionError::refused(
            "the broker refuses our last will because it is retained: allow retained messages (mosquitto: \
             retain_available true), or set retain = false in [mqtt]",
        ));
    }
    let topic = o.topics.availability();
    Some(ConnectionError::refused(format!(
        "the broker refuses our last will on {topic}: allow this user to publish there"
    )))
}
