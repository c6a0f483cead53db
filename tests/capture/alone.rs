//! Tests that count threads, descriptors and memory, or register elements, want a process of
//! their own: they run themselves again in one.

use std::process::{Command, Stdio};

/// Runs test `name` of this file in a process of its own; true in the one that must do the work.
pub fn alone(name: &str) -> bool {
    const MARK: &str = "POSED_TEST_ALONE";
    if std::env::var_os(MARK).is_some_and(|v| v == name) {
        return true;
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, name)
        // One heap: how many of them threads happen to fill is no leak.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{name}: {status}");
    false
}

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    pub threads: usize,
    pub descriptors: usize,
    pub resident_kb: usize,
}

pub fn held() -> Held {
    let count = |dir: &str| std::fs::read_dir(dir).unwrap().count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    Held {
        threads: count("/proc/self/task"),
        // One of them is the directory that is being read.
        descriptors: count("/proc/self/fd") - 1,
        resident_kb: resident.trim().trim_end_matches(" kB").parse().unwrap(),
    }
}
