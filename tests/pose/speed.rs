//! Times of crop and decode, printed on demand.

use super::picture::{Picture, noise};
use posed::clock::SystemClock;
use posed::crop::Cropper;
use posed::frame::{Colorimetry, PixelFormat};
use posed::geometry::{Affine, BBox, Rotate};
use posed::infer::{InputBuffer, InputForm};
use posed::kernels::Isa;
use posed::pose::Decoder;
use std::time::Duration;

#[test]
#[ignore = "prints times: cargo test --release --test pose -- --ignored --nocapture"]
fn crop_and_decode() {
    let clock = SystemClock::shared();
    let picture = Picture::new(PixelFormat::Nv12, (1920, 1080), 0, Colorimetry::default(), noise);
    let view = picture.frame.view(Rotate::None);
    let (width, height) = (192, 256);
    let bbox = BBox { x: 700.0, y: 100.0, w: 360.0, h: 850.0 };
    let map = Affine::crop_to_frame(&bbox, 1.25, width, height).then(&view.to_stored);
    let table = InputForm::Quantized { lut: Box::new([std::array::from_fn(|v| v as u8); 3]) };
    let mut input = InputBuffer::Quantized(vec![0; 3 * width * height]);
    let maps: Vec<f32> =
        (0..17 * 64 * 48).map(|i| f32::from(noise(i / 3072, i % 48, i / 48)) / 255.0).collect();
    let decoder = Decoder { beta: 160.0, window_px: 5, quarter_shift: false };
    let mut croppers = [Cropper::new(width, height), Cropper::new(width, height).limited(Isa::Generic)];
    let mut fastest = [Duration::MAX; 3];
    for _ in 0..200 {
        for (cropper, fastest) in croppers.iter_mut().zip(&mut fastest) {
            let began = clock.now();
            cropper.cut(&picture.frame, &map, &table, &mut input, 0).unwrap();
            *fastest = clock.now().since(began).min(*fastest);
        }
        let began = clock.now();
        let sum: f32 = maps.chunks_exact(64 * 48).map(|map| decoder.decode(map, 48).x).sum();
        fastest[2] = clock.now().since(began).min(fastest[2]);
        assert!(sum > 0.0);
    }
    eprintln!(
        "fastest of 200: crop {:?}, generic kernels {:?}; decode {:?}",
        fastest[0], fastest[1], fastest[2]
    );
}
