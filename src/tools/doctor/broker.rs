//! Whether the broker accepts a connection like the daemon's, and passes on what is published.

use super::diagnosis::{Diagnosis, Level};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::publish::{self, BrokerFault, Probe};

pub(super) fn examine(config: &Config, clock: &SharedClock, report: &mut Diagnosis) {
    let url = &config.mqtt.url;
    let cameras: Vec<&str> = config.cameras.iter().map(|camera| camera.name.as_str()).collect();
    let outcome = config
        .mqtt
        .publisher()
        .map_err(|e| e.to_string())
        .and_then(|options| publish::probe(&options, &cameras, clock));
    match outcome {
        Ok(probe) => describe(config, &probe, report),
        Err(e) => report.add(Level::Fault, "broker", format!("{url}: {e}"), remedy(config, &e)),
    }
    if !url.tls && !is_local(&url.host) {
        report.add(
            Level::Warning,
            "broker",
            format!("{url} is on the network and not encrypted: others can read poses and password"),
            "use mqtts://, and set tls_ca if the broker's certificate is signed by your own authority",
        );
    }
}

fn describe(config: &Config, probe: &Probe, report: &mut Diagnosis) {
    let url = &config.mqtt.url;
    let tls = if url.tls { ", certificate verified" } else { "" };
    let login = if config.mqtt.login.is_some() { ", login accepted" } else { "" };
    let heard = match probe.heard.len() {
        0 => String::new(),
        topics => format!(", what we publish on {topics} topics arrives"),
    };
    report.ok("broker", format!("{url}: accepts us after {:.0?}{tls}{login}{heard}", probe.took));
    for BrokerFault { serious, text, remedy } in &probe.faults {
        let level = if *serious { Level::Fault } else { Level::Warning };
        report.add(level, "broker", format!("{url}: {text}"), remedy.clone());
    }
}

/// The remedy for an error with this text.
fn remedy(config: &Config, text: &str) -> &'static str {
    let local = is_local(&config.mqtt.url.host);
    if text.contains("refused") && text.contains("os error") && local {
        "install a broker (`sudo apt install mosquitto`), or set [mqtt] url to another one"
    } else if text.contains("refused") && text.contains("os error") {
        "check that the broker runs and that it listens for other machines"
    } else if text.contains("lookup") || text.contains("resolve") || text.contains("Name or service") {
        "check the name in [mqtt] url, and this machine's DNS"
    } else if text.contains("no answer") || text.contains("unreachable") {
        "check the network, the address in [mqtt] url, and firewalls on the way"
    } else {
        "correct [mqtt]; `posed check` shows the settings in use"
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
