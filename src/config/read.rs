//! Reads keys of a TOML table; reports each fault with its location and continues.
//!
//! serde's derive stops at the first fault and cannot say what would be right, but users want all
//! faults at once. So each key is read by name, with a function that checks its value. Keys that
//! were never read are unknown.

use super::fault::Report;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a value is refused: what is wrong, and what would be right.
pub(super) struct Wrong {
    pub reason: String,
    pub remedy: String,
}

pub(super) fn wrong<T>(reason: impl Into<String>, remedy: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { reason: reason.into(), remedy: remedy.into() })
}

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
        match read(found.get_ref()) {
            Ok(value) => Some(At { value, span: found.span() }),
            Err(Wrong { reason, remedy }) => {
                report.error(found.span(), self.key(key), reason, remedy);
                None
            }
        }
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
        let remedy = format!("write a line [[{key}]] for each, its keys below it");
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

/// "a string", "an integer"...
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A string that is not empty.
pub(super) fn text(value: &DeValue<'_>) -> Result<String, Wrong> {
    match value {
        DeValue::String(s) if s.trim().is_empty() => wrong("is empty", "give it a value, or remove the line"),
        DeValue::String(s) => Ok(s.clone().into_owned()),
        other => wrong(format!("is {}, not a string", kind(other)), "put it in double quotes"),
    }
}

/// `true` or `false`.
pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, Wrong> {
    match value {
        DeValue::Boolean(b) => Ok(*b),
        other => wrong(format!("is {}, not a boolean", kind(other)), "use true or false, without quotes"),
    }
}

/// A finite number in `range`; integers count as numbers.
pub(super) fn number(range: RangeInclusive<f64>) -> impl Fn(&DeValue<'_>) -> Result<f64, Wrong> {
    move |value| {
        let remedy = format!("use a number from {} to {}", range.start(), range.end());
        let parsed: Option<f64> = match value {
            DeValue::Float(f) => f.as_str().parse().ok(),
            DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(|i| i as f64),
            other => return wrong(format!("is {}, not a number", kind(other)), remedy),
        };
        match parsed {
            Some(n) if range.contains(&n) => Ok(n),
            Some(n) => wrong(format!("{n} is out of range"), remedy),
            None => wrong("is too large", remedy),
        }
    }
}

/// A whole number in `range`.
pub(super) fn integer(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Result<u64, Wrong> {
    move |value| {
        let remedy = format!("use a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(i) = value else {
            return wrong(format!("is {}, not a whole number", kind(value)), remedy);
        };
        match i128::from_str_radix(i.as_str(), i.radix()).ok().and_then(|n| u64::try_from(n).ok()) {
            Some(n) if range.contains(&n) => Ok(n),
            _ => wrong(format!("{i} is out of range"), remedy),
        }
    }
}

/// Milliseconds in `range`.
pub(super) fn millis(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Result<Duration, Wrong> {
    move |value| integer(range.clone())(value).map(Duration::from_millis)
}

/// One of the given words.
pub(super) fn one_of<T: Copy>(
    choices: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Result<T, Wrong> {
    move |value| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let list = || format!("use {}", quoted(&words));
        let DeValue::String(given) = value else {
            return wrong(format!("is {}, not a string", kind(value)), list());
        };
        match choices.iter().find(|(word, _)| word == given) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let remedy =
                    nearest(given, &words).map_or_else(list, |near| format!("did you mean {near:?}?"));
                wrong(format!("{given:?} is not known"), remedy)
            }
        }
    }
}

/// `"a", "b" or "c"`.
fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// The word that `given` most likely means: at most a third of its letters differ.
fn nearest<'w>(given: &str, words: &[&'w str]) -> Option<&'w str> {
    let given = given.to_ascii_lowercase().replace('-', "_");
    let distances = words.iter().map(|word| (edits(&given, &word.replace('-', "_")), *word));
    let (distance, word) = distances.min_by_key(|(distance, _)| *distance)?;
    let is_part = given.len() >= 3 && (word.starts_with(&given) || given.starts_with(word));
    (distance <= word.chars().count().div_ceil(3) || is_part).then_some(word)
}

/// Levenshtein distance. Long input is cut; it cannot be a misspelling.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_find_their_word_and_nonsense_does_not() {
        let words = ["rotate", "max_fps", "source", "transport"];
        for (given, want) in [
            ("rotat", Some("rotate")),
            ("max-fps", Some("max_fps")),
            ("sorce", Some("source")),
            ("zebra", None),
        ] {
            assert_eq!(nearest(given, &words), want, "{given}");
        }
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
