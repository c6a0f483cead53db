//! `posed check`: what the daemon would do with a configuration, or everything that is wrong with it.

use super::{config_file, exit};
use crate::capture;
use crate::config::{CameraConfig, Config, Loaded};
use crate::infer::manifest::Manifest;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `posed check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed check --config /etc/posed/posed.toml\n\n\
    Exit code 0: it can be run. 78: it cannot; every fault is on stderr with its line and its remedy.")]
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
        eprintln!("{warning}\n");
    }
    println!("{} can be run", args.config.display());
    println!("broker   {} as {}", config.mqtt.url, config.mqtt.client_id);
    let mut usable = print_models(&config);
    for camera in &config.cameras {
        usable &= print_camera(camera, &config.mqtt.prefix);
    }
    let prefix = &config.mqtt.prefix;
    println!("topics   {prefix}/availability, {prefix}/schema");
    Ok(if usable { ExitCode::SUCCESS } else { ExitCode::from(exit::CONFIG) })
}

/// One line a model; false if one cannot be used.
fn print_models(config: &Config) -> bool {
    let finder =
        config.cameras.iter().any(|camera| camera.finder).then_some(("finder", &config.model.finder));
    let mut usable = true;
    for (what, dir) in std::iter::once(("pose", &config.model.pose)).chain(finder) {
        match Manifest::load(dir) {
            Ok(m) => println!(
                "{what:<8} {} {}, {}x{} px, checksum verified",
                m.name, m.version, m.input.width, m.input.height
            ),
            Err(e) => {
                eprintln!("{what:<8} {e}");
                usable = false;
            }
        }
    }
    usable
}

/// A few lines a camera; false if its pipeline cannot be written.
fn print_camera(camera: &CameraConfig, prefix: &str) -> bool {
    println!("camera   {}", camera.name);
    let pipeline = capture::describe(&camera.capture());
    match &pipeline {
        Ok(text) => println!("  pipeline {text}"),
        Err(e) => eprintln!("  {e}"),
    }
    println!("  topics   {prefix}/{name}/poses, {prefix}/{name}/state", name = camera.name);
    pipeline.is_ok()
}
