//! What goes into the events of a camera, and the words in which events tell of it.

use crate::clock::Mono;
use crate::geometry::BBox;
use crate::keypoint::Keypoints;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// Keypoints that score less are guesses and say nothing about a posture.
pub const SEEN: f32 = 0.25;

/// A frame's time and size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// When the frame was captured, for durations.
    pub at: Mono,
    /// When the frame was captured, for messages.
    pub wall: SystemTime,
    /// Local time minus UTC, in seconds: a line's counts of the day start at local midnight.
    pub utc_offset_s: i32,
    /// Width and height of the display frame in px.
    pub size: (u32, u32),
}

/// A person as the tracker gives them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Person {
    /// Never given to another person.
    pub id: u64,
    /// Box around the person in display px.
    pub bbox: BBox,
    /// Smoothed keypoints in display px.
    pub keypoints: Keypoints,
    /// Time since the pose was seen; zero: in this frame.
    pub age: Duration,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody fell.
    Fall,
    /// Somebody has been lying for long.
    LyingLong,
    /// Somebody has not moved for long.
    NoMovement,
    /// Somebody holds up one hand.
    HandRaised,
    /// Somebody holds up both hands.
    Help,
    /// Somebody changed their posture.
    Posture,
    /// Somebody is in a zone.
    Zone,
    /// There are people in a zone.
    Occupancy,
    /// Somebody crossed a line.
    Line,
    /// There are people in the picture.
    Presence,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 10] = [
        Kind::Fall,
        Kind::LyingLong,
        Kind::NoMovement,
        Kind::HandRaised,
        Kind::Help,
        Kind::Posture,
        Kind::Zone,
        Kind::Occupancy,
        Kind::Line,
        Kind::Presence,
    ];

    /// The name in messages and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Fall => "fall",
            Kind::LyingLong => "lying_long",
            Kind::NoMovement => "no_movement",
            Kind::HandRaised => "hand_raised",
            Kind::Help => "help",
            Kind::Posture => "posture",
            Kind::Zone => "zone",
            Kind::Occupancy => "occupancy",
            Kind::Line => "line",
            Kind::Presence => "presence",
        }
    }

    /// The states that an event of this kind can have, in the order in which they occur.
    pub fn states(self) -> &'static [State] {
        match self {
            Kind::Fall => &[State::Suspected, State::Confirmed, State::Cleared, State::Ended],
            Kind::Zone => &[State::Entered, State::Dwelling, State::Left],
            Kind::Posture => &[State::Changed],
            Kind::Line => &[State::Crossed],
            _ => &[State::Started, State::Ended],
        }
    }
}

/// How far the thing has come that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It began.
    Started,
    /// It is over; of a fall: the person is gone.
    Ended,
    /// A fall was seen.
    Suspected,
    /// The person who fell is still down.
    Confirmed,
    /// The person who fell is upright again.
    Cleared,
    /// The person came into the zone.
    Entered,
    /// The person has been in the zone for long.
    Dwelling,
    /// The person left the zone.
    Left,
    /// The posture changed and held.
    Changed,
    /// The line was crossed.
    Crossed,
}

impl State {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            State::Started => "started",
            State::Ended => "ended",
            State::Suspected => "suspected",
            State::Confirmed => "confirmed",
            State::Cleared => "cleared",
            State::Entered => "entered",
            State::Dwelling => "dwelling",
            State::Left => "left",
            State::Changed => "changed",
            State::Crossed => "crossed",
        }
    }
}

/// Which way somebody crossed a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the left of the line to its right, as seen from its first point to its second.
    In,
    /// The other way.
    Out,
}
