//! `posed record CAMERA`: writes a camera's messages from the broker to a file, one a line, for
//! `posed replay`.

use super::{config_file, output};
use crate::capture::Clip;
use crate::clock::SystemClock;
use crate::config::Loaded;
use crate::publish::Subscriber;
use crate::telemetry::log;
use anyhow::Context as _;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `posed record`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  posed record door --output door.jsonl --seconds 60
  posed record door | head -n 100 > door.jsonl
  posed record door --output door.jsonl --clip door.mkv --seconds 60

A recording holds the published poses. To judge a change to tracking, record from a daemon with
smoothing = \"both\" or false under [pose].")]
pub struct RecordArgs {
    /// Name of the camera.
    camera: String,
    /// Configuration file of the daemon, which names the broker.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT)]
    config: PathBuf,
    /// File to write instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also write the camera's video to this Matroska file. It uses a second connection and does
    /// not re-encode.
    #[arg(long, value_name = "FILE.mkv")]
    clip: Option<PathBuf>,
    /// Stop after this time.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Stop after this many messages.
    #[arg(long, value_name = "N")]
    messages: Option<u64>,
}

/// How often the time limit is checked.
const TICK: Duration = Duration::from_millis(200);

/// Writes messages until the limit of messages or time is reached, or a signal ends the process.
/// Each line is one write, so a signal cannot cut a line.
///
/// # Errors
/// If the camera is unknown or the output cannot be written.
pub fn run(args: &RecordArgs) -> anyhow::Result<ExitCode> {
    log::init("warn,posed=info", log::Format::Plain)?;
    let config = match config_file::load(&args.config) {
        Ok(Loaded { config, .. }) => config,
        Err(code) => return Ok(code),
    };
    let camera = config.cameras.iter().find(|camera| camera.name == args.camera).with_context(|| {
        let known: Vec<&str> = config.cameras.iter().map(|camera| camera.name.as_str()).collect();
        let file = args.config.display();
        format!("no camera {:?} in {file}; its cameras: {}", args.camera, known.join(", "))
    })?;
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => {
            Box::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => Box::new(output::stdout()),
    };
    let subscriber = Subscriber::start(&config.mqtt.publisher()?, &args.camera)?;
    let clip = args.clip.as_ref().map(|path| Clip::start(&camera.capture(), path)).transpose()?;
    let written = copy(&subscriber, out.as_mut(), args);
    let lost = subscriber.lost();
    subscriber.stop();
    output::note(format!("{} messages of {} recorded, {lost} lost", written?, args.camera));
    clip.map(Clip::finish).transpose()?;
    Ok(ExitCode::SUCCESS)
}

/// Copies payloads as lines and returns their number.
fn copy(subscriber: &Subscriber, out: &mut dyn Write, args: &RecordArgs) -> anyhow::Result<u64> {
    let clock = SystemClock::shared();
    let start = clock.now();
    let mut written = 0;
    while args.messages.is_none_or(|most| written < most)
        && args.seconds.is_none_or(|most| clock.now().since(start) < Duration::from_secs(most))
    {
        let Some(mut payload) = subscriber.receive(TICK) else { continue };
        payload.push(b'\n');
        match out.write_all(&payload).and_then(|()| out.flush()) {
            Ok(()) => written += 1,
            // The reader has gone, as after `| head`.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => break,
            Err(e) => return Err(e).context("cannot write the recording"),
        }
    }
    Ok(written)
}
