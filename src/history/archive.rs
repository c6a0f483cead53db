//! Reads what is kept.

use super::disk::{FOLDER, SUFFIX, dates, folder, folders};
use super::file::{Day, MOST_BYTES};
use super::local::Date;
use crate::clock::SharedClock;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Why a day cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no file of any camera.
    #[error("there is no history in {}", .0.display())]
    Nothing(PathBuf),
    /// The folder cannot be read.
    #[error("cannot read {}", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// No file of this camera.
    #[error("there is no history of camera {camera:?}; there is of {}", known.join(", "))]
    NoCamera {
        /// The camera that was asked for.
        camera: String,
        /// Cameras that have files.
        known: Vec<String>,
    },
    /// No file of this day.
    #[error("there is no history of camera {camera:?} on {date}; there is of {}", spans(known))]
    NoDay {
        /// The camera.
        camera: String,
        /// The day that was asked for.
        date: Date,
        /// Days that have files, in order.
        known: Vec<Date>,
    },
    /// The file cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
}

/// The days of all cameras in a folder.
#[derive(Clone)]
pub struct Archive {
    dir: PathBuf,
    clock: SharedClock,
}

impl Archive {
    /// The history in a daemon's folder `state_dir`.
    pub fn of(state_dir: &Path, clock: SharedClock) -> Archive {
        Archive { dir: state_dir.join(FOLDER), clock }
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Today, by the local clock.
    pub fn today(&self) -> Option<Date> {
        let now = self.clock.wall().duration_since(SystemTime::UNIX_EPOCH).ok()?;
        super::date_of(i64::try_from(now.as_secs()).ok()?, |second| self.utc_offset_s(second))
    }

    /// Local time minus UTC at Unix time `second`, in seconds.
    pub fn utc_offset_s(&self, second: i64) -> i32 {
        offset(&self.clock, second)
    }

    /// Cameras that have a day, also those that are not configured any more.
    ///
    /// # Errors
    /// If there is none, or the folder cannot be read.
    pub fn cameras(&self) -> Result<Vec<String>, Error> {
        match std::fs::read_dir(&self.dir) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::Folder(self.dir.clone(), e)),
            _ => {}
        }
        let mut cameras = folders(&self.dir);
        cameras.retain(|camera| !dates(&self.dir.join(camera)).is_empty());
        if cameras.is_empty() { Err(Error::Nothing(self.dir.clone())) } else { Ok(cameras) }
    }

    /// Days of `camera`, in order.
    ///
    /// # Errors
    /// If there is none.
    pub fn days(&self, camera: &str) -> Result<Vec<Date>, Error> {
        let days = folder(&self.dir, camera).map(|folder| dates(&folder)).unwrap_or_default();
        if days.is_empty() {
            return Err(Error::NoCamera { camera: camera.into(), known: self.cameras()? });
        }
        Ok(days)
    }

    /// A day of `camera`. At most a megabyte is read.
    ///
    /// # Errors
    /// If it is not there: the error names those that are.
    pub fn read(&self, camera: &str, date: Date) -> Result<Day, Error> {
        let known = self.days(camera)?;
        if !known.contains(&date) {
            return Err(Error::NoDay { camera: camera.into(), date, known });
        }
        let path = self.dir.join(camera).join(format!("{date}{SUFFIX}"));
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(MOST_BYTES as u64).read_to_end(&mut bytes));
        read.map_err(|e| Error::Read(path, e))?;
        Ok(Day::parse(date, &bytes, |second| self.utc_offset_s(second)))
    }
}

/// Local time minus UTC at Unix time `second`.
pub(super) fn offset(clock: &SharedClock, second: i64) -> i32 {
    let second = Duration::from_secs(u64::try_from(second).unwrap_or(0));
    SystemTime::UNIX_EPOCH.checked_add(second).map_or(0, |at| clock.utc_offset_s(at))
}

/// Days in words: `2026-11-01 to 2026-11-03, 2026-11-05`.
pub fn spans(days: &[Date]) -> String {
    let mut spans: Vec<(Date, Date)> = Vec::new();
    for &day in days {
        match spans.last_mut() {
            Some((_, last)) if last.tomorrow().is_ok_and(|next| next == day) => *last = day,
            _ => spans.push((day, day)),
        }
    }
    let words = spans
        .iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_a_row_are_one_span() {
        let day = |d: i8| Date::constant(2026, 11, d);
        assert_eq!(spans(&[day(1), day(2), day(3), day(5)]), "2026-11-01 to 2026-11-03, 2026-11-05");
    }
}
