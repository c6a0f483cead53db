//! Charts of numbers: curves, histograms and bars, drawn by `plot`.

mod spreads;

pub use spreads::{Sample, Scale, quantile, spreads};

use super::plot::{Area, Canvas, Error, bold, text, width_px};
use plotters::chart::ChartBuilder;
use plotters::element::{PathElement, Rectangle};
use plotters::series::LineSeries;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color as _, RGBColor};

/// Colours that stay apart for people who see few of them (Okabe and Ito).
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
const GRID: RGBColor = RGBColor(225, 228, 232);
const FAINT: RGBColor = RGBColor(90, 96, 104);
/// Size of letters in px.
const LETTERS: u32 = 16;

/// A named line of points.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// x and y of its points.
    pub points: Vec<(f64, f64)>,
}

/// The colour of the series with this number.
fn colour(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

/// Curves between 0 and 1 on both axes, with a legend.
///
/// # Errors
/// If the drawing fails.
pub fn curves(area: &Area<'_>, title: &str, axes: (&str, &str), curves: &[Curve]) -> Result<(), Error> {
    let mut chart = builder(area, title).build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    chart
        .configure_mesh()
        .x_desc(axes.0)
        .y_desc(axes.1)
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|x| format!("{x:.1}"))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .light_line_style(plotters::style::TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(LETTERS, &FAINT))
        .axis_desc_style(text(LETTERS, &FAINT))
        .draw()?;
    for (index, curve) in curves.iter().enumerate() {
        chart.draw_series(LineSeries::new(curve.points.iter().copied(), colour(index).stroke_width(2)))?;
    }
    let names: Vec<&str> = curves.iter().map(|curve| curve.name.as_str()).collect();
    legend(chart.plotting_area().strip_coord_spec(), &names)
}

/// Names with their colours, at the lower left, where curves that fall leave room.
fn legend(area: Area<'_>, names: &[&str]) -> Result<(), Error> {
    let (_, height) = area.dim_in_pixel();
    let top = height as i32 - 12 - 22 * names.len() as i32;
    for (index, name) in names.iter().enumerate() {
        let y = top + 22 * index as i32;
        let line = [(12, y + 8), (40, y + 8)];
        area.draw(&PathElement::new(line.to_vec(), colour(index).stroke_width(3)))?;
        area.draw_text(name, &text(LETTERS, &BLACK), (48, y))?;
    }
    Ok(())
}

/// How many of `values` lie in each part of `range`: from, to, width of a part.
///
/// # Errors
/// If the drawing fails.
pub fn histogram(
    area: &Area<'_>,
    title: &str,
    axes: (&str, &str),
    values: &[f64],
    range: (f64, f64, f64),
) -> Result<(), Error> {
    let counts = counts(values, range);
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64 * 1.05;
    let (from, to, width) = range;
    let mut chart = builder(area, title).build_cartesian_2d(from..to, 0.0..most)?;
    chart
        .configure_mesh()
        .x_desc(axes.0)
        .y_desc(axes.1)
        .x_labels(6)
        .y_labels(5)
        .x_label_formatter(&|x| format!("{x:.1}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .disable_x_mesh()
        .light_line_style(plotters::style::TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(LETTERS, &FAINT))
        .axis_desc_style(text(LETTERS, &FAINT))
        .draw()?;
    chart.draw_series(counts.iter().enumerate().map(|(i, &count)| {
        let left = from + width * i as f64;
        Rectangle::new([(left, 0.0), (left + width * 0.92, count as f64)], colour(0).filled())
    }))?;
    Ok(())
}

/// Counts of values by the part of the range they lie in. Values outside count in the outer parts.
fn counts(values: &[f64], (from, to, width): (f64, f64, f64)) -> Vec<usize> {
    let parts = (((to - from) / width).round() as usize).max(1);
    let mut counts = vec![0; parts];
    for value in values {
        // Float casts saturate; not a number counts as the lowest.
        let part = ((value - from) / width).floor().max(0.0) as usize;
        counts[part.min(parts - 1)] += 1;
    }
    counts
}

/// Horizontal bars: name, value, and the words at its end. `most` is the value of a whole bar.
///
/// # Errors
/// If the drawing fails.
pub fn bars(area: &Area<'_>, title: &str, rows: &[(String, f64, String)], most: f64) -> Result<(), Error> {
    let (width, height) = area.dim_in_pixel();
    area.draw_text(title, &bold(LETTERS, &BLACK), (16, 8))?;
    let widest = |texts: &mut dyn Iterator<Item = &String>| {
        texts.map(|text| width_px(text, LETTERS)).max().unwrap_or(0)
    };
    let names = widest(&mut rows.iter().map(|row| &row.0)) + 28;
    let words = widest(&mut rows.iter().map(|row| &row.2)) + 24;
    let room = (width as i32 - names - words).max(10);
    let row_px = ((height as i32 - 48) / (rows.len().max(1) as i32)).clamp(6, 40);
    for (index, (name, value, said)) in rows.iter().enumerate() {
        let y = 40 + row_px * index as i32;
        let middle = y + row_px / 2;
        let end = names + (room as f64 * (value / most.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0)) as i32;
        let bar = [(names, y + row_px / 8), (end.max(names + 1), y + row_px - row_px / 8)];
        area.draw(&Rectangle::new(bar, colour(0).filled()))?;
        let before = text(LETTERS, &BLACK).pos(Pos::new(HPos::Right, VPos::Center));
        let after = text(LETTERS, &FAINT).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw_text(name, &before, (names - 8, middle))?;
        area.draw_text(said, &after, (end + 8, middle))?;
    }
    Ok(())
}

/// A chart with room for a title and the words of its axes.
fn builder<'a, 'b>(area: &'a Area<'b>, title: &str) -> ChartBuilder<'a, 'b, Canvas<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.margin(12).caption(title, bold(LETTERS, &BLACK)).x_label_area_size(48).y_label_area_size(56);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::plot::svg;

    #[test]
    fn values_are_counted_by_their_part_of_the_range() {
        let values = [0.0, 0.05, 0.1, 0.95, 1.0, 7.0, -3.0, f64::NAN, f64::INFINITY];
        let counts = counts(&values, (0.0, 1.0, 0.1));
        assert_eq!((counts.len(), counts[0], counts[1], counts[9]), (10, 4, 1, 4));
        assert_eq!(counts.iter().sum::<usize>(), values.len());
    }

    #[test]
    fn charts_of_nothing_and_of_one_value_are_drawn() {
        for values in [vec![], vec![2.5], vec![0.0; 3]] {
            let sample = Sample { name: "a <b>".into(), values: values.clone() };
            let drawn = svg((400, 300), |area| spreads(area, "times", "ms", &[sample], Scale::Shared));
            let drawn = drawn.unwrap();
            assert!(drawn.contains("a &lt;b&gt;") && drawn.contains("ms"), "{drawn}");
            let range = (0.0, 1.0, 0.1);
            svg((400, 300), |area| histogram(area, "h", ("x", "y"), &values, range)).unwrap();
        }
        svg((400, 300), |area| curves(area, "c", ("x", "y"), &[])).unwrap();
        svg((400, 300), |area| bars(area, "b", &[("n".into(), 0.0, "none".into())], 0.0)).unwrap();
    }
}
