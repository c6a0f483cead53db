//! Reads `[[camera.zone]]`, `[[camera.line]]` and `[[camera.event]]` of one camera.

use super::fault::Report;
use super::read::{At, Table, Wrong, boolean, kind, number, one_of, text, wrong};
use super::validate;
use crate::events::{By, FallOptions, Kind, Line, Options, Watch, Zone};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use toml::de::DeValue;

const BY: &[(&str, By)] = &[("feet", By::Feet), ("body", By::Body)];
const TYPES: &[(&str, Kind)] = &[
    ("fall", Kind::Fall),
    ("lying_long", Kind::LyingLong),
    ("no_movement", Kind::NoMovement),
    ("hand_raised", Kind::HandRaised),
    ("help", Kind::Help),
    ("posture", Kind::Posture),
    ("presence", Kind::Presence),
];
const DAY_S: f64 = 24.0 * 3600.0;
/// Delays against flapping, in seconds.
const DELAY: RangeInclusive<f64> = 0.0..=3600.0;
/// Smallest area of a zone, as a share of the picture.
const SMALLEST_AREA: f32 = 1e-4;
/// Most zones and lines of a camera.
const MOST: usize = 32;

/// Reads what happens in front of the camera `name`.
pub(super) fn events(camera: &mut Table<'_, '_>, name: &str, report: &mut Report<'_>) -> Options {
    let mut options = Options::new(name);
    options.zones = named(camera, "zone", report, zone);
    options.lines = named(camera, "line", report, line);
    let mut seen: Vec<Kind> = Vec::new();
    for (index, (span, entries)) in camera.tables(report, "event").into_iter().enumerate() {
        let mut table = Table::new(&format!("{}.event[{}]", camera.path, index + 1), span, Some(entries));
        let remedy = "add type = \"...\", such as \"fall\"";
        let Some(At { value: kind, span }) = table.must(report, "type", remedy, one_of(TYPES)) else {
            continue;
        };
        table.path = format!("{}.event.{}", camera.path, kind.name());
        if seen.contains(&kind) {
            report.error(span, table.key("type"), "this type is configured twice", "keep one of the two");
        }
        seen.push(kind);
        event(&mut table, kind, &mut options, report);
        table.finish(report);
    }
    options
}

/// Reads the tables at `key`, whose names must be unique.
fn named<T>(
    camera: &mut Table<'_, '_>,
    key: &'static str,
    report: &mut Report<'_>,
    read: fn(&mut Table<'_, '_>, &str, &mut Report<'_>) -> Option<T>,
) -> Vec<T> {
    let (mut names, mut all) = (Vec::<String>::new(), Vec::new());
    let tables = camera.tables(report, key);
    if tables.len() > MOST {
        let reason = format!("there are {} of them; a camera has at most {MOST}", tables.len());
        report.error(camera.span.clone(), camera.key(key), reason, "remove some");
    }
    for (index, (span, entries)) in tables.into_iter().enumerate() {
        let mut table = Table::new(&format!("{}.{key}[{}]", camera.path, index + 1), span, Some(entries));
        let remedy = "add name = \"...\": it is part of the topic";
        let name = table.must(report, "name", remedy, validate::level_name);
        if let Some(At { value, span }) = &name {
            table.path = format!("{}.{key}.{value}", camera.path);
            if names.contains(value) {
                let remedy = "give each a name of its own: it is part of the topic";
                report.error(span.clone(), table.key("name"), "this name is used twice", remedy);
            }
            names.push(value.clone());
        }
        let name = name.map_or(String::new(), |at| at.value);
        all.extend(read(&mut table, &name, report));
        table.finish(report);
    }
    all
}

fn zone(table: &mut Table<'_, '_>, name: &str, report: &mut Report<'_>) -> Option<Zone> {
    let remedy = "add polygon = [[x, y], [x, y], [x, y]], its corners as fractions of the picture";
    let corners = table.must(report, "polygon", remedy, polygon);
    let by = table.get_or(report, "by", By::Feet, one_of(BY));
    let defaults = Zone::new(name, Vec::new());
    let enter_after = table.get_or(report, "enter_s", defaults.enter_after, seconds(DELAY));
    let leave_after = table.get_or(report, "leave_s", defaults.leave_after, seconds(DELAY));
    let dwell_after = table.get(report, "dwell_s", seconds(0.5..=DAY_S)).map(|at| at.value);
    let empty_after = table.get_or(report, "empty_s", defaults.empty_after, seconds(DELAY));
    let At { value: polygon, span } = corners?;
    let zone = Zone { polygon, by, enter_after, leave_after, dwell_after, empty_after, ..defaults };
    if zone.area() < SMALLEST_AREA {
        let reason = "has no area: its corners lie on a line, or its sides cross";
        report.error(span, table.key("polygon"), reason, "move a corner, or give the corners in order");
        return None;
    }
    Some(zone)
}

fn line(table: &mut Table<'_, '_>, name: &str, report: &mut Report<'_>) -> Option<Line> {
    let from = table.must(report, "from", "add from = [x, y], as fractions of the picture", point);
    let to = table.must(report, "to", "add to = [x, y], as fractions of the picture", point);
    let by = table.get_or(report, "by", By::Feet, one_of(BY));
    let (from, to) = from.zip(to)?;
    let line = Line { name: name.into(), from: from.value, to: to.value, by };
    if !line.has_length() {
        report.error(to.span, table.key("to"), "is the same point as from", "give the line two ends");
        return None;
    }
    Some(line)
}

/// Puts one `[[camera.event]]` into `options`.
fn event(table: &mut Table<'_, '_>, kind: Kind, options: &mut Options, report: &mut Report<'_>) {
    let enabled = table.get_or(report, "enabled", true, boolean);
    match kind {
        Kind::Fall => {
            let defaults = FallOptions::default();
            let confirm = seconds(1.0..=3600.0);
            let confirm_after = table.get_or(report, "confirm_s", defaults.confirm_after, confirm);
            let clear_after = table.get_or(report, "clear_s", defaults.clear_after, seconds(DELAY));
            let ignore_zones = ignored(table, options, report);
            options.fall = enabled.then_some(FallOptions { confirm_after, clear_after, ignore_zones });
        }
        Kind::Presence => {
            let off_after = table.get_or(report, "after_s", options.presence.off_after, seconds(DELAY));
            options.presence.off_after = off_after;
            options.presence_events = enabled;
        }
        _ => {
            let Some(default) = Watch::default_of(kind) else { return };
            let after = table.get_or(report, "after_s", default.after, seconds(0.5..=DAY_S));
            let watch = enabled.then_some(Watch { after, ignore_zones: ignored(table, options, report) });
            match kind {
                Kind::LyingLong => options.lying_long = watch,
                Kind::NoMovement => options.no_movement = watch,
                Kind::HandRaised => options.hand_raised = watch,
                Kind::Help => options.help = watch,
                _ => options.posture = watch,
            }
        }
    }
}

/// Names of zones, each of which must exist.
fn ignored(table: &mut Table<'_, '_>, options: &Options, report: &mut Report<'_>) -> Vec<Arc<str>> {
    let zones: Vec<Arc<str>> = options.zones.iter().map(|zone| zone.name.clone()).collect();
    let read = |value: &DeValue<'_>| {
        let DeValue::Array(items) = value else {
            return wrong(format!("is {}, not a list", kind(value)), "write ignore_zones = [\"bed\"]");
        };
        items.iter().map(|item| known_zone(item.get_ref(), &zones)).collect()
    };
    table.get_or(report, "ignore_zones", Vec::new(), read)
}

fn known_zone(value: &DeValue<'_>, zones: &[Arc<str>]) -> Result<Arc<str>, Wrong> {
    let name = text(value)?;
    let Some(zone) = zones.iter().find(|zone| ***zone == *name) else {
        let remedy = match zones {
            [] => "add a [[camera.zone]] of this name".to_owned(),
            zones => format!("zones of this camera: {}", zones.join(", ")),
        };
        return wrong(format!("there is no zone {name:?}"), remedy);
    };
    Ok(zone.clone())
}

fn seconds(range: RangeInclusive<f64>) -> impl Fn(&DeValue<'_>) -> Result<Duration, Wrong> {
    move |value| number(range.clone())(value).map(Duration::from_secs_f64)
}

/// `[x, y]`, fractions of the picture.
fn point(value: &DeValue<'_>) -> Result<[f32; 2], Wrong> {
    let remedy = "write [x, y], each a fraction of the picture from 0 to 1";
    let DeValue::Array(items) = value else {
        return wrong(format!("is {}, not a point", kind(value)), remedy);
    };
    let fraction = number(0.0..=1.0);
    let numbers: Vec<f64> =
        items.iter().map(|item| fraction(item.get_ref())).collect::<Result<_, Wrong>>()?;
    match numbers[..] {
        [x, y] => Ok([x as f32, y as f32]),
        _ => wrong(format!("a point has two numbers, but here are {}", numbers.len()), remedy),
    }
}

fn polygon(value: &DeValue<'_>) -> Result<Vec<[f32; 2]>, Wrong> {
    let remedy = "write [[x, y], [x, y], [x, y]], the corners in order, as fractions of the picture";
    let DeValue::Array(items) = value else {
        return wrong(format!("is {}, not a list of points", kind(value)), remedy);
    };
    let corners: Vec<[f32; 2]> =
        items.iter().map(|item| point(item.get_ref())).collect::<Result<_, Wrong>>()?;
    if corners.len() < 3 {
        return wrong(
            format!("a polygon has at least three corners, but here are {}", corners.len()),
            remedy,
        );
    }
    Ok(corners)
}
