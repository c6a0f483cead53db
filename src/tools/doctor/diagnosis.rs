//! What the doctor found.

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Works as it should.
    Ok,
    /// Absent or unknown, and perhaps not needed.
    Note,
    /// posed runs, but worse than it could, or may stop later.
    Warning,
    /// posed, or one of its cameras, does not work.
    Fault,
}

impl Level {
    /// The printed word.
    pub fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Fault => "fault",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked: `board`, `cpu`, `heat`, `decoder`, `device`, `camera`, `broker`...
    pub area: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it; `None` if it is [`Level::Ok`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// All findings, in the order of the checks.
#[derive(Debug, Default, Serialize)]
pub struct Diagnosis {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    pub(super) fn ok(&mut self, area: &'static str, found: impl Into<String>) {
        self.findings.push(Finding { area, level: Level::Ok, found: found.into(), remedy: None });
    }

    pub(super) fn add(
        &mut self,
        level: Level,
        area: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.findings.push(Finding { area, level, found: found.into(), remedy: Some(remedy.into()) });
    }

    /// The worst level of all findings.
    pub fn worst(&self) -> Level {
        self.findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    /// The number of findings of `level`.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_counts() {
        let mut report = Diagnosis::default();
        assert_eq!(report.worst(), Level::Ok);
        report.ok("cpu", "fine");
        report.add(Level::Warning, "disk", "nearly full", "make room");
        assert_eq!((report.worst(), report.count(Level::Warning)), (Level::Warning, 1));
    }
}
