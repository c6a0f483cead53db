//! Days on disk: torn and damaged rows, midnight, clocks that step, and the size of a day.

use crate::{Berlin, NEW_YEAR, entry, keeper, people, write};
use posed::clock::{FakeClock, SharedClock};
use posed::history::{Archive, Day, MOST_BYTES, Mark, Marks, ROW_BYTES, Row, parse_date};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes before the rows.
const HEADER: usize = 32;

fn file(dir: &Path, camera: &str, date: &str) -> PathBuf {
    dir.join("history").join(camera).join(format!("{date}.day"))
}

/// The day 2026-01-01 as these bytes tell it.
fn parse(bytes: &[u8]) -> Day {
    Day::parse(parse_date("2026-01-01").unwrap(), bytes, |_| 0)
}

/// Five rows from the third second of the day on, and their file.
fn five() -> (Vec<(u32, Row)>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    let keeper = keeper(dir.path(), &clock);
    let marks: Marks = [Mark::Fall].into_iter().collect();
    let row = |n: u32| Row { people: n as u8, marks, feet: Some([9, 200]), ..Row::default() };
    let rows: Vec<(u32, Row)> = (3..8).map(|n| (n, row(n))).collect();
    write(&keeper, rows.iter().map(|(n, row)| entry("hall", NEW_YEAR + i64::from(*n), *row)));
    keeper.stop(PATIENCE);
    (rows, std::fs::read(file(dir.path(), "hall", "2026-01-01")).unwrap())
}

fn kept(day: &Day) -> Vec<(u32, Row)> {
    day.kept().map(|(second, row)| (second, *row)).collect()
}

#[test]
fn rows_come_back_with_what_the_file_says_of_its_day() {
    let (rows, bytes) = five();
    let day = parse(&bytes);
    assert_eq!(kept(&day), rows);
    assert_eq!((day.starts, day.size, day.damaged), (NEW_YEAR, Some(crate::VIEW), 0));
    assert_eq!(bytes.len(), HEADER + 8 * ROW_BYTES);
}

#[test]
fn a_file_that_is_cut_anywhere_loses_only_what_is_cut() {
    let (rows, bytes) = five();
    for cut in 0..bytes.len() {
        let day = parse(&bytes[..cut]);
        let whole = cut.saturating_sub(HEADER) / ROW_BYTES;
        let want: Vec<_> = rows.iter().copied().filter(|(n, _)| (*n as usize) < whole).collect();
        assert_eq!(kept(&day), want, "cut at byte {cut}");
        assert_eq!(day.starts, NEW_YEAR, "midnight follows from the date");
    }
}

#[test]
fn a_damaged_byte_costs_its_row_or_the_shape_of_the_view() {
    let (rows, bytes) = five();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        let day = parse(&damaged);
        let hit = at.checked_sub(HEADER).map(|at| (at / ROW_BYTES) as u32);
        let want: Vec<_> = rows.iter().copied().filter(|(n, _)| Some(*n) != hit).collect();
        assert_eq!(kept(&day), want, "byte {at}");
        assert_eq!(day.damaged, usize::from(hit.is_some()), "byte {at}");
        assert_eq!(day.size, hit.map(|_| crate::VIEW), "byte {at}");
    }
}

#[test]
fn writing_goes_on_in_a_file_that_was_cut_or_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    let (rows, bytes) = five();
    let path = file(dir.path(), "hall", "2026-01-01");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut damaged = bytes[..HEADER + 4 * ROW_BYTES + 5].to_vec();
    damaged[..HEADER].fill(0xaa);
    std::fs::write(&path, damaged).unwrap();
    let keeper = keeper(dir.path(), &clock);
    write(&keeper, [entry("hall", NEW_YEAR + 10, people(2))]);
    keeper.stop(PATIENCE);
    let day = Archive::of(dir.path(), clock).read("hall", parse_date("2026-01-01").unwrap()).unwrap();
    assert_eq!(kept(&day), [rows[0], (10, people(2))]);
    assert_eq!((day.size, day.damaged), (Some(crate::VIEW), 1), "the header is written anew");
}

#[test]
fn a_day_of_the_largest_rows_is_smaller_than_a_megabyte() {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    let keeper = keeper(dir.path(), &clock);
    let marks = Marks(u16::MAX);
    let row = Row { people: 127, activity: 255, postures: [15; 4], marks, feet: Some([255; 2]) };
    write(&keeper, (0..86_400).map(|second| entry("hall", NEW_YEAR + second, row)));
    let (stats, fault) = keeper.stats();
    keeper.stop(PATIENCE);
    assert_eq!((stats.written, fault), (86_400, None));
    let path = file(dir.path(), "hall", "2026-01-01");
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(bytes < 1_000_000, "{bytes} bytes");
    const { assert!(MOST_BYTES < 1_000_000, "also in the longest day") };
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let day = parse(&std::fs::read(path).unwrap());
    assert!(day.kept().count() == 86_400 && day.kept().all(|(_, kept)| *kept == row));
}

#[test]
fn midnight_is_the_local_one_and_the_hour_that_comes_twice_is_kept_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (_, clock) = Berlin::shared();
    let keeper = keeper(dir.path(), &clock);
    // 22:59:59 and 23:00:00 UTC are 23:59:59 and 00:00:00 in winter.
    let midnight = NEW_YEAR + 23 * 3600;
    // 25 October: 02:30 in summer time, and an hour later 02:30 again.
    let twice = 1_792_888_200;
    let seconds = [midnight - 1, midnight, twice, twice + 3600];
    write(&keeper, (1..).zip(seconds).map(|(n, second)| entry("hall", second, people(n))));
    keeper.stop(PATIENCE);
    let archive = Archive::of(dir.path(), clock);
    let read = |date: &str| archive.read("hall", parse_date(date).unwrap()).unwrap();
    assert_eq!(kept(&read("2026-01-01")), [(86_399, people(1))]);
    assert_eq!(kept(&read("2026-01-02")), [(0, people(2))]);
    let autumn = read("2026-10-25");
    assert_eq!(kept(&autumn), [(9000, people(3)), (12_600, people(4))]);
    assert_eq!((autumn.length, autumn.local_second(9000), autumn.local_second(12_600)), (90_000, 9000, 9000));
}

#[test]
fn a_clock_that_steps_writes_where_it_says_it_is_and_damages_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    let keeper = keeper(dir.path(), &clock);
    let day = 86_400;
    let times = [100, 101, 3 * day, 102, 100, i64::MIN, i64::MAX - NEW_YEAR, -NEW_YEAR - 5];
    let entries = (1..).zip(times).map(|(n, at)| entry("hall", NEW_YEAR.saturating_add(at), people(n)));
    write(&keeper, entries);
    let (stats, fault) = keeper.stats();
    keeper.stop(PATIENCE);
    assert_eq!((stats.no_time, stats.failed, fault), (2, 0, None));
    let archive = Archive::of(dir.path(), clock);
    let read = |date: &str| archive.read("hall", parse_date(date).unwrap()).unwrap();
    assert_eq!(kept(&read("2026-01-01")), [(100, people(5)), (101, people(2)), (102, people(4))]);
    assert_eq!(kept(&read("2026-01-04")), [(0, people(3))]);
    assert_eq!(kept(&read("1969-12-31")), [(86_395, people(8))]);
}
