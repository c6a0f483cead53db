//! Reads `source` of a camera, and the keys that only some kinds of source have.

use super::fault::Report;
use super::password::{password_file, password_variable};
use super::read::{At, Table, boolean, millis, number, one_of, text, wrong};
use super::types::CameraConfig;
use super::validate;
use crate::capture::{self, Credentials, Source, Transport};
use crate::secret::Secret;
use std::ops::Range;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TRANSPORTS: &[(&str, Transport)] =
    &[("auto", Transport::Auto), ("tcp", Transport::Tcp), ("udp", Transport::Udp)];

/// Keys of network cameras.
pub(super) struct NetworkKeys {
    pub(super) transport: Transport,
    pub(super) latency: Duration,
    pub(super) tls_ca: Option<PathBuf>,
}

/// Reads the keys of network cameras; reports those that do not fit `source`.
pub(super) fn network_keys(
    table: &mut Table<'_, '_>,
    source: Option<&At<Source>>,
    base: &Path,
    report: &mut Report<'_>,
) -> NetworkKeys {
    let is_rtsp = source.is_none_or(|s| matches!(s.value, Source::Rtsp { .. }));
    let transport = table.get(report, "transport", one_of(TRANSPORTS));
    let latency = table.get(report, "latency_ms", millis(0..=10_000));
    for (key, span) in [
        ("transport", transport.as_ref().map(|at| &at.span)),
        ("latency_ms", latency.as_ref().map(|at| &at.span)),
    ] {
        if let Some(span) = span.filter(|_| !is_rtsp) {
            let reason = "has no effect: the source is not rtsp://";
            report.warning(span.clone(), table.key(key), reason, "remove the line");
        }
    }
    if let (Some(at), Some(scheme)) = (&transport, source.and_then(|s| s.value.fixed_transport())) {
        let reason = format!("has no effect: {scheme}:// names the transport");
        report.warning(at.span.clone(), table.key("transport"), reason, "remove the line, or write rtsp://");
    }
    let tls_ca = table.get(report, "tls_ca", validate::file(base));
    let is_tls = source.is_none_or(|s| s.value.is_tls());
    if let Some(ca) = tls_ca.as_ref().filter(|_| !is_tls) {
        // An error, not a warning: a user who wants verification must not get plain text.
        let reason = "the source is not rtsps:// or https://: nothing would be verified";
        report.error(ca.span.clone(), table.key("tls_ca"), reason, "write rtsps:// or remove the line");
    }
    NetworkKeys {
        transport: transport.map_or_else(Transport::default, |at| at.value),
        latency: latency.map_or(Duration::from_millis(100), |at| at.value),
        tls_ca: tls_ca.map(|at| at.value),
    }
}

/// Reads the interval of a still picture and the frame rate of a file without timestamps; reports
/// those that do not fit `source`.
pub(super) fn picture_keys(
    table: &mut Table<'_, '_>,
    source: Option<&At<Source>>,
    report: &mut Report<'_>,
) -> (Duration, Option<f64>) {
    let is_file = source.is_none_or(|s| matches!(s.value, Source::File { .. }));
    let is_http = source.is_none_or(|s| matches!(s.value, Source::Http { .. }));
    let interval = table.get(report, "picture_interval_ms", millis(20..=86_400_000));
    let rate = table.get(report, "frame_rate", number(0.01..=1000.0));
    let interval_at = interval.as_ref().map(|at| &at.span);
    for (key, span, fits, kinds) in [
        ("picture_interval_ms", interval_at, is_file || is_http, "file:// or http://"),
        ("frame_rate", rate.as_ref().map(|at| &at.span), is_file, "file://"),
    ] {
        if let Some(span) = span.filter(|_| !fits) {
            let reason = format!("only a {kinds} source has it");
            report.error(span.clone(), table.key(key), reason, "remove the line");
        }
    }
    (interval.map_or(Duration::from_secs(1), |at| at.value), rate.map(|at| at.value))
}

/// Reports what GStreamer finds wrong with the source before it is opened.
pub(super) fn check_pipeline(camera: &CameraConfig, at: Range<usize>, key: String, report: &mut Report<'_>) {
    let Err(error) = capture::check(&camera.capture()) else { return };
    let reason = match error {
        capture::Error::Launch { reason, .. } => reason,
        other => other.to_string(),
    };
    match &camera.source {
        Source::Pipeline { .. } => {
            report.error(at, key, reason, "correct it; gst-launch-1.0 takes the same text");
        }
        Source::Test { pattern, .. } if reason.contains("\"pattern\"") => {
            let reason = format!("{pattern:?} is no test pattern");
            report.error(at, key, reason, "choose one: `gst-inspect-1.0 videotestsrc` lists them");
        }
        // It may be installed on the machine that the file is for.
        _ => report.warning(at, key, reason, "install its plugin: `posed doctor` says which package has it"),
    }
}

/// Reports what is odd about a source's text, or about the file or device that it names.
fn check_source(source: &At<Source>, text: &str, key: String, report: &mut Report<'_>) {
    let span = source.span.clone();
    let kind = |path: &Path| std::fs::metadata(path).map(|meta| meta.file_type());
    match &source.value {
        Source::Rtsp { .. } | Source::Http { .. } if text.contains('#') => {
            let reason = "what follows # is not sent to the camera: go2rtc reads it, posed does not";
            report.warning(span, key, reason, "remove # and what follows it");
        }
        Source::File { path, .. } if path.is_dir() => {
            report.error(span, key, "is a folder", "name one file in it");
        }
        Source::File { path, .. } if !path.exists() => {
            // Not the path itself: it may be a mistyped address with a login.
            report.warning(
                span,
                key,
                "there is no such file",
                "correct the path, unless the file comes later",
            );
        }
        Source::File { path, .. } if kind(path).is_ok_and(|kind| kind.is_char_device()) => {
            let remedy = "name a camera as v4l2:///dev/video0";
            report.error(span, key, "is a device and not a file", remedy);
        }
        Source::File { path, .. } if kind(path).is_ok_and(|kind| kind.is_fifo()) => {
            let reason = "is a pipe: the camera stays at \"connecting\" until a program writes to it";
            report.warning(span, key, reason, "start that program first");
        }
        Source::V4l2 { device, .. } if kind(device).is_ok_and(|kind| !kind.is_char_device()) => {
            let reason = format!("{} is not a device", device.display());
            report.error(span, key, reason, "name a device, such as v4l2:///dev/video0");
        }
        _ => {}
    }
}

/// Reads `source` and the keys that belong to some kinds of source.
pub(super) fn source(table: &mut Table<'_, '_>, base: &Path, report: &mut Report<'_>) -> Option<At<Source>> {
    let remedy = "add source = \"...\", such as \"rtsp://camera.example/stream\" or \"v4l2:///dev/video0\"";
    let mut given = String::new();
    let mut source = table.must(report, "source", remedy, |value| {
        given = text(value)?;
        given.parse().map_err(source_error).or_else(|(reason, remedy)| wrong(reason, remedy))
    });
    let looping = table.get(report, "loop", boolean);
    let pacing = table.get(report, "paced", boolean);
    let username = table.get(report, "username", text);
    let file = password_file(table, base, report);
    let variable = password_variable(table, report);
    if let (Some(_), Some(second)) = (&file, &variable) {
        let reason = "there is another password";
        report.error(second.span.clone(), table.key("password"), reason, "keep only one of them");
    }
    // An unreadable file was reported before.
    let from_file =
        |at: At<std::path::PathBuf>| Some(At { value: crate::secret::read(&at.value).ok()?, span: at.span });
    let password = variable.or_else(|| file.and_then(from_file));
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
    if let Some(source) = &source {
        check_source(source, &given, table.key("source"), report);
    }
    source
}

/// Puts `username` and the password into the source of a network camera.
fn login(
    table: &Table<'_, '_>,
    source: &mut Source,
    username: Option<At<String>>,
    password: Option<At<Secret>>,
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
        Source::Rtsp { credentials: Some(_), .. } | Source::Http { credentials: Some(_), .. } => {
            let reason = "the source has a user name too";
            report.error(user.span.clone(), key, reason, "remove the one in the source");
        }
        Source::Rtsp { credentials, .. } | Source::Http { credentials, .. } => {
            *credentials = Some(Credentials {
                username: user.value.clone(),
                password: password.map(|at| at.value.expose().to_owned()).unwrap_or_default(),
            });
        }
        _ => report.error(
            user.span.clone(),
            key,
            "only an rtsp:// or http:// source logs in",
            "remove username and the password",
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
