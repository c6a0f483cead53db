//! Standard output and standard error of the subcommands.
//!
//! `println!` and `eprintln!` panic if the disk is full or the reader has gone (`| head`). Here a
//! full disk is an error like any other, and the end of the reader ends the subcommand quietly.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Why a line does not reach standard output.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct OutputError(#[source] io::Error);

/// Standard output. Its errors are marked, so that [`is_closed`] recognizes them.
pub(super) struct Stdout(io::Stdout);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

fn named(e: io::Error) -> io::Error {
    io::Error::new(e.kind(), OutputError(e))
}

/// Standard output, flushed at each line.
pub(super) fn stdout() -> Stdout {
    Stdout(io::stdout())
}

/// Prints the whole output of a subcommand. A reader that stops early is no error: the exit code
/// still gives the result.
///
/// # Errors
/// If the text cannot be written, as on a full disk.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Whether `e` means that the reader of standard output has gone.
pub(super) fn is_closed(e: &anyhow::Error) -> bool {
    e.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|e| {
        e.kind() == ErrorKind::BrokenPipe && e.get_ref().is_some_and(|inner| inner.is::<OutputError>())
    })
}

/// Prints a line on standard error. A failure is ignored: it cannot be reported anywhere.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
