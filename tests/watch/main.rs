//! `posed watch`: what it draws, what it writes, and what it leaves behind on a terminal.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests wait for processes, and may fail")]

#[path = "../common/mod.rs"]
mod common;
mod draw;
mod hostile;
mod picture;
mod plain;
mod scene;
mod terminal;
