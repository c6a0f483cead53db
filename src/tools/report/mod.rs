//! A day at a glance: one sheet for each camera, as a page or a picture.
//!
//! `digest` sums a day up, `words` says it in sentences, `sheet` lays the drawing out, and `bands`
//! and `heat` draw its parts. Shapes and places carry the meaning, so that it can be read in black
//! and white too.

mod bands;
mod digest;
mod heat;
mod sheet;
mod style;
mod words;

pub use sheet::SIZE;

use super::plot::{self, Figure, Format, Page, Styles};
use crate::history::{self, Archive, Date, Day};
use digest::Digest;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The history cannot be read.
    #[error(transparent)]
    History(#[from] history::Error),
    /// No camera has this day.
    #[error("no camera has a history of {date}; there is of {}", known.join("; "))]
    NoDay {
        /// The day that was asked for.
        date: Date,
        /// Each camera with its days.
        known: Vec<String>,
    },
    /// The drawing failed.
    #[error(transparent)]
    Draw(#[from] plot::Error),
    /// The clock shows no day.
    #[error("the clock of this machine is wrong: name a day with --day 2026-11-28")]
    NoToday,
}

/// A day of one camera.
pub struct Sheet {
    /// Name of the camera.
    pub camera: String,
    /// Its day.
    pub day: Day,
}

/// The sheets of `camera`, or of all cameras, on `date`, or today.
///
/// # Errors
/// If there is none. The error names the cameras and days that there are.
pub fn sheets(archive: &Archive, camera: Option<&str>, date: Option<Date>) -> Result<Vec<Sheet>, Error> {
    let date = date.or_else(|| archive.today()).ok_or(Error::NoToday)?;
    if let Some(camera) = camera {
        let day = archive.read(camera, date)?;
        return Ok(vec![Sheet { camera: camera.to_owned(), day }]);
    }
    let (mut sheets, mut known) = (Vec::new(), Vec::new());
    for camera in archive.cameras()? {
        match archive.read(&camera, date) {
            Ok(day) => sheets.push(Sheet { camera, day }),
            Err(history::Error::NoDay { camera, known: days, .. }) => {
                known.push(format!("{camera}: {}", history::spans(&days)));
            }
            Err(e) => return Err(e.into()),
        }
    }
    if sheets.is_empty() { Err(Error::NoDay { date, known }) } else { Ok(sheets) }
}

/// Draws `sheets` in `format`.
///
/// # Errors
/// If the drawing fails.
pub fn draw(sheets: &[Sheet], format: Format) -> Result<Vec<u8>, Error> {
    let (width, height) = SIZE;
    let digests: Vec<Digest<'_>> = sheets.iter().map(Digest::new).collect();
    let all = (width, height * sheets.len().max(1) as u32);
    let below = |area: &plot::Area<'_>| {
        for (digest, part) in digests.iter().zip(area.split_evenly((digests.len(), 1))) {
            sheet::draw(&part, digest)?;
        }
        Ok(())
    };
    Ok(match format {
        Format::Png => plot::png(all, below)?,
        Format::Svg => plot::svg(all, below)?.into_bytes(),
        Format::Html => page(sheets, Styles::Inside, &[])?.into_bytes(),
    })
}

/// A page with `sheets`. `links` stand above them: addresses and their words.
///
/// # Errors
/// If the drawing fails.
pub fn page(sheets: &[Sheet], styles: Styles<'_>, links: &[(String, String)]) -> Result<String, Error> {
    let figures = sheets.iter().map(|one| {
        let digest = Digest::new(one);
        let svg = plot::svg(SIZE, |area| sheet::draw(area, &digest))?;
        Ok(Figure { svg, words: words::sentences(&digest).join(" ") })
    });
    let figures: Vec<Figure> = figures.collect::<Result<_, plot::Error>>()?;
    let title = sheets.first().map_or(String::new(), |first| match sheets {
        [one] => format!("{} on {}", one.camera, first.day.date),
        _ => format!("All cameras on {}", first.day.date),
    });
    Ok(plot::page(&Page { title: &title, styles, links, figures: &figures }))
}
