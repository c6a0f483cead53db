//! Text in bitmaps: the glyphs of Noto Sans Mono, which are built in. No font file is read.

use super::LINE;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, FontStyle};

/// Size of the letters, as a share of the height of a line.
pub(super) const LETTERS: f64 = 0.73;
/// From a line's top to the baseline, as a share of the line's height.
const ASCENT: f64 = 0.78;

/// The glyphs for text of one size: a raster, and how many px each of its px takes.
#[derive(Clone, Copy)]
struct Face {
    raster: RasterHeight,
    scale: i32,
}

impl Face {
    /// The face nearest to `size`, as `plotters` gives it.
    fn of(size: f64) -> Face {
        let line = size / LINE / LETTERS;
        let (raster, scale) = match line {
            ..18.0 => (RasterHeight::Size16, 1),
            ..26.0 => (RasterHeight::Size20, 1),
            ..36.0 => (RasterHeight::Size16, 2),
            _ => (RasterHeight::Size20, 2),
        };
        Face { raster, scale }
    }

    fn width(self) -> i32 {
        get_raster_width(FontWeight::Regular, self.raster) as i32 * self.scale
    }

    fn height(self) -> i32 {
        self.raster.val() as i32 * self.scale
    }

    /// The glyph of `c`; a question mark if there is none.
    fn glyph(self, c: char) -> Option<RasterizedChar> {
        let get = |c| get_raster(c, FontWeight::Regular, self.raster);
        get(c).or_else(|| get('?'))
    }

    /// How dark px (x, y) of a glyph is, 0 to 1. Scaled glyphs are smooth.
    fn ink(self, glyph: &RasterizedChar, (x, y): (i32, i32)) -> f64 {
        let at = |x: i32, y: i32| match (usize::try_from(x), usize::try_from(y)) {
            (Ok(x), Ok(y)) => f64::from(glyph.pixel(x, y).unwrap_or(0)) / 255.0,
            _ => 0.0,
        };
        if self.scale == 1 {
            return at(x, y);
        }
        let place = |v: i32| (f64::from(v) + 0.5) / f64::from(self.scale) - 0.5;
        let (x, y) = (place(x), place(y));
        let (left, top) = (x.floor(), y.floor());
        let (right, below) = (x - left, y - top);
        let row = |y: f64| at(left as i32, y as i32) * (1.0 - right) + at(left as i32 + 1, y as i32) * right;
        let ink = row(top) * (1.0 - below) + row(top + 1.0) * below;
        // Steeper, so that large letters keep sharp edges.
        ((ink - 0.5) * f64::from(self.scale) + 0.5).clamp(0.0, 1.0)
    }
}

/// Width of `text` in px, in lines that are `px` high.
pub fn width_px(text: &str, px: u32) -> i32 {
    size(text, f64::from(px) * LETTERS * LINE).0 as i32
}

/// Width and height of `text` in px; `size` as `plotters` gives it.
pub(super) fn size(text: &str, size: f64) -> (u32, u32) {
    let face = Face::of(size);
    (text.chars().count() as u32 * face.width().unsigned_abs(), face.height().unsigned_abs())
}

/// Gives the px of `text` to `pixel`. Where `at` is in the text is the style's anchor, as in SVG.
pub(super) fn draw<S: BackendTextStyle, E>(
    text: &str,
    style: &S,
    at: BackendCoord,
    mut pixel: impl FnMut(BackendCoord, BackendColor) -> Result<(), E>,
) -> Result<(), E> {
    let (face, turn, colour) = (Face::of(style.size()), style.transform(), style.color());
    let is_bold = matches!(style.style(), FontStyle::Bold);
    let (left, top) = corner(text, style, face);
    for (n, c) in text.chars().enumerate() {
        let Some(glyph) = face.glyph(c) else { continue };
        let begin = left + n as i32 * face.width();
        for y in 0..face.height() {
            for x in 0..=face.width() {
                let mut ink = face.ink(&glyph, (x, y));
                if is_bold {
                    // Each stroke is one px wider.
                    ink = ink.max(face.ink(&glyph, (x - 1, y)));
                }
                if ink > 0.0 {
                    let (dx, dy) = turn.transform(begin + x, top + y);
                    pixel((at.0 + dx, at.1 + dy), colour.mix(ink))?;
                }
            }
        }
    }
    Ok(())
}

/// Top left corner of the text's first glyph, from the anchor. The baseline is where SVG has it.
fn corner<S: BackendTextStyle>(text: &str, style: &S, face: Face) -> (i32, i32) {
    let width = text.chars().count() as i32 * face.width();
    let left = match style.anchor().h_pos {
        HPos::Left => 0,
        HPos::Center => -width / 2,
        HPos::Right => -width,
    };
    let line = f64::from(face.height());
    let letters = line * LETTERS;
    let baseline = match style.anchor().v_pos {
        VPos::Top => 0.76 * letters,
        VPos::Center => 0.27 * letters,
        VPos::Bottom => -0.27 * letters,
    };
    (left, (baseline - ASCENT * line).round() as i32)
}
