//! Scores of keypoints at the border of the picture.
//!
//! Of a joint outside the picture the network gives a guess, often at the border. Measured on 3200
//! people of the training data whose pictures were cut through them, with both pose networks: of
//! the keypoints within three heatmap px of the border, half or more are such guesses.

use crate::keypoint::Keypoint;

/// From this distance on a keypoint is trusted in part, and one px further in full.
const FAR: f32 = 3.0;

/// `keypoint` with a lower score if it is at the border of a picture of `size` px, or beyond: the
/// share that `border` of the model's manifest leaves it. `unit` is the size of a heatmap px in px
/// of the picture.
pub(super) fn doubt(keypoint: Keypoint, size: (u32, u32), unit: f32, border: [f32; 3]) -> Keypoint {
    let ((width, height), [constant, per_score, per_px]) = (size, border);
    // The centre of the first pixel is at 0, so the border is at -0.5.
    let from_border = |at: f32, side: u32| (at + 0.5).min(side as f32 - 0.5 - at) / unit;
    let distance = from_border(keypoint.x_px, width).min(from_border(keypoint.y_px, height));
    let trust = (distance - FAR).clamp(0.0, 1.0);
    let kept = 1.0 / (1.0 + (-(constant + per_score * keypoint.score + per_px * distance)).exp());
    Keypoint { score: keypoint.score * trust.max(kept), ..keypoint }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The score of a keypoint at (x, y) in a picture of 640x480 px, heatmap px of 10 px.
    fn scored(x_px: f32, y_px: f32, score: f32) -> f32 {
        doubt(Keypoint { x_px, y_px, score }, (640, 480), 10.0, [-4.4, 7.6, 0.7]).score
    }

    #[test]
    fn a_keypoint_counts_less_the_nearer_the_border_and_the_less_sure_it_is() {
        for (x, y) in [(320.0, 469.5), (320.0, 9.5), (9.5, 240.0), (629.5, 240.0)] {
            assert!(scored(x, y, 0.2) < 0.03, "{x}, {y}");
            assert!(scored(x, y, 0.36) < 0.15, "{x}, {y}");
            assert!(scored(x, y, 0.8) > 0.7, "{x}, {y}");
        }
        assert!(scored(320.0, 500.0, 0.5) < 0.15, "outside the picture");
        assert_eq!(scored(320.0, 439.0, 0.3), 0.3, "far from the border");
        let scores: Vec<_> = (430..500).map(|y| scored(320.0, y as f32, 0.3)).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        assert!(!scored(f32::NAN, 240.0, 0.4).is_nan());
    }
}
