//! Reads one `[[camera]]` section.

use super::events::events;
use super::fault::Report;
use super::read::{At, Table, integer, millis, number, one_of, wrong};
use super::source::{check_pipeline, network_keys, picture_keys, source};
use super::types::CameraConfig;
use super::validate;
use crate::geometry::Rotate;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

const FINDERS: &[(&str, bool)] = &[("auto", true), ("none", false)];

/// Reads the table at `index` of the list. Returns the name even if the rest is wrong, so that
/// duplicate names are still found.
pub(super) fn camera(
    index: usize,
    span: Range<usize>,
    entries: &DeTable<'_>,
    base: &Path,
    report: &mut Report<'_>,
) -> (Option<At<String>>, Option<CameraConfig>) {
    let mut table = Table::new(&format!("camera[{}]", index + 1), span, Some(entries));
    let name = table.must(report, "name", "add name = \"...\": it is the topic", validate::camera_name);
    if let Some(name) = &name {
        table.path = format!("camera.{}", name.value);
    }
    let source = source(&mut table, base, report);
    let network = network_keys(&mut table, source.as_ref(), base, report);
    let rotate = table.get_or(report, "rotate", Rotate::None, rotate);
    let roi = table.get(report, "roi", validate::roi).map(|at| at.value);
    let max_fps = table.get(report, "max_fps", number(0.1..=1000.0)).map(|at| at.value);
    let seconds = Duration::from_secs;
    let connect_timeout = table.get_or(report, "connect_timeout_ms", seconds(10), millis(100..=600_000));
    let stall_timeout = table.get_or(report, "stall_timeout_ms", seconds(5), millis(100..=600_000));
    let (picture_interval, frame_rate) = picture_keys(&mut table, source.as_ref(), report);
    let finder = table.get_or(report, "finder", true, one_of(FINDERS));
    let half_second = Duration::from_millis(500);
    let finder_interval = table.get_or(report, "finder_interval_ms", half_second, millis(20..=60_000));
    let max_people = table.get_or(report, "max_people", 16, integer(1..=64)) as usize;
    let cpu_budget = table.get(report, "cpu_budget", number(0.01..=1.0)).map(|at| at.value);
    let events = events(&mut table, name.as_ref().map_or("", |at| &at.value), report);
    let key = table.key("source");
    table.finish(report);

    let at = source.as_ref().map(|source| source.span.clone());
    let camera = name.clone().zip(source).map(|(name, source)| CameraConfig {
        name: name.value,
        source: source.value,
        rotate,
        roi,
        max_fps,
        transport: network.transport,
        tls_ca: network.tls_ca,
        latency: network.latency,
        connect_timeout,
        stall_timeout,
        picture_interval,
        frame_rate,
        finder,
        finder_interval,
        max_people,
        cpu_budget,
        events,
    });
    if let Some((camera, at)) = camera.as_ref().zip(at) {
        check_pipeline(camera, at, key, report);
    }
    (name, camera)
}

/// Degrees clockwise: 0, 90, 180 or 270.
fn rotate(value: &DeValue<'_>) -> Result<Rotate, super::read::Wrong> {
    let degrees = match value {
        DeValue::Integer(i) => i.as_str().parse::<i64>().ok(),
        _ => None,
    };
    match degrees {
        Some(0) => Ok(Rotate::None),
        Some(90) => Ok(Rotate::Cw90),
        Some(180) => Ok(Rotate::Half),
        Some(270) => Ok(Rotate::Cw270),
        _ => wrong("is not a quarter turn", "use 0, 90, 180 or 270: degrees clockwise"),
    }
}
