//! The test harness: a real broker, an independent subscriber, the real binary, input of networks,
//! and patience.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "each test target uses a part of this; tests wait for processes and may panic"
)]

mod broker;
mod log;
mod network;
mod process;
mod subscriber;

pub use broker::Mosquitto;
pub use log::{keep_log, log_lines};
pub use network::{input, input_spec};
pub use process::{Posed, binary, camera, clip, config, posed, posed_after, signal};
pub use subscriber::{Message, Subscriber, client_id};

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for anything: far above what the slowest machine needs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Repeats `probe` until it returns something; panics after [`PATIENCE`].
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "timed out waiting for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A TCP port on which no process listens.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the development data (`$POSED_SHARED`, by default `../shared`). If it is absent, says
/// on stderr that the test is skipped.
pub fn shared(file: impl AsRef<Path>) -> Option<PathBuf> {
    let folder = std::env::var_os("POSED_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

/// Compares `actual` with a file of the repository; writes that file if `POSED_BLESS` is set.
pub fn assert_golden(path: &str, actual: &str) {
    let file = root().join(path);
    if std::env::var_os("POSED_BLESS").is_some() {
        std::fs::write(&file, actual).unwrap();
    }
    let want = std::fs::read_to_string(&file).unwrap_or_default();
    // Block by block, so that a failure shows the block and not the whole file.
    for (actual, want) in actual.split("\n--- ").zip(want.split("\n--- ")) {
        assert_eq!(actual, want, "{path}");
    }
    assert_eq!(actual.len(), want.len(), "{path}");
}
