//! Synthetic frames in every pixel format, and plain reference ways to sample them.

use posed::clock::Mono;
use posed::frame::{ClockLabel, Colorimetry, Frame, FrameInfo, Matrix, PixelFormat, Stamp};
use std::time::SystemTime;

/// Draws a picture: the value of channel 0, 1 or 2 at (x, y) of the channel's own grid.
pub type Draw = fn(channel: usize, x: usize, y: usize) -> u8;

/// Smooth waves. Every colour is inside the RGB cube, so no conversion clamps it.
pub fn smooth(channel: usize, x: usize, y: usize) -> u8 {
    let (x, y) = (x as f64, y as f64);
    let wave = match channel {
        0 => 128.0 + 30.0 * (x / 9.0).sin() + 25.0 * (y / 7.0).cos(),
        1 => 128.0 + 14.0 * (x / 11.0).cos() + 10.0 * (y / 13.0).sin(),
        _ => 128.0 + 12.0 * (y / 12.0).cos() - 13.0 * (x / 10.0).sin(),
    };
    wave.round() as u8
}

/// Noise: every byte is independent of its neighbours, and most colours are outside the RGB cube.
pub fn noise(channel: usize, x: usize, y: usize) -> u8 {
    let mut h = (channel as u32 + 1).wrapping_mul(0x9e37_79b9) ^ (x as u32).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 15) ^ (y as u32).wrapping_mul(0xc2b2_ae35)).wrapping_mul(0x27d4_eb2f);
    ((h ^ (h >> 13)).wrapping_mul(0x1656_67b1) >> 24) as u8
}

/// log2 of the luma pixels per sample of `channel`, horizontally and vertically.
fn shift(format: PixelFormat, channel: usize) -> (usize, usize) {
    use PixelFormat::*;
    match format {
        _ if channel == 0 => (0, 0),
        I420 | Yv12 | Nv12 | Nv21 => (1, 1),
        Y42b | Yuy2 | Uyvy => (1, 0),
        _ => (0, 0),
    }
}

/// Plane and byte of sample (x, y) of `channel`, by each format's definition.
fn byte_of(format: PixelFormat, strides: [usize; 3], channel: usize, x: usize, y: usize) -> (usize, usize) {
    use PixelFormat::*;
    let plain = |plane: usize| (plane, y * strides[plane] + x);
    let packed = |bytes: usize, at: [usize; 3]| (0, y * strides[0] + bytes * x + at[channel]);
    match (format, channel) {
        (Yuy2, 0) => (0, y * strides[0] + 2 * x),
        (Yuy2, _) => (0, y * strides[0] + 4 * x + [0, 1, 3][channel]),
        (Uyvy, 0) => (0, y * strides[0] + 2 * x + 1),
        (Uyvy, _) => (0, y * strides[0] + 4 * x + [0, 0, 2][channel]),
        (Rgb, _) => packed(3, [0, 1, 2]),
        (Bgr, _) => packed(3, [2, 1, 0]),
        (Rgbx, _) => packed(4, [0, 1, 2]),
        (Bgrx, _) => packed(4, [2, 1, 0]),
        (Nv12, 1 | 2) => (1, y * strides[1] + 2 * x + channel - 1),
        (Nv21, 1 | 2) => (1, y * strides[1] + 2 * x + 2 - channel),
        (Yv12, 1) => plain(2),
        (Yv12, 2) => plain(1),
        (_, c) => plain(c),
    }
}

/// A frame, and the function that drew it.
pub struct Picture {
    pub frame: Frame,
    draw: Draw,
}

impl Picture {
    /// Draws a frame of `size` (width, height) px with `pad` bytes of padding at the end of each
    /// row.
    pub fn new(
        format: PixelFormat,
        size: (usize, usize),
        pad: usize,
        colour: Colorimetry,
        draw: Draw,
    ) -> Picture {
        let (width, height) = size;
        let mut strides = [0; 3];
        let mut planes = vec![];
        for (plane, stride) in strides.iter_mut().enumerate().take(format.planes()) {
            let (row, rows) = format.plane_size(plane, width, height).unwrap();
            *stride = row + pad;
            // A read of the padding (255) shows in the crop; a read past the last row fails.
            planes.push(vec![255; *stride * (rows - 1) + row]);
        }
        let channels = if format == PixelFormat::Gray8 { 1 } else { 3 };
        for channel in 0..channels {
            let (sx, sy) = shift(format, channel);
            for y in 0..height.div_ceil(1 << sy) {
                for x in 0..width.div_ceil(1 << sx) {
                    let (plane, byte) = byte_of(format, strides, channel, x, y);
                    planes[plane][byte] = draw(channel, x, y);
                }
            }
        }
        let (width, height) = (width as u32, height as u32);
        let info = FrameInfo { format, width, height, strides, par: (1, 1), colorimetry: colour };
        let stamp =
            Stamp { mono: Mono(0), wall: SystemTime::UNIX_EPOCH, clock: ClockLabel::Receive, pts: None };
        Picture { frame: Frame::new(info, stamp, 0, Box::new(planes)).unwrap(), draw }
    }

    /// `channel` at luma position (x, y): bilinear on the channel's own grid, edges repeated.
    fn channel(&self, channel: usize, x: f64, y: f64) -> f64 {
        let info = &self.frame.info;
        let (sx, sy) = shift(info.format, channel);
        let (w, h) = ((info.width as usize).div_ceil(1 << sx), (info.height as usize).div_ceil(1 << sy));
        let x = (x / f64::from(1 << sx)).clamp(0.0, (w - 1) as f64);
        let y = (if sy == 1 { (y - 0.5) / 2.0 } else { y }).clamp(0.0, (h - 1) as f64);
        let (x0, y0) = (x.floor() as usize, y.floor() as usize);
        let at = |dx: usize, dy: usize| {
            f64::from((self.draw)(channel, (x0 + dx).min(w - 1), (y0 + dy).min(h - 1)))
        };
        let (fx, fy) = (x - x0 as f64, y - y0 as f64);
        let top = at(0, 0) * (1.0 - fx) + at(1, 0) * fx;
        let bottom = at(0, 1) * (1.0 - fx) + at(1, 1) * fx;
        top * (1.0 - fy) + bottom * fy
    }

    /// RGB at luma position (x, y), not rounded.
    fn rgb(&self, x: f64, y: f64) -> [f64; 3] {
        let info = &self.frame.info;
        match info.format {
            PixelFormat::Gray8 => [self.channel(0, x, y); 3],
            PixelFormat::Rgb | PixelFormat::Bgr | PixelFormat::Rgbx | PixelFormat::Bgrx => {
                [0, 1, 2].map(|c| self.channel(c, x, y))
            }
            _ => {
                let [luma, u, v] = [0, 1, 2].map(|c| self.channel(c, x, y));
                let (kr, kb) = match info.colorimetry.matrix {
                    Matrix::Bt601 => (0.299, 0.114),
                    Matrix::Bt709 => (0.2126, 0.0722),
                };
                let (luma, u, v) = if info.colorimetry.full_range {
                    (luma / 255.0, (u - 128.0) / 255.0, (v - 128.0) / 255.0)
                } else {
                    ((luma - 16.0) / 219.0, (u - 128.0) / 224.0, (v - 128.0) / 224.0)
                };
                let r = luma + 2.0 * (1.0 - kr) * v;
                let b = luma + 2.0 * (1.0 - kb) * u;
                let g = (luma - kr * r - kb * b) / (1.0 - kr - kb);
                [r, g, b].map(|c| (255.0 * c).clamp(0.0, 255.0))
            }
        }
    }

    /// Converts the whole frame to RGB; then samples it bilinearly, with black around it.
    pub fn converted(&self) -> impl Fn(f64, f64) -> [f64; 3] {
        let (w, h) = (i64::from(self.frame.info.width), i64::from(self.frame.info.height));
        let whole: Vec<_> = (0..h * w).map(|i| self.rgb((i % w) as f64, (i / w) as f64)).collect();
        move |x, y| {
            let (x0, y0) = (x.floor() as i64, y.floor() as i64);
            let at = |x: i64, y: i64, c: usize| {
                if (0..w).contains(&x) && (0..h).contains(&y) { whole[(y * w + x) as usize][c] } else { 0.0 }
            };
            let (fx, fy) = (x - x0 as f64, y - y0 as f64);
            [0, 1, 2].map(|c| {
                let top = at(x0, y0, c) * (1.0 - fx) + at(x0 + 1, y0, c) * fx;
                let bottom = at(x0, y0 + 1, c) * (1.0 - fx) + at(x0 + 1, y0 + 1, c) * fx;
                top * (1.0 - fy) + bottom * fy
            })
        }
    }

    /// RGB of one point as the kernels define it: edges are repeated, and fade to black over one
    /// pixel.
    pub fn pointwise(&self, x: f64, y: f64) -> [f64; 3] {
        let (w, h) = (f64::from(self.frame.info.width) - 1.0, f64::from(self.frame.info.height) - 1.0);
        let (ix, iy) = (x.clamp(0.0, w), y.clamp(0.0, h));
        let cover = (1.0 - (x - ix).abs()).max(0.0) * (1.0 - (y - iy).abs()).max(0.0);
        self.rgb(ix, iy).map(|v| v * cover)
    }
}
