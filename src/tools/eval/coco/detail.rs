//! What lies behind COCO's ten numbers, for a picture of them.

use super::precision::precision_curve;
use super::{AREAS, RECALLS, ignored, oks, pictures, threshold, verdicts, wanted};
use crate::keypoint::{KEYPOINTS, similarity};
use crate::tools::eval::{Annotation, Dataset, Estimate};

/// Thresholds whose curves are kept: OKS 0.5, 0.75 and 0.9.
const CURVES: [usize; 3] = [0, 5, 8];
/// A keypoint is right if its own similarity is at least this.
pub const RIGHT: f64 = 0.5;

/// What lies behind the ten numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    /// OKS thresholds, each with the best precision at recalls 0, 0.01 .. 1 or above.
    pub curves: Vec<(f64, Vec<f64>)>,
    /// Of each labelled person, the OKS of the estimate that fits them best; 0 without one.
    pub oks: Vec<f64>,
    /// Of each keypoint, how often it is labelled, and how often it is right in the estimate that
    /// fits the person best.
    pub keypoints: [(usize, usize); KEYPOINTS],
}

/// Looks behind [`super::evaluate`].
pub fn detail(data: &Dataset, estimates: &[Estimate]) -> Detail {
    let pictures = pictures(data, estimates);
    let area = AREAS[0];
    let mut detail = Detail::default();
    let wanted = wanted(&pictures, area) as f64;
    for index in CURVES.into_iter().filter(|_| wanted > 0.0) {
        let (precision, _): ([f64; RECALLS], f64) =
            precision_curve(&verdicts(&pictures, area, threshold(index)), wanted);
        detail.curves.push((threshold(index), precision.to_vec()));
    }
    for picture in &pictures {
        for person in picture.people.iter().filter(|person| !ignored(person, area)) {
            let fits = picture.estimates.iter().map(|estimate| (oks(person, estimate), *estimate));
            let best = fits.max_by(|a, b| a.0.total_cmp(&b.0));
            detail.oks.push(best.map_or(0.0, |(oks, _)| oks));
            detail.count(person, best.map(|(_, estimate)| estimate));
        }
    }
    detail
}

impl Detail {
    fn count(&mut self, person: &Annotation, estimate: Option<&Estimate>) {
        for (index, counts) in self.keypoints.iter_mut().enumerate() {
            let Some(&[x, y, v]) = person.keypoints.get(3 * index..3 * index + 3) else { continue };
            if v <= 0.0 {
                continue;
            }
            let is_right = |estimate: &Estimate| {
                let [px, py] = estimate.points[index];
                similarity(index, (px - x).powi(2) + (py - y).powi(2), person.area) >= RIGHT
            };
            counts.0 += 1;
            counts.1 += usize::from(estimate.is_some_and(is_right));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::eval::{Image, evaluate};

    /// Two people of 100 by 100 px, the second without an estimate; the first's nose is far off.
    fn scene() -> (Dataset, Vec<Estimate>) {
        let person = |id: u64| Annotation {
            id,
            image_id: id,
            category_id: 1,
            bbox: [0.0, 0.0, 100.0, 100.0],
            area: 10_000.0,
            iscrowd: 0,
            keypoints: (0..KEYPOINTS).flat_map(|i| [5.0 * i as f64, 50.0, 2.0]).collect(),
            num_keypoints: None,
        };
        let image = |id: u64| Image { id, file_name: format!("{id}.png") };
        let mut points: [[f64; 2]; KEYPOINTS] = std::array::from_fn(|i| [5.0 * i as f64, 50.0]);
        points[0] = [90.0, 90.0];
        let estimates = vec![Estimate { image_id: 1, score: 0.9, points }];
        let images = vec![image(1), image(2)];
        (Dataset { images, annotations: vec![person(1), person(2)] }, estimates)
    }

    #[test]
    fn people_and_keypoints_are_counted() {
        let (data, estimates) = scene();
        let detail = detail(&data, &estimates);
        assert_eq!(detail.oks.len(), 2);
        assert!((detail.oks[0] - 16.0 / 17.0).abs() < 1e-3 && detail.oks[1] == 0.0, "{:?}", detail.oks);
        assert_eq!(detail.keypoints[0], (2, 0), "the nose is far off, and once missing");
        assert_eq!(detail.keypoints[16], (2, 1));
    }

    #[test]
    fn the_curves_are_those_of_the_summary() {
        let (data, estimates) = scene();
        let (detail, summary) = (detail(&data, &estimates), evaluate(&data, &estimates));
        let mean = |index: usize| detail.curves[index].1.iter().sum::<f64>() / RECALLS as f64;
        assert_eq!(
            detail.curves.iter().map(|(t, _)| (t * 100.0).round()).collect::<Vec<_>>(),
            [50.0, 75.0, 90.0]
        );
        assert_eq!((Some(mean(0)), Some(mean(1))), (summary.ap50, summary.ap75));
        assert_eq!(super::detail(&Dataset::default(), &[]), Detail::default());
    }
}
