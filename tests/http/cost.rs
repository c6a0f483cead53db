//! What open pages cost. A measurement, not a check: it asserts no time, so it runs only if asked
//! for: `cargo test --release --test http ten_pages -- --ignored --nocapture`

use crate::Served;
use posed::telemetry::stats::FrameTimes;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

const PAGES: usize = 10;
const CAMERAS: [&str; 3] = ["door", "hall", "yard"];
const FPS: u32 = 25;
const SECONDS: u32 = 10;

/// Processor time of this process's threads called `name`, in ms.
fn thread_ms(name: &str) -> u64 {
    let mut ms = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        if std::fs::read_to_string(task.join("comm")).unwrap_or_default().trim() == name {
            let stat = std::fs::read_to_string(task.join("schedstat")).unwrap();
            ms += stat.split(' ').next().unwrap().parse::<u64>().unwrap() / 1_000_000;
        }
    }
    ms
}

#[test]
#[ignore = "measures for ten seconds"]
fn ten_pages_that_show_three_cameras() {
    let served = Served::open();
    for _ in 0..PAGES {
        let mut page = served.client.connect();
        write!(page, "GET /feed HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        std::thread::spawn(move || while page.read(&mut [0; 65536]).is_ok_and(|n| n > 0) {});
    }
    crate::common::wait_for("pages", || (served.hub.watchers() == PAGES).then_some(()));
    // As long as a message with two people.
    let message = format!("{{\"filler\":\"{}\"}}", "x".repeat(1700));
    let (before, began, mut in_hub) = (thread_ms("http"), Instant::now(), Duration::ZERO);
    for frame in 1..=FPS * SECONDS {
        let start = Instant::now();
        for camera in CAMERAS {
            served.hub.poses(camera, message.as_bytes(), 2, &FrameTimes::default());
        }
        in_hub += start.elapsed();
        std::thread::sleep((Duration::from_secs(1) / FPS * frame).saturating_sub(began.elapsed()));
    }
    let share = (thread_ms("http") - before) as f64 / began.elapsed().as_secs_f64() / 10.0;
    let a_frame = in_hub / (FPS * SECONDS * CAMERAS.len() as u32);
    eprintln!(
        "{PAGES} pages: {share:.2} % of a core on the thread http; {a_frame:.1?} a frame on the worker"
    );
}
