//! Values that no model can have.

use super::{PoseSpec, Text};
use crate::keypoint::{FLIP_PAIRS, NAMES};
use std::path::Path;

/// Input sides that are believable.
const SIDES: std::ops::RangeInclusive<usize> = 16..=4096;

/// The first impossible value, and why it is.
pub(super) fn values(text: &Text) -> Result<(), (&'static str, String)> {
    let (input, output) = (&text.input, &text.output);
    let rules = [
        ("file.onnx", !plain_name(&text.file.onnx), "must be a file name without a folder"),
        ("file.sha256", !is_sha256(&text.file.sha256), "must be 64 hexadecimal digits"),
        ("input.height", !SIDES.contains(&input.height), "must be 16..=4096"),
        ("input.width", !SIDES.contains(&input.width), "must be 16..=4096"),
        ("input.mean", !input.mean.iter().all(|v| v.is_finite()), "must be three finite numbers"),
        ("input.std", !input.std.iter().all(|v| v.is_finite() && *v > 0.0), "must be three positive numbers"),
        ("output.stride", !(1..=64).contains(&output.stride), "must be 1..=64"),
        ("output.offset_px", !output.offset_px.is_finite(), "must be finite"),
    ];
    first(&rules)?;
    if input.height % output.stride != 0 || input.width % output.stride != 0 {
        return Err(("output.stride", format!("must divide {} and {}", input.height, input.width)));
    }
    if let Some(pose) = &text.pose {
        pose_values(pose)?;
    }
    let Some(person) = &text.person else { return Ok(()) };
    first(&[
        ("person.score_threshold", !(0.0..1.0).contains(&person.score_threshold), "must be 0..1"),
        ("person.nms_iou", !(0.0..=1.0).contains(&person.nms_iou), "must be 0..=1"),
    ])
}

fn pose_values(pose: &PoseSpec) -> Result<(), (&'static str, String)> {
    if pose.keypoints != NAMES {
        return Err(("pose.keypoints", format!("must be COCO's, in COCO's order: {}", NAMES.join(", "))));
    }
    let known = |pair: &[usize; 2]| FLIP_PAIRS.contains(&(pair[0], pair[1]));
    first(&[
        ("pose.flip_pairs", !pose.flip_pairs.iter().all(known), "must be left and right of one thing"),
        ("pose.beta", !(pose.beta.is_finite() && pose.beta > 0.0), "must be positive"),
        ("pose.window_px", pose.window_px > 1024, "must be 0..=1024"),
        ("pose.box_margin", !(0.5..=4.0).contains(&pose.box_margin), "must be 0.5..=4"),
    ])
}

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
