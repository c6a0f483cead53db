//! Writes a file as a whole: after a power cut it holds the old or the new text.

use super::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

/// Replaces the text of `file`, which was `before`, by `after`. Its owner and mode stay, and a
/// symbolic link to it stays a link.
pub(super) fn replace(file: &Path, before: &str, after: &str) -> Result<(), Error> {
    let fail = Error::write(file);
    let target = fs::canonicalize(file).map_err(&fail)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // A name that a reload does not take for a configuration.
    let new = target.with_file_name(format!(".{name}.new"));
    // Of a run that a power cut has ended.
    let _ = fs::remove_file(&new);
    let written = write_new(&new, &target, after).map_err(&fail).and_then(|()| {
        // An editor may have saved the file in the meantime.
        match fs::read(&target) {
            Ok(now) if now == before.as_bytes() => fs::rename(&new, &target).map_err(&fail),
            Ok(_) => Err(Error::Changed(file.display().to_string())),
            Err(e) => Err(fail(e)),
        }
    });
    if written.is_err() {
        let _ = fs::remove_file(&new);
        return written;
    }
    // Without this, a power cut could undo the change. It is in force either way.
    if let Some(Err(e)) = target.parent().map(|folder| File::open(folder).and_then(|f| f.sync_all())) {
        tracing::warn!("{}: {e}", target.display());
    }
    Ok(())
}

fn write_new(new: &Path, like: &Path, text: &str) -> io::Result<()> {
    let meta = fs::metadata(like)?;
    // It may hold passwords, so it is private until it is like the old one.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
    file.write_all(text.as_bytes())?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (meta.uid(), meta.gid()) {
        fchown(&file, Some(meta.uid()), Some(meta.gid()))?;
    }
    file.set_permissions(meta.permissions())?;
    file.sync_all()
}
