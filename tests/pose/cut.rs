//! People whose feet are outside the picture.

use super::common::{binary, root, shared};
use gstreamer::{self as gst, prelude::*};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Pictures of the training data with one standing person, and the rows below the middle of the
/// shins, feet included.
const PEOPLE: [(&str, u32); 20] = [
    ("stanford40/applauding_039.webp", 36),
    ("stanford40/applauding_046.webp", 108),
    ("stanford40/applauding_058.webp", 76),
    ("stanford40/applauding_061.webp", 80),
    ("stanford40/applauding_065.webp", 115),
    ("stanford40/applauding_101.webp", 78),
    ("stanford40/applauding_120.webp", 47),
    ("stanford40/applauding_129.webp", 102),
    ("stanford40/applauding_141.webp", 94),
    ("stanford40/applauding_142.webp", 81),
    ("stanford40/applauding_178.webp", 98),
    ("stanford40/applauding_188.webp", 25),
    ("stanford40/applauding_219.webp", 103),
    ("stanford40/applauding_240.webp", 98),
    ("stanford40/blowing_bubbles_012.webp", 145),
    ("stanford40/blowing_bubbles_041.webp", 43),
    ("stanford40/blowing_bubbles_043.webp", 65),
    ("stanford40/blowing_bubbles_082.webp", 56),
    ("stanford40/blowing_bubbles_089.webp", 23),
    ("stanford40/blowing_bubbles_108.webp", 77),
];

/// Writes the picture `name` without its last `rows` rows into `dir`, as PNG.
fn cut(name: &str, rows: u32, dir: &Path) -> Option<PathBuf> {
    let from = shared(Path::new("data/people/images").join(name))?;
    let to = dir.join(format!("{}-{rows}.png", name.replace('/', "-")));
    let text = format!(
        "filesrc location={} ! webpdec ! videocrop bottom={rows} ! videoconvert ! pngenc ! filesink location={}",
        from.display(),
        to.display()
    );
    gst::init().unwrap();
    let pipeline = gst::parse::launch(&text).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
    Some(to)
}

/// The share of the keypoints `names` that score at least 0.2, of the largest person in each
/// picture.
fn seen(model: &str, pictures: &[PathBuf], names: [&str; 2]) -> f64 {
    let mut command = std::process::Command::new(binary());
    command.current_dir(root()).args(["image", "--json", "--model"]).arg(format!("models/{model}"));
    let done = command.args(["--person-model", "models/person-320x192"]).args(pictures).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let area = |person: &&Value| person["box"][2].as_f64().unwrap() * person["box"][3].as_f64().unwrap();
    let mut scores = vec![];
    for line in String::from_utf8(done.stdout).unwrap().lines() {
        let picture: Value = serde_json::from_str(line).unwrap();
        let people = picture["people"].as_array().unwrap();
        let Some(person) = people.iter().max_by(|a, b| area(a).total_cmp(&area(b))) else { continue };
        scores.extend(names.map(|name| person["keypoints"][name][2].as_f64().unwrap()));
    }
    assert!(scores.len() > pictures.len(), "nobody is found in most pictures");
    scores.iter().filter(|score| **score >= 0.2).count() as f64 / scores.len() as f64
}

#[test]
fn ankles_outside_the_picture_are_not_seen_and_those_inside_are() {
    let dir = tempfile::tempdir().unwrap();
    let (mut whole, mut without_feet) = (vec![], vec![]);
    for (name, rows) in PEOPLE {
        let (Some(all), Some(part)) = (cut(name, 0, dir.path()), cut(name, rows, dir.path())) else { return };
        whole.push(all);
        without_feet.push(part);
    }
    for model in ["lpn50-128x96", "lpn50-256x192"] {
        let (ankles, knees) = (["left_ankle", "right_ankle"], ["left_knee", "right_knee"]);
        let share = seen(model, &without_feet, ankles);
        assert!(share < 0.4, "{model}: {share} of the ankles outside the picture");
        let share = seen(model, &without_feet, knees);
        assert!(share > 0.75, "{model}: {share} of the knees inside");
        let share = seen(model, &whole, ankles);
        assert!(share > 0.75, "{model}: {share} of the ankles inside");
    }
}
