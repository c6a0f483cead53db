//! A camera over RTSP: its answers, its SDP and its packets. They go through GStreamer, which is C:
//! a crash ends the process, so `tests/fuzz` runs this target in a process of its own.

use posed::backoff::Backoff;
use posed::capture::{Capture, Event, FrameDrop, Options, Sink};
use posed::clock::SystemClock;
use posed::frame::Frame;
use posed::telemetry::progress::Progress;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Once};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between the answers of one camera.
const SEPARATOR: &[u8] = b"\n%%\n";
/// Longest attempt: posed reports an attempt without frames itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// A camera that gives no frame for this long has failed.
const GIVE_UP: Duration = Duration::from_millis(400);

/// Answers of a camera to one request each, and what it sends after the last one. `{CSEQ}` stands
/// for the number of the request, `{LENGTH}` for the length of the body.
pub fn rtsp(data: &[u8]) {
    static INIT: Once = Once::new();
    INIT.call_once(|| posed::capture::init().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://u:p@{}/x", listener.local_addr().unwrap());
    let mut options = Options::new("a", url.parse().unwrap());
    options.latency = Duration::ZERO;
    options.connect_timeout = GIVE_UP;
    options.stall_timeout = GIVE_UP;
    // Not a second attempt.
    options.backoff = Backoff::new(PATIENCE, PATIENCE).unwrap();
    let camera = Camera::start(listener, data.to_vec());
    let (send, events) = sync_channel(64);
    let progress = Progress::default();
    let capture = Capture::start(options, SystemClock::shared(), Arc::new(Eyes(send)), &progress).unwrap();
    wait(&events);
    capture.stop();
    assert_eq!(progress.panicked(), None);
    camera.end();
}

/// Waits until the attempt is over.
fn wait(events: &Receiver<Event>) {
    loop {
        match events.recv_timeout(PATIENCE).expect("an attempt without end") {
            Event::Failed { reason, .. } => return assert!(!reason.is_empty()),
            Event::Stalled { .. } | Event::Ended | Event::Stopped => return,
            _ => {}
        }
    }
}

/// Reads every frame.
struct Eyes(SyncSender<Event>);

impl Sink for Eyes {
    fn frame(&self, frame: Frame) {
        let planes = (0..3).map(|plane| frame.plane(plane));
        let sum: u64 = planes.flat_map(|plane| plane.iter().step_by(64)).map(|byte| u64::from(*byte)).sum();
        assert!(frame.info.width > 0 && frame.info.height > 0, "{sum}");
    }

    fn dropped(&self, _: FrameDrop) {}

    fn event(&self, event: Event) {
        let _ = self.0.try_send(event);
    }
}

/// Plays its answers to each connection.
struct Camera {
    address: SocketAddr,
    end: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Camera {
    fn start(listener: TcpListener, data: Vec<u8>) -> Camera {
        let address = listener.local_addr().unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let ended = end.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                answer(stream, &data);
            }
        });
        Camera { address, end, thread }
    }

    fn end(self) {
        self.end.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        self.thread.join().unwrap();
    }
}

/// Answers one connection.
fn answer(mut stream: TcpStream, data: &[u8]) {
    stream.set_read_timeout(Some(GIVE_UP * 4)).unwrap();
    let mut requests = BufReader::new(stream.try_clone().unwrap());
    let mut parts = split(data).into_iter().peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            let _ = stream.write_all(part);
            break;
        }
        let Some(number) = request(&mut requests) else { break };
        let length = part.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| part.len() - at - 4);
        let part = replaced(part, b"{CSEQ}", number.as_bytes());
        if stream.write_all(&replaced(&part, b"{LENGTH}", length.to_string().as_bytes())).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    // Unread requests would reset the connection, and what was sent with it.
    while request(&mut requests).is_some() {}
}

/// Reads a request and returns its number; `None` at the end of the connection.
fn request(from: &mut BufReader<TcpStream>) -> Option<String> {
    let mut number = String::new();
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line);
        if let Some(value) = line.strip_prefix("CSeq:") {
            value.trim().clone_into(&mut number);
        } else if line.trim().is_empty() {
            return Some(number);
        }
    }
}

fn split(data: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), data);
    while let Some(at) = rest.windows(SEPARATOR.len()).position(|text| text == SEPARATOR) {
        parts.push(&rest[..at]);
        rest = &rest[at + SEPARATOR.len()..];
    }
    parts.push(rest);
    parts
}

fn replaced(text: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = rest.windows(what.len()).position(|part| part == what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(with);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}
