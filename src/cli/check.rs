//! `posed check`: shows what the daemon would do with a configuration, or lists its faults.

use super::{config_file, exit, output};
use crate::capture;
use crate::config::{CameraConfig, Config, Loaded};
use crate::infer::manifest::Manifest;
use crate::publish::Parts;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `posed check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed check --config /etc/posed/posed.toml\n\n\
    Exit code 0: the configuration is valid. 78: it is not; stderr lists each fault with its line and remedy.")]
pub struct CheckArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT)]
    config: PathBuf,
}

/// Prints cameras, pipelines, models and topics.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let Loaded { config, warnings } = match config_file::load(&args.config) {
        Ok(loaded) => loaded,
        Err(code) => return Ok(code),
    };
    for warning in &warnings {
        output::note(format!("{warning}\n"));
    }
    let mut text = format!("broker   {} as {}\n", config.mqtt.url, config.mqtt.client_id);
    let mut faults = describe_broker(&config, &mut text);
    faults += describe_models(&config, &mut text);
    for camera in &config.cameras {
        faults += describe_camera(camera, &mut text);
        describe_topics(camera, &config, &mut text);
    }
    let name = args.config.display();
    if faults == 0 {
        text += &format!("{name} can be run\n");
    }
    output::print(&text)?;
    if faults == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    output::note(format!("{name} cannot be run: {faults} error{}", if faults == 1 { "" } else { "s" }));
    Ok(ExitCode::from(exit::CONFIG))
}

/// Adds lines on the broker. Returns the number of faults.
fn describe_broker(config: &Config, text: &mut String) -> usize {
    let topics = config.mqtt.topics();
    *text += &format!("  topics   {}, {}\n", topics.availability(), topics.schema());
    match config.mqtt.publisher() {
        Ok(_) => 0,
        Err(e) => {
            output::note(format!("error: [mqtt]: {e}"));
            1
        }
    }
}

/// Adds a line for each model. Returns the number of those that cannot be used.
fn describe_models(config: &Config, text: &mut String) -> usize {
    let finder =
        config.cameras.iter().any(|camera| camera.finder).then_some(("finder", &config.model.finder));
    let mut faults = 0;
    for (what, dir) in std::iter::once(("pose", &config.model.pose)).chain(finder) {
        match Manifest::load(dir) {
            Ok(m) => {
                let (name, version, width, height) = (&m.name, &m.version, m.input.width, m.input.height);
                *text += &format!("{what:<8} {name} {version}, {width}x{height} px, checksum verified\n");
            }
            Err(e) => {
                let remedy = "install the package again, or name the model's folder";
                output::note(format!("error: [model] {what}: {e}\n  = help: {remedy}: {what} = \"...\""));
                faults += 1;
            }
        }
    }
    faults
}

/// Adds the lines of a camera. Returns the number of faults.
fn describe_camera(camera: &CameraConfig, text: &mut String) -> usize {
    let name = &camera.name;
    *text += &format!("camera   {name}\n");
    let pipeline = capture::describe(&camera.capture());
    match &pipeline {
        Ok(pipeline) => *text += &format!("  pipeline {pipeline}\n"),
        Err(e) => output::note(format!("error: camera {name}: {e}")),
    }
    usize::from(pipeline.is_err())
}

/// Adds the topics of a camera, one a line where there may be many.
fn describe_topics(camera: &CameraConfig, config: &Config, text: &mut String) {
    let (name, events, topics) = (camera.name.as_str(), &camera.events, config.mqtt.topics());
    let parts = Parts {
        zones: events.zones.iter().map(|zone| &*zone.name).collect(),
        lines: events.lines.iter().map(|line| &*line.name).collect(),
        falls: events.fall.is_some(),
        help: events.help.is_some(),
    };
    let mut list = |what: &str, topics: &[String]| {
        let labels = std::iter::once(what).chain(std::iter::repeat(""));
        for (label, topic) in labels.zip(topics) {
            *text += &format!("  {label:<8} {topic}\n");
        }
    };
    list("poses", &[topics.poses(name)]);
    list("events", &[topics.events(name)]);
    list("states", &topics.states(name, &parts));
    if config.mqtt.commands {
        list("", &topics.settings(name));
        list("commands", &topics.commands(name));
        list("answers", &[topics.error(name)]);
    }
}
