//! Replays a clip: every frame goes through search, pose and tracking to a message.

use super::args::ReplayArgs;
use crate::capture::{Options, Source};
use crate::cli::models;
use crate::clock::SystemClock;
use crate::config::{Config, SmoothingMode};
use crate::daemon;
use crate::detect::due;
use crate::events;
use crate::frame::Frame;
use crate::geometry::Rotate;
use crate::publish::Poses;
use crate::scene::{self, Nets, Scene, offline};
use crate::track::Ids;
use anyhow::Context as _;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Most poses in a frame: the daemon's default.
const MAX_PEOPLE: usize = 16;

/// How to look at a clip of no particular camera.
pub(super) fn options(args: &ReplayArgs) -> scene::Options {
    scene::Options {
        rotate: Rotate::None,
        roi: None,
        finder: true,
        max_people: MAX_PEOPLE,
        search: due::Options::default(),
        track: args.tracking(),
        events: events::Options::new("clip"),
    }
}

/// How to look at a clip of the camera `name`.
///
/// # Errors
/// If the configuration has no such camera.
pub(super) fn options_of(config: &Config, name: &str, args: &ReplayArgs) -> anyhow::Result<scene::Options> {
    let names = || config.cameras.iter().map(|camera| camera.name.as_str()).collect::<Vec<_>>().join(", ");
    let camera = config.cameras.iter().find(|camera| camera.name == name);
    let camera = camera.with_context(|| format!("no camera {name:?}; the configuration has {}", names()))?;
    let options = daemon::options::scene(camera, config);
    Ok(scene::Options { track: args.tracking_from(options.track.clone()), ..options })
}

/// Writes the messages of `clip`, one a line, and returns a summary. Times count from the start of
/// the clip, as if it were 1970.
///
/// # Errors
/// If a model or the clip cannot be used.
pub(super) fn run(
    clip: &Path,
    options: scene::Options,
    args: &ReplayArgs,
    out: &mut dyn Write,
) -> anyhow::Result<String> {
    let mut nets = Nets {
        estimator: models::estimator(args.model.as_ref(), false)?,
        finder: Some(models::finder(args.person_model.as_ref())?),
    };
    let camera = options.events.camera.clone();
    let clock = SystemClock::shared();
    let mut scene = Scene::new(options, Ids::default(), clock.clone());
    let source = Source::File { path: clip.into(), looped: false, paced: false };
    let capture = Options { max_fps: args.max_fps, ..Options::new("clip", source) };
    let (began, mut frames, mut payload, mut written) = (clock.now(), 0, Vec::new(), Ok(()));
    let see = |frame: &Frame, scene: &Scene| {
        frames += 1;
        payload.clear();
        message(frame, scene, &camera, args.raw, &mut payload);
        for event in scene.events().iter().filter(|_| args.events) {
            payload.extend(event.to_json());
            payload.push(b'\n');
        }
        if written.is_ok() {
            written = out.write_all(&payload);
        }
    };
    offline::follow(capture, &mut scene, &mut nets, clock.clone(), see)?;
    written?;
    Ok(format!("{frames} frames in {:.1?}", clock.now().since(began)))
}

fn message(frame: &Frame, scene: &Scene, camera: &str, raw: bool, out: &mut Vec<u8>) {
    let view = scene.view(frame);
    let head = Poses {
        session: "replay",
        seq: frame.seq,
        camera,
        stamp: frame.stamp,
        age: Duration::ZERO,
        size: (view.width, view.height),
    };
    let smoothing = if raw { SmoothingMode::Raw } else { SmoothingMode::Smoothed };
    let people = scene.people().iter();
    head.write(people.map(|person| daemon::published(person, smoothing, scene.posture(person))), out);
    out.push(b'\n');
}
