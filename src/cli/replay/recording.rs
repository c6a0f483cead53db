//! Replays a recording of messages.

use super::args::ReplayArgs;
use crate::cli::output;
use crate::clock::Mono;
use crate::keypoint::{Keypoint, NAMES};
use crate::shutdown::Shutdown;
use crate::tools::replay::{Comparison, Recording, ReplayStep};
use crate::track::{Ids, Person, Tracker};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

pub(super) fn run(file: &Path, args: &ReplayArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let input = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let mut recording = Recording::new(BufReader::new(input));
    let mut tracker = Tracker::new(args.tracking(), Ids::default());
    let mut comparison = Comparison::default();
    let (mut last, pause) = (Mono::default(), Shutdown::default());
    while let Some(step) = recording.read().with_context(|| file.display().to_string())? {
        if args.paced {
            out.flush()?;
            pause.wait_timeout(step.at.since(last));
            last = step.at;
        }
        let people = tracker.update(step.at, step.size, &step.observations);
        comparison.count(&step.recorded, people);
        let message = if args.as_recorded { step.line } else { with_people(&step, people, args.raw)? };
        writeln!(out, "{message}")?;
    }
    out.flush()?;
    if !args.as_recorded {
        output::note(summary(&comparison));
    }
    Ok(())
}

/// The message of `step` with these people instead of its own.
fn with_people(step: &ReplayStep, people: &[Person], raw: bool) -> anyhow::Result<String> {
    let mut message: Value = serde_json::from_str(&step.line)?;
    if let Some(message) = message.as_object_mut() {
        message.insert("people".into(), people.iter().map(|person| in_json(person, raw)).collect());
    }
    Ok(message.to_string())
}

fn in_json(person: &Person, raw: bool) -> Value {
    let keypoints = if raw { &person.keypoints } else { &person.smoothed };
    let keypoint = |k: &Keypoint| json!([rounded(k.x_px, 1), rounded(k.y_px, 1), rounded(k.score, 3)]);
    let named = NAMES.iter().zip(keypoints).map(|(name, k)| ((*name).to_owned(), keypoint(k)));
    let bbox = person.bbox;
    let bbox = [bbox.x, bbox.y, bbox.w, bbox.h].map(|v| rounded(v, 1));
    let velocity = person.velocity_px_s.map(|v| rounded(v, 1));
    json!({
        "id": person.id,
        "box": bbox,
        "score": rounded(person.score, 3),
        "age_ms": rounded(person.age.as_secs_f32() * 1e3, 1),
        "track_age_s": rounded(person.track_age.as_secs_f32(), 3),
        "velocity": velocity,
        "keypoints": serde_json::Map::from_iter(named),
    })
}

fn rounded(value: f32, decimals: i32) -> f64 {
    let unit = 10f64.powi(decimals);
    (f64::from(value) * unit).round() / unit
}

fn summary(c: &Comparison) -> String {
    format!(
        "{} messages; people recorded {} (ids {}), replayed {} (ids {}), in both {}; {} changed id",
        c.frames, c.recorded, c.ids.0, c.replayed, c.ids.1, c.matched, c.id_changes
    )
}
