//! Finds a model's folder by its name.

use super::error::Error;
use std::path::{Path, PathBuf};

/// Where the package installs models.
pub const INSTALLED: &str = "/usr/share/posed/models";
/// Name of the default pose model.
pub const POSE: &str = "lpn50-256x192";
/// Name of the default person finder.
pub const FINDER: &str = "person-320x192";

/// The folder of model `name`: in `POSED_MODELS`, in `models` of the working directory, in
/// `/usr/share/posed/models`, or beside the executable; the first that has a `model.toml`.
///
/// # Errors
/// If no such folder has one.
pub fn find(name: &str) -> Result<PathBuf, Error> {
    let from_env = std::env::var_os("POSED_MODELS").map(PathBuf::from);
    let folders: Vec<PathBuf> =
        from_env.into_iter().chain([PathBuf::from("models")]).chain(roots()).collect();
    match first(&folders, name) {
        Some(model) => Ok(model),
        None => {
            let tried: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
            Err(Error::NotFound { name: name.to_owned(), tried: tried.join(", ") })
        }
    }
}

/// The folder of model `name` for the daemon: as [`find`], but without `POSED_MODELS` and without
/// `models` of the working directory, which is arbitrary for a daemon. If there is none, the folder
/// where the package installs it.
pub fn installed(name: &str) -> PathBuf {
    first(&roots(), name).unwrap_or_else(|| Path::new(INSTALLED).join(name))
}

/// Folders of installed models: the package's, and those beside the executable, as in an unpacked
/// release.
pub fn roots() -> Vec<PathBuf> {
    let mut roots = vec![PathBuf::from(INSTALLED)];
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        roots.extend(beside(folder));
    }
    roots
}

/// Folders of models for an executable in `folder`.
fn beside(folder: &Path) -> Vec<PathBuf> {
    let mut roots = vec![folder.join("models")];
    if let Some(parent) = folder.parent() {
        // `bin/posed`, and `target/release/posed` of a repository.
        roots.extend([parent.join("share/posed/models"), parent.join("models")]);
        roots.extend(parent.parent().map(|grandparent| grandparent.join("models")));
    }
    roots
}

fn first(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(name)).find(|model| model.join("model.toml").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unpacked_release_has_its_models_beside_the_executable() {
        let dir = tempfile::tempdir().unwrap();
        for (executable, models) in [
            ("a/posed", "a/models"),
            ("b/bin/posed", "b/models"),
            ("c/bin/posed", "c/share/posed/models"),
            ("d/target/release/posed", "d/models"),
        ] {
            let model = dir.path().join(models).join("m");
            std::fs::create_dir_all(&model).unwrap();
            std::fs::write(model.join("model.toml"), "").unwrap();
            let executable = dir.path().join(executable);
            assert_eq!(first(&beside(executable.parent().unwrap()), "m"), Some(model), "{executable:?}");
        }
        assert_eq!(first(&beside(dir.path()), "absent"), None);
    }
}
