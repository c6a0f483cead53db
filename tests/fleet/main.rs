//! `make bench-fleet`: many simulated boxes against a real mosquitto on loopback. Two cameras each,
//! recorded poses at QoS 1, last wills, retained states; one in a hundred boxes leaves and returns
//! each second; ten shared subscribers; then the broker restarts. Writes `target/bench/fleet.json`.
//!
//! `POSED_FLEET_BOXES` (1000), `POSED_FLEET_SECONDS` (120) and `POSED_FLEET_RATE` (messages a
//! second and box, 5) change its size.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark measures time and prints"
)]

#[path = "../common/mod.rs"]
mod common;
mod usage;
mod wire;

use common::{Mosquitto, wait_for};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use usage::{percentile, usage};
use wire::{Client, Packet};

const SUBSCRIBERS: usize = 10;
const CAMERAS: [&str; 2] = ["hall", "door"];
/// Longest pause before a box returns; the boxes draw theirs, so that they do not come at once.
const JITTER: Duration = Duration::from_secs(10);
/// Threads of the boxes and subscribers only move bytes.
const STACK: usize = 128 * 1024;

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    received: AtomicU64,
    connected: AtomicUsize,
    leaves: AtomicU64,
    over: AtomicBool,
    /// Boxes stay connected and publish nothing.
    quiet: AtomicBool,
    delays_us: Mutex<Vec<u32>>,
}

struct Size {
    seconds: u64,
    rate: u64,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// The recorded messages, without the line ends.
fn recording() -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(common::root().join("tests/track/golden/walk.jsonl")).unwrap();
    text.lines().map(|line| line.as_bytes().to_vec()).collect()
}

/// A box: connects, publishes, now and then vanishes, and comes back after a pause that it draws.
fn live(number: usize, port: u16, size: &Size, began: Instant, counts: &Counts, poses: &[Vec<u8>]) {
    let name = format!("box{number}");
    let mut random = fastrand::Rng::with_seed(number as u64);
    let mut pause = Duration::from_millis(random.u64(..5000));
    while !counts.over.load(SeqCst) {
        std::thread::sleep(pause);
        pause = JITTER.mul_f64(random.f64());
        let will = format!("posed/{name}/availability");
        let Ok(mut client) = Client::connect(port, &name, Some(&will)) else { continue };
        counts.connected.fetch_add(1, SeqCst);
        let left = session(&name, &mut client, size, began, counts, poses, &mut random);
        counts.connected.fetch_sub(1, SeqCst);
        if left.is_ok() {
            counts.leaves.fetch_add(1, SeqCst);
            pause = Duration::from_secs(1);
        }
    }
}

/// Publishes until the box leaves of itself (`Ok`) or loses the broker.
fn session(
    name: &str,
    client: &mut Client,
    size: &Size,
    began: Instant,
    counts: &Counts,
    poses: &[Vec<u8>],
    random: &mut fastrand::Rng,
) -> std::io::Result<()> {
    client.publish(&format!("posed/{name}/availability"), b"online", true, 1)?;
    for camera in CAMERAS {
        client.publish(
            &format!("posed/{name}/{camera}/state"),
            b"{\"schema\":1,\"status\":\"online\"}",
            true,
            1,
        )?;
    }
    (0..3).try_for_each(|_| client.next().map(drop))?;
    let topics = CAMERAS.map(|camera| format!("posed/{name}/{camera}/poses"));
    let tick = Duration::from_micros(1_000_000 / size.rate);
    let mut due = Instant::now();
    loop {
        if counts.over.load(SeqCst) {
            return Err(std::io::Error::other("over"));
        }
        due += tick;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if counts.quiet.load(SeqCst) {
            continue;
        }
        let topic = &topics[random.usize(..topics.len())];
        let mut payload = (began.elapsed().as_nanos() as u64).to_be_bytes().to_vec();
        payload.extend_from_slice(&poses[random.usize(..poses.len())]);
        counts.sent.fetch_add(1, SeqCst);
        client.publish(topic, &payload, false, 2)?;
        // One message in flight: what is not acknowledged is known.
        while !matches!(client.next()?, Packet::PubAck) {}
        counts.acknowledged.fetch_add(1, SeqCst);
        // One box in a hundred leaves each second.
        if random.u64(..100 * size.rate) == 0 {
            client.vanish();
            return Ok(());
        }
    }
}

/// One of the shared subscribers.
fn listen(number: usize, port: u16, began: Instant, counts: &Counts) {
    while !counts.over.load(SeqCst) {
        let Ok(mut client) = Client::connect(port, &format!("reader{number}"), None) else {
            std::thread::sleep(Duration::from_millis(200));
            continue;
        };
        if client.subscribe("$share/readers/posed/+/+/poses").is_err() {
            continue;
        }
        let mut delays = Vec::new();
        loop {
            match client.next() {
                Ok(Packet::Publish(payload)) => {
                    let sent = u64::from_be_bytes(*payload.first_chunk().unwrap());
                    let delay = (began.elapsed().as_nanos() as u64).saturating_sub(sent);
                    delays.push((delay / 1000).min(u64::from(u32::MAX)) as u32);
                    counts.received.fetch_add(1, SeqCst);
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        counts.delays_us.lock().unwrap().append(&mut delays);
    }
}

#[test]
#[ignore = "make bench-fleet: minutes, on a quiet machine"]
fn fleet() {
    let boxes = usize::try_from(number("POSED_FLEET_BOXES", 1000)).unwrap();
    let size =
        Arc::new(Size { seconds: number("POSED_FLEET_SECONDS", 120), rate: number("POSED_FLEET_RATE", 5) });
    let mut broker = Mosquitto::with("allow_anonymous true\nmax_queued_messages 10000\n");
    let (port, began) = (broker.port, Instant::now());
    let (counts, poses) = (Arc::new(Counts::default()), Arc::new(recording()));
    let spawn =
        |work: Box<dyn FnOnce() + Send>| std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap();
    let mut threads = Vec::new();
    for n in 0..SUBSCRIBERS {
        let counts = counts.clone();
        threads.push(spawn(Box::new(move || listen(n, port, began, &counts))));
    }
    for n in 0..boxes {
        let (counts, poses, size) = (counts.clone(), poses.clone(), size.clone());
        threads.push(spawn(Box::new(move || live(n, port, &size, began, &counts, &poses))));
    }
    // A box in a hundred is away at any time, for a second.
    let most = boxes - boxes / 20;
    wait_for("the boxes", || (counts.connected.load(SeqCst) >= most).then_some(()));

    let (from, sent_before, cpu_before) = (Instant::now(), counts.acknowledged.load(SeqCst), usage(port).0);
    std::thread::sleep(Duration::from_secs(size.seconds));
    let seconds = from.elapsed().as_secs_f64();
    let rate = (counts.acknowledged.load(SeqCst) - sent_before) as f64 / seconds;
    let (cpu, resident_mb) = usage(port);
    let processor = (cpu - cpu_before) / seconds;
    // What was acknowledged must have arrived once nobody publishes.
    counts.quiet.store(true, SeqCst);
    let missing = || counts.acknowledged.load(SeqCst).saturating_sub(counts.received.load(SeqCst));
    let quiet = Instant::now();
    while quiet.elapsed() < Duration::from_secs(2)
        || missing() > 0 && quiet.elapsed() < Duration::from_secs(30)
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    let lost = missing();
    counts.quiet.store(false, SeqCst);

    broker.down();
    std::thread::sleep(Duration::from_secs(1));
    broker.up();
    let up = Instant::now();
    wait_for("the boxes after the restart", || (counts.connected.load(SeqCst) >= most).then_some(()));
    let back = up.elapsed().as_secs_f64();

    counts.over.store(true, SeqCst);
    // Ends what the readers wait for.
    broker.down();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let (sent, acknowledged) = (counts.sent.load(SeqCst), counts.acknowledged.load(SeqCst));
    let received = counts.received.load(SeqCst);
    let mut delays = std::mem::take(&mut *counts.delays_us.lock().unwrap());
    delays.sort_unstable();
    let report = serde_json::json!({
        "boxes": boxes, "seconds": seconds, "messages_per_second": rate,
        "sent": sent, "acknowledged": acknowledged, "received": received,
        "lost": lost, "leaves": counts.leaves.load(SeqCst),
        "p50_ms": percentile(&delays, 0.5), "p99_ms": percentile(&delays, 0.99),
        "broker_processor": processor, "broker_resident_mb": resident_mb,
        "back_after_restart_s": back,
    });
    let folder = common::root().join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("fleet.json"), format!("{report:#}\n")).unwrap();
    println!("{report:#}");
    assert!(rate > 0.0, "nothing was published");
    assert_eq!(lost, 0, "the broker acknowledged messages that no subscriber got");
    assert!(back < 30.0, "not all boxes are back within 30 s");
}
