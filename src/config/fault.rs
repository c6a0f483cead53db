//! Faults of a configuration: what is wrong, where, and what to do about it.

use super::masked::masked;
use super::variables::Variables;
use std::fmt;
use std::ops::Range;

/// Whether the configuration can still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It cannot be used.
    Error,
    /// It can be used, but should be corrected.
    Warning,
}

/// A position in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Number of characters to underline, at least 1.
    pub width: usize,
    /// The line's text, with secrets masked.
    pub text: String,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How bad it is.
    pub severity: Severity,
    /// The file's name, as given.
    pub file: String,
    /// Where it is; `None` if it concerns the whole file.
    pub location: Option<Location>,
    /// Key path, such as `mqtt.url` or `camera.door.rotate`; empty if it concerns no key.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Fault {
    /// ```text
    /// posed.toml:7:10: error: camera.door.rotate: 45 is not a quarter turn
    ///   7 | rotate = 45
    ///     |          ^^
    ///     = help: use 0, 90, 180 or 270
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(location) = &self.location {
            write!(f, ":{}:{}", location.line, location.column)?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, ": {severity}: ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        writeln!(f, "{}", self.reason)?;
        let mut gutter = String::from("  ");
        if let Some(location) = &self.location {
            let number = format!("{:>3}", location.line);
            writeln!(f, "{number} | {}", location.text)?;
            gutter = " ".repeat(number.len());
            // Keep tabs, so that the caret lines up in the terminal.
            let indent = location.text.chars().take(location.column - 1);
            let indent: String = indent.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            writeln!(f, "{gutter} | {indent}{}", "^".repeat(location.width))?;
        }
        write!(f, "{gutter} = help: {}", self.remedy)
    }
}

/// All faults of a configuration. `posed check` prints its `Display`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{fault}\n")?;
        }
        let errors = self.0.iter().filter(|fault| fault.severity == Severity::Error).count();
        write!(f, "{errors} error{}", if errors == 1 { "" } else { "s" })
    }
}

/// Collects the faults of one file while it is read.
pub(super) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    /// What values of the file may refer to.
    pub(super) variables: Variables,
    /// Further files, and where their text starts in `text`.
    files: &'a [(String, usize)],
    pub(super) faults: Vec<Fault>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Report<'a> {
        Report { file, text, files: &[], variables: Variables::default(), faults: Vec::new() }
    }

    /// As [`Report::new`], for several files whose texts are one, and whose values may refer to
    /// `variables`.
    pub(super) fn of(
        file: &'a str,
        text: &'a str,
        files: &'a [(String, usize)],
        variables: Variables,
    ) -> Report<'a> {
        Report { file, text, files, variables, faults: Vec::new() }
    }

    /// Sorts the faults by their places: file by file, as they were read.
    pub(super) fn sort(&mut self) {
        let files = self.files;
        self.faults.sort_by_key(|fault| {
            let file = files.iter().position(|(name, _)| *name == fault.file);
            fault.location.as_ref().map(|location| (file, location.line, location.column))
        });
    }

    /// The file that `offset` lies in, and where its text starts.
    fn file_at(&self, offset: usize) -> (&str, usize) {
        let at = self.files.iter().rev().find(|(_, start)| *start <= offset);
        at.map_or((self.file, 0), |(name, start)| (name, *start))
    }

    pub(super) fn error(
        &mut self,
        span: Range<usize>,
        key: impl Into<String>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Severity::Error, Some(span), key.into(), reason.into(), remedy.into());
    }

    pub(super) fn warning(
        &mut self,
        span: Range<usize>,
        key: impl Into<String>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Severity::Warning, Some(span), key.into(), reason.into(), remedy.into());
    }

    /// Adds an error that concerns the whole file.
    pub(super) fn whole(&mut self, reason: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Error, None, String::new(), reason.into(), remedy.into());
    }

    /// Line number of the byte at `offset`, from 1.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        let start = self.file_at(offset).1;
        let before = self.text.as_bytes().get(start..offset).unwrap_or_default();
        1 + before.iter().filter(|b| **b == b'\n').count()
    }

    fn add(
        &mut self,
        severity: Severity,
        span: Option<Range<usize>>,
        key: String,
        reason: String,
        remedy: String,
    ) {
        let file = span.as_ref().map_or(self.file, |span| self.file_at(span.start).0).to_owned();
        let location = span.map(|span| self.location(span));
        self.faults.push(Fault { severity, file, location, key, reason, remedy });
    }

    fn location(&self, span: Range<usize>) -> Location {
        let start = floor_boundary(self.text, span.start);
        let end = floor_boundary(self.text, span.end).max(start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        let line = self.text[line_start..line_end].trim_end_matches('\r');
        let width = self.text[start..end.min(line_end)].trim_end_matches('\r').chars().count().max(1);
        Location {
            line: self.line_of(start),
            column: 1 + self.text[line_start..start].chars().count(),
            width,
            text: masked(line),
        }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_spans_end_with_their_line() {
        let text = "a = \"ü\" # é\r\nb = 1\n";
        let mut report = Report::new("f", text);
        let start = text.find('#').unwrap();
        report.error(start..text.len(), "a", "r", "h");
        let location = report.faults.remove(0).location.unwrap();
        assert_eq!((location.line, location.column, location.width), (1, 9, 3));
        assert_eq!(location.text, "a = \"ü\" # é");
    }
}
