//! What the events of a camera are, and when they count.

use super::fall;
use super::line::Line;
use super::presence;
use super::types::Kind;
use super::zone::Zone;
use std::sync::Arc;
use std::time::Duration;

/// Something about a person that counts once it has lasted.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// How long it must last.
    pub after: Duration,
    /// Zones in which it does not count, by name.
    pub ignore_zones: Vec<Arc<str>>,
}

impl Watch {
    /// Everywhere, after `seconds`.
    pub fn after_s(seconds: u64) -> Watch {
        Watch { after: Duration::from_secs(seconds), ignore_zones: Vec::new() }
    }

    /// The default for `kind`; `None` if it is not a thing that is watched like this.
    pub fn default_of(kind: Kind) -> Option<Watch> {
        match kind {
            Kind::LyingLong => Some(Watch::after_s(600)),
            Kind::NoMovement => Some(Watch::after_s(120)),
            Kind::HandRaised | Kind::Help | Kind::Posture => Some(Watch::after_s(2)),
            _ => None,
        }
    }
}

/// The events of one camera. Falls are on, the rest is off or empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Name of the camera.
    pub camera: Arc<str>,
    /// Parts of the picture, with unique names.
    pub zones: Vec<Zone>,
    /// Lines across the picture, with unique names.
    pub lines: Vec<Line>,
    /// Somebody fell.
    pub fall: Option<fall::Options>,
    /// Somebody has been lying for long.
    pub lying_long: Option<Watch>,
    /// Somebody is there and has not moved for long.
    pub no_movement: Option<Watch>,
    /// Somebody holds up one hand.
    pub hand_raised: Option<Watch>,
    /// Somebody holds up both hands.
    pub help: Option<Watch>,
    /// Somebody changed from one posture to another, and holds it.
    pub posture: Option<Watch>,
    /// Delays of the camera's occupancy.
    pub presence: presence::Options,
    /// Whether the camera's occupancy makes events too.
    pub presence_events: bool,
}

impl Options {
    /// The defaults for a camera of this name.
    pub fn new(camera: &str) -> Options {
        Options {
            camera: camera.into(),
            zones: Vec::new(),
            lines: Vec::new(),
            fall: Some(fall::Options::default()),
            lying_long: None,
            no_movement: None,
            hand_raised: None,
            help: None,
            posture: None,
            presence: presence::Options::default(),
            presence_events: false,
        }
    }

    /// The kinds of events that can occur.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let on = |kind: &Kind| match kind {
            Kind::Fall => self.fall.is_some(),
            Kind::LyingLong => self.lying_long.is_some(),
            Kind::NoMovement => self.no_movement.is_some(),
            Kind::HandRaised => self.hand_raised.is_some(),
            Kind::Help => self.help.is_some(),
            Kind::Posture => self.posture.is_some(),
            Kind::Zone | Kind::Occupancy => !self.zones.is_empty(),
            Kind::Line => !self.lines.is_empty(),
            Kind::Presence => self.presence_events,
        };
        Kind::ALL.into_iter().filter(on)
    }

    /// All `type_state` that can occur, such as `fall_confirmed`.
    pub fn event_types(&self) -> Vec<String> {
        let names = |kind: Kind| kind.states().iter().map(move |s| format!("{}_{}", kind.name(), s.name()));
        self.kinds().flat_map(names).collect()
    }
}
