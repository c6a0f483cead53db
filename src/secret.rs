//! Passwords: read from files and kept out of every log line.

use std::path::Path;

/// A password file holds one line. A longer file is a mistake, such as a certificate.
const LONGEST_FILE_BYTES: u64 = 4096;

/// Text that `Debug` hides and that has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, for the code that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Why a password file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(String, #[source] std::io::Error),
    /// A pipe would block, and can be read only once. The password is read at each attempt.
    #[error("{0} is no file but a pipe or a device")]
    NoFile(String),
    /// The file is too long to hold a password.
    #[error("{0} is {1} bytes long; a password file holds one line")]
    TooLong(String, u64),
    /// The file is not text.
    #[error("{0} is not UTF-8 text")]
    NotText(String),
    /// The file holds no password.
    #[error("{0} is empty")]
    Empty(String),
}

/// Reads the password in `path`: its text without the final newline that editors add.
///
/// # Errors
/// If the file cannot be read, is empty, is not text or is too long to be a password.
pub fn read(path: &Path) -> Result<Secret, Error> {
    let shown = || path.display().to_string();
    let fail = |e| Error::Read(shown(), e);
    let metadata = std::fs::metadata(path).map_err(fail)?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(Error::NoFile(shown()));
    }
    let length = metadata.len();
    if metadata.is_file() && length > LONGEST_FILE_BYTES {
        return Err(Error::TooLong(shown(), length));
    }
    let bytes = std::fs::read(path).map_err(fail)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::NotText(shown()))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Error::Empty(shown()));
    }
    Ok(Secret::new(line))
}

/// Whether every user of the machine can read `path`.
pub fn is_world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_line_and_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        for (name, bytes) in [("plain", "s3 cret"), ("unix", "s3 cret\n"), ("dos", "s3 cret\r\n")] {
            let secret = read(&file(name, bytes.as_bytes())).unwrap();
            assert_eq!(secret.expose(), "s3 cret");
            assert_eq!(format!("{secret:?}"), "***");
        }
        assert!(matches!(read(&file("empty", b"\n")), Err(Error::Empty(_))));
        assert!(matches!(read(&file("binary", b"\xff\xfe")), Err(Error::NotText(_))));
        assert!(matches!(read(&file("long", &[b'x'; 5000])), Err(Error::TooLong(_, 5000))));
        assert!(matches!(read(&dir.path().join("missing")), Err(Error::Read(..))));
        assert!(matches!(read(dir.path()), Err(Error::Read(..))));
        assert!(matches!(read(Path::new("/dev/zero")), Err(Error::NoFile(_))));
    }
}
