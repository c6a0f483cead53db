//! A model's folder: `model.toml`, which says what the network reads and what its output means, and
//! the ONNX file whose checksum it carries.

mod check;
mod error;
#[cfg(test)]
mod tests;

pub use error::Error;

use super::InputSpec;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// What a `model.toml` must start with.
const SCHEMA: u32 = 1;
/// What kind of network a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Heatmaps of one person's keypoints.
    HeatmapPose,
    /// Centres and sizes of all people of a frame.
    CenterPerson,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::HeatmapPose => "heatmap-pose",
            Kind::CenterPerson => "center-person",
        }
    }
}

/// Order of the network's input planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// `[file]`: the network itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Name of the ONNX file, in the manifest's folder.
    pub onnx: String,
    /// Its checksum, 64 hexadecimal digits.
    pub sha256: String,
    /// `none`, or how it was quantized.
    pub quantization: String,
}

/// `[input]`: what the network reads.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the graph's input.
    pub name: String,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Order of the planes, and of `mean` and `std`.
    pub channels: Channels,
    /// Subtracted, in pixel units.
    pub mean: [f32; 3],
    /// Divided by, in pixel units.
    pub std: [f32; 3],
}

/// `[output]`: how its output lies over its input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name of the graph's output.
    pub name: String,
    /// Input px to one output px.
    pub stride: usize,
    /// Input px of output px 0.
    pub offset_px: f32,
}

/// `[pose]`: how heatmaps become keypoints.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoseSpec {
    /// Name of each heatmap.
    pub keypoints: Vec<String>,
    /// Heatmaps that swap places in a mirrored picture.
    pub flip_pairs: Vec<[usize; 2]>,
    /// Of beta-soft-argmax.
    pub beta: f32,
    /// Heatmap px either side of the peak that take part; 0: the whole map.
    pub window_px: usize,
    /// The published checkpoints' quarter-pixel shift.
    pub quarter_shift: bool,
    /// How much of its surroundings a person's box is given.
    pub box_margin: f32,
}

/// `[person]`: how centre maps become boxes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonSpec {
    /// Boxes that score less are not people.
    pub score_threshold: f32,
    /// Of two boxes that overlap more, the better one counts.
    pub nms_iou: f32,
}

/// A checked `model.toml`, and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The manifest file.
    pub path: PathBuf,
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// Licence of its weights.
    pub licence: String,
    /// What they were trained on.
    pub data: Vec<String>,
    /// What the sources of that data ask of users; empty where nothing is said.
    pub data_terms: String,
    /// Which network it is.
    pub architecture: String,
    /// The network's file.
    pub file: File,
    /// What it reads.
    pub input: Input,
    /// What it gives.
    pub output: Output,
    /// What that means.
    pub meaning: Meaning,
}

/// What a network's output means.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// Heatmaps of one person's keypoints.
    Pose(PoseSpec),
    /// Centres and sizes of people.
    Person(PersonSpec),
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    schema: u32,
    name: String,
    version: String,
    kind: Kind,
    licence: String,
    #[serde(default)]
    data: Vec<String>,
    #[serde(default)]
    data_terms: String,
    #[serde(default)]
    architecture: String,
    file: File,
    input: Input,
    output: Output,
    pose: Option<PoseSpec>,
    person: Option<PersonSpec>,
}

impl Manifest {
    /// Reads and checks `dir/model.toml`, and that the ONNX file is the one it was written for.
    ///
    /// # Errors
    /// If a file is missing, a value is impossible, or the checksum differs.
    pub fn load(dir: &Path) -> Result<Manifest, Error> {
        let path = dir.join("model.toml");
        let text =
            std::fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let manifest = Manifest::parse(&path, &text)?;
        manifest.verify()?;
        Ok(manifest)
    }

    /// Checks the text of a manifest; `path` is for its errors, and is where the ONNX file lies beside.
    ///
    /// # Errors
    /// If a key is unknown, missing or of the wrong type, or a value is impossible.
    pub fn parse(path: &Path, text: &str) -> Result<Manifest, Error> {
        let syntax = |e| Error::Syntax { path: path.into(), source: Box::new(e) };
        let text: Text = toml::from_str(text).map_err(syntax)?;
        let bad = |key, reason: String| Err(Error::Value { path: path.into(), key, reason });
        if text.schema != SCHEMA {
            return bad("schema", format!("{} is not known, this posed reads {SCHEMA}", text.schema));
        }
        if let Err((key, reason)) = check::values(&text) {
            return bad(key, reason);
        }
        let meaning = match (text.kind, text.pose, text.person) {
            (Kind::HeatmapPose, Some(pose), None) => Meaning::Pose(pose),
            (Kind::CenterPerson, None, Some(person)) => Meaning::Person(person),
            (kind, ..) => {
                let section = if kind == Kind::HeatmapPose { "[pose]" } else { "[person]" };
                return bad("kind", format!("a {} has {section}, and only that", kind.name()));
            }
        };
        Ok(Manifest {
            path: path.into(),
            name: text.name,
            version: text.version,
            licence: text.licence,
            data: text.data,
            data_terms: text.data_terms,
            architecture: text.architecture,
            file: text.file,
            input: text.input,
            output: text.output,
            meaning,
        })
    }

    /// Path of the ONNX file.
    pub fn onnx(&self) -> PathBuf {
        self.path.with_file_name(&self.file.onnx)
    }

    /// What the network reads, as [`super::Network::load`] wants it.
    pub fn input_spec(&self) -> InputSpec {
        let Input { name, height, width, mean, std, .. } = &self.input;
        InputSpec { name: name.clone(), height: *height, width: *width, mean: *mean, std: *std }
    }

    /// Rows and columns of the output.
    pub fn output_size(&self) -> (usize, usize) {
        (self.input.height / self.output.stride, self.input.width / self.output.stride)
    }

    /// How heatmaps become keypoints.
    ///
    /// # Errors
    /// If the model is of another kind.
    pub fn pose(&self) -> Result<&PoseSpec, Error> {
        match &self.meaning {
            Meaning::Pose(pose) => Ok(pose),
            Meaning::Person(_) => Err(self.not_a(Kind::HeatmapPose, Kind::CenterPerson)),
        }
    }

    /// How centre maps become boxes.
    ///
    /// # Errors
    /// If the model is of another kind.
    pub fn person(&self) -> Result<&PersonSpec, Error> {
        match &self.meaning {
            Meaning::Person(person) => Ok(person),
            Meaning::Pose(_) => Err(self.not_a(Kind::CenterPerson, Kind::HeatmapPose)),
        }
    }

    fn not_a(&self, want: Kind, got: Kind) -> Error {
        Error::Kind { path: self.path.clone(), got: got.name(), want: want.name() }
    }

    fn verify(&self) -> Result<(), Error> {
        let path = self.onnx();
        let bytes = std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let got: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if got == self.file.sha256.to_ascii_lowercase() {
            return Ok(());
        }
        Err(Error::Checksum { path, got, want: self.file.sha256.clone() })
    }
}

/// The folder of model `name`: in `POSED_MODELS`, in `models` of the working directory, or where the
/// package puts models.
///
/// # Errors
/// If none of them has it.
pub fn find(name: &str) -> Result<PathBuf, Error> {
    let named = std::env::var_os("POSED_MODELS").map(PathBuf::from);
    let places = named.into_iter().chain([PathBuf::from("models"), PathBuf::from("/usr/share/posed/models")]);
    let mut tried = Vec::new();
    for place in places {
        let dir = place.join(name);
        if dir.join("model.toml").is_file() {
            return Ok(dir);
        }
        tried.push(place.display().to_string());
    }
    Err(Error::NotFound { name: name.to_owned(), tried: tried.join(", ") })
}
