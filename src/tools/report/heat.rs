//! Where people stood: the darker, the longer.

use super::digest::{Digest, name};
use super::style::{ALARM, FAINT, INK, LEFT, SOFT};
use crate::tools::plot::{Area, Error, bold, text};
use plotters::prelude::*;

/// Cells across the view.
const COLUMNS: usize = 64;
/// Most px of the map.
const WIDE: i32 = 640;
/// Lowest end of the map: the legend and the note stand below it.
const BOTTOM: i32 = 1354;
/// The longest time in one place is of this colour.
const DARK: (f64, f64, f64) = (8.0, 40.0, 92.0);
/// Events in the list beside the map.
const LISTED: usize = 12;

/// Draws the map, and the list of events beside it, from `top` on.
pub(super) fn draw(area: &Area<'_>, digest: &Digest<'_>, top: i32) -> Result<(), Error> {
    area.draw_text("Where people were, as the camera sees the room", &bold(20, &INK), (LEFT, top))?;
    let top = top + 26;
    let map = Map::new(digest, BOTTOM - top);
    let (wide, high) = (map.columns as i32 * map.cell, map.rows as i32 * map.cell);
    for (index, seconds) in map.seconds.iter().enumerate().filter(|(_, seconds)| **seconds > 0.0) {
        let (x, y) = ((index % map.columns) as i32, (index / map.columns) as i32);
        let corner = |x: i32, y: i32| (LEFT + x * map.cell, top + y * map.cell);
        let shade = shade(f64::from(*seconds / map.most));
        area.draw(&Rectangle::new([corner(x, y), corner(x + 1, y + 1)], shade.filled()))?;
    }
    let border = [(LEFT, top), (LEFT + wide, top + high)];
    area.draw(&Rectangle::new(border, SOFT))?;
    if digest.feet.is_empty() {
        area.draw_text("nobody's feet were seen", &text(16, &SOFT), (LEFT + 12, top + 12))?;
    } else {
        legend(area, top + high + 8)?;
    }
    list(area, digest, LEFT + WIDE + 30, top)
}

/// Seconds that people stood in each cell.
struct Map {
    columns: usize,
    rows: usize,
    /// Side of a cell in px.
    cell: i32,
    seconds: Vec<f32>,
    most: f32,
}

impl Map {
    /// A map that is at most `high` px high.
    fn new(digest: &Digest<'_>, high: i32) -> Map {
        let columns = COLUMNS;
        let rows = ((columns as f64 / digest.aspect).round() as usize).clamp(16, 114);
        let cell = (WIDE / columns as i32).min(high / rows as i32).max(1);
        let mut seconds = vec![0.0; columns * rows];
        for ([x, y], weight) in &digest.feet {
            let at = |v: f32, n: usize| ((v * n as f32) as usize).min(n - 1);
            seconds[at(*y, rows) * columns + at(*x, columns)] += weight;
        }
        let seconds = smooth(&smooth(&seconds, columns, rows), columns, rows);
        let most = seconds.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        Map { columns, rows, cell, seconds, most }
    }
}

/// Each cell shares with its neighbours: feet are seen within a hand's breadth or two.
fn smooth(cells: &[f32], columns: usize, rows: usize) -> Vec<f32> {
    let get = |x: i32, y: i32| {
        let inside = (0..columns as i32).contains(&x) && (0..rows as i32).contains(&y);
        if inside { cells[y as usize * columns + x as usize] } else { 0.0 }
    };
    let near = |x: i32, y: i32| {
        let row = |y: i32| get(x - 1, y) + 2.0 * get(x, y) + get(x + 1, y);
        (row(y - 1) + 2.0 * row(y) + row(y + 1)) / 16.0
    };
    let places = (0..rows as i32).flat_map(|y| (0..columns as i32).map(move |x| (x, y)));
    places.map(|(x, y)| near(x, y)).collect()
}

/// White to dark. The root keeps short stays visible beside the favourite chair.
fn shade(share: f64) -> RGBColor {
    if share < 1e-4 {
        return WHITE;
    }
    let dark = 0.06 + 0.94 * share.clamp(0.0, 1.0).sqrt();
    let mix = |to: f64| (255.0 + (to - 255.0) * dark).round() as u8;
    RGBColor(mix(DARK.0), mix(DARK.1), mix(DARK.2))
}

fn legend(area: &Area<'_>, y: i32) -> Result<(), Error> {
    area.draw_text("a moment", &text(16, &SOFT), (LEFT, y + 2))?;
    for step in 0..24 {
        let x = LEFT + 68 + step * 6;
        let shade = shade(f64::from(step) / 23.0);
        area.draw(&Rectangle::new([(x, y), (x + 6, y + 12)], shade.filled()))?;
    }
    area.draw(&Rectangle::new([(LEFT + 68, y), (LEFT + 68 + 144, y + 12)], FAINT))?;
    area.draw_text("longest", &text(16, &SOFT), (LEFT + 220, y + 2))?;
    Ok(())
}

/// The urgent events with their times.
fn list(area: &Area<'_>, digest: &Digest<'_>, x: i32, top: i32) -> Result<(), Error> {
    area.draw_text("To look at", &bold(20, &INK), (x, top - 26))?;
    let mut y = top + 2;
    for &(second, mark) in digest.urgent.iter().take(LISTED) {
        area.draw_text(&digest.clock(second), &bold(20, &ALARM), (x, y))?;
        area.draw_text(name(mark), &text(20, &INK), (x + 62, y))?;
        y += 25;
    }
    match digest.urgent.len() {
        0 => area.draw_text("nothing unusual", &text(20, &SOFT), (x, y))?,
        n if n > LISTED => {
            let words = format!("and {} more", n - LISTED);
            area.draw_text(&words, &text(20, &SOFT), (x, y))?;
        }
        _ => {}
    }
    Ok(())
}
