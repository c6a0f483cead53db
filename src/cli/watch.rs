//! `posed watch`: what the cameras see and do, live in a terminal, from the broker.

use super::{config_file, exit, output};
use crate::clock::SystemClock;
use crate::config::{self, CameraConfig, Config, Loaded, Machine};
use crate::publish::Subscriber;
use crate::telemetry::log;
use crate::tools::watch::{self, Look, Outline, Until, Watched};
use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Arguments of `posed watch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  posed watch
  posed watch --camera door
  posed watch --broker mqtts://broker.lan --username me --password-file mqtt-password
  posed watch --every 60 | grep fall

Keys: q quits, arrows and tab choose a camera, enter shows it large, ? helps.
If standard output is no terminal, each change is a line.")]
pub struct WatchArgs {
    /// Show this camera only.
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// Configuration file of the daemon, which names the broker.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT, conflicts_with = "broker")]
    config: PathBuf,
    /// Broker to watch without a configuration file: mqtt://HOST[:PORT], or mqtts:// for TLS.
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Start of the topics [default: posed].
    #[arg(long, value_name = "TOPIC", requires = "broker")]
    prefix: Option<String>,
    /// User name at the broker.
    #[arg(long, value_name = "NAME", requires = "broker")]
    username: Option<String>,
    /// File with the password.
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Certificate of the authority that signed the broker's certificate [default: the system's].
    #[arg(long, value_name = "FILE", requires = "broker")]
    tls_ca: Option<PathBuf>,
    /// Write plain lines also to a terminal.
    #[arg(long)]
    plain: bool,
    /// Seconds between lines on what each camera does.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Stop after this time.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

/// Shows messages until a key, the time limit or a signal ends it.
///
/// # Errors
/// If the camera is unknown, or the output has gone.
pub fn run(args: &WatchArgs) -> anyhow::Result<ExitCode> {
    let is_plain =
        args.plain || !std::io::stdout().is_terminal() || variable("TERM").as_deref() == Some("dumb");
    if is_plain {
        // On a terminal, the screen itself says what is wrong.
        log::init("warn,posed=info", log::Format::Plain)?;
    }
    let config = match load(args) {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let watched = watched(args, &config)?;
    let mqtt = config.mqtt.publisher()?;
    let filters = mqtt.topics.shown(args.camera.as_deref().unwrap_or("+"));
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).context("cannot register signals")?;
    }
    let clock = SystemClock::shared();
    let time = args.seconds.map(|seconds| clock.now() + Duration::from_secs(seconds));
    let until = Until { stop: &stop, time };
    let subscriber = Subscriber::of(&mqtt, filters)?;
    let shown = if is_plain {
        let every = Duration::from_secs(args.every);
        watch::print(&subscriber, watched, every, &until, &clock, &mut output::stdout())
    } else {
        watch::show(&subscriber, watched, Look::of(variable), &until, &clock)
    };
    subscriber.stop();
    shown?;
    Ok(ExitCode::SUCCESS)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The configuration file, or one made of the arguments, so that both are checked alike.
fn load(args: &WatchArgs) -> Result<Config, ExitCode> {
    let Some(broker) = &args.broker else {
        return config_file::load(&args.config).map(|Loaded { config, .. }| config);
    };
    let text = |path: &PathBuf| path.display().to_string();
    let mut toml = String::from("[mqtt]\n");
    for (key, value) in [
        ("url", Some(broker.clone())),
        ("prefix", args.prefix.clone()),
        ("username", args.username.clone()),
        ("password_file", args.password_file.as_ref().map(text)),
        ("tls_ca", args.tls_ca.as_ref().map(text)),
    ] {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(toml, "{key} = {}", toml::Value::String(value));
        }
    }
    toml += "[[camera]]\nname = \"none\"\nsource = \"test://\"\n";
    match config::parse(&toml, Path::new("command line"), &Machine::here()) {
        Ok(Loaded { config, .. }) => Ok(Config { cameras: Vec::new(), ..config }),
        Err(faults) => {
            output::note(&faults);
            Err(ExitCode::from(exit::USAGE))
        }
    }
}

/// Nothing heard yet, with what the configuration knows of the cameras.
fn watched(args: &WatchArgs, config: &Config) -> anyhow::Result<Watched> {
    if let (Some(name), None) = (&args.camera, &args.broker) {
        let known: Vec<&str> = config.cameras.iter().map(|camera| camera.name.as_str()).collect();
        let file = args.config.display();
        anyhow::ensure!(
            known.contains(&name.as_str()),
            "no camera {name:?} in {file}; its cameras: {}",
            known.join(", ")
        );
    }
    let is_name = args.camera.as_deref().is_none_or(watch::is_name);
    anyhow::ensure!(is_name, "--camera is no camera's name: those hold letters, digits, '-', '_' and '.'");
    let mut watched = Watched::new(config.mqtt.topics(), config.mqtt.url.to_string(), args.camera.clone());
    for camera in &config.cameras {
        watched.outline(&camera.name, outlines(camera));
    }
    Ok(watched)
}

fn outlines(camera: &CameraConfig) -> Vec<Outline> {
    let events = &camera.events;
    let zones = events.zones.iter().map(|zone| Outline {
        name: zone.name.to_string(),
        points: zone.polygon.clone(),
        closed: true,
    });
    let lines = events.lines.iter().map(|line| Outline {
        name: line.name.to_string(),
        points: vec![line.from, line.to],
        closed: false,
    });
    zones.chain(lines).collect()
}
