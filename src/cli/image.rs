//! `posed image`: the poses of still pictures.

use super::picture;
use crate::detect::Finder;
use crate::geometry::{BBox, Rotate};
use crate::keypoint::{Keypoints, NAMES, Pose, bounding_box};
use crate::overlay;
use crate::pose::nms::oks_nms;
use crate::pose::{Estimator, KEYPOINT_SCORE};
use ::image::RgbImage;
use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Poses more alike than this (OKS) are one person's.
const SAME_PERSON: f32 = 0.9;

/// Power of the box's score that a pose's is multiplied by. Whether somebody is there says less than
/// the keypoints do of how well they are seen: on 300 pictures of the training set, average precision
/// is 7 % higher than with the score itself (with 0.5 or 0.1, 5 %).
const BOX_WEIGHT: f32 = 0.3;

/// Poses of still pictures.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: posed image --json --overlay /tmp/poses.png street.jpg")]
pub struct Args {
    /// Pictures: PNG, JPEG or WebP.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// One line of JSON a picture instead of text.
    #[arg(long)]
    json: bool,
    /// Write the picture with its skeletons to this PNG file (one picture only).
    #[arg(long, value_name = "OUT.png")]
    overlay: Option<PathBuf>,
    /// Folder of the pose model [default: lpn50-256x192 of $POSED_MODELS, ./models or /usr/share/posed/models]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Folder of the person finder [default: person-320x192, found likewise]
    #[arg(long, value_name = "DIR", conflicts_with = "whole")]
    person_model: Option<PathBuf>,
    /// Take the whole picture for one person's box instead of looking for people.
    #[arg(long)]
    whole: bool,
}

/// What is printed of a picture.
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

/// `{name: [x, y, score]}`, in COCO's order.
fn by_name<S: Serializer>(keypoints: &Keypoints, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(NAMES.len()))?;
    for (name, k) in NAMES.iter().zip(keypoints) {
        map.serialize_entry(name, &[k.x_px, k.y_px, k.score])?;
    }
    map.end()
}

/// Prints the poses of every picture; the first that cannot be read ends it.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let one = args.overlay.is_none() || args.images.len() == 1;
    ensure!(one, "--overlay is for one picture, {} were given", args.images.len());
    let mut estimator = picture::estimator(args.model.as_ref(), false)?;
    let mut finder = match args.whole {
        true => None,
        false => Some(picture::finder(args.person_model.as_ref()).context("--whole needs no person finder")?),
    };
    for path in &args.images {
        let mut image = picture::read(path)?;
        let poses = poses(&image, &mut estimator, finder.as_mut())?;
        print(args.json, path, &image, &poses)?;
        if let Some(out) = &args.overlay {
            poses.iter().for_each(|pose| overlay::skeleton(&mut image, pose));
            image.save(out).with_context(|| format!("cannot write {}", out.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Poses of everybody in `image`, best first; without a finder, of one person who fills it.
///
/// Each person whom the finder sees is cropped twice: by its box, and by that box grown about the
/// pose seen in it, as a followed person's crop is by the pose of the frame before. A box that cut off
/// an arm or the feet is so put right.
pub(super) fn poses(
    image: &RgbImage,
    estimator: &mut Estimator,
    finder: Option<&mut Finder>,
) -> anyhow::Result<Vec<Pose>> {
    let frame = picture::frame(image)?;
    let view = frame.view(Rotate::None);
    let mut poses = Vec::new();
    let Some(finder) = finder else {
        let whole = BBox { x: 0.0, y: 0.0, w: view.width as f32, h: view.height as f32 };
        estimator.estimate(&frame, &view, &[whole], &mut poses)?;
        return Ok(poses);
    };
    let mut found = Vec::new();
    finder.find(&frame, &view, &mut found)?;
    let mut boxes: Vec<BBox> = found.iter().map(|detection| detection.bbox).collect();
    estimator.estimate(&frame, &view, &boxes, &mut poses)?;
    for (bbox, pose) in boxes.iter_mut().zip(&poses) {
        *bbox = bounding_box(&pose.keypoints, KEYPOINT_SCORE).map_or(*bbox, |body| bbox.hull(&body));
    }
    estimator.estimate(&frame, &view, &boxes, &mut poses)?;
    for (pose, detection) in poses.iter_mut().zip(&found) {
        pose.score *= detection.score.max(0.0).powf(BOX_WEIGHT);
    }
    oks_nms(&mut poses, SAME_PERSON);
    Ok(poses)
}

fn print(json: bool, path: &Path, image: &RgbImage, poses: &[Pose]) -> anyhow::Result<()> {
    if json {
        let person = |pose: &'_ Pose| -> [f32; 4] { [pose.bbox.x, pose.bbox.y, pose.bbox.w, pose.bbox.h] };
        let people = poses
            .iter()
            .map(|pose| Person { bbox: person(pose), score: pose.score, keypoints: &pose.keypoints })
            .collect();
        let report = Report { image: path, width: image.width(), height: image.height(), people };
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    println!("{}: {} people", path.display(), poses.len());
    for pose in poses {
        let BBox { x, y, w, h } = pose.bbox;
        println!("  person {:.2} in {w:.0}x{h:.0} px at ({x:.0}, {y:.0})", pose.score);
        for (name, k) in NAMES.iter().zip(&pose.keypoints) {
            println!("    {name:<14} {:>7.1} {:>7.1}  {:.2}", k.x_px, k.y_px, k.score);
        }
    }
    Ok(())
}
