//! Motion: a cheap luma difference on a coarse grid, so that the finder need not look at a scene
//! where nothing stirs.
//!
//! Each cell's mean luma is compared with a running mean of itself. What a cell does all the time
//! (sensor noise, leaves, a screen) raises that cell's own threshold; what the whole picture does
//! (exposure, a cloud) is taken out as the median over the cells.

use crate::clock::Mono;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::{BBox, View};

const COLUMNS: usize = 32;
const ROWS: usize = 18;
const CELLS: usize = COLUMNS * ROWS;
/// Sampled in a cell: rows, and px in a row.
const SAMPLE_ROWS: usize = 4;
const SAMPLE_PX: usize = 16;

/// Memory of the picture that frames are compared with.
const REFERENCE_S: f32 = 1.0;
/// Memory of how much a cell changes of itself.
const NOISE_S: f32 = 4.0;
/// A cell moves if it changes by more than this many times its usual change, and ...
const TIMES_NOISE: f32 = 6.0;
/// ... by more than this many levels of luma, on the mean of its samples.
const MIN_LEVELS: f32 = 3.0;
/// Noise in levels that is assumed until it is known.
const FIRST_NOISE: f32 = 1.5;

/// Motion detector of one camera. Works on stored pixels; allocates nothing after it is made.
#[derive(Debug)]
pub struct Motion {
    cells: Vec<Cell>,
    differences: Vec<f32>,
    shape: Option<(u32, u32, PixelFormat)>,
    seen_at: Mono,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    luma: f32,
    reference: f32,
    noise: f32,
    moves: bool,
}

impl Default for Motion {
    fn default() -> Self {
        Motion {
            cells: vec![Cell::default(); CELLS],
            differences: vec![0.0; CELLS],
            shape: None,
            seen_at: Mono::default(),
        }
    }
}

impl Motion {
    /// Compares `frame` with those before. The first frame, and the first of another size or
    /// format, has nothing to be compared with and shows no motion.
    pub fn update(&mut self, frame: &Frame) {
        self.sample(frame);
        let info = &frame.info;
        let shape = Some((info.width, info.height, info.format));
        if self.shape != shape {
            self.shape = shape;
            for cell in &mut self.cells {
                *cell = Cell { luma: cell.luma, reference: cell.luma, noise: FIRST_NOISE, moves: false };
            }
        } else {
            self.compare(frame.stamp.mono.since(self.seen_at).as_secs_f32());
        }
        self.seen_at = frame.stamp.mono;
    }

    /// Whether anything moves outside `boxes` (display px; `view` says how they lie in the frame).
    pub fn outside(&self, boxes: impl Iterator<Item = BBox> + Clone, view: &View) -> bool {
        let Some((width, height, _)) = self.shape else { return false };
        let (cell_w, cell_h) = (width as f32 / COLUMNS as f32, height as f32 / ROWS as f32);
        self.cells.iter().enumerate().filter(|(_, cell)| cell.moves).any(|(index, _)| {
            let x = ((index % COLUMNS) as f32 + 0.5) * cell_w;
            let y = ((index / COLUMNS) as f32 + 0.5) * cell_h;
            // A person moves the cells at their edge too.
            !boxes.clone().any(|bbox| holds(&to_stored(&bbox, view), x, y, cell_w, cell_h))
        })
    }

    /// Cells that move.
    pub fn moving_cells(&self) -> usize {
        self.cells.iter().filter(|cell| cell.moves).count()
    }

    /// Means of some px of each cell.
    fn sample(&mut self, frame: &Frame) {
        let (width, height) = (frame.info.width as usize, frame.info.height as usize);
        let (step, first) = luma_of(frame.info.format);
        let (plane, stride) = (frame.plane(0), frame.info.strides[0]);
        for (index, cell) in self.cells.iter_mut().enumerate() {
            let (column, row) = (index % COLUMNS, index / COLUMNS);
            let (x0, x1) = span(column, COLUMNS, width);
            let (y0, y1) = span(row, ROWS, height);
            let run = (x1 - x0).min(SAMPLE_PX);
            let left = x0 + (x1 - x0 - run) / 2;
            let (mut sum, mut count) = (0u32, 0u32);
            for sample in 0..SAMPLE_ROWS {
                let y = y0 + (2 * sample + 1) * (y1 - y0) / (2 * SAMPLE_ROWS);
                let from = y * stride + left * step;
                let px = plane.get(from..from + (run - 1) * step + first + 1).unwrap_or(&[]);
                let luma = px.iter().skip(first).step_by(step);
                count += luma.len() as u32;
                sum += luma.map(|&v| u32::from(v)).sum::<u32>();
            }
            cell.luma = sum as f32 / count.max(1) as f32;
        }
    }

    fn compare(&mut self, dt_s: f32) {
        for (difference, cell) in self.differences.iter_mut().zip(&self.cells) {
            *difference = cell.luma - cell.reference;
        }
        let (_, median, _) = self.differences.select_nth_unstable_by(CELLS / 2, f32::total_cmp);
        let everywhere = *median;
        let (follow, learn) = (1.0 - (-dt_s / REFERENCE_S).exp(), 1.0 - (-dt_s / NOISE_S).exp());
        for cell in &mut self.cells {
            let change = (cell.luma - cell.reference - everywhere).abs();
            cell.moves = change > (TIMES_NOISE * cell.noise).max(MIN_LEVELS);
            cell.noise += learn * (change - cell.noise);
            cell.reference += everywhere + follow * (cell.luma - cell.reference - everywhere);
        }
    }
}

/// Bytes from px to px, and to the first, of what stands for luma in plane 0: luma itself, or green.
fn luma_of(format: PixelFormat) -> (usize, usize) {
    use PixelFormat::*;
    match format {
        I420 | Yv12 | Nv12 | Nv21 | Y42b | Gray8 => (1, 0),
        Yuy2 => (2, 0),
        Uyvy => (2, 1),
        Rgb | Bgr => (3, 1),
        Rgbx | Bgrx => (4, 1),
    }
}

/// First and last px (exclusive) of part `index` of `parts`; at least one px.
fn span(index: usize, parts: usize, length: usize) -> (usize, usize) {
    let from = (index * length / parts).min(length - 1);
    (from, ((index + 1) * length / parts).max(from + 1))
}

fn to_stored(bbox: &BBox, view: &View) -> BBox {
    let (ax, ay) = view.to_stored.apply((bbox.x, bbox.y));
    let (bx, by) = view.to_stored.apply((bbox.x + bbox.w, bbox.y + bbox.h));
    BBox { x: ax.min(bx), y: ay.min(by), w: (ax - bx).abs(), h: (ay - by).abs() }
}

fn holds(bbox: &BBox, x: f32, y: f32, margin_x: f32, margin_y: f32) -> bool {
    (bbox.x - margin_x..=bbox.x + bbox.w + margin_x).contains(&x)
        && (bbox.y - margin_y..=bbox.y + bbox.h + margin_y).contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{ClockLabel, Colorimetry, FrameInfo, Stamp};
    use crate::geometry::Rotate;
    use std::time::SystemTime;

    const ALL: [PixelFormat; 12] = [
        PixelFormat::I420,
        PixelFormat::Yv12,
        PixelFormat::Nv12,
        PixelFormat::Nv21,
        PixelFormat::Y42b,
        PixelFormat::Yuy2,
        PixelFormat::Uyvy,
        PixelFormat::Rgb,
        PixelFormat::Bgr,
        PixelFormat::Rgbx,
        PixelFormat::Bgrx,
        PixelFormat::Gray8,
    ];

    /// A frame whose every byte at (x, y) of plane 0 is what `luma` gives; 10 frames a second.
    fn frame(format: PixelFormat, (w, h): (u32, u32), n: u64, luma: impl Fn(usize, usize) -> u8) -> Frame {
        let planes: Vec<Vec<u8>> = (0..format.planes())
            .map(|plane| {
                let (row, rows) = format.plane_size(plane, w as usize, h as usize).unwrap();
                let bytes = row.div_ceil(w as usize).max(1);
                (0..row * rows).map(|i| luma((i % row) / bytes, i / row)).collect()
            })
            .collect();
        let stride = |plane| format.plane_size(plane, w as usize, h as usize).map_or(0, |(row, _)| row);
        let info = FrameInfo {
            format,
            width: w,
            height: h,
            strides: [stride(0), stride(1), stride(2)],
            par: (1, 1),
            colorimetry: Colorimetry::default(),
        };
        let mono = Mono(n * 100_000_000);
        let stamp = Stamp { mono, wall: SystemTime::UNIX_EPOCH, clock: ClockLabel::Receive, pts: None };
        Frame::new(info, stamp, n, Box::new(planes)).unwrap()
    }

    /// Sensor noise of standard deviation 7.5 levels.
    fn grain(n: u64, x: usize, y: usize) -> i32 {
        let mut rng = fastrand::Rng::with_seed(n * 1_000_003 + (y * 8192 + x) as u64);
        (0..4).map(|_| rng.i32(-6..=6)).sum()
    }

    fn noisy(n: u64, x: usize, y: usize, level: i32) -> u8 {
        (level + grain(n, x, y)).clamp(0, 255) as u8
    }

    #[test]
    fn a_walker_moves_cells_in_every_format_and_noise_in_none() {
        for format in ALL {
            let mut motion = Motion::default();
            for n in 0..10 {
                motion.update(&frame(format, (322, 178), n, |x, y| noisy(n, x, y, 100)));
                assert_eq!(motion.moving_cells(), 0, "{format:?} frame {n}");
            }
            for n in 10..15 {
                let left = 20 + 10 * (n as usize - 10);
                let body = |x, y| (left..left + 20).contains(&x) && (60..120).contains(&y);
                let level = |x, y| if body(x, y) { 60 } else { 100 };
                motion.update(&frame(format, (322, 178), n, |x, y| noisy(n, x, y, level(x, y))));
                assert!(motion.moving_cells() >= 4, "{format:?} frame {n}");
            }
        }
    }

    #[test]
    fn motion_inside_a_tracked_box_is_no_news_however_the_camera_is_turned() {
        for rotate in [Rotate::None, Rotate::Cw90, Rotate::Half, Rotate::Cw270] {
            let mut motion = Motion::default();
            let mut last = None;
            for n in 0..3 {
                let body = |x, y| n == 2 && (200..230).contains(&x) && (20..80).contains(&y);
                let picture =
                    frame(PixelFormat::Nv12, (320, 180), n, |x, y| if body(x, y) { 200 } else { 90 });
                motion.update(&picture);
                last = Some(picture.view(rotate));
            }
            let view = last.unwrap();
            assert!(motion.outside(std::iter::empty(), &view));
            let stored = BBox { x: 200.0, y: 20.0, w: 30.0, h: 60.0 };
            let display = match rotate {
                Rotate::None => stored,
                Rotate::Cw90 => BBox { x: 179.0 - 80.0, y: 200.0, w: 60.0, h: 30.0 },
                Rotate::Half => BBox { x: 319.0 - 230.0, y: 179.0 - 80.0, w: 30.0, h: 60.0 },
                Rotate::Cw270 => BBox { x: 20.0, y: 319.0 - 230.0, w: 60.0, h: 30.0 },
            };
            assert!(!motion.outside([display].into_iter(), &view), "{rotate:?}");
            let elsewhere = BBox { x: 0.0, y: 0.0, w: 15.0, h: 15.0 };
            assert!(motion.outside([elsewhere].into_iter(), &view), "{rotate:?}");
        }
    }

    #[test]
    fn a_cloud_and_a_flickering_screen_are_not_motion_for_long() {
        let mut motion = Motion::default();
        let mut late = 0;
        for n in 0..100 {
            let cloud = if n > 50 { -20 } else { 0 };
            let screen = |x, y| (40..60).contains(&x) && (40..60).contains(&y);
            let flicker = |x, y| if screen(x, y) && n % 2 == 0 { 40 } else { 0 };
            motion.update(&frame(PixelFormat::Gray8, (320, 180), n, |x, y| {
                noisy(n, x, y, 100 + cloud + flicker(x, y))
            }));
            late += if n > 40 { motion.moving_cells() } else { 0 };
        }
        assert_eq!(late, 0);
    }

    #[test]
    fn another_size_starts_afresh_and_a_tiny_frame_does_no_harm() {
        let mut motion = Motion::default();
        for (n, size) in [(320, 180), (1, 1), (3, 40), (640, 360)].into_iter().enumerate() {
            let picture = frame(PixelFormat::Gray8, size, n as u64, |x, _| (n * 60 + x % 7) as u8);
            motion.update(&picture);
            assert!(!motion.outside(std::iter::empty(), &picture.view(Rotate::None)));
        }
    }
}
