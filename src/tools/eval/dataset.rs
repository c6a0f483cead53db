//! COCO keypoint annotation files.

use crate::keypoint::KEYPOINTS;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// COCO's category "person".
const PERSON: u64 = 1;

/// Why annotations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such file.
    #[error("annotations {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not COCO's JSON.
    #[error("annotations {path}: {source}; COCO keypoint annotations are wanted")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        source: serde_json::Error,
    },
    /// A person with other keypoints.
    #[error(
        "annotations {path}: annotation {id} has {got} numbers of keypoints, 51 are wanted (17 times x, y, v)"
    )]
    Keypoints {
        /// The file.
        path: PathBuf,
        /// The annotation.
        id: u64,
        /// How many there are.
        got: usize,
    },
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: u64,
    /// Its file, relative to the folder of pictures.
    pub file_name: String,
}

/// A labelled person, or crowd.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Annotation {
    /// Its id.
    pub id: u64,
    /// Picture that it is in.
    pub image_id: u64,
    /// 1: person.
    #[serde(default = "person")]
    pub category_id: u64,
    /// x, y, w, h in px.
    pub bbox: [f64; 4],
    /// Of the person's segment, square px.
    pub area: f64,
    /// 1: a crowd, in which nobody is told apart.
    #[serde(default)]
    pub iscrowd: u8,
    /// 17 times x, y, v (0: not labelled); empty where none is.
    #[serde(default)]
    pub keypoints: Vec<f64>,
    /// How many are labelled; counted where it is not said.
    #[serde(default)]
    pub num_keypoints: Option<usize>,
}

fn person() -> u64 {
    PERSON
}

impl Annotation {
    /// Labelled keypoints, as the file says.
    pub fn labelled(&self) -> usize {
        self.num_keypoints.unwrap_or_else(|| self.visible())
    }

    /// Keypoints with v > 0.
    pub(super) fn visible(&self) -> usize {
        self.keypoints.chunks_exact(3).filter(|k| k[2] > 0.0).count()
    }
}

/// Pictures and the people in them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Dataset {
    /// All pictures, those without people too.
    pub images: Vec<Image>,
    /// All people.
    pub annotations: Vec<Annotation>,
}

impl Dataset {
    /// Reads a COCO keypoint annotation file; what is not a person is left out.
    ///
    /// # Errors
    /// If it cannot be read, is not such a file, or somebody has other than 17 keypoints.
    pub fn load(path: &Path) -> Result<Dataset, Error> {
        let text = std::fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
        let mut data: Dataset =
            serde_json::from_slice(&text).map_err(|source| Error::Syntax { path: path.into(), source })?;
        data.annotations.retain(|a| a.category_id == PERSON);
        let odd = |a: &&Annotation| !a.keypoints.is_empty() && a.keypoints.len() != 3 * KEYPOINTS;
        match data.annotations.iter().find(odd) {
            Some(a) => Err(Error::Keypoints { path: path.into(), id: a.id, got: a.keypoints.len() }),
            None => Ok(data),
        }
    }
}
