//! Heatmaps -> keypoints: beta-soft-argmax (LPN paper, section 3.4) around each map's peak.

use crate::infer::manifest::PoseSpec;

/// Weights below e^-CUTOFF of the peak's do not change an f32 sum.
const CUTOFF: f32 = 20.0;

/// Where one heatmap points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Peak {
    /// Column in heatmap px; always finite and on the map.
    pub x: f32,
    /// Row in heatmap px; always finite and on the map.
    pub y: f32,
    /// The heatmap's value at the rounded position, before any shift; 0 for an invalid map.
    pub score: f32,
}

/// How heatmaps become keypoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decoder {
    /// Softmax is taken of `beta` times the map.
    pub beta: f32,
    /// Radius of the softmax around the peak, in heatmap px; 0 takes the whole map.
    pub window_px: usize,
    /// Adds the quarter-pixel shift of the published evaluation.
    pub quarter_shift: bool,
}

impl From<&PoseSpec> for Decoder {
    fn from(spec: &PoseSpec) -> Decoder {
        Decoder { beta: spec.beta, window_px: spec.window_px, quarter_shift: spec.quarter_shift }
    }
}

impl Decoder {
    /// Decodes one heatmap, f32 `[height, width]` of any range. Values that are not finite are
    /// ignored.
    pub fn decode(&self, map: &[f32], width: usize) -> Peak {
        let Some((column, row, top)) = peak(map, width) else { return Peak::default() };
        let height = map.len() / width;
        let reach = if self.window_px == 0 { map.len() } else { self.window_px };
        let (left, right) = (column.saturating_sub(reach), (column + reach).min(width - 1));
        let (upper, lower) = (row.saturating_sub(reach), (row + reach).min(height - 1));
        // Sums are of offsets from the peak, to keep precision on wide maps.
        let (mut total, mut dx, mut dy) = (0.0, 0.0, 0.0);
        for (y, line) in map.chunks_exact(width).enumerate().take(lower + 1).skip(upper) {
            for (x, value) in line.iter().enumerate().take(right + 1).skip(left) {
                let below = (value - top) * self.beta;
                if below > -CUTOFF {
                    let weight = below.exp();
                    total += weight;
                    dx += weight * (x as f32 - column as f32);
                    dy += weight * (y as f32 - row as f32);
                }
            }
        }
        // The peak's weight is 1, so the total is not zero.
        let (x, y) = (column as f32 + dx / total, row as f32 + dy / total);
        let at = |x: usize, y: usize| map.get(y * width + x).copied().filter(|v| v.is_finite());
        let score = at(x.round_ties_even() as usize, y.round_ties_even() as usize).unwrap_or(0.0);
        if !self.quarter_shift {
            return Peak { x, y, score };
        }
        let (px, py) = ((x + 0.5) as usize, (y + 0.5) as usize);
        if px <= 1 || px + 1 >= width || py <= 1 || py + 1 >= height {
            return Peak { x, y, score };
        }
        let quarter = |after: Option<f32>, before: Option<f32>| match (after, before) {
            (Some(a), Some(b)) if a > b => 0.25,
            (Some(a), Some(b)) if a < b => -0.25,
            _ => 0.0,
        };
        let x = x + quarter(at(px + 1, py), at(px - 1, py));
        let y = y + quarter(at(px, py + 1), at(px, py - 1));
        Peak { x, y, score }
    }
}

/// Column, row and value of the first maximum; `None` if no value is finite.
fn peak(map: &[f32], width: usize) -> Option<(usize, usize, f32)> {
    if width == 0 || map.is_empty() || !map.len().is_multiple_of(width) {
        return None;
    }
    // Comparisons with NaN are false, so NaN never wins. Lanes let the compiler use vectors.
    const LANES: usize = 16;
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, rest) = map.as_chunks::<LANES>();
    let mut best = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (best, &value) in best.iter_mut().zip(chunk) {
            *best = larger(*best, value);
        }
    }
    let top = best.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger);
    let has_top = |values: &[f32]| values.iter().fold(false, |has, v| has | (*v == top));
    let first = chunks.iter().position(|chunk| has_top(chunk)).unwrap_or(chunks.len()) * LANES;
    let at = first + map[first..].iter().position(|&v| v == top).filter(|_| top.is_finite())?;
    Some((at % width, at / width, top))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const W: usize = 48;
    const H: usize = 64;
    const SOFT: Decoder = Decoder { beta: 160.0, window_px: 5, quarter_shift: false };

    fn gaussian(x: f32, y: f32, height: f32) -> Vec<f32> {
        let value = |i: usize| {
            let (dx, dy) = ((i % W) as f32 - x, (i / W) as f32 - y);
            height * (-(dx * dx + dy * dy) / 8.0).exp()
        };
        (0..W * H).map(value).collect()
    }

    fn near(peak: Peak, x: f32, y: f32, tolerance: f32) -> bool {
        (peak.x - x).abs() <= tolerance && (peak.y - y).abs() <= tolerance
    }

    proptest! {
        #[test]
        fn a_drawn_gaussian_is_found_within_a_fraction_of_a_pixel(
            x in 6.0f32..41.0, y in 6.0f32..57.0, height in 0.3f32..1.0,
        ) {
            // At beta 160 and sigma 2 the softmax is almost an argmax: within half a pixel.
            prop_assert!(near(SOFT.decode(&gaussian(x, y, height), W), x, y, 0.5));
            // A softer softmax averages over several pixels, and is more exact.
            let soft = Decoder { beta: 10.0, ..SOFT };
            prop_assert!(near(soft.decode(&gaussian(x, y, 1.0), W), x, y, 0.1));
        }

        #[test]
        fn moving_the_map_moves_the_keypoint(dx in 0usize..20, dy in 0usize..30, f in 0.0f32..1.0) {
            let a = SOFT.decode(&gaussian(10.0 + f, 12.0 + f, 0.8), W);
            let b = SOFT.decode(&gaussian((10 + dx) as f32 + f, (12 + dy) as f32 + f, 0.8), W);
            prop_assert!(near(b, a.x + dx as f32, a.y + dy as f32, 2e-3));
        }

        #[test]
        fn no_map_gives_a_keypoint_outside_it(
            values in proptest::collection::vec(prop_oneof![
                4 => -1.0f32..1.0, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(f32::NEG_INFINITY),
            ], 5 * 7),
            window_px in 0usize..4, quarter_shift: bool,
        ) {
            let peak = Decoder { beta: 160.0, window_px, quarter_shift }.decode(&values, 5);
            prop_assert!((0.0..=4.0).contains(&peak.x) && (0.0..=6.0).contains(&peak.y), "{:?}", peak);
            prop_assert!(peak.score.is_finite());
        }
    }

    #[test]
    fn with_two_peaks_a_window_keeps_the_higher_and_the_whole_map_mixes_them() {
        let mut map = gaussian(10.0, 10.0, 1.0);
        for (v, other) in map.iter_mut().zip(gaussian(30.0, 50.0, 0.999)) {
            *v += other;
        }
        assert!(near(SOFT.decode(&map, W), 10.0, 10.0, 1e-3));
        let whole = Decoder { window_px: 0, ..SOFT }.decode(&map, W);
        assert!(whole.x > 15.0 && whole.x < 25.0, "{whole:?}");
    }

    #[test]
    fn borders_and_flat_maps_stay_on_the_map() {
        assert!(near(SOFT.decode(&gaussian(0.0, 0.0, 1.0), W), 0.0, 0.0, 0.01));
        assert!(near(SOFT.decode(&gaussian(47.0, 63.0, 1.0), W), 47.0, 63.0, 0.01));
        let flat = Decoder { window_px: 0, ..SOFT }.decode(&vec![0.25; W * H], W);
        assert!(near(flat, 23.5, 31.5, 0.01) && flat.score == 0.25, "{flat:?}");
    }

    #[test]
    fn an_invalid_map_scores_zero() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(SOFT.decode(&vec![value; W * H], W), Peak::default());
        }
        assert_eq!(SOFT.decode(&[], 0), Peak::default());
        let mut map = gaussian(20.0, 20.0, 1.0);
        map[21 * W + 20] = f32::NAN;
        assert!(near(SOFT.decode(&map, W), 20.0, 20.0, 0.1));
    }

    #[test]
    fn the_published_shift_goes_a_quarter_towards_the_higher_neighbour() {
        let parity = Decoder { window_px: 0, quarter_shift: true, ..SOFT };
        let map = gaussian(20.2, 30.0, 1.0);
        let (plain, shifted) =
            (Decoder { quarter_shift: false, ..parity }.decode(&map, W), parity.decode(&map, W));
        assert_eq!(shifted, Peak { x: plain.x + 0.25, ..plain });
        // Within a pixel of the border nothing is shifted: 1 < p < size - 1.
        let map = gaussian(1.2, 30.0, 1.0);
        assert_eq!(parity.decode(&map, W).x, Decoder { quarter_shift: false, ..parity }.decode(&map, W).x);
    }
}
