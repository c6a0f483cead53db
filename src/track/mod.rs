//! Who is who from frame to frame: assignment, the life of a track, smoothing, and whose turn it is.
//!
//! One [`Tracker`] a camera. Every frame goes through three steps:
//! 1. [`Tracker::predict`] says where the people known so far should be (the motion test wants it);
//! 2. [`Tracker::looked`] hears what the finder saw, if it looked, and [`Tracker::plan`] picks the boxes whose poses are
//!    estimated in this frame: all of them, or within a budget those that have waited longest;
//! 3. [`Tracker::update`] takes the poses and gives the people. Who is who is a matter of place and pose, and where
//!    people cross also of what they wear.
//!
//! All coordinates are display px. Nothing here reads a clock, and nothing that is not finite
//! passes through. Buffers are kept from frame to frame; only a frame in which people contend for
//! observations allocates (a few hundred bytes, in the solver).

mod assign;
mod body;
mod clothes;
mod life;
mod likeness;
mod observations;
mod one_euro;
mod schedule;
mod types;

pub use clothes::{Clothes, Rgb};
pub use one_euro::Smoothing;
pub use types::{Crop, Ids, Observation, Options, Person, Stats, TrackBox, TrackId};

use crate::clock::Mono;
use crate::geometry::BBox;
use assign::Similarities;
use life::{Stage, Track};
use observations::Seen;
use schedule::Word;

/// What somebody else's crop shows is seldom one of the lost, whom nobody asked after: their claim to it
/// counts as much. None at all would give a track that has gone astray the one who comes back.
const CLAIM_OF_THE_LOST: f32 = 0.5;
/// Boxes that overlap more are of people who cross.
const CROSSING_IOU: f32 = 0.1;

/// Follows the people in front of one camera.
#[derive(Debug)]
pub struct Tracker {
    options: Options,
    ids: Ids,
    tracks: Vec<Track>,
    size: (u32, u32),
    updated_at: Option<Mono>,
    /// Whether the last frame came late: two in a row, and the camera is slow rather than back from somewhere.
    late: bool,
    turn: u64,
    newcomers_served: u64,
    planned: bool,
    /// Whether anybody ever says what the finder saw.
    has_looked: bool,
    news: bool,
    stats: Stats,
    boxes: Vec<TrackBox>,
    crops: Vec<Crop>,
    seen: Vec<Seen>,
    similarities: Similarities,
    pairs: Vec<(usize, usize)>,
    people: Vec<Person>,
}

impl Tracker {
    /// A tracker that knows nobody yet.
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
            has_looked: false,
            news: false,
            stats: Stats::default(),
            boxes: Vec::new(),
            crops: Vec::new(),
            seen: Vec::new(),
            similarities: Similarities::default(),
            pairs: Vec::new(),
            people: Vec::new(),
        }
    }

    /// Where the people known so far should be at `at` in a frame of `size` (width, height) px.
    pub fn predict(&mut self, at: Mono, size: (u32, u32)) -> &[TrackBox] {
        self.begin(at, size);
        self.boxes.clear();
        let live = self.tracks.iter().filter(|track| track.stage != Stage::Lost);
        self.boxes.extend(live.filter_map(|track| {
            let bbox = body::clamped(&track.box_at(at), size)?;
            Some(TrackBox { id: track.id, bbox, confirmed: track.stage == Stage::Confirmed })
        }));
        &self.boxes
    }

    /// Says what the finder saw when it looked at the frame of `at` (nothing, perhaps). Whoever is
    /// never told so keeps imagined people for as long as the pose network imagines them.
    pub fn looked(&mut self, at: Mono, found: &[BBox]) {
        self.has_looked = true;
        self.boxes.clear();
        let all = self.tracks.iter().map(|track| (track.id, track.box_at(at), track.stage));
        self.boxes.extend(all.map(|(id, bbox, stage)| TrackBox {
            id,
            bbox,
            confirmed: stage == Stage::Confirmed,
        }));
        for (track, own) in self.tracks.iter_mut().zip(&self.boxes) {
            let seen = found.iter().any(|bbox| schedule::vouches(bbox, own, &self.boxes));
            track.looked(seen, body::at_edge(&own.bbox, self.size), &self.options);
        }
    }

    /// The boxes to estimate poses in now, at most `budget`: those of the tracks, corrected by what
    /// the finder `found` (empty if it did not look), and those of people not yet followed.
    pub fn plan(&mut self, at: Mono, size: (u32, u32), found: &[BBox], budget: usize) -> &[Crop] {
        self.predict(at, size);
        self.planned = true;
        self.crops.clear();
        for track in &mut self.tracks {
            let own = self.boxes.iter().find(|b| b.id == track.id);
            // Who has walked out of the frame is missed without a crop.
            track.asked = own.is_none() && track.stage != Stage::Lost;
            self.crops.extend(own.map(|own| Crop {
                bbox: own.bbox,
                track: Some(own.id),
                served: track.served,
            }));
        }
        schedule::claim(&mut self.crops, found, self.newcomers_served, |id, bbox, word| {
            let own = self.tracks.iter_mut().filter(|track| track.id == id);
            own.for_each(|track| match word {
                Word::Here => track.reframe(at, bbox),
                Word::PerhapsHere => track.elsewhere = Some(*bbox),
            });
        });
        let wanted = self.crops.len();
        schedule::take_turns(&mut self.crops, budget);
        self.stats.postponed += (wanted - self.crops.len()) as u64;
        for crop in &self.crops {
            self.turn += 1;
            match self.tracks.iter_mut().find(|track| Some(track.id) == crop.track) {
                Some(track) => (track.asked, track.served) = (true, self.turn),
                None => self.newcomers_served = self.turn,
            }
        }
        &self.crops
    }

    /// Takes what was seen at `at` in a frame of `size` px and gives everybody who is published.
    ///
    /// If [`Tracker::plan`] was not called for this frame, everybody counts as looked for.
    pub fn update(&mut self, at: Mono, size: (u32, u32), observations: &[Observation]) -> &[Person] {
        self.begin(at, size);
        if !self.planned {
            self.tracks.iter_mut().for_each(|track| track.asked = track.stage != Stage::Lost);
        }
        observations::take_in(observations, &self.options, &mut self.seen, &mut self.stats);
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
            // By the time of further sightings they may have walked through the whole picture.
            self.tracks.iter_mut().for_each(|track| track.believe(at));
        }
        (self.late, self.planned) = (late, false);
        self.updated_at = Some(at);
        self.people.clear();
        let published = self.tracks.iter().filter(|track| track.stage == Stage::Confirmed);
        self.people.extend(published.map(|track| track.person(at, size)));
        self.people()
    }

    /// Everybody who is published, as of the last update.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Whether somebody published was missed for the first time, or given up, in the last update:
    /// a reason to look at once.
    pub fn lost_somebody(&self) -> bool {
        self.news
    }

    /// Counts since the start.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Forgets everybody if the picture is another one or was away for long.
    fn begin(&mut self, at: Mono, size: (u32, u32)) {
        if self.is_late(at) && !self.late || size != self.size {
            self.tracks.clear();
            self.size = size;
        }
    }

    /// Whether a frame at `at` comes too long after the last one to follow anybody.
    fn is_late(&self, at: Mono) -> bool {
        self.updated_at.is_some_and(|before| at.since(before) > self.options.keep_lost)
    }

    /// Fills the table of similarities, tracks by `seen`.
    fn compare(&mut self, at: Mono) {
        self.similarities.reset(self.tracks.len(), self.seen.len());
        for seen in &mut self.seen {
            let there = |track: &&Track| track.box_at(at).iou(&seen.bbox) > CROSSING_IOU;
            seen.crossing = self.tracks.iter().filter(there).count() > 1;
        }
        let only = self.tracks.len() == 1 && self.seen.len() == 1;
        for (row, track) in self.tracks.iter().enumerate() {
            for (column, seen) in self.seen.iter().enumerate() {
                let alike = track.similarity(at, seen, &self.options);
                let alike = if only && alike == 0.0 { track.nearness(at, &seen.bbox) } else { alike };
                let unasked = track.stage == Stage::Lost && !seen.newcomer;
                let claim = if unasked { CLAIM_OF_THE_LOST } else { 1.0 };
                self.similarities.set(row, column, claim * alike);
            }
        }
    }

    /// Tells the tracks that were looked for and not found, and drops the dead.
    fn retire(&mut self, at: Mono) {
        self.news = false;
        for track in self.tracks.iter_mut().filter(|track| track.asked) {
            self.news |= track.miss(at, self.size, &self.options);
            track.asked = false;
        }
        self.tracks.retain(|track| !track.is_dead(at, &self.options));
    }

    /// Starts a track for everybody who is nobody's.
    fn spawn(&mut self, at: Mono) {
        self.boxes.clear();
        let known = self.tracks.iter().filter(|track| track.stage == Stage::Confirmed);
        self.boxes.extend(known.map(|track| TrackBox {
            id: track.id,
            bbox: track.box_at(at),
            confirmed: true,
        }));
        for seen in self.seen.iter().filter(|seen| !seen.matched && seen.newcomer && !seen.doubtful) {
            if self.tracks.len() >= self.options.max_tracks {
                self.stats.crowded += 1;
            } else {
                let within =
                    self.has_looked && self.boxes.iter().any(|b| schedule::is_within(&seen.bbox, &b.bbox));
                let id = self.ids.fresh();
                self.tracks.push(Track::new(id, self.turn, at, seen, within, &self.options));
            }
        }
    }
}
