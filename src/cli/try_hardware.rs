//! `posed try-hardware`: one hardware check of `posed doctor`, in its own process as it may crash.

use super::output;
use crate::capture::{self, Codec};
use crate::clock::SystemClock;
use crate::config;
use crate::tools::doctor;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to try.
#[derive(Debug, clap::Subcommand)]
pub enum Trial {
    /// Decode a known stream.
    Decoder {
        /// Name of the codec.
        #[arg(value_parser = codec)]
        codec: Codec,
        /// Factory name of the decoder.
        decoder: String,
    },
    /// Take a frame from a camera.
    Camera {
        /// Configuration file.
        config: PathBuf,
        /// Name of the camera in it.
        name: String,
    },
}

fn codec(name: &str) -> Result<Codec, String> {
    Codec::ALL.into_iter().find(|codec| codec.name() == name).ok_or_else(|| "no such codec".into())
}

/// Prints a description of the frame, or why the check failed.
pub fn run(args: &Trial) -> ExitCode {
    let outcome = match args {
        Trial::Decoder { codec, decoder } => {
            capture::probe_decoder(*codec, decoder, doctor::PROOF_WITHIN).map(|()| "a frame".to_owned())
        }
        Trial::Camera { config, name } => camera(config, name),
    };
    let (Ok(text) | Err(text)) = &outcome;
    // The doctor may have stopped waiting.
    let _ = output::print(&format!("{text}\n"));
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn camera(path: &std::path::Path, name: &str) -> Result<String, String> {
    let config = config::load(path)
        .map_err(|faults| format!("{} faults in the configuration", faults.0.len()))?
        .config;
    let camera = config.cameras.iter().find(|camera| camera.name == name).ok_or("no such camera")?;
    doctor::first_frame(camera, &SystemClock::shared())
}
