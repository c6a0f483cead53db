//! A sink that remembers, and waits without sleeping.

use crate::common::PATIENCE;
use posed::capture::{Capture, Event, FrameDrop, Options, Sink, Source};
use posed::clock::SystemClock;
use posed::frame::Frame;
use posed::telemetry::progress::Progress;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

/// What a camera gave. Frames are kept only by a recorder that [`Recorder::keeps`] them.
#[derive(Default)]
pub struct Seen {
    pub frames: Vec<Frame>,
    pub frame_count: usize,
    pub dropped: Vec<FrameDrop>,
    pub events: Vec<Event>,
}

impl Seen {
    pub fn count(&self, which: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|e| which(e)).count()
    }

    pub fn online(&self) -> usize {
        self.count(|e| matches!(e, Event::Online { .. }))
    }

    /// Reasons of all failures, joined.
    pub fn reasons(&self) -> String {
        let reason = |e: &Event| match e {
            Event::Failed { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.events.iter().filter_map(reason).collect::<Vec<_>>().join("\n")
    }
}

#[derive(Default)]
pub struct Recorder {
    seen: Mutex<Seen>,
    changed: Condvar,
    keep: bool,
}

impl Recorder {
    pub fn counts() -> Arc<Recorder> {
        Arc::default()
    }

    pub fn keeps() -> Arc<Recorder> {
        Arc::new(Recorder { keep: true, ..Recorder::default() })
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until `done`; panics with all events if that takes more than [`PATIENCE`].
    pub fn wait(&self, what: &str, done: impl Fn(&Seen) -> bool) -> MutexGuard<'_, Seen> {
        let end = Instant::now() + PATIENCE;
        let mut seen = self.seen();
        while !done(&seen) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {what}: {} frames, {:#?}", seen.frame_count, seen.events);
            seen = self.changed.wait_timeout(seen, left).unwrap().0;
        }
        seen
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen());
        self.changed.notify_all();
    }
}

impl Sink for Recorder {
    fn frame(&self, frame: Frame) {
        self.change(|seen| {
            seen.frame_count += 1;
            if self.keep {
                seen.frames.push(frame);
            }
        });
    }
    fn dropped(&self, reason: FrameDrop) {
        self.change(|seen| seen.dropped.push(reason));
    }
    fn event(&self, event: Event) {
        self.change(|seen| seen.events.push(event));
    }
}

pub fn options(source: &str) -> Options {
    Options::new("test", source.parse().unwrap())
}

pub fn file(path: &std::path::Path, looped: bool, paced: bool) -> Options {
    Options::new("test", Source::File { path: path.into(), looped, paced })
}

pub fn start(options: Options, recorder: &Arc<Recorder>) -> Capture {
    Capture::start(options, SystemClock::shared(), recorder.clone(), &Progress::default()).unwrap()
}

/// Runs a finite file, or `pipeline:` text, to its first end; returns all it gave.
pub fn run(options: Options) -> Seen {
    let recorder = Recorder::keeps();
    let capture = start(options, &recorder);
    drop(recorder.wait("end", |seen| {
        seen.count(|e| matches!(e, Event::Ended | Event::Failed { .. } | Event::Stalled { .. })) > 0
    }));
    capture.stop();
    std::mem::take(&mut recorder.seen())
}

/// Runs a pipeline that is needed by a test but not under test: to encode a file.
pub fn launch(text: &str) {
    use gstreamer::{self as gst, prelude::*};
    posed::capture::init().unwrap();
    let pipeline = gst::parse::launch(text).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends);
    pipeline.set_state(gst::State::Null).unwrap();
    match end.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => {}
        Some(gst::MessageView::Error(e)) => panic!("{text}: {} {:?}", e.error(), e.debug()),
        _ => panic!("{text}: does not end"),
    }
}
