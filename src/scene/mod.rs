//! What a worker does with one frame: search for people if a search is due, plan the crops,
//! estimate poses, read clothes, track, find events. There is one [`Scene`] per camera, used by one
//! worker at a time.

pub mod offline;
mod wardrobe;

use crate::clock::{Mono, SharedClock};
use crate::detect::search::Search;
use crate::detect::{Detection, Finder, due};
use crate::events::{self, Engine, Event, EventIds, Moment, Posture, Snapshot};
use crate::frame::Frame;
use crate::geometry::{BBox, Rotate, View};
use crate::infer;
use crate::keypoint::Pose;
use crate::pose::Estimator;
use crate::telemetry::stats::Skipped;
use crate::track::{self, Observation, Person, Tracker};
use std::time::Duration;
use wardrobe::Wardrobe;

/// A new person must score this many times the finder's threshold. Objects that look like people
/// rarely do.
const SURE_OF_NEW: f32 = 1.9;

/// A camera without a frame for this long is idle.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// How to process one camera's frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Turns the picture upright.
    pub rotate: Rotate,
    /// Part of the display frame that is searched, [x, y, w, h] in 0..=1.
    pub roi: Option<[f32; 4]>,
    /// The finder searches for people. If not, the region of interest is the box of one person.
    pub finder: bool,
    /// Largest number of poses estimated in one frame.
    pub max_people: usize,
    /// When to search.
    pub search: due::Options,
    /// How to track.
    pub track: track::Options,
    /// What happens in front of the camera.
    pub events: events::Options,
}

/// The networks of an inference thread. All cameras share them.
pub struct Nets {
    /// Estimates poses in boxes.
    pub estimator: Estimator,
    /// Finds boxes in frames; `None` if no camera needs it.
    pub finder: Option<Finder>,
}

/// Why a frame gave no poses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pose network failed.
    #[error("pose network: {0}")]
    Pose(infer::Error),
    /// The person finder failed.
    #[error("person finder: {0}")]
    Finder(infer::Error),
}

/// Time spent on one frame; `None` for a step that had nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SceneTiming {
    /// Searching for people.
    pub finder: Option<Duration>,
    /// Estimating their poses.
    pub pose: Option<Duration>,
}

/// The people in front of one camera.
pub struct Scene {
    options: Options,
    clock: SharedClock,
    timing: SceneTiming,
    tracker: Tracker,
    search: Search,
    wardrobe: Wardrobe,
    engine: Engine,
    /// Time and size of the last frame.
    moment: Option<Moment>,
    // Buffers are kept between frames, so that no frame allocates.
    /// Detections of this frame; empty if no search was due.
    found: Vec<Detection>,
    /// Boxes of people that the tracker may not know: those of `found`, or the region of interest.
    proposals: Vec<BBox>,
    crops: Vec<track::Crop>,
    /// The boxes of `crops`.
    crop_boxes: Vec<BBox>,
    poses: Vec<Pose>,
    observations: Vec<Observation>,
    /// The tracker's people, as the engine takes them.
    present: Vec<events::Person>,
}

impl Scene {
    /// A view without people.
    pub fn new(options: Options, ids: track::Ids, clock: SharedClock) -> Scene {
        Scene {
            tracker: Tracker::new(options.track.clone(), ids),
            search: Search::new(options.search.clone()),
            wardrobe: Wardrobe::default(),
            engine: Engine::new(options.events.clone(), EventIds::new(fastrand::u64(..))),
            moment: None,
            options,
            clock,
            timing: SceneTiming::default(),
            found: Vec::new(),
            proposals: Vec::new(),
            crops: Vec::new(),
            crop_boxes: Vec::new(),
            poses: Vec::new(),
            observations: Vec::new(),
            present: Vec::new(),
        }
    }

    /// How `frame`'s stored px map to display px.
    pub fn view(&self, frame: &Frame) -> View {
        frame.view(self.options.rotate)
    }

    /// Time spent on the last frame.
    pub fn timing(&self) -> SceneTiming {
        self.timing
    }

    /// Poses that were not estimated, since the start.
    pub fn skipped(&self) -> Skipped {
        let track::Stats { postponed, crowded, .. } = self.tracker.stats();
        Skipped { max_people: postponed, crowded }
    }

    /// The people of the last frame, in px of the display frame.
    pub fn people(&self) -> &[Person] {
        self.tracker.people()
    }

    /// The people of the last frame, as the events take them.
    pub fn present(&self) -> &[events::Person] {
        &self.present
    }

    /// What happened in the last frame.
    pub fn events(&self) -> &[Event] {
        self.engine.events()
    }

    /// The states of the last frame.
    pub fn snapshot(&self) -> &Snapshot {
        self.engine.snapshot()
    }

    /// Posture of a person of the last frame, and how certain it is.
    pub fn posture(&self, person: &Person) -> (Posture, f32) {
        self.engine.posture(person.id.0)
    }

    /// Goes on from the counts that an earlier run kept.
    pub fn restore(&mut self, kept: &events::Kept) {
        self.engine.restore(kept);
    }

    /// Ends what has to end while the camera gives no frames, after a second without one.
    /// Returns whether it did.
    pub fn idle(&mut self) -> bool {
        let now = self.clock.now();
        let Some(last) = self.moment.filter(|last| now.since(last.at) > IDLE_AFTER) else { return false };
        let moment = Moment { at: now, wall: self.clock.wall(), ..last };
        self.engine.idle(&moment);
        self.moment = Some(moment);
        true
    }

    /// Finds, estimates and tracks the people in `frame`, and what happens to them.
    ///
    /// # Errors
    /// If a network fails. Tracks are then not updated.
    pub fn update(&mut self, frame: &Frame, nets: &mut Nets) -> Result<(), Error> {
        let view = self.view(frame);
        let size = (view.width, view.height);
        let at = frame.stamp.mono;
        self.timing = SceneTiming::default();
        self.search(frame, &view, nets.finder.as_mut())?;
        self.plan(at, size);
        self.estimate(frame, &view, &mut nets.estimator)?;
        let threshold = nets.finder.as_ref().map_or(0.0, Finder::score_threshold);
        self.observe(frame, &view, threshold * SURE_OF_NEW);
        self.tracker.update(at, size, &self.observations);
        self.see_events(frame, size);
        Ok(())
    }

    /// Searches for people if a search is due, into `found` and `proposals`. Without a finder, the
    /// region of interest is proposed until a person is tracked: then the track's box is the better
    /// crop.
    fn search(&mut self, frame: &Frame, view: &View, finder: Option<&mut Finder>) -> Result<(), Error> {
        self.found.clear();
        self.proposals.clear();
        let (at, region) = (frame.stamp.mono, self.region(view));
        let lost = self.tracker.lost_person();
        let known = self.tracker.predict(at, (view.width, view.height));
        let Some(finder) = finder.filter(|_| self.options.finder) else {
            self.proposals.extend(known.is_empty().then_some(region));
            return Ok(());
        };
        let known = known.iter().map(|track| track.bbox);
        let began = self.clock.now();
        if let Some(found) =
            self.search.run(frame, view, finder, &region, known, lost).map_err(Error::Finder)?
        {
            self.timing.finder = Some(self.clock.now().since(began));
            self.found.extend_from_slice(found);
            self.proposals.extend(found.iter().map(|d| d.bbox));
            self.tracker.searched(at, &self.proposals);
        }
        Ok(())
    }

    /// Picks the crops of this frame. Drops new people that are a part of a person.
    fn plan(&mut self, at: Mono, size: (u32, u32)) {
        let planned = self.tracker.plan(at, size, &self.proposals, self.options.max_people);
        self.crops.clear();
        self.crops.extend_from_slice(planned);
        let (search, found) = (&self.search, &self.found);
        self.crops.retain(|crop| {
            crop.track.is_some() || !detection(crop, found).is_some_and(|d| search.is_part(d))
        });
    }

    fn estimate(&mut self, frame: &Frame, view: &View, estimator: &mut Estimator) -> Result<(), Error> {
        self.crop_boxes.clear();
        self.crop_boxes.extend(self.crops.iter().map(|crop| crop.bbox));
        let began = self.clock.now();
        estimator.estimate(frame, view, &self.crop_boxes, &mut self.poses).map_err(Error::Pose)?;
        self.timing.pose = (!self.crop_boxes.is_empty()).then(|| self.clock.now().since(began));
        Ok(())
    }

    /// Turns poses into observations with clothes. A detection that scores below `sure` may not
    /// start a track.
    fn observe(&mut self, frame: &Frame, view: &View, sure: f32) {
        let min_score = self.options.track.keypoint_score;
        let seen = self.poses.iter().zip(&self.crops);
        self.observations.clear();
        self.observations.extend(seen.map(|(&pose, crop)| Observation {
            clothes: self.wardrobe.read(frame, view, &pose.keypoints, min_score),
            doubtful: detection(crop, &self.found).is_some_and(|d| d.score < sure),
            ..Observation::new(pose, crop.track)
        }));
    }

    fn see_events(&mut self, frame: &Frame, size: (u32, u32)) {
        let wall = frame.stamp.wall;
        let moment = Moment { at: frame.stamp.mono, wall, utc_offset_s: self.clock.utc_offset_s(wall), size };
        self.present.clear();
        self.present.extend(self.tracker.people().iter().map(|person| events::Person {
            id: person.id.0,
            bbox: person.bbox,
            keypoints: person.smoothed,
            age: person.age,
        }));
        self.engine.update(&moment, &self.present);
        self.moment = Some(moment);
    }

    /// The region of interest in display px.
    fn region(&self, view: &View) -> BBox {
        let [x, y, w, h] = self.options.roi.unwrap_or([0.0, 0.0, 1.0, 1.0]);
        let (width, height) = (view.width as f32, view.height as f32);
        BBox { x: x * width, y: y * height, w: w * width, h: h * height }
    }
}

/// The detection that gave `crop` its box, if one did.
fn detection<'a>(crop: &track::Crop, found: &'a [Detection]) -> Option<&'a Detection> {
    found.get(crop.found?)
}
