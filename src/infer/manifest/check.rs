//! Checks the values of a manifest.

use super::sections::{ManifestText, PersonSpec, PoseSpec};
use crate::keypoint::{FLIP_PAIRS, NAMES};
use std::path::Path;

/// Valid heights and widths of an input, in pixels.
const SIDES: std::ops::RangeInclusive<usize> = 16..=4096;

/// The first invalid value: its key, and which values are valid.
pub(super) fn values(text: &ManifestText) -> Result<(), (&'static str, String)> {
    let (input, output) = (&text.input, &text.output);
    let rules = [
        ("file.onnx", !plain_name(&text.file.onnx), "must be a file name without a folder"),
        ("file.sha256", !is_sha256(&text.file.sha256), "must be 64 hexadecimal digits"),
        ("input.height", !SIDES.contains(&input.height), "must be 16 to 4096"),
        ("input.width", !SIDES.contains(&input.width), "must be 16 to 4096"),
        ("input.mean", !input.mean.iter().all(|v| v.is_finite()), "must be three finite numbers"),
        ("input.std", !input.std.iter().all(|v| v.is_finite() && *v > 0.0), "must be three positive numbers"),
        ("output.stride", !(1..=64).contains(&output.stride), "must be 1 to 64"),
        ("output.offset_px", !output.offset_px.is_finite(), "must be a finite number"),
    ];
    first(&rules)?;
    if input.height % output.stride != 0 || input.width % output.stride != 0 {
        return Err((
            "output.stride",
            format!("must divide the input's height {} and width {}", input.height, input.width),
        ));
    }
    text.pose.as_ref().map_or(Ok(()), pose_values)?;
    text.person.as_ref().map_or(Ok(()), person_values)
}

fn pose_values(pose: &PoseSpec) -> Result<(), (&'static str, String)> {
    if pose.keypoints != NAMES {
        return Err((
            "pose.keypoints",
            format!("must be COCO's keypoints in COCO's order: {}", NAMES.join(", ")),
        ));
    }
    let known = |pair: &[usize; 2]| FLIP_PAIRS.contains(&(pair[0], pair[1]));
    first(&[
        (
            "pose.flip_pairs",
            !pose.flip_pairs.iter().all(known),
            "must be pairs of left and right keypoints, as in [1, 2]",
        ),
        ("pose.beta", !(pose.beta.is_finite() && pose.beta > 0.0), "must be a positive number"),
        ("pose.window_px", pose.window_px > 1024, "must be 0 to 1024"),
        ("pose.box_margin", !(0.5..=4.0).contains(&pose.box_margin), "must be 0.5 to 4"),
        (
            "pose.border",
            !(pose.border.iter().all(|number| number.is_finite())
                && pose.border[1..].iter().all(|n| *n >= 0.0)),
            "must be three finite numbers, the last two not negative",
        ),
    ])
}

fn person_values(person: &PersonSpec) -> Result<(), (&'static str, String)> {
    first(&[
        (
            "person.score_threshold",
            !(0.0..1.0).contains(&person.score_threshold),
            "must be at least 0 and less than 1",
        ),
        ("person.nms_iou", !(0.0..=1.0).contains(&person.nms_iou), "must be 0 to 1"),
    ])
}

/// The first broken rule of `(key, broken, reason)`.
fn first(rules: &[(&'static str, bool, &str)]) -> Result<(), (&'static str, String)> {
    match rules.iter().find(|(_, broken, _)| *broken) {
        Some((key, _, reason)) => Err((*key, (*reason).to_owned())),
        None => Ok(()),
    }
}

fn plain_name(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|file| file == name)
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
