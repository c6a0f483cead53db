//! `posed check`: what the daemon would do with a configuration, or the faults in it.

use super::{config_file, exit, output};
use crate::capture;
use crate::config::{CameraConfig, Config, Loaded};
use crate::infer::manifest::Manifest;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `posed check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed check --config /etc/posed/posed.toml\n\n\
    Exit code 0: the configuration is good. 78: it is not; stderr lists each fault with its line and remedy.")]
pub struct Args {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = config_file::DEFAULT)]
    config: PathBuf,
}

/// Prints cameras, pipelines, models and topics.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Loaded { config, warnings } = match config_file::load(&args.config) {
        Ok(loaded) => loaded,
        Err(code) => return Ok(code),
    };
    for warning in &warnings {
        output::note(format!("{warning}\n"));
    }
    let mut text = format!("{} can be run\n", args.config.display());
    text += &format!("broker   {} as {}\n", config.mqtt.url, config.mqtt.client_id);
    let mut usable = describe_models(&config, &mut text);
    for camera in &config.cameras {
        usable &= describe_camera(camera, &config.mqtt.prefix, &mut text);
    }
    let prefix = &config.mqtt.prefix;
    text += &format!("topics   {prefix}/availability, {prefix}/schema\n");
    output::print(&text)?;
    Ok(if usable { ExitCode::SUCCESS } else { ExitCode::from(exit::CONFIG) })
}

/// Adds a line for each model; false if one cannot be used.
fn describe_models(config: &Config, text: &mut String) -> bool {
    let finder =
        config.cameras.iter().any(|camera| camera.finder).then_some(("finder", &config.model.finder));
    let mut usable = true;
    for (what, dir) in std::iter::once(("pose", &config.model.pose)).chain(finder) {
        match Manifest::load(dir) {
            Ok(m) => {
                let (name, version, width, height) = (&m.name, &m.version, m.input.width, m.input.height);
                *text += &format!("{what:<8} {name} {version}, {width}x{height} px, checksum verified\n");
            }
            Err(e) => {
                output::note(format!("{what:<8} {e}"));
                usable = false;
            }
        }
    }
    usable
}

/// Adds the lines of a camera; false if its pipeline cannot be written.
fn describe_camera(camera: &CameraConfig, prefix: &str, text: &mut String) -> bool {
    let name = &camera.name;
    *text += &format!("camera   {name}\n");
    let pipeline = capture::describe(&camera.capture());
    match &pipeline {
        Ok(pipeline) => *text += &format!("  pipeline {pipeline}\n"),
        Err(e) => output::note(format!("camera   {name}: {e}")),
    }
    *text += &format!("  topics   {prefix}/{name}/poses, {prefix}/{name}/state\n");
    pipeline.is_ok()
}
