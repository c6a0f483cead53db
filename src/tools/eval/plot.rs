//! A picture of an evaluation: precision over recall, OKS, and each keypoint.

use super::coco::{Detail, RIGHT};
use crate::keypoint::NAMES;
use crate::tools::charts::{self, Curve};
use crate::tools::plot::{Area, Error, bold};
use plotters::style::BLACK;

/// Size of the picture in px.
pub const SIZE: (u32, u32) = (1080, 760);
/// Width of a bar of the histogram.
const BIN: f64 = 0.05;
/// Height of the title.
const TITLE: u32 = 40;

/// Draws `detail` below `title`.
///
/// # Errors
/// If the drawing fails.
pub fn plot(area: &Area<'_>, title: &str, detail: &Detail) -> Result<(), Error> {
    let (head, body) = area.split_vertically(TITLE);
    head.draw_text(title, &bold(20, &BLACK), (16, 12))?;
    let (left, right) = body.split_horizontally(SIZE.0 / 2);
    let (above, below) = left.split_vertically((SIZE.1 - TITLE) / 2);
    let curve = |(threshold, precision): &(f64, Vec<f64>)| Curve {
        name: format!("OKS {threshold:.2}: AP {:.3}", mean(precision)),
        points: precision.iter().enumerate().map(|(i, p)| (i as f64 * 0.01, *p)).collect(),
    };
    let curves: Vec<Curve> = detail.curves.iter().map(curve).collect();
    charts::curves(&above, "Precision over recall", ("recall", "precision"), &curves)?;
    let people = format!("OKS of {} people", detail.oks.len());
    charts::histogram(&below, &people, ("OKS of the best estimate", "people"), &detail.oks, (0.0, 1.0, BIN))?;
    let rows: Vec<(String, f64, String)> =
        NAMES.iter().zip(detail.keypoints).map(|(name, counts)| row(name, counts)).collect();
    let title = format!("Keypoints with a similarity of {RIGHT} or more");
    charts::bars(&right, &title, &rows, 1.0)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The bar of a keypoint: how often it is labelled, and how often it is right.
fn row(name: &str, (labelled, right): (usize, usize)) -> (String, f64, String) {
    let name = name.replace('_', " ");
    if labelled == 0 {
        return (name, 0.0, "not labelled".into());
    }
    let share = right as f64 / labelled as f64;
    (name, share, format!("{:.0} % of {labelled}", 100.0 * share))
}
