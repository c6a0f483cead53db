//! COCO keypoint annotation files.

use crate::keypoint::KEYPOINTS;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// COCO's category "person".
const PERSON: u64 = 1;

/// Why annotations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("annotations {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not COCO keypoint JSON.
    #[error("annotations {path}: {source}; expected COCO keypoint annotations")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        source: serde_json::Error,
    },
    /// A person does not have 17 keypoints.
    #[error("annotations {path}: annotation {id} has {got} keypoint numbers, expected 51 (17 times x, y, v)")]
    Keypoints {
        /// The file.
        path: PathBuf,
        /// The annotation.
        id: u64,
        /// Length of its `keypoints`.
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
    /// The picture it is in.
    pub image_id: u64,
    /// 1: person.
    #[serde(default = "person")]
    pub category_id: u64,
    /// x, y, w, h in px.
    pub bbox: [f64; 4],
    /// Area of the person's segment in square px.
    pub area: f64,
    /// 1: a crowd, labelled as one.
    #[serde(default)]
    pub iscrowd: u8,
    /// 17 times x, y, v (0: not labelled); empty without labels.
    #[serde(default)]
    pub keypoints: Vec<f64>,
    /// Number of labelled keypoints; `None`: count them.
    #[serde(default)]
    pub num_keypoints: Option<usize>,
}

fn person() -> u64 {
    PERSON
}

impl Annotation {
    /// Number of labelled keypoints, from the file if it says so.
    pub fn labelled(&self) -> usize {
        self.num_keypoints.unwrap_or_else(|| self.visible())
    }

    /// Number of keypoints with v > 0.
    pub(super) fn visible(&self) -> usize {
        self.keypoints.chunks_exact(3).filter(|k| k[2] > 0.0).count()
    }
}

/// Pictures and the people in them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Dataset {
    /// All pictures, including those without people.
    pub images: Vec<Image>,
    /// All people.
    pub annotations: Vec<Annotation>,
}

impl Dataset {
    /// Reads a COCO keypoint annotation file. Annotations of other categories are left out.
    ///
    /// # Errors
    /// If it cannot be read, is not such a file, or a person does not have 17 keypoints.
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
