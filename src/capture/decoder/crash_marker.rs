//! [`CrashMarker`]: remembers a decoder that crashed the process.
//!
//! A plugin may crash on the first frames of a stream (GStreamer 1.22's `v4l2slh265dec` does on
//! some), and none of our code runs after that. So a file names a hardware decoder from when it is
//! chosen until its first frame. A process that finds such a file knows what crashed the last one.

use std::fs;
use std::path::{Path, PathBuf};

/// One camera's file. Without a folder, nothing is written or found.
#[derive(Clone)]
pub struct CrashMarker {
    file: Option<PathBuf>,
}

impl CrashMarker {
    pub fn new(folder: Option<&Path>, camera: &str) -> CrashMarker {
        CrashMarker { file: folder.map(|folder| folder.join(format!("decoder-on-trial-{camera}"))) }
    }

    /// Removes the file and returns the decoder in it: the one that was chosen and had given no
    /// frame when the last process ended.
    pub fn take(&self) -> Option<String> {
        let decoder = fs::read_to_string(self.file.as_ref()?).ok()?;
        self.clear();
        Some(decoder.trim().to_owned()).filter(|decoder| !decoder.is_empty())
    }

    /// Call when `decoder` is chosen.
    pub fn write(&self, decoder: &str) {
        let Some(file) = &self.file else { return };
        if let Err(e) = fs::write(file, decoder) {
            tracing::debug!(
                "cannot write {}: {e}; if {decoder} crashes the process, it is used again after the restart",
                file.display()
            );
        }
    }

    /// Call when the decoder gave a frame, was replaced by another, or was stopped.
    pub fn clear(&self) {
        if let Some(file) = &self.file {
            // Usually there is no file.
            let _ = fs::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_that_was_not_cleared_is_found_once_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let marker = |camera| CrashMarker::new(Some(folder.path()), camera);
        marker("yard").write("v4l2slh265dec");
        assert_eq!(marker("door").take(), None);
        assert_eq!(marker("yard").take(), Some("v4l2slh265dec".into()));
        assert_eq!(marker("yard").take(), None);
        marker("yard").write("v4l2slh265dec");
        marker("yard").clear();
        assert_eq!(marker("yard").take(), None);
    }

    #[test]
    fn without_a_folder_nothing_happens() {
        let marker = CrashMarker::new(None, "yard");
        marker.write("v4l2slh265dec");
        assert_eq!(marker.take(), None);
        CrashMarker::new(Some(Path::new("/nowhere")), "yard").write("v4l2slh265dec");
    }
}
