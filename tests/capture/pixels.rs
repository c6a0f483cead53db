//! Every format, every stride: the picture that comes out is the picture that went in.

use crate::recorder::{Seen, file, launch, options, run};
use posed::frame::{Frame, Matrix, PixelFormat};

/// `videotestsrc`'s bars, left to right.
const BARS: [[f32; 3]; 7] = [
    [255., 255., 255.],
    [255., 255., 0.],
    [0., 255., 255.],
    [0., 255., 0.],
    [255., 0., 255.],
    [255., 0., 0.],
    [0., 0., 255.],
];

/// RGB of pixel (x, y), straight from the definition of each layout.
fn rgb(frame: &Frame, x: usize, y: usize) -> [f32; 3] {
    use PixelFormat::*;
    let at =
        |plane: usize, x: usize, y: usize| f32::from(frame.plane(plane)[y * frame.info.strides[plane] + x]);
    let (cx, cy) = (x / 2, y / 2);
    let (y, u, v) = match frame.info.format {
        I420 => (at(0, x, y), at(1, cx, cy), at(2, cx, cy)),
        Yv12 => (at(0, x, y), at(2, cx, cy), at(1, cx, cy)),
        Nv12 => (at(0, x, y), at(1, 2 * cx, cy), at(1, 2 * cx + 1, cy)),
        Nv21 => (at(0, x, y), at(1, 2 * cx + 1, cy), at(1, 2 * cx, cy)),
        Y42b => (at(0, x, y), at(1, cx, y), at(2, cx, y)),
        Yuy2 => (at(0, 2 * x, y), at(0, 4 * cx + 1, y), at(0, 4 * cx + 3, y)),
        Uyvy => (at(0, 2 * x + 1, y), at(0, 4 * cx, y), at(0, 4 * cx + 2, y)),
        Rgb => return [0, 1, 2].map(|c| at(0, 3 * x + c, y)),
        Bgr => return [2, 1, 0].map(|c| at(0, 3 * x + c, y)),
        Rgbx => return [0, 1, 2].map(|c| at(0, 4 * x + c, y)),
        Bgrx => return [2, 1, 0].map(|c| at(0, 4 * x + c, y)),
        Gray8 => (at(0, x, y), 128., 128.),
    };
    let (y, u, v) = if frame.info.colorimetry.full_range {
        (y, u - 128., v - 128.)
    } else {
        ((y - 16.) * 255. / 219., (u - 128.) * 255. / 224., (v - 128.) * 255. / 224.)
    };
    let (kr, kb) = match frame.info.colorimetry.matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
    };
    let (r, b) = (y + 2. * (1. - kr) * v, y + 2. * (1. - kb) * u);
    [r, (y - kr * r - kb * b) / (1. - kr - kb), b]
}

fn luma(frame: &Frame, [r, g, b]: [f32; 3]) -> f32 {
    match frame.info.colorimetry.matrix {
        Matrix::Bt601 => 0.299 * r + 0.587 * g + 0.114 * b,
        Matrix::Bt709 => 0.2126 * r + 0.7152 * g + 0.0722 * b,
    }
}

/// The middle of every bar, in every row of the upper half, is the bar's colour.
fn assert_bars(frame: &Frame, tolerance: f32, what: &str) {
    let (width, height) = (frame.info.width as usize, frame.info.height as usize);
    for y in 0..height / 2 {
        for (bar, want) in BARS.iter().enumerate() {
            let got = rgb(frame, (2 * bar + 1) * width / 14, y);
            let want = match frame.info.format {
                PixelFormat::Gray8 => [luma(frame, *want); 3],
                _ => *want,
            };
            let off = got.iter().zip(want).map(|(g, w)| (g - w).abs()).fold(0., f32::max);
            assert!(off <= tolerance, "{what}: row {y}, bar {bar}: {got:?}, not {want:?}; {:?}", frame.info);
        }
    }
}

fn bars(caps: &str) -> Seen {
    run(options(&format!("pipeline:videotestsrc num-buffers=3 ! video/x-raw,{caps}")))
}

/// By way of RGB: asked for full range or luma alone, `videotestsrc` gives studio levels.
fn bars_from_rgb(caps: &str) -> Seen {
    let size = &caps[caps.find("width").unwrap()..];
    run(options(&format!(
        "pipeline:videotestsrc num-buffers=3 ! video/x-raw,format=RGB,{size} ! videoconvert ! video/x-raw,{caps}"
    )))
}

#[test]
fn every_format_arrives_as_it_is_at_even_and_odd_sizes() {
    use PixelFormat::*;
    let kept = [
        ("I420", I420),
        ("YV12", Yv12),
        ("NV12", Nv12),
        ("NV21", Nv21),
        ("Y42B", Y42b),
        ("YUY2", Yuy2),
        ("UYVY", Uyvy),
        ("RGB", Rgb),
        ("BGR", Bgr),
        ("RGBx", Rgbx),
        ("BGRx", Bgrx),
        ("RGBA", Rgbx),
        ("BGRA", Bgrx),
        ("GRAY8", Gray8),
    ];
    for (name, format) in kept {
        for (width, height) in [(192, 108), (175, 99)] {
            let make = if format == Gray8 { bars_from_rgb } else { bars };
            let seen = make(&format!("format={name},width={width},height={height}"));
            assert_eq!(seen.frames.len(), 3, "{name}: {:?}", seen.events);
            assert!(seen.dropped.is_empty());
            for frame in &seen.frames {
                assert_eq!((frame.info.format, frame.info.width, frame.info.height), (format, width, height));
                // Two roundings, to YUV and back, of at most one level each way.
                assert_bars(frame, 3.0, name);
            }
        }
    }
}

#[test]
fn other_formats_are_converted() {
    for name in ["Y444", "xRGB", "ABGR", "I420_10LE", "P010_10LE", "v210", "AYUV", "GRAY16_LE", "RGB16"] {
        let make = if name == "GRAY16_LE" { bars_from_rgb } else { bars };
        let seen = make(&format!("format={name},width=176,height=98"));
        assert_eq!(seen.frames.len(), 3, "{name}: {:?}", seen.events);
        // What the converter's own rounding costs; RGB16 has 5 or 6 bits a channel.
        assert_bars(&seen.frames[0], 9.0, name);
    }
}

#[test]
fn matrix_range_and_pixel_aspect_ratio_are_read_from_the_caps() {
    let caps = "format=I420,width=192,height=108,colorimetry=bt709,pixel-aspect-ratio=16/11";
    let hd = &bars(caps).frames[0];
    assert_eq!((hd.info.colorimetry.matrix, hd.info.par), (Matrix::Bt709, (16, 11)));
    assert_bars(hd, 3.0, "bt709");
    // 1:4:0:0 is what JPEG decoders say: full range, BT.601.
    let jpeg = &bars_from_rgb("format=I420,colorimetry=(string)1:4:0:0,width=192,height=108").frames[0];
    assert!(jpeg.info.colorimetry.full_range);
    assert_bars(jpeg, 3.0, "full range");
    let unsaid = &bars("format=I420,width=1280,height=720").frames[0];
    assert_eq!(unsaid.info.colorimetry.matrix, Matrix::Bt709);
}

#[test]
fn a_decoders_own_padded_rows_are_used_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut padded = 0;
    for (name, encode) in [
        ("h264.mp4", "x264enc key-int-max=10 quantizer=1 pass=quant ! h264parse ! mp4mux"),
        (
            "mjpeg.mkv",
            "videoconvert ! video/x-raw,format=I420,colorimetry=(string)1:4:0:0 ! jpegenc quality=95 ! matroskamux",
        ),
        ("vp8.mkv", "vp8enc min-quantizer=0 max-quantizer=4 ! matroskamux"),
    ] {
        let path = dir.path().join(name);
        let input = if name.starts_with("mjpeg") { "RGB" } else { "I420" };
        launch(&format!(
            "videotestsrc num-buffers=5 ! video/x-raw,format={input},width=326,height=182 ! {encode} ! \
             filesink location={}",
            path.display()
        ));
        let seen = run(file(&path, false, false));
        assert_eq!(seen.frames.len(), 5, "{name}: {:?}", seen.events);
        for frame in &seen.frames {
            assert_eq!((frame.info.width, frame.info.height), (326, 182));
            // The coding itself costs some levels.
            assert_bars(frame, 12.0, name);
            padded += usize::from(frame.info.strides[0] > 328);
        }
    }
    assert!(padded > 0, "no decoder gave padded rows: the test proves nothing");
}

#[test]
fn caps_that_change_in_the_stream_change_the_frames() {
    let seen = run(options(
        "pipeline:concat name=c  videotestsrc num-buffers=4 ! video/x-raw,format=NV12,width=320,height=240 ! c. \
         videotestsrc num-buffers=4 ! video/x-raw,format=YUY2,width=175,height=144,pixel-aspect-ratio=16/11 ! c. \
         videotestsrc num-buffers=4 ! video/x-raw,format=NV12,width=320,height=240 ! c.  c. ! identity",
    ));
    let sizes: Vec<_> = seen.frames.iter().map(|f| (f.info.width, f.info.par)).collect();
    assert_eq!(
        sizes,
        [[(320, (1, 1)); 4], [(175, (16, 11)); 4], [(320, (1, 1)); 4]].concat(),
        "{:?}",
        seen.events
    );
    seen.frames.iter().for_each(|frame| assert_bars(frame, 3.0, "changing caps"));
    assert_eq!(seen.online(), 1);
    let changes = seen.count(|e| matches!(e, posed::capture::Event::CapsChanged { .. }));
    assert_eq!(changes, 2, "{:?}", seen.events);
    // Counted on, whatever happens to caps.
    assert!(seen.frames.iter().map(|f| f.seq).eq(0..12));
}
