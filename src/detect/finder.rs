//! [`Finder`]: the person finder, a network that maps a whole frame to people's boxes.

use super::Detection;
use super::centers::{self, Rules};
use crate::frame::Frame;
use crate::geometry::{Affine, BBox, View};
use crate::infer::manifest::Manifest;
use crate::infer::{Error, Model, NetworkOptions};
use std::path::Path;

/// Finds people in frames. Each inference thread has one.
pub struct Finder {
    model: Model,
    rules: Rules,
}

impl Finder {
    /// Loads the model in folder `dir`. The network runs one frame at a time: `max_batch` is not
    /// used.
    ///
    /// # Errors
    /// If the folder does not hold a person finder, or its network does not load.
    pub fn load(dir: &Path, options: &NetworkOptions) -> Result<Finder, Error> {
        let manifest = Manifest::load(dir)?;
        let rules = Rules::new(manifest.person()?, &manifest.output);
        let options = NetworkOptions { max_batch: 1, ..options.clone() };
        Ok(Finder { model: Model::load(manifest, &options)?, rules })
    }

    /// Another instance for another thread. The weights are shared.
    ///
    /// # Errors
    /// As [`Model::try_clone`].
    pub fn try_clone(&self) -> Result<Finder, Error> {
        Ok(Finder { model: self.model.try_clone()?, rules: self.rules })
    }

    /// Replaces the manifest's score threshold, 0..=1: boxes that score less are dropped.
    pub fn set_score_threshold(&mut self, score: f32) {
        self.rules.score_threshold = score;
    }

    /// Boxes that score less are dropped.
    pub fn score_threshold(&self) -> f32 {
        self.rules.score_threshold
    }

    /// What describes the model.
    pub fn manifest(&self) -> &Manifest {
        self.model.manifest()
    }

    /// The people in `frame`, best first, in px of the display frame that `view` describes. Boxes
    /// are clipped to the frame. `out` is overwritten.
    ///
    /// # Errors
    /// If the network fails.
    pub fn find(&mut self, frame: &Frame, view: &View, out: &mut Vec<Detection>) -> Result<(), Error> {
        out.clear();
        let whole = BBox { x: 0.0, y: 0.0, w: view.width as f32, h: view.height as f32 };
        let input = &self.model.manifest().input;
        let to_display = Affine::crop_to_frame(&whole, 1.0, input.width, input.height);
        self.model.crop(frame, &to_display.then(&view.to_stored), 0)?;
        let (_, _, columns) = self.model.output_shape();
        let maps = self.model.run(1)?;
        centers::decode(maps, columns, &self.rules, out);
        for found in out.iter_mut() {
            found.bbox = placed(&found.bbox, &to_display, &whole);
        }
        out.retain(|found| found.bbox.is_valid());
        Ok(())
    }
}

/// Maps a box from px of the network's input to px of the display frame, and clips it to the frame.
fn placed(bbox: &BBox, to_display: &Affine, frame: &BBox) -> BBox {
    let (left, top) = to_display.apply((bbox.x, bbox.y));
    let (right, bottom) = to_display.apply((bbox.x + bbox.w, bbox.y + bbox.h));
    let (x, y) = (left.max(0.0), top.max(0.0));
    BBox { x, y, w: right.min(frame.w) - x, h: bottom.min(frame.h) - y }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_lands_on_the_display_frame_and_ends_with_it() {
        // 640x360 in 320x192: half size, 6 px of black above and below.
        let whole = BBox { x: 0.0, y: 0.0, w: 640.0, h: 360.0 };
        let map = Affine::crop_to_frame(&whole, 1.0, 320, 192);
        let found = placed(&BBox { x: 100.0, y: 46.0, w: 20.0, h: 60.0 }, &map, &whole);
        assert_eq!(found, BBox { x: 200.0, y: 80.0, w: 40.0, h: 120.0 });
        let cut = placed(&BBox { x: -10.0, y: 96.0, w: 20.0, h: 200.0 }, &map, &whole);
        assert_eq!(cut, BBox { x: 0.0, y: 180.0, w: 20.0, h: 180.0 });
        assert!(!placed(&BBox { x: 400.0, y: 96.0, w: 20.0, h: 20.0 }, &map, &whole).is_valid());
    }
}
