//! Old days, names, and disks that fail.

use crate::common::wait_for;
use crate::{Berlin, NEW_YEAR, entry, keeper, people, write};
use posed::clock::{FakeClock, SharedClock};
use posed::history::{Archive, Error, Keeper, parse_date};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const DAY_S: i64 = 86_400;

fn days(dir: &Path, clock: &SharedClock, camera: &str) -> Vec<String> {
    let days = Archive::of(dir, clock.clone()).days(camera).unwrap_or_default();
    days.iter().map(ToString::to_string).collect()
}

/// A row of camera "hall" now, after which the thread looks at the calendar.
fn tick(keeper: &Keeper, clock: &Berlin) {
    use posed::clock::Clock as _;
    let now = clock.wall().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    write(keeper, [entry("hall", now, people(1))]);
}

#[test]
fn days_before_the_last_thirty_are_deleted_of_removed_cameras_too() {
    let dir = tempfile::tempdir().unwrap();
    let (berlin, clock) = Berlin::shared();
    let keeper = keeper(dir.path(), &clock);
    for camera in ["hall", "gone"] {
        write(&keeper, (1..=40).map(|n| entry(camera, NEW_YEAR - n * DAY_S, people(1))));
    }
    write(&keeper, [entry("long-gone", NEW_YEAR - 90 * DAY_S, people(1))]);
    std::fs::write(dir.path().join("history/hall/notes.txt"), "not ours").unwrap();
    assert_eq!(days(dir.path(), &clock, "hall").len(), 40);
    berlin.run.advance(Duration::from_secs(700));
    tick(&keeper, &berlin);
    wait_for("the deletion", || (days(dir.path(), &clock, "hall").len() == 30).then_some(()));
    keeper.stop(PATIENCE);
    let hall = days(dir.path(), &clock, "hall");
    assert_eq!((hall[0].as_str(), hall[29].as_str()), ("2025-12-03", "2026-01-01"));
    assert_eq!(days(dir.path(), &clock, "gone").len(), 29);
    assert!(!dir.path().join("history/long-gone").exists(), "an empty folder");
    assert!(dir.path().join("history/hall/notes.txt").exists());
}

#[test]
fn a_clock_that_jumps_deletes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (berlin, clock) = Berlin::shared();
    let keeper = keeper(dir.path(), &clock);
    write(&keeper, (0..20).map(|n| entry("hall", NEW_YEAR - n * DAY_S, people(1))));
    berlin.run.advance(Duration::from_secs(500));
    // Years ahead, for less time than a clock must run steadily; then right again.
    for wrong in [3650 * DAY_S, 0, -3650 * DAY_S, 0] {
        berlin.set_wrong(wrong);
        tick(&keeper, &berlin);
        berlin.run.advance(Duration::from_secs(500));
        tick(&keeper, &berlin);
    }
    keeper.stop(PATIENCE);
    let kept = days(dir.path(), &clock, "hall");
    assert!(
        kept.iter().filter(|day| day.starts_with("2025-12") || day.starts_with("2026-01")).count() >= 20,
        "{kept:?}"
    );
}

#[test]
fn a_disk_that_fails_is_told_once_and_used_again_when_it_works() {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    // A file where the folder should be: no disk fails alike for root.
    std::fs::write(dir.path().join("history"), "").unwrap();
    let keeper = keeper(dir.path(), &clock);
    write(&keeper, (0..5).map(|n| entry("hall", NEW_YEAR + n, people(1))));
    let (stats, fault) = keeper.stats();
    assert_eq!((stats.failed, stats.written), (5, 0));
    assert!(fault.is_some());
    std::fs::remove_file(dir.path().join("history")).unwrap();
    write(&keeper, [entry("hall", NEW_YEAR + 5, people(1))]);
    let (stats, fault) = keeper.stats();
    assert_eq!((stats.failed, stats.written, fault), (5, 1, None));
    keeper.stop(PATIENCE);
    keeper.push(entry("hall", NEW_YEAR + 6, people(1)));
    assert_eq!(keeper.stats().0.overflow, 1, "after the stop, rows are dropped and counted");
}

#[test]
fn a_folder_that_somebody_deletes_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    let keeper = keeper(dir.path(), &clock);
    write(&keeper, [entry("hall", NEW_YEAR, people(1))]);
    std::fs::remove_dir_all(dir.path().join("history")).unwrap();
    write(&keeper, [entry("hall", NEW_YEAR + 1, people(2))]);
    keeper.stop(PATIENCE);
    let day = Archive::of(dir.path(), clock).read("hall", parse_date("2026-01-01").unwrap()).unwrap();
    assert_eq!(day.kept().map(|(second, row)| (second, row.people)).collect::<Vec<_>>(), [(1, 2)]);
}

#[test]
fn every_row_of_a_flood_is_written_or_counted_as_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    let keeper = keeper(dir.path(), &clock);
    (0..20_000).for_each(|n| keeper.push(entry("hall", NEW_YEAR + n, people(1))));
    keeper.stop(PATIENCE);
    let (stats, _) = keeper.stats();
    assert_eq!(stats.written + stats.overflow, 20_000, "{stats:?}");
    let day = Archive::of(dir.path(), clock).read("hall", parse_date("2026-01-01").unwrap()).unwrap();
    assert_eq!(day.kept().count() as u64, stats.written);
}

#[test]
fn a_camera_is_called_what_a_camera_may_be_called_and_no_path() {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    let keeper = keeper(dir.path(), &clock);
    let good = ["history", "spool", ".x", "a..b", "2026-01-01.day", "CON"];
    let bad = ["", ".", "..", "../x", "a/b", "a\0", "ä"];
    write(&keeper, good.iter().chain(&bad).map(|name| entry(name, NEW_YEAR, people(1))));
    keeper.stop(PATIENCE);
    let (stats, _) = keeper.stats();
    assert_eq!((stats.written, stats.failed), (good.len() as u64, bad.len() as u64));
    let archive = Archive::of(dir.path(), clock);
    let mut cameras: Vec<&str> = good.into();
    cameras.sort_unstable();
    assert_eq!(archive.cameras().unwrap(), cameras);
    for name in bad {
        assert!(matches!(archive.days(name), Err(Error::NoCamera { .. })), "{name}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing lies beside the folder");
}

#[test]
fn only_the_daemon_s_user_can_read_when_somebody_is_at_home() {
    let dir = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(FakeClock::default());
    let keeper = keeper(dir.path(), &clock);
    write(&keeper, [entry("hall", NEW_YEAR, people(1))]);
    keeper.stop(PATIENCE);
    for path in ["history", "history/hall", "history/hall/2026-01-01.day"] {
        let mode = std::fs::metadata(dir.path().join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path}: {mode:o}");
    }
}
