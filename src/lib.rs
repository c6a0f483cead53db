//! posed: camera streams in, human poses out over MQTT.
//!
//! # The way a frame takes
//! ```text
//! capture ──► slot ──► detect ──► crop ──► infer ──► decode ──► track ──► publish
//! GStreamer   latest   boxes      u8/f32   tract     heatmap    ids       MQTT
//! ```
//! One capture thread a camera writes into a one-place slot that keeps the latest frame; a few
//! inference workers take frames from the slots of all cameras in turn; one publisher owns the
//! broker connection. [`daemon`](crate) wires them and is the only room that knows them all.
//!
//! # Units and frames of reference
//! All coordinates are *pixel index coordinates*: the centre of pixel (0, 0) is (0.0, 0.0), as in
//! OpenCV and the COCO reference code. *Stored* pixels are those of the decoder's buffer;
//! *display* pixels are upright and square (rotation and pixel aspect ratio undone), and are what
//! is published. Names carry units: `_px`, `_ms`, `_norm`.
//!
//! # Unsafe code
//! Denied everywhere but in `kernels`, whose safe entry points check every length.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::disallowed_methods))]

pub mod backoff;
pub mod capture;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crop;
pub mod daemon;
pub mod detect;
pub mod eval;
pub mod frame;
pub mod geometry;
pub mod infer;
pub mod kernels;
pub mod keypoint;
pub mod overlay;
pub mod pose;
pub mod publish;
pub mod replay;
pub mod secret;
pub mod shutdown;
pub mod slot;
pub mod telemetry;
pub mod tools;
pub mod track;
