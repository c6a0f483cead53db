//! [`Estimator`]: a pose network with all that one inference thread needs around it.

use super::{Decoder, Error, KEYPOINT_SCORE};
use crate::clock::SharedClock;
use crate::crop::Cropper;
use crate::frame::Frame;
use crate::geometry::{Affine, BBox, View};
use crate::infer::manifest::{Channels, Manifest, PoseSpec};
use crate::infer::{InputBuffer, Network, NetworkOptions};
use crate::keypoint::{FLIP_PAIRS, KEYPOINTS, Keypoint, Pose};
use std::path::Path;
use std::time::Duration;

/// How to estimate.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How the network is run; its `max_batch` is how many people share one run.
    pub network: NetworkOptions,
    /// Averages each heatmap with that of the mirrored crop: twice the work, a little more accurate.
    pub flip_test: bool,
}

/// Where the time of one frame went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Cutting crops.
    pub crop: Duration,
    /// In the network.
    pub network: Duration,
    /// Decoding heatmaps.
    pub decode: Duration,
}

/// Estimates poses in boxes of frames; one per inference thread.
pub struct Estimator {
    network: Network,
    input: InputBuffer,
    cropper: Cropper,
    decoder: Decoder,
    manifest: Manifest,
    spec: PoseSpec,
    max_batch: usize,
    flip_test: bool,
    /// Heatmaps of the crops while those of the mirrored ones are made.
    upright: Vec<f32>,
    clock: SharedClock,
}

impl Estimator {
    /// Loads the model in folder `dir`.
    ///
    /// # Errors
    /// If the manifest or the network is not that of a pose model with COCO's keypoints.
    pub fn load(dir: &Path, options: &Options, clock: SharedClock) -> Result<Estimator, Error> {
        let manifest = Manifest::load(dir)?;
        // Before the network, which takes longer to be refused.
        manifest.pose()?;
        let network = Network::load(&manifest.onnx(), &manifest.input, &options.network)?;
        Estimator::new(network, manifest, options, clock)
    }

    /// Around a loaded network.
    ///
    /// # Errors
    /// If the network is not the manifest's.
    pub fn new(
        network: Network,
        manifest: Manifest,
        options: &Options,
        clock: SharedClock,
    ) -> Result<Estimator, Error> {
        let spec = manifest.pose()?.clone();
        let (maps, rows, columns) = network.output_shape();
        let (want_rows, want_columns) = manifest.output_size();
        if (maps, rows, columns) != (KEYPOINTS, want_rows, want_columns) {
            return Err(Error::Output {
                path: manifest.path,
                got: format!("{maps} maps of {rows}x{columns}"),
                want: format!("{KEYPOINTS} of {want_rows}x{want_columns}"),
            });
        }
        Ok(Estimator {
            input: network.new_input(),
            cropper: cropper(&manifest),
            decoder: Decoder::from(&spec),
            max_batch: options.network.max_batch.max(1),
            flip_test: options.flip_test,
            upright: Vec::new(),
            network,
            manifest,
            spec,
            clock,
        })
    }

    /// Another thread's instance; the weights are shared.
    ///
    /// # Errors
    /// If the network has no room for another.
    pub fn try_clone(&self) -> Result<Estimator, Error> {
        let network = self.network.try_clone()?;
        Ok(Estimator {
            input: network.new_input(),
            cropper: cropper(&self.manifest),
            decoder: self.decoder,
            manifest: self.manifest.clone(),
            spec: self.spec.clone(),
            max_batch: self.max_batch,
            flip_test: self.flip_test,
            upright: Vec::new(),
            clock: self.clock.clone(),
            network,
        })
    }

    /// The model's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Estimates a pose in each of `boxes`, in their order; boxes and poses are in px of the display
    /// frame that `view` describes. `out` is overwritten. A box that is none gives a pose of score 0.
    ///
    /// # Errors
    /// If the network fails; `out` then holds the poses made before.
    pub fn estimate(
        &mut self,
        frame: &Frame,
        view: &View,
        boxes: &[BBox],
        out: &mut Vec<Pose>,
    ) -> Result<Timing, Error> {
        out.clear();
        let mut timing = Timing::default();
        for batch in boxes.chunks(self.max_batch) {
            let began = self.clock.now();
            for (index, bbox) in batch.iter().enumerate() {
                let map = self.crop_to_display(bbox).then(&view.to_stored);
                self.cropper.cut(frame, &map, self.network.input_form(), &mut self.input, index)?;
            }
            let cut = self.clock.now();
            let maps = if self.flip_test { self.run_both(batch.len())? } else { self.run(batch.len())? };
            let ran = self.clock.now();
            let (k, h, w) = self.network.output_shape();
            for (bbox, maps) in batch.iter().zip(maps.chunks_exact(k * h * w)) {
                out.push(self.pose(bbox, maps, h * w, w));
            }
            self.upright = maps;
            timing.crop += cut.since(began);
            timing.network += ran.since(cut);
            timing.decode += self.clock.now().since(ran);
        }
        Ok(timing)
    }

    fn crop_to_display(&self, bbox: &BBox) -> Affine {
        let input = &self.manifest.input;
        Affine::crop_to_frame(bbox, self.spec.box_margin, input.width, input.height)
    }

    /// Heatmaps of the first `count` crops, in a buffer that is to be given back.
    fn run(&mut self, count: usize) -> Result<Vec<f32>, Error> {
        let mut maps = std::mem::take(&mut self.upright);
        maps.clear();
        maps.extend_from_slice(self.network.run(&self.input, count)?);
        Ok(maps)
    }

    /// As [`Estimator::run`], averaged with the heatmaps of the mirrored crops.
    fn run_both(&mut self, count: usize) -> Result<Vec<f32>, Error> {
        let mut maps = self.run(count)?;
        mirror(&mut self.input, self.manifest.input.width);
        let (k, h, w) = self.network.output_shape();
        let mirrored = self.network.run(&self.input, count)?;
        for (maps, mirrored) in maps.chunks_exact_mut(k * h * w).zip(mirrored.chunks_exact(k * h * w)) {
            average_flipped(maps, mirrored, h * w, w);
        }
        Ok(maps)
    }

    fn pose(&self, bbox: &BBox, maps: &[f32], size: usize, width: usize) -> Pose {
        let mut pose = Pose { bbox: *bbox, ..Pose::default() };
        if !bbox.is_valid() {
            return pose;
        }
        let to_display = self.crop_to_display(bbox);
        let (stride, offset) = (self.manifest.output.stride as f32, self.manifest.output.offset_px);
        for (keypoint, map) in pose.keypoints.iter_mut().zip(maps.chunks_exact(size)) {
            let peak = self.decoder.decode(map, width);
            let (x_px, y_px) = to_display.apply((stride * peak.x + offset, stride * peak.y + offset));
            *keypoint = Keypoint { x_px, y_px, score: peak.score.clamp(0.0, 1.0) };
        }
        pose.score = score(&pose.keypoints);
        pose
    }
}

fn cropper(manifest: &Manifest) -> Cropper {
    let input = &manifest.input;
    Cropper::new(input.width, input.height, input.channels == Channels::Bgr)
}

/// Mean of the keypoint scores above [`KEYPOINT_SCORE`], 0 if there is none.
fn score(keypoints: &[Keypoint]) -> f32 {
    let sure = keypoints.iter().filter(|k| k.score > KEYPOINT_SCORE);
    let (sum, count) = sure.fold((0.0, 0.0), |(sum, count), k| (sum + k.score, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// Mirrors every crop left to right.
fn mirror(input: &mut InputBuffer, width: usize) {
    match input {
        InputBuffer::Quantized(bytes) => {
            let (pixels, _) = bytes.as_chunks_mut::<3>();
            pixels.chunks_exact_mut(width).for_each(<[[u8; 3]]>::reverse);
        }
        InputBuffer::Float(values) => values.chunks_exact_mut(width).for_each(<[f32]>::reverse),
    }
}

/// Averages one crop's heatmaps with those of its mirror image: mirrored back, left and right swapped,
/// and shifted by 1 px as the published flip test does.
fn average_flipped(maps: &mut [f32], mirrored: &[f32], size: usize, width: usize) {
    for (index, map) in maps.chunks_exact_mut(size).enumerate() {
        let other = FLIP_PAIRS
            .iter()
            .find_map(|&(a, b)| if a == index { Some(b) } else { (b == index).then_some(a) })
            .unwrap_or(index);
        let Some(other) = mirrored.get(other * size..(other + 1) * size) else { continue };
        for (line, other) in map.chunks_exact_mut(width).zip(other.chunks_exact(width)) {
            // Column x of the shifted map is column x - 1 of the mirrored-back one; column 0 stays.
            for (x, value) in line.iter_mut().enumerate() {
                *value = 0.5 * (*value + other[width - 1 - x.saturating_sub(1)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sure_keypoints_count_for_the_score() {
        let at = |score| Keypoint { x_px: 0.0, y_px: 0.0, score };
        assert_eq!(score(&[at(0.2), at(0.1)]), 0.0);
        assert_eq!(score(&[at(0.2), at(0.5), at(1.0)]), 0.75);
    }

    #[test]
    fn a_flipped_map_comes_back_swapped_and_shifted() {
        // 17 maps of 1x4; of the mirror image only the left eye's (1) has a peak, at its column 0.
        let (mut maps, mut mirrored) = (vec![0.0; 17 * 4], vec![0.0; 17 * 4]);
        mirrored[4..8].copy_from_slice(&[1.0, 0.0, 0.0, 0.0]);
        mirrored[0..4].copy_from_slice(&[0.0, 0.0, 0.0, 1.0]);
        average_flipped(&mut maps, &mirrored, 4, 4);
        // Mirrored back [0 0 0 1] -> shifted [0 0 0 0] with the last pushed out; the nose's [1 0 0 0] -> [1 1 0 0].
        assert_eq!(maps[8..12], [0.0; 4]);
        assert_eq!(maps[0..4], [0.5, 0.5, 0.0, 0.0]);
        let mut input = InputBuffer::Quantized(vec![1, 2, 3, 4, 5, 6]);
        mirror(&mut input, 2);
        assert!(matches!(input, InputBuffer::Quantized(v) if v == [4, 5, 6, 1, 2, 3]));
    }
}
