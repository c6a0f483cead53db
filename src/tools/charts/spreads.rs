//! How measured values are spread: a histogram for each sample, with its figures.

use super::{FAINT, GRID, LETTERS, builder, colour, counts};
use crate::tools::plot::{Area, Error, bold, text};
use plotters::element::{PathElement, Rectangle};
use plotters::style::{BLACK, Color as _, RGBColor, ShapeStyle};

/// A named set of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// Its values, in any order.
    pub values: Vec<f64>,
}

/// Which scale the rows of [`spreads`] have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// One for all rows.
    Shared,
    /// Each its own.
    Own,
}

/// Parts of a histogram.
const PARTS: f64 = 60.0;

/// How the values of each sample are spread, one row a sample.
///
/// # Errors
/// If the drawing fails.
pub fn spreads(
    area: &Area<'_>,
    title: &str,
    unit: &str,
    samples: &[Sample],
    scale: Scale,
) -> Result<(), Error> {
    let (head, body) = area.split_vertically(40);
    head.draw_text(title, &bold(20, &BLACK), (16, 12))?;
    let rows = body.split_evenly((samples.len().max(1), 1));
    let all: Vec<f64> = samples.iter().flat_map(|sample| sample.values.iter().copied()).collect();
    for (index, (sample, row)) in samples.iter().zip(&rows).enumerate() {
        let values = if scale == Scale::Shared { &all } else { &sample.values };
        spread(row, sample, unit, (range(values), colour(index)))?;
    }
    Ok(())
}

/// One row: a histogram over `range` with a line at the median, and its figures in words.
fn spread(
    area: &Area<'_>,
    sample: &Sample,
    unit: &str,
    ((from, to), colour): ((f64, f64), RGBColor),
) -> Result<(), Error> {
    let part = (to - from) / PARTS;
    let counts = counts(&sample.values, (from, to, part));
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64 * 1.1;
    let mut chart = builder(area, &words(sample, unit)).build_cartesian_2d(from..to, 0.0..most)?;
    chart
        .configure_mesh()
        .x_desc(unit)
        .y_desc("runs")
        .x_labels(8)
        .y_labels(most.ceil().clamp(2.0, 4.0) as usize)
        .x_label_formatter(&|x| figures(*x, to - from))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .disable_x_mesh()
        .light_line_style(plotters::style::TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(LETTERS, &FAINT))
        .axis_desc_style(text(LETTERS, &FAINT))
        .draw()?;
    chart.draw_series(counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(i, &count)| {
        let left = from + part * i as f64;
        Rectangle::new([(left, 0.0), (left + part, count as f64)], colour.filled())
    }))?;
    let median = quantile(&sample.values, 0.5);
    let line = vec![(median, 0.0), (median, most)];
    chart.draw_series([PathElement::new(line, ShapeStyle::from(&BLACK).stroke_width(2))])?;
    Ok(())
}

/// The range of `values` with a margin; never empty.
fn range(values: &[f64]) -> (f64, f64) {
    let bounds = values.iter().fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(*v), high.max(*v)));
    let low = if bounds.0.is_finite() { bounds.0 } else { 0.0 };
    let margin = ((bounds.1 - low) * 0.05).max(bounds.1 * 1e-3).max(1e-9);
    ((low - margin).max(0.0), bounds.1 + margin)
}

/// Name and figures of a sample.
fn words(sample: &Sample, unit: &str) -> String {
    let [min, median, most] = [0.0, 0.5, 0.99].map(|q| {
        let value = quantile(&sample.values, q);
        figures(value, value)
    });
    format!("{}: median {median}, minimum {min}, 99 % within {most} {unit}", sample.name)
}

/// `value` with as many decimals as differences of about `scale` need.
fn figures(value: f64, scale: f64) -> String {
    match scale.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The value below which a share `q` of `values` lies; 0 without values.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().saturating_sub(1) as f64 * q).round() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_of_the_sample() {
        let values = [3.0, 1.0, 2.0];
        assert_eq!([0.0, 0.5, 0.99].map(|q| quantile(&values, q)), [1.0, 2.0, 3.0]);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
