//! Small JSON files in the state directory, which outlive a restart and a power cut.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

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
