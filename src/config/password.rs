//! Passwords: from files, systemd credentials and environment variables. They are looked at when
//! the configuration is read.

use super::Machine;
use super::fault::Report;
use super::from_file;
use super::read::{At, Table, text, wrong};
use super::validate;
use crate::secret::{self, Secret};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The service's credentials, if `$CREDENTIALS_DIRECTORY` is unset (systemd.exec(5)).
const SERVICE_CREDENTIALS: &str = "/run/credentials/posed.service";
/// What some editors put before the first letter.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads `password_file` and checks the file's content, so that `posed check` reports it.
pub(super) fn password_file(
    table: &mut Table<'_, '_>,
    base: &Path,
    report: &mut Report<'_>,
) -> Option<At<PathBuf>> {
    let file = table.get(report, "password_file", validate::path(base))?;
    let key = table.key("password_file");
    let remedy = "write the password into that file, on one line, readable by the daemon's user";
    examine(&file.value, &file.span, &key, remedy, report);
    if secret::is_world_readable(&file.value) {
        report.warning(
            file.span.clone(),
            key,
            "every user of this machine can read the file",
            format!("chmod o-r {}", file.value.display()),
        );
    }
    Some(file)
}

/// The file of a systemd credential. Outside of the service, it is the one that the next start
/// loads, if this user may read that; otherwise its content is not checked.
pub(super) fn find_credential(
    table: &Table<'_, '_>,
    name: At<String>,
    machine: &Machine,
    report: &mut Report<'_>,
) -> At<PathBuf> {
    let key = table.key("password_credential");
    let remedy =
        format!("put the password into /etc/credstore/{0}; the unit needs LoadCredential={0}", name.value);
    let in_folder = |folder: &PathBuf| folder.join(&name.value);
    let stored = || machine.credential_store.as_ref().map(in_folder).filter(|p| from_file::open(p).is_ok());
    let Some(path) = machine.credentials.as_ref().map(in_folder).or_else(stored) else {
        report.warning(
            name.span.clone(),
            key,
            "not checked: only root and the service can read its credentials",
            format!("keep the password in /etc/credstore/{}, which the unit loads", name.value),
        );
        return At { value: Path::new(SERVICE_CREDENTIALS).join(name.value), span: name.span };
    };
    examine(&path, &name.span, &key, &remedy, report);
    At { value: path, span: name.span }
}

/// Reads `password`, which must be an environment variable: the configuration holds no secrets.
pub(super) fn password_variable(table: &mut Table<'_, '_>, report: &mut Report<'_>) -> Option<At<Secret>> {
    let is_variable = table.is_variable("password");
    table.get(report, "password", |value| {
        let text = text(value)?;
        if !is_variable {
            return wrong(
                "a password must not stand in this file",
                "write it into a file of its own and name it: password_file = \"...\"; or take it from the \
                 environment: password = \"{POSED_MQTT_PASSWORD}\"",
            );
        }
        Ok(Secret::new(text))
    })
}

/// Reports what is wrong with a password file, and what is odd about it: the broker would only say
/// that the password is wrong.
fn examine(path: &Path, span: &Range<usize>, key: &str, remedy: &str, report: &mut Report<'_>) {
    let secret = match secret::read(path) {
        Ok(secret) => secret,
        Err(e) => return report.error(span.clone(), key, e.to_string(), remedy),
    };
    let name = path.display();
    if let Some(fault) = fault(secret.expose()) {
        report.error(span.clone(), key, format!("{name} {fault}"), remedy);
    } else if let Some(oddity) = oddity(secret.expose()) {
        let remedy = "remove them, unless they belong to the password";
        report.warning(span.clone(), key, format!("{name} {oddity}"), remedy);
    }
}

/// Why `password` cannot be one.
fn fault(password: &str) -> Option<&'static str> {
    if password.starts_with(BYTE_ORDER_MARK) {
        return Some("begins with a byte order mark (BOM): save it as UTF-8 without BOM");
    }
    if password.contains(['\n', '\r']) {
        return Some("has more than one line, and all of them would be the password");
    }
    if password.contains('\0') {
        return Some("holds a NUL character: perhaps it is UTF-16 text");
    }
    None
}

/// What is unusual about `password`.
fn oddity(password: &str) -> Option<&'static str> {
    if password.trim().is_empty() {
        return Some("holds only blanks");
    }
    if password.starts_with(char::is_whitespace) {
        return Some("has blanks before the password");
    }
    if password.ends_with(char::is_whitespace) {
        return Some("has blanks after the password");
    }
    if password.len() > 2
        && ['"', '\''].iter().any(|quote| password.starts_with(*quote) && password.ends_with(*quote))
    {
        return Some("has quotes around the password, and they would be part of it");
    }
    if password.contains(|c: char| c.is_control() || c == '\u{200b}' || c == '\u{a0}') {
        return Some("holds characters that cannot be seen");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_odd_about_a_password_is_named() {
        for (password, want) in [
            ("\u{feff}secret", Some("BOM")),
            ("secret\nsecond", Some("more than one line")),
            ("secret\n", Some("more than one line")),
            ("secret\r\nx", Some("more than one line")),
            ("s\0e\0", Some("UTF-16")),
            (" secret", Some("blanks before")),
            ("secret ", Some("blanks after")),
            ("secret\t", Some("blanks after")),
            ("   ", Some("only blanks")),
            ("\"secret\"", Some("quotes")),
            ("sec\u{200b}ret", Some("cannot be seen")),
            ("two words, \"quoted\" ü", None),
        ] {
            let found = fault(password).or_else(|| oddity(password));
            assert!(found.is_some() == want.is_some(), "{password:?}: {found:?}");
            assert!(found.unwrap_or_default().contains(want.unwrap_or_default()), "{password:?}: {found:?}");
        }
    }
}
