//! The files of the machine under examination.

use std::path::PathBuf;

/// The root of the machine's files. Tests use a folder with files of another machine.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    root: PathBuf,
}

impl Machine {
    pub(super) fn here() -> Machine {
        Machine { root: "/".into() }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's text, without white space and a device tree's NULs at its ends.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let text = std::fs::read(self.path(path)).ok()?;
        let text = String::from_utf8_lossy(&text);
        Some(text.trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
    }

    /// Names in a folder that begin with `prefix`, sorted.
    pub(super) fn list(&self, folder: &str, prefix: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort();
        names
    }
}

#[cfg(test)]
impl Machine {
    /// A machine with these files, `(path, text)`. Its folder goes with the first value.
    pub(super) fn with(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let machine = Machine { root: dir.path().into() };
        (dir, machine)
    }
}
