//! How often the posture of a labelled person is told right.

use super::{Annotation, Dataset};
use crate::events::Posture;
use crate::events::posture::of_still;
use crate::geometry::BBox;
use crate::keypoint::{KEYPOINTS, Keypoint, Keypoints, Pose, bounding_box, oks};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Score of an annotated keypoint: a person has seen it.
const ANNOTATED: f32 = 1.0;
/// A pose with less overlap than this with an annotated box shows somebody else.
const SAME_PERSON_IOU: f32 = 0.3;

/// Why posture labels cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The file cannot be read.
    #[error("posture labels {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file does not map annotation ids to postures.
    #[error(
        "posture labels {path}: {source}; expected {{\"<annotation id>\": \"standing\", ...}} with \
         standing, sitting, lying, crouching or unknown"
    )]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        source: serde_json::Error,
    },
    /// The annotations have none of these people, such as this one.
    #[error(
        "posture labels {path}: annotation {id} is not in the annotations, nor is any other; name the \
         annotations that were labelled"
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The annotation.
        id: u64,
    },
}

/// Postures by annotation id.
pub type Labels = BTreeMap<u64, Posture>;

/// Reads the postures of people of `data`. Labels of people who are not in `data` are left out: a
/// file of labels may serve several files of annotations.
///
/// # Errors
/// If the file cannot be read, is not such a file, or names no person of `data`.
pub fn load_labels(path: &Path, data: &Dataset) -> Result<Labels, LabelError> {
    let text = std::fs::read(path).map_err(|source| LabelError::Read { path: path.into(), source })?;
    let mut labels: Labels =
        serde_json::from_slice(&text).map_err(|source| LabelError::Syntax { path: path.into(), source })?;
    let first = labels.keys().next().copied();
    let known: BTreeSet<u64> = data.annotations.iter().map(|a| a.id).collect();
    labels.retain(|id, _| known.contains(id));
    match first {
        Some(id) if labels.is_empty() => Err(LabelError::Unknown { path: path.into(), id }),
        _ => Ok(labels),
    }
}

/// How many labelled people were judged how.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Judged {
    /// People with a label.
    pub people: usize,
    /// Share that was told right; null without people.
    pub accuracy: Option<f64>,
    /// Mean of the shares told right of each labelled posture.
    pub macro_accuracy: Option<f64>,
    /// People by label, then by answer.
    pub confusion: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
}

/// Compares pairs of label and answer.
pub fn judge(pairs: impl IntoIterator<Item = (Posture, Posture)>) -> Judged {
    let mut judged = Judged::default();
    let mut right: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (label, answer) in pairs {
        *judged.confusion.entry(label.name()).or_default().entry(answer.name()).or_default() += 1;
        let (hits, all) = right.entry(label.name()).or_default();
        (*hits, *all) = (*hits + usize::from(label == answer), *all + 1);
        judged.people += 1;
    }
    if judged.people > 0 {
        let hits: usize = right.values().map(|(hits, _)| hits).sum();
        let shares = right.values().map(|&(hits, all)| hits as f64 / all as f64);
        judged.accuracy = Some(hits as f64 / judged.people as f64);
        judged.macro_accuracy = Some(shares.sum::<f64>() / right.len() as f64);
    }
    judged
}

/// The posture that the annotated keypoints show.
pub fn of_annotation(person: &Annotation) -> Posture {
    let keypoints = keypoints(person);
    // A labelled keypoint counts, also outside the box.
    let whole = bounding_box(&keypoints, ANNOTATED).map_or(bbox(person), |b| b.hull(&bbox(person)));
    of_still(&keypoints, &whole, None).0
}

/// The posture of the pose that shows `person`, in a picture of `size` px; unknown if none does.
pub fn of_poses(person: &Annotation, poses: &[Pose], size: (u32, u32)) -> Posture {
    let (bbox, keypoints) = (bbox(person), keypoints(person));
    let same = poses.iter().filter(|pose| pose.bbox.iou(&bbox) >= SAME_PERSON_IOU);
    let fit = |pose: &Pose| {
        oks(&pose.keypoints, &keypoints, person.area as f32, 0.01).unwrap_or(0.0) + pose.bbox.iou(&bbox)
    };
    let best = same.max_by(|a, b| fit(a).total_cmp(&fit(b)));
    best.map_or(Posture::Unknown, |pose| of_still(&pose.keypoints, &pose.bbox, Some(size)).0)
}

fn bbox(person: &Annotation) -> BBox {
    let [x, y, w, h] = person.bbox.map(|v| v as f32);
    BBox { x, y, w, h }
}

/// The annotated keypoints; those without a label have score 0.
fn keypoints(person: &Annotation) -> Keypoints {
    let mut keypoints = [Keypoint::default(); KEYPOINTS];
    for (to, k) in keypoints.iter_mut().zip(person.keypoints.chunks_exact(3)) {
        let score = if k[2] > 0.0 { ANNOTATED } else { 0.0 };
        *to = Keypoint { x_px: k[0] as f32, y_px: k[1] as f32, score };
    }
    keypoints
}
