//! COCO's keypoint metric. The numbers equal those of pycocotools, with one difference: pycocotools
//! can never match an annotation with id 0.

mod detail;
mod precision;

pub use detail::{Detail, RIGHT, detail};

use precision::precision_recall;

use super::{Annotation, Dataset, Estimate};
use crate::keypoint::similarity;
use std::collections::{BTreeMap, BTreeSet};

/// Estimates that count for each picture.
const MAX_ESTIMATES: usize = 20;
/// OKS thresholds: 0.5, 0.55 .. 0.95.
const THRESHOLDS: usize = 10;
/// Recalls at which precision is sampled: 0, 0.01 .. 1.
const RECALLS: usize = 101;
/// Areas in square px: all, medium, large.
const AREAS: [[f64; 2]; 3] = [[0.0, 1e10], [1024.0, 9216.0], [9216.0, 1e10]];

/// COCO's ten numbers, 0..=1; `None` (-1 in pycocotools) without people to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Average precision over all OKS thresholds.
    #[serde(rename = "AP")]
    pub ap: Option<f64>,
    /// At OKS 0.5.
    #[serde(rename = "AP50")]
    pub ap50: Option<f64>,
    /// At OKS 0.75.
    #[serde(rename = "AP75")]
    pub ap75: Option<f64>,
    /// Of people of 32² to 96² square px.
    #[serde(rename = "AP_medium")]
    pub ap_medium: Option<f64>,
    /// Of larger people.
    #[serde(rename = "AP_large")]
    pub ap_large: Option<f64>,
    /// Average recall over all OKS thresholds.
    #[serde(rename = "AR")]
    pub ar: Option<f64>,
    /// At OKS 0.5.
    #[serde(rename = "AR50")]
    pub ar50: Option<f64>,
    /// At OKS 0.75.
    #[serde(rename = "AR75")]
    pub ar75: Option<f64>,
    /// Of people of 32² to 96² square px.
    #[serde(rename = "AR_medium")]
    pub ar_medium: Option<f64>,
    /// Of larger people.
    #[serde(rename = "AR_large")]
    pub ar_large: Option<f64>,
}

/// Evaluates `estimates` of the pictures of `data`. Estimates of other pictures are left out.
pub fn evaluate(data: &Dataset, estimates: &[Estimate]) -> Summary {
    let pictures = pictures(data, estimates);
    let [all, medium, large] = AREAS.map(|area| Curve::new(&pictures, area));
    let at = |values: [Option<f64>; THRESHOLDS], index: usize| values[index];
    Summary {
        ap: mean(&all.precision),
        ap50: at(all.precision, 0),
        ap75: at(all.precision, 5),
        ap_medium: mean(&medium.precision),
        ap_large: mean(&large.precision),
        ar: mean(&all.recall),
        ar50: at(all.recall, 0),
        ar75: at(all.recall, 5),
        ar_medium: mean(&medium.recall),
        ar_large: mean(&large.recall),
    }
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

fn threshold(index: usize) -> f64 {
    if index + 1 == THRESHOLDS { 0.95 } else { 0.5 + index as f64 * ((0.95 - 0.5) / 9.0) }
}

/// One picture: its people, its estimates (best first), and the OKS of each pair.
struct Picture<'a> {
    people: Vec<&'a Annotation>,
    estimates: Vec<&'a Estimate>,
    /// `[estimate][person]`
    oks: Vec<Vec<f64>>,
}

fn pictures<'a>(data: &'a Dataset, estimates: &'a [Estimate]) -> Vec<Picture<'a>> {
    let ids: BTreeSet<u64> = data.images.iter().map(|image| image.id).collect();
    let mut people: BTreeMap<u64, Vec<&Annotation>> = BTreeMap::new();
    for person in &data.annotations {
        people.entry(person.image_id).or_default().push(person);
    }
    let mut found: BTreeMap<u64, Vec<&Estimate>> = BTreeMap::new();
    for estimate in estimates {
        found.entry(estimate.image_id).or_default().push(estimate);
    }
    let picture = |id| {
        let people = people.remove(&id).unwrap_or_default();
        let mut estimates = found.remove(&id).unwrap_or_default();
        estimates.sort_by(|a, b| b.score.total_cmp(&a.score));
        estimates.truncate(MAX_ESTIMATES);
        let oks = estimates.iter().map(|e| people.iter().map(|p| oks(p, e)).collect()).collect();
        Picture { people, estimates, oks }
    };
    ids.into_iter().map(picture).collect()
}

/// OKS of an estimate and a person. Without labelled keypoints (crowds), the distance is how far
/// the estimate's keypoints lie outside the person's box, doubled in size.
fn oks(person: &Annotation, estimate: &Estimate) -> f64 {
    let [x, y, w, h] = person.bbox;
    let outside = |v: f64, low: f64, side: f64| (low - side - v).max(0.0) + (v - (low + 2.0 * side)).max(0.0);
    let unlabelled = person.visible() == 0;
    let (mut sum, mut count) = (0.0, 0);
    for (index, &[px, py]) in estimate.points.iter().enumerate() {
        let (dx, dy) = match person.keypoints.get(3 * index..3 * index + 3) {
            _ if unlabelled => (outside(px, x, w), outside(py, y, h)),
            Some(&[kx, ky, v]) if v > 0.0 => (px - kx, py - ky),
            _ => continue,
        };
        sum += similarity(index, dx * dx + dy * dy, person.area);
        count += 1;
    }
    sum / f64::from(count.max(1))
}

/// How an estimate counts at one threshold.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Hit,
    Miss,
    /// It matches a person who does not count.
    Ignored,
}

/// Precision and recall for one range of areas, by threshold.
struct Curve {
    precision: [Option<f64>; THRESHOLDS],
    recall: [Option<f64>; THRESHOLDS],
}

impl Curve {
    fn new(pictures: &[Picture<'_>], area: [f64; 2]) -> Curve {
        let mut curve = Curve { precision: [None; THRESHOLDS], recall: [None; THRESHOLDS] };
        let wanted = wanted(pictures, area);
        if wanted == 0 {
            return curve;
        }
        for index in 0..THRESHOLDS {
            let verdicts = verdicts(pictures, area, threshold(index));
            let (precision, recall) = precision_recall(&verdicts, wanted as f64);
            curve.precision[index] = Some(precision);
            curve.recall[index] = Some(recall);
        }
        curve
    }
}

/// Number of people who count.
fn wanted(pictures: &[Picture<'_>], area: [f64; 2]) -> usize {
    let counts = |p: &&&Annotation| !ignored(p, area);
    pictures.iter().map(|p| p.people.iter().filter(counts).count()).sum()
}

/// How each estimate counts, the best first.
fn verdicts(pictures: &[Picture<'_>], area: [f64; 2], threshold: f64) -> Vec<(f64, Verdict)> {
    let judged = |p| judge(p, area, threshold);
    let mut verdicts: Vec<(f64, Verdict)> = pictures.iter().flat_map(judged).collect();
    // A stable sort: at equal scores, earlier pictures come first.
    verdicts.sort_by(|a, b| b.0.total_cmp(&a.0));
    verdicts
}

fn ignored(person: &Annotation, [low, high]: [f64; 2]) -> bool {
    person.iscrowd != 0 || person.labelled() == 0 || person.area < low || person.area > high
}

/// Matches each estimate, best first, with the free person of the highest OKS. People who count go
/// before ignored ones.
fn judge(picture: &Picture<'_>, area: [f64; 2], threshold: f64) -> Vec<(f64, Verdict)> {
    let mut order: Vec<(usize, bool)> =
        picture.people.iter().enumerate().map(|(index, person)| (index, ignored(person, area))).collect();
    order.sort_by_key(|&(_, ignored)| ignored);
    let mut taken = vec![false; order.len()];
    let mut verdicts = Vec::with_capacity(picture.estimates.len());
    for (estimate, oks) in picture.estimates.iter().zip(&picture.oks) {
        let mut best = threshold.min(1.0 - 1e-10);
        let mut chosen: Option<(usize, bool)> = None;
        for &(index, ignored) in &order {
            if taken[index] && picture.people[index].iscrowd == 0 {
                continue;
            }
            if ignored && matches!(chosen, Some((_, false))) {
                break;
            }
            if oks[index] >= best {
                best = oks[index];
                chosen = Some((index, ignored));
            }
        }
        let verdict = match chosen {
            Some((_, true)) => Verdict::Ignored,
            Some((_, false)) => Verdict::Hit,
            None if !(area[0]..=area[1]).contains(&extent(estimate)) => Verdict::Ignored,
            None => Verdict::Miss,
        };
        if let Some((index, _)) = chosen {
            taken[index] = true;
        }
        verdicts.push((estimate.score, verdict));
    }
    verdicts
}

/// Area of the box around an estimate's keypoints.
fn extent(estimate: &Estimate) -> f64 {
    let side = |axis: usize| {
        let values = estimate.points.iter().map(|p| p[axis]);
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        high - low
    };
    side(0) * side(1)
}
