//! The forms in which a network reads crops, and buffers for them.

/// The form of a network's input. The network decides it at load; the cropper writes it.
#[derive(Debug, Clone)]
pub enum InputForm {
    /// u8 `[N, H, W, 3]`, channels in the model's order. Pixel value `v` of channel `c` becomes
    /// `lut[c][v]`: normalisation and QuantizeLinear in one table.
    Quantized {
        /// One table for each channel.
        lut: Box<[[u8; 256]; 3]>,
    },
    /// f32 `[N, 3, H, W]`, channels in the model's order. Pixel value `v` of channel `c` becomes
    /// `lut[c][v]`.
    Float {
        /// One table for each channel.
        lut: Box<[[f32; 256]; 3]>,
    },
}

/// A batch of crops in the network's [`InputForm`], allocated once for the largest batch.
#[derive(Debug, Clone)]
pub enum InputBuffer {
    /// u8 `[max_batch, H, W, 3]`.
    Quantized(Vec<u8>),
    /// f32 `[max_batch, 3, H, W]`.
    Float(Vec<f32>),
}

impl InputBuffer {
    /// Mirrors every crop left to right. `width` is that of a crop, in px.
    pub fn mirror(&mut self, width: usize) {
        match self {
            InputBuffer::Quantized(bytes) => {
                let (pixels, _) = bytes.as_chunks_mut::<3>();
                pixels.chunks_exact_mut(width).for_each(<[[u8; 3]]>::reverse);
            }
            InputBuffer::Float(values) => values.chunks_exact_mut(width).for_each(<[f32]>::reverse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirrored_crop_keeps_each_pixels_channels_together() {
        let mut input = InputBuffer::Quantized(vec![1, 2, 3, 4, 5, 6]);
        input.mirror(2);
        assert!(matches!(input, InputBuffer::Quantized(v) if v == [4, 5, 6, 1, 2, 3]));
        let mut input = InputBuffer::Float(vec![1.0, 2.0, 3.0, 4.0]);
        input.mirror(2);
        assert!(matches!(input, InputBuffer::Float(v) if v == [2.0, 1.0, 4.0, 3.0]));
    }
}
