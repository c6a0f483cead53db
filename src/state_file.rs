//! Small JSON files in the state directory, which outlive a restart and a power cut; and the lock
//! that keeps a second daemon out of the directory.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Another daemon uses the state directory.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} is in use by another posed ({by}): stop that one, or give this one another [mqtt] client_id; \
     in a unit of its own, another StateDirectory",
    dir.display()
)]
pub struct InUse {
    dir: PathBuf,
    /// The other process, as its lock file names it.
    by: String,
}

/// Locks a daemon's state directory, and makes it first; the lock holds until the file is dropped
/// or the process ends. `None` if the directory cannot be written: then nothing in it can be damaged.
///
/// # Errors
/// If another process holds the lock.
pub fn lock(dir: &Path) -> Result<Option<File>, InUse> {
    let open = || {
        std::fs::create_dir_all(dir)?;
        File::options().read(true).write(true).create(true).truncate(false).open(dir.join("lock"))
    };
    let Ok(mut file) = open() else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => {
            // Only the message of another daemon needs the number.
            let _ = file.set_len(0).and_then(|()| write!(file, "process {}", std::process::id()));
            Ok(Some(file))
        }
        Err(TryLockError::WouldBlock) => {
            let mut by = String::new();
            file.read_to_string(&mut by).unwrap_or_default();
            if by.is_empty() {
                // It has locked the file and not yet written its number.
                by.push_str("it is just starting");
            }
            Err(InUse { dir: dir.to_owned(), by })
        }
        // A file system without locks, such as some network shares.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Reads `file`; the default value if it does not exist.
///
/// # Errors
/// If the file cannot be read, or holds something else.
pub fn read<T: DeserializeOwned + Default>(file: &Path) -> io::Result<T> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(e) => Err(e),
    }
}

/// Writes `file` as a whole: after a power cut it holds the old or the new value.
///
/// # Errors
/// If the file cannot be written.
pub fn write(file: &Path, value: &impl Serialize) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut written = File::create(&new)?;
    written.write_all(&serde_json::to_vec_pretty(value)?)?;
    written.sync_all()?;
    std::fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_and_a_damaged_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("list.json");
        assert_eq!(read::<Vec<u32>>(&file).unwrap(), Vec::<u32>::new());
        write(&file, &[1, 2]).unwrap();
        assert_eq!(read::<Vec<u32>>(&file).unwrap(), [1, 2]);
        std::fs::write(&file, "[1,").unwrap();
        assert!(read::<Vec<u32>>(&file).is_err());
        assert!(write(&dir.path().join("absent/list.json"), &[1]).is_err());
    }
}
