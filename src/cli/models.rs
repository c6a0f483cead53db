//! Loads the models that a subcommand's flags name, or the default ones.

use crate::clock::SystemClock;
use crate::detect::Finder;
use crate::infer::NetworkOptions;
use crate::infer::manifest;
use crate::pose::{Estimator, Options};
use std::path::PathBuf;

/// The folder of the pose model: `dir`, or the default model's.
pub(super) fn pose_dir(dir: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    Ok(dir.cloned().map_or_else(|| manifest::find(manifest::POSE), Ok)?)
}

/// The folder of the person finder: `dir`, or the default model's.
pub(super) fn finder_dir(dir: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    Ok(dir.cloned().map_or_else(|| manifest::find(manifest::FINDER), Ok)?)
}

/// Loads the pose model in `dir`, or the default one.
pub(super) fn estimator(dir: Option<&PathBuf>, flip_test: bool) -> anyhow::Result<Estimator> {
    let network = NetworkOptions { max_batch: 4, ..NetworkOptions::default() };
    Ok(Estimator::load(&pose_dir(dir)?, &Options { network, flip_test }, SystemClock::shared())?)
}

/// Loads the person finder in `dir`, or the default one.
pub(super) fn finder(dir: Option<&PathBuf>) -> anyhow::Result<Finder> {
    Ok(Finder::load(&finder_dir(dir)?, &NetworkOptions::default())?)
}
