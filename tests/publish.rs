//! The publisher against a real mosquitto, and against listeners that are no brokers.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests wait for other processes, and may panic and print"
)]

#[path = "publish/certificates.rs"]
mod certificates;
mod common;

use certificates::Authority;
use common::{Mosquitto, Subscriber, keep_log, log_lines, wait_for};
use posed::backoff::Backoff;
use posed::clock::{Mono, SystemClock};
use posed::frame::{ClockLabel, Stamp};
use posed::geometry::BBox;
use posed::keypoint::{KEYPOINTS, Keypoint, Keypoints};
use posed::publish::{
    LONGEST_PAYLOAD_BYTES, Latency, Login, Options, Person, Poses, Publisher, SCHEMA, State, Status, Tls,
};
use posed::telemetry::progress::Progress;
use proptest::prelude::*;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

const MS: Duration = Duration::from_millis(1);

/// With pauses short enough for a test.
fn options(port: u16) -> Options {
    Options {
        retry: Backoff::new(20 * MS, 200 * MS).unwrap(),
        refused: Backoff::new(20 * MS, 200 * MS).unwrap(),
        ..Options::new("127.0.0.1", port, "posed-test").unwrap()
    }
}

fn start(options: Options) -> Publisher {
    keep_log();
    Publisher::start(options, SystemClock::shared(), &Progress::default()).unwrap()
}

fn connected(publisher: &Publisher) {
    wait_for("a connection", || publisher.connected().then_some(()));
}

fn state(status: Status) -> State<'static> {
    State {
        status,
        reason: None,
        since: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_489_511_123),
        decoder: Some("avdec_h264"),
        caps: Some("video/x-raw, format=I420, width=1280, height=720"),
        attempts: 3,
        fps_in: 25.04,
        fps_out: 24.96,
        people: 2,
        decoded: 103,
        published: 100,
        dropped: [("overwritten", 3), ("rate", 0)].into(),
        unsent: [("offline", 7)].into(),
        skipped: [("max_people", 4)].into(),
        latency: Some(Latency { p50_ms: 18.34, p99_ms: 31.0 }),
        finder: Some(Latency { p50_ms: 4.02, p99_ms: 5.0 }),
        pose: Some(Latency { p50_ms: 14.16, p99_ms: 25.0 }),
    }
}

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
fn a_subscriber_gets_poses_and_whoever_comes_later_what_is_retained() {
    let broker = Mosquitto::start();
    let early = Subscriber::new(broker.port);
    let publisher = start(options(broker.port));
    publisher.state("door", &state(Status::Online));
    early.wait("posed/availability", |m| m.payload == b"online");
    // A crowd: more than rumqttc lets through by default.
    let crowd = vec![b'x'; 100_000];
    publisher.poses("door", &crowd);
    let got = early.wait("posed/door/poses", |_| true);
    assert_eq!((got.payload.len(), got.retained), (crowd.len(), false));

    let late = Subscriber::new(broker.port);
    assert!(late.wait("posed/availability", |m| m.payload == b"online").retained);
    assert!(late.wait("posed/door/state", |_| true).retained);
    assert_eq!(late.wait("posed/schema", |m| m.retained).payload, SCHEMA.as_bytes());

    publisher.state("door", &state(Status::Stopped));
    publisher.retain("posed/old/state", b"");
    publisher.stop();
    let is_stopped = |m: &common::Message| String::from_utf8_lossy(&m.payload).contains("\"stopped\"");
    early.wait("posed/door/state", is_stopped);
    early.wait("posed/availability", |m| m.payload == b"offline");
    let order: Vec<_> = early.messages().into_iter().filter(|m| !m.retained).map(|m| m.topic).collect();
    assert_eq!(order.last().unwrap(), "posed/availability", "{order:?}");
    // A second offline would be the last will: then we had not said goodbye.
    let offline = early.messages().iter().filter(|m| m.payload == b"offline").count();
    assert_eq!(offline, 1);
    publisher.poses("door", b"late");
    assert_eq!(publisher.dropped("door").offline, 1);
    assert_eq!(publisher.stats().published, 1);
}

/// Run by `a_killed_daemon_is_announced_by_its_last_will` in a process of its own.
#[test]
fn publisher_to_be_killed() {
    let Ok(port) = std::env::var("POSED_TEST_PORT") else { return };
    let publisher = start(options(port.parse().unwrap()));
    connected(&publisher);
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn a_killed_daemon_is_announced_by_its_last_will() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "publisher_to_be_killed"])
        .env("POSED_TEST_PORT", broker.port.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    subscriber.wait("posed/availability", |m| m.payload == b"online");
    child.kill().unwrap();
    child.wait().unwrap();
    subscriber.wait("posed/availability", |m| m.payload == b"offline");
    let late = Subscriber::new(broker.port);
    assert!(late.wait("posed/availability", |m| m.payload == b"offline").retained);
}

#[test]
fn a_broker_that_comes_back_empty_gets_everything_again() {
    let broker = Mosquitto::start();
    let port = broker.port;
    let publisher = start(Options { retry: Options::new("", 0, "").unwrap().retry, ..options(port) });
    publisher.state("door", &state(Status::Online));
    connected(&publisher);
    drop(broker);
    wait_for("the loss", || (!publisher.connected()).then_some(()));
    for _ in 0..1000 {
        publisher.poses("door", b"unheard");
    }
    assert!(publisher.dropped("door").offline >= 1000);
    assert_eq!(publisher.stats().waiting, 0);
    // Long enough for the pauses to reach their cap.
    std::thread::sleep(5000 * MS);

    let back = std::time::Instant::now();
    let _broker = wait_for("the port", || Mosquitto::on(port, "allow_anonymous true\n"));
    let subscriber = Subscriber::new(port);
    subscriber.wait("posed/availability", |m| m.payload == b"online");
    publisher.poses("door", b"heard");
    subscriber.wait("posed/door/poses", |m| m.payload == b"heard");
    println!("poses flow {:.2} s after the broker's return", back.elapsed().as_secs_f64());
    assert!(subscriber.messages().iter().all(|m| m.payload != b"unheard"), "stale poses");
    subscriber.wait("posed/schema", |_| true);
    subscriber.wait("posed/door/state", |_| true);
    assert_eq!(publisher.stats().reconnects, 1);
    let lines = log_lines(&format!(":{port}:"));
    assert!(lines.len() <= 4, "connected, lost, no connection, connected: {lines:#?}");
}

fn set_password(broker_file: &Path, password: &str) {
    let done = std::process::Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .args([broker_file.as_os_str(), "posed".as_ref(), password.as_ref()])
        .status()
        .unwrap();
    assert!(done.success());
}

#[test]
fn a_wrong_password_is_one_line_until_its_file_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let known = dir.path().join("known");
    set_password(&known, "right");
    let config = format!("allow_anonymous false\npassword_file {}\n", known.display());
    let broker = Mosquitto::with(&config);
    let file = dir.path().join("password");
    std::fs::write(&file, "wrong-hunter2\n").unwrap();
    let login = Login { username: "posed".into(), password_file: Some(file.clone()) };
    let publisher = start(Options { login: Some(login), ..options(broker.port) });
    let refusals = || broker.log().matches("not authorised").count();
    wait_for("four attempts", || (refusals() >= 4).then_some(()));
    let mine = format!(":{}:", broker.port);
    let lines = log_lines(&mine);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("ERROR") && lines[0].contains("password file"), "{lines:?}");

    std::fs::write(&file, "right\n").unwrap();
    connected(&publisher);
    let lines = wait_for("a second line", || Some(log_lines(&mine)).filter(|l| l.len() > 1));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[1].contains("connected after") && !lines.concat().contains("hunter2"), "{lines:?}");

    std::fs::remove_file(&file).unwrap();
    drop(broker);
    wait_for("its own line", || log_lines(&mine).iter().any(|l| l.contains("no password")).then_some(()));
}

/// A TLS broker on localhost with a certificate for `host` that lasts `days`.
fn tls_broker(authority: &Authority, host: &str, days: i64, dir: &Path) -> Mosquitto {
    let files = authority.certify(host, days, dir);
    Mosquitto::with(&format!(
        "allow_anonymous true\ncertfile {}\nkeyfile {}\n",
        files.cert.display(),
        files.key.display()
    ))
}

/// Another folder below `dir`, so that certificates of one name do not overwrite each other.
fn elsewhere(dir: &tempfile::TempDir) -> std::path::PathBuf {
    let path = dir.path().join(fastrand::u64(..).to_string());
    std::fs::create_dir(&path).unwrap();
    path
}

/// Waits for the line that says why `broker` is not trusted.
fn distrust(broker: &Mosquitto, ca: std::path::PathBuf) -> String {
    let tls = Some(Tls { ca: Some(ca), identity: None });
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "hunter2").unwrap();
    let login = Some(Login { username: "posed".into(), password_file: Some(secret) });
    let publisher = start(Options { host: "localhost".into(), tls, login, ..options(broker.port) });
    let mine = format!(":{}:", broker.port);
    let lines = wait_for("a line", || Some(log_lines(&mine)).filter(|lines| !lines.is_empty()));
    publisher.stop();
    assert_eq!(publisher.stats().reconnects, 0);
    assert!(!publisher.connected() && !broker.log().contains("New client connected"));
    let lines = if lines.len() > 1 { log_lines(&mine) } else { lines };
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines[0].clone()
}

#[test]
fn tls_is_verified_and_never_done_without() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let ca = authority.file(dir.path());

    let good = tls_broker(&authority, "localhost", 30, dir.path());
    let tls = Some(Tls { ca: Some(ca.clone()), identity: None });
    let publisher = start(Options { host: "localhost".into(), tls, ..options(good.port) });
    connected(&publisher);
    publisher.stop();

    let unknown = tls_broker(&stranger, "localhost", 30, &elsewhere(&dir));
    let said = distrust(&unknown, ca.clone());
    assert!(said.contains("unknown authority") && said.contains("tls_ca"), "{said}");
    let expired = tls_broker(&authority, "localhost", -1, &elsewhere(&dir));
    let said = distrust(&expired, ca.clone());
    assert!(said.contains("has expired"), "{said}");
    let other = tls_broker(&authority, "elsewhere.example", 30, dir.path());
    let said = distrust(&other, ca.clone());
    assert!(said.contains("another host"), "{said}");
    let plain = Mosquitto::start();
    let said = distrust(&plain, ca);
    assert!(said.contains("TLS port"), "{said}");
}

#[test]
fn a_broker_that_asks_for_a_certificate_gets_ours() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = authority.file(dir.path());
    let server = authority.certify("localhost", 30, dir.path());
    let ours = authority.certify("posed", 30, dir.path());
    let broker = Mosquitto::with(&format!(
        "allow_anonymous true\ncertfile {}\nkeyfile {}\ncafile {}\nrequire_certificate true\n",
        server.cert.display(),
        server.key.display(),
        ca.display()
    ));
    let tls = Tls { ca: Some(ca), identity: Some((ours.cert.clone(), ours.key)) };
    let publisher =
        start(Options { host: "localhost".into(), tls: Some(tls.clone()), ..options(broker.port) });
    connected(&publisher);
    let not_a_key = Tls { identity: Some((ours.cert.clone(), ours.cert)), ..tls };
    let wrong = Options { tls: Some(not_a_key), ..options(broker.port) };
    assert!(wrong.check().unwrap_err().to_string().contains("PKCS#8"));
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
    let publisher =
        Publisher::start(Options { retry, ..options(port) }, SystemClock::shared(), &Progress::default())
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
        .args(["--exact", "publisher_that_is_thrown_out", "--nocapture"])
        .env("POSED_TEST_THROWN_OUT", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    println!("{}", said.lines().find(|line| line.starts_with("(descriptors")).unwrap());
}

fn head() -> Poses<'static> {
    let stamp = Stamp {
        mono: Mono(5),
        wall: SystemTime::UNIX_EPOCH + Duration::new(1_795_489_511, 123_456_789),
        clock: ClockLabel::Receive,
        pts: None,
    };
    Poses {
        session: "0123456789abcdef",
        seq: 412,
        camera: "door",
        stamp,
        age: Duration::from_micros(21_449),
        size: (1280, 720),
    }
}

fn poses(people: &[Person<'_>]) -> String {
    let mut out = Vec::new();
    assert_eq!(head().write(people.iter().copied(), &mut out), people.iter().filter(|p| p.id != 13).count());
    String::from_utf8(out).unwrap()
}

/// Mostly numbers of a picture, and now and then anything that an f32 can be.
fn number() -> impl Strategy<Value = f32> {
    let odd = prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::MAX)];
    prop_oneof![400 => -2000.0f32..2000.0, 1 => odd, 1 => any::<u32>().prop_map(f32::from_bits)]
}

proptest! {
    #[test]
    fn whatever_the_numbers_a_message_is_as_the_schema_says(
        people in prop::collection::vec(prop::collection::vec(number(), 7 + 3 * KEYPOINTS), 0..4),
    ) {
        let validator = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let keypoint = |n: &[f32]| Keypoint { x_px: n[0], y_px: n[1], score: n[2] };
        let keypoints: Vec<Keypoints> =
            people.iter().map(|n| std::array::from_fn(|k| keypoint(&n[7 + 3 * k..]))).collect();
        let person = |(n, keypoints)| {
            let n: &Vec<f32> = n;
            Person {
                id: 1,
                bbox: BBox { x: n[0], y: n[1], w: n[2], h: n[3] },
                score: n[4],
                keypoints,
                raw_keypoints: Some(keypoints),
                age: Duration::ZERO,
                track_age: Duration::ZERO,
                velocity_px_s: [n[5], n[6]],
            }
        };
        let mut message = Vec::new();
        let written = head().write(people.iter().zip(&keypoints).map(person), &mut message);
        let value: serde_json::Value = serde_json::from_slice(&message).unwrap();
        prop_assert_eq!(value["people"].as_array().map(Vec::len), Some(written));
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        prop_assert!(errors.is_empty(), "{:#?}", errors);
    }
}

#[test]
fn messages_are_as_they_were_and_as_the_schema_says() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut keypoints = [Keypoint::default(); KEYPOINTS];
    for (n, k) in keypoints.iter_mut().enumerate() {
        *k =
            Keypoint { x_px: 800.0 + 10.0 * n as f32, y_px: 190.26 + n as f32, score: 0.9 - 0.05 * n as f32 };
    }
    let person = Person {
        id: 7,
        bbox: BBox { x: 811.0, y: 190.24, w: 120.35, h: 300.9 },
        score: 0.8125,
        keypoints: &keypoints,
        raw_keypoints: None,
        age: Duration::from_millis(33),
        track_age: Duration::from_millis(12_345),
        velocity_px_s: [-3.25, 0.0],
    };
    // Whoever has a number that JSON does not know is left out.
    let nobody = Person { id: 13, score: f32::NAN, ..person };
    let last = Person { id: 8, age: Duration::ZERO, raw_keypoints: Some(&keypoints), ..person };
    let many = poses(&[nobody, person, last]);
    let none = poses(&[]);
    let states = [
        state(Status::Online),
        State {
            status: Status::Failed,
            reason: Some("rtspsrc: \"no route\""),
            decoder: None,
            caps: None,
            latency: None,
            finder: None,
            pose: None,
            fps_in: f64::NAN,
            ..state(Status::Online)
        },
    ];
    let states = states.map(|state| String::from_utf8(state.to_json()).unwrap());
    let mut said = String::new();
    for message in [&many, &none, &states[0], &states[1]] {
        let value: serde_json::Value = serde_json::from_str(message).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{message}\n{errors:#?}");
        said += message;
        said.push('\n');
    }
    common::assert_golden("tests/publish/messages.jsonl", &said);
    // The schema says no where it should.
    for (from, to) in
        [("\"id\":7", "\"id\":\"7\""), ("\"nose\"", "\"nase\""), ("\"score\":0.8", "\"score\":1.8")]
    {
        let wrong = many.replacen(from, to, 1);
        assert_ne!(wrong, many);
        assert!(!validator.is_valid(&serde_json::from_str(&wrong).unwrap()), "{to}");
    }
}
