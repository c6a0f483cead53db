//! The sections of `model.toml`, as they are written in the file.

use crate::infer::input::InputSpec;
use serde::Deserialize;

/// What a network computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Heatmaps of one person's keypoints.
    HeatmapPose,
    /// Centres and sizes of all people in a frame.
    CenterPerson,
}

impl ModelKind {
    /// The value of `kind` in `model.toml`.
    pub(super) fn name(self) -> &'static str {
        match self {
            ModelKind::HeatmapPose => "heatmap-pose",
            ModelKind::CenterPerson => "center-person",
        }
    }
}

/// `[file]`: the ONNX file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Name of the ONNX file, in the manifest's folder.
    pub onnx: String,
    /// Its SHA-256 checksum, 64 hexadecimal digits.
    pub sha256: String,
    /// How the network was quantized, or `none`.
    pub quantization: String,
}

/// `[output]`: where the output's pixels lie on the input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// Name of the graph's output.
    pub name: String,
    /// Distance between neighbouring output pixels, in input pixels.
    pub stride: usize,
    /// Position of output pixel 0, in input pixels.
    pub offset_px: f32,
}

/// `[pose]`: how heatmaps become keypoints.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoseSpec {
    /// The keypoint of each heatmap, in order.
    pub keypoints: Vec<String>,
    /// Pairs of heatmaps that swap places in a mirrored crop.
    pub flip_pairs: Vec<[usize; 2]>,
    /// Sharpness of the soft-argmax that locates a keypoint.
    pub beta: f32,
    /// Radius of the soft-argmax around the peak, in heatmap pixels; 0 takes the whole heatmap.
    pub window_px: usize,
    /// Whether a keypoint moves a quarter pixel toward the larger of the peak's neighbours, as in
    /// the evaluation of the published LPN checkpoints.
    pub quarter_shift: bool,
    /// Size of the crop relative to the person's bounding box.
    pub box_margin: f32,
    /// The share of its score that a keypoint at the border of the picture keeps, as it may be a
    /// guess at a joint outside: the logistic function of the first number, plus the second times
    /// the score, plus the third times the distance to the border in heatmap pixels.
    /// `python -m lpn border` fits them.
    #[serde(default = "border")]
    pub border: [f32; 3],
}

/// For networks whose scores do not fall at the border by themselves: the chance that a keypoint is
/// inside, measured on networks that learned only from keypoints in sight.
fn border() -> [f32; 3] {
    [-4.4, 7.6, 0.7]
}

/// `[person]`: how centre maps become bounding boxes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonSpec {
    /// Boxes with a lower score are dropped.
    pub score_threshold: f32,
    /// Of two boxes with a higher IoU, only the one with the better score is kept.
    pub nms_iou: f32,
}

/// The whole of `model.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestText {
    pub schema: u32,
    pub name: String,
    pub version: String,
    pub kind: ModelKind,
    pub licence: String,
    #[serde(default)]
    pub data: Vec<String>,
    #[serde(default)]
    pub data_terms: String,
    #[serde(default)]
    pub architecture: String,
    pub file: FileSpec,
    pub input: InputSpec,
    pub output: OutputSpec,
    pub pose: Option<PoseSpec>,
    pub person: Option<PersonSpec>,
}
