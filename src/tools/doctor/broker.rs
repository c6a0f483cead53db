//! Whether the broker accepts us, as the daemon would connect.

use super::report::{Level, Report};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::publish;

pub(super) fn examine(config: &Config, clock: &SharedClock, report: &mut Report) {
    let url = &config.mqtt.url;
    let tls = if url.tls { ", certificate verified" } else { "" };
    let login = if config.mqtt.login.is_some() { ", login accepted" } else { "" };
    let outcome = config
        .mqtt
        .publisher()
        .map_err(|e| e.to_string())
        .and_then(|options| publish::probe(&options, clock));
    match outcome {
        Ok(took) => report.ok("broker", format!("{url}: accepts us after {:.0?}{tls}{login}", took)),
        Err(e) => report.add(Level::Fault, "broker", format!("{url}: {e}"), remedy(config, &e)),
    }
    if !url.tls && !is_local(&url.host) {
        report.add(
            Level::Warning,
            "broker",
            format!(
                "{url} is neither on this machine nor encrypted: poses and password can be read on the way"
            ),
            "use mqtts://, with tls_ca if the authority is your own",
        );
    }
}

/// For what the words themselves do not say.
fn remedy(config: &Config, words: &str) -> &'static str {
    let local = is_local(&config.mqtt.url.host);
    if words.contains("refused") && words.contains("os error") && local {
        "start a broker here: `sudo apt install mosquitto`, or name another in [mqtt] url"
    } else if words.contains("refused") && words.contains("os error") {
        "is the broker running, and does its listener take connections from other machines?"
    } else if words.contains("lookup") || words.contains("resolve") || words.contains("Name or service") {
        "check the name in [mqtt] url, and this machine's DNS"
    } else if words.contains("no answer") || words.contains("unreachable") {
        "check the network, the address in [mqtt] url, and firewalls between"
    } else {
        "mend what it says in [mqtt]; `posed check` shows what is used"
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
