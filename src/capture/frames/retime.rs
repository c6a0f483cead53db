//! Gives timestamps to the frames of a file that has none, such as raw H.264 or joined JPEGs.

use gstreamer::{self as gst, prelude::*};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Frames a second where neither the file nor the configuration says.
const ASSUMED: f64 = 25.0;

/// Timestamps the buffers on `pad` that have none, or one that does not count up. Without them
/// `paced` and `max_fps` could not work.
pub fn retime(pad: &gst::Pad, camera: &str, rate: Option<f64>) {
    let step = Duration::try_from_secs_f64(1.0 / rate.unwrap_or(ASSUMED)).unwrap_or(Duration::from_secs(1));
    let step = gst::ClockTime::try_from(step).unwrap_or(gst::ClockTime::from_mseconds(40));
    let state = Mutex::new(Retimer { step, last: None, warns: rate.is_none() });
    let camera = camera.to_owned();
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if info.event().is_some_and(|event| event.type_() == gst::EventType::Segment) {
            state.last = None;
        } else if let Some(buffer) = info.buffer_mut() {
            state.stamp(buffer, &camera);
        }
        gst::PadProbeReturn::Ok
    });
}

struct Retimer {
    step: gst::ClockTime,
    /// Timestamp of the last frame of this pass.
    last: Option<gst::ClockTime>,
    /// The speed at which the file is to be played is not configured.
    warns: bool,
}

impl Retimer {
    fn stamp(&mut self, buffer: &mut gst::Buffer, camera: &str) {
        let timed = buffer.pts().filter(|pts| self.last.is_none_or(|last| *pts > last));
        if timed.is_some() {
            self.last = timed;
            return;
        }
        // A picture has one frame, which needs no rate.
        if self.last.is_some() && std::mem::take(&mut self.warns) {
            tracing::warn!(
                "{camera}: the file has no timestamps and is taken to have {ASSUMED} frames a second: set \
                 frame_rate"
            );
        }
        let pts = self.last.map_or(gst::ClockTime::ZERO, |last| last + self.step);
        let buffer = buffer.make_mut();
        buffer.set_pts(pts);
        buffer.set_duration(self.step);
        self.last = Some(pts);
    }
}
