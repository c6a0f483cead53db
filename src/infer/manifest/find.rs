//! Finds a model's folder by its name.

use super::error::Error;
use std::path::PathBuf;

/// Where the package installs models.
pub const INSTALLED: &str = "/usr/share/posed/models";
/// Name of the default pose model.
pub const POSE: &str = "lpn50-256x192";
/// Name of the default person finder.
pub const FINDER: &str = "person-320x192";

/// The folder of model `name`: in `POSED_MODELS`, in `models` of the working directory, or in
/// `/usr/share/posed/models`; the first that has a `model.toml`.
///
/// # Errors
/// If no such folder has one.
pub fn find(name: &str) -> Result<PathBuf, Error> {
    let from_env = std::env::var_os("POSED_MODELS").map(PathBuf::from);
    let folders = from_env.into_iter().chain(["models", INSTALLED].map(PathBuf::from));
    let mut tried = Vec::new();
    for folder in folders {
        let model = folder.join(name);
        if model.join("model.toml").is_file() {
            return Ok(model);
        }
        tried.push(folder.display().to_string());
    }
    Err(Error::NotFound { name: name.to_owned(), tried: tried.join(", ") })
}
