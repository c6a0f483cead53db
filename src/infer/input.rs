//! What a network reads: its size, channels and normalisation.

use serde::Deserialize;

/// Order of the network's input channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// A network's input, as `[input]` of the manifest describes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Name of the ONNX graph's input.
    pub name: String,
    /// Rows of a crop, in pixels.
    pub height: usize,
    /// Columns of a crop, in pixels.
    pub width: usize,
    /// Order of the channels, in the input and in `mean` and `std`.
    pub channels: Channels,
    /// Mean of each channel, in pixel units (0..=255).
    pub mean: [f32; 3],
    /// Standard deviation of each channel, in pixel units.
    pub std: [f32; 3],
}

impl InputSpec {
    /// The network's input for pixel value `v` of channel `c`: `(v - mean) / std`.
    pub fn normalised(&self, c: usize, v: u8) -> f32 {
        (f32::from(v) - self.mean[c]) / self.std[c]
    }
}
