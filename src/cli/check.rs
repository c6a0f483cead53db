//! `posed check`: shows what the daemon would do with a configuration, or lists its faults.

use super::{config_file, exit, output};
use crate::capture;
use crate::config::{CameraConfig, Config, Loaded};
use crate::infer::manifest::Manifest;
use crate::publish::Topics;
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
        faults += describe_camera(camera, &config.mqtt.topics(), &mut text);
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
fn describe_camera(camera: &CameraConfig, topics: &Topics, text: &mut String) -> usize {
    let name = &camera.name;
    *text += &format!("camera   {name}\n");
    let pipeline = capture::describe(&camera.capture());
    match &pipeline {
        Ok(pipeline) => *text += &format!("  pipeline {pipeline}\n"),
        Err(e) => output::note(format!("error: camera {name}: {e}")),
    }
    *text += &format!("  topics   {}, {}\n", topics.poses(name), topics.state(name));
    usize::from(pipeline.is_err())
}
