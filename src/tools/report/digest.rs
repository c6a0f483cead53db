//! A day in numbers: rows summed up over minutes.

use super::Sheet;
use crate::history::{Date, Day, Mark, Marks};
use std::ops::Range;

/// Seconds that one bar of the charts stands for.
pub(super) const BIN_S: u32 = 300;
/// Visits that are less apart than this are one.
const PAUSE_S: u32 = 120;
/// A gap in the record that is shorter is not worth a word.
const GAP_S: u32 = 300;

/// A fall that is confirmed so soon after one was suspected is the same.
const CONFIRMED_S: u32 = 120;

/// Events that a family wants to know of, the most important one first.
pub(super) const URGENT: [Mark; 6] =
    [Mark::FallConfirmed, Mark::Fall, Mark::Help, Mark::LyingLong, Mark::NoMovement, Mark::HandRaised];

/// Five minutes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bin {
    /// Seconds that were kept.
    pub kept: u32,
    /// Most people at once.
    pub people: u8,
    /// Sum of the activity, in body lengths.
    pub activity: f32,
    /// Seconds with people in each posture.
    pub postures: [u32; 4],
    /// What happened.
    pub marks: Marks,
}

/// What a sheet shows.
#[derive(Debug)]
pub(super) struct Digest<'a> {
    pub camera: String,
    pub date: Date,
    /// Seconds of the day.
    pub length: u32,
    pub bins: Vec<Bin>,
    /// Seconds that were kept.
    pub kept: u32,
    /// Seconds with people in view.
    pub occupied: u32,
    pub most_people: u8,
    /// When people were there.
    pub visits: Vec<Range<u32>>,
    /// When nothing was kept, from the first row to the last.
    pub gaps: Vec<Range<u32>>,
    /// Seconds with events of [`URGENT`].
    pub urgent: Vec<(u32, Mark)>,
    /// Where people stood, and for how many seconds.
    pub feet: Vec<([f32; 2], f32)>,
    /// Width by height of the view.
    pub aspect: f64,
    pub damaged: usize,
    /// Local times of the full hours: seconds after midnight, and the hour.
    pub hours: Vec<(u32, u32)>,
    day: &'a Day,
}

impl<'a> Digest<'a> {
    pub(super) fn new(sheet: &'a Sheet) -> Digest<'a> {
        let day = &sheet.day;
        let bins = vec![Bin::default(); day.length.div_ceil(BIN_S) as usize];
        let (width, height) = day.size.unwrap_or((16, 9));
        let mut digest = Digest {
            camera: sheet.camera.clone(),
            date: day.date,
            length: day.length,
            bins,
            kept: 0,
            occupied: 0,
            most_people: 0,
            visits: Vec::new(),
            gaps: Vec::new(),
            urgent: Vec::new(),
            feet: Vec::new(),
            aspect: f64::from(width) / f64::from(height),
            damaged: day.damaged,
            hours: Vec::new(),
            day,
        };
        digest.add_rows(day);
        digest.join_falls();
        let full = |second: &u32| day.local_second(*second).is_multiple_of(3600);
        let seconds = (0..=day.length).step_by(1800).filter(full);
        digest.hours = seconds.map(|second| (second, day.local_second(second) / 3600)).collect();
        digest
    }

    fn add_rows(&mut self, day: &Day) {
        let mut last = None;
        for (second, row) in day.kept() {
            if let Some(last) = last.filter(|last| second - last > GAP_S) {
                self.gaps.push(last + 1..second);
            }
            last = Some(second);
            self.kept += 1;
            if let Some(bin) = self.bins.get_mut((second / BIN_S) as usize) {
                bin.kept += 1;
                bin.people = bin.people.max(row.people);
                bin.activity += row.activity_lengths();
                bin.marks.join(row.marks);
                for (seconds, people) in bin.postures.iter_mut().zip(row.postures) {
                    *seconds += u32::from(people > 0);
                }
            }
            let urgent = URGENT.into_iter().filter(|mark| row.marks.has(*mark));
            self.urgent.extend(urgent.map(|mark| (second, mark)));
            self.feet.extend(row.feet_place().map(|place| (place, f32::from(row.people.max(1)))));
            if row.people > 0 {
                self.occupied += 1;
                self.most_people = self.most_people.max(row.people);
                match self.visits.last_mut() {
                    Some(visit) if second - visit.end < PAUSE_S => visit.end = second + 1,
                    _ => self.visits.push(second..second + 1),
                }
            }
        }
    }

    /// Leaves out suspected falls that were confirmed: they are one fall.
    fn join_falls(&mut self) {
        let confirmed = |urgent: &(u32, Mark)| urgent.1 == Mark::FallConfirmed;
        let times: Vec<u32> =
            self.urgent.iter().filter(|u| confirmed(u)).map(|(second, _)| *second).collect();
        let is_known = |second: u32| times.iter().any(|at| (second..=second + CONFIRMED_S).contains(at));
        self.urgent.retain(|(second, mark)| *mark != Mark::Fall || !is_known(*second));
    }

    /// The longest time of the record without people.
    pub(super) fn longest_rest(&self) -> Option<Range<u32>> {
        let ends = self.visits.iter().map(|visit| visit.end);
        let rests = ends.zip(self.visits.iter().skip(1)).map(|(end, next)| end..next.start);
        let is_whole =
            |rest: &Range<u32>| self.gaps.iter().all(|gap| gap.end <= rest.start || gap.start >= rest.end);
        rests.filter(is_whole).max_by_key(|rest| rest.end - rest.start)
    }

    /// What the clock on the wall shows `second` seconds after midnight: `06:42`.
    pub(super) fn clock(&self, second: u32) -> String {
        let local = self.day.local_second(second);
        format!("{:02}:{:02}", local / 3600, local % 3600 / 60)
    }
}

/// Words for a mark.
pub(super) fn name(mark: Mark) -> &'static str {
    match mark {
        Mark::Fall => "fall suspected",
        Mark::FallConfirmed => "fall",
        Mark::LyingLong => "lying for long",
        Mark::NoMovement => "no movement",
        Mark::HandRaised => "hand raised",
        Mark::Help => "call for help",
        Mark::Posture => "new posture",
        Mark::Zone => "zone entered",
        Mark::Occupancy => "zone occupied",
        Mark::Line => "line crossed",
        Mark::Presence => "somebody came",
    }
}
