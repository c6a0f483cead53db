//! Cuts crops out of frames, straight from the decoder's planes into a network's input.
//!
//! One pass a crop: every crop pixel is sampled in the frame's own pixel format (see
//! [`kernels::crop`](crate::kernels::crop) for what a sample is), rounded to u8 as `cv2.warpAffine`
//! rounds, and taken through the network's table. Only the pixels that the crop needs are read.

use crate::frame::{Colorimetry, Frame, Matrix, PixelFormat};
use crate::geometry::Affine;
use crate::infer::{InputBuffer, InputForm};
use crate::kernels::crop::{Colour, Group, Line, Picture, Sampler, Upright, Ycc};

/// Why a crop could not be cut.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The buffer was not made by the network that the crop is for.
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
    /// One line of samples: R, then G, then B, each padded to whole vectors.
    line: Vec<u8>,
}

impl Cropper {
    /// Crops of `width` x `height` px; `bgr`: blue is the network's first channel.
    ///
    /// `POSED_KERNELS=generic` keeps it to plain Rust.
    pub fn new(width: usize, height: usize, bgr: bool) -> Cropper {
        let kernels = std::env::var("POSED_KERNELS").ok();
        Cropper {
            width,
            height,
            order: if bgr { [2, 1, 0] } else { [0, 1, 2] },
            sampler: Sampler::new(kernels.as_deref()),
            upright: Upright::default(),
            line: vec![0; 3 * width.next_multiple_of(16)],
        }
    }

    /// The same, by plain Rust: what the other ways are measured against.
    #[must_use]
    pub fn generic(self) -> Cropper {
        Cropper { sampler: Sampler::Generic, ..self }
    }

    /// Cuts a crop of `frame` into place `index` of a batch.
    ///
    /// `crop_to_stored` maps crop px to stored px of the frame. `form` and `input` are the network's.
    ///
    /// # Errors
    /// If `input` is of another form or has no such place.
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
                let (order, sampler) = (self.order, self.sampler);
                self.lines(frame, crop_to_stored, |v, line| {
                    let Some(out) = crop.get_mut(v * 3 * width..(v + 1) * 3 * width) else { return };
                    sampler.interleave(order.map(|c| line[c]), lut, out);
                });
            }
            (InputForm::Float { lut }, InputBuffer::Float(batch)) => {
                let crop = batch.get_mut(place).ok_or(no_fit)?;
                let order = self.order;
                self.lines(frame, crop_to_stored, |v, line| {
                    let planes = crop.chunks_exact_mut(width * height).zip(order).zip(lut.iter());
                    for ((plane, c), table) in planes {
                        let Some(out) = plane.get_mut(v * width..(v + 1) * width) else { return };
                        for (out, &byte) in out.iter_mut().zip(line[c]) {
                            *out = table[usize::from(byte)];
                        }
                    }
                });
            }
            _ => return Err(no_fit),
        }
        Ok(())
    }

    /// Mean colour of a crop, R, G, B in 0..=255: of one that is as small as it needs to be.
    ///
    /// `crop_to_stored` is as in [`Cropper::cut`].
    pub fn mean_colour(&mut self, frame: &Frame, crop_to_stored: &Affine) -> [f32; 3] {
        let (width, mut sums) = (self.width, [0u32; 3]);
        self.lines(frame, crop_to_stored, |_, line| {
            for (sum, samples) in sums.iter_mut().zip(line) {
                *sum += samples.iter().take(width).map(|&v| u32::from(v)).sum::<u32>();
            }
        });
        sums.map(|sum| sum as f32 / (width * self.height).max(1) as f32)
    }

    /// Samples the crop line by line; `line` gets each line's number, and its R, G and B.
    fn lines(&mut self, frame: &Frame, map: &Affine, mut line: impl FnMut(usize, [&[u8]; 3])) {
        let groups = groups(frame);
        let (width, height) = (frame.info.width as usize, frame.info.height as usize);
        let colour = colour(frame.info.format, frame.info.colorimetry);
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

fn colour(format: PixelFormat, colorimetry: Colorimetry) -> Colour {
    use PixelFormat::*;
    match format {
        Rgb | Bgr | Rgbx | Bgrx => Colour::Rgb,
        Gray8 => Colour::Grey,
        I420 | Yv12 | Nv12 | Nv21 | Y42b | Yuy2 | Uyvy => {
            let (kr, kb) = match colorimetry.matrix {
                Matrix::Bt601 => (0.299, 0.114),
                Matrix::Bt709 => (0.2126, 0.0722),
            };
            Colour::Ycc(Ycc::new(kr, kb, colorimetry.full_range))
        }
    }
}

impl PixelFormat {
    /// How many groups of channels the kernels see.
    fn groups(self) -> usize {
        match self {
            PixelFormat::Yuy2 | PixelFormat::Uyvy => 2,
            other => other.planes(),
        }
    }
}

/// The frame's channels as the kernels see them; places past [`PixelFormat::groups`] are empty.
fn groups(frame: &Frame) -> [Group<'_>; 3] {
    use PixelFormat::*;
    let (width, height) = (frame.info.width as usize, frame.info.height as usize);
    let group = |plane: usize, step, offsets, halved: (bool, bool)| {
        let half = |n: usize, halved| if halved { n.div_ceil(2) } else { n };
        Group {
            plane: frame.plane(plane),
            stride: frame.info.strides[plane],
            step,
            offsets,
            width: half(width, halved.0),
            height: half(height, halved.1),
            halved,
        }
    };
    const WHOLE: (bool, bool) = (false, false);
    const BOTH: (bool, bool) = (true, true);
    const ACROSS: (bool, bool) = (true, false);
    let none = Group { plane: &[], stride: 0, step: 0, offsets: &[], width: 0, height: 0, halved: WHOLE };
    let luma = group(0, 1, &[0], WHOLE);
    match frame.info.format {
        I420 => [luma, group(1, 1, &[0], BOTH), group(2, 1, &[0], BOTH)],
        Yv12 => [luma, group(2, 1, &[0], BOTH), group(1, 1, &[0], BOTH)],
        Y42b => [luma, group(1, 1, &[0], ACROSS), group(2, 1, &[0], ACROSS)],
        Nv12 => [luma, group(1, 2, &[0, 1], BOTH), none],
        Nv21 => [luma, group(1, 2, &[1, 0], BOTH), none],
        Yuy2 => [group(0, 2, &[0], WHOLE), group(0, 4, &[1, 3], ACROSS), none],
        Uyvy => [group(0, 2, &[1], WHOLE), group(0, 4, &[0, 2], ACROSS), none],
        Rgb => [group(0, 3, &[0, 1, 2], WHOLE), none, none],
        Bgr => [group(0, 3, &[2, 1, 0], WHOLE), none, none],
        Rgbx => [group(0, 4, &[0, 1, 2], WHOLE), none, none],
        Bgrx => [group(0, 4, &[2, 1, 0], WHOLE), none, none],
        Gray8 => [luma, none, none],
    }
}
