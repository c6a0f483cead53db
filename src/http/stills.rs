//! A picture of a camera, on request and if the configuration allows it: to aim the camera.
//!
//! One at a time. The worker that has the camera's next frame cuts the picture; `picture` answers
//! with it.

use crate::crop::{Cropper, InputBuffer, InputForm};
use crate::frame::Frame;
use crate::geometry::{Affine, View};
use image::RgbImage;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Wider frames are scaled down.
const WIDEST_PX: u32 = 1280;

/// The request that waits for a frame, if there is one.
#[derive(Debug, Default)]
pub(super) struct Stills {
    allowed: AtomicBool,
    /// Whether `request` holds one: what a worker looks at in every frame.
    wanted: AtomicBool,
    request: Mutex<Option<Request>>,
}

#[derive(Debug)]
struct Request {
    camera: String,
    give: oneshot::Sender<RgbImage>,
}

impl Stills {
    /// Whether pictures are given at all.
    pub(super) fn allow(&self, allowed: bool) {
        self.allowed.store(allowed, Ordering::Relaxed);
    }

    pub(super) fn allowed(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Cuts a picture of `frame` if one of its camera is asked for.
    pub(super) fn offer(&self, camera: &str, frame: &Frame, view: &View) {
        if !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let mut request = self.lock();
        if request.as_ref().is_none_or(|request| request.camera != camera) {
            return;
        }
        let taken = request.take();
        self.wanted.store(false, Ordering::Relaxed);
        drop(request);
        if let (Some(Request { give, .. }), Some(picture)) = (taken, cut(frame, view)) {
            // The client has left.
            let _ = give.send(picture);
        }
    }

    /// Asks for the next frame of `camera`; `None` if another picture is being taken.
    pub(super) fn ask(&self, camera: &str) -> Option<oneshot::Receiver<RgbImage>> {
        let mut request = self.lock();
        if request.as_ref().is_some_and(|request| !request.give.is_closed()) {
            return None;
        }
        let (give, get) = oneshot::channel();
        *request = Some(Request { camera: camera.to_owned(), give });
        self.wanted.store(true, Ordering::Relaxed);
        Some(get)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Request>> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The display frame in RGB: a crop of the whole frame through an identity table.
fn cut(frame: &Frame, view: &View) -> Option<RgbImage> {
    let shrink = (view.width as f32 / WIDEST_PX as f32).max(1.0);
    let scaled = |px: u32| ((px as f32 / shrink).round() as u32).max(1);
    let (width, height) = (scaled(view.width), scaled(view.height));
    let offset = 0.5 * shrink - 0.5;
    let scale = Affine { x: [shrink, 0.0, offset], y: [0.0, shrink, offset] };
    let identity: [u8; 256] = std::array::from_fn(|v| v as u8);
    let form = InputForm::Quantized { lut: Box::new([identity; 3]) };
    let mut buffer = InputBuffer::Quantized(vec![0; width as usize * height as usize * 3]);
    let mut cropper = Cropper::new(width as usize, height as usize);
    cropper.cut(frame, &scale.then(&view.to_stored), &form, &mut buffer, 0).ok()?;
    let InputBuffer::Quantized(bytes) = buffer else { return None };
    RgbImage::from_raw(width, height, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rotate;

    #[test]
    fn a_picture_is_cut_only_for_who_asked_and_scaled_down() {
        let stills = Stills::default();
        let frame = Frame::still(2560, 1440, [200, 10, 90].repeat(2560 * 1440)).unwrap();
        let view = frame.view(Rotate::None);
        stills.offer("hall", &frame, &view);
        let mut get = stills.ask("hall").unwrap();
        assert!(stills.ask("door").is_none(), "one at a time");
        stills.offer("door", &frame, &view);
        assert!(get.try_recv().is_err(), "another camera's frame");
        stills.offer("hall", &frame, &view);
        let picture = get.try_recv().unwrap();
        assert_eq!((picture.dimensions(), picture.get_pixel(640, 360).0), ((1280, 720), [200, 10, 90]));
        assert!(!stills.wanted.load(Ordering::Relaxed));
        drop(stills.ask("hall"));
        assert!(stills.ask("door").is_some(), "who left does not stand in the way");
    }
}
