//! [`Watch`]: starts one pipeline and follows its bus and the age of its last frame to its end.

use super::decoder::{CrashMarker, Decoder};
use super::failure::Failure;
use super::frames::CAPS_MESSAGE;
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

/// How one pipeline ended.
pub(super) enum End {
    /// The stop signal came.
    Stopped,
    /// A file was played once.
    Finished,
    /// A looped file cannot seek and must be rebuilt to start again.
    Restart,
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
    /// The first frame has been announced.
    pub online: bool,
}

impl Watch<'_> {
    /// Starts the pipeline and returns when it has ended, failed, stalled or been told to stop.
    pub fn run(mut self) -> End {
        let started = self.clock.now();
        // A driver that never returns from this is a dead camera, not a hang of ours.
        let playing = self.beat.rest(|| self.pipeline.play()).is_ok();
        loop {
            if self.stop.shutdown.is_set() {
                return End::Stopped;
            }
            let (silent, allowed) = self.silence(started);
            let end = match self.next_message(allowed.saturating_sub(silent), playing) {
                Some(message) => self.handle(&message),
                None if !playing => Some(End::Failed(Failure::new("the pipeline does not start".into()))),
                None if silent >= allowed => Some(self.timed_out(silent)),
                None => None,
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// How long no frame has come, and how long that may last.
    fn silence(&self, started: Mono) -> (Duration, Duration) {
        let (since, allowed) = match self.pipeline.progress.last() {
            None => (started, self.options.connect_timeout),
            Some(last) => (last, self.options.stall_timeout),
        };
        (self.clock.now().since(since), allowed)
    }

    fn next_message(&self, wait: Duration, playing: bool) -> Option<gst::Message> {
        let bus = &self.pipeline.bus;
        match gst::ClockTime::try_from(wait) {
            Ok(wait) if playing && !wait.is_zero() => self.beat.rest(|| bus.timed_pop_filtered(wait, &KINDS)),
            // The reason of a failed start is on the bus already. A wait of zero would not even look.
            _ => bus.pop_filtered(&KINDS),
        }
    }

    fn timed_out(&self, silent: Duration) -> End {
        if self.online {
            return End::Stalled(silent);
        }
        let within = self.options.connect_timeout;
        End::Failed(Failure::no_frame(self.pipeline, format!("no frame within {within:?}")))
    }

    fn handle(&mut self, message: &gst::Message) -> Option<End> {
        match message.view() {
            gst::MessageView::Error(error) => {
                Some(End::Failed(Failure::error(&self.options.source, self.pipeline, error)))
            }
            gst::MessageView::Eos(_) => self.stream_ended(),
            gst::MessageView::Application(message) => {
                if let Some(caps) = message.structure().and_then(new_caps) {
                    self.announce(caps);
                }
                None
            }
            _ => None,
        }
    }

    fn announce(&mut self, caps: String) {
        if std::mem::replace(&mut self.online, true) {
            return self.sink.event(Event::CapsChanged { caps });
        }
        self.marker.clear();
        let raw = || Decoder { factory: "raw".into(), hardware: false };
        let Decoder { factory: decoder, hardware } = self.pipeline.decoder().unwrap_or_else(raw);
        self.sink.event(Event::Online { decoder, hardware, caps });
    }

    /// What an end of stream means; `None` if the pipeline goes on.
    fn stream_ended(&self) -> Option<End> {
        Some(match self.options.source {
            _ if self.pipeline.progress.frames() == 0 => {
                let reason = "the stream ended before its first frame";
                End::Failed(Failure::no_frame(self.pipeline, reason.into()))
            }
            Source::File { looped: true, .. } if self.pipeline.rewind() => return None,
            Source::File { looped: true, .. } => End::Restart,
            Source::File { looped: false, .. } => End::Finished,
            _ => End::Failed(Failure::new("the stream ended".into())),
        })
    }
}

fn new_caps(message: &gst::StructureRef) -> Option<String> {
    (message.name() == CAPS_MESSAGE).then(|| message.get("caps").ok()).flatten()
}
