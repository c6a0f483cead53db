//! Arguments of `posed replay`.

use crate::cli::config_file;
use crate::track::Options;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `posed replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  posed replay door.jsonl > again.jsonl
  posed replay --clip door.mkv > again.jsonl
  posed replay --clip door.mkv --events --camera door
  posed replay --as-recorded --paced door.jsonl | mosquitto_pub -t test/door/poses -l")]
pub struct ReplayArgs {
    /// A recording: a pose message on each line (see `posed record`).
    #[arg(required_unless_present = "clip")]
    pub(super) file: Option<PathBuf>,
    /// Print the recorded messages unchanged instead of tracking the people again.
    #[arg(long, conflicts_with = "clip")]
    pub(super) as_recorded: bool,
    /// Find and track the people in every frame of this clip (see `posed record --clip`) instead of
    /// those in a recording.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub(super) clip: Option<PathBuf>,
    /// Print events too, each after the pose message of its frame.
    #[arg(long, requires = "clip")]
    pub(super) events: bool,
    /// Treat the clip as one of this camera of the configuration: its rotation, region, finder,
    /// zones, lines and events.
    #[arg(long, value_name = "NAME", requires = "clip")]
    pub(super) camera: Option<String>,
    /// Configuration file that --camera reads.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT, requires = "camera")]
    pub(super) config: PathBuf,
    /// Use at most this many frames a second of the clip.
    #[arg(long, value_name = "FPS", requires = "clip")]
    pub(super) max_fps: Option<f64>,
    /// Folder of the pose model [default: lpn50-256x192 in $POSED_MODELS, ./models or
    /// /usr/share/posed/models].
    #[arg(long, value_name = "DIR", requires = "clip")]
    pub(super) model: Option<PathBuf>,
    /// Folder of the person finder [default: person-320x192 in the same places].
    #[arg(long, value_name = "DIR", requires = "clip")]
    pub(super) person_model: Option<PathBuf>,
    /// Play at the recorded speed instead of as fast as possible.
    #[arg(long, conflicts_with = "clip")]
    pub(super) paced: bool,
    /// Print keypoints as estimated instead of smoothed.
    #[arg(long)]
    pub(super) raw: bool,
    /// Frames in which a new person must be seen before being published.
    #[arg(long, value_name = "N", default_value_t = Options::default().birth_hits)]
    birth_hits: u32,
    /// How long a person is published after last being seen.
    #[arg(long, value_name = "MS", default_value_t = Options::default().hold.as_millis() as u64)]
    hold_ms: u64,
    /// How long a person may be out of sight and keep the id.
    #[arg(long, value_name = "MS", default_value_t = Options::default().keep_lost.as_millis() as u64)]
    keep_lost_ms: u64,
}

impl ReplayArgs {
    /// Options of the tracker.
    pub(super) fn tracking(&self) -> Options {
        self.tracking_from(Options::default())
    }

    /// `base` with the options given here.
    pub(super) fn tracking_from(&self, base: Options) -> Options {
        Options {
            birth_hits: self.birth_hits,
            hold: Duration::from_millis(self.hold_ms),
            keep_lost: Duration::from_millis(self.keep_lost_ms),
            ..base
        }
    }
}
