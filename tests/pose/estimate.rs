//! The estimator with a real network.

use super::common::shared;
use super::crops::boxes;
use super::picture::{Picture, smooth};
use posed::clock::SystemClock;
use posed::frame::{Colorimetry, PixelFormat};
use posed::geometry::{BBox, Rotate};
use posed::infer::NetworkOptions;
use posed::keypoint::NAMES;
use posed::pose::{Estimator, Options};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// Makes `dir` a model with the network of the development data; `None` if the data is absent.
fn rough_model(dir: &Path) -> Option<()> {
    let bytes = std::fs::read(shared("bootstrap/lpn50-128x96.int8.onnx")?).unwrap();
    let sha256: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    std::fs::write(dir.join("model.onnx"), bytes).unwrap();
    let manifest = format!(
        r#"
schema = 1
name = "rough"
version = "0"
kind = "heatmap-pose"
licence = "none"
[file]
onnx = "model.onnx"
sha256 = "{sha256}"
quantization = "qdq-u8s8"
[input]
name = "input"
height = 128
width = 96
channels = "bgr"
mean = [103.53, 116.28, 123.675]
std = [57.375, 57.12, 58.395]
[output]
name = "heatmaps"
stride = 4
offset_px = 0.0
[pose]
keypoints = {NAMES:?}
flip_pairs = []
beta = 160.0
window_px = 5
quarter_shift = false
box_margin = 1.25
"#
    );
    std::fs::write(dir.join("model.toml"), manifest).unwrap();
    Some(())
}

#[test]
fn poses_do_not_depend_on_the_batch_and_an_invalid_box_gives_an_invalid_pose() {
    let dir = tempfile::tempdir().unwrap();
    let Some(()) = rough_model(dir.path()) else { return };
    let load = |max_batch, flip_test| {
        let network = NetworkOptions { max_batch, ..NetworkOptions::default() };
        Estimator::load(dir.path(), &Options { network, flip_test }, SystemClock::shared()).unwrap()
    };
    let picture = Picture::new(PixelFormat::Nv12, (320, 240), 0, Colorimetry::default(), smooth);
    let view = picture.frame.view(Rotate::None);
    let invalid = BBox { w: f32::NAN, ..boxes()[0] };
    let all = [boxes()[0], boxes()[1], invalid, boxes()[2], boxes()[3]];
    let (mut one, mut three, mut flipped) = (vec![], vec![], vec![]);
    load(1, false).estimate(&picture.frame, &view, &all, &mut one).unwrap();
    let mut estimator = load(3, false).try_clone().unwrap();
    estimator.estimate(&picture.frame, &view, &all, &mut three).unwrap();
    assert_eq!(format!("{one:?}"), format!("{three:?}"));
    load(2, true).estimate(&picture.frame, &view, &all, &mut flipped).unwrap();
    assert_eq!(flipped.len(), all.len());
    assert_ne!(format!("{one:?}"), format!("{flipped:?}"));
    for (pose, bbox) in one.iter().zip(&all) {
        assert_eq!(pose.is_valid(), bbox.is_valid());
        assert!((0.0..=1.0).contains(&pose.score));
    }
    assert_eq!(one[2].score, 0.0);
    estimator.estimate(&picture.frame, &view, &[], &mut three).unwrap();
    assert!(three.is_empty());
}
