//! `posed replay FILE`: a recorded message stream once more, followed anew or as it was; or a recorded
//! clip, with its people found anew.

mod clip;

use crate::clock::Mono;
use crate::keypoint::{Keypoint, NAMES};
use crate::replay::{Comparison, Recording, Step};
use crate::shutdown::Shutdown;
use crate::track::{Ids, Options, Person, Tracker};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `posed replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  posed replay door.jsonl > again.jsonl
  posed replay --clip door.mkv > anew.jsonl
  posed replay --as-recorded --paced door.jsonl | mosquitto_pub -t test/door/poses -l")]
pub struct Args {
    /// A recording: pose messages, one a line (see `posed record`).
    #[arg(required_unless_present = "clip")]
    file: Option<PathBuf>,
    /// Print the messages as they were recorded instead of following the people anew.
    #[arg(long, conflicts_with = "clip")]
    as_recorded: bool,
    /// Find, estimate and follow the people of this clip, every frame of it (see `posed record
    /// --clip`), instead of following those of a recording.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    clip: Option<PathBuf>,
    /// Most frames a second of the clip.
    #[arg(long, value_name = "FPS", requires = "clip")]
    max_fps: Option<f64>,
    /// Folder of the pose model [default: lpn50-256x192 of $POSED_MODELS, ./models or /usr/share/posed/models]
    #[arg(long, value_name = "DIR", requires = "clip")]
    model: Option<PathBuf>,
    /// Folder of the person finder [default: person-320x192, found likewise]
    #[arg(long, value_name = "DIR", requires = "clip")]
    person_model: Option<PathBuf>,
    /// Keep the recording's pace instead of hurrying through.
    #[arg(long, conflicts_with = "clip")]
    paced: bool,
    /// Print keypoints as seen instead of smoothed.
    #[arg(long)]
    raw: bool,
    /// Sightings before a person is published.
    #[arg(long, value_name = "N", default_value_t = Options::default().birth_hits)]
    birth_hits: u32,
    /// How long a person who is not seen is still published.
    #[arg(long, value_name = "MS", default_value_t = Options::default().hold.as_millis() as u64)]
    hold_ms: u64,
    /// How long a person may be away and keep the id.
    #[arg(long, value_name = "MS", default_value_t = Options::default().keep_lost.as_millis() as u64)]
    keep_lost_ms: u64,
}

impl Args {
    fn tracking(&self) -> Options {
        Options {
            birth_hits: self.birth_hits,
            hold: Duration::from_millis(self.hold_ms),
            keep_lost: Duration::from_millis(self.keep_lost_ms),
            ..Options::default()
        }
    }
}

/// Prints the messages as JSON lines, and at the end how they compare with the recording.
///
/// # Errors
/// If the recording or the clip cannot be read, or is none.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    if let Some(clip) = &args.clip {
        let told = clip::run(clip, args, &mut out)?;
        out.flush()?;
        eprintln!("{told}");
    } else if let Some(file) = &args.file {
        recording(file, args, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn recording(file: &Path, args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
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
        let message = if args.as_recorded { step.line } else { retold(&step, people, args.raw)? };
        if let Err(e) = writeln!(out, "{message}") {
            // Whoever reads has seen enough.
            return if e.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(e.into()) };
        }
    }
    out.flush()?;
    if !args.as_recorded {
        eprintln!("{}", told(&comparison));
    }
    Ok(())
}

/// The message of `step` with other people in it.
fn retold(step: &Step, people: &[Person], raw: bool) -> anyhow::Result<String> {
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

fn told(c: &Comparison) -> String {
    format!(
        "{} messages; people recorded {} (ids {}), replayed {} (ids {}), in both {}; {} went on under another id",
        c.frames, c.recorded, c.ids.0, c.replayed, c.ids.1, c.matched, c.id_changes
    )
}
