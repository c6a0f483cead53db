//! `posed replay FILE`: a recorded message stream once more, followed anew or as it was; or a recorded
//! clip, with its people found anew.

mod args;
mod clip;
mod recording;

pub use args::Args;

use super::output;
use std::io::{BufWriter, Write as _};
use std::process::ExitCode;

/// Prints the messages as JSON lines, and at the end how they compare with the recording.
///
/// # Errors
/// If the recording or the clip cannot be read, or is none.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(output::stdout());
    if let Some(clip) = &args.clip {
        let told = clip::run(clip, args, &mut out)?;
        out.flush()?;
        output::note(told);
    } else if let Some(file) = &args.file {
        recording::run(file, args, &mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}
