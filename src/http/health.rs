//! `/healthz`: the process works. `/readyz`: cameras and broker work, with reasons.

use super::census::Census;
use super::reply::{Reply, TEXT, whole};
use crate::telemetry::progress::Progress;
use hyper::StatusCode;
use std::fmt::Write as _;

/// Whether every stage makes progress: what the watchdog looks at. Says nothing of cameras, because
/// it needs no token.
pub(super) fn health(progress: &Progress) -> Reply {
    match progress.stuck() {
        None => whole(StatusCode::OK, TEXT, "ok\n"),
        Some(stuck) => {
            let text = format!("{} has made no progress for {:.0?}\n", stuck.name, stuck.for_);
            whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, text)
        }
    }
}

/// Whether all cameras and the broker are there: one line for each.
pub(super) fn ready(census: &Census) -> Reply {
    let (text, all) = describe(census);
    whole(if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, TEXT, text)
}

fn describe(census: &Census) -> (String, bool) {
    let connected = census.broker.connected;
    let mut text = format!("broker: {}\n", if connected { "connected" } else { "away" });
    let mut all = connected;
    for camera in &census.cameras {
        // A file that ended has done all that it can.
        all &= matches!(camera.status, "online" | "ended");
        let reason = camera.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(text, "camera {}: {}{}", camera.name, camera.status, reason.replace('\n', " "));
    }
    (text, all)
}
