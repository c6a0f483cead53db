//! [`Motion`]: luma differences on a coarse grid, so that a still view need not be searched.
//!
//! Each cell's mean luma is compared with its own running mean. Constant changes in a cell (sensor
//! noise, leaves, a screen) raise that cell's threshold. Changes of the whole picture (exposure, a
//! cloud) are removed by subtracting the median over all cells.

use crate::clock::Mono;
use crate::frame::{Frame, PixelFormat};
use crate::geometry::{BBox, View};

const COLUMNS: usize = 32;
const ROWS: usize = 18;
const CELLS: usize = COLUMNS * ROWS;
/// Rows sampled in a cell, and px sampled in a row.
const SAMPLE_ROWS: usize = 4;
const SAMPLE_PX: usize = 16;

/// Time constant of the running mean that frames are compared with.
const REFERENCE_S: f32 = 1.0;
/// Time constant of a cell's usual change.
const NOISE_S: f32 = 4.0;
/// A cell moves if it changes by more than this many times its usual change,
const TIMES_NOISE: f32 = 6.0;
/// and by more than this many levels of luma.
const MIN_LEVELS: f32 = 3.0;
/// A cell's usual change, in levels, before it was measured.
const FIRST_NOISE: f32 = 1.5;

/// Motion detector of one camera. It works on stored pixels and does not allocate per frame.
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
    /// Compares `frame` with earlier ones. The first frame, and the first of another size or
    /// format, shows no motion.
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

    /// Whether anything moves outside `boxes`, px of the display frame that `view` describes.
    pub fn outside(&self, boxes: impl Iterator<Item = BBox> + Clone, view: &View) -> bool {
        let Some((width, height, _)) = self.shape else { return false };
        let (cell_w, cell_h) = (width as f32 / COLUMNS as f32, height as f32 / ROWS as f32);
        self.cells.iter().enumerate().filter(|(_, cell)| cell.moves).any(|(index, _)| {
            let x = ((index % COLUMNS) as f32 + 0.5) * cell_w;
            let y = ((index / COLUMNS) as f32 + 0.5) * cell_h;
            // A person also moves the cells around the box.
            !boxes.clone().any(|bbox| holds(&to_stored(&bbox, view), x, y, cell_w, cell_h))
        })
    }

    /// Number of cells that move.
    pub fn moving_cells(&self) -> usize {
        self.cells.iter().filter(|cell| cell.moves).count()
    }

    /// Averages some px of each cell.
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

/// Where plane 0 holds luma, or green in its place: bytes between px, and bytes before the first.
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

/// First px of part `index` of `parts`, and the px after its last. At least one px.
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
mod tests;
