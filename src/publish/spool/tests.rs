use super::*;
use std::path::Path;

const TOPIC: &str = "posed/hall/events";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn open(dir: &Path) -> Spool {
    Spool::open(Some(dir.to_owned()), Limits::default(), now())
}

fn push(spool: &mut Spool, n: u64) -> u64 {
    spool.push(TOPIC, format!("event {n}").as_bytes(), false, now())
}

/// What is left to send, as text.
fn rest(spool: &mut Spool) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(record) = spool.next_to_send() {
        all.push(String::from_utf8(record.payload.clone()).unwrap());
    }
    all
}

fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("event {n}")).collect()
}

#[test]
fn what_is_not_acknowledged_is_sent_again_after_a_restart_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    let seqs: Vec<u64> = (0..5).map(|n| push(&mut spool, n)).collect();
    assert_eq!(rest(&mut spool), events(0..5));
    assert_eq!(spool.in_flight(), 5);
    // The third comes before the second: only the first two are done after both.
    spool.acknowledge(seqs[0]);
    spool.acknowledge(seqs[2]);
    drop(spool);
    let mut spool = open(dir.path());
    assert_eq!(rest(&mut spool), events(1..5));
    spool.acknowledge(seqs[1]);
    spool.rewind();
    assert_eq!(rest(&mut spool), events(2..5), "a new connection sends what is not acknowledged");
    assert!(push(&mut spool, 5) > seqs[4], "numbers grow over restarts");
    assert_eq!(rest(&mut spool), events([5]));
}

#[test]
fn numbers_are_not_used_twice_after_everything_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    let first = push(&mut spool, 0);
    spool.acknowledge(first);
    drop(spool);
    let mut spool = open(dir.path());
    assert_eq!(spool.stats().waiting, 0);
    assert!(push(&mut spool, 1) > first);
}

#[test]
fn a_spool_cut_at_any_byte_loses_no_more_than_the_torn_record() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    (0..4).for_each(|n| {
        push(&mut spool, n);
    });
    drop(spool);
    let log = std::fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.path());
    let log = log.into_iter().find(|path| path.extension().is_some_and(|e| e == "log")).unwrap();
    let whole = std::fs::read(&log).unwrap();
    let length = whole.len() / 4;
    for cut in 0..=whole.len() {
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join(log.file_name().unwrap()), &whole[..cut]).unwrap();
        let mut spool = open(copy.path());
        let kept = (cut / length) as u64;
        assert_eq!(spool.stats().damaged_bytes, cut % length);
        push(&mut spool, 9);
        assert_eq!(rest(&mut spool), events((0..kept).chain([9])), "cut at {cut}");
        drop(spool);
        assert_eq!(rest(&mut open(copy.path())), events((0..kept).chain([9])), "and after a restart");
    }
}

#[test]
fn a_folder_that_cannot_be_used_costs_nothing_and_is_used_once_it_can_be() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("spool");
    let mut earlier = open(&dir);
    push(&mut earlier, 0);
    drop(earlier);
    std::fs::rename(&dir, base.path().join("kept")).unwrap();
    std::fs::write(&dir, "a file is in the way").unwrap();
    let mut spool = open(&dir);
    let seq = push(&mut spool, 1);
    assert!(spool.fault().is_some());
    assert_eq!(rest(&mut spool), events([1]), "memory works");
    std::fs::remove_file(&dir).unwrap();
    std::fs::rename(base.path().join("kept"), &dir).unwrap();
    push(&mut spool, 2);
    assert_eq!(spool.fault(), None);
    // Acknowledges a provisional number: the message has another one now, and is sent again.
    spool.acknowledge(seq);
    assert_eq!(rest(&mut spool), events([0, 1, 2]));
    drop(spool);
    assert_eq!(rest(&mut open(&dir)), events([0, 1, 2]));
}

#[test]
fn the_oldest_go_first_when_too_many_wait() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: 200_000, ..Limits::default() };
    let mut spool = Spool::open(Some(dir.path().to_owned()), limits, now());
    let payload = vec![b'x'; 1000];
    (0..1000).for_each(|_| {
        spool.push(TOPIC, &payload, false, now());
    });
    let stats = spool.stats();
    assert!(stats.bytes <= 200_000 && stats.waiting > 180, "{stats:?}");
    assert_eq!(stats.dropped_size, 1000 - stats.waiting as u64);
    let files = std::fs::read_dir(dir.path()).unwrap().flatten();
    let on_disk: u64 = files.map(|entry| entry.metadata().unwrap().len()).sum();
    assert!(on_disk < 350_000, "{on_disk} bytes on disk");
}

#[test]
fn old_messages_are_dropped_unless_the_clock_was_not_set() {
    let mut spool = Spool::open(None, Limits::default(), now());
    spool.push(TOPIC, b"at boot, without a clock", false, SystemTime::UNIX_EPOCH + Duration::from_secs(60));
    spool.push(TOPIC, b"last month", false, now() - Duration::from_secs(30 * 24 * 3600));
    push(&mut spool, 0);
    assert_eq!(spool.stats().dropped_age, 0, "the oldest blocks: nothing is reordered");
    let first = spool.next_to_send().unwrap().seq;
    spool.acknowledge(first);
    spool.trim(now());
    assert_eq!((spool.stats().dropped_age, spool.stats().waiting), (1, 1));
}

#[test]
fn a_full_disk_is_reported_and_what_it_missed_is_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    push(&mut spool, 0);
    // A closed segment and a missing folder stand for a disk that takes nothing.
    let away = dir.path().with_extension("away");
    std::fs::rename(dir.path(), &away).unwrap();
    std::fs::write(dir.path(), "a file is in the way").unwrap();
    let big = vec![b'x'; 70_000];
    spool.push(TOPIC, &big, true, now());
    assert!(spool.fault().is_some(), "a new segment cannot be made");
    assert_eq!(spool.stats().waiting, 2);
    std::fs::remove_file(dir.path()).unwrap();
    std::fs::rename(&away, dir.path()).unwrap();
    push(&mut spool, 2);
    assert_eq!(spool.fault(), None);
    drop(spool);
    let mut spool = open(dir.path());
    let all = rest(&mut spool);
    assert_eq!((all.len(), all[1].len(), &*all[2]), (3, 70_000, "event 2"));
}
