//! Where log lines go. The log is best effort: a line that cannot be written is lost and counted,
//! and never stops the thread that logs it.
//!
//! A write fails if the disk is full or a pipe's reader has gone. It would wait without limit for a
//! reader that does not read, so lines are written only if there is room for them.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

/// A pipe that is ready takes this much without waiting (`PIPE_BUF` of pipe(7)).
const CHUNK_BYTES: usize = 4096;

/// A busy reader gets this long to make room. After that, lines are lost at once until there is
/// room.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Takes log lines, one for each call of `write`. None of its calls fails.
pub(super) struct BestEffort<W> {
    out: Mutex<Output<W>>,
}

struct Output<W> {
    to: W,
    /// Lines lost since the last one that was written.
    lost: u64,
}

impl<W: AsFd + Write> BestEffort<W> {
    /// Writes to `to`, which has no buffer.
    pub(super) fn new(to: W) -> BestEffort<W> {
        BestEffort { out: Mutex::new(Output { to, lost: 0 }) }
    }
}

impl<W: AsFd + Write> Write for &BestEffort<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: AsFd + Write> Output<W> {
    fn line(&mut self, line: &[u8]) {
        let note = match self.lost {
            0 => String::new(),
            lost => format!("({lost} log lines were lost here)\n"),
        };
        match self.write(note.as_bytes()).and_then(|()| self.write(line)) {
            Ok(()) => self.lost = 0,
            Err(_) => self.lost += 1,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            if !self.has_room()? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.to.write_all(chunk)?;
        }
        Ok(())
    }

    /// Whether a write would not wait. A pipe without a reader "has room" too: its write fails.
    fn has_room(&self) -> io::Result<bool> {
        let patience = if self.lost == 0 { PATIENCE } else { AT_ONCE };
        let mut fds = [PollFd::new(&self.to, PollFlags::OUT)];
        loop {
            match poll(&mut fds, Some(&patience)) {
                Err(Errno::INTR) => {}
                ready => return Ok(ready? > 0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn lines_are_lost_while_nothing_reads_and_the_loss_is_counted() {
        let (mut reader, writer) = io::pipe().unwrap();
        let log = BestEffort::new(writer);
        let line = [b'x'; 5000];
        // A pipe holds 64 KiB at most.
        for _ in 0..20 {
            (&log).write_all(&line).unwrap();
        }
        let lost = log.out.lock().unwrap().lost;
        assert!((5..15).contains(&lost), "{lost}");
        reader.read_exact(&mut [0; 20_000]).unwrap();
        (&log).write_all(b"later\n").unwrap();
        drop(log);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert!(rest.ends_with(&format!("({lost} log lines were lost here)\nlater\n")), "{rest}");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let log = BestEffort::new(writer);
        (&log).write_all(b"line\n").unwrap();
        assert_eq!(log.out.lock().unwrap().lost, 1);
    }
}
