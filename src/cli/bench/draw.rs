//! Draws a benchmark's times, if a picture is wanted.

use crate::tools::charts::{self, Sample, Scale};
use crate::tools::plot;
use std::path::Path;

/// Width of a picture, and height of one row of it, in px.
const WIDTH: u32 = 960;
const ROW: u32 = 230;
const BAR: u32 = 30;
const TITLE: u32 = 48;

/// Checks the name of the picture before the work.
pub fn check(path: Option<&Path>) -> anyhow::Result<()> {
    path.map(plot::Format::of).transpose()?;
    Ok(())
}

/// Draws how the times of each sample are spread, in ms.
pub fn spreads(path: Option<&Path>, title: &str, samples: &[Sample], scale: Scale) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let size = (WIDTH, TITLE + ROW * samples.len().max(1) as u32);
    Ok(plot::save(path, title, size, |area| charts::spreads(area, title, "ms", samples, scale))?)
}

/// Draws a bar for each row: name, value, words.
pub fn bars(path: Option<&Path>, title: &str, rows: &[(String, f64, String)]) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let size = (WIDTH, TITLE + BAR * rows.len().max(1) as u32);
    let most = rows.iter().map(|row| row.1).fold(0.0, f64::max);
    Ok(plot::save(path, title, size, |area| charts::bars(area, title, rows, most))?)
}
