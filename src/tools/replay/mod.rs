//! Recordings of a camera's messages, one JSON object a line, and how to replay them through a
//! tracker, to judge a change to tracking on the same input.
//!
//! Recorded people were tracked already. The replay uses their boxes and keypoints as the network
//! saw them, without the ids. People with a pose older than the frame (`age_ms` above zero) were
//! not seen in it and are left out.

mod comparison;
mod recording;

pub use comparison::Comparison;
pub use recording::{Error, Recording, ReplayStep, SCHEMA};
