//! Turns TOML tables into the sections of a [`Config`]; checks rules that concern several keys.

use super::Machine;
use super::camera::camera;
use super::fault::Report;
use super::mqtt::mqtt;
use super::read::{At, Table, boolean, integer, number, one_of, text};
use super::types::*;
use super::validate;
use crate::infer::manifest;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Builds the configuration; `None` if a part without a default is missing or wrong. All faults,
/// also mere warnings, go to `report`.
pub(super) fn config(
    document: &DeTable<'_>,
    path: &Path,
    machine: &Machine,
    report: &mut Report<'_>,
) -> Option<Config> {
    let base = path.parent().unwrap_or(Path::new(""));
    let mut root = Table::new("", 0..0, Some(document));
    let mqtt = mqtt(root.table(report, "mqtt"), base, path, machine, report);
    let model = model(root.table(report, "model"), base, report);
    let inference = inference(root.table(report, "inference"), report);
    let pose = pose(root.table(report, "pose"), report);
    let cameras = cameras(&mut root, base, report);
    let log = log(root.table(report, "log"), report);
    let homeassistant = homeassistant(root.table(report, "homeassistant"), report);
    let http = super::http::http(root.table(report, "http"), base, report);
    let history = super::history::history(root.table(report, "history"), report);
    root.finish(report);
    let (file, state_dir) = (path.to_owned(), machine.state_dir(&mqtt.client_id));
    Some(Config {
        file,
        state_dir,
        mqtt,
        model,
        inference,
        pose,
        cameras: cameras?,
        log,
        homeassistant,
        http,
        history,
    })
}

fn model(mut table: Table<'_, '_>, base: &Path, report: &mut Report<'_>) -> ModelFolders {
    let pose = table.get_or(report, "pose", manifest::installed(manifest::POSE), validate::path(base));
    let finder = table.get_or(report, "finder", manifest::installed(manifest::FINDER), validate::path(base));
    table.finish(report);
    ModelFolders { pose, finder }
}

fn inference(mut table: Table<'_, '_>, report: &mut Report<'_>) -> Inference {
    let workers = table.get_or(report, "workers", 1, integer(1..=64)) as usize;
    let threads = table.get_or(report, "threads", None, |value| match value {
        DeValue::String(s) if s == "auto" => Ok(None),
        value => integer(1..=64)(value).map(Some).map_err(|mut wrong| {
            wrong.remedy += ", or \"auto\"";
            wrong
        }),
    });
    let kernels = table.get(report, "kernels", text).map(|at| at.value).filter(|name| name != "auto");
    table.finish(report);
    Inference { workers, threads: threads.map(|n| n as usize), kernels }
}

fn pose(mut table: Table<'_, '_>, report: &mut Report<'_>) -> PoseConfig {
    let score = number(0.0..=1.0);
    let pose = PoseConfig {
        min_score: table.get_or(report, "min_score", 0.1, &score) as f32,
        keypoint_score: table.get_or(report, "keypoint_score", 0.2, &score) as f32,
        min_keypoints: table.get_or(report, "min_keypoints", 5, integer(1..=17)) as usize,
        smoothing: table.get_or(report, "smoothing", SmoothingMode::Smoothed, |value| match value {
            DeValue::String(s) if s == "both" => Ok(SmoothingMode::Both),
            value => boolean(value)
                .map(|on| if on { SmoothingMode::Smoothed } else { SmoothingMode::Raw })
                .map_err(|mut wrong| {
                    wrong.remedy += ", or \"both\"";
                    wrong
                }),
        }),
    };
    table.finish(report);
    pose
}

fn cameras(root: &mut Table<'_, '_>, base: &Path, report: &mut Report<'_>) -> Option<Vec<CameraConfig>> {
    let faults_before = report.faults.len();
    let tables = root.tables(report, "camera");
    if tables.is_empty() && report.faults.len() == faults_before {
        report.whole("there is no camera", "add [[camera]] with a name and a source");
    }
    let mut names: Vec<At<String>> = Vec::new();
    let mut cameras = Vec::new();
    for (index, (span, entries)) in tables.into_iter().enumerate() {
        let (name, camera) = camera(index, span, entries, base, report);
        cameras.push(camera);
        let Some(name) = name else { continue };
        match names.iter().find(|other| other.value == name.value) {
            Some(first) => {
                let line = report.line_of(first.span.start);
                report.error(
                    name.span,
                    format!("camera.{}.name", name.value),
                    format!("the camera on line {line} has this name too"),
                    "give each camera a name of its own: it is its topic",
                );
            }
            None => names.push(name),
        }
    }
    cameras.into_iter().collect()
}

fn homeassistant(mut table: Table<'_, '_>, report: &mut Report<'_>) -> Option<HomeAssistant> {
    let enabled = table.get_or(report, "enabled", false, boolean);
    let prefix = table.get_or(report, "prefix", "homeassistant".into(), validate::prefix);
    table.finish(report);
    enabled.then_some(HomeAssistant { prefix })
}

fn log(mut table: Table<'_, '_>, report: &mut Report<'_>) -> Log {
    let level = table.get_or(report, "level", "info".into(), validate::log_level);
    let formats = &[("auto", LogFormat::Auto), ("plain", LogFormat::Plain), ("journal", LogFormat::Journal)];
    let format = table.get_or(report, "format", LogFormat::Auto, one_of(formats));
    table.finish(report);
    Log { level, format }
}
