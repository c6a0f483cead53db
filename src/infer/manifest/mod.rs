//! A model's folder: an ONNX file, and `model.toml`, which describes the network's input, the
//! meaning of its output, and the ONNX file's checksum.

mod check;
mod error;
mod find;
mod sections;
#[cfg(test)]
mod tests;

pub use super::input::{Channels, InputSpec};
pub use error::Error;
pub use find::{FINDER, INSTALLED, POSE, find, installed, roots};
pub use sections::{FileSpec, ModelKind, OutputSpec, PersonSpec, PoseSpec};

use sections::ManifestText;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The only `schema` of `model.toml` that this program reads.
const SCHEMA: u32 = 1;

/// Maps of a person finder: score, width, height, and the centre's offset in x and y.
pub const PERSON_MAPS: usize = 5;

/// A checked `model.toml`, and its path.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The manifest file.
    pub path: PathBuf,
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// Licence of the weights.
    pub licence: String,
    /// The data sets of the training.
    pub data: Vec<String>,
    /// What those data sets require of users; empty if they require nothing.
    pub data_terms: String,
    /// The network's architecture, for people to read.
    pub architecture: String,
    /// The ONNX file.
    pub file: FileSpec,
    /// The network's input.
    pub input: InputSpec,
    /// The network's output.
    pub output: OutputSpec,
    /// The meaning of that output.
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

impl Manifest {
    /// Reads and checks `dir/model.toml`, and compares the ONNX file with its checksum.
    ///
    /// # Errors
    /// If a file is missing, a value is invalid, or the checksum differs.
    pub fn load(dir: &Path) -> Result<Manifest, Error> {
        let path = dir.join("model.toml");
        let text =
            std::fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let manifest = Manifest::parse(&path, &text)?;
        manifest.verify()?;
        Ok(manifest)
    }

    /// Checks the text of a manifest. `path` appears in errors, and locates the ONNX file beside
    /// it.
    ///
    /// # Errors
    /// If a key is unknown, missing or of the wrong type, or a value is invalid.
    pub fn parse(path: &Path, text: &str) -> Result<Manifest, Error> {
        let syntax = |e| Error::Syntax { path: path.into(), source: Box::new(e) };
        let text: ManifestText = toml::from_str(text).map_err(syntax)?;
        let bad = |key, reason: String| Error::Value { path: path.into(), key, reason };
        if text.schema != SCHEMA {
            let reason = format!("{} is not supported; this version of posed reads {SCHEMA}", text.schema);
            return Err(bad("schema", reason));
        }
        check::values(&text).map_err(|(key, reason)| bad(key, reason))?;
        let meaning = match (text.kind, text.pose, text.person) {
            (ModelKind::HeatmapPose, Some(pose), None) => Meaning::Pose(pose),
            (ModelKind::CenterPerson, None, Some(person)) => Meaning::Person(person),
            (kind, ..) => {
                let (needed, other) = match kind {
                    ModelKind::HeatmapPose => ("[pose]", "[person]"),
                    ModelKind::CenterPerson => ("[person]", "[pose]"),
                };
                let reason = format!("a {} model needs {needed} and no {other}", kind.name());
                return Err(bad("kind", reason));
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

    /// Maps, rows and columns of the output for one crop.
    pub fn output_shape(&self) -> (usize, usize, usize) {
        let maps = match &self.meaning {
            Meaning::Pose(pose) => pose.keypoints.len(),
            Meaning::Person(_) => PERSON_MAPS,
        };
        (maps, self.input.height / self.output.stride, self.input.width / self.output.stride)
    }

    /// How heatmaps become keypoints.
    ///
    /// # Errors
    /// If this is not a pose model.
    pub fn pose(&self) -> Result<&PoseSpec, Error> {
        match &self.meaning {
            Meaning::Pose(pose) => Ok(pose),
            Meaning::Person(_) => Err(self.not_a(ModelKind::HeatmapPose, ModelKind::CenterPerson)),
        }
    }

    /// How centre maps become bounding boxes.
    ///
    /// # Errors
    /// If this is not a person detector.
    pub fn person(&self) -> Result<&PersonSpec, Error> {
        match &self.meaning {
            Meaning::Person(person) => Ok(person),
            Meaning::Pose(_) => Err(self.not_a(ModelKind::CenterPerson, ModelKind::HeatmapPose)),
        }
    }

    fn not_a(&self, want: ModelKind, got: ModelKind) -> Error {
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
