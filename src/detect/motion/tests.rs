use super::*;
use crate::frame::{ClockLabel, Colorimetry, FrameInfo, Stamp};
use crate::geometry::Rotate;
use std::time::SystemTime;

const ALL: [PixelFormat; 12] = [
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

/// Frame `n` of 10 a second, with `luma(x, y)` in every byte of px (x, y).
fn frame(format: PixelFormat, (w, h): (u32, u32), n: u64, luma: impl Fn(usize, usize) -> u8) -> Frame {
    let planes: Vec<Vec<u8>> = (0..format.planes())
        .map(|plane| {
            let (row, rows) = format.plane_size(plane, w as usize, h as usize).unwrap();
            let bytes = row.div_ceil(w as usize).max(1);
            (0..row * rows).map(|i| luma((i % row) / bytes, i / row)).collect()
        })
        .collect();
    let stride = |plane| format.plane_size(plane, w as usize, h as usize).map_or(0, |(row, _)| row);
    let info = FrameInfo {
        format,
        width: w,
        height: h,
        strides: [stride(0), stride(1), stride(2)],
        par: (1, 1),
        colorimetry: Colorimetry::default(),
    };
    let mono = Mono(n * 100_000_000);
    let stamp = Stamp { mono, wall: SystemTime::UNIX_EPOCH, clock: ClockLabel::Receive, pts: None };
    Frame::new(info, stamp, n, Box::new(planes)).unwrap()
}

/// Sensor noise of standard deviation 7.5 levels.
fn grain(n: u64, x: usize, y: usize) -> i32 {
    let mut rng = fastrand::Rng::with_seed(n * 1_000_003 + (y * 8192 + x) as u64);
    (0..4).map(|_| rng.i32(-6..=6)).sum()
}

fn noisy(n: u64, x: usize, y: usize, level: i32) -> u8 {
    (level + grain(n, x, y)).clamp(0, 255) as u8
}

#[test]
fn a_walker_moves_cells_in_every_format_and_noise_moves_none() {
    for format in ALL {
        let mut motion = Motion::default();
        for n in 0..10 {
            motion.update(&frame(format, (322, 178), n, |x, y| noisy(n, x, y, 100)));
            assert_eq!(motion.moving_cells(), 0, "{format:?} frame {n}");
        }
        for n in 10..15 {
            let left = 20 + 10 * (n as usize - 10);
            let body = |x, y| (left..left + 20).contains(&x) && (60..120).contains(&y);
            let level = |x, y| if body(x, y) { 60 } else { 100 };
            motion.update(&frame(format, (322, 178), n, |x, y| noisy(n, x, y, level(x, y))));
            assert!(motion.moving_cells() >= 4, "{format:?} frame {n}");
        }
    }
}

#[test]
fn motion_inside_a_tracked_box_does_not_count_for_any_rotation() {
    for rotate in [Rotate::None, Rotate::Cw90, Rotate::Half, Rotate::Cw270] {
        let mut motion = Motion::default();
        let mut last = None;
        for n in 0..3 {
            let body = |x, y| n == 2 && (200..230).contains(&x) && (20..80).contains(&y);
            let picture = frame(PixelFormat::Nv12, (320, 180), n, |x, y| if body(x, y) { 200 } else { 90 });
            motion.update(&picture);
            last = Some(picture.view(rotate));
        }
        let view = last.unwrap();
        assert!(motion.outside(std::iter::empty(), &view));
        let stored = BBox { x: 200.0, y: 20.0, w: 30.0, h: 60.0 };
        let display = match rotate {
            Rotate::None => stored,
            Rotate::Cw90 => BBox { x: 179.0 - 80.0, y: 200.0, w: 60.0, h: 30.0 },
            Rotate::Half => BBox { x: 319.0 - 230.0, y: 179.0 - 80.0, w: 30.0, h: 60.0 },
            Rotate::Cw270 => BBox { x: 20.0, y: 319.0 - 230.0, w: 60.0, h: 30.0 },
        };
        assert!(!motion.outside([display].into_iter(), &view), "{rotate:?}");
        let elsewhere = BBox { x: 0.0, y: 0.0, w: 15.0, h: 15.0 };
        assert!(motion.outside([elsewhere].into_iter(), &view), "{rotate:?}");
    }
}

#[test]
fn a_cloud_and_a_flickering_screen_soon_stop_counting_as_motion() {
    let mut motion = Motion::default();
    let mut late = 0;
    for n in 0..100 {
        let cloud = if n > 50 { -20 } else { 0 };
        let screen = |x, y| (40..60).contains(&x) && (40..60).contains(&y);
        let flicker = |x, y| if screen(x, y) && n % 2 == 0 { 40 } else { 0 };
        motion.update(&frame(PixelFormat::Gray8, (320, 180), n, |x, y| {
            noisy(n, x, y, 100 + cloud + flicker(x, y))
        }));
        late += if n > 40 { motion.moving_cells() } else { 0 };
    }
    assert_eq!(late, 0);
}

#[test]
fn another_size_starts_over_and_a_tiny_frame_is_harmless() {
    let mut motion = Motion::default();
    for (n, size) in [(320, 180), (1, 1), (3, 40), (640, 360)].into_iter().enumerate() {
        let picture = frame(PixelFormat::Gray8, size, n as u64, |x, _| (n * 60 + x % 7) as u8);
        motion.update(&picture);
        assert!(!motion.outside(std::iter::empty(), &picture.view(Rotate::None)));
    }
}
