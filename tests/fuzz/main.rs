//! The targets of `fuzz/` by mutation of their corpus, on stable Rust: two seconds each among the
//! tests, `POSED_FUZZ_SECONDS` in `make fuzz-inputs`. A finding prints the seed that repeats it,
//! and its input lies in `target/tmp`. Networks have a mutator of their own, in `tests/rewriter`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "fuzzing is limited by real time"
)]

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// No input may take this long.
const WATCH: Duration = Duration::from_secs(60);
const LONGEST_INPUT: usize = 32 * 1024;

/// Pieces that mean something to one of the targets.
const PIECES: &[&str] = &[
    "[[camera]]",
    "[mqtt]",
    "\"",
    "'''",
    "=",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "1e400",
    "-1",
    "nan",
    "null",
    "1e39",
    "18446744073709551615",
    "4294967295",
    "-9223372036854775808",
    "\u{0}",
    "é",
    "%2F",
    "%00",
    "://",
    "@",
    ":",
    "/",
    "?",
    "#",
    "psd1",
    "posedday",
    "\r\n",
    "\r\n\r\n",
    "GET / HTTP/1.1\r\n",
    "Host: 127.0.0.1\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Authorization: ",
    "posed/",
    "/set",
    "ON",
    "\n%%\n",
    "m=video 0 RTP/AVP 96\r\n",
    "a=",
    "RTSP/1.0 401 \r\n",
    "rtsp",
    "rtsps",
    "v4l2",
    "file",
    "pipeline",
    "http",
    "\"schema\":1",
    "\"people\":[",
    "0x",
    "..",
];

fn fuzz(name: &str, target: fn(&[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse().ok());
    let limit = Duration::from_secs(number("POSED_FUZZ_SECONDS").unwrap_or(2));
    let first = number("POSED_FUZZ_SEED").unwrap_or(1);
    let corpus = corpus(name);
    corpus.iter().for_each(|input| target(input));
    let (began, mut seed) = (Instant::now(), first);
    while began.elapsed() < limit {
        let input = mutated(&corpus, &mut fastrand::Rng::with_seed(seed));
        // A crash in C code ends the process: the file names the input that did it.
        if name == "rtsp" {
            std::fs::write(finding(name), &input).unwrap();
        }
        let watch = Watch::new(name, seed);
        let outcome = std::panic::catch_unwind(|| target(&input));
        drop(watch);
        if outcome.is_err() {
            let file = finding(name);
            std::fs::write(&file, &input).unwrap();
            panic!(
                "repeat it with POSED_FUZZ_SEED={seed} cargo test --test fuzz {name}; its input is {}",
                file.display()
            );
        }
        seed += 1;
    }
    eprintln!("{name}: {} inputs from seed {first}", seed - first);
    assert!(seed > first, "no input was tried");
}

/// Where the input of a finding is written.
fn finding(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"))
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// A file of the corpus with one to eight changes.
fn mutated(corpus: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = corpus[random.usize(..corpus.len())].clone();
    for _ in 0..random.usize(1..9) {
        let at = random.usize(..=input.len());
        let end = input.len().min(at + random.usize(..40));
        match random.u8(..8) {
            0 => drop(input.splice(at..end, PIECES[random.usize(..PIECES.len())].bytes())),
            1 => drop(input.splice(at..at, PIECES[random.usize(..PIECES.len())].bytes())),
            2 => drop(input.drain(at..end)),
            3 => {
                let copy = input[at..end].to_vec();
                let to = random.usize(..=input.len());
                drop(input.splice(to..to, copy));
            }
            4 => {
                let other = &corpus[random.usize(..corpus.len())];
                let from = random.usize(..=other.len());
                drop(input.splice(at.., other[from..].iter().copied()));
            }
            5 => input[at..end].iter_mut().for_each(|byte| *byte = random.u8(..)),
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.u8(..8);
                }
            }
        }
    }
    input.truncate(LONGEST_INPUT);
    input
}

/// Ends the process with the seed when one input takes too long: a hang would name nothing.
struct Watch(#[allow(dead_code, reason = "its end is what is waited for")] SyncSender<()>);

impl Watch {
    fn new(name: &str, seed: u64) -> Watch {
        let (over, rest) = sync_channel(0);
        let name = name.to_owned();
        std::thread::spawn(move || {
            if rest.recv_timeout(WATCH) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{name}: POSED_FUZZ_SEED={seed}: no end after {WATCH:?}");
                std::process::exit(1);
            }
        });
        Watch(over)
    }
}

#[test]
fn config() {
    fuzz("config", targets::config);
}

#[test]
fn manifest() {
    fuzz("manifest", targets::manifest);
}

#[test]
fn replay() {
    fuzz("replay", targets::replay);
}

#[test]
fn spool() {
    fuzz("spool", targets::spool);
}

#[test]
fn history() {
    fuzz("history", targets::history);
}

#[test]
fn mask() {
    fuzz("mask", targets::mask);
}

#[test]
fn command() {
    fuzz("command", targets::command);
}

#[test]
fn broker() {
    fuzz("broker", targets::broker);
}

#[test]
fn http() {
    fuzz("http", targets::http);
}

/// Once each: `make fuzz` and libFuzzer look for more.
#[test]
fn networks_of_the_corpus() {
    corpus("onnx").iter().for_each(|input| targets::onnx(input));
}

/// GStreamer's decoders are C. A crash must not take the other tests along, so this test runs
/// itself again in a process of its own.
#[test]
fn rtsp() {
    const MARK: &str = "POSED_FUZZ_ALONE";
    if std::env::var_os(MARK).is_some() {
        return fuzz("rtsp", targets::rtsp);
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["rtsp", "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        // GStreamer warns about what a camera does wrong: that is no finding.
        .env_remove("G_DEBUG")
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{status}: its last input is {}", finding("rtsp").display());
}
