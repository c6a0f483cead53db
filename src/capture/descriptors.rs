//! [`Share`]: keeps cameras from using up the process's file descriptors.
//!
//! GLib aborts the process when it gets no descriptor for a pipe, so a camera is refused before
//! that.

use super::error::Error;
use super::source::Source;
use super::types::{Options, Transport};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a camera's pipeline needs at most. It holds half of this, and both the old and the new
/// pipeline are open for a moment at a reconnect.
const PER_CAMERA: usize = 12;
/// The same for RTP by UDP, with its sockets.
const PER_UDP_CAMERA: usize = 32;
/// Left for the rest of the process: broker, log, spool, models, a reload.
const REST: usize = 16;

/// What cameras in service may hold, and what the process held before the first of them.
struct Book {
    shared: usize,
    before: usize,
}

static BOOK: Mutex<Book> = Mutex::new(Book { shared: 0, before: 0 });

/// One camera's share of the descriptors; returned when dropped.
#[derive(Debug)]
pub(super) struct Share(usize);

impl Share {
    /// A share for the camera of `options`.
    ///
    /// # Errors
    /// If it might take the process over its limit.
    pub fn take(options: &Options) -> Result<Share, Error> {
        let share = share(options);
        let mut book = lock();
        // Without /proc nothing is known, and most systems have plenty.
        if let (Some(limit), Some(open)) = (limit(), open()) {
            if book.shared == 0 {
                book.before = open;
            }
            let needed = book.before + REST + book.shared + share;
            if needed > limit {
                return Err(Error::Descriptors { camera: options.name.clone(), limit, needed });
            }
        }
        book.shared += share;
        Ok(Share(share))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        lock().shared -= self.0;
    }
}

fn share(options: &Options) -> usize {
    let Source::Rtsp { url, .. } = &options.source else { return PER_CAMERA };
    let udp = match url.split(':').next() {
        Some("rtspu") => true,
        Some("rtspt" | "rtspst" | "rtsph") => false,
        _ => options.transport != Transport::Tcp,
    };
    if udp { PER_UDP_CAMERA } else { PER_CAMERA }
}

fn lock() -> MutexGuard<'static, Book> {
    BOOK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The soft limit of open files.
fn limit() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => None,
        number => number.parse().ok(),
    }
}

/// Files that are open now.
fn open() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_this_process_is_read() {
        assert!(limit().is_none_or(|limit| limit > 16) && open().is_some_and(|open| open > 2));
    }

    #[test]
    fn a_camera_by_udp_needs_more() {
        let share = |source: &str| share(&Options::new("c", source.parse().unwrap()));
        assert_eq!(share("rtsp://h/x"), PER_CAMERA);
        assert_eq!(share("rtspu://h/x"), PER_UDP_CAMERA);
        assert_eq!(share("test://"), PER_CAMERA);
    }
}
