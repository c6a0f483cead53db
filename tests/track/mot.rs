//! CLEAR MOT (Bernardin and Stiefelhagen, 2008): MOTA = 1 - (misses + false positives + id
//! switches) / people, with matches kept from frame to frame while they hold.

use posed::geometry::BBox;
use std::collections::HashMap;

const MATCH_IOU: f32 = 0.5;

/// A true person.
pub struct Truth {
    pub name: usize,
    pub bbox: BBox,
    /// Mostly hidden: neither a miss if it is not reported, nor a false positive if it is.
    pub optional: bool,
}

#[derive(Debug, Default)]
pub struct Score {
    pub people: usize,
    pub misses: usize,
    pub false_positives: usize,
    pub switches: usize,
    /// The id each person was last reported under.
    last: HashMap<usize, u64>,
    /// Every id reported for each person, in order.
    pub ids: HashMap<usize, Vec<u64>>,
}

impl Score {
    pub fn mota(&self) -> f64 {
        1.0 - (self.misses + self.false_positives + self.switches) as f64 / self.people.max(1) as f64
    }

    /// Counts one frame.
    pub fn frame(&mut self, truth: &[Truth], reported: &[(u64, BBox)]) {
        let mut free: Vec<&(u64, BBox)> = reported.iter().collect();
        let mut open: Vec<&Truth> = truth.iter().collect();
        // First the pairs of the last frame that still match, then the best of the rest.
        open.retain(|person| {
            let same = |r: &&(u64, BBox)| {
                self.last.get(&person.name) == Some(&r.0) && person.bbox.iou(&r.1) >= MATCH_IOU
            };
            let Some(index) = free.iter().position(same) else { return true };
            free.swap_remove(index);
            false
        });
        let mut pairs: Vec<(f32, usize, u64)> = Vec::new();
        for person in &open {
            for report in &free {
                let iou = person.bbox.iou(&report.1);
                if iou >= MATCH_IOU {
                    pairs.push((iou, person.name, report.0));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (_, name, id) in pairs {
            if open.iter().any(|p| p.name == name) && free.iter().any(|r| r.0 == id) {
                open.retain(|p| p.name != name);
                free.retain(|r| r.0 != id);
                let before = self.last.insert(name, id);
                self.switches += usize::from(before.is_some_and(|before| before != id));
                self.ids.entry(name).or_default().push(id);
            }
        }
        self.people += truth.iter().filter(|t| !t.optional).count();
        self.misses += open.iter().filter(|t| !t.optional).count();
        self.false_positives += free.len();
    }
}

fn bbox(x: f32) -> BBox {
    BBox { x, y: 0.0, w: 10.0, h: 10.0 }
}

#[test]
fn it_counts_misses_false_positives_and_switches() {
    let mut score = Score::default();
    let person = |name, x| Truth { name, bbox: bbox(x), optional: false };
    score.frame(&[person(0, 0.0), person(1, 100.0)], &[(7, bbox(1.0)), (8, bbox(101.0))]);
    assert_eq!(score.mota(), 1.0);
    // One miss, one false positive; the hidden person costs nothing.
    let hidden = Truth { optional: true, ..person(2, 200.0) };
    score.frame(&[person(0, 0.0), person(1, 100.0), hidden], &[(7, bbox(0.0)), (9, bbox(300.0))]);
    assert_eq!((score.people, score.misses, score.false_positives, score.switches), (4, 1, 1, 0));
    // The two people swap ids.
    score.frame(&[person(0, 0.0), person(1, 100.0)], &[(8, bbox(0.0)), (7, bbox(100.0))]);
    assert_eq!((score.people, score.switches), (6, 2));
    assert!((score.mota() - (1.0 - 4.0 / 6.0)).abs() < 1e-9);
}
