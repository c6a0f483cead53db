//! `posed image`: the poses in pictures.

use super::output::{self, Stdout};
use super::{models, still};
use crate::geometry::BBox;
use crate::keypoint::{Keypoints, NAMES, Pose};
use crate::tools::overlay;
use ::image::RgbImage;
use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Estimates the poses in pictures.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed image --json --overlay /tmp/poses.png street.jpg")]
pub struct Args {
    /// PNG, JPEG or WebP pictures.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Print a line of JSON for each picture instead of text.
    #[arg(long)]
    json: bool,
    /// Write the picture with the skeletons drawn on it to this PNG file (one picture only).
    #[arg(long, value_name = "OUT.png")]
    overlay: Option<PathBuf>,
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
    #[serde(serialize_with = "by_name")]
    keypoints: &'a Keypoints,
}

/// Writes `{name: [x, y, score]}` in COCO's order.
fn by_name<S: Serializer>(keypoints: &Keypoints, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(NAMES.len()))?;
    for (name, k) in NAMES.iter().zip(keypoints) {
        map.serialize_entry(name, &[k.x_px, k.y_px, k.score])?;
    }
    map.end()
}

/// Prints the poses in each picture, and stops at the first that cannot be read.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let one = args.overlay.is_none() || args.images.len() == 1;
    ensure!(one, "--overlay takes one picture, not {}", args.images.len());
    let mut estimator = models::estimator(args.model.as_ref(), false)?;
    let mut finder = match args.whole {
        true => None,
        false => Some(
            models::finder(args.person_model.as_ref())
                .context("cannot load the person finder (--whole works without it)")?,
        ),
    };
    let mut out = output::stdout();
    for path in &args.images {
        let mut image = still::read(path)?;
        let poses = still::poses(&image, &mut estimator, finder.as_mut())?;
        print(&mut out, args.json, path, &image, &poses)?;
        if let Some(out) = &args.overlay {
            poses.iter().for_each(|pose| overlay::skeleton(&mut image, pose));
            image.save(out).with_context(|| format!("cannot write {}", out.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(out: &mut Stdout, json: bool, path: &Path, image: &RgbImage, poses: &[Pose]) -> anyhow::Result<()> {
    if json {
        let person = |pose: &'_ Pose| -> [f32; 4] { [pose.bbox.x, pose.bbox.y, pose.bbox.w, pose.bbox.h] };
        let people = poses
            .iter()
            .map(|pose| Person { bbox: person(pose), score: pose.score, keypoints: &pose.keypoints })
            .collect();
        let report = Report { image: path, width: image.width(), height: image.height(), people };
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
        return Ok(());
    }
    writeln!(out, "{}: {} people", path.display(), poses.len())?;
    for pose in poses {
        let BBox { x, y, w, h } = pose.bbox;
        writeln!(out, "  person {:.2} in {w:.0}x{h:.0} px at ({x:.0}, {y:.0})", pose.score)?;
        for (name, k) in NAMES.iter().zip(&pose.keypoints) {
            writeln!(out, "    {name:<14} {:>7.1} {:>7.1}  {:.2}", k.x_px, k.y_px, k.score)?;
        }
    }
    Ok(())
}
