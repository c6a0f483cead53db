//! Events: what happens in front of a camera, told from the people that the tracker follows.
//!
//! Pure logic over people, times and options: no I/O, no clock. One [`Engine`] serves one camera;
//! [`Engine::update`] takes the people of each frame and returns events, [`Engine::snapshot`] says
//! what is. What each event means is in `docs/events.md`.
//!
//! ```text
//! person ──► shape ──► look ──► net ──► posture ──► memory ──► fall        one person each
//!        └─► zone, line, gestures                                         ──► engine ──► events, snapshot
//! ```

mod emit;
mod engine;
mod event;
mod evidence;
pub mod fall;
mod gestures;
mod id;
mod kept;
mod known;
mod lasting;
mod line;
mod look;
mod lost;
mod memory;
mod net;
mod options;
mod places;
pub mod posture;
pub mod presence;
mod shape;
mod snapshot;
#[allow(clippy::approx_constant, reason = "learned weights")]
mod table;
mod types;
mod zone;

pub use engine::Engine;
pub use event::{Event, SCHEMA};
pub use fall::Options as FallOptions;
pub use id::{EventId, EventIds, NotAnId};
pub use kept::{Kept, OpenFall};
pub use line::{Counts, Line};
pub use options::{Options, Watch};
pub use posture::Posture;
pub use snapshot::{LineState, Postures, Snapshot, ZoneState};
pub use types::{Direction, Kind, Moment, Person, SEEN, State};
pub use zone::{By, Zone, feet, middle};
