//! `conf.d/*.toml` beside the configuration: a fleet ships one file, and each box keeps its own.
//!
//! The files are read in the order of their names, after the configuration. A key replaces an
//! earlier one; cameras are added. Texts are joined into one, so that each fault has one place.

use std::io;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The key whose lists are joined.
const CAMERAS: &str = "camera";

/// The files of the folder `conf.d` beside `path`; none if there is no such folder.
///
/// # Errors
/// If the folder cannot be read.
pub(super) fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(path.with_file_name("conf.d")) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut files = Vec::new();
    for entry in entries {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Texts of several files as one.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// All texts, one after the other.
    pub(super) text: String,
    /// Name of each file, and where its text starts.
    pub(super) files: Vec<(String, usize)>,
    /// Each text behind blanks that move it to its place, so that the parser counts from there.
    moved: Vec<String>,
}

impl Joined {
    /// Adds a file.
    pub(super) fn push(&mut self, name: String, text: &str) {
        let start = self.text.len();
        self.files.push((name, start));
        self.moved.push(" ".repeat(start) + text);
        self.text += text;
        // The next file's first line is not this one's last.
        self.text.push('\n');
    }

    /// Parses all files. Returns what the parser read, and its errors.
    pub(super) fn parse(&self) -> (DeTable<'_>, Vec<toml::de::Error>) {
        let (mut all, mut errors) = (DeTable::new(), Vec::new());
        for text in &self.moved {
            let (document, wrong) = DeTable::parse_recoverable(text);
            errors.extend(wrong);
            merge(&mut all, document.into_inner(), true);
        }
        (all, errors)
    }
}

/// Puts `own` over `shared`.
fn merge<'i>(shared: &mut DeTable<'i>, own: DeTable<'i>, top: bool) {
    for (key, value) in own {
        let joins = top && key.get_ref() == CAMERAS;
        let before = shared.get_mut(&key).map(toml::Spanned::get_mut);
        match (before, value.get_ref()) {
            (Some(DeValue::Table(before)), DeValue::Table(_)) => {
                if let DeValue::Table(own) = value.into_inner() {
                    merge(before, own, false);
                }
            }
            (Some(DeValue::Array(before)), DeValue::Array(_)) if joins => {
                if let DeValue::Array(own) = value.into_inner() {
                    own.into_iter().for_each(|camera| before.push(camera));
                }
            }
            _ => {
                // The new key's place is the one to report.
                shared.remove(&key);
                shared.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config;
    use std::path::PathBuf;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("conf.d")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let path = dir.path().join("posed.toml");
        (dir, path)
    }

    const SHARED: &str = "[mqtt]\nurl = \"mqtt://broker\"\nprefix = \"posed\"\n[[camera]]\nname = \"a\"\nsource = \"test://\"\n";

    #[test]
    fn later_files_replace_keys_and_add_cameras() {
        let own = "mqtt.prefix = \"posed/kitchen\"\n[[camera]]\nname = \"b\"\nsource = \"test://ball\"\n";
        let (_dir, path) = folder(&[
            ("posed.toml", SHARED),
            ("conf.d/10-box.toml", own),
            ("conf.d/20-log.toml", "[log]\nlevel = \"warn\"\n"),
            ("conf.d/notes.txt", "no TOML"),
        ]);
        let config = config::load(&path).unwrap().config;
        assert_eq!(config.mqtt.prefix, "posed/kitchen");
        assert_eq!((config.mqtt.url.host.as_str(), config.log.level.as_str()), ("broker", "warn"));
        assert_eq!(config.cameras.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_fault_names_its_own_file_and_line() {
        let bad = "# first\n[pose]\nmin_score = 7\n[mqtt\n";
        let (_dir, path) = folder(&[("posed.toml", &format!("{SHARED}rotate = 45")), ("conf.d/x.toml", bad)]);
        let faults = config::load(&path).unwrap_err();
        let places: Vec<_> =
            faults.0.iter().filter_map(|f| Some((f.file.clone(), f.location.as_ref()?.line))).collect();
        let of = |file: &str, line| places.iter().any(|(f, l)| f.ends_with(file) && *l == line);
        assert!(of("posed.toml", 7) && of("conf.d/x.toml", 3) && of("conf.d/x.toml", 4), "{faults}");
    }
}
