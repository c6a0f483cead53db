//! Reads `[mqtt]`: broker, login, topics, TLS.

use super::Machine;
use super::fault::Report;
use super::password::{find_credential, password_file, password_variable};
use super::read::{At, Table, boolean, integer, text};
use super::types::{BrokerUrl, LoginConfig, Mqtt, TlsConfig};
use super::validate;
use crate::secret::Secret;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads `[mqtt]`.
pub(super) fn mqtt(
    mut table: Table<'_, '_>,
    base: &Path,
    path: &Path,
    machine: &Machine,
    report: &mut Report<'_>,
) -> Mqtt {
    let local = BrokerUrl { tls: false, host: "localhost".into(), port: 1883 };
    let url = table.get_or(report, "url", local, validate::broker_url);
    let client_id = table
        .get(report, "client_id", validate::client_id)
        .map_or_else(|| default_client_id(machine, path), |at| at.value);
    let login = login(&mut table, &url, base, machine, report);
    let prefix = table.get_or(report, "prefix", "posed".into(), validate::prefix);
    let retain = table.get_or(report, "retain", true, boolean);
    let commands = table.get_or(report, "commands", true, boolean);
    let tls = tls(&mut table, &url, base, report);
    let keep_alive = table.get_or(report, "keep_alive_s", 10, integer(5..=3600));
    table.finish(report);
    Mqtt { url, client_id, login, prefix, retain, commands, tls, keep_alive: Duration::from_secs(keep_alive) }
}

fn login(
    table: &mut Table<'_, '_>,
    url: &BrokerUrl,
    base: &Path,
    machine: &Machine,
    report: &mut Report<'_>,
) -> Option<LoginConfig> {
    let username = table.get(report, "username", text);
    let given = passwords(table, base, machine, report);
    if let [_, second, ..] = given.as_slice() {
        let reason = "there is another password";
        report.error(second.span.clone(), table.key(second.value.key), reason, "keep only one of them");
    }
    let password = given.into_iter().next();
    let Some(username) = username else {
        if let Some(password) = password {
            let remedy = "add username = \"...\"";
            report.error(password.span, table.key("username"), "a password without a user name", remedy);
        }
        return None;
    };
    if let Some(password) = password.as_ref().filter(|_| !url.tls && !is_local(&url.host)) {
        report.warning(
            password.span.clone(),
            table.key("url"),
            format!("the password goes to {} unencrypted", url.host),
            "use mqtts:// if the broker can",
        );
    }
    let (password_file, password) = password.map_or((None, None), |at| (at.value.file, at.value.text));
    Some(LoginConfig { username: username.value, password_file, password })
}

/// A password, from wherever it comes.
struct Password {
    key: &'static str,
    file: Option<PathBuf>,
    text: Option<Secret>,
}

/// Every password that is given; one is enough.
fn passwords(
    table: &mut Table<'_, '_>,
    base: &Path,
    machine: &Machine,
    report: &mut Report<'_>,
) -> Vec<At<Password>> {
    let from_file = |key, at: At<PathBuf>| {
        let value = Password { key, file: Some(at.value), text: None };
        At { value, span: at.span }
    };
    let file = password_file(table, base, report);
    let credential = table
        .get(report, "password_credential", validate::credential)
        .map(|at| find_credential(table, at, machine, report));
    let text = password_variable(table, report).map(|at| {
        let value = Password { key: "password", file: None, text: Some(at.value) };
        At { value, span: at.span }
    });
    let file = file.map(|at| from_file("password_file", at));
    let credential = credential.map(|at| from_file("password_credential", at));
    file.into_iter().chain(credential).chain(text).collect()
}

fn tls(table: &mut Table<'_, '_>, url: &BrokerUrl, base: &Path, report: &mut Report<'_>) -> TlsConfig {
    let ca = table.get(report, "tls_ca", validate::file(base));
    let cert = table.get(report, "tls_cert", validate::file(base));
    let key = table.get(report, "tls_key", validate::file(base));
    if !url.tls {
        for (name, at) in [("tls_ca", &ca), ("tls_cert", &cert), ("tls_key", &key)] {
            if let Some(at) = at {
                let reason = "the url is not mqtts://, so nothing would be encrypted";
                report.error(at.span.clone(), table.key(name), reason, "use url = \"mqtts://...\"");
            }
        }
    }
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert.value, key.value)),
        (Some(cert), None) => {
            let remedy = "add tls_key = \"...\", the certificate's key";
            report.error(cert.span, table.key("tls_cert"), "a certificate without its key", remedy);
            None
        }
        (None, Some(key)) => {
            let remedy = "add tls_cert = \"...\", the key's certificate";
            report.error(key.span, table.key("tls_key"), "a key without its certificate", remedy);
            None
        }
        (None, None) => None,
    };
    TlsConfig { ca: ca.map(|at| at.value), identity }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A broker disconnects the older of two clients with the same id, so the id is made from the
/// machine and the file. It survives restarts, so a restarted daemon replaces its crashed
/// connection.
fn default_client_id(machine: &Machine, path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let digest = Sha256::new()
        .chain_update(&machine.id)
        .chain_update([0])
        .chain_update(path.as_os_str().as_encoded_bytes())
        .finalize();
    let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let host: String =
        machine.hostname.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
    if host.is_empty() { format!("posed-{hash}") } else { format!("posed-{host}-{hash}") }
}
