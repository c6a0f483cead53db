//! Reads one `[[camera]]` section.

use super::fault::Report;
use super::password::password_file;
use super::read::{At, Table, boolean, integer, millis, number, one_of, text, wrong};
use super::types::CameraConfig;
use super::validate;
use crate::capture::{Credentials, Source, Transport};
use crate::geometry::Rotate;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

const TRANSPORTS: &[(&str, Transport)] =
    &[("auto", Transport::Auto), ("tcp", Transport::Tcp), ("udp", Transport::Udp)];
const FINDERS: &[(&str, bool)] = &[("auto", true), ("none", false)];

/// Reads the table at `index` of the list. Returns the name even if the rest is wrong, so that
/// duplicate names are still found.
pub(super) fn camera(
    index: usize,
    span: Range<usize>,
    entries: &DeTable<'_>,
    base: &Path,
    report: &mut Report<'_>,
) -> (Option<At<String>>, Option<CameraConfig>) {
    let mut table = Table::new(&format!("camera[{}]", index + 1), span, Some(entries));
    let name = table.must(report, "name", "add name = \"...\": it is the topic", validate::camera_name);
    if let Some(name) = &name {
        table.path = format!("camera.{}", name.value);
    }
    let source = source(&mut table, base, report);
    let is_rtsp = source.as_ref().is_none_or(|s| matches!(s.value, Source::Rtsp { .. }));

    let transport = table.get(report, "transport", one_of(TRANSPORTS));
    let latency = table.get(report, "latency_ms", millis(0..=10_000));
    for (key, span) in [
        ("transport", transport.as_ref().map(|at| &at.span)),
        ("latency_ms", latency.as_ref().map(|at| &at.span)),
    ] {
        if let Some(span) = span.filter(|_| !is_rtsp) {
            report.warning(
                span.clone(),
                table.key(key),
                "has no effect: the source is not rtsp://",
                "remove the line",
            );
        }
    }
    let tls_ca = table.get(report, "tls_ca", validate::file(base));
    let is_tls = source.as_ref().is_none_or(|s| s.value.is_tls());
    if let Some(ca) = tls_ca.as_ref().filter(|_| !is_tls) {
        // An error, not a warning: a user who wants verification must not get plain text.
        let reason = "the source is not rtsps://: nothing would be verified";
        report.error(ca.span.clone(), table.key("tls_ca"), reason, "write rtsps:// or remove the line");
    }
    let rotate = table.get_or(report, "rotate", Rotate::None, rotate);
    let roi = table.get(report, "roi", validate::roi).map(|at| at.value);
    let max_fps = table.get(report, "max_fps", number(0.1..=1000.0)).map(|at| at.value);
    let seconds = Duration::from_secs;
    let connect_timeout = table.get_or(report, "connect_timeout_ms", seconds(10), millis(100..=600_000));
    let stall_timeout = table.get_or(report, "stall_timeout_ms", seconds(5), millis(100..=600_000));
    let finder = table.get_or(report, "finder", true, one_of(FINDERS));
    let half_second = Duration::from_millis(500);
    let finder_interval = table.get_or(report, "finder_interval_ms", half_second, millis(20..=60_000));
    let max_people = table.get_or(report, "max_people", 16, integer(1..=64)) as usize;
    let cpu_budget = table.get(report, "cpu_budget", number(0.01..=1.0)).map(|at| at.value);
    table.finish(report);

    let camera = name.clone().zip(source).map(|(name, source)| CameraConfig {
        name: name.value,
        source: source.value,
        rotate,
        roi,
        max_fps,
        transport: transport.map_or_else(Transport::default, |at| at.value),
        tls_ca: tls_ca.map(|at| at.value),
        latency: latency.map_or(Duration::from_millis(100), |at| at.value),
        connect_timeout,
        stall_timeout,
        finder,
        finder_interval,
        max_people,
        cpu_budget,
    });
    (name, camera)
}

/// Reads `source` and the keys that belong to some kinds of source.
fn source(table: &mut Table<'_, '_>, base: &Path, report: &mut Report<'_>) -> Option<At<Source>> {
    let remedy = "add source = \"...\", such as \"rtsp://camera.example/stream\" or \"v4l2:///dev/video0\"";
    let mut source = table.must(report, "source", remedy, |value| {
        text(value)?.parse().map_err(source_error).or_else(|(reason, remedy)| wrong(reason, remedy))
    });
    let looping = table.get(report, "loop", boolean);
    let pacing = table.get(report, "paced", boolean);
    let username = table.get(report, "username", text);
    let password = password_file(table, base, report);
    let kind = source.as_mut().map(|at| &mut at.value)?;

    if let Source::File { path, looped, paced } = kind {
        *path = base.join(&*path);
        *looped = looping.map_or(*looped, |at| at.value);
        *paced = pacing.map_or(*paced, |at| at.value);
    } else {
        for (key, at) in [("loop", looping), ("paced", pacing)] {
            if let Some(at) = at {
                report.error(at.span, table.key(key), "only a file:// source has it", "remove the line");
            }
        }
    }
    login(table, kind, username, password, report);
    source
}

/// Puts `username` and the content of `password_file` into an RTSP source.
fn login(
    table: &Table<'_, '_>,
    source: &mut Source,
    username: Option<At<String>>,
    password: Option<At<std::path::PathBuf>>,
    report: &mut Report<'_>,
) {
    let Some(user) = &username else {
        if let Some(password) = password {
            let reason = "a password without a user name";
            report.error(password.span, table.key("username"), reason, "add username = \"...\"");
        }
        return;
    };
    let key = table.key("username");
    match source {
        Source::Rtsp { credentials: Some(_), .. } => {
            let reason = "the source has a user name too";
            report.error(user.span.clone(), key, reason, "remove the one in the source");
        }
        Source::Rtsp { credentials, .. } => {
            // An unreadable file was reported before.
            let password = password.and_then(|at| crate::secret::read(&at.value).ok());
            *credentials = Some(Credentials {
                username: user.value.clone(),
                password: password.map(|p| p.expose().to_owned()).unwrap_or_default(),
            });
        }
        _ => report.error(
            user.span.clone(),
            key,
            "only an rtsp:// source logs in",
            "remove username and password_file",
        ),
    }
}

/// Splits capture's message into what is wrong and the remedy.
fn source_error(error: crate::capture::Error) -> (String, String) {
    let crate::capture::Error::Source { reason, .. } = &error else {
        return (error.to_string(), "see the examples in posed.toml".into());
    };
    match reason.split_once(": ") {
        Some((reason, remedy)) => (reason.to_owned(), remedy.to_owned()),
        None => (reason.clone(), "see the examples in posed.toml".into()),
    }
}

/// Degrees clockwise: 0, 90, 180 or 270.
fn rotate(value: &DeValue<'_>) -> Result<Rotate, super::read::Wrong> {
    let degrees = match value {
        DeValue::Integer(i) => i.as_str().parse::<i64>().ok(),
        _ => None,
    };
    match degrees {
        Some(0) => Ok(Rotate::None),
        Some(90) => Ok(Rotate::Cw90),
        Some(180) => Ok(Rotate::Half),
        Some(270) => Ok(Rotate::Cw270),
        _ => wrong("is not a quarter turn", "use 0, 90, 180 or 270: degrees clockwise"),
    }
}
