//! Pictures for people: one drawing goes out as SVG, as a page with that SVG inside, or as PNG.
//!
//! A drawing is a function that takes an [`Area`]. Everything of `plotters` works on it:
//! `ChartBuilder`, `fill`, `draw`. Text needs no font file: in PNG it is drawn with built-in glyphs
//! (`glyphs`), in SVG it is text.
//!
//! ```
//! use plotters::prelude::*;
//! use posed::tools::plot::{self, text};
//!
//! # fn main() -> Result<(), plot::Error> {
//! let svg = plot::svg((400, 200), |area| {
//!     area.draw_text("hours", &text(16, &BLACK), (10, 10))?;
//!     area.draw(&Rectangle::new([(10, 40), (200, 60)], BLUE.filled()))?;
//!     Ok(())
//! })?;
//! assert!(svg.contains("hours"));
//! # Ok(())
//! # }
//! ```

mod canvas;
mod glyphs;
mod page;

pub use canvas::{BackendError, Canvas};
pub use glyphs::width_px;
pub use page::{CSS, Figure, Page, Styles, page};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, TextStyle};
use std::path::{Path, PathBuf};

/// What a drawing is drawn on.
pub type Area<'a> = DrawingArea<Canvas<'a>, Shift>;

/// A larger picture takes more memory than a small board can spare.
const MOST_PIXELS: u64 = 64 << 20;
/// Height of a line of text as `plotters` counts it, for each px of the letters' size.
const LINE: f64 = 1.24;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The drawing failed.
    #[error("cannot draw: {0}")]
    Draw(#[from] DrawingAreaErrorKind<BackendError>),
    /// The bitmap has no pixels, or too many.
    #[error("a picture of {0}x{1} px cannot be drawn")]
    Size(u32, u32),
    /// The PNG cannot be made.
    #[error("cannot encode the picture as PNG")]
    Png(#[from] image::ImageError),
    /// The file's name does not say how to draw.
    #[error("{}: the name must end in .png, .svg or .html", .0.display())]
    Extension(PathBuf),
    /// The file cannot be written.
    #[error("cannot write {}", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
}

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Pixels.
    Png,
    /// Lines and text.
    Svg,
    /// A page that holds the SVG.
    Html,
}

impl Format {
    /// The format that the name of `path` ends in.
    ///
    /// # Errors
    /// If it ends in none.
    pub fn of(path: &Path) -> Result<Format, Error> {
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("png") => Ok(Format::Png),
            Some("svg") => Ok(Format::Svg),
            Some("html" | "htm") => Ok(Format::Html),
            _ => Err(Error::Extension(path.to_owned())),
        }
    }
}

/// Draws a picture of `size` px into the file at `path`; the name's end chooses the format. `title`
/// is the page's.
///
/// # Errors
/// If the name has another end, or the picture cannot be drawn or written.
pub fn save(
    path: &Path,
    title: &str,
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let bytes = match Format::of(path)? {
        Format::Png => png(size, draw)?,
        Format::Svg => svg(size, draw)?.into_bytes(),
        Format::Html => {
            let figures = [Figure { svg: svg(size, draw)?, words: title.to_owned() }];
            page(&Page { title, styles: Styles::Inside, links: &[], figures: &figures }).into_bytes()
        }
    };
    std::fs::write(path, bytes).map_err(|e| Error::Write(path.to_owned(), e))
}

/// The drawing as SVG, `size` px wide and high.
///
/// # Errors
/// If `draw` fails.
pub fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Result<(), Error>) -> Result<String, Error> {
    let mut text = String::new();
    let area = Canvas::svg(&mut text, size).into_drawing_area();
    draw(&area)?;
    area.present()?;
    drop(area);
    Ok(without_seams(&text))
}

/// Rectangles that touch show no line between them, however the picture is scaled. What is drawn in
/// strokes stays smooth. `plotters` sets no such attribute; text cannot hold a tag.
fn without_seams(svg: &str) -> String {
    let mut svg = svg.replacen("<svg ", "<svg shape-rendering=\"crispEdges\" ", 1);
    for tag in ["polyline", "polygon", "circle", "line"] {
        svg = svg.replace(&format!("<{tag} "), &format!("<{tag} shape-rendering=\"auto\" "));
    }
    svg
}

/// The drawing as PNG on white, `size` px wide and high.
///
/// # Errors
/// If `draw` fails, or the size cannot be drawn.
pub fn png(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Result<(), Error>) -> Result<Vec<u8>, Error> {
    let (width, height) = size;
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > MOST_PIXELS {
        return Err(Error::Size(width, height));
    }
    let mut rgb = vec![255; pixels as usize * 3];
    let area = Canvas::bitmap(&mut rgb, size).into_drawing_area();
    draw(&area)?;
    area.present()?;
    drop(area);
    let mut file = Vec::new();
    // Large even areas: the slow settings halve the file.
    PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::Adaptive).write_image(
        &rgb,
        width,
        height,
        ExtendedColorType::Rgb8,
    )?;
    Ok(file)
}

/// Text of `px` high lines: 16 or 20; others are scaled from these. It hangs from its top left
/// corner; `.pos()` changes that.
pub fn text<'a>(px: u32, colour: &impl Color) -> TextStyle<'a> {
    styled(px, colour, FontStyle::Normal)
}

/// The same as [`text`], in bold.
pub fn bold<'a>(px: u32, colour: &impl Color) -> TextStyle<'a> {
    styled(px, colour, FontStyle::Bold)
}

fn styled<'a>(px: u32, colour: &impl Color, style: FontStyle) -> TextStyle<'a> {
    let size = f64::from(px) * glyphs::LETTERS * LINE;
    FontDesc::new(FontFamily::SansSerif, size, style).color(colour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::prelude::*;

    fn draw(area: &Area<'_>) -> Result<(), Error> {
        area.draw_text("posed <1>", &text(16, &BLACK), (4, 4))?;
        area.draw(&Rectangle::new([(4, 30), (60, 50)], RED.filled()))?;
        Ok(())
    }

    fn pixels(png: &[u8]) -> image::RgbImage {
        image::load_from_memory(png).unwrap().to_rgb8()
    }

    #[test]
    fn a_drawing_is_the_same_in_svg_and_png() {
        let svg = svg((100, 60), draw).unwrap();
        assert!(svg.contains("posed &lt;1&gt;") && svg.contains("#FF0000") && svg.ends_with("</svg>\n"));
        assert!(svg.starts_with("<svg shape-rendering=\"crispEdges\" width=\"100\""), "{svg}");
        let picture = pixels(&png((100, 60), draw).unwrap());
        assert_eq!(*picture.get_pixel(30, 40), Rgb([255, 0, 0]));
        assert_eq!(*picture.get_pixel(99, 59), Rgb([255; 3]));
        let ink = picture.enumerate_pixels().filter(|(_, y, p)| *y < 24 && p.0[0] < 128).count();
        assert!((60..400).contains(&ink), "{ink} dark pixels of text");
    }

    use image::Rgb;

    #[test]
    fn the_end_of_the_name_chooses_the_format() {
        for (name, format) in [("a.png", Format::Png), ("b/a.SVG", Format::Svg), ("a.b.html", Format::Html)] {
            assert_eq!(Format::of(Path::new(name)).unwrap(), format);
        }
        let e = Format::of(Path::new("day.pdf")).unwrap_err().to_string();
        assert_eq!(e, "day.pdf: the name must end in .png, .svg or .html");
    }

    #[test]
    fn text_that_does_not_fit_is_cut_and_rotated_text_stands() {
        let picture = png((30, 80), |area| {
            area.draw_text("much too long for this", &text(20, &BLACK), (-20, -3))?;
            let up = text(16, &BLACK).transform(FontTransform::Rotate270);
            area.draw_text("up \u{1f600}", &up, (6, 78))?;
            Ok(())
        });
        let picture = pixels(&picture.unwrap());
        let (left, right) = picture
            .enumerate_pixels()
            .filter(|(_, y, p)| *y > 30 && p.0[0] < 128)
            .fold((99, 0), |(left, right), (x, _, _)| (x.min(left), x.max(right)));
        assert!(left >= 4 && right < 26, "{left}..{right}");
    }

    #[test]
    fn a_picture_without_pixels_or_with_too_many_is_refused() {
        for size in [(0, 5), (u32::MAX, u32::MAX)] {
            assert!(matches!(png(size, |_| Ok(())), Err(Error::Size(..))), "{size:?}");
        }
    }
}
