//! `posed eval`: the accuracy of a model on COCO keypoint data.

use super::{models, output, still};
use crate::events::Posture;
use crate::geometry::{BBox, Rotate};
use crate::keypoint::Pose;
use crate::pose::Estimator;
use crate::tools::eval::postures::{self, Judged, Labels};
use crate::tools::eval::{self, Annotation, Dataset, Estimate, Summary, evaluate};
use crate::tools::plot;
use ::image::RgbImage;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measures OKS average precision and recall as pycocotools does, and how often postures are told
/// right.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  posed eval --annotations person_keypoints_val2017.json --images val2017 --gt-boxes
  posed eval --annotations people.json --images people --plot eval.svg
  posed eval --annotations people.json --postures postures.json --json")]
pub struct EvalArgs {
    /// COCO keypoint annotations.
    #[arg(long, value_name = "COCO.json")]
    annotations: PathBuf,
    /// Folder with the pictures that the annotations name.
    #[arg(long, value_name = "DIR", required_unless_present = "postures")]
    images: Option<PathBuf>,
    /// Posture of each annotation id, {"17": "sitting", ...}. Without --images, the annotated
    /// keypoints are judged.
    #[arg(long, value_name = "LABELS.json")]
    postures: Option<PathBuf>,
    /// Use the annotated boxes instead of the person finder's.
    #[arg(long, requires = "images")]
    gt_boxes: bool,
    /// Average each pose with the pose of the mirrored crop.
    #[arg(long, requires = "images")]
    flip: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Also draw precision over recall, the OKS of people and the accuracy of each keypoint into this
    /// file (.svg, .png or .html).
    #[arg(long, value_name = "FILE", requires = "images")]
    plot: Option<PathBuf>,
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
struct Report {
    #[serde(flatten)]
    poses: Option<PoseReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postures: Option<Judged>,
}

/// How good the estimated poses are.
#[derive(serde::Serialize)]
struct PoseReport {
    model: String,
    version: String,
    images: usize,
    poses: usize,
    flip: bool,
    gt_boxes: bool,
    #[serde(flatten)]
    summary: Summary,
}

/// Estimates the poses in every picture and prints the measures.
pub fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    // A name that cannot be drawn is told before the work.
    args.plot.as_deref().map(plot::Format::of).transpose()?;
    let data = Dataset::load(&args.annotations)?;
    let labels = args.postures.as_ref().map(|path| postures::load_labels(path, &data)).transpose()?;
    let report = match &args.images {
        Some(images) => judge_pictures(args, images, &data, labels.as_ref())?,
        None => Report { poses: None, postures: labels.map(|labels| judge_annotations(&data, &labels)) },
    };
    let text = if args.json { serde_json::to_string(&report)? + "\n" } else { table(&report) };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn judge_annotations(data: &Dataset, labels: &Labels) -> Judged {
    let labelled = data.annotations.iter().filter_map(|a| Some((*labels.get(&a.id)?, a)));
    postures::judge(labelled.map(|(label, person)| (label, postures::of_annotation(person))))
}

/// Estimates the poses in the pictures. An unreadable picture is an error, as leaving it out would
/// change the result.
fn judge_pictures(
    args: &EvalArgs,
    images: &Path,
    data: &Dataset,
    labels: Option<&Labels>,
) -> anyhow::Result<Report> {
    let mut estimator = models::estimator(args.model.as_ref(), args.flip)?;
    let mut finder = if args.gt_boxes { None } else { Some(models::finder(args.person_model.as_ref())?) };
    if let Some(finder) = &mut finder {
        finder.set_score_threshold(args.min_box_score);
    }
    let mut people: BTreeMap<u64, Vec<&Annotation>> = BTreeMap::new();
    for person in data.annotations.iter().filter(|a| a.iscrowd == 0 && a.labelled() > 0) {
        people.entry(person.image_id).or_default().push(person);
    }
    let labelled = by_image(data, labels);
    let mut estimates = Vec::new();
    let mut answers = Vec::new();
    for image in &data.images {
        let known = people.get(&image.id).map_or(&[][..], Vec::as_slice);
        if args.gt_boxes && known.is_empty() && !labelled.contains_key(&image.id) {
            continue;
        }
        let picture = still::read(&images.join(&image.file_name))?;
        let poses = match &mut finder {
            Some(finder) => still::poses(&picture, &mut estimator, Some(finder))?,
            None => in_boxes(&picture, known, &mut estimator)?,
        };
        let estimate = |pose: &Pose| Estimate::new(image.id, pose.score.into(), &pose.keypoints);
        estimates.extend(poses.iter().map(estimate));
        let labelled = labelled.get(&image.id).map_or(&[][..], Vec::as_slice);
        let answer = |a: &Annotation| postures::of_poses(a, &poses, picture.dimensions());
        answers.extend(labelled.iter().map(|&(label, person)| (label, answer(person))));
    }
    let manifest = estimator.manifest();
    let poses = PoseReport {
        model: manifest.name.clone(),
        version: manifest.version.clone(),
        images: data.images.len(),
        poses: estimates.len(),
        flip: args.flip,
        gt_boxes: args.gt_boxes,
        summary: evaluate(data, &estimates),
    };
    if let Some(path) = &args.plot {
        draw(path, &poses, data, &estimates)?;
    }
    Ok(Report { poses: Some(poses), postures: labels.map(|_| postures::judge(answers)) })
}

/// Draws what lies behind the numbers.
fn draw(path: &Path, report: &PoseReport, data: &Dataset, estimates: &[Estimate]) -> anyhow::Result<()> {
    let PoseReport { model, version, images, summary, .. } = report;
    let ap = summary.ap.map_or("none".into(), |ap| format!("{ap:.3}"));
    let title = format!("{model} {version}: AP {ap} in {images} pictures");
    let detail = eval::detail(data, estimates);
    Ok(plot::save(path, &title, eval::PLOT_SIZE, |area| eval::plot(area, &title, &detail))?)
}

/// Labelled people by picture.
fn by_image<'a>(data: &'a Dataset, labels: Option<&Labels>) -> BTreeMap<u64, Vec<(Posture, &'a Annotation)>> {
    let mut people: BTreeMap<u64, Vec<(Posture, &Annotation)>> = BTreeMap::new();
    for person in &data.annotations {
        if let Some(&label) = labels.and_then(|labels| labels.get(&person.id)) {
            people.entry(person.image_id).or_default().push((label, person));
        }
    }
    people
}

fn in_boxes(
    picture: &RgbImage,
    people: &[&Annotation],
    estimator: &mut Estimator,
) -> anyhow::Result<Vec<Pose>> {
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

fn table(report: &Report) -> String {
    let poses = report.poses.as_ref().map_or(String::new(), pose_table);
    poses + &report.postures.as_ref().map_or(String::new(), posture_table)
}

fn pose_table(report: &PoseReport) -> String {
    let PoseReport { model, version, poses, images, summary: s, .. } = report;
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
            None => format!("  {name:<10} no such person\n"),
        };
    }
    text
}

fn posture_table(judged: &Judged) -> String {
    let percent = |share: Option<f64>| share.map_or("none".into(), |s| format!("{:.1} %", 100.0 * s));
    let mut text = format!("postures of {} people: {} right\n", judged.people, percent(judged.accuracy));
    for (label, answers) in &judged.confusion {
        let answers: Vec<String> = answers.iter().map(|(answer, n)| format!("{n} {answer}")).collect();
        text += &format!("  {label:<10} {}\n", answers.join(", "));
    }
    text
}
