//! [`Finder`]: the person finder, a network that maps a whole frame to people's boxes.

use super::centers::{self, Rules};
use super::{Detection, Error};
use crate::crop::Cropper;
use crate::frame::Frame;
use crate::geometry::{Affine, BBox, View};
use crate::infer::manifest::{Channels, Manifest};
use crate::infer::{InputBuffer, Network, NetworkOptions};
use std::path::Path;

/// Finds people; one per inference thread.
pub struct Finder {
    network: Network,
    input: InputBuffer,
    cropper: Cropper,
    manifest: Manifest,
    rules: Rules,
}

impl Finder {
    /// Loads the model in folder `dir`. The network runs one frame at a time: `max_batch` is not used.
    ///
    /// # Errors
    /// If the manifest or the network is not that of a person finder.
    pub fn load(dir: &Path, options: &NetworkOptions) -> Result<Finder, Error> {
        let manifest = Manifest::load(dir)?;
        manifest.person()?;
        let options = NetworkOptions { max_batch: 1, ..options.clone() };
        let network = Network::load(&manifest.onnx(), &manifest.input, &options)?;
        Finder::new(network, manifest)
    }

    /// Around a loaded network.
    ///
    /// # Errors
    /// If the network is not the manifest's.
    pub fn new(network: Network, manifest: Manifest) -> Result<Finder, Error> {
        let rules = Rules::new(manifest.person()?, &manifest.output);
        let (maps, rows, columns) = network.output_shape();
        let (want_rows, want_columns) = manifest.output_size();
        if (maps, rows, columns) != (centers::MAPS, want_rows, want_columns) {
            return Err(Error::Output {
                path: manifest.path,
                got: format!("{maps} maps of {rows}x{columns}"),
                want: format!("{} of {want_rows}x{want_columns}", centers::MAPS),
            });
        }
        let cropper = cropper(&manifest);
        Ok(Finder { input: network.new_input(), network, cropper, manifest, rules })
    }

    /// Another thread's instance; the weights are shared.
    ///
    /// # Errors
    /// If the network has no room for another.
    pub fn try_clone(&self) -> Result<Finder, Error> {
        let network = self.network.try_clone()?;
        let cropper = cropper(&self.manifest);
        let (manifest, rules) = (self.manifest.clone(), self.rules);
        Ok(Finder { input: network.new_input(), network, cropper, manifest, rules })
    }

    /// Finds whoever scores at least `score`, 0..=1, instead of what the manifest recommends.
    pub fn set_score_threshold(&mut self, score: f32) {
        self.rules.score_threshold = score;
    }

    /// Least score of who is found.
    pub fn score_threshold(&self) -> f32 {
        self.rules.score_threshold
    }

    /// The model's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The people of `frame`, best first, in px of the display frame that `view` describes; each box
    /// ends where the picture does. `out` is overwritten.
    ///
    /// # Errors
    /// If the network fails.
    pub fn find(&mut self, frame: &Frame, view: &View, out: &mut Vec<Detection>) -> Result<(), Error> {
        out.clear();
        let whole = BBox { x: 0.0, y: 0.0, w: view.width as f32, h: view.height as f32 };
        let (width, height) = (self.manifest.input.width, self.manifest.input.height);
        let to_display = Affine::crop_to_frame(&whole, 1.0, width, height);
        let to_stored = to_display.then(&view.to_stored);
        self.cropper.cut(frame, &to_stored, self.network.input_form(), &mut self.input, 0)?;
        let (_, _, columns) = self.network.output_shape();
        let maps = self.network.run(&self.input, 1)?;
        centers::decode(maps, columns, &self.rules, out);
        for found in out.iter_mut() {
            found.bbox = placed(&found.bbox, &to_display, &whole);
        }
        out.retain(|found| found.bbox.is_valid());
        Ok(())
    }
}

fn cropper(manifest: &Manifest) -> Cropper {
    let input = &manifest.input;
    Cropper::new(input.width, input.height, input.channels == Channels::Bgr)
}

/// `bbox` of the network's input on the display frame, without what lies outside it.
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
