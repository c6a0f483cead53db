//! Keeps the frame with the best poses, to draw their skeletons at the end.

use crate::crop::Cropper;
use crate::daemon::Tap;
use crate::frame::Frame;
use crate::geometry::View;
use crate::infer::{InputBuffer, InputForm};
use crate::keypoint::Pose;
use crate::tools::overlay;
use crate::track::Person;
use anyhow::Context as _;
use image::RgbImage;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The frame with the highest sum of pose scores so far.
#[derive(Default)]
pub struct BestFrame(Mutex<Option<Kept>>);

struct Kept {
    score: f32,
    picture: RgbImage,
    people: Vec<Person>,
}

impl Tap for BestFrame {
    fn people(&self, _camera: &str, frame: &Frame, view: &View, people: &[Person]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let score = people.iter().map(|person| person.score).sum();
        if kept.as_ref().is_some_and(|kept| kept.score >= score) {
            return;
        }
        if let Some(picture) = upright(frame, view) {
            *kept = Some(Kept { score, picture, people: people.to_vec() });
        }
    }
}

impl BestFrame {
    /// Draws the skeletons and writes the PNG. Returns their number, or `None` if no frame came.
    pub fn save(&self, path: &Path) -> anyhow::Result<Option<usize>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Kept { mut picture, people, .. }) = kept else { return Ok(None) };
        for person in &people {
            let (bbox, score, keypoints) = (person.bbox, person.score, person.keypoints);
            overlay::skeleton(&mut picture, &Pose { bbox, score, keypoints });
        }
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        picture.save(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Some(people.len()))
    }
}

/// The display frame in RGB: a crop of the whole frame with an identity table.
fn upright(frame: &Frame, view: &View) -> Option<RgbImage> {
    let (width, height) = (view.width as usize, view.height as usize);
    let identity: [u8; 256] = std::array::from_fn(|v| v as u8);
    let form = InputForm::Quantized { lut: Box::new([identity; 3]) };
    let mut buffer = InputBuffer::Quantized(vec![0; width * height * 3]);
    Cropper::new(width, height).cut(frame, &view.to_stored, &form, &mut buffer, 0).ok()?;
    let InputBuffer::Quantized(bytes) = buffer else { return None };
    RgbImage::from_raw(view.width, view.height, bytes)
}
