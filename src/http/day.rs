//! `/day`: a day at a glance. The thread `http-day` reads and draws it, one at a time.

use super::census::{CensusSource, DayFault, DayWish};
use super::reply::{Reply, TEXT, whole};
use hyper::StatusCode;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Path of the page's style.
pub const DAY_CSS: &str = "day.css";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

impl DayWish {
    /// Reads a query such as `camera=hall&day=2026-11-28`.
    fn parse(query: &str) -> DayWish {
        let value = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, value)| *name == key && !value.is_empty()).map(|(_, value)| value.to_owned())
        };
        DayWish { camera: value("camera"), day: value("day") }
    }
}

/// Lets one day be drawn at a time.
pub(super) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(1))
}

/// The answer to a request with this query.
pub(super) async fn day(source: Arc<dyn CensusSource>, turns: Arc<Semaphore>, query: String) -> Reply {
    let Ok(turn) = turns.try_acquire_owned() else {
        return whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "another day is being drawn: try again\n");
    };
    let drawn = tokio::task::spawn_blocking(move || {
        let page = source.day(&DayWish::parse(&query));
        // Held until the end, although the client may be gone.
        drop(turn);
        page
    });
    match drawn.await {
        Ok(Ok(page)) => whole(StatusCode::OK, HTML, page),
        Ok(Err(DayFault::Off)) => {
            whole(StatusCode::NOT_FOUND, TEXT, "no history is kept: [history] days is 0\n")
        }
        Ok(Err(DayFault::NotADay)) => {
            whole(StatusCode::BAD_REQUEST, TEXT, "write the day as day=2026-11-28\n")
        }
        Ok(Err(DayFault::Absent(why))) => whole(StatusCode::NOT_FOUND, TEXT, why + "\n"),
        Ok(Err(DayFault::Failed(why))) => whole(StatusCode::INTERNAL_SERVER_ERROR, TEXT, why + "\n"),
        Err(_) => whole(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the day cannot be drawn\n"),
    }
}

/// The style of the page.
pub(super) fn style(source: &dyn CensusSource) -> Reply {
    whole(StatusCode::OK, CSS, source.day_style())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_camera_and_day_or_neither() {
        let wish = |camera: Option<&str>, day: Option<&str>| DayWish {
            camera: camera.map(str::to_owned),
            day: day.map(str::to_owned),
        };
        for (query, want) in [
            ("", wish(None, None)),
            ("camera=&day", wish(None, None)),
            ("day=2026-11-28&camera=hall", wish(Some("hall"), Some("2026-11-28"))),
            ("camera=a&camera=b", wish(Some("a"), None)),
        ] {
            assert_eq!(DayWish::parse(query), want, "{query}");
        }
    }
}
