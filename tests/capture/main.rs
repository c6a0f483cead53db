//! Capture against real GStreamer elements, real files and a real RTSP server.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]

mod alone;
mod clip;
#[path = "../common/mod.rs"]
mod common;
mod decoders;
mod files;
mod pixels;
mod recorder;
mod recovery;
mod rtsp;
