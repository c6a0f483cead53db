//! Keeps the log lines of the test process, so that tests can count them.

use std::sync::{Mutex, Once};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Starts keeping log lines of level info and above.
pub fn keep_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_env_filter(tracing_subscriber::EnvFilter::new("info"))
            .with_writer(|| Writer)
            .init();
    });
}

/// Lines that contain `mark`. Tests that run in parallel share the log, so `mark` must be unique to
/// the test, such as its port.
pub fn log_lines(mark: &str) -> Vec<String> {
    LINES.lock().unwrap().iter().filter(|line| line.contains(mark)).cloned().collect()
}

struct Writer;

impl std::io::Write for Writer {
    // The formatter writes one whole line in each call.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.lock().unwrap().push(String::from_utf8_lossy(bytes).trim_end().to_owned());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
