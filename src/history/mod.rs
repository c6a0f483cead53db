//! What happened in front of each camera, second by second, for a look back at a day.
//!
//! ```text
//! frames ──► Gather: one second ──push()──► queue ──► thread "history" ──► <camera>/<day>.day
//!                                                     Archive: reads days for the report ◄──┘
//! ```
//! A day of a camera is one file of at most a megabyte: `row` and `file` say what is in it. A row
//! stands at the place of its second, so a damaged row costs itself only, a clock that steps
//! back writes over what was wrong, and no file grows beyond its day.
//!
//! Rows hold counts, never a pose or a picture. Nothing here knows MQTT, HTTP or the stages.

mod archive;
mod disk;
mod file;
mod gather;
mod keeper;
mod local;
mod mark;
mod motion;
mod row;

pub use archive::{Archive, Error, spans};
pub use file::{Day, MOST_BYTES, MOST_SECONDS};
pub use gather::{Entry, Gather, Seen};
pub use keeper::{Keeper, Options, Stats};
pub use local::{Date, date_of, parse_date};
pub use mark::{Mark, Marks};
pub use motion::Motion;
pub use row::{POSTURES, ROW_BYTES, Row};
