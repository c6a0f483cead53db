//! What is, as opposed to what happened: the states of a camera.

use super::line::Counts;
use super::posture::Posture;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// How many people are in each posture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Postures {
    /// On their feet.
    pub standing: usize,
    /// On a chair, a sofa or the floor.
    pub sitting: usize,
    /// On the floor, a bed or a sofa.
    pub lying: usize,
    /// Hips near the feet.
    pub crouching: usize,
    /// Not to be told.
    pub unknown: usize,
}

impl Postures {
    pub(super) fn add(&mut self, posture: Posture) {
        *match posture {
            Posture::Standing => &mut self.standing,
            Posture::Sitting => &mut self.sitting,
            Posture::Lying => &mut self.lying,
            Posture::Crouching => &mut self.crouching,
            Posture::Unknown => &mut self.unknown,
        } += 1;
    }
}

/// State of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZoneState {
    /// Its name.
    #[serde(serialize_with = "text")]
    pub name: Arc<str>,
    /// People in it.
    pub people: usize,
    /// Whether it is occupied, with delays against flapping.
    pub occupancy: bool,
}

/// State of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineState {
    /// Its name.
    #[serde(serialize_with = "text")]
    pub name: Arc<str>,
    /// Who crossed it.
    #[serde(flatten)]
    pub counts: Counts,
}

/// All states of a camera.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// People in the picture.
    pub people: usize,
    /// Whether people are there, with delays against flapping.
    pub occupancy: bool,
    /// Whether somebody has fallen and is still down: a confirmed fall.
    pub fall: bool,
    /// Whether a fall is suspected or confirmed.
    pub fall_suspected: bool,
    /// Whether somebody holds up both hands.
    pub help: bool,
    /// People by posture.
    pub postures: Postures,
    /// Zones in the order of the options.
    pub zones: Vec<ZoneState>,
    /// Lines in the order of the options.
    pub lines: Vec<LineState>,
}

fn text<S: Serializer>(value: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(value)
}
