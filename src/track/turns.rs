//! Whose pose is estimated now: boxes that wait, and a budget that may be smaller than their number.

use super::TrackId;
use crate::geometry::BBox;

/// Below this overlap, a box found in the picture is none of the tracked people's.
const CLAIM_IOU: f32 = 0.3;

/// A box to crop and estimate the pose in; px of the display frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crop {
    /// Where.
    pub bbox: BBox,
    /// The track that asks; none: somebody new.
    pub track: Option<TrackId>,
    /// The turn in which whoever asks was last served.
    pub(super) served: u64,
}

/// Gives each found box to the track it overlaps most and the track the mean of the two boxes: the
/// finder keeps a track from drifting, the track keeps the crop steady. What nobody claims is
/// appended as somebody new, last served in turn `served`.
pub(super) fn claim(crops: &mut Vec<Crop>, found: &[BBox], served: u64) {
    let tracked = crops.len();
    for bbox in found.iter().filter(|b| b.is_valid()) {
        let overlap = |crop: &Crop| crop.bbox.iou(bbox);
        let known = &mut crops[..tracked];
        match known.iter_mut().max_by(|a, b| overlap(a).total_cmp(&overlap(b))) {
            Some(crop) if overlap(crop) >= CLAIM_IOU => {
                let own = crop.bbox;
                crop.bbox = BBox {
                    x: (own.x + bbox.x) / 2.0,
                    y: (own.y + bbox.y) / 2.0,
                    w: (own.w + bbox.w) / 2.0,
                    h: (own.h + bbox.h) / 2.0,
                };
            }
            _ => crops.push(Crop { bbox: *bbox, track: None, served }),
        }
    }
}

/// Keeps the `budget` that have waited longest. Newcomers share one place in the queue (they all
/// carry the turn one of them was last served in), so that false alarms cannot starve the tracks.
pub(super) fn take_turns(crops: &mut Vec<Crop>, budget: usize) {
    if crops.len() > budget {
        crops.sort_unstable_by_key(|crop| (crop.served, crop.track));
        crops.truncate(budget);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bbox(x: f32) -> BBox {
        BBox { x, y: 0.0, w: 50.0, h: 100.0 }
    }

    fn crop(track: Option<u64>, x: f32, served: u64) -> Crop {
        Crop { bbox: bbox(x), track: track.map(TrackId), served }
    }

    #[test]
    fn a_found_box_goes_to_the_track_it_overlaps() {
        let mut crops = vec![crop(Some(1), 0.0, 5), crop(Some(2), 200.0, 5)];
        claim(&mut crops, &[bbox(210.0), bbox(500.0), BBox::default()], 3);
        assert_eq!(crops, [crop(Some(1), 0.0, 5), crop(Some(2), 205.0, 5), crop(None, 500.0, 3)]);
    }

    #[test]
    fn those_who_waited_longest_go_first_and_everyone_gets_a_turn() {
        let (mut served, mut count, mut turn) = ([0; 12], [0; 12], 0);
        for _ in 0..24 {
            let mut crops: Vec<Crop> = (0..12).map(|id| crop(Some(id), 0.0, served[id as usize])).collect();
            take_turns(&mut crops, 5);
            assert_eq!(crops.len(), 5);
            for id in crops.iter().filter_map(|c| c.track) {
                turn += 1;
                served[id.0 as usize] = turn;
                count[id.0 as usize] += 1;
            }
        }
        assert_eq!(count, [10; 12]);
    }

    #[test]
    fn false_alarms_in_every_frame_leave_half_the_turns_to_the_tracks() {
        let (mut track, mut newcomer, mut updates) = (0, 0, 0);
        for turn in 1..=20 {
            let mut crops = vec![crop(Some(1), 0.0, track)];
            claim(&mut crops, &[bbox(300.0), bbox(400.0), bbox(500.0)], newcomer);
            take_turns(&mut crops, 1);
            if crops[0].track.is_some() {
                (track, updates) = (turn, updates + 1);
            } else {
                newcomer = turn;
            }
        }
        assert_eq!(updates, 10);
    }
}
