//! Decoders that take the process with them.
//!
//! A plugin may crash on the first pictures of a stream (GStreamer's `v4l2slh265dec` does, on some), and nothing of ours runs after
//! that. So while a hardware decoder is on trial, from when it is chosen to its first frame, its name lies in a file; a process
//! that finds such a file knows what the last one died of.

use std::fs;
use std::path::{Path, PathBuf};

/// One camera's file. Without a folder for it nothing is written, and nothing found.
#[derive(Clone)]
pub(super) struct Trial {
    file: Option<PathBuf>,
}

impl Trial {
    pub fn new(folder: Option<&Path>, camera: &str) -> Trial {
        Trial { file: folder.map(|folder| folder.join(format!("decoder-on-trial-{camera}"))) }
    }

    /// The decoder that was on trial when the last process ended; told once.
    pub fn unfinished(&self) -> Option<String> {
        let decoder = fs::read_to_string(self.file.as_ref()?).ok()?;
        self.end();
        Some(decoder.trim().to_owned()).filter(|decoder| !decoder.is_empty())
    }

    /// `decoder` is chosen.
    pub fn begin(&self, decoder: &str) {
        let Some(file) = &self.file else { return };
        if let Err(e) = fs::write(file, decoder) {
            tracing::debug!("{}: {e}; a crash of {decoder} would repeat", file.display());
        }
    }

    /// It gave a frame, gave way to another, or was stopped.
    pub fn end(&self) {
        if let Some(file) = &self.file {
            // Mostly it is not there.
            let _ = fs::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_that_did_not_end_is_known_to_the_next_process_and_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let trial = |camera| Trial::new(Some(folder.path()), camera);
        trial("yard").begin("v4l2slh265dec");
        assert_eq!(trial("door").unfinished(), None);
        assert_eq!(trial("yard").unfinished(), Some("v4l2slh265dec".into()));
        assert_eq!(trial("yard").unfinished(), None);
        trial("yard").begin("v4l2slh265dec");
        trial("yard").end();
        assert_eq!(trial("yard").unfinished(), None);
    }

    #[test]
    fn without_a_folder_nothing_happens() {
        let trial = Trial::new(None, "yard");
        trial.begin("v4l2slh265dec");
        assert_eq!(trial.unfinished(), None);
        Trial::new(Some(Path::new("/nowhere")), "yard").begin("v4l2slh265dec");
    }
}
