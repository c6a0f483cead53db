//! [`Estimator`]: a pose network with its crops and its decoder.

use super::border::doubt;
use super::{Decoder, KEYPOINT_SCORE};
use crate::clock::SharedClock;
use crate::frame::Frame;
use crate::geometry::{Affine, BBox, View};
use crate::infer::manifest::{Manifest, OutputSpec};
use crate::infer::{Error, Model, NetworkOptions};
use crate::keypoint::{FLIP_PAIRS, Keypoint, Pose};
use std::path::Path;
use std::time::Duration;

/// How to estimate.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How the network is run; its `max_batch` is how many people share one run.
    pub network: NetworkOptions,
    /// Averages each heatmap with that of the mirrored crop: twice the work, a little more
    /// accurate.
    pub flip_test: bool,
}

/// Time spent on the poses of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoseTiming {
    /// Cutting crops.
    pub crop: Duration,
    /// Running the network.
    pub network: Duration,
    /// Decoding heatmaps.
    pub decode: Duration,
}

/// Estimates poses in boxes of frames. Each inference thread has one.
pub struct Estimator {
    model: Model,
    decoder: Decoder,
    /// Size of a crop relative to the box.
    box_margin: f32,
    /// The doubt about keypoints at the border of the picture (`pose.border` of the manifest).
    border: [f32; 3],
    output: OutputSpec,
    flip_test: bool,
    /// Heatmaps of a batch, kept between runs.
    maps: Vec<f32>,
    clock: SharedClock,
}

impl Estimator {
    /// Loads the model in folder `dir`.
    ///
    /// # Errors
    /// If the folder does not hold a pose model, or its network does not load.
    pub fn load(dir: &Path, options: &Options, clock: SharedClock) -> Result<Estimator, Error> {
        let manifest = Manifest::load(dir)?;
        let spec = manifest.pose()?;
        Ok(Estimator {
            decoder: Decoder::from(spec),
            box_margin: spec.box_margin,
            border: spec.border,
            output: manifest.output.clone(),
            model: Model::load(manifest, &options.network)?,
            flip_test: options.flip_test,
            maps: Vec::new(),
            clock,
        })
    }

    /// Another instance for another thread. The weights are shared.
    ///
    /// # Errors
    /// As [`Model::try_clone`].
    pub fn try_clone(&self) -> Result<Estimator, Error> {
        Ok(Estimator {
            model: self.model.try_clone()?,
            decoder: self.decoder,
            box_margin: self.box_margin,
            border: self.border,
            output: self.output.clone(),
            flip_test: self.flip_test,
            maps: Vec::new(),
            clock: self.clock.clone(),
        })
    }

    /// What describes the model.
    pub fn manifest(&self) -> &Manifest {
        self.model.manifest()
    }

    /// Estimates a pose in each of `boxes`, in their order. Boxes and poses are in px of the
    /// display frame that `view` describes. `out` is overwritten. An invalid box gives a pose of
    /// score 0.
    ///
    /// # Errors
    /// If the network fails; `out` then holds the poses made before.
    pub fn estimate(
        &mut self,
        frame: &Frame,
        view: &View,
        boxes: &[BBox],
        out: &mut Vec<Pose>,
    ) -> Result<PoseTiming, Error> {
        out.clear();
        let mut timing = PoseTiming::default();
        let (k, h, w) = self.model.output_shape();
        for batch in boxes.chunks(self.model.max_batch()) {
            let began = self.clock.now();
            for (index, bbox) in batch.iter().enumerate() {
                let map = self.crop_to_display(bbox).then(&view.to_stored);
                self.model.crop(frame, &map, index)?;
            }
            let cropped = self.clock.now();
            self.run(batch.len())?;
            let ran = self.clock.now();
            let maps = self.maps.chunks_exact(k * h * w);
            out.extend(batch.iter().zip(maps).map(|(bbox, maps)| self.pose(bbox, view, maps, (h, w))));
            timing.crop += cropped.since(began);
            timing.network += ran.since(cropped);
            timing.decode += self.clock.now().since(ran);
        }
        Ok(timing)
    }

    fn crop_to_display(&self, bbox: &BBox) -> Affine {
        let input = &self.model.manifest().input;
        Affine::crop_to_frame(bbox, self.box_margin, input.width, input.height)
    }

    /// Puts the heatmaps of the first `count` crops into `maps`.
    fn run(&mut self, count: usize) -> Result<(), Error> {
        self.maps.clear();
        self.maps.extend_from_slice(self.model.run(count)?);
        if self.flip_test {
            self.model.mirror();
            let (k, h, w) = self.model.output_shape();
            let mirrored = self.model.run(count)?.chunks_exact(k * h * w);
            for (maps, mirrored) in self.maps.chunks_exact_mut(k * h * w).zip(mirrored) {
                average_flipped(maps, mirrored, h * w, w);
            }
        }
        Ok(())
    }

    fn pose(&self, bbox: &BBox, view: &View, maps: &[f32], (height, width): (usize, usize)) -> Pose {
        let mut pose = Pose { bbox: *bbox, ..Pose::default() };
        if !bbox.is_valid() {
            return pose;
        }
        let to_display = self.crop_to_display(bbox);
        let (stride, offset) = (self.output.stride as f32, self.output.offset_px);
        let (picture, unit_px) = ((view.width, view.height), stride * to_display.x[0]);
        for (keypoint, map) in pose.keypoints.iter_mut().zip(maps.chunks_exact(height * width)) {
            let peak = self.decoder.decode(map, width);
            let (x_px, y_px) = to_display.apply((stride * peak.x + offset, stride * peak.y + offset));
            let found = Keypoint { x_px, y_px, score: peak.score.clamp(0.0, 1.0) };
            *keypoint = doubt(found, picture, unit_px, self.border);
        }
        pose.score = score(&pose.keypoints);
        pose
    }
}

/// Mean of the keypoint scores above [`KEYPOINT_SCORE`]; 0 if all are below.
fn score(keypoints: &[Keypoint]) -> f32 {
    let sure = keypoints.iter().filter(|k| k.score > KEYPOINT_SCORE);
    let (sum, count) = sure.fold((0.0, 0.0), |(sum, count), k| (sum + k.score, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// Averages one crop's heatmaps with those of its mirror image. Those are mirrored back, left and
/// right keypoints swapped, and shifted by 1 px as in the published flip test.
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
        // The eye's map, mirrored back, is [0 0 0 1]; the shift pushes the last column out. The
        // nose's is [1 0 0 0], shifted [1 1 0 0].
        assert_eq!(maps[8..12], [0.0; 4]);
        assert_eq!(maps[0..4], [0.5, 0.5, 0.0, 0.0]);
    }
}
