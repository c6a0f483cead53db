//! `posed image`: the poses in pictures.

use super::output::{self, Stdout};
use super::{config_file, models, still};
use crate::config::{CameraConfig, Config};
use crate::events::Posture;
use crate::events::posture::of_still;
use crate::geometry::BBox;
use crate::keypoint::{Keypoints, NAMES, Pose};
use crate::tools::{overlay, zones};
use ::image::RgbImage;
use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Estimates the poses in pictures.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  posed image --json --overlay /tmp/poses.png street.jpg
  posed image --zones hall --overlay /tmp/zones.png hall.jpg")]
pub struct ImageArgs {
    /// PNG, JPEG or WebP pictures.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Print a line of JSON for each picture instead of text.
    #[arg(long)]
    json: bool,
    /// Write the picture with the skeletons drawn on it to this PNG file (one picture only).
    #[arg(long, value_name = "OUT.png")]
    overlay: Option<PathBuf>,
    /// Draw the zones and lines of this camera of the configuration too.
    #[arg(long, value_name = "CAMERA", requires = "overlay")]
    zones: Option<String>,
    /// Configuration file that --zones reads.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT)]
    config: PathBuf,
    /// Folder of the pose model [default: lpn50-256x192 in $POSED_MODELS, ./models or
    /// /usr/share/posed/models].
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Folder of the person finder [default: person-320x192 in the same places].
    #[arg(long, value_name = "DIR", conflicts_with = "whole")]
    person_model: Option<PathBuf>,
    /// Use the whole picture as the box of one person, without the person finder.
    #[arg(long)]
    whole: bool,
}

/// The JSON of a picture.
#[derive(Serialize)]
struct Report<'a> {
    image: &'a Path,
    width: u32,
    height: u32,
    people: Vec<Person<'a>>,
}

#[derive(Serialize)]
struct Person<'a> {
    #[serde(rename = "box")]
    bbox: [f32; 4],
    score: f32,
    posture: Posture,
    posture_certainty: f32,
    #[serde(serialize_with = "by_name")]
    keypoints: &'a Keypoints,
}

impl Person<'_> {
    fn new(pose: &Pose, picture: (u32, u32)) -> Person<'_> {
        let BBox { x, y, w, h } = pose.bbox;
        let (posture, posture_certainty) = of_still(&pose.keypoints, &pose.bbox, Some(picture));
        let (score, keypoints) = (pose.score, &pose.keypoints);
        Person { bbox: [x, y, w, h], score, posture, posture_certainty, keypoints }
    }
}

/// Writes `{name: [x, y, score]}` in COCO's order.
fn by_name<S: Serializer>(keypoints: &Keypoints, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(NAMES.len()))?;
    for (name, k) in NAMES.iter().zip(keypoints) {
        map.serialize_entry(name, &[k.x_px, k.y_px, k.score])?;
    }
    map.end()
}

/// Prints the poses in each picture. Stops at the first picture that cannot be read.
pub fn run(args: &ImageArgs) -> anyhow::Result<ExitCode> {
    let one = args.overlay.is_none() || args.images.len() == 1;
    ensure!(one, "--overlay takes one picture, not {}", args.images.len());
    let camera = match &args.zones {
        None => None,
        Some(name) => match config_file::load(&args.config) {
            Ok(loaded) => Some(camera(loaded.config, name)?),
            Err(code) => return Ok(code),
        },
    };
    // A missing picture is named before a missing model.
    for path in &args.images {
        std::fs::metadata(path).with_context(|| format!("picture {}", path.display()))?;
    }
    let mut estimator = models::estimator(args.model.as_ref(), false)?;
    let mut finder = match args.whole {
        true => None,
        false => Some(
            models::finder(args.person_model.as_ref())
                .context("cannot load the person finder; --whole works without it")?,
        ),
    };
    let mut stdout = output::stdout();
    for path in &args.images {
        let mut image = still::read(path)?;
        let poses = still::poses(&image, &mut estimator, finder.as_mut())?;
        print(&mut stdout, args.json, path, &image, &poses)?;
        if let Some(out) = &args.overlay {
            let events = camera.as_ref().map(|camera| &camera.events);
            let legend = events.map_or(Vec::new(), |e| zones::draw(&mut image, &e.zones, &e.lines));
            legend.iter().for_each(output::note);
            poses.iter().for_each(|pose| overlay::skeleton(&mut image, pose));
            image.save(out).with_context(|| format!("cannot write {}", out.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The camera `name` of a configuration.
fn camera(config: Config, name: &str) -> anyhow::Result<CameraConfig> {
    let names: Vec<String> = config.cameras.iter().map(|camera| camera.name.clone()).collect();
    let camera = config.cameras.into_iter().find(|camera| camera.name == name);
    camera.with_context(|| format!("no camera {name:?}; the configuration has {}", names.join(", ")))
}

fn print(out: &mut Stdout, json: bool, path: &Path, image: &RgbImage, poses: &[Pose]) -> anyhow::Result<()> {
    if json {
        let people = poses.iter().map(|pose| Person::new(pose, image.dimensions())).collect();
        let report = Report { image: path, width: image.width(), height: image.height(), people };
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
        return Ok(());
    }
    writeln!(out, "{}: {} people", path.display(), poses.len())?;
    for pose in poses {
        let BBox { x, y, w, h } = pose.bbox;
        let posture = of_still(&pose.keypoints, &pose.bbox, Some(image.dimensions())).0.name();
        writeln!(out, "  person {:.2} in {w:.0}x{h:.0} px at ({x:.0}, {y:.0}), {posture}", pose.score)?;
        for (name, k) in NAMES.iter().zip(&pose.keypoints) {
            writeln!(out, "    {name:<14} {:>7.1} {:>7.1}  {:.2}", k.x_px, k.y_px, k.score)?;
        }
    }
    Ok(())
}
