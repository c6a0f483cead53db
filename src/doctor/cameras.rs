//! Cameras: those that are plugged in with what they can give, and a first frame of each that the
//! configuration names.

use super::{Level, Report, apart};
use crate::capture::{self, Capture, Dropped, Event, Sink, Source};
use crate::clock::SharedClock;
use crate::config::{CameraConfig, Config};
use crate::frame::Frame;
use crate::telemetry::progress::Progress;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Modes that are told of a device; there may be dozens.
const MODES: usize = 8;
/// A slow camera's own time-out comes before this.
const LONGEST: Duration = Duration::from_secs(15);
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
            apart::prove(&args, LONGEST + AFTERWARDS)
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

/// Opens `camera` as the daemon would: what its first frame is.
///
/// # Errors
/// Why there is none.
pub fn first_frame(camera: &CameraConfig, clock: &SharedClock) -> Result<String, String> {
    Trial::start(camera, clock)?.first_frame(camera, clock)
}

/// One camera's capture, as the daemon would run it, until it tells something.
struct Trial {
    capture: Capture,
    events: Receiver<Event>,
    began: crate::clock::Mono,
}

impl Trial {
    fn start(camera: &CameraConfig, clock: &SharedClock) -> Result<Trial, String> {
        // More events than this before a first frame say nothing new.
        let (send, events) = sync_channel(16);
        let capture =
            Capture::start(camera.capture(), clock.clone(), Arc::new(Ear(send)), &Progress::default())
                .map_err(|e| e.to_string())?;
        Ok(Trial { capture, events, began: clock.now() })
    }

    fn first_frame(self, camera: &CameraConfig, clock: &SharedClock) -> Result<String, String> {
        let patience = (camera.connect_timeout + Duration::from_secs(1)).min(LONGEST);
        let mut failed = None;
        let outcome = loop {
            let left = patience.saturating_sub(clock.now().since(self.began));
            match self.events.recv_timeout(left) {
                Ok(Event::Online { decoder, hardware, caps }) => {
                    let took = clock.now().since(self.began).as_secs_f32();
                    let kind = if hardware { "hardware" } else { "software" };
                    let by = if decoder == "raw" {
                        "no decoder needed".into()
                    } else {
                        format!("{decoder} ({kind})")
                    };
                    break Ok(format!("first frame after {took:.1} s, {by}, {caps}"));
                }
                // A decoder that failed is left out at the next attempt, which follows at once.
                Ok(Event::Failed { reason, retry_in }) if retry_in.is_zero() => failed = Some(reason),
                Ok(Event::Failed { reason, .. }) => break Err(reason),
                Ok(Event::Ended | Event::Stopped) | Err(RecvTimeoutError::Disconnected) => {
                    break Err(failed.unwrap_or_else(|| "it ended without a frame".into()));
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    break Err(failed.unwrap_or_else(|| format!("no frame within {patience:.0?}")));
                }
            }
        };
        self.capture.stop();
        outcome
    }
}

struct Ear(SyncSender<Event>);

impl Sink for Ear {
    fn frame(&self, _: Frame) {}
    fn dropped(&self, _: Dropped) {}
    fn event(&self, event: Event) {
        let _ = self.0.try_send(event);
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
