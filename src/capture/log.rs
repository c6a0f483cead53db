//! Starts GStreamer, and sends what it logs where our log goes.

use super::Error;
use gstreamer as gst;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::clock::{Mono, SharedClock, SystemClock};

/// Warnings a second that are passed on; elements repeat themselves with every buffer.
const LINES_PER_SECOND: u32 = 5;

/// Starts GStreamer, once a process; cheap to call again.
///
/// Its errors go to `tracing` as warnings of target `gstreamer`, at most five a second. Its warnings
/// are debug lines: elements warn of what they then cope with, at every start. So is what
/// `GST_DEBUG` asks for beyond that, unlimited: at such levels GStreamer's elements may print what
/// cameras send, passwords included.
///
/// # Errors
/// If GStreamer does not start.
pub fn init() -> Result<(), Error> {
    static ONCE: OnceLock<Result<(), String>> = OnceLock::new();
    ONCE.get_or_init(|| {
        gst::init().map_err(|e| e.to_string())?;
        gst::log::remove_default_log_function();
        if std::env::var_os("GST_DEBUG").is_none() {
            gst::log::set_default_threshold(gst::DebugLevel::Warning);
        }
        let limit = Limit::new(SystemClock::shared());
        gst::log::add_log_function(move |category, level, _, _, _, object, message| {
            let Some(text) = message.get() else { return };
            let category = category.name();
            let object = object.map(|o| o.to_string()).unwrap_or_default();
            if level > gst::DebugLevel::Error {
                tracing::debug!(target: "gstreamer", category, object, "{text}");
            } else if let Some(muted) = limit.admit() {
                // One word of an element may be a URL.
                let text = super::plan::mask(&text);
                tracing::warn!(target: "gstreamer", category, object, muted, "{text}");
            }
        });
        Ok(())
    })
    .clone()
    .map_err(Error::Init)
}

/// So many lines a second; the rest is counted.
struct Limit {
    clock: SharedClock,
    /// Start of the current second, and lines in it.
    second: Mutex<(Mono, u32)>,
    muted: AtomicU64,
}

impl Limit {
    fn new(clock: SharedClock) -> Limit {
        let second = Mutex::new((clock.now(), 0));
        Limit { clock, second, muted: AtomicU64::new(0) }
    }

    /// `Some(lines kept back before this one)`, or `None` if this one is kept back, too.
    fn admit(&self) -> Option<u64> {
        let now = self.clock.now();
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(second.0) >= Duration::from_secs(1) {
            *second = (now, 0);
        }
        if second.1 >= LINES_PER_SECOND {
            self.muted.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        second.1 += 1;
        Some(self.muted.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;
    use std::sync::Arc;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let clock = Arc::new(FakeClock::default());
        let limit = Limit::new(clock.clone());
        let passed = (0..20).filter_map(|_| limit.admit()).count();
        assert_eq!(passed, 5);
        clock.advance(Duration::from_secs(1));
        assert_eq!(limit.admit(), Some(15));
        assert_eq!(limit.admit(), Some(0));
    }
}
