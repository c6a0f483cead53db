//! `[history]`: how many days are kept.

use super::fault::Report;
use super::read::{Table, integer};
use crate::history;
use std::path::Path;

/// Days that are kept unless the file says otherwise.
const DAYS: u32 = 30;
/// A year: a camera's day takes up to a megabyte.
const MOST_DAYS: u64 = 366;

/// How many days are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// `days`, today among them; 0: none.
    pub days: u32,
}

impl History {
    /// Options for the keeper of days; `None` if none are kept.
    pub fn keeper(&self, state_dir: Option<&Path>) -> Option<history::Options> {
        let state_dir = state_dir?.to_owned();
        (self.days > 0).then_some(history::Options { state_dir, days: self.days })
    }
}

/// Reads the section.
pub(super) fn history(mut table: Table<'_, '_>, report: &mut Report<'_>) -> History {
    let days = table.get_or(report, "days", u64::from(DAYS), integer(0..=MOST_DAYS));
    table.finish(report);
    History { days: u32::try_from(days).unwrap_or(DAYS) }
}
