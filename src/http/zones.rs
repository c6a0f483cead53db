//! What the page's editor reads and changes: the zones and lines of one camera.
//!
//! This module neither knows TOML nor the files. The daemon, as [`ZoneKeeper`], does the work on a
//! thread of its own, so a slow disk holds up no page.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// The daemon, as far as the editor needs it.
pub trait ZoneKeeper: Send + Sync {
    /// Takes a request, to answer it soon. `false`: too many wait, and this one is dropped.
    fn take(&self, request: ZoneRequest) -> bool;
}

/// A zone in its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneSketch {
    /// Its name before the change; `None`: it is new.
    #[serde(default, skip_serializing)]
    pub was: Option<String>,
    /// Its name.
    pub name: String,
    /// Corners, [x, y] as fractions of the display frame.
    pub polygon: Vec<[f64; 2]>,
    /// Which point of a person counts: `feet` or `body`.
    pub by: String,
    /// How long somebody must stay to dwell there, in seconds.
    #[serde(default)]
    pub dwell_s: Option<f64>,
}

/// A line in its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineSketch {
    /// Its name before the change; `None`: it is new.
    #[serde(default, skip_serializing)]
    pub was: Option<String>,
    /// Its name.
    pub name: String,
    /// Where it starts.
    pub from: [f64; 2],
    /// Where it ends.
    pub to: [f64; 2],
    /// Which point of a person counts: `feet` or `body`.
    pub by: String,
}

/// All zones and lines of a camera, as its file has them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ZoneSheet {
    /// The file that the camera stands in.
    pub file: String,
    /// Changes with every change of the file.
    pub version: String,
    /// Its zones.
    pub zones: Vec<ZoneSketch>,
    /// Its lines.
    pub lines: Vec<LineSketch>,
    /// Why a saved change is not in force; `None`: it is.
    pub note: Option<String>,
}

/// All zones and lines of a camera, as they are to be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneChange {
    /// The `version` of the sheet that was changed.
    pub version: String,
    /// Its zones.
    pub zones: Vec<ZoneSketch>,
    /// Its lines.
    pub lines: Vec<LineSketch>,
}

/// One thing that is wrong, as `posed check` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZoneProblem {
    /// Path of the key.
    pub key: String,
    /// Line in the file as it would be.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

/// Why zones cannot be read or saved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneRefusal {
    /// No file has the camera.
    #[error("no file of the configuration has a camera {0:?}")]
    NoCamera(String),
    /// Somebody else changed the file.
    #[error("{0} has changed since the page read it; nothing was saved")]
    Changed(String),
    /// The configuration would be wrong.
    #[error("the configuration would be wrong; nothing was saved")]
    Wrong(Vec<ZoneProblem>),
    /// The file cannot be written, or is written in a way that cannot be edited.
    #[error("{0}")]
    Forbidden(String),
    /// The disk or the system fails.
    #[error("{0}")]
    Failed(String),
}

/// A question of the editor, or a change. Dropping it without an answer refuses it.
#[derive(Debug)]
pub struct ZoneRequest {
    /// Name of the camera.
    pub camera: String,
    /// What to save; `None`: the page only reads.
    pub change: Option<ZoneChange>,
    answer: oneshot::Sender<Result<ZoneSheet, ZoneRefusal>>,
}

/// Where the answer to a [`ZoneRequest`] arrives.
pub(super) type ZoneAnswer = oneshot::Receiver<Result<ZoneSheet, ZoneRefusal>>;

impl ZoneRequest {
    pub(super) fn new(camera: String, change: Option<ZoneChange>) -> (ZoneRequest, ZoneAnswer) {
        let (answer, receive) = oneshot::channel();
        (ZoneRequest { camera, change, answer }, receive)
    }

    /// Answers it. The browser may have left, which is no error.
    pub fn answer(self, result: Result<ZoneSheet, ZoneRefusal>) {
        let _ = self.answer.send(result);
    }
}
