//! From the poses of a frame to people: which pose belongs to which track, and the start and end of
//! tracks.

use super::life::{Stage, Track};
use super::types::{Observation, Person, TrackBox};
use super::{Tracker, observations, schedule};
use crate::clock::Mono;

/// Weight of a lost track's similarity to a pose seen in another track's crop, which rarely shows
/// the lost person. Zero would give a returning person to a track that has gone astray.
const CLAIM_OF_THE_LOST: f32 = 0.5;
/// Boxes that overlap more belong to people who cross.
const CROSSING_IOU: f32 = 0.1;

impl Tracker {
    /// Takes the poses seen at `at` in a frame of `size` (width, height) px; returns the people to
    /// publish.
    ///
    /// If [`Tracker::plan`] was not called for this frame, every track that is not seen is missed.
    pub fn update(&mut self, at: Mono, size: (u32, u32), observations: &[Observation]) -> &[Person] {
        self.begin(at, size);
        if !self.planned {
            self.tracks.iter_mut().for_each(|track| track.checked = track.stage != Stage::Lost);
        }
        observations::select(observations, &self.options, &mut self.seen, &mut self.stats);
        self.compare(at);
        self.similarities.solve(&mut self.pairs);
        for &(row, column) in &self.pairs {
            if let (Some(track), Some(seen)) = (self.tracks.get_mut(row), self.seen.get_mut(column)) {
                track.see(at, seen, &self.options);
                seen.matched = true;
            }
        }
        self.retire(at);
        self.spawn(at);
        let late = self.is_late(at);
        if late && self.late {
            // At such a frame rate people may cross the whole frame before further sightings.
            self.tracks.iter_mut().for_each(|track| track.confirm(at));
        }
        (self.late, self.planned) = (late, false);
        self.updated_at = Some(at);
        self.people.clear();
        let published = self.tracks.iter().filter(|track| track.stage == Stage::Confirmed);
        self.people.extend(published.map(|track| track.person(at, size)));
        self.people()
    }

    /// Fills the table of similarities: tracks by observations.
    fn compare(&mut self, at: Mono) {
        self.similarities.reset(self.tracks.len(), self.seen.len());
        for seen in &mut self.seen {
            let there = |track: &&Track| track.figure.box_at(at).iou(&seen.bbox) > CROSSING_IOU;
            seen.crossing = self.tracks.iter().filter(there).count() > 1;
        }
        let one_track = self.tracks.len() == 1;
        let sure = self.seen.iter().filter(|seen| !seen.may_be_a_thing()).count();
        for (row, track) in self.tracks.iter().enumerate() {
            for (column, seen) in self.seen.iter().enumerate() {
                let own = track.similarity(at, seen, &self.options);
                let only_seen = self.seen.len() == 1 || sure == 1 && !seen.may_be_a_thing();
                let only = one_track && only_seen;
                let own = if only && own == 0.0 { track.nearness(at, &seen.bbox) } else { own };
                let weak = track.stage == Stage::Lost && !seen.newcomer;
                let claim = if weak { CLAIM_OF_THE_LOST } else { 1.0 };
                self.similarities.set(row, column, claim * own);
            }
        }
    }

    /// Marks the checked tracks that were not seen as missed, and drops dead tracks.
    fn retire(&mut self, at: Mono) {
        self.lost_person = false;
        for track in self.tracks.iter_mut().filter(|track| track.checked) {
            self.lost_person |= track.miss(at, self.size, &self.options);
            track.checked = false;
        }
        self.tracks.retain(|track| !track.is_dead(at, &self.options));
    }

    /// Starts a track for each new person.
    fn spawn(&mut self, at: Mono) {
        self.boxes.clear();
        let known = self.tracks.iter().filter(|track| track.stage == Stage::Confirmed);
        self.boxes.extend(known.map(|track| TrackBox {
            id: track.id,
            bbox: track.figure.box_at(at),
            confirmed: true,
        }));
        for seen in self.seen.iter().filter(|seen| !seen.matched && seen.newcomer && !seen.doubtful) {
            if self.tracks.len() >= self.options.max_tracks {
                self.stats.crowded += 1;
            } else {
                let within =
                    self.has_searched && self.boxes.iter().any(|b| schedule::is_within(&seen.bbox, &b.bbox));
                let id = self.ids.fresh();
                self.tracks.push(Track::new(id, self.turn, at, seen, within, &self.options));
            }
        }
    }
}
