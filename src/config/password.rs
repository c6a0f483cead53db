//! Password files and systemd credentials, looked at when the configuration is read.

use super::Machine;
use super::fault::Report;
use super::read::{At, Table};
use super::validate;
use std::path::{Path, PathBuf};

/// The service's credentials, if `$CREDENTIALS_DIRECTORY` is unset (systemd.exec(5)).
const SERVICE_CREDENTIALS: &str = "/run/credentials/posed.service";

/// Reads `password_file` and checks the file's content, so that `posed check` reports it.
pub(super) fn password_file(
    table: &mut Table<'_, '_>,
    base: &Path,
    report: &mut Report<'_>,
) -> Option<At<PathBuf>> {
    let file = table.get(report, "password_file", validate::path(base))?;
    if let Err(e) = crate::secret::read(&file.value) {
        let remedy = "write the password into that file, on one line, readable by the daemon's user";
        report.error(file.span.clone(), table.key("password_file"), e.to_string(), remedy);
    } else if crate::secret::is_world_readable(&file.value) {
        report.warning(
            file.span.clone(),
            table.key("password_file"),
            "every user of this machine can read the file",
            format!("chmod o-r {}", file.value.display()),
        );
    }
    Some(file)
}

/// The file of a systemd credential; outside of the service, its content is not checked.
pub(super) fn find_credential(
    table: &Table<'_, '_>,
    name: At<String>,
    machine: &Machine,
    report: &mut Report<'_>,
) -> At<PathBuf> {
    let key = table.key("password_credential");
    let Some(folder) = &machine.credentials else {
        report.warning(
            name.span.clone(),
            key,
            "not checked: only the service can read its credentials",
            format!("keep the password in /etc/credstore/{}, which the unit loads", name.value),
        );
        return At { value: Path::new(SERVICE_CREDENTIALS).join(name.value), span: name.span };
    };
    let path = folder.join(&name.value);
    if let Err(e) = crate::secret::read(&path) {
        let remedy = format!(
            "put the password into /etc/credstore/{0}; the unit needs LoadCredential={0}",
            name.value
        );
        report.error(name.span.clone(), key, e.to_string(), remedy);
    }
    At { value: path, span: name.span }
}
