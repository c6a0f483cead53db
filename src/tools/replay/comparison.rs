//! Counts how a replay differs from its recording.

use crate::geometry::BBox;
use crate::track::{Person, TrackId};
use std::collections::{HashMap, HashSet};

/// A recorded and a replayed person with boxes that overlap this much are the same.
const SAME_IOU: f32 = 0.5;

/// How a replay compares with its recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Messages replayed.
    pub frames: usize,
    /// People in the recording, summed over the messages.
    pub recorded: usize,
    /// People in the replay, summed over the messages.
    pub replayed: usize,
    /// People in both, by their boxes.
    pub matched: usize,
    /// How often the replayed id of a recorded person changed.
    pub id_changes: usize,
    /// Number of ids in the recording, and in the replay.
    pub ids: (usize, usize),
    /// The replayed id that each recorded id last matched.
    partners: HashMap<TrackId, TrackId>,
    known: (HashSet<TrackId>, HashSet<TrackId>),
}

impl Comparison {
    /// Counts one message: its recorded and its replayed people. Replayed people not seen in the
    /// frame are left out: their position is a guess.
    pub fn count(&mut self, recorded: &[(TrackId, BBox)], replayed: &[Person]) {
        let replayed = || replayed.iter().filter(|person| person.age.is_zero());
        self.frames += 1;
        self.recorded += recorded.len();
        self.replayed += replayed().count();
        for (id, bbox) in recorded {
            let nearest = replayed().max_by(|a, b| a.bbox.iou(bbox).total_cmp(&b.bbox.iou(bbox)));
            if let Some(person) = nearest.filter(|person| person.bbox.iou(bbox) >= SAME_IOU) {
                self.matched += 1;
                let before = self.partners.insert(*id, person.id);
                self.id_changes += usize::from(before.is_some_and(|before| before != person.id));
            }
        }
        self.known.0.extend(recorded.iter().map(|(id, _)| *id));
        self.known.1.extend(replayed().map(|person| person.id));
        self.ids = (self.known.0.len(), self.known.1.len());
    }
}
