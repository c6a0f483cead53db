//! Why a connection failed, in words that say what to do.

use super::tls;
use crate::secret;
use rumqttc::{ConnectReturnCode, StateError, TlsError};

/// Why one connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConnectionError {
    /// A person has to correct it: retry less often.
    pub refused: bool,
    /// The broker ended the connection, without a word.
    pub closed: bool,
    /// What is wrong and, if it can be corrected here, how.
    pub text: String,
}

impl ConnectionError {
    pub(super) fn refused(text: impl Into<String>) -> ConnectionError {
        ConnectionError { refused: true, closed: false, text: text.into() }
    }

    pub(super) fn away(text: impl Into<String>) -> ConnectionError {
        ConnectionError { refused: false, closed: false, text: text.into() }
    }

    fn closed() -> ConnectionError {
        ConnectionError { closed: true, ..ConnectionError::away("the broker closed the connection") }
    }
}

impl From<secret::Error> for ConnectionError {
    fn from(e: secret::Error) -> ConnectionError {
        ConnectionError::refused(format!("no password: {e}"))
    }
}

impl From<tls::Error> for ConnectionError {
    fn from(e: tls::Error) -> ConnectionError {
        ConnectionError::refused(e.to_string())
    }
}

impl From<rumqttc::ConnectionError> for ConnectionError {
    fn from(e: rumqttc::ConnectionError) -> ConnectionError {
        match e {
            rumqttc::ConnectionError::ConnectionRefused(code) => refusal(code),
            rumqttc::ConnectionError::Tls(TlsError::NativeTls(e)) => verification(&e.to_string()),
            rumqttc::ConnectionError::Tls(TlsError::Io(e)) => ConnectionError::away(e.to_string()),
            rumqttc::ConnectionError::Io(e) | rumqttc::ConnectionError::MqttState(StateError::Io(e)) => {
                io(&e)
            }
            // The reader's errors are wrapped once more.
            rumqttc::ConnectionError::MqttState(StateError::Deserialization(rumqttc::Error::Io(e))) => io(&e),
            rumqttc::ConnectionError::MqttState(StateError::ConnectionAborted) => ConnectionError::closed(),
            rumqttc::ConnectionError::MqttState(StateError::AwaitPingResp) => {
                ConnectionError::away("the broker no longer answers pings")
            }
            rumqttc::ConnectionError::NetworkTimeout => ConnectionError::away("no answer from the broker"),
            rumqttc::ConnectionError::FlushTimeout => ConnectionError::away("the broker takes no data"),
            other => ConnectionError::away(other.to_string()),
        }
    }
}

fn refusal(code: ConnectReturnCode) -> ConnectionError {
    use ConnectReturnCode::*;
    match code {
        BadUserNamePassword | NotAuthorized => ConnectionError::refused(
            "the broker refuses the user name or password: correct username or the password file in [mqtt] \
             (the file is read again at each attempt)",
        ),
        BadClientId => {
            ConnectionError::refused("the broker refuses the client id: choose another client_id in [mqtt]")
        }
        ServiceUnavailable => ConnectionError::away("the broker says that it is unavailable"),
        other => ConnectionError::refused(format!("the broker refuses the connection: {other:?}")),
    }
}

/// Turns OpenSSL's message into one with a remedy.
fn verification(text: &str) -> ConnectionError {
    let lower = text.to_lowercase();
    let has = |words: &str| lower.contains(words);
    let (what, remedy) = if has("certificate has expired") {
        ("its certificate has expired", "renew it, or set this machine's clock")
    } else if has("not yet valid") {
        ("its certificate is not valid yet", "set this machine's clock")
    } else if has("hostname mismatch") || has("ip address mismatch") {
        ("its certificate is for another host", "use the name in the certificate in url")
    } else if has("local issuer") || has("self-signed") || has("self signed") || has("verify failed") {
        ("its certificate is from an unknown authority", "name that authority's file in tls_ca")
    } else if has("wrong version number") || has("packet length too long") {
        ("it does not speak TLS on this port", "use the TLS port, often 8883, in url")
    } else if has("alert") {
        ("it refuses our certificate", "see tls_cert and tls_key")
    } else if has("connection reset") || has("eof") || has("broken pipe") {
        // A broker that is shutting down does this too, so retry soon.
        return ConnectionError::away("the broker hangs up on TLS: is this its TLS port, often 8883?");
    } else {
        return ConnectionError::refused(format!("TLS with the broker fails: {text}"));
    };
    ConnectionError::refused(format!("the broker is not trusted, {what}: {remedy} ({text})"))
}

/// The system's message. A broker that ends the connection shows as one of several errors.
fn io(e: &std::io::Error) -> ConnectionError {
    use std::io::ErrorKind::*;
    match e.kind() {
        ConnectionAborted | UnexpectedEof | ConnectionReset | BrokenPipe => ConnectionError::closed(),
        _ => ConnectionError::away(e.to_string()),
    }
}
