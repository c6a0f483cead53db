//! Reads the bytes of a configuration file. It never blocks for long: opening a pipe without a
//! writer would.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

/// How long a pipe may be silent.
const SILENCE: Duration = Duration::from_secs(5);
/// A longer file is no configuration: this would be some 10 000 cameras.
const LONGEST_BYTES: u64 = 4 << 20;

/// The bytes of the file or pipe at `path`. A pipe is read until its writer closes it.
///
/// # Errors
/// If `path` cannot be read, is a device, is too long, or is a pipe without a writer or with one
/// that says nothing for 5 s.
pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_char_device() || kind.is_block_device() {
        return Err(io::Error::other("it is a device"));
    }
    let mut bytes = Vec::new();
    if kind.is_fifo() {
        read_pipe(&file, &mut bytes, SILENCE)?;
    } else {
        file.take(LONGEST_BYTES + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > LONGEST_BYTES {
        return Err(io::Error::other("it is longer than 4 MiB"));
    }
    Ok(bytes)
}

/// Opens `path` for reading, without waiting for the writer of a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

fn read_pipe(pipe: &File, bytes: &mut Vec<u8>, silence: Duration) -> io::Result<()> {
    loop {
        match pipe.take(LONGEST_BYTES + 1 - bytes.len() as u64).read_to_end(bytes) {
            Ok(_) if bytes.is_empty() => return Err(io::Error::other("it is a pipe that nobody writes to")),
            // What was read before is in `bytes`.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => wait(pipe, silence)?,
            done => return done.map(drop),
        }
    }
}

/// Waits until `pipe` has more, or its writer has closed it.
fn wait(pipe: &File, silence: Duration) -> io::Result<()> {
    let limit = Timespec::try_from(silence).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&limit))? {
        0 => {
            let seconds = silence.as_secs_f32();
            Err(io::Error::other(format!("it is a pipe whose writer has said nothing for {seconds} s")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn pipe(dir: &Path) -> std::path::PathBuf {
        let path = dir.join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    #[test]
    fn a_pipe_without_a_writer_is_an_error_at_once() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(bytes(&pipe(dir.path())).unwrap_err().to_string(), "it is a pipe that nobody writes to");
    }

    #[test]
    fn a_pipe_is_read_until_its_writer_closes_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(dir.path());
        // Opened for reading and writing, a pipe does not wait for the other end.
        let script = "exec 3<>\"$0\"; echo ready; printf first >&3; sleep 0.2; head -c 100000 /dev/zero >&3";
        let mut writer =
            Command::new("sh").args(["-c", script]).arg(&path).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 6];
        writer.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        let read = bytes(&path).unwrap();
        assert!(writer.wait().unwrap().success());
        assert_eq!((&read[..5], read.len()), (b"first".as_slice(), 100_005));
    }

    #[test]
    fn a_pipe_whose_writer_says_nothing_is_an_error_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = pipe(dir.path());
        // Opened for reading and writing, a pipe has a writer that never closes it.
        let silent = OpenOptions::new().read(true).write(true).open(path).unwrap();
        rustix::fs::fcntl_setfl(&silent, OFlags::NONBLOCK).unwrap();
        let mut bytes = Vec::new();
        let error = read_pipe(&silent, &mut bytes, Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.to_string(), "it is a pipe whose writer has said nothing for 0.1 s");
    }

    #[test]
    fn devices_and_endless_files_are_errors() {
        assert_eq!(bytes(Path::new("/dev/zero")).unwrap_err().to_string(), "it is a device");
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("long");
        File::create(&long).unwrap().set_len(LONGEST_BYTES + 1).unwrap();
        assert_eq!(bytes(&long).unwrap_err().to_string(), "it is longer than 4 MiB");
        assert!(bytes(dir.path()).is_err());
    }
}
