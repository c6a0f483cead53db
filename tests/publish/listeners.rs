//! Brokers that are away, never answer, never read, or throw us out.

use super::{MS, connected, options, start};
use crate::common::{self, log_lines, wait_for};
use posed::backoff::Backoff;
use posed::clock::SystemClock;
use posed::publish::{LONGEST_PAYLOAD_BYTES, Options, Publisher};
use posed::telemetry::progress::Progress;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A port on whose connections `serve` is called; until dropped.
struct Listener {
    port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Listener {
    fn new(mut serve: impl FnMut(&mut std::net::TcpStream) + Send + 'static) -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            // Kept open, never read again.
            let mut held = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((mut stream, _)) => {
                        stream.set_nonblocking(false).unwrap();
                        serve(&mut stream);
                        held.push(stream);
                    }
                    Err(_) => std::thread::sleep(5 * MS),
                }
            }
        });
        Listener { port, stop, thread: Some(thread) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn poses_never_wait_for_a_broker_that_is_away() {
    let publisher = start(options(common::free_port()));
    for _ in 0..100_000 {
        publisher.poses("door", b"{}");
    }
    let stats = publisher.stats();
    assert_eq!((stats.dropped.offline, stats.waiting, stats.connected), (100_000, 0, false));
    publisher.poses("door", &vec![0; LONGEST_PAYLOAD_BYTES + 1]);
    assert_eq!(publisher.dropped("door").too_long, 1);
    publisher.stop();
}

#[test]
fn a_listener_that_never_answers_is_given_up_and_does_not_hold_a_stop() {
    let listener = Listener::new(|_| ());
    let publisher = start(options(listener.port));
    let mine = format!(":{}:", listener.port);
    let lines = wait_for("a line", || Some(log_lines(&mine)).filter(|lines| !lines.is_empty()));
    assert!(lines[0].contains("no answer from the broker"), "{lines:?}");
    publisher.poses("door", b"{}");
    assert_eq!(publisher.dropped("door").offline, 1);
    publisher.stop();
}

#[test]
fn a_broker_that_never_reads_costs_old_poses_and_bounded_memory() {
    let listener = Listener::new(|stream| {
        let mut connect = [0; 256];
        let _ = stream.read(&mut connect);
        let _ = stream.write_all(&[0x20, 2, 0, 0]);
    });
    let publisher = start(options(listener.port));
    connected(&publisher);
    let payload = vec![b'x'; 64 * 1024];
    wait_for("an overflow", || {
        for _ in 0..10 {
            publisher.poses("door", &payload);
        }
        assert!(publisher.stats().waiting <= publisher.options().queue);
        (publisher.dropped("door").overflow > 100).then_some(())
    });
    // Poses on their way are in the kernel's buffers: far fewer than were dropped.
    println!("{:?}", publisher.stats());
    publisher.stop();
}

/// (file descriptors, threads, resident KiB) of this process.
fn resources() -> (usize, usize, usize) {
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let resident = resident.trim().trim_end_matches(" kB").parse().unwrap();
    (count("/proc/self/fd"), count("/proc/self/task"), resident)
}

/// Run by `attempts_leave_nothing_behind` in a process of its own.
#[test]
fn publisher_that_is_thrown_out() {
    if std::env::var_os("POSED_TEST_THROWN_OUT").is_none() {
        return;
    }
    let attempts = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let counted = attempts.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Every other one is accepted before it is thrown out.
            let mut stream = stream.unwrap();
            if counted.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                let _ = stream.read(&mut [0; 256]);
                let _ = stream.write_all(&[0x20, 2, 0, 0]);
            }
        }
    });
    let retry = Backoff::new(MS, 2 * MS).unwrap();
    let publisher = Publisher::start(
        Options { unstable: retry.clone(), retry, ..options(port) },
        SystemClock::shared(),
        &Progress::default(),
    )
    .unwrap();
    let after = |count: usize| {
        wait_for("attempts", || {
            publisher.poses("door", &[b'x'; 4096]);
            (attempts.load(Ordering::SeqCst) >= count).then_some(())
        });
        resources()
    };
    let (before, end) = (after(200), after(1500));
    assert!(end.0 <= before.0 + 2, "file descriptors: {before:?} -> {end:?}");
    assert!(end.1 <= before.1 + 1, "threads: {before:?} -> {end:?}");
    assert!(end.2 <= before.2 + 1024, "resident KiB: {before:?} -> {end:?}");
    println!("(descriptors, threads, resident KiB) after 200 and 1500 attempts: {before:?} {end:?}");
}

#[test]
fn attempts_leave_nothing_behind() {
    let done = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "listeners::publisher_that_is_thrown_out", "--nocapture"])
        .env("POSED_TEST_THROWN_OUT", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    println!("{}", said.lines().find(|line| line.starts_with("(descriptors")).unwrap());
}
