//! Still pictures as frames, and the models that look at them.

use crate::clock::SystemClock;
use crate::detect::Finder;
use crate::frame::Frame;
use crate::infer::NetworkOptions;
use crate::infer::manifest;
use crate::pose::{Estimator, Options};
use ::image::{DynamicImage, ImageDecoder as _, ImageReader, RgbImage};
use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// The pose model that is used where none is named.
const POSE_MODEL: &str = "lpn50-256x192";
/// The person finder that is used where none is named.
const PERSON_MODEL: &str = "person-320x192";

/// Reads a PNG, JPEG or WebP picture, upright as its EXIF data says.
pub(super) fn read(path: &Path) -> anyhow::Result<RgbImage> {
    let open = || -> ::image::ImageResult<DynamicImage> {
        let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut picture = DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation);
        Ok(picture)
    };
    Ok(open().with_context(|| format!("picture {}", path.display()))?.into_rgb8())
}

/// A picture as a frame.
pub(super) fn frame(picture: &RgbImage) -> anyhow::Result<Frame> {
    let (width, height) = picture.dimensions();
    Ok(Frame::still(width, height, picture.as_raw().clone())?)
}

/// The pose model in `dir`, or the default one.
pub(super) fn estimator(dir: Option<&PathBuf>, flip_test: bool) -> anyhow::Result<Estimator> {
    let dir = dir.cloned().map_or_else(|| manifest::find(POSE_MODEL), Ok)?;
    let network = NetworkOptions { max_batch: 4, ..NetworkOptions::default() };
    Ok(Estimator::load(&dir, &Options { network, flip_test }, SystemClock::shared())?)
}

/// The person finder in `dir`, or the default one.
pub(super) fn finder(dir: Option<&PathBuf>) -> anyhow::Result<Finder> {
    let dir = dir.cloned().map_or_else(|| manifest::find(PERSON_MODEL), Ok)?;
    Ok(Finder::load(&dir, &NetworkOptions::default())?)
}
