//! The thread that outlives every pipeline of its camera.

use super::decoder::Decoder;
use super::failure::Failure;
use super::frames::{CAPS_MESSAGE, Frames};
use super::pipeline::{self, Pipeline};
use super::plan::Plan;
use super::trial::Trial;
use super::wake::Wake;
use super::{Beats, Error, Event, Options, Sink, Source};
use crate::backoff::Backoff;
use crate::clock::{Mono, SharedClock};
use crate::shutdown::Thread;
use gstreamer as gst;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Frames for this long make an attempt a success: the back-off starts again.
const GOOD_AFTER: Duration = Duration::from_secs(2);
/// Longest wait for a pipeline to reach NULL before the supervisor goes on without it.
const TEARDOWN_WITHIN: Duration = Duration::from_millis(1500);
/// Cameras lock an account after a few wrong passwords.
const UNAUTHORIZED_PAUSE: Duration = Duration::from_secs(30);
/// A hardware decoder that failed is tried again after this.
const EXCLUDED_FOR: Duration = Duration::from_secs(3600);

/// How one pipeline came to its end.
enum End {
    Stopped,
    /// A file, played once.
    Over,
    /// A file that must be rebuilt to start again.
    Again,
    Stalled(Duration),
    Failed(Failure),
}

/// One pipeline's life.
struct Attempt {
    end: End,
    /// It gave frames for long enough to start the back-off again.
    good: bool,
    /// Takes it to NULL, and has not come there yet.
    hanging: Option<Thread>,
}

/// One camera, for ever.
pub(super) struct Supervisor {
    options: Options,
    plan: Plan,
    clock: SharedClock,
    sink: Arc<dyn Sink>,
    wake: Arc<Wake>,
    beats: Beats,
    seq: Arc<AtomicU64>,
    /// Hardware decoders that failed, and when.
    excluded: Vec<(String, Mono)>,
    trial: Trial,
    next: Option<Pipeline>,
}

impl Supervisor {
    /// Builds the first pipeline, so that what can never work is an error here.
    pub fn new(
        options: Options,
        clock: SharedClock,
        sink: Arc<dyn Sink>,
        wake: Arc<Wake>,
        beats: Beats,
    ) -> Result<Supervisor, Error> {
        let plan = Plan::new(&options)?;
        let seq = Arc::default();
        let trial = Trial::new(options.trials.as_deref(), &options.name);
        let mut excluded = Vec::new();
        if let Some(decoder) = trial.unfinished() {
            let camera = options.name.as_str();
            tracing::warn!(
                camera,
                decoder,
                "the last process died before this hardware decoder's first frame; next by rank"
            );
            excluded.push((decoder, clock.now()));
        }
        let mut supervisor =
            Supervisor { options, plan, clock, sink, wake, beats, seq, excluded, trial, next: None };
        supervisor.next = Some(supervisor.build()?);
        Ok(supervisor)
    }

    fn build(&mut self) -> Result<Pipeline, Error> {
        let now = self.clock.now();
        self.excluded.retain(|(_, since)| now.since(*since) < EXCLUDED_FOR);
        let excluded = self.excluded.iter().map(|(name, _)| name.clone()).collect();
        let label = pipeline::label(&self.options.source);
        let (clock, sink, seq) = (self.clock.clone(), self.sink.clone(), self.seq.clone());
        let beat = self.beats.frames.clone();
        let frames = Frames::new(clock, sink, seq, self.options.max_fps, label, beat);
        Pipeline::build(&self.plan, &self.options, excluded, &self.trial, frames)
    }

    pub fn run(mut self) {
        let mut backoff = self.options.backoff.clone();
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.beats.supervisor.busy();
            self.sink.event(Event::Connecting { attempt });
            let Attempt { end, good, hanging } = self.attempt();
            if good {
                backoff.reset();
                attempt = 0;
            }
            let Some(retry_in) = self.conclude(end, &mut backoff) else { break };
            if let Some(hanging) = hanging {
                self.beats.supervisor.rest(|| self.wait_for(hanging));
            }
            if self.beats.supervisor.rest(|| self.wake.shutdown.wait_timeout(retry_in)) {
                break;
            }
        }
        self.sink.event(Event::Stopped);
        self.beats.supervisor.idle();
    }

    /// Tells how an attempt ended, and how long to wait before the next: `None` if there is none.
    fn conclude(&mut self, end: End, backoff: &mut Backoff) -> Option<Duration> {
        match end {
            End::Stopped => None,
            End::Over => {
                self.sink.event(Event::Ended);
                self.beats.supervisor.rest(|| self.wake.shutdown.wait());
                None
            }
            End::Again => Some(Duration::ZERO),
            End::Stalled(after) => {
                let retry_in = backoff.pause();
                self.sink.event(Event::Stalled { after, retry_in });
                Some(retry_in)
            }
            End::Failed(Failure { reason, unauthorized, mut decoder }) => {
                // One that is in use though it was left out is the user's own choice.
                decoder.take_if(|decoder| self.excluded.iter().any(|(name, _)| name == decoder));
                let retry_in = match decoder {
                    // The next decoder may work at once, and there are only so many.
                    Some(_) => Duration::ZERO,
                    None if unauthorized => backoff.pause().max(UNAUTHORIZED_PAUSE),
                    None => backoff.pause(),
                };
                self.blame(decoder);
                self.sink.event(Event::Failed { reason, retry_in });
                Some(retry_in)
            }
        }
    }

    fn blame(&mut self, decoder: Option<String>) {
        if let Some(decoder) = decoder {
            let camera = self.options.name.as_str();
            tracing::warn!(camera, decoder, "hardware decoder failed before its first frame; next by rank");
            self.excluded.push((decoder, self.clock.now()));
        }
    }

    /// Runs one pipeline from start to NULL.
    fn attempt(&mut self) -> Attempt {
        let pipeline = match self.next.take().map_or_else(|| self.build(), Ok) {
            Ok(pipeline) => pipeline,
            Err(e) => {
                let end = End::Failed(Failure::of(e.to_string()));
                return Attempt { end, good: false, hanging: None };
            }
        };
        self.wake.listen(Some(pipeline.bus.clone()));
        let end = self.watch(&pipeline);
        self.wake.listen(None);
        let good = pipeline.progress.span() >= GOOD_AFTER;
        let hanging = pipeline.shut(&self.options.name, TEARDOWN_WITHIN).err();
        if hanging.is_none() {
            self.trial.end();
        }
        Attempt { end, good, hanging }
    }

    /// A device that hangs is not opened a second time: one stuck pipeline a camera at most.
    fn wait_for(&self, mut hanging: Thread) {
        let camera = self.options.name.as_str();
        tracing::error!(camera, "the pipeline does not stop; it is not rebuilt until it has");
        while !self.wake.shutdown.is_set() {
            match hanging.join(TEARDOWN_WITHIN) {
                Ok(()) => return,
                Err(still) => hanging = still,
            }
        }
    }

    fn watch(&self, pipeline: &Pipeline) -> End {
        let started = self.clock.now();
        let beat = &self.beats.supervisor;
        // A driver that does not come back from this is a dead camera, which is a state.
        let played = beat.rest(|| pipeline.play());
        let mut online = false;
        loop {
            if self.wake.shutdown.is_set() {
                return End::Stopped;
            }
            let progress = &pipeline.progress;
            let (since, allowed) = match progress.last() {
                None => (started, self.options.connect_timeout),
                Some(last) => (last, self.options.stall_timeout),
            };
            let silent = self.clock.now().since(since);
            let kinds = [gst::MessageType::Error, gst::MessageType::Eos, gst::MessageType::Application];
            // Whatever made the start fail is on the bus already; and a wait of nothing would not
            // even look.
            let message = match gst::ClockTime::try_from(allowed.saturating_sub(silent)) {
                Ok(wait) if played.is_ok() && !wait.is_zero() => {
                    beat.rest(|| pipeline.bus.timed_pop_filtered(wait, &kinds))
                }
                _ => pipeline.bus.pop_filtered(&kinds),
            };
            match message.as_ref().map(|message| message.view()) {
                None if played.is_err() => {
                    return End::Failed(Failure::of("the pipeline does not start".into()));
                }
                None if silent >= allowed && online => return End::Stalled(silent),
                None if silent >= allowed => {
                    let within = self.options.connect_timeout;
                    return End::Failed(Failure::no_frame(pipeline, format!("no frame within {within:?}")));
                }
                Some(gst::MessageView::Error(error)) => {
                    return End::Failed(Failure::error(&self.options.source, pipeline, error));
                }
                Some(gst::MessageView::Eos(_)) => {
                    if let Some(end) = self.ended(pipeline) {
                        return end;
                    }
                }
                Some(gst::MessageView::Application(message)) => {
                    if let Some(caps) = message.structure().and_then(new_caps) {
                        self.announce(pipeline, caps, &mut online);
                    }
                }
                _ => {}
            }
        }
    }

    fn announce(&self, pipeline: &Pipeline, caps: String, online: &mut bool) {
        if std::mem::replace(online, true) {
            return self.sink.event(Event::CapsChanged { caps });
        }
        self.trial.end();
        let raw = || Decoder { factory: "raw".into(), hardware: false };
        let Decoder { factory: decoder, hardware } = pipeline.decoder().unwrap_or_else(raw);
        self.sink.event(Event::Online { decoder, hardware, caps });
    }

    /// What an end of stream means; `None` if the pipeline goes on.
    fn ended(&self, pipeline: &Pipeline) -> Option<End> {
        Some(match self.options.source {
            _ if pipeline.progress.frames() == 0 => {
                End::Failed(Failure::no_frame(pipeline, "the stream ended before its first frame".into()))
            }
            Source::File { looped: true, .. } if pipeline.rewind() => return None,
            Source::File { looped: true, .. } => End::Again,
            Source::File { looped: false, .. } => End::Over,
            _ => End::Failed(Failure::of("the stream ended".into())),
        })
    }
}

fn new_caps(message: &gst::StructureRef) -> Option<String> {
    (message.name() == CAPS_MESSAGE).then(|| message.get("caps").ok()).flatten()
}
