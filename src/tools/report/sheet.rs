//! The sheet of one camera: where everything stands on it. Its sides are those of A4.

use super::digest::Digest;
use super::style::{INK, LEFT, RIGHT, SOFT};
use super::{bands, heat, words};
use crate::tools::plot::{Area, Error, bold, text, width_px};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Width and height of a sheet in px.
pub const SIZE: (u32, u32) = (1000, 1414);

/// Characters of a line of 20 px.
const LINE_CHARS: usize = 104;

/// Draws the sheet of `digest`.
pub(super) fn draw(area: &Area<'_>, digest: &Digest<'_>) -> Result<(), Error> {
    area.fill(&WHITE)?;
    let mut y = title(area, digest)?;
    for sentence in words::sentences(digest) {
        for line in words::wrapped(&sentence, LINE_CHARS) {
            area.draw_text(&line, &text(20, &INK), (LEFT, y))?;
            y += 26;
        }
    }
    let below = bands::draw(area, digest, y + 26)?;
    heat::draw(area, digest, below + 30)?;
    let note = "Counts only: posed keeps no pose and no picture in its history.";
    let bottom = SIZE.1 as i32 - 20;
    area.draw_text(note, &text(16, &SOFT), (LEFT, bottom))?;
    let version = concat!("posed ", env!("CARGO_PKG_VERSION"));
    area.draw_text(version, &text(16, &SOFT).pos(Pos::new(HPos::Right, VPos::Top)), (RIGHT, bottom))?;
    Ok(())
}

/// Returns where the next line begins.
fn title(area: &Area<'_>, digest: &Digest<'_>) -> Result<i32, Error> {
    // A long name takes the line for itself.
    let px = if width_px(&digest.camera, 32) < 480 { 32 } else { 20 };
    area.draw_text(&digest.camera, &bold(px, &INK), (LEFT, 26))?;
    let right = Pos::new(HPos::Right, VPos::Top);
    area.draw_text(&words::date(digest.date), &bold(20, &INK).pos(right), (RIGHT, 32))?;
    area.draw(&PathElement::new([(LEFT, 60), (RIGHT, 60)], INK))?;
    Ok(76)
}
