//! Reads and changes the zones and lines of a camera in its file. Comments and order stay.
//!
//! `tables` reads and changes TOML tables, `comments` keeps comments where they belong, `replace`
//! writes the file.

mod comments;
mod replace;
mod tables;
#[cfg(test)]
mod tests;

use super::{Faults, Machine, check_texts, texts};
use crate::http::{ZoneChange, ZoneSheet};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use toml_edit::DocumentMut;

/// Why zones cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong, or would be.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// No file has the camera.
    #[error("no file of the configuration has a camera {0:?}")]
    NoCamera(String),
    /// TOML allows it, but it cannot be changed without losing comments.
    #[error("{0}: {1} is written as a list in brackets: write {2} sections, or edit the file by hand")]
    InBrackets(String, String, &'static str),
    /// Somebody else has changed the file.
    #[error("{0} has changed since the page read it; nothing was saved")]
    Changed(String),
    /// The file cannot be written.
    #[error("cannot write {file}: {cause}{}", remedy(.cause))]
    Write {
        /// The file.
        file: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

impl Error {
    fn write(file: &Path) -> impl Fn(io::Error) -> Error {
        move |cause| Error::Write { file: file.display().to_string(), cause }
    }

    /// Whether the daemon's user may not write the file.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Error::Write { cause, .. } if is_forbidden(cause))
    }
}

fn is_forbidden(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Under systemd, /etc is read-only for the service.
fn remedy(cause: &io::Error) -> &'static str {
    if !is_forbidden(cause) {
        return "";
    }
    ". To allow it, give the file and its folder to the daemon's user; for the service, also run `systemctl \
     edit posed` and add the line ReadWritePaths=/etc/posed below [Service] (docs/page.md). Or copy the TOML \
     into the file"
}

/// The zones and lines of `camera` as they stand in the configuration at `path`.
///
/// # Errors
/// If no file has the camera, or a file cannot be read.
pub fn read(path: &Path, camera: &str) -> Result<ZoneSheet, Error> {
    let files = texts(path)?;
    let found = find(path, &files, camera)?;
    Ok(sheet(found.file, found.text, &found.document, camera))
}

/// Changes the zones and lines of `camera` in its file. Before it writes, it checks the whole
/// configuration as `posed check` does.
///
/// # Errors
/// If the configuration would be wrong, the file has changed or cannot be written. Then it is as
/// before.
pub fn write(path: &Path, camera: &str, change: &ZoneChange) -> Result<ZoneSheet, Error> {
    let mut files = texts(path)?;
    let Found { index, file, text, mut document } = find(path, &files, camera)?;
    if version(text) != change.version {
        return Err(Error::Changed(file.display().to_string()));
    }
    tables::check(&document, camera, file)?;
    tables::change(&mut document, camera, change);
    let (file, before, after) = (file.clone(), text.clone(), document.to_string());
    if let Some((_, text)) = files.get_mut(index) {
        text.clone_from(&after);
    }
    check_texts(&files, path, &Machine::here())?;
    replace::replace(&file, &before, &after)?;
    Ok(sheet(&file, &after, &document, camera))
}

/// The file with a camera.
struct Found<'f> {
    index: usize,
    file: &'f PathBuf,
    text: &'f String,
    document: DocumentMut,
}

fn find<'f>(path: &Path, files: &'f [(PathBuf, String)], camera: &str) -> Result<Found<'f>, Error> {
    for (index, (file, text)) in files.iter().enumerate() {
        let Ok(document) = text.parse::<DocumentMut>() else {
            // Says what is wrong with the file.
            check_texts(files, path, &Machine::here())?;
            continue;
        };
        if tables::has(&document, camera, file)? {
            return Ok(Found { index, file, text, document });
        }
    }
    Err(Error::NoCamera(camera.to_owned()))
}

fn sheet(file: &Path, text: &str, document: &DocumentMut, camera: &str) -> ZoneSheet {
    let (zones, lines) = tables::read(document, camera);
    let file = file.display().to_string();
    ZoneSheet { file, version: version(text), zones, lines, note: None }
}

/// Differs for different texts.
fn version(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
