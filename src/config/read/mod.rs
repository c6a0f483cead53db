//! Reads keys of a TOML table; reports each fault with its location and continues.
//!
//! serde's derive stops at the first fault and cannot say what would be right, but users want all
//! faults at once. So each key is read by name, with a function that checks its value. Keys that
//! were never read are unknown.

mod spelling;
mod values;

pub(super) use super::wrong::{Wrong, wrong};
pub(super) use values::{boolean, integer, kind, millis, number, one_of, text};

use super::fault::Report;
use super::variables::is_variable;
use spelling::nearest;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and its location, for rules that concern several keys.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// A table whose keys are read one by one.
pub(super) struct Table<'t, 'i> {
    /// Path of the table, such as `camera.door`.
    pub path: String,
    /// Location of its header.
    pub span: Range<usize>,
    entries: Option<&'t DeTable<'i>>,
    known: Vec<&'static str>,
}

impl<'t, 'i> Table<'t, 'i> {
    pub(super) fn new(path: &str, span: Range<usize>, entries: Option<&'t DeTable<'i>>) -> Self {
        Table { path: path.to_owned(), span, entries, known: Vec::new() }
    }

    /// Full path of `key`.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn find(&self, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.entries?.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// The value of `key`, converted by `read`; `None` if it is absent or wrong (reported).
    pub(super) fn get<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        read: impl FnOnce(&DeValue<'i>) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        self.known.push(key);
        let found = self.find(key)?;
        let replaced = report.variables.replace(key, found.get_ref());
        match replaced.and_then(|new| read(new.as_ref().unwrap_or(found.get_ref()))) {
            Ok(value) => Some(At { value, span: found.span() }),
            Err(Wrong { reason, remedy }) => {
                report.error(found.span(), self.key(key), reason, remedy);
                None
            }
        }
    }

    /// Whether the value of `key` is one environment variable, and nothing else.
    pub(super) fn is_variable(&self, key: &str) -> bool {
        let text = self.find(key).and_then(|found| found.get_ref().as_str());
        text.is_some_and(is_variable)
    }

    /// As [`Table::get`], with a default.
    pub(super) fn get_or<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        default: T,
        read: impl FnOnce(&DeValue<'i>) -> Result<T, Wrong>,
    ) -> T {
        self.get(report, key, read).map_or(default, |at| at.value)
    }

    /// As [`Table::get`]; an absent key is a fault.
    pub(super) fn must<T>(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        remedy: &str,
        read: impl FnOnce(&DeValue<'i>) -> Result<T, Wrong>,
    ) -> Option<At<T>> {
        if self.find(key).is_none() {
            self.known.push(key);
            report.error(self.span.clone(), self.key(key), "is missing", remedy);
            return None;
        }
        self.get(report, key, read)
    }

    /// The table at `key`; an empty one if it is absent.
    pub(super) fn table(&mut self, report: &mut Report<'_>, key: &'static str) -> Table<'t, 'i> {
        self.known.push(key);
        let path = self.key(key);
        match self.find(key).map(|found| (found.span(), found.get_ref())) {
            Some((span, DeValue::Table(entries))) => Table::new(&path, span, Some(entries)),
            Some((span, other)) => {
                let reason = format!("is {}, not a table", kind(other));
                report.error(span, path.clone(), reason, format!("write a line [{path}], its keys below it"));
                Table::new(&path, 0..0, None)
            }
            None => Table::new(&path, 0..0, None),
        }
    }

    /// The tables of the array at `key`.
    pub(super) fn tables(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
    ) -> Vec<(Range<usize>, &'t DeTable<'i>)> {
        self.known.push(key);
        let Some(found) = self.find(key) else { return Vec::new() };
        // A camera's path holds its name, but its tables are headed [[camera.zone]].
        let section = self.path.split(['.', '[']).next().filter(|section| !section.is_empty());
        let header = section.map_or(key.to_owned(), |section| format!("{section}.{key}"));
        let remedy = format!("write a line [[{header}]] for each, its keys below it");
        let DeValue::Array(items) = found.get_ref() else {
            report.error(found.span(), self.key(key), "is not a list of tables", remedy);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(entries) => tables.push((item.span(), entries)),
                other => {
                    let reason = format!("holds {}, not a table", kind(other));
                    report.error(item.span(), self.key(key), reason, remedy.clone());
                }
            }
        }
        tables
    }

    /// Reports every key that was not read.
    pub(super) fn finish(self, report: &mut Report<'_>) {
        for (name, _) in self.entries.into_iter().flat_map(DeTable::iter) {
            let key = name.get_ref();
            if self.known.iter().any(|known| known == key) {
                continue;
            }
            let remedy = match nearest(key, &self.known) {
                _ if key == "password" => {
                    "write the password into a file and name it: password_file = \"...\"".to_owned()
                }
                Some(near) => format!("did you mean {near}?"),
                None => format!("known here: {}", self.known.join(", ")),
            };
            report.error(name.span(), self.key(key), "no such key", remedy);
        }
    }
}
