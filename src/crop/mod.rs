//! Cuts crops out of frames, straight from the decoder's planes into a network's input.
//!
//! Each crop is one pass. Every crop pixel is sampled in the frame's own pixel format (see
//! [`kernels::crop`](crate::kernels::crop)), rounded to u8 as `cv2.warpAffine` rounds, and mapped
//! through the network's table. Only pixels that the crop needs are read.

mod form;
mod planes;

pub use form::{InputBuffer, InputForm};

use crate::frame::Frame;
use crate::geometry::Affine;
use crate::kernels::Isa;
use crate::kernels::crop::{Line, Picture, Sampler, Upright};

/// Why a crop could not be cut.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The buffer belongs to another network.
    #[error("crop {index} of {width}x{height} px does not fit the network's input buffer")]
    Buffer {
        /// Place in the batch.
        index: usize,
        /// Crop width.
        width: usize,
        /// Crop height.
        height: usize,
    },
}

/// Cuts crops of one size.
#[derive(Debug)]
pub struct Cropper {
    width: usize,
    height: usize,
    /// Which of R, G, B each channel of the network is.
    order: [usize; 3],
    sampler: Sampler,
    upright: Upright,
    /// One row of samples: R, then G, then B, each padded to whole vectors.
    line: Vec<u8>,
}

impl Cropper {
    /// Crops of `width` x `height` px in RGB order, with the best kernels of this processor.
    pub fn new(width: usize, height: usize) -> Cropper {
        Cropper {
            width,
            height,
            order: [0, 1, 2],
            sampler: Sampler::new(None),
            upright: Upright::default(),
            line: vec![0; 3 * width.next_multiple_of(16)],
        }
    }

    /// The same with blue as the first channel.
    #[must_use]
    pub fn bgr(self) -> Cropper {
        Cropper { order: [2, 1, 0], ..self }
    }

    /// The same with kernels that use no more than `limit`'s instructions. Every set of kernels
    /// cuts the same bytes.
    #[must_use]
    pub fn limited(self, limit: Isa) -> Cropper {
        Cropper { sampler: Sampler::new(Some(limit)), ..self }
    }

    /// Cuts a crop of `frame` into place `index` of a batch.
    ///
    /// `crop_to_stored` maps crop px to stored px of the frame. `form` and `input` are the
    /// network's.
    ///
    /// # Errors
    /// If `input` does not have that form or has no such place.
    pub fn cut(
        &mut self,
        frame: &Frame,
        crop_to_stored: &Affine,
        form: &InputForm,
        input: &mut InputBuffer,
        index: usize,
    ) -> Result<(), Error> {
        let (width, height) = (self.width, self.height);
        let len = 3 * width * height;
        let place = index * len..(index + 1) * len;
        let no_fit = Error::Buffer { index, width, height };
        match (form, input) {
            (InputForm::Quantized { lut }, InputBuffer::Quantized(batch)) => {
                let crop = batch.get_mut(place).ok_or(no_fit)?;
                self.cut_bytes(frame, crop_to_stored, lut, crop);
            }
            (InputForm::Float { lut }, InputBuffer::Float(batch)) => {
                let crop = batch.get_mut(place).ok_or(no_fit)?;
                self.cut_floats(frame, crop_to_stored, lut, crop);
            }
            _ => return Err(no_fit),
        }
        Ok(())
    }

    /// Into `crop`, u8 `[height, width, 3]`.
    fn cut_bytes(&mut self, frame: &Frame, map: &Affine, lut: &[[u8; 256]; 3], crop: &mut [u8]) {
        let (width, order, sampler) = (self.width, self.order, self.sampler);
        self.lines(frame, map, |v, line| {
            let Some(out) = crop.get_mut(v * 3 * width..(v + 1) * 3 * width) else { return };
            sampler.interleave(order.map(|c| line[c]), lut, out);
        });
    }

    /// Into `crop`, f32 `[3, height, width]`.
    fn cut_floats(&mut self, frame: &Frame, map: &Affine, lut: &[[f32; 256]; 3], crop: &mut [f32]) {
        let (width, plane, order) = (self.width, self.width * self.height, self.order);
        self.lines(frame, map, |v, line| {
            for ((plane, c), table) in crop.chunks_exact_mut(plane).zip(order).zip(lut) {
                let Some(out) = plane.get_mut(v * width..(v + 1) * width) else { return };
                let bytes = line[c].iter().map(|&byte| table[usize::from(byte)]);
                out.iter_mut().zip(bytes).for_each(|(out, value)| *out = value);
            }
        });
    }

    /// Mean R, G and B of a crop, each 0..=255. `crop_to_stored` is as in [`Cropper::cut`].
    pub fn mean_colour(&mut self, frame: &Frame, crop_to_stored: &Affine) -> [f32; 3] {
        let (width, mut sums) = (self.width, [0u32; 3]);
        self.lines(frame, crop_to_stored, |_, line| {
            for (sum, samples) in sums.iter_mut().zip(line) {
                *sum += samples.iter().take(width).map(|&v| u32::from(v)).sum::<u32>();
            }
        });
        sums.map(|sum| sum as f32 / (width * self.height).max(1) as f32)
    }

    /// Samples the crop row by row. `line` gets each row's index, and its R, G and B.
    fn lines(&mut self, frame: &Frame, map: &Affine, mut line: impl FnMut(usize, [&[u8]; 3])) {
        let groups = planes::groups(frame);
        let (width, height) = (frame.info.width as usize, frame.info.height as usize);
        let colour = planes::colour(frame.info.format, frame.info.colorimetry);
        let groups = groups.get(..frame.info.format.groups()).unwrap_or(&[]);
        let picture = Picture { width, height, groups, colour };
        let padded = self.line.len() / 3;
        let upright = map.x[1] == 0.0 && map.y[0] == 0.0;
        if upright {
            self.sampler.columns(&picture, &mut self.upright, map.x[2], map.x[0], padded);
        }
        for v in 0..self.height {
            let start = map.apply((0.0, v as f32));
            if upright {
                self.sampler.expect(&picture, &self.upright, start.1 + map.y[1]);
                self.sampler.line(&picture, &mut self.upright, start.1, &mut self.line);
            } else {
                let step = (map.x[0], map.y[0]);
                self.sampler.sample(&picture, &Line { start, step }, &mut self.line);
            }
            let (r, rest) = self.line.split_at(padded);
            let (g, b) = rest.split_at(padded);
            line(v, [r, g, b]);
        }
    }
}
