//! `[http]`: where the page and the metrics are served.

use super::fault::Report;
use super::read::{At, Table, Wrong, boolean, text, wrong};
use super::validate;
use crate::http::{self, SHORTEST_TOKEN};
use crate::secret;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::de::DeValue;

/// Where the page and the metrics are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// `listen`: address and port.
    pub listen: SocketAddr,
    /// `token_file`: requests must carry the token in it. Required unless `listen` is loopback.
    pub token_file: Option<PathBuf>,
    /// `hosts`: names by which browsers may ask, besides `localhost` and addresses.
    pub hosts: Vec<String>,
    /// `snapshots`: pictures of cameras on demand; needs `token_file`.
    pub snapshots: bool,
    /// `edit`: the page may save zones and lines.
    pub edit: bool,
}

impl Http {
    /// Options for the server.
    pub fn server(&self) -> http::Options {
        http::Options {
            listen: self.listen,
            token_file: self.token_file.clone(),
            hosts: self.hosts.clone(),
            snapshots: self.snapshots,
            edit: self.edit,
        }
    }
}

/// Reads the section; `None` if it names no address.
pub(super) fn http(mut table: Table<'_, '_>, base: &Path, report: &mut Report<'_>) -> Option<Http> {
    let faults_before = report.faults.len();
    let listen = table.get(report, "listen", address);
    let is_absent = listen.is_none() && report.faults.len() == faults_before;
    let faults_before = report.faults.len();
    let token = table.get(report, "token_file", token_file(base));
    let has_no_token = token.is_none() && report.faults.len() == faults_before;
    let hosts = table.get(report, "hosts", hosts);
    let snapshots = table.get(report, "snapshots", boolean);
    let edit = table.get(report, "edit", boolean);
    let rest = [token.as_ref().map(|at| &at.span), hosts.as_ref().map(|at| &at.span)];
    let switches = [&snapshots, &edit].map(|switch| switch.as_ref().filter(|at| at.value).map(|at| &at.span));
    if let (true, Some(span)) = (is_absent, rest.into_iter().chain(switches).flatten().next()) {
        let remedy = "add listen = \"127.0.0.1:8750\", or remove the line";
        report.error(span.clone(), table.key("listen"), "is missing, so nothing is served", remedy);
    }
    if has_no_token {
        without_token(&table, listen.as_ref(), [&snapshots, &edit].map(Option::as_ref), report);
    }
    if let (Some(_), Some(token)) = (&listen, &token)
        && secret::is_world_readable(&token.value)
    {
        report.warning(
            token.span.clone(),
            table.key("token_file"),
            "every user of this machine can read the file",
            format!("chmod o-r {}", token.value.display()),
        );
    }
    table.finish(report);
    let is_on = |switch: Option<At<bool>>| switch.is_some_and(|at| at.value);
    Some(Http {
        listen: listen?.value,
        token_file: token.map(|at| at.value),
        hosts: hosts.map(|at| at.value).unwrap_or_default(),
        snapshots: is_on(snapshots),
        edit: is_on(edit),
    })
}

/// Whether the section may do without a token.
fn without_token(
    table: &Table<'_, '_>,
    listen: Option<&At<SocketAddr>>,
    [snapshots, edit]: [Option<&At<bool>>; 2],
    report: &mut Report<'_>,
) {
    if let Some(at) = snapshots.filter(|at| at.value) {
        let remedy = "add token_file = \"http-token\", or remove the line";
        report.error(at.span.clone(), table.key("snapshots"), "needs a token: pictures are private", remedy);
    }
    let Some(listen) = listen else { return };
    if !listen.value.ip().is_loopback() {
        report.error(
            listen.span.clone(),
            table.key("token_file"),
            "is missing, and everybody in the network could look",
            "add token_file = \"http-token\", or listen on 127.0.0.1",
        );
    } else if let Some(at) = edit.filter(|at| at.value) {
        let reason = "without a token, every user of this machine can change zones";
        report.warning(at.span.clone(), table.key("edit"), reason, "add token_file = \"http-token\"");
    }
}

fn address(value: &DeValue<'_>) -> Result<SocketAddr, Wrong> {
    let given = text(value)?;
    given.parse().or_else(|_| {
        wrong(
            format!("{given:?} is not an address with a port"),
            "write ADDRESS:PORT, such as \"127.0.0.1:8750\", \"[::1]:8750\" or \"0.0.0.0:8750\"",
        )
    })
}

/// The path of a file with a token that cannot be guessed.
fn token_file(base: &Path) -> impl Fn(&DeValue<'_>) -> Result<PathBuf, Wrong> {
    move |value| {
        let path = validate::path(base)(value)?;
        let remedy = format!("head -c 24 /dev/urandom | base64 > {}", path.display());
        match secret::read(&path) {
            Ok(token) if token.expose().len() >= SHORTEST_TOKEN => Ok(path),
            Ok(_) => wrong(format!("the token has fewer than {SHORTEST_TOKEN} characters"), remedy),
            Err(e) => wrong(e.to_string(), remedy),
        }
    }
}

/// Names without ports.
fn hosts(value: &DeValue<'_>) -> Result<Vec<String>, Wrong> {
    let remedy = "write a list of names, such as [\"posed.lan\"]";
    let DeValue::Array(items) = value else { return wrong("is not a list", remedy) };
    let mut names = Vec::new();
    for item in items.iter() {
        let name = text(item.get_ref())?;
        if let Some(c) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c)) {
            return wrong(format!("{name:?} is not a name: it holds {c:?}"), remedy);
        }
        names.push(name);
    }
    Ok(names)
}
