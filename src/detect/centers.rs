//! Centre maps -> boxes.
//!
//! The maps are f32 `[5, h, w]`, with one cell for each `stride` px of the input. Map 0 is the
//! logit that a person's centre is in the cell; 1 and 2 are ln(box width / stride) and ln(box
//! height / stride); 3 and 4 are the centre's offset from the cell's centre, in cells.

use super::Detection;
use crate::geometry::BBox;
use crate::infer::manifest::{OutputSpec, PERSON_MAPS as MAPS, PersonSpec};

/// Upper limit of maps 1 and 2, so that no output gives an infinite box.
const MAX_LN: f32 = 8.0;
/// Cells this far from a peak vote on its box, if their box overlaps the peak's by more than
/// [`VOTE_IOU`]. Both were chosen on training scenes that were held back.
const VOTE_CELLS: usize = 2;
const VOTE_IOU: f32 = 0.4;
/// Bounds the work of suppression; more people than a frame holds.
const MAX_PEOPLE: usize = 256;

/// What counts as a person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Input px of one cell.
    pub stride: f32,
    /// Input px of cell 0's centre.
    pub offset_px: f32,
    /// Boxes that score less are dropped.
    pub score_threshold: f32,
    /// Of two boxes with a higher IoU, only the one with the better score is kept.
    pub nms_iou: f32,
}

impl Rules {
    /// From a manifest.
    pub fn new(person: &PersonSpec, output: &OutputSpec) -> Rules {
        Rules {
            stride: output.stride as f32,
            offset_px: output.offset_px,
            score_threshold: person.score_threshold,
            nms_iou: person.nms_iou,
        }
    }
}

/// Appends the people on `maps`, `width` cells a row, to `out`: best first, in input px.
pub fn decode(maps: &[f32], width: usize, rules: &Rules, out: &mut Vec<Detection>) {
    let size = maps.len() / MAPS;
    if size == 0 || width == 0 || !size.is_multiple_of(width) || maps.len() != MAPS * size {
        return;
    }
    let threshold = rules.score_threshold.clamp(1e-6, 1.0 - 1e-6);
    // Logits are compared, so that the sigmoid is computed only for cells that pass.
    let least = (threshold / (1.0 - threshold)).ln();
    let (logits, sides) = maps.split_at(size);
    let maps = Maps { logits, sides, width, height: size / width, rules };
    let begin = out.len();
    for (cell, &logit) in logits.iter().enumerate() {
        if logit >= least && maps.is_peak(cell) {
            out.extend(maps.voted(cell).filter(|found| found.score >= threshold));
        }
    }
    suppress(out, begin, rules.nms_iou);
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// A network's output.
struct Maps<'a> {
    logits: &'a [f32],
    /// The other maps, one after another.
    sides: &'a [f32],
    width: usize,
    height: usize,
    rules: &'a Rules,
}

impl Maps<'_> {
    /// Cells at most `reach` rows and columns from `cell`, itself included, in row order.
    fn around(&self, cell: usize, reach: usize) -> impl Iterator<Item = usize> + use<'_> {
        let (x, y) = (cell % self.width, cell / self.width);
        let columns = x.saturating_sub(reach)..=(x + reach).min(self.width - 1);
        let rows = y.saturating_sub(reach)..=(y + reach).min(self.height - 1);
        rows.flat_map(move |y| columns.clone().map(move |x| y * self.width + x))
    }

    /// Whether no neighbour is larger. Of equal ones, the first in row order is the peak.
    fn is_peak(&self, cell: usize) -> bool {
        let value = self.logits[cell];
        self.around(cell, 1).all(|other| {
            let logit = self.logits[other];
            !(logit > value || (logit == value && other < cell))
        })
    }

    /// The box that one cell predicts; `None` if it is not finite.
    fn bbox(&self, cell: usize) -> Option<BBox> {
        let at = |map: usize| self.sides.get(map * self.logits.len() + cell).copied().unwrap_or(0.0);
        let (ln_w, ln_h, dx, dy) = (at(0), at(1), at(2), at(3));
        if ![ln_w, ln_h, dx, dy].iter().all(|v| v.is_finite()) {
            return None;
        }
        let side = |ln: f32| ln.min(MAX_LN).exp() * self.rules.stride;
        let centre = |index: usize, d: f32| self.rules.stride * (index as f32 + d) + self.rules.offset_px;
        let (w, h) = (side(ln_w), side(ln_h));
        let (x, y) = (centre(cell % self.width, dx) - w / 2.0, centre(cell / self.width, dy) - h / 2.0);
        Some(BBox { x, y, w, h })
    }

    /// The detection at a peak, by the votes of the cells around it. One cell's box is noisy, so
    /// the box is the mean, weighted by score, of the cells' boxes for the same person. The score
    /// is the peak's times the mean IoU of all votes: where cells disagree, the box is likely
    /// wrong.
    fn voted(&self, peak: usize) -> Option<Detection> {
        let own = self.bbox(peak)?;
        let (mut sum, mut agreed, mut votes) = ([0.0; 5], 0.0, 0.0);
        for cell in self.around(peak, VOTE_CELLS) {
            let Some(b) = self.bbox(cell) else { continue };
            let (weight, iou) = (sigmoid(self.logits[cell]), b.iou(&own));
            (agreed, votes) = (agreed + weight * iou, votes + weight);
            if iou > VOTE_IOU {
                let parts = [b.x * weight, b.y * weight, b.w * weight, b.h * weight, weight];
                sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
            }
        }
        let [x, y, w, h, weight] = sum;
        let bbox = BBox { x: x / weight, y: y / weight, w: w / weight, h: h / weight };
        // The peak's own box counts, unless it is empty.
        (weight > 0.0).then(|| Detection { bbox, score: sigmoid(self.logits[peak]) * agreed / votes })
    }
}

/// Sorts `found[begin..]`, best first, and drops boxes that a better one overlaps by more than
/// `iou`.
fn suppress(found: &mut Vec<Detection>, begin: usize, iou: f32) {
    found[begin..].sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(begin + MAX_PEOPLE);
    let mut kept = begin;
    for index in begin..found.len() {
        let one = found[index];
        if !found[begin..kept].iter().any(|better| better.bbox.iou(&one.bbox) > iou) {
            found[kept] = one;
            kept += 1;
        }
    }
    found.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    const W: usize = 20;
    const H: usize = 12;
    const RULES: Rules = Rules { stride: 16.0, offset_px: 7.5, score_threshold: 0.35, nms_iou: 0.6 };

    struct Maps(Vec<f32>);

    impl Maps {
        fn empty() -> Maps {
            let mut maps = vec![0.0; MAPS * W * H];
            maps[..W * H].fill(-30.0);
            Maps(maps)
        }
        fn person(mut self, x: usize, y: usize, logit: f32, size_px: (f32, f32), offset: (f32, f32)) -> Maps {
            let values = [logit, (size_px.0 / 16.0).ln(), (size_px.1 / 16.0).ln(), offset.0, offset.1];
            for (map, value) in values.into_iter().enumerate() {
                self.0[map * W * H + y * W + x] = value;
            }
            self
        }
        fn found(&self) -> Vec<Detection> {
            let mut out = vec![];
            decode(&self.0, W, &RULES, &mut out);
            out
        }
    }

    #[test]
    fn a_drawn_person_is_found_where_it_was_drawn() {
        let found = Maps::empty().person(5, 4, 2.0, (40.0, 100.0), (0.25, -0.5)).found();
        assert_eq!(found.len(), 1);
        let (cx, cy) = found[0].bbox.centre();
        assert!((cx - (16.0 * 5.25 + 7.5)).abs() < 1e-3 && (cy - (16.0 * 3.5 + 7.5)).abs() < 1e-3);
        assert!((found[0].bbox.w - 40.0).abs() < 1e-3 && (found[0].bbox.h - 100.0).abs() < 1e-3);
        assert!((found[0].score - 0.8808).abs() < 1e-4);
    }

    #[test]
    fn neighbours_are_one_person_and_so_are_boxes_that_overlap() {
        let maps = Maps::empty()
            .person(5, 4, 2.0, (40.0, 100.0), (0.0, 0.0))
            .person(6, 4, 2.0, (40.0, 100.0), (0.0, 0.0))
            .person(5, 6, 1.0, (40.0, 100.0), (0.0, -1.8))
            .person(12, 6, 3.0, (40.0, 100.0), (0.0, 0.0));
        let scores: Vec<_> = maps.found().iter().map(|d| d.score).collect();
        assert_eq!(scores.len(), 2);
        assert!(scores[0] > scores[1]);
    }

    #[test]
    fn a_peaks_neighbours_vote_on_its_box_unless_they_see_another_person() {
        let alone = Maps::empty().person(5, 4, 0.0, (64.0, 128.0), (0.0, 0.0));
        let left = alone.found()[0].bbox.x;
        // Half the peak's score, 24 px to the right.
        let logit = -(3.0_f32.ln());
        let agreeing = alone.person(7, 4, logit, (64.0, 128.0), (-0.5, 0.0));
        let found = agreeing.found()[0];
        assert!((found.bbox.x - left - 8.0).abs() < 1e-3);
        let iou = 40.0 / 88.0;
        assert!((found.score - 0.5 * (0.5 + 0.25 * iou) / 0.75).abs() < 1e-4, "doubted: {}", found.score);
        let other = agreeing.person(5, 6, -3.0, (16.0, 16.0), (0.0, 0.0));
        assert!((other.found()[0].bbox.x - left - 8.0).abs() < 1e-3);
        assert!(Maps::empty().person(5, 4, 3.0, (0.0, 9.0), (0.0, 0.0)).found().is_empty(), "no box at all");
    }

    #[test]
    fn the_threshold_is_that_of_the_score() {
        let logit = |p: f32| (p / (1.0 - p)).ln();
        assert!(Maps::empty().person(3, 3, logit(0.349), (9.0, 9.0), (0.0, 0.0)).found().is_empty());
        let found = Maps::empty().person(3, 3, logit(0.351), (9.0, 9.0), (0.0, 0.0));
        assert_eq!(found.found().len(), 1);
        // A neighbour that votes for another box halves the score.
        assert!(found.person(4, 3, logit(0.35), (9.0, 200.0), (0.0, 0.0)).found().is_empty());
    }

    #[test]
    fn nonsense_gives_no_box() {
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(Maps::empty().person(3, 3, 5.0, (9.0, 9.0), (bad, 0.0)).found().is_empty());
        }
        assert!(Maps(vec![f32::NAN; MAPS * W * H]).found().is_empty());
        let huge = Maps(vec![80.0; MAPS * W * H]).found();
        assert!(huge.iter().all(|d| d.bbox.is_valid() && d.score <= 1.0));
        let mut out = vec![];
        decode(&[1.0; 7], W, &RULES, &mut out);
        assert!(out.is_empty());
    }
}
