//! Frames become one row a second.

use super::mark::Marks;
use super::row::{POSTURES, Row};
use std::sync::Arc;
use std::time::SystemTime;

/// What a frame shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Width and height of the view in px.
    pub size: (u32, u32),
    /// People.
    pub people: usize,
    /// People who stand, sit, lie and crouch.
    pub postures: [usize; POSTURES],
    /// How much they move, all together, in body lengths a second.
    pub activity: f32,
    /// Where one of them stands, as fractions of the view.
    pub feet: Option<[f32; 2]>,
    /// What happened.
    pub marks: Marks,
}

/// A row, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name of the camera.
    pub camera: Arc<str>,
    /// Unix time.
    pub second: i64,
    /// Width and height of the view in px.
    pub size: (u16, u16),
    /// The row.
    pub row: Row,
}

/// Gathers what the frames of one camera show within a second. Nothing is allocated.
#[derive(Debug)]
pub struct Gather {
    camera: Arc<str>,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    second: i64,
    size: (u16, u16),
    row: Row,
    activity: f32,
    frames: u16,
}

impl Gather {
    /// No frame yet.
    pub fn new(camera: Arc<str>) -> Gather {
        Gather { camera, open: None }
    }

    /// Takes a frame of time `at`. Returns the second before it, if this frame is of another one:
    /// also if the clock was set back.
    pub fn frame(&mut self, at: SystemTime, seen: &Seen) -> Option<Entry> {
        let second = unix_second(at);
        let done = if self.open.is_some_and(|open| open.second != second) { self.finish() } else { None };
        let edge = |px: u32| u16::try_from(px).unwrap_or(u16::MAX);
        let new = Open { second, size: (0, 0), row: Row::default(), activity: 0.0, frames: 0 };
        let open = self.open.get_or_insert(new);
        open.size = (edge(seen.size.0), edge(seen.size.1));
        open.activity += seen.activity;
        open.frames = open.frames.saturating_add(1);
        open.row.marks.join(seen.marks);
        open.row.feet = seen.feet.map(Row::feet_of).or(open.row.feet);
        let count = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        // The postures of the moment with the most people.
        if count(seen.people) >= open.row.people {
            open.row.people = count(seen.people);
            open.row.postures = seen.postures.map(count);
        }
        done
    }

    /// Ends the second that is not complete, as no further frame comes.
    pub fn finish(&mut self) -> Option<Entry> {
        let Open { second, size, mut row, activity, frames } = self.open.take()?;
        row.activity = Row::activity_of(activity / f32::from(frames.max(1)));
        Some(Entry { camera: self.camera.clone(), second, size, row })
    }
}

fn unix_second(at: SystemTime) -> i64 {
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        // A clock from before 1970 says nothing about the day.
        Err(_) => i64::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Mark;
    use std::time::Duration;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn seen(people: usize, activity: f32) -> Seen {
        Seen { size: (640, 360), people, postures: [people, 0, 0, 0], activity, ..Seen::default() }
    }

    #[test]
    fn a_second_holds_the_most_people_the_mean_activity_and_every_event() {
        let mut gather = Gather::new("hall".into());
        let fall = Seen { marks: [Mark::Fall].into_iter().collect(), ..seen(1, 0.0) };
        let feet = Seen { feet: Some([0.5, 1.0]), ..seen(2, 2.0) };
        for (ms, seen) in [(5_000, fall), (5_400, feet), (5_900, seen(0, 1.0))] {
            assert_eq!(gather.frame(at(ms), &seen), None);
        }
        let done = gather.frame(at(6_000), &seen(0, 0.0)).unwrap();
        assert_eq!((done.second, done.size, &*done.camera), (5, (640, 360), "hall"));
        let row = done.row;
        assert_eq!((row.people, row.activity_lengths(), row.postures), (2, 1.0, [2, 0, 0, 0]));
        assert!(row.marks.has(Mark::Fall) && row.feet == Some([128, 255]));
    }

    #[test]
    fn a_clock_that_is_set_back_starts_another_second_and_the_end_is_not_lost() {
        let mut gather = Gather::new("hall".into());
        gather.frame(at(9_000), &seen(1, 0.0));
        assert_eq!(gather.frame(at(3_000), &seen(2, 0.0)).unwrap().second, 9);
        assert_eq!(gather.finish().unwrap().row.people, 2);
        assert_eq!(gather.finish(), None);
    }
}
