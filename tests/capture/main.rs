//! Capture against real GStreamer elements, real files and a real RTSP server.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]

mod alone;
mod camera;
mod clip;
#[path = "../common/mod.rs"]
mod common;
mod damage;
mod decoders;
mod files;
mod http;
mod logins;
mod pictures;
mod pixels;
mod recorder;
mod recovery;
mod rtsp;
mod skew;
mod sources;
mod streams;
mod web;
