//! Devices that are plugged in, with their modes, and a first frame from each configured camera.

use super::diagnosis::{Diagnosis, Level};
use super::first_frame::LONGEST;
use super::subprocess;
use crate::capture::{self, Source};
use crate::config::{CameraConfig, Config};
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

/// Modes that are listed for a device, which may have dozens.
const MODES: usize = 8;
/// Time for the subprocess to start, and for its camera to stop.
const START_AND_STOP: Duration = Duration::from_secs(5);

pub(super) fn devices(report: &mut Diagnosis) {
    let found = match capture::devices() {
        Ok(found) => found,
        Err(e) => return report.add(Level::Fault, "device", e.to_string(), "reinstall libgstreamer1.0-0"),
    };
    if found.is_empty() {
        report.add(
            Level::Note,
            "device",
            "no camera is plugged in (V4L2, libcamera)",
            "nothing for network cameras; for a CSI camera `sudo apt install gstreamer1.0-libcamera`; for a USB camera \
             see `dmesg`",
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

/// Tries all cameras at once, as each may take its connect timeout. `path` is the file of `config`.
pub(super) fn configured(path: &Path, config: &Config, report: &mut Diagnosis) {
    let outcomes = std::thread::scope(|scope| {
        let trial = |camera: &CameraConfig| {
            let args = [OsStr::new("camera"), path.as_os_str(), OsStr::new(&camera.name)];
            subprocess::run(&args, LONGEST + START_AND_STOP)
        };
        let trials: Vec<_> = config.cameras.iter().map(|camera| scope.spawn(move || trial(camera))).collect();
        trials
            .into_iter()
            .map(|trial| trial.join().unwrap_or_else(|_| Err("cannot be tried".into())))
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

fn remedy(source: &Source, text: &str) -> String {
    let text = text.to_lowercase();
    let remedy = match source {
        _ if text.contains("no element") || text.contains("missing") => {
            "install the plugin: gstreamer1.0-libav, -plugins-good, -plugins-bad, or -libcamera for a CSI camera"
        }
        Source::V4l2 { .. } if text.contains("busy") => {
            "another program uses it, perhaps the service: `systemctl stop posed`, then try again; `fuser -v \
             /dev/video*` lists others"
        }
        Source::V4l2 { .. } => {
            "compare with the devices and modes above; `v4l2-ctl --list-devices` shows the nodes"
        }
        Source::Libcamera { .. } => {
            "compare with the devices above; check the ribbon cable and `rpicam-hello --list-cameras`"
        }
        Source::Rtsp { .. } | Source::Http { .. } if text.contains("login") => {
            "correct the camera's username and password_file; try seldom, as many cameras lock an account after \
             five wrong logins"
        }
        Source::Rtsp { .. } if text.contains("key frame") => {
            "choose a shorter key frame (I-frame) interval in the camera, such as two seconds"
        }
        Source::Rtsp { .. } => {
            "check the address, and that RTSP is enabled in the camera: `gst-discoverer-1.0 -v URL`"
        }
        Source::Http { .. } => "open the address in a browser, and check user name and password",
        Source::File { .. } => "check the path, and that the service's user may read it",
        Source::Test { .. } | Source::Pipeline { .. } => {
            "run the pipeline that `posed check` prints with gst-launch-1.0"
        }
    };
    remedy.to_owned()
}
