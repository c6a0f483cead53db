//! `posed eval`: the accuracy of a model on COCO keypoint data.

use super::{models, output, still};
use crate::geometry::{BBox, Rotate};
use crate::pose::Estimator;
use crate::tools::eval::{Annotation, Dataset, Estimate, Summary, evaluate};
use ::image::RgbImage;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures OKS average precision and recall as pycocotools does.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  posed eval --annotations person_keypoints_val2017.json --images val2017 --gt-boxes"
)]
pub struct Args {
    /// COCO keypoint annotations.
    #[arg(long, value_name = "COCO.json")]
    annotations: PathBuf,
    /// Folder with the pictures that the annotations name.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Use the annotated boxes instead of the person finder's.
    #[arg(long)]
    gt_boxes: bool,
    /// Average each pose with the pose of the mirrored crop.
    #[arg(long)]
    flip: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Folder of the pose model [default: lpn50-256x192 in $POSED_MODELS, ./models or
    /// /usr/share/posed/models].
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Folder of the person finder [default: person-320x192 in the same places].
    #[arg(long, value_name = "DIR", conflicts_with = "gt_boxes")]
    person_model: Option<PathBuf>,
    /// Lowest score of a box of the finder. Keep it low: average precision counts weak boxes too.
    #[arg(long, value_name = "SCORE", default_value_t = 0.02, conflicts_with = "gt_boxes")]
    min_box_score: f32,
}

/// The printed result.
#[derive(serde::Serialize)]
struct Report<'a> {
    model: &'a str,
    version: &'a str,
    images: usize,
    poses: usize,
    flip: bool,
    gt_boxes: bool,
    #[serde(flatten)]
    summary: Summary,
}

/// Estimates the poses in every picture and prints the measures. An unreadable picture is an error,
/// as leaving it out would change the result.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let data = Dataset::load(&args.annotations)?;
    let mut estimator = models::estimator(args.model.as_ref(), args.flip)?;
    let mut finder = if args.gt_boxes { None } else { Some(models::finder(args.person_model.as_ref())?) };
    if let Some(finder) = &mut finder {
        finder.set_score_threshold(args.min_box_score);
    }
    let mut people: BTreeMap<u64, Vec<&Annotation>> = BTreeMap::new();
    for person in data.annotations.iter().filter(|a| a.iscrowd == 0 && a.labelled() > 0) {
        people.entry(person.image_id).or_default().push(person);
    }
    let mut estimates = Vec::new();
    for image in &data.images {
        let known = people.get(&image.id).map_or(&[][..], Vec::as_slice);
        if args.gt_boxes && known.is_empty() {
            continue;
        }
        let picture = still::read(&args.images.join(&image.file_name))?;
        let poses = match &mut finder {
            Some(finder) => still::poses(&picture, &mut estimator, Some(finder))?,
            None => in_boxes(&picture, known, &mut estimator)?,
        };
        let estimate =
            |pose: &crate::keypoint::Pose| Estimate::new(image.id, pose.score.into(), &pose.keypoints);
        estimates.extend(poses.iter().map(estimate));
    }
    let manifest = estimator.manifest();
    let report = Report {
        model: &manifest.name,
        version: &manifest.version,
        images: data.images.len(),
        poses: estimates.len(),
        flip: args.flip,
        gt_boxes: args.gt_boxes,
        summary: evaluate(&data, &estimates),
    };
    let text = if args.json { serde_json::to_string(&report)? + "\n" } else { table(&report) };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn in_boxes(
    picture: &RgbImage,
    people: &[&Annotation],
    estimator: &mut Estimator,
) -> anyhow::Result<Vec<crate::keypoint::Pose>> {
    let frame = still::frame(picture)?;
    let bbox = |a: &&Annotation| {
        let [x, y, w, h] = a.bbox.map(|v| v as f32);
        BBox { x, y, w, h }
    };
    let boxes: Vec<BBox> = people.iter().map(bbox).collect();
    let mut poses = Vec::new();
    estimator.estimate(&frame, &frame.view(Rotate::None), &boxes, &mut poses)?;
    Ok(poses)
}

fn table(report: &Report<'_>) -> String {
    let Report { model, version, poses, images, summary: s, .. } = report;
    let mut text = format!("{model} {version}: {poses} poses in {images} pictures\n");
    for (name, value) in [
        ("AP", s.ap),
        ("AP50", s.ap50),
        ("AP75", s.ap75),
        ("AP medium", s.ap_medium),
        ("AP large", s.ap_large),
        ("AR", s.ar),
        ("AR50", s.ar50),
        ("AR75", s.ar75),
        ("AR medium", s.ar_medium),
        ("AR large", s.ar_large),
    ] {
        text += &match value {
            Some(value) => format!("  {name:<10} {value:.3}\n"),
            None => format!("  {name:<10} no person to find\n"),
        };
    }
    text
}
