//! Which boxes get a crop now: those of tracks and of new people, within a budget.

use super::types::{Crop, TrackBox, TrackId};
use crate::geometry::BBox;

/// A detection that overlaps a track less is not that track, unless ...
const CLAIM_IOU: f32 = 0.5;
/// ... this share of the track's box lies in it and it is at most this much larger.
const HALF_BODY: f32 = 0.7;
const MAX_GROWTH: f32 = 5.0;
/// A track and a detection that overlap no other box may be one body if this share of the smaller
/// box lies in the larger: a few keypoints, such as a head alone, lead a track astray.
const LONE_SHARE: f32 = 0.3;
/// Above this overlap the two boxes agree: for a person alone, and for one in a crowd, where one
/// detection easily covers two people.
const AGREE_IOU: f32 = 0.75;
const AGREE_IN_CROWD_IOU: f32 = 0.65;
/// A detection that overlaps a track this much shows that the person is there.
const PRESENT_IOU: f32 = 0.3;

/// What a detection means for a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is the body.
    Body,
    /// It may be the body, if the track's own box shows none.
    Alternative,
}

/// Matches the boxes that the finder `found` with the crops of tracks, where each is the other's
/// nearest.
///
/// - The two agree: the track keeps its own box, which is steadier.
/// - They overlap less: the track takes the found box. Otherwise a track that knows half a body
///   would never see the rest.
/// - They hardly overlap, but overlap no other box either: the track gets a second crop, and the
///   poses show which box is right.
/// - No track matches: a crop is added for a new person, last served in turn `served`. When in
///   doubt, an extra crop is cheaper than giving one person another's box.
///
/// Calls `tell` with each found box that a track takes.
pub(super) fn claim(
    crops: &mut Vec<Crop>,
    found: &[BBox],
    served: u64,
    mut tell: impl FnMut(TrackId, &BBox, Claim),
) {
    let tracked = crops.len();
    for (index, bbox) in found.iter().enumerate().filter(|(_, bbox)| bbox.is_valid()) {
        let own = nearest(crops[..tracked].iter().map(|crop| &crop.bbox), bbox);
        let mutual = own.filter(|&own| nearest(found.iter(), &crops[own].bbox) == Some(index));
        let near = crops[..tracked].iter().filter(|crop| crop.bbox.iou(bbox) > 0.0).count();
        let agree = if near > 1 { AGREE_IN_CROWD_IOU } else { AGREE_IOU };
        let rivals = |own: usize| found.iter().filter(|other| other.iou(&crops[own].bbox) > 0.0).count();
        let alone = near == 1 && mutual.is_some_and(|own| rivals(own) == 1);
        match mutual.and_then(|own| crops.get_mut(own)) {
            Some(crop) if crop.bbox.iou(bbox) >= agree => {}
            Some(crop) if crop.bbox.iou(bbox) >= CLAIM_IOU || is_part(&crop.bbox, bbox) => {
                (crop.bbox, crop.found) = (*bbox, Some(index));
                crop.track.iter().for_each(|&id| tell(id, bbox, Claim::Body));
            }
            Some(crop) if alone && may_be_one(&crop.bbox, bbox) => {
                let Crop { track, served, .. } = *crop;
                track.iter().for_each(|&id| tell(id, bbox, Claim::Alternative));
                crops.push(Crop { bbox: *bbox, track, served, found: Some(index) });
            }
            _ => crops.push(Crop { bbox: *bbox, track: None, served, found: Some(index) }),
        }
    }
}

/// Whether the track's box `own` and the found box may show one body although they hardly overlap.
fn may_be_one(own: &BBox, found: &BBox) -> bool {
    let (small, large) = if own.area() < found.area() { (own, found) } else { (found, own) };
    small.share_in(large) >= LONE_SHARE && large.area() <= MAX_GROWTH * small.area()
}

/// The index of the box that overlaps `bbox` most.
fn nearest<'a>(boxes: impl Iterator<Item = &'a BBox>, bbox: &BBox) -> Option<usize> {
    let overlaps = boxes.map(|other| other.iou(bbox)).enumerate();
    overlaps.filter(|(_, iou)| *iou > 0.0).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
}

/// Whether a found box shows that `own`, one of the tracks in `all`, is there. A box that is only
/// part of `own`, or the reverse, does not if it matches another confirmed track: a pose imagined
/// in a corner of a person is not a second person.
pub(super) fn confirms(found: &BBox, own: &TrackBox, all: &[TrackBox]) -> bool {
    if own.bbox.iou(found) >= PRESENT_IOU {
        return true;
    }
    let another =
        |other: &TrackBox| other.id != own.id && other.confirmed && other.bbox.iou(found) >= CLAIM_IOU;
    (is_part(&own.bbox, found) || is_part(found, &own.bbox)) && !all.iter().any(another)
}

/// Whether `part` may be the known part of the body in `whole`.
fn is_part(part: &BBox, whole: &BBox) -> bool {
    is_within(part, whole) && whole.area() <= MAX_GROWTH * part.area()
}

/// Whether most of `part` lies in `whole`.
pub(super) fn is_within(part: &BBox, whole: &BBox) -> bool {
    part.share_in(whole) >= HALF_BODY
}

/// Keeps the `budget` crops that have waited longest. New people share one place in the queue (all
/// carry the turn in which one of them was last served), so false detections cannot starve tracks.
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
        Crop { bbox: bbox(x), track: track.map(TrackId), served, found: None }
    }

    #[test]
    fn a_found_box_goes_to_the_track_it_overlaps() {
        let mut crops = vec![crop(Some(1), 0.0, 5), crop(Some(2), 200.0, 5)];
        let mut reframed = Vec::new();
        claim(&mut crops, &[bbox(212.0), bbox(2.0), bbox(500.0), BBox::default()], 3, |id, bbox, _| {
            reframed.push((id.0, bbox.x))
        });
        assert_eq!(reframed, [(2, 212.0)]);
        let boxes: Vec<_> = crops.iter().map(|c| (c.track.map(|id| id.0), c.bbox.x, c.served)).collect();
        assert_eq!(boxes, [(Some(1), 0.0, 5), (Some(2), 212.0, 5), (None, 500.0, 3)]);
    }

    #[test]
    fn half_a_body_grows_to_a_whole_one_but_not_to_the_whole_room() {
        let (half, whole) = (bbox(100.0), BBox { x: 90.0, y: -10.0, w: 70.0, h: 250.0 });
        let room = BBox { x: 0.0, y: 0.0, w: 640.0, h: 480.0 };
        for (found, expected) in [(whole, vec![whole]), (room, vec![half, room])] {
            let mut crops = vec![crop(Some(1), 100.0, 5)];
            claim(&mut crops, &[found], 0, |_, _, _| ());
            assert_eq!(crops.iter().map(|c| c.bbox).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_track_astray_also_gets_a_crop_of_the_only_body_near() {
        let (head, body) = (BBox { y: -60.0, ..bbox(20.0) }, BBox { x: 0.0, y: 0.0, w: 80.0, h: 220.0 });
        let others = |tracks: &[BBox], found: &[BBox]| {
            let own = |(id, bbox): (u64, &BBox)| Crop { bbox: *bbox, ..crop(Some(id), 0.0, 0) };
            let mut crops: Vec<Crop> = (1..).zip(tracks).map(own).collect();
            claim(&mut crops, found, 0, |_, _, claim| assert_eq!(claim, Claim::Alternative));
            assert_eq!(crops[0].bbox, head, "its own box stays");
            crops[tracks.len()..].iter().map(|c| c.track.map(|id| id.0)).collect::<Vec<_>>()
        };
        assert_eq!(others(&[head], &[body]), [Some(1)]);
        // With others near, it may be any person.
        assert_eq!(others(&[head, bbox(60.0)], &[body]), [None]);
        assert_eq!(others(&[head], &[body, BBox { y: -100.0, ..bbox(40.0) }]), [None, None]);
    }

    #[test]
    fn the_longest_waiting_go_first_and_all_get_equal_turns() {
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
    fn false_alarms_in_every_frame_leave_half_the_turns_to_tracks() {
        let (mut track, mut newcomer, mut updates) = (0, 0, 0);
        for turn in 1..=20 {
            let mut crops = vec![crop(Some(1), 0.0, track)];
            claim(&mut crops, &[bbox(300.0), bbox(400.0), bbox(500.0)], newcomer, |_, _, _| ());
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
