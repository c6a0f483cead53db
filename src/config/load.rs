//! Turns TOML tables into the sections of a [`Config`]; checks rules that concern several keys.

use super::Machine;
use super::camera::camera;
use super::fault::Report;
use super::password::{find_credential, password_file};
use super::read::{At, Table, boolean, integer, number, one_of, text};
use super::types::*;
use super::validate;
use crate::infer::manifest;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Builds the configuration; `None` if a part without a default is missing or wrong. All faults,
/// also mere warnings, go to `report`.
pub(super) fn config(
    document: &Spanned<DeTable<'_>>,
    path: &Path,
    machine: &Machine,
    report: &mut Report<'_>,
) -> Option<Config> {
    let base = path.parent().unwrap_or(Path::new(""));
    let mut root = Table::new("", 0..0, Some(document.get_ref()));
    let mqtt = mqtt(root.table(report, "mqtt"), base, path, machine, report);
    let model = model(root.table(report, "model"), base, report);
    let inference = inference(root.table(report, "inference"), report);
    let pose = pose(root.table(report, "pose"), report);
    let cameras = cameras(&mut root, base, report);
    let log = log(root.table(report, "log"), report);
    root.finish(report);
    Some(Config { mqtt, model, inference, pose, cameras: cameras?, log })
}

fn mqtt(
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
    let tls = tls(&mut table, &url, base, report);
    let keep_alive = table.get_or(report, "keep_alive_s", 10, integer(5..=3600));
    table.finish(report);
    Mqtt { url, client_id, login, prefix, tls, keep_alive: Duration::from_secs(keep_alive) }
}

fn login(
    table: &mut Table<'_, '_>,
    url: &BrokerUrl,
    base: &Path,
    machine: &Machine,
    report: &mut Report<'_>,
) -> Option<LoginConfig> {
    let username = table.get(report, "username", text);
    let file = password_file(table, base, report);
    let credential = table.get(report, "password_credential", validate::credential);
    if let (Some(_), Some(credential)) = (&file, &credential) {
        report.error(
            credential.span.clone(),
            table.key("password_credential"),
            "password_file is set too",
            "keep only one of them",
        );
    }
    let credential = credential.map(|at| find_credential(table, at, machine, report));
    let password = file.or(credential);
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
    Some(LoginConfig { username: username.value, password_file: password.map(|at| at.value) })
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

fn model(mut table: Table<'_, '_>, base: &Path, report: &mut Report<'_>) -> ModelFolders {
    let default = |name: &str| Path::new(manifest::INSTALLED).join(name);
    let pose = table.get_or(report, "pose", default(manifest::POSE), validate::path(base));
    let finder = table.get_or(report, "finder", default(manifest::FINDER), validate::path(base));
    table.finish(report);
    ModelFolders { pose, finder }
}

fn inference(mut table: Table<'_, '_>, report: &mut Report<'_>) -> Inference {
    let workers = table.get_or(report, "workers", 1, integer(1..=64)) as usize;
    let threads = table.get_or(report, "threads", None, |value| match value {
        DeValue::String(s) if s == "auto" => Ok(None),
        value => integer(1..=64)(value).map(Some).map_err(|mut wrong| {
            wrong.remedy += ", or \"auto\"";
            wrong
        }),
    });
    let kernels = table.get(report, "kernels", text).map(|at| at.value).filter(|name| name != "auto");
    table.finish(report);
    Inference { workers, threads: threads.map(|n| n as usize), kernels }
}

fn pose(mut table: Table<'_, '_>, report: &mut Report<'_>) -> PoseConfig {
    let score = number(0.0..=1.0);
    let pose = PoseConfig {
        min_score: table.get_or(report, "min_score", 0.1, &score) as f32,
        keypoint_score: table.get_or(report, "keypoint_score", 0.2, &score) as f32,
        min_keypoints: table.get_or(report, "min_keypoints", 5, integer(1..=17)) as usize,
        smoothing: table.get_or(report, "smoothing", SmoothingMode::Smoothed, |value| match value {
            DeValue::String(s) if s == "both" => Ok(SmoothingMode::Both),
            value => boolean(value)
                .map(|on| if on { SmoothingMode::Smoothed } else { SmoothingMode::Raw })
                .map_err(|mut wrong| {
                    wrong.remedy += ", or \"both\"";
                    wrong
                }),
        }),
    };
    table.finish(report);
    pose
}

fn cameras(root: &mut Table<'_, '_>, base: &Path, report: &mut Report<'_>) -> Option<Vec<CameraConfig>> {
    let faults_before = report.faults.len();
    let tables = root.tables(report, "camera");
    if tables.is_empty() && report.faults.len() == faults_before {
        report.whole("there is no camera", "add [[camera]] with a name and a source");
    }
    let mut names: Vec<At<String>> = Vec::new();
    let mut cameras = Vec::new();
    for (index, (span, entries)) in tables.into_iter().enumerate() {
        let (name, camera) = camera(index, span, entries, base, report);
        cameras.push(camera);
        let Some(name) = name else { continue };
        match names.iter().find(|other| other.value == name.value) {
            Some(first) => {
                let line = report.line_of(first.span.start);
                report.error(
                    name.span,
                    format!("camera.{}.name", name.value),
                    format!("the camera on line {line} has this name too"),
                    "give each camera a name of its own: it is its topic",
                );
            }
            None => names.push(name),
        }
    }
    cameras.into_iter().collect()
}

fn log(mut table: Table<'_, '_>, report: &mut Report<'_>) -> Log {
    let level = table.get_or(report, "level", "info".into(), validate::log_level);
    let formats = &[("auto", LogFormat::Auto), ("plain", LogFormat::Plain), ("journal", LogFormat::Journal)];
    let format = table.get_or(report, "format", LogFormat::Auto, one_of(formats));
    table.finish(report);
    Log { level, format }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A broker disconnects the older of two clients with the same id, so the id is made from the machine
/// and the file. It survives restarts, so a restarted daemon replaces its crashed connection.
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
