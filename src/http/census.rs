//! What the page, the metrics and the health checks ask of the daemon.

use crate::telemetry::stats::{FrameCounts, Percentiles};
use serde::Serialize;
use std::sync::Arc;
use std::time::SystemTime;

/// Every value of [`Camera::status`].
pub const STATUSES: [&str; 6] = ["online", "connecting", "stalled", "failed", "ended", "stopped"];

/// The daemon, as far as this module needs it.
pub trait CensusSource: Send + Sync {
    /// The present state of all cameras and of the broker. Called a few times a second at most.
    fn census(&self) -> Census;

    /// The page of a day at a glance, which takes a moment: not for the event loop.
    ///
    /// # Errors
    /// If there is no such day.
    fn day(&self, _wish: &DayWish) -> Result<String, DayFault> {
        Err(DayFault::Off)
    }

    /// The style of that page.
    fn day_style(&self) -> &'static str {
        ""
    }
}

/// All cameras and the broker at one moment.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// Cameras in service, by name.
    pub cameras: Vec<CameraCensus>,
    /// The connection to the broker.
    pub broker: BrokerCensus,
    /// The history; `None`: none is kept.
    pub history: Option<HistoryCensus>,
}

/// The history's rows, one a second of each camera.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryCensus {
    /// Rows written.
    pub written: u64,
    /// Rows that are lost, by reason.
    pub dropped: [(&'static str, u64); 3],
    /// Whether the last row could be written.
    pub on_disk: bool,
}

/// One camera at one moment.
#[derive(Clone, Debug)]
pub struct CameraCensus {
    /// Its name: a topic level.
    pub name: String,
    /// One of [`STATUSES`].
    pub status: &'static str,
    /// Why, if the status does not say it.
    pub reason: Option<String>,
    /// When the status began.
    pub since: SystemTime,
    /// Decoder element, once it has given a frame.
    pub decoder: Option<String>,
    /// Caps of the frames.
    pub caps: Option<String>,
    /// Times that the pipeline was built.
    pub attempts: u64,
    /// Decoded frames per second.
    pub decoded_fps: f64,
    /// Published messages per second.
    pub published_fps: f64,
    /// People in the last published frame.
    pub people: usize,
    /// Ages of the published frames over the last seconds.
    pub age: Option<Percentiles>,
    /// Frames since the camera was added.
    pub counts: FrameCounts,
    /// Zones and lines that are drawn.
    pub shapes: Arc<[Shape]>,
    /// Messages that did not reach the broker, by reason.
    pub unsent: [(&'static str, u64); 4],
}

/// A zone or a line.
#[derive(Clone, Debug, Serialize)]
pub struct Shape {
    /// Its name.
    pub name: String,
    /// Corners, [x, y] as fractions of the display frame.
    pub points: Vec<[f32; 2]>,
    /// The last corner is joined to the first: a zone.
    pub closed: bool,
}

/// The connection to the broker at one moment.
#[derive(Clone, Debug, Default)]
pub struct BrokerCensus {
    /// Whether the broker has accepted the connection.
    pub connected: bool,
    /// Connections after the first one.
    pub reconnects: u64,
    /// Pose messages handed to a connection.
    pub published: u64,
    /// Pose messages that wait.
    pub waiting: usize,
    /// Messages that must not be lost and wait on disk; `None`: there is no spool.
    pub spool: Option<SpoolCensus>,
}

/// Messages that must not be lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpoolCensus {
    /// Messages that the broker has not acknowledged.
    pub waiting: usize,
    /// Bytes that they take.
    pub bytes: usize,
    /// Messages dropped because too many waited, or for too long.
    pub dropped: u64,
    /// Whether they are on disk, and so survive a power cut.
    pub on_disk: bool,
}

/// Which day a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayWish {
    /// Name of the camera; `None`: all.
    pub camera: Option<String>,
    /// The date as it was written; `None`: today.
    pub day: Option<String>,
}

/// Why there is no page of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DayFault {
    /// No history is kept.
    Off,
    /// The date does not exist.
    NotADay,
    /// There is no such camera or day. The text names those that are there.
    Absent(String),
    /// The day cannot be read or drawn.
    Failed(String),
}
