//! `posed replay`: plays a recording of messages, tracked again or unchanged; or finds and tracks
//! the people in a clip.

mod args;
mod clip;
mod recording;

pub use args::ReplayArgs;

use super::{config_file, output};
use std::io::{BufWriter, Write as _};
use std::process::ExitCode;

/// Prints messages as JSON lines, then on stderr how they compare with the recording.
///
/// # Errors
/// If the recording or the clip cannot be read.
pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(output::stdout());
    if let Some(clip) = &args.clip {
        let options = match &args.camera {
            None => clip::options(args),
            Some(name) => match config_file::load(&args.config) {
                Ok(loaded) => clip::options_of(&loaded.config, name, args)?,
                Err(code) => return Ok(code),
            },
        };
        let summary = clip::run(clip, options, args, &mut out)?;
        out.flush()?;
        output::note(summary);
    } else if let Some(file) = &args.file {
        recording::run(file, args, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}
