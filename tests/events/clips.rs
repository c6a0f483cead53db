//! Rendered clips with known falls, end to end: decoded, searched, posed and tracked by the shipped
//! networks. `python -m lpn judge-clips` judges any number of such clips (docs/events.md).

use crate::common::root;
use posed::clock::SystemClock;
use posed::config::{self, Machine};
use posed::daemon::options;
use posed::detect::Finder;
use posed::events::{Event, Kind, State};
use posed::frame::Frame;
use posed::infer::NetworkOptions;
use posed::pose::{self, Estimator};
use posed::scene::{Nets, Scene, offline};
use posed::track::Ids;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How long a fall must last here; the clips show a little more.
const CONFIRM_S: f64 = 3.0;

/// What a clip shows, as its JSON says.
#[derive(Deserialize)]
struct Story {
    video: String,
    frames: Vec<serde_json::Value>,
    events: Vec<Fall>,
}

#[derive(Deserialize)]
struct Fall {
    from_ms: f64,
    down_ms: f64,
}

fn stories() -> Vec<Story> {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    files.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
}

fn folder() -> PathBuf {
    root().join("tests/events/clips")
}

fn shipped() -> Nets {
    let network = NetworkOptions { max_batch: 4, threads: 1, ..NetworkOptions::default() };
    let options = pose::Options { network: network.clone(), flip_test: false };
    let models = root().join("models");
    let estimator = Estimator::load(&models.join("lpn50-256x192"), &options, SystemClock::shared()).unwrap();
    Nets { estimator, finder: Some(Finder::load(&models.join("person-320x192"), &network).unwrap()) }
}

/// The fall events of a clip, and the number of its frames.
fn falls_of(clip: &Path, nets: &mut Nets) -> (Vec<Event>, usize) {
    let text = format!(
        "[[camera]]\nname = \"clip\"\nsource = \"file://{}\"\npaced = false\n\
         [[camera.event]]\ntype = \"fall\"\nconfirm_s = {CONFIRM_S}\n",
        clip.display()
    );
    let config = config::parse(&text, Path::new("test.toml"), &Machine::here()).unwrap().config;
    let (camera, clock) = (&config.cameras[0], SystemClock::shared());
    let mut scene = Scene::new(options::scene(camera, &config), Ids::default(), clock.clone());
    let (mut events, mut frames) = (Vec::new(), 0);
    let see = |_: &Frame, scene: &Scene| {
        frames += 1;
        events.extend(scene.events().iter().filter(|event| event.kind == Kind::Fall).cloned());
    };
    offline::follow(camera.capture(), &mut scene, nets, clock, see).unwrap();
    (events, frames)
}

/// Milliseconds since the start of the clip.
fn ms(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64() * 1e3
}

fn confirmed(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| event.state == State::Confirmed).collect()
}

#[test]
fn rendered_falls_are_confirmed_in_time() {
    let mut nets = shipped();
    for story in stories().iter().filter(|story| !story.events.is_empty()) {
        let (events, frames) = falls_of(&folder().join(&story.video), &mut nets);
        let (clip, fall) = (&story.video, &story.events[0]);
        assert_eq!(frames, story.frames.len(), "{clip}");
        let [event] = confirmed(&events)[..] else { panic!("{clip}: {events:?}") };
        assert!(ms(event.started_at) > fall.from_ms - 250.0, "{clip}: {event:?}");
        let waited = (ms(event.at) - fall.down_ms) / 1e3;
        assert!((CONFIRM_S - 1.0..CONFIRM_S + 1.0).contains(&waited), "{clip}: {waited} s");
    }
}

#[test]
fn rendered_scenes_without_a_fall_give_no_alarm() {
    let mut nets = shipped();
    for story in stories().iter().filter(|story| story.events.is_empty()) {
        let (events, frames) = falls_of(&folder().join(&story.video), &mut nets);
        assert_eq!(frames, story.frames.len(), "{}", story.video);
        assert!(confirmed(&events).is_empty(), "{}: {events:?}", story.video);
    }
}
