//! [`Model`]: a model's folder, loaded, with what it takes to crop frames for its network.

use super::error::Error;
use super::input::Channels;
use super::manifest::Manifest;
use super::network::Network;
use super::options::NetworkOptions;
use crate::crop::{Cropper, InputBuffer};
use crate::frame::Frame;
use crate::geometry::Affine;
use crate::kernels::Isa;

/// A model with its input buffer. Each inference thread has one; clones share the weights.
pub struct Model {
    manifest: Manifest,
    network: Network,
    input: InputBuffer,
    cropper: Cropper,
    /// The kernels that the options named, for the cropper.
    limit: Option<Isa>,
}

impl Model {
    /// Loads the network of `manifest`. [`Manifest::load`] has compared its checksum.
    ///
    /// # Errors
    /// As [`Network::load`]; and if the network's output is not what the manifest describes.
    pub fn load(manifest: Manifest, options: &NetworkOptions) -> Result<Model, Error> {
        let network = Network::load(&manifest.onnx(), &manifest.input, options)?;
        let (got, want) = (network.output_shape(), manifest.output_shape());
        if got != want {
            let shape = |(maps, rows, columns)| format!("{maps} maps of {rows}x{columns}");
            return Err(Error::Output { path: manifest.path, got: shape(got), want: shape(want) });
        }
        Ok(Model::around(network, manifest, options.limit()))
    }

    /// Another instance of the same model, for another thread.
    ///
    /// # Errors
    /// As [`Network::try_clone`].
    pub fn try_clone(&self) -> Result<Model, Error> {
        Ok(Model::around(self.network.try_clone()?, self.manifest.clone(), self.limit))
    }

    fn around(network: Network, manifest: Manifest, limit: Option<Isa>) -> Model {
        let mut cropper = Cropper::new(manifest.input.width, manifest.input.height);
        if manifest.input.channels == Channels::Bgr {
            cropper = cropper.bgr();
        }
        if let Some(limit) = limit {
            cropper = cropper.limited(limit);
        }
        Model { input: network.new_input(), network, manifest, cropper, limit }
    }

    /// What describes the model.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Channels, height and width of one crop's output.
    pub fn output_shape(&self) -> (usize, usize, usize) {
        self.network.output_shape()
    }

    /// Largest number of crops in one [`Model::run`].
    pub fn max_batch(&self) -> usize {
        self.network.max_batch()
    }

    /// Cuts a crop of `frame` into place `index` of the batch. `crop_to_stored` maps crop px to
    /// stored px of the frame.
    ///
    /// # Errors
    /// If `index` is not below [`Model::max_batch`].
    pub fn crop(&mut self, frame: &Frame, crop_to_stored: &Affine, index: usize) -> Result<(), Error> {
        let form = self.network.input_form();
        Ok(self.cropper.cut(frame, crop_to_stored, form, &mut self.input, index)?)
    }

    /// Mirrors every crop of the batch left to right.
    pub fn mirror(&mut self) {
        self.input.mirror(self.manifest.input.width);
    }

    /// Runs the first `batch` crops. Returns f32 `[batch, K, h, w]`, contiguous.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn run(&mut self, batch: usize) -> Result<&[f32], Error> {
        self.network.run(&self.input, batch)
    }
}
