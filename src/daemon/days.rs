//! Days of the history as pages of the HTTP server.

use super::Error;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::history::{self, Archive, Date, Keeper, parse_date};
use crate::http::{self, DayFault};
use crate::telemetry::progress::Progress;
use crate::tools::plot::{CSS, Styles};
use crate::tools::report;
use std::sync::Arc;

/// Writes and reads the days.
pub(super) struct History {
    pub keeper: Arc<Keeper>,
    archive: Archive,
}

impl History {
    /// Starts the thread, unless `[history] days` is 0 or there is no folder for it.
    pub(super) fn start(
        config: &Config,
        clock: &SharedClock,
        progress: &Progress,
    ) -> Result<Option<History>, Error> {
        let Some(options) = config.history.keeper(config.state_dir.as_deref()) else { return Ok(None) };
        let archive = Archive::of(&options.state_dir, clock.clone());
        let keeper = Keeper::start(options, clock.clone(), progress)
            .map_err(|e| Error::Thread("history".into(), e))?;
        Ok(Some(History { keeper: Arc::new(keeper), archive }))
    }

    /// The page of a day. Reads up to a megabyte and draws: not for a thread in a hurry.
    pub(super) fn page(&self, wish: &http::DayWish) -> Result<String, DayFault> {
        let date = match &wish.day {
            None => None,
            Some(day) => Some(parse_date(day).ok_or(DayFault::NotADay)?),
        };
        let sheets = report::sheets(&self.archive, wish.camera.as_deref(), date).map_err(fault)?;
        let links = sheets
            .first()
            .map_or(Vec::new(), |first| links(&self.archive, wish.camera.as_deref(), first.day.date));
        report::page(&sheets, Styles::Beside(http::DAY_CSS), &links).map_err(fault)
    }
}

/// The style of the page.
pub(super) const STYLE: &str = CSS;

/// To the live page, the days before and after, and the other cameras.
fn links(archive: &Archive, camera: Option<&str>, date: Date) -> Vec<(String, String)> {
    let live = camera.map_or("./".to_owned(), |camera| format!("./#camera={camera}"));
    let mut links = vec![(live, "Live".to_owned())];
    if let Some(days) = camera.and_then(|camera| archive.days(camera).ok()) {
        let before = days.iter().rev().find(|day| **day < date);
        let after = days.iter().find(|day| **day > date);
        let to = |day: &Date| format!("day?camera={}&day={day}", camera.unwrap_or_default());
        links.extend(before.map(|day| (to(day), format!("← {day}"))));
        links.extend(after.map(|day| (to(day), format!("{day} →"))));
    }
    for other in archive.cameras().unwrap_or_default() {
        if Some(other.as_str()) != camera {
            links.push((format!("day?camera={other}&day={date}"), other));
        }
    }
    links
}

fn fault(e: report::Error) -> DayFault {
    match e {
        report::Error::NoDay { .. }
        | report::Error::History(
            history::Error::Nothing(_) | history::Error::NoCamera { .. } | history::Error::NoDay { .. },
        ) => DayFault::Absent(e.to_string()),
        _ => DayFault::Failed(format!("{:#}", anyhow::Error::from(e))),
    }
}
