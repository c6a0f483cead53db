//! What open pages cost. Measurements, not checks: they assert no time, so they run only if asked
//! for: `cargo test --release --test http ten_pages -- --ignored --nocapture`

use crate::common::{Mosquitto, Posed, Subscriber, camera, config, free_port};
use crate::{Served, pose_messages};
use posed::telemetry::stats::FrameTimes;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

const PAGES: usize = 10;
const CAMERAS: [&str; 3] = ["door", "hall", "yard"];
const FPS: u32 = 25;
const SECONDS: u32 = 10;

/// Processor time of a process's threads, in ms: of those called `name`, or of all.
fn cpu_ms(process: &str, name: Option<&str>) -> f64 {
    let mut ms = 0.0;
    for task in std::fs::read_dir(format!("/proc/{process}/task")).unwrap() {
        let task = task.unwrap().path();
        let called = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.is_none_or(|name| called.trim() == name) {
            let stat = std::fs::read_to_string(task.join("schedstat")).unwrap_or_default();
            ms += stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e6;
        }
    }
    ms
}

/// Opens a page that takes all that it is sent.
fn look(address: std::net::SocketAddr) {
    let mut page = std::net::TcpStream::connect(address).unwrap();
    write!(page, "GET /feed HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    std::thread::spawn(move || while page.read(&mut [0; 65536]).is_ok_and(|n| n > 0) {});
}

#[test]
#[ignore = "measures for ten seconds"]
fn ten_pages_that_show_three_cameras() {
    let served = Served::open();
    for _ in 0..PAGES {
        look(served.client.0);
    }
    crate::common::wait_for("pages", || (served.hub.watchers() == PAGES).then_some(()));
    // As long as a message with two people.
    let message = format!("{{\"filler\":\"{}\"}}", "x".repeat(1700));
    let (before, began, mut in_hub) = (cpu_ms("self", Some("http")), Instant::now(), Duration::ZERO);
    for frame in 1..=FPS * SECONDS {
        let start = Instant::now();
        for camera in CAMERAS {
            served.hub.poses(camera, message.as_bytes(), 2, &FrameTimes::default());
        }
        in_hub += start.elapsed();
        std::thread::sleep((Duration::from_secs(1) / FPS * frame).saturating_sub(began.elapsed()));
    }
    let share = (cpu_ms("self", Some("http")) - before) / began.elapsed().as_secs_f64() / 10.0;
    let a_frame = in_hub / (FPS * SECONDS * CAMERAS.len() as u32);
    eprintln!(
        "{PAGES} pages: {share:.2} % of a core on the thread http; {a_frame:.1?} a frame on the worker"
    );
}

#[test]
#[ignore = "measures for half a minute"]
fn ten_pages_of_a_daemon_with_three_cameras() {
    let broker = Mosquitto::start();
    let port = free_port();
    let cameras = CAMERAS.map(|name| camera(name, "paced = true\nloop = true")).concat();
    let posed = Posed::run(&config(&broker, &format!("[http]\nlisten = \"127.0.0.1:{port}\"\n{cameras}")));
    let messages = Subscriber::start(&broker);
    for name in CAMERAS {
        messages.json(&format!("posed/{name}/poses"), |_| true);
    }
    let pid = posed.pid().to_string();
    let share = |what: Option<&str>, before: f64, began: Instant| {
        (cpu_ms(&pid, what) - before) / began.elapsed().as_secs_f64() / 10.0
    };
    let measure = |pages: usize| {
        let (all, http, began) = (cpu_ms(&pid, None), cpu_ms(&pid, Some("http")), Instant::now());
        let frames = pose_messages(&messages);
        std::thread::sleep(Duration::from_secs(SECONDS.into()));
        let rate = (pose_messages(&messages) - frames) as f64 / began.elapsed().as_secs_f64();
        eprintln!(
            "{pages} pages: {:.2} % of a core on the thread http; {:.1} % for the whole daemon, at {rate:.1} frames a second",
            share(Some("http"), http, began),
            share(None, all, began)
        );
    };
    // The first seconds load models and warm up.
    std::thread::sleep(Duration::from_secs(3));
    measure(0);
    (0..PAGES).for_each(|_| look(([127, 0, 0, 1], port).into()));
    std::thread::sleep(Duration::from_secs(1));
    measure(PAGES);
    measure(PAGES);
}
