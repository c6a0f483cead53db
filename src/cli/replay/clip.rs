//! Replays a clip: every frame goes through search, pose and tracking to a message.

use super::args::ReplayArgs;
use crate::capture::{Options, Source};
use crate::cli::models;
use crate::clock::{Mono, SystemClock};
use crate::config::SmoothingMode;
use crate::daemon;
use crate::detect::due;
use crate::events;
use crate::frame::{Frame, Stamp};
use crate::geometry::Rotate;
use crate::publish::Poses;
use crate::scene::{self, Nets, Scene, offline};
use crate::track::Ids;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Most poses in a frame: the daemon's default.
const MAX_PEOPLE: usize = 16;

/// Writes the messages of `clip`, one a line, and returns a summary. Capture times count from the
/// start of the clip, as if it were 1970.
///
/// # Errors
/// If a model or the clip cannot be used.
pub(super) fn run(clip: &Path, args: &ReplayArgs, out: &mut dyn Write) -> anyhow::Result<String> {
    let mut nets = Nets {
        estimator: models::estimator(args.model.as_ref(), false)?,
        finder: Some(models::finder(args.person_model.as_ref())?),
    };
    let options = scene::Options {
        rotate: Rotate::None,
        roi: None,
        finder: true,
        max_people: MAX_PEOPLE,
        search: due::Options::default(),
        track: args.tracking(),
        events: events::Options::new("clip"),
    };
    let clock = SystemClock::shared();
    let mut scene = Scene::new(options, Ids::default(), clock.clone());
    let source = Source::File { path: clip.into(), looped: false, paced: false };
    let capture = Options { max_fps: args.max_fps, ..Options::new("clip", source) };
    let (began, mut frames, mut payload, mut written) = (clock.now(), 0, Vec::new(), Ok(()));
    let see = |frame: &Frame, scene: &Scene| {
        frames += 1;
        payload.clear();
        message(frame, scene, args.raw, &mut payload);
        if written.is_ok() {
            written = out.write_all(&payload);
        }
    };
    offline::follow(capture, &mut scene, &mut nets, clock.clone(), see)?;
    written?;
    Ok(format!("{frames} frames in {:.1?}", clock.now().since(began)))
}

fn message(frame: &Frame, scene: &Scene, raw: bool, out: &mut Vec<u8>) {
    let view = scene.view(frame);
    let since = frame.stamp.mono.since(Mono::default());
    let head = Poses {
        session: "replay",
        seq: frame.seq,
        camera: "clip",
        stamp: Stamp { wall: SystemTime::UNIX_EPOCH + since, ..frame.stamp },
        age: Duration::ZERO,
        size: (view.width, view.height),
    };
    let smoothing = if raw { SmoothingMode::Raw } else { SmoothingMode::Smoothed };
    let people = scene.people().iter();
    head.write(people.map(|person| daemon::published(person, smoothing, scene.posture(person))), out);
    out.push(b'\n');
}
