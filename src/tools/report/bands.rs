//! The charts over the day, one below the other, on one axis of time.

use super::digest::{BIN_S, Bin, Digest, URGENT, name};
use super::style::{ACTIVITY, ALARM, FAINT, FROM, INK, LEFT, MISSING, PEOPLE, POSTURE, SOFT, TO};
use crate::history::Mark;
use crate::tools::plot::{Area, Error, bold, text, width_px};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Heights in px.
const PEOPLE_HIGH: i32 = 150;
const ACTIVITY_HIGH: i32 = 110;
const LANE_HIGH: i32 = 24;
const HEADING_HIGH: i32 = 26;
const PAUSE: i32 = 18;
/// Activity at the top of its chart, in body lengths a second: a brisk walk.
const LIVELY: f32 = 1.0;
/// Marks of everyday events, in the order of their lanes.
const EVERYDAY: [Mark; 5] = [Mark::Presence, Mark::Zone, Mark::Occupancy, Mark::Line, Mark::Posture];

/// A chart's place.
struct Band<'a, 'b> {
    area: &'a Area<'b>,
    digest: &'a Digest<'a>,
    top: i32,
    high: i32,
}

/// Draws all charts from `top` on. Returns where they end.
pub(super) fn draw(area: &Area<'_>, digest: &Digest<'_>, top: i32) -> Result<i32, Error> {
    let mut y = hours(area, digest, top)? + 4;
    y = heading(area, "People in view", y)?;
    let people = Band { area, digest, top: y, high: PEOPLE_HIGH };
    people.people()?;
    y = heading(area, "Movement", people.bottom() + PAUSE)?;
    let activity = Band { area, digest, top: y, high: ACTIVITY_HIGH };
    activity.activity()?;
    y = heading(area, "Postures", activity.bottom() + PAUSE)?;
    for (index, label) in ["standing", "sitting", "lying", "crouching"].into_iter().enumerate() {
        let lane = Band { area, digest, top: y, high: LANE_HIGH };
        lane.posture(index, label)?;
        y += LANE_HIGH;
    }
    y = heading(area, "Events", y + PAUSE)?;
    let is_urgent = |mark: &Mark| digest.urgent.iter().any(|(_, other)| other == mark);
    let happened = |mark: &Mark| digest.bins.iter().any(|bin| bin.marks.has(*mark));
    let everyday = EVERYDAY.into_iter().filter(happened);
    let lanes: Vec<Mark> = URGENT.into_iter().filter(is_urgent).chain(everyday).collect();
    for mark in &lanes {
        let lane = Band { area, digest, top: y, high: LANE_HIGH };
        lane.events(*mark)?;
        y += LANE_HIGH;
    }
    if lanes.is_empty() {
        area.draw_text("none", &label(VPos::Top), (FROM - 10, y))?;
        y += LANE_HIGH;
    }
    Ok(y)
}

/// The hours of the day. Returns where they end.
fn hours(area: &Area<'_>, digest: &Digest<'_>, y: i32) -> Result<i32, Error> {
    let style = text(16, &INK).pos(Pos::new(HPos::Center, VPos::Top));
    for &(second, hour) in digest.hours.iter().filter(|(_, hour)| hour.is_multiple_of(3)) {
        let end = second >= digest.length;
        let words = if end { "24".to_owned() } else { hour.to_string() };
        area.draw_text(&words, &style, (x_of(digest, second), y))?;
    }
    area.draw_text("hour", &label(VPos::Top), (FROM - 14, y))?;
    Ok(y + 16)
}

fn heading(area: &Area<'_>, words: &str, y: i32) -> Result<i32, Error> {
    area.draw_text(words, &bold(20, &INK), (LEFT, y + 2))?;
    Ok(y + HEADING_HIGH)
}

/// Text left of a chart.
fn label<'a>(v: VPos) -> TextStyle<'a> {
    text(16, &INK).pos(Pos::new(HPos::Right, v))
}

fn x_of(digest: &Digest<'_>, second: u32) -> i32 {
    let share = f64::from(second.min(digest.length)) / f64::from(digest.length.max(1));
    FROM + (share * f64::from(TO - FROM)).round() as i32
}

impl Band<'_, '_> {
    fn bottom(&self) -> i32 {
        self.top + self.high
    }

    /// Ends of bar number `index`.
    fn x(&self, index: usize) -> (i32, i32) {
        let at = |index: usize| x_of(self.digest, index as u32 * BIN_S);
        (at(index), at(index + 1))
    }

    /// The frame, the hours, and grey where nothing was kept.
    fn ground(&self) -> Result<(), Error> {
        self.bars(MISSING, |bin| if bin.kept == 0 { 1.0 } else { 0.0 })?;
        for &(second, hour) in &self.digest.hours {
            let x = x_of(self.digest, second);
            let colour = if hour.is_multiple_of(3) { SOFT.mix(0.45) } else { FAINT.mix(0.8) };
            self.area.draw(&PathElement::new([(x, self.top), (x, self.bottom())], colour))?;
        }
        let base = [(FROM, self.bottom()), (TO, self.bottom())];
        self.area.draw(&PathElement::new(base, SOFT))?;
        Ok(())
    }

    /// A bar for each bin: `share` of the height. Equal neighbours are drawn as one.
    fn bars(&self, colour: RGBColor, share: impl Fn(&Bin) -> f32) -> Result<(), Error> {
        let high = |bin: &Bin| match share(bin) {
            share if share > 0.0 => ((share.min(1.0) * self.high as f32).round() as i32).max(2),
            _ => 0,
        };
        let heights: Vec<i32> = self.digest.bins.iter().map(high).collect();
        let mut first = 0;
        for run in heights.chunk_by(|a, b| a == b) {
            let (from, to) = (self.x(first).0, self.x(first + run.len() - 1).1);
            first += run.len();
            if run[0] > 0 {
                let corners = [(from, self.bottom() - run[0]), (to, self.bottom())];
                self.area.draw(&Rectangle::new(corners, colour.filled()))?;
            }
        }
        Ok(())
    }

    fn people(&self) -> Result<(), Error> {
        self.ground()?;
        let most = i32::from(self.digest.most_people.max(1));
        // Room above the highest bar.
        let top = most as f32 * 1.1;
        self.bars(PEOPLE, |bin| f32::from(bin.people) / top)?;
        let step = (most + 3) / 4;
        for n in (0..=most).step_by(step.unsigned_abs() as usize) {
            let y = self.bottom() - (n as f32 / top * self.high as f32).round() as i32;
            if n > 0 {
                self.area.draw(&PathElement::new([(FROM, y), (TO, y)], FAINT.mix(0.9)))?;
            }
            self.area.draw_text(&n.to_string(), &label(VPos::Center), (FROM - 10, y))?;
        }
        Ok(())
    }

    fn activity(&self) -> Result<(), Error> {
        self.ground()?;
        let mean = |bin: &Bin| bin.activity / bin.kept.max(1) as f32;
        let top = self.digest.bins.iter().map(mean).fold(LIVELY, f32::max);
        // The root shows quiet work beside a walk.
        self.bars(ACTIVITY, |bin| (mean(bin) / top).sqrt())?;
        self.area.draw_text("lively", &label(VPos::Top), (FROM - 10, self.top))?;
        self.area.draw_text("calm", &label(VPos::Center), (FROM - 10, self.bottom() - 6))?;
        Ok(())
    }

    fn posture(&self, index: usize, words: &str) -> Result<(), Error> {
        self.ground()?;
        let inner = Band { top: self.top + 4, high: self.high - 4, ..*self };
        inner.bars(POSTURE, |bin| bin.postures[index] as f32 / bin.kept.max(1) as f32)?;
        self.area.draw_text(words, &label(VPos::Center), (FROM - 10, self.top + self.high / 2 + 2))?;
        Ok(())
    }

    fn events(&self, mark: Mark) -> Result<(), Error> {
        self.ground()?;
        let middle = self.top + self.high / 2;
        let is_urgent = URGENT.contains(&mark);
        let style = if is_urgent { text(16, &ALARM) } else { text(16, &INK) };
        let style = style.pos(Pos::new(HPos::Right, VPos::Center));
        self.area.draw_text(name(mark), &style, (FROM - 10, middle + 2))?;
        if is_urgent {
            return self.urgent(mark, middle);
        }
        let happened = |(_, bin): &(usize, &Bin)| bin.marks.has(mark);
        for (index, _) in self.digest.bins.iter().enumerate().filter(happened) {
            let (from, to) = self.x(index);
            let corners = [(from, middle - 6), (to.max(from + 2), middle + 6)];
            self.area.draw(&Rectangle::new(corners, SOFT.filled()))?;
        }
        Ok(())
    }

    /// A large mark and its time for each event, where there is room for the time.
    fn urgent(&self, mark: Mark, middle: i32) -> Result<(), Error> {
        let mut free = FROM;
        let seconds = self.digest.urgent.iter().filter(|(_, other)| *other == mark);
        for &(second, _) in seconds {
            let x = x_of(self.digest, second);
            self.area.draw(&TriangleMarker::new((x, middle), 8, ALARM.filled()))?;
            let (words, wide) = (self.digest.clock(second), width_px("00:00", 16));
            if x > free && x + 12 + wide < TO {
                let style = text(16, &ALARM).pos(Pos::new(HPos::Left, VPos::Center));
                self.area.draw_text(&words, &style, (x + 11, middle + 2))?;
                free = x + 14 + wide;
            }
        }
        Ok(())
    }
}
