//! `posed demo`: shows the whole path from a camera to an MQTT subscriber, on one machine.

mod best_frame;
mod broker;
mod watch;

use super::{models, output};
use crate::clock::SystemClock;
use crate::config::{self, Machine};
use crate::daemon::Daemon;
use crate::publish::Subscriber;
use crate::telemetry::log;
use anyhow::Context as _;
use best_frame::BestFrame;
use broker::Broker;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use watch::{Seen, watch};

/// Arguments of `posed demo`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  posed demo\n  posed demo --camera rtsp://user:password@192.168.1.20/stream --seconds 60\n  \
    posed demo --camera v4l2:///dev/video0 --overlay /tmp/me.png"
)]
pub struct DemoArgs {
    /// Camera, as `source` in the configuration.
    #[arg(long, value_name = "SOURCE", default_value = "file://models/demo/walk.mp4")]
    camera: String,
    /// How long to watch, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Broker, such as mqtt://localhost:1883 [default: a mosquitto that the demo starts].
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Write the frame with the best poses and their skeletons to this PNG file.
    #[arg(long, value_name = "PNG")]
    overlay: Option<PathBuf>,
    /// Folder of the pose model [default: lpn50-256x192 in $POSED_MODELS, ./models or
    /// /usr/share/posed/models].
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
}

/// Starts broker, daemon and subscriber, watches the messages, and stops all.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    log::init("warn,posed=info", log::Format::Plain)?;
    let own = if args.broker.is_none() { Some(Broker::start()?) } else { None };
    let url = match (&args.broker, &own) {
        (Some(url), _) => url.clone(),
        (None, Some(own)) => format!("mqtt://127.0.0.1:{}", own.port),
        (None, None) => anyhow::bail!("no broker"),
    };
    let text = config_text(args, &url)?;
    let loaded = config::parse(&text, Path::new("demo.toml"), &Machine::here())?;
    let broker_name = loaded.config.mqtt.url.to_string();
    let subscriber = Subscriber::start(&loaded.config.mqtt.publisher()?, "demo")?;
    let best = Arc::new(BestFrame::default());
    let daemon = Daemon::start(loaded.config, SystemClock::shared(), Some(best.clone()))?;
    let mut out = output::stdout();
    let length = Duration::from_secs(args.seconds);
    let seen = writeln!(out, "watching for {} s through {broker_name}", args.seconds)
        .and_then(|()| watch(&subscriber, length, &mut out));
    let status = daemon.status();
    daemon.stop();
    subscriber.stop();
    drop(own);
    let seen = seen?;
    writeln!(out, "{status}")?;
    finish(seen, &best, args, &mut out)
}

/// A configuration with one camera, as a user would write it.
fn config_text(args: &DemoArgs, url: &str) -> anyhow::Result<String> {
    let source = match args.camera.strip_prefix("file://") {
        Some(path) => {
            let path = std::fs::canonicalize(path).with_context(|| format!("no clip at {path}"))?;
            format!("file://{}", path.display())
        }
        None => args.camera.clone(),
    };
    let is_file = source.starts_with("file://");
    let mut text = format!("[mqtt]\nurl = {}\nprefix = \"posed-demo\"\n", quoted(url));
    let pose = models::pose_dir(args.model.as_ref())?;
    let finder = models::finder_dir(None)?;
    text += &format!("[model]\npose = {}\nfinder = {}\n", path(&pose)?, path(&finder)?);
    text += "[history]\ndays = 0\n";
    text += &format!("[[camera]]\nname = \"demo\"\nsource = {}\n", quoted(&source));
    if is_file {
        text += "loop = true\npaced = true\n";
    }
    Ok(text)
}

/// `dir` as a TOML string, made absolute: this configuration has no folder to be relative to.
fn path(dir: &Path) -> anyhow::Result<String> {
    let dir = std::fs::canonicalize(dir).with_context(|| format!("no model in {}", dir.display()))?;
    Ok(quoted(&dir.display().to_string()))
}

/// `text` as a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Prints the summary and saves the picture. A demo that found no person has failed.
fn finish(
    mut seen: Seen,
    best: &BestFrame,
    args: &DemoArgs,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let age = seen.ages.take().unwrap_or_default();
    writeln!(
        out,
        "{} messages ({:.1}/s), {} poses, at most {} people in a frame, age p50 {:.1} ms, p99 {:.1} ms",
        seen.messages,
        seen.messages as f64 / args.seconds.max(1) as f64,
        seen.poses,
        seen.most,
        age.p50_ms,
        age.p99_ms
    )?;
    if let Some(path) = &args.overlay {
        match best.save(path)? {
            Some(people) => writeln!(out, "wrote {} with {people} skeletons", path.display())?,
            None => writeln!(out, "no frame arrived, so {} was not written", path.display())?,
        }
    }
    if seen.poses == 0 {
        output::note("no person was found");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
