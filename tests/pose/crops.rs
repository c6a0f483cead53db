//! Crops straight from a frame's planes, compared with references that convert to RGB first.

use super::picture::{Draw, Picture, noise, smooth};
use posed::crop::Cropper;
use posed::frame::{Colorimetry, Matrix, PixelFormat};
use posed::geometry::{Affine, BBox, Rotate};
use posed::infer::{InputBuffer, InputForm};
use posed::kernels::Isa;

const FORMATS: [PixelFormat; 12] = [
    PixelFormat::I420,
    PixelFormat::Yv12,
    PixelFormat::Nv12,
    PixelFormat::Nv21,
    PixelFormat::Y42b,
    PixelFormat::Yuy2,
    PixelFormat::Uyvy,
    PixelFormat::Rgb,
    PixelFormat::Bgr,
    PixelFormat::Rgbx,
    PixelFormat::Bgrx,
    PixelFormat::Gray8,
];

/// Width and height of every crop here, in px.
const SIZE: (usize, usize) = (36, 48);

/// A crop as u8 RGB rows, by an identity table. Checks that the float crop has the same values.
fn cut(picture: &Picture, map: &Affine) -> Vec<u8> {
    let (width, height) = SIZE;
    let mut cropper = Cropper::new(width, height);
    let mut bytes = InputBuffer::Quantized(vec![7; 2 * 3 * width * height]);
    let table = InputForm::Quantized { lut: Box::new([std::array::from_fn(|v| v as u8); 3]) };
    cropper.cut(&picture.frame, map, &table, &mut bytes, 1).unwrap();
    let InputBuffer::Quantized(bytes) = bytes else { unreachable!() };
    assert!(bytes[..3 * width * height].iter().all(|&v| v == 7), "another crop of the batch was changed");
    let bytes = bytes[3 * width * height..].to_vec();

    let mut floats = InputBuffer::Float(vec![0.0; 3 * width * height]);
    let table = InputForm::Float { lut: Box::new([std::array::from_fn(|v| v as f32 * 2.0); 3]) };
    Cropper::new(width, height)
        .bgr()
        .limited(Isa::Generic)
        .cut(&picture.frame, map, &table, &mut floats, 0)
        .unwrap();
    let InputBuffer::Float(floats) = floats else { unreachable!() };
    for (i, &byte) in bytes.iter().enumerate() {
        let plane = 2 - i % 3;
        assert_eq!(floats[plane * width * height + i / 3], 2.0 * f32::from(byte));
    }
    bytes
}

/// The largest difference between the crop and `want`, in levels, and its index.
fn worst(got: &[u8], map: &Affine, want: impl Fn(f64, f64) -> [f64; 3]) -> (f64, usize) {
    let (width, _) = SIZE;
    let row = |r: [f32; 3], u: f64, v: f64| f64::from(r[0]) * u + f64::from(r[1]) * v + f64::from(r[2]);
    let mut worst = (0.0, 0);
    for (i, &got) in got.iter().enumerate() {
        let (u, v) = ((i / 3 % width) as f64, (i / 3 / width) as f64);
        let want = want(row(map.x, u, v), row(map.y, u, v))[i % 3];
        let off = (f64::from(got) - want).abs();
        if off > worst.0 {
            worst = (off, i);
        }
    }
    worst
}

/// Boxes that a crop enlarges, keeps at about their size, or reduces.
pub fn boxes() -> [BBox; 4] {
    [
        BBox { x: 20.0, y: 12.0, w: 14.0, h: 30.0 },    // enlarged
        BBox { x: 3.3, y: 1.7, w: 50.0, h: 61.0 },      // about one to one
        BBox { x: -30.0, y: -20.0, w: 90.0, h: 170.0 }, // reduced, across two edges of the frame
        BBox { x: -40.0, y: -50.0, w: 200.0, h: 200.0 },
    ]
}

/// Calls `then` with a picture, the map of a crop and a name, for every format, size and rotation.
fn each_case(draw: Draw, sizes: &[(usize, usize)], mut then: impl FnMut(&Picture, &Affine, String)) {
    for format in FORMATS {
        for (index, &size) in sizes.iter().enumerate() {
            let matrix = if index % 2 == 0 { Matrix::Bt601 } else { Matrix::Bt709 };
            let colour = Colorimetry { matrix, full_range: index / 2 % 2 == 1 };
            let mut picture = Picture::new(format, size, [0, 5, 32][index % 3], colour, draw);
            for (bbox, rotate) in
                boxes().into_iter().zip([Rotate::None, Rotate::Cw90, Rotate::Half, Rotate::Cw270])
            {
                picture.frame.info.par = if index % 2 == 0 { (1, 1) } else { (16, 11) };
                let view = picture.frame.view(rotate);
                let map = Affine::crop_to_frame(&bbox, 1.25, SIZE.0, SIZE.1).then(&view.to_stored);
                then(&picture, &map, format!("{format:?} {size:?} {colour:?} {bbox:?} {rotate:?}"));
            }
        }
    }
}

#[test]
fn crops_equal_a_whole_frame_converted_first_within_one_level() {
    each_case(smooth, &[(64, 80), (63, 81), (97, 61), (64, 64)], |picture, map, name| {
        let (off, at) = worst(&cut(picture, map), map, picture.converted());
        assert!(off <= 1.0, "{name}: {off} levels at {at}");
    });
}

#[test]
fn crops_of_noise_equal_the_formula_within_one_level() {
    each_case(
        noise,
        &[(64, 80), (63, 81), (97, 61), (5, 3), (2, 2), (1, 9), (1, 1)],
        |picture, map, name| {
            let (off, at) = worst(&cut(picture, map), map, |x, y| picture.pointwise(x, y));
            assert!(off <= 1.0, "{name}: {off} levels at {at}");
        },
    );
}

#[test]
fn a_buffer_of_another_network_is_refused() {
    let picture = Picture::new(PixelFormat::Gray8, (8, 8), 0, Colorimetry::default(), noise);
    let table = InputForm::Quantized { lut: Box::new([[0; 256]; 3]) };
    let mut cropper = Cropper::new(8, 8);
    let mut short = InputBuffer::Quantized(vec![0; 3 * 64]);
    assert!(cropper.cut(&picture.frame, &Affine::IDENTITY, &table, &mut short, 0).is_ok());
    assert!(cropper.cut(&picture.frame, &Affine::IDENTITY, &table, &mut short, 1).is_err());
    let mut other = InputBuffer::Float(vec![0.0; 3 * 64]);
    assert!(cropper.cut(&picture.frame, &Affine::IDENTITY, &table, &mut other, 0).is_err());
}
