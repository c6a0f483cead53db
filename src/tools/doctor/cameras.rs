//! Cameras: those that are plugged in with what they can give, and a first frame of each that the
//! configuration names.

use super::first_frame::LONGEST;
use super::report::{Level, Report};
use super::subprocess;
use crate::capture::{self, Source};
use crate::config::{CameraConfig, Config};
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

/// Modes that are told of a device; there may be dozens.
const MODES: usize = 8;
/// For its stop, and the start of the process that tries it.
const AFTERWARDS: Duration = Duration::from_secs(5);

pub(super) fn devices(report: &mut Report) {
    let found = match capture::devices() {
        Ok(found) => found,
        Err(e) => return report.add(Level::Fault, "device", e.to_string(), "reinstall libgstreamer1.0-0"),
    };
    if found.is_empty() {
        report.add(
            Level::Note,
            "device",
            "no camera is plugged in (v4l2, libcamera)",
            "network cameras need none; for a CSI camera `sudo apt install gstreamer1.0-libcamera`, for a USB camera see \
             `dmesg`",
        );
    }
    for device in found {
        let mut modes = device.modes;
        let more = modes.len().saturating_sub(MODES);
        modes.truncate(MODES);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let source = device.source.map(|source| format!(", source = {source:?}")).unwrap_or_default();
        report.ok("device", format!("{}{source}: {}{more}", device.name, modes.join(", ")));
    }
}

/// All at once: each may take its connect time-out. `path` is the file of `config`.
pub(super) fn configured(path: &Path, config: &Config, report: &mut Report) {
    let outcomes = std::thread::scope(|scope| {
        let trial = |camera: &CameraConfig| {
            let args = [OsStr::new("camera"), path.as_os_str(), OsStr::new(&camera.name)];
            subprocess::run(&args, LONGEST + AFTERWARDS)
        };
        let trials: Vec<_> = config.cameras.iter().map(|camera| scope.spawn(move || trial(camera))).collect();
        trials
            .into_iter()
            .map(|trial| trial.join().unwrap_or_else(|_| Err("it cannot be tried".into())))
            .collect::<Vec<_>>()
    });
    for (camera, outcome) in config.cameras.iter().zip(outcomes) {
        match outcome {
            Ok(found) => report.ok("camera", format!("{}: {found}", camera.name)),
            Err(e) => {
                report.add(
                    Level::Fault,
                    "camera",
                    format!("{}: {e}", camera.name),
                    remedy(&camera.source, &e),
                );
            }
        }
    }
}

fn remedy(source: &Source, words: &str) -> String {
    let lower = words.to_lowercase();
    let remedy = match source {
        _ if lower.contains("no element") || lower.contains("missing") => {
            "install the plugin: gstreamer1.0-libav, -plugins-good, -plugins-bad, or -libcamera for a CSI camera"
        }
        Source::V4l2 { .. } if lower.contains("busy") => {
            "something else has it open, perhaps the service itself: `systemctl stop posed`, then try again; `fuser -v \
             /dev/video*` names others"
        }
        Source::V4l2 { .. } => {
            "see the devices and their modes above; `v4l2-ctl --list-devices` shows the nodes"
        }
        Source::Libcamera { .. } => {
            "see the devices above; check the ribbon cable and `rpicam-hello --list-cameras`"
        }
        Source::Rtsp { .. } if lower.contains("not authorized") || lower.contains("unauthorized") => {
            "mend username and password_file of the camera"
        }
        Source::Rtsp { .. } => {
            "check the address, and that the camera's RTSP is switched on: `gst-discoverer-1.0 -v URL`"
        }
        Source::File { .. } => "check the path, and that the service's user may read it",
        Source::Test { .. } | Source::Pipeline { .. } => "try the text of `posed check` with gst-launch-1.0",
    };
    remedy.to_owned()
}
