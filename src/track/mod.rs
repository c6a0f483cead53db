//! People over time: which pose is which person, the life of a track, smoothing, and which crops to
//! estimate.
//!
//! Each camera has one [`Tracker`]. Each frame takes these steps:
//! 1. [`Tracker::predict`] returns the boxes where the known people are expected (the motion test
//!    needs them);
//! 2. after a search, [`Tracker::searched`] takes the detected boxes;
//! 3. [`Tracker::plan`] picks the boxes to estimate poses in: all, or within a budget those that
//!    have waited longest;
//! 4. [`Tracker::update`] takes the poses and returns the people. It matches by position and pose
//!    and, where people cross, by clothes.
//!
//! All coordinates are display px. Nothing here reads a clock, and all results are finite. Buffers
//! are kept from frame to frame. Only frames in which people compete for observations allocate: a
//! few hundred bytes in the solver.

mod assign;
mod body;
mod clothes;
mod figure;
mod life;
mod likeness;
mod observations;
mod one_euro;
mod schedule;
mod types;
mod update;

pub use clothes::{Clothes, Rgb};
pub use one_euro::Smoothing;
pub use types::{Crop, Ids, Observation, Options, Person, Stats, TrackBox, TrackId};

use crate::clock::Mono;
use crate::geometry::BBox;
use assign::Similarities;
use life::{Stage, Track};
use observations::Seen;
use schedule::Claim;

/// Tracks the people in front of one camera.
#[derive(Debug)]
pub struct Tracker {
    options: Options,
    ids: Ids,
    tracks: Vec<Track>,
    /// Width and height of the frame in px.
    size: (u32, u32),
    updated_at: Option<Mono>,
    /// Whether the last frame came late. Two late frames in a row: the camera is slow, not back
    /// from an outage.
    late: bool,
    /// Counts the crops handed out.
    turn: u64,
    /// Turn in which a new person last got a crop.
    newcomers_served: u64,
    /// Whether `plan` was called for this frame.
    planned: bool,
    /// Whether the finder's results are ever passed in.
    has_searched: bool,
    lost_person: bool,
    stats: Stats,
    boxes: Vec<TrackBox>,
    crops: Vec<Crop>,
    seen: Vec<Seen>,
    similarities: Similarities,
    pairs: Vec<(usize, usize)>,
    people: Vec<Person>,
}

impl Tracker {
    /// A tracker without tracks.
    pub fn new(options: Options, ids: Ids) -> Tracker {
        Tracker {
            options,
            ids,
            tracks: Vec::new(),
            size: (0, 0),
            updated_at: None,
            late: false,
            turn: 0,
            newcomers_served: 0,
            planned: false,
            has_searched: false,
            lost_person: false,
            stats: Stats::default(),
            boxes: Vec::new(),
            crops: Vec::new(),
            seen: Vec::new(),
            similarities: Similarities::default(),
            pairs: Vec::new(),
            people: Vec::new(),
        }
    }

    /// Where the known people are expected at `at` in a frame of `size` (width, height) px.
    pub fn predict(&mut self, at: Mono, size: (u32, u32)) -> &[TrackBox] {
        self.begin(at, size);
        self.boxes.clear();
        let live = self.tracks.iter().filter(|track| track.stage != Stage::Lost);
        self.boxes.extend(live.filter_map(|track| {
            let bbox = body::clamped(&track.figure.box_at(at), size)?;
            Some(TrackBox { id: track.id, bbox, confirmed: track.stage == Stage::Confirmed })
        }));
        &self.boxes
    }

    /// Takes the boxes of a search over the frame at `at`, possibly none. If it is never called,
    /// imagined people stay as long as the pose network imagines them.
    pub fn searched(&mut self, at: Mono, found: &[BBox]) {
        self.has_searched = true;
        self.boxes.clear();
        self.boxes.extend(self.tracks.iter().map(|track| TrackBox {
            id: track.id,
            bbox: track.figure.box_at(at),
            confirmed: track.stage == Stage::Confirmed,
        }));
        for (track, own) in self.tracks.iter_mut().zip(&self.boxes) {
            let seen = found.iter().any(|bbox| schedule::confirms(bbox, own, &self.boxes));
            track.searched(seen, body::at_edge(&own.bbox, self.size), &self.options);
        }
    }

    /// The boxes to estimate poses in now, at most `budget`: those of tracks, corrected by the
    /// boxes that the finder `found` (empty without a search), and those of new people.
    pub fn plan(&mut self, at: Mono, size: (u32, u32), found: &[BBox], budget: usize) -> &[Crop] {
        self.predict(at, size);
        self.planned = true;
        self.crops.clear();
        for track in &mut self.tracks {
            let own = self.boxes.iter().find(|b| b.id == track.id);
            // A track outside the frame is missed without a crop.
            track.checked = own.is_none() && track.stage != Stage::Lost;
            self.crops.extend(own.map(|own| Crop {
                bbox: own.bbox,
                track: Some(own.id),
                served: track.served,
                found: None,
            }));
        }
        schedule::claim(&mut self.crops, found, self.newcomers_served, |id, bbox, claim| {
            let own = self.tracks.iter_mut().filter(|track| track.id == id);
            own.for_each(|track| match claim {
                Claim::Body => track.figure.reframe(at, bbox),
                Claim::Alternative => track.alternative = Some(*bbox),
            });
        });
        let wanted = self.crops.len();
        schedule::take_turns(&mut self.crops, budget);
        self.stats.postponed += (wanted - self.crops.len()) as u64;
        for crop in &self.crops {
            self.turn += 1;
            match self.tracks.iter_mut().find(|track| Some(track.id) == crop.track) {
                Some(track) => (track.checked, track.served) = (true, self.turn),
                None => self.newcomers_served = self.turn,
            }
        }
        &self.crops
    }

    /// The published people as of the last update.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Whether the last update missed a published person for the first time, or lost them: a reason
    /// to search at once.
    pub fn lost_person(&self) -> bool {
        self.lost_person
    }

    /// Counts since the tracker started.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Drops all tracks if the frame size changed or frames stopped for too long.
    fn begin(&mut self, at: Mono, size: (u32, u32)) {
        if self.is_late(at) && !self.late || size != self.size {
            self.tracks.clear();
            self.size = size;
        }
    }

    /// Whether a frame at `at` comes too long after the last one to keep the tracks.
    fn is_late(&self, at: Mono) -> bool {
        self.updated_at.is_some_and(|before| at.since(before) > self.options.keep_lost)
    }
}
