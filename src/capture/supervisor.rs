//! One thread per camera. It outlives every pipeline of its camera and decides when to build the
//! next.

use super::challenge;
use super::decoder::CrashMarker;
use super::error::Error;
use super::failure::Failure;
use super::frames::{Carried, Frames};
use super::pipeline::{Pipeline, Plan};
use super::stop_signal::StopSignal;
use super::types::{Event, Options, Sink};
use super::watch::{End, Watch};
use crate::backoff::Backoff;
use crate::clock::{Mono, SharedClock};
use crate::shutdown::Thread;
use crate::telemetry::progress::Beat;
use std::sync::Arc;
use std::time::Duration;

/// An attempt that gives frames for this long is a success: the pauses start short again.
const GOOD_AFTER: Duration = Duration::from_secs(2);
/// Longest wait for a pipeline to reach NULL before the supervisor goes on without it.
const TEARDOWN_WITHIN: Duration = Duration::from_millis(1500);
/// First and longest pause after a refused login. Many cameras lock an account after five wrong
/// logins within some minutes.
const LOGIN_PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(900));
/// A hardware decoder that failed gets another chance after this time.
const EXCLUDED_FOR: Duration = Duration::from_secs(3600);

/// Signs of life of one camera's two threads.
#[derive(Clone)]
pub(super) struct Beats {
    /// The supervisor's own thread.
    pub supervisor: Arc<Beat>,
    /// GStreamer's streaming thread while it runs our code.
    pub frames: Arc<Beat>,
}

/// What one pipeline's life came to.
struct Attempt {
    end: End,
    /// It gave frames for long enough to reset the back-off.
    good: bool,
    /// Caps that were announced last.
    announced: Option<String>,
    /// The thread that takes the pipeline to NULL, if it is still on its way.
    hanging: Option<Thread>,
}

/// Keeps one camera's pipeline running until the stop signal.
pub(super) struct Supervisor {
    options: Options,
    plan: Plan,
    clock: SharedClock,
    sink: Arc<dyn Sink>,
    stop: Arc<StopSignal>,
    beats: Beats,
    carried: Arc<Carried>,
    /// Pauses after refused logins.
    login: Backoff,
    /// Hardware decoders that failed, and when.
    excluded: Vec<(String, Mono)>,
    marker: CrashMarker,
    next: Option<Pipeline>,
}

impl Supervisor {
    /// Builds the first pipeline at once: what can never work is an error here.
    pub fn new(
        options: Options,
        clock: SharedClock,
        sink: Arc<dyn Sink>,
        stop: Arc<StopSignal>,
        beats: Beats,
    ) -> Result<Supervisor, Error> {
        let plan = Plan::new(&options)?;
        let carried = Arc::default();
        let login = Backoff::new(LOGIN_PAUSES.0, LOGIN_PAUSES.1).unwrap_or_default();
        let marker = CrashMarker::new(options.crash_markers.as_deref(), &options.name);
        let mut excluded = Vec::new();
        if let Some(decoder) = marker.take() {
            let camera = options.name.as_str();
            tracing::warn!(
                camera,
                decoder,
                "the last process died before this hardware decoder's first frame; using the next decoder for an hour"
            );
            excluded.push((decoder, clock.now()));
        }
        let next = None;
        let mut supervisor =
            Supervisor { options, plan, clock, sink, stop, beats, carried, login, excluded, marker, next };
        supervisor.next = Some(supervisor.build()?);
        Ok(supervisor)
    }

    fn build(&mut self) -> Result<Pipeline, Error> {
        let now = self.clock.now();
        self.excluded.retain(|(_, since)| now.since(*since) < EXCLUDED_FOR);
        let excluded = self.excluded.iter().map(|(name, _)| name.clone()).collect();
        let frames = Frames::new(
            &self.options,
            self.clock.clone(),
            self.sink.clone(),
            self.carried.clone(),
            self.beats.frames.clone(),
        );
        Pipeline::build(&self.plan, &self.options, excluded, &self.marker, frames)
    }

    pub fn run(mut self) {
        let mut backoff = self.options.backoff.clone();
        let mut attempt = 0;
        // What a source that starts again has announced: it goes on without an event.
        let mut goes_on = None;
        loop {
            self.beats.supervisor.busy();
            if goes_on.is_none() {
                attempt += 1;
                self.sink.event(Event::Connecting { attempt });
            }
            let Attempt { end, good, announced, hanging } = self.attempt(goes_on.take());
            if good {
                backoff.reset();
                self.login.reset();
                attempt = 0;
            }
            goes_on = announced.filter(|_| matches!(end, End::Restart(_)));
            let Some(retry_in) = self.conclude(end, &mut backoff) else { break };
            if let Some(hanging) = hanging {
                self.beats.supervisor.rest(|| self.wait_for(hanging));
            }
            if self.beats.supervisor.rest(|| self.stop.shutdown.wait_timeout(retry_in)) {
                break;
            }
        }
        self.sink.event(Event::Stopped);
        self.beats.supervisor.idle();
    }

    /// Reports how an attempt ended. Returns the pause before the next one, `None` if it was the
    /// last.
    fn conclude(&mut self, end: End, backoff: &mut Backoff) -> Option<Duration> {
        match end {
            End::Stopped => None,
            End::Finished => {
                self.sink.event(Event::Ended);
                self.beats.supervisor.rest(|| self.stop.shutdown.wait());
                None
            }
            End::Restart(pause) => Some(pause),
            End::Stalled(after) => {
                let retry_in = backoff.pause();
                self.sink.event(Event::Stalled { after, retry_in });
                Some(retry_in)
            }
            End::Failed(failure) => Some(self.failed(failure, backoff)),
        }
    }

    fn failed(&mut self, failure: Failure, backoff: &mut Backoff) -> Duration {
        let Failure { mut reason, unauthorized, mut decoder } = failure;
        if unauthorized {
            reason = self.beats.supervisor.rest(|| challenge::refusal(&self.options.source));
        }
        // A decoder in use although it is excluded is named in the user's own pipeline: nothing
        // replaces it.
        decoder.take_if(|decoder| self.excluded.iter().any(|(name, _)| name == decoder));
        let retry_in = match decoder {
            // The next decoder may work at once, and there are only a few.
            Some(_) => Duration::ZERO,
            None if unauthorized => self.login.pause(),
            None => backoff.pause(),
        };
        if let Some(decoder) = decoder {
            let camera = self.options.name.as_str();
            tracing::warn!(
                camera,
                decoder,
                "the hardware decoder failed before its first frame; using the next decoder for an hour"
            );
            self.excluded.push((decoder, self.clock.now()));
        }
        self.sink.event(Event::Failed { reason, retry_in });
        retry_in
    }

    /// Runs one pipeline from start to NULL.
    fn attempt(&mut self, announced: Option<String>) -> Attempt {
        let pipeline = match self.next.take().map_or_else(|| self.build(), Ok) {
            Ok(pipeline) => pipeline,
            Err(e) => {
                let end = End::Failed(Failure::new(e.to_string()));
                return Attempt { end, good: false, announced: None, hanging: None };
            }
        };
        self.stop.wakes(Some(pipeline.bus.clone()));
        let (end, announced) = self.watch(&pipeline, announced).run();
        self.stop.wakes(None);
        let good = pipeline.progress.span() >= GOOD_AFTER;
        let hanging = pipeline.shut(&self.options.name, TEARDOWN_WITHIN).err();
        if hanging.is_none() {
            self.marker.clear();
        }
        Attempt { end, good, announced, hanging }
    }

    fn watch<'a>(&'a self, pipeline: &'a Pipeline, announced: Option<String>) -> Watch<'a> {
        Watch {
            pipeline,
            options: &self.options,
            clock: &self.clock,
            sink: self.sink.as_ref(),
            stop: &self.stop,
            beat: &self.beats.supervisor,
            marker: &self.marker,
            announced,
            awaiting: false,
            pass_began: self.clock.now(),
        }
    }

    /// Waits for a stuck teardown, so that a camera has at most one stuck pipeline.
    fn wait_for(&self, mut hanging: Thread) {
        let camera = self.options.name.as_str();
        tracing::error!(
            camera,
            "the pipeline does not stop; its driver may hang, and the camera waits until it has stopped"
        );
        while !self.stop.shutdown.is_set() {
            match hanging.join(TEARDOWN_WITHIN) {
                Ok(()) => return,
                Err(still) => hanging = still,
            }
        }
    }
}
