//! [`KeyGate`]: keeps frames from decoders that have not had a key frame yet.
//!
//! A decoder that joins a stream between two key frames either gives nothing, or pictures that lack
//! everything that does not move.

use super::Decoder;
use crate::capture::frames::{AWAITING_MESSAGE, StreamProgress};
use crate::capture::types::{FrameDrop, Sink};
use crate::clock::{Mono, SharedClock};
use gstreamer::{self as gst, prelude::*};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Longest wait for a key frame. Streams with a gradual refresh instead of key frames are decoded
/// after this time: by then their pictures are whole.
pub const KEY_FRAME_WITHIN: Duration = Duration::from_secs(300);

/// Guards the decoders of one pipeline.
pub struct KeyGate {
    clock: SharedClock,
    sink: Arc<dyn Sink>,
    progress: Arc<StreamProgress>,
    open: AtomicBool,
    /// Buffers that decoders took.
    fed: AtomicU64,
    /// When the first buffer was held back; zero before.
    since_ns: AtomicU64,
}

impl KeyGate {
    pub fn new(clock: SharedClock, sink: Arc<dyn Sink>, progress: Arc<StreamProgress>) -> Arc<KeyGate> {
        let (open, fed, since_ns) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(KeyGate { clock, sink, progress, open, fed, since_ns })
    }

    /// Whether a decoder has had input.
    pub fn fed(&self) -> bool {
        self.fed.load(Ordering::Relaxed) > 0
    }

    /// Guards the video decoders that `pipeline` will get, such as those that `decodebin` adds.
    pub fn guard(self: &Arc<Self>, pipeline: &gst::Pipeline) {
        let gate = self.clone();
        pipeline.connect_deep_element_added(move |_, _, element| {
            let Some(pad) = Decoder::of(element).and_then(|_| element.static_pad("sink")) else { return };
            let gate = gate.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                let Some(buffer) = info.buffer() else { return gst::PadProbeReturn::Ok };
                if gate.admits(buffer) {
                    gate.fed.fetch_add(1, Ordering::Relaxed);
                    return gst::PadProbeReturn::Ok;
                }
                gate.sink.dropped(FrameDrop::NoKeyFrame);
                if let Some(decoder) = pad.parent_element() {
                    let message = gst::Structure::new_empty(AWAITING_MESSAGE);
                    // Only a bus that is shutting down refuses it.
                    let _ = decoder
                        .post_message(gst::message::Application::builder(message).src(&decoder).build());
                }
                // `Drop` makes GStreamer 1.22 free what gstreamer-rs has freed.
                gst::PadProbeReturn::Handled
            });
        });
    }

    /// Notes the data that `source`, an RTSP source, gives before there is anything to decode.
    pub fn watch(self: &Arc<Self>, source: &gst::Element) {
        let gate = self.clone();
        source.connect_pad_added(move |_, pad| {
            let gate = gate.clone();
            pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
                if gate.open.load(Ordering::Relaxed) {
                    return gst::PadProbeReturn::Remove;
                }
                gate.progress.data(gate.clock.now());
                gst::PadProbeReturn::Ok
            });
        });
    }

    fn admits(&self, buffer: &gst::BufferRef) -> bool {
        if self.open.load(Ordering::Relaxed) {
            return true;
        }
        let now = self.clock.now();
        let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        if !key {
            let since = self.since_ns.load(Ordering::Relaxed);
            if since == 0 {
                self.since_ns.store(now.0.max(1), Ordering::Relaxed);
                return false;
            }
            if now.since(Mono(since)) < KEY_FRAME_WITHIN {
                return false;
            }
        }
        self.progress.key_frame(now);
        self.open.store(true, Ordering::Relaxed);
        true
    }
}
