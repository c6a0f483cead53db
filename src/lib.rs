//! posed: camera streams in, human poses out over MQTT.
//!
//! # A frame's way
//! ```text
//! capture ──► slot ──► search ──► crop ──► infer ──► decode ──► track ──► publish
//! GStreamer   newest   people's   u8/f32   tract     heatmaps   ids       MQTT
//!             frame    boxes                         to poses
//! ```
//! Each camera has a capture thread, which puts the newest frame into the camera's slot. A few
//! inference workers take frames from the slots of all cameras in turn. One publisher thread owns
//! the connection to the broker. [`daemon`] wires these stages.
//!
//! # Modules
//! Dependencies point one way: `cli` to tools and daemon, daemon to scene, scene to stages, stages
//! to the groups above them here. Stages import neither each other nor `config`: the daemon gives
//! each its options.
//!
//! # Units and coordinate frames
//! Coordinates are *pixel index coordinates*: the centre of pixel (0, 0) is (0.0, 0.0), as in
//! OpenCV and in COCO's reference code. *Stored* pixels are those of the decoder's buffer.
//! *Display* pixels are upright and square (rotation and pixel aspect ratio are undone); messages
//! use these. Names carry units: `_px`, `_ms`, `_norm`.
//!
//! # Unsafe code
//! Allowed only in `kernels`. Its safe entry points check every length.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::disallowed_methods))]

// Vocabulary: small types that every stage shares. These modules import only each other.
pub mod backoff;
pub mod clock;
pub mod frame;
pub mod geometry;
pub mod keypoint;
mod secret;
mod shutdown;
mod slot;
mod state_file;

// Telemetry: logs, counters and signs of life.
pub mod telemetry;

// Inference: cuts boxes out of frames and runs networks on them.
pub mod crop;
pub mod infer;
pub mod kernels;

// Stages: each does one step of a frame's way.
pub mod capture;
pub mod detect;
pub mod events;
pub mod history;
pub mod http;
pub mod pose;
pub mod publish;
pub mod track;

// Scene: takes one frame of a camera through the stages.
pub mod scene;

// Daemon: wires the stages and owns their threads.
pub mod config;
pub mod daemon;

// Tools: what only the command line uses.
pub mod tools;

// The command line.
pub mod cli;
