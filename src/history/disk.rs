//! The folder of days: `<dir>/<camera>/<date>.day`.

use super::file::{Header, MOST_SECONDS, row_at};
use super::gather::Entry;
use super::local::{Date, LocalDay, parse_date};
use jiff::Span;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folder in the state directory.
pub(super) const FOLDER: &str = "history";
/// When people are at home concerns only those who live there.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// End of a file's name.
pub(super) const SUFFIX: &str = ".day";

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in its file.
    Written,
    /// Its time is not on the calendar.
    NoTime,
}

/// The folder. No file stays open: a camera may be removed, and one row a second is little.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    /// The header that was last written for each camera.
    headers: Vec<(Arc<str>, Header)>,
}

impl Disk {
    pub(super) fn new(dir: PathBuf) -> Disk {
        Disk { dir, headers: Vec::new() }
    }

    /// Writes the row of `entry`. Days begin where `offset_at` puts them.
    pub(super) fn write(&mut self, entry: &Entry, offset_at: impl Fn(i64) -> i32) -> io::Result<Fate> {
        let Some(day) = LocalDay::of(entry.second, offset_at) else { return Ok(Fate::NoTime) };
        let index = u32::try_from(entry.second - day.starts).ok().filter(|index| *index < MOST_SECONDS);
        let Some(index) = index else { return Ok(Fate::NoTime) };
        let file = self.open(&entry.camera, day.date)?;
        let header = Header { starts: day.starts, offset_s: day.offset_s, size: entry.size };
        self.tell(&file, &entry.camera, header)?;
        file.write_all_at(&entry.row.encode(index), row_at(index) as u64)?;
        Ok(Fate::Written)
    }

    /// Writes `header` if the file is new, or says something else.
    fn tell(&mut self, file: &File, camera: &Arc<str>, header: Header) -> io::Result<()> {
        let told = self.headers.iter().any(|(name, last)| name == camera && *last == header);
        if told && file.metadata()?.len() > 0 {
            return Ok(());
        }
        self.headers.retain(|(name, _)| name != camera);
        file.write_all_at(&header.encode(), 0)?;
        self.headers.push((camera.clone(), header));
        Ok(())
    }

    /// Opens or creates the file of a day, and its folder.
    fn open(&self, camera: &str, date: Date) -> io::Result<File> {
        let unsafe_name = || io::Error::new(io::ErrorKind::InvalidInput, "no folder can have this name");
        let folder = folder(&self.dir, camera).ok_or_else(unsafe_name)?;
        let path = folder.join(format!("{date}{SUFFIX}"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        match options.open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder)?;
                options.open(&path)
            }
            opened => opened,
        }
    }

    /// Deletes the files of all days before the last `days`, of cameras that are gone too.
    pub(super) fn delete_old(&mut self, today: Date, days: u32) {
        // Those of cameras that are gone are forgotten; the others are written again, once.
        self.headers.clear();
        let Ok(first) = today.checked_sub(Span::new().days(i64::from(days.max(1)) - 1)) else { return };
        for camera in folders(&self.dir) {
            let folder = self.dir.join(&camera);
            for date in dates(&folder).into_iter().filter(|date| *date < first) {
                // What cannot be deleted now is tried again tomorrow.
                let _ = std::fs::remove_file(folder.join(format!("{date}{SUFFIX}")));
            }
            // Fails while it holds something.
            let _ = std::fs::remove_dir(&folder);
        }
    }
}

/// The folder of `camera`, if its name can be that of a folder.
pub(super) fn folder(dir: &Path, camera: &str) -> Option<PathBuf> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = !camera.is_empty() && camera.len() <= 255 && camera.chars().all(fits);
    (is_name && camera.chars().any(|c| c != '.')).then(|| dir.join(camera))
}

/// Names of the cameras that have a folder in `dir`.
pub(super) fn folders(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|n| folder(dir, n).is_some())
        .collect();
    names.sort();
    names
}

/// The days that have a file in `folder`, in order.
pub(super) fn dates(folder: &Path) -> Vec<Date> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let date = |name: std::ffi::OsString| parse_date(name.to_str()?.strip_suffix(SUFFIX)?);
    let mut dates: Vec<Date> = entries.filter_map(|entry| date(entry.file_name())).collect();
    dates.sort();
    dates
}
