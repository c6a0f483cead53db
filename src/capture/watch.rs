//! [`Watch`]: starts one pipeline and follows its bus and the age of its last frame to its end.

use super::decoder::{CrashMarker, Decoder, KEY_FRAME_WITHIN};
use super::failure::Failure;
use super::frames::{AWAITING_MESSAGE, CAPS_MESSAGE};
use super::pipeline::Pipeline;
use super::source::Source;
use super::stop_signal::StopSignal;
use super::types::{Event, Options, Sink};
use crate::clock::{Mono, SharedClock};
use crate::telemetry::progress::Beat;
use gstreamer as gst;
use std::time::Duration;

/// Messages that the watch handles: error, end of stream, and our own (new caps, stop).
const KINDS: [gst::MessageType; 3] =
    [gst::MessageType::Error, gst::MessageType::Eos, gst::MessageType::Application];

/// Shortest time from one start of a source that ends to the next.
const SHORTEST_PASS: Duration = Duration::from_millis(250);

/// How one pipeline ended.
pub(super) enum End {
    /// The stop signal came.
    Stopped,
    /// A file was played once.
    Finished,
    /// The source gave all it has, and starts again with a new pipeline after this pause.
    Restart(Duration),
    /// No frame for this long.
    Stalled(Duration),
    Failed(Failure),
}

/// One pipeline and what its supervisor lends to watch it.
pub(super) struct Watch<'a> {
    pub pipeline: &'a Pipeline,
    pub options: &'a Options,
    pub clock: &'a SharedClock,
    pub sink: &'a dyn Sink,
    pub stop: &'a StopSignal,
    pub beat: &'a Beat,
    pub marker: &'a CrashMarker,
    /// Caps that were announced, by this pipeline or by the one that it goes on from.
    pub announced: Option<String>,
    /// It has been said that the stream waits for a key frame.
    pub awaiting: bool,
    /// When the pipeline started, or a looped file started again.
    pub pass_began: Mono,
}

impl Watch<'_> {
    /// Starts the pipeline and returns when it has ended, failed, stalled or been told to stop.
    /// Also returns the caps that were announced last.
    pub fn run(mut self) -> (End, Option<String>) {
        let started = self.pass_began;
        // A driver that never returns from this is a dead camera, not a hang of ours.
        let playing = self.beat.rest(|| self.pipeline.play()).is_ok();
        loop {
            if self.stop.shutdown.is_set() {
                return (End::Stopped, self.announced);
            }
            let (silent, allowed) = self.silence(started);
            let end = match self.next_message(allowed.saturating_sub(silent), playing) {
                Some(message) => self.handle(&message),
                None if !playing => Some(End::Failed(Failure::new("the pipeline does not start".into()))),
                None if silent >= allowed => Some(self.timed_out(silent)),
                None => None,
            };
            if let Some(end) = end {
                return (end, self.announced);
            }
        }
    }

    /// How long no frame has come, and how long that may last.
    fn silence(&mut self, started: Mono) -> (Duration, Duration) {
        let (progress, options) = (&self.pipeline.progress, self.options);
        let now = self.clock.now();
        if let Some(last) = progress.last() {
            return (now.since(last), options.stall_timeout.max(progress.excused_silence()));
        }
        if let Some(decodable) = progress.decodable() {
            return (now.since(decodable), options.connect_timeout);
        }
        // Data comes, but nothing to decode: the camera may be in the middle of a long group of
        // pictures.
        if let Some(data) = progress.data_before_key_frame()
            && now.since(started) < KEY_FRAME_WITHIN
        {
            if now.since(started) >= options.connect_timeout {
                self.await_key_frame();
            }
            return (now.since(data), options.connect_timeout);
        }
        (now.since(started), options.connect_timeout)
    }

    fn next_message(&self, wait: Duration, playing: bool) -> Option<gst::Message> {
        let bus = &self.pipeline.bus;
        match gst::ClockTime::try_from(wait) {
            Ok(wait) if playing && !wait.is_zero() => self.beat.rest(|| bus.timed_pop_filtered(wait, &KINDS)),
            // The reason of a failed start is on the bus already. A wait of zero would not even
            // look.
            _ => bus.pop_filtered(&KINDS),
        }
    }

    fn timed_out(&self, silent: Duration) -> End {
        if self.pipeline.progress.frames() > 0 {
            return End::Stalled(silent);
        }
        let reason = match self.awaiting {
            true => {
                "the video stopped before its first key frame: choose a shorter key frame (I-frame) interval in the \
                 camera"
                    .to_owned()
            }
            false => format!("no frame within {:?} (connect_timeout_ms)", self.options.connect_timeout),
        };
        End::Failed(Failure::no_frame(self.pipeline, reason))
    }

    fn handle(&mut self, message: &gst::Message) -> Option<End> {
        match message.view() {
            gst::MessageView::Error(error) => {
                Some(End::Failed(Failure::error(&self.options.source, self.pipeline, error)))
            }
            gst::MessageView::Eos(_) => self.stream_ended(),
            gst::MessageView::Application(message) => {
                let structure = message.structure()?;
                if structure.name() == AWAITING_MESSAGE {
                    self.await_key_frame();
                } else if let Some(caps) = new_caps(structure) {
                    self.announce(caps);
                }
                None
            }
            _ => None,
        }
    }

    /// Says once that the first frame waits for a key frame.
    fn await_key_frame(&mut self) {
        let online = self.announced.is_some() || self.pipeline.progress.frames() > 0;
        if !online && !std::mem::replace(&mut self.awaiting, true) {
            self.sink.event(Event::AwaitingKeyFrame);
        }
    }

    fn announce(&mut self, caps: String) {
        self.marker.clear();
        match self.announced.replace(caps.clone()) {
            Some(before) if before == caps => {}
            Some(_) => self.sink.event(Event::CapsChanged { caps }),
            None => {
                let raw = || Decoder { factory: "raw".into(), hardware: false };
                let Decoder { factory: decoder, hardware } = self.pipeline.decoder().unwrap_or_else(raw);
                self.sink.event(Event::Online { decoder, hardware, caps });
            }
        }
    }

    /// What an end of stream means; `None` if the pipeline goes on.
    fn stream_ended(&mut self) -> Option<End> {
        let picture = self.pipeline.progress.pass_frames() <= 1;
        Some(match self.options.source {
            _ if self.pipeline.progress.frames() == 0 => {
                let reason = "the stream ended before its first frame";
                End::Failed(Failure::no_frame(self.pipeline, reason.into()))
            }
            Source::File { looped: true, .. } | Source::Http { .. } if picture => {
                End::Restart(self.rest_of(self.options.picture_interval))
            }
            Source::File { looped: true, .. } => {
                self.pass_began = self.clock.now();
                if self.pipeline.rewind() {
                    return None;
                }
                End::Restart(self.rest_of(SHORTEST_PASS))
            }
            Source::File { looped: false, .. } => End::Finished,
            _ => End::Failed(Failure::new("the stream ended".into())),
        })
    }

    /// What is left of `interval` since the pass began.
    fn rest_of(&self, interval: Duration) -> Duration {
        interval.saturating_sub(self.clock.now().since(self.pass_began))
    }
}

fn new_caps(message: &gst::StructureRef) -> Option<String> {
    (message.name() == CAPS_MESSAGE).then(|| message.get("caps").ok()).flatten()
}
