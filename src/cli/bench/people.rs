//! `posed bench --people`: everything that one person costs in a 1080p frame: crop, network, decoding.

use crate::clock::{Mono, SystemClock};
use crate::frame::{ClockLabel, Colorimetry, Frame, FrameInfo, PixelFormat, Stamp};
use crate::geometry::{BBox, Rotate};
use crate::infer::NetworkOptions;
use crate::pose::{Estimator, Options, Timing};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

const SIZE: (u32, u32) = (1920, 1080);

/// Frames that take turns: more than caches hold, so that each run begins, as a camera's frame does at worst, with
/// one that is in memory alone.
const FRAMES: u64 = 24;

/// Estimates `people` poses in a frame `runs` times, and prints the medians for one person.
///
/// # Errors
/// When the model does not load or run.
pub fn run(dir: &Path, network: NetworkOptions, people: usize, runs: usize) -> anyhow::Result<ExitCode> {
    let mut estimator = Estimator::load(dir, &Options { network, flip_test: false }, SystemClock::shared())?;
    let frames = (0..FRAMES).map(noise).collect::<anyhow::Result<Vec<Frame>>>()?;
    let boxes = boxes(people);
    let mut poses = vec![];
    let mut times: Vec<Timing> = vec![];
    let warm_up = runs.div_ceil(10);
    for (run, frame) in frames.iter().cycle().take(runs + warm_up).enumerate() {
        let timing = estimator.estimate(frame, &frame.view(Rotate::None), &boxes, &mut poses)?;
        if run >= warm_up {
            times.push(timing);
        }
    }
    let median = |of: fn(&Timing) -> Duration| {
        let mut all: Vec<Duration> = times.iter().map(of).collect();
        all.sort_unstable();
        all[all.len() / 2].as_secs_f64() * 1e3 / people as f64
    };
    let (crop, network, decode) = (median(|t| t.crop), median(|t| t.network), median(|t| t.decode));
    let (w, h) = SIZE;
    println!(
        "{people} people in {w}x{h} NV12 frames that no cache holds, median of {runs} runs, ms for one person:"
    );
    println!(
        "crop {crop:.3}, network {network:.3}, decoding {decode:.3}; crop and decoding {:.3}",
        crop + decode
    );
    Ok(ExitCode::SUCCESS)
}

/// People of different sizes side by side, as tall as two thirds of the frame and less.
fn boxes(people: usize) -> Vec<BBox> {
    let person = |i: usize| {
        let h = 720.0 - 60.0 * (i % 8) as f32;
        BBox { x: 60.0 + 220.0 * (i % 8) as f32, y: 200.0, w: h * 0.4, h }
    };
    (0..people).map(person).collect()
}

/// A frame that looks like nothing in particular, always the same for a seed; rows padded as decoders pad them.
fn noise(seed: u64) -> anyhow::Result<Frame> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (width, height, stride) = (SIZE.0, SIZE.1, 2048);
    let mut plane = |rows: u32| (0..stride * rows as usize).map(|_| rng.u8(..)).collect::<Vec<u8>>();
    let planes = vec![plane(height), plane(height / 2)];
    let info = FrameInfo {
        format: PixelFormat::Nv12,
        width,
        height,
        strides: [stride, stride, 0],
        par: (1, 1),
        colorimetry: Colorimetry::default(),
    };
    let stamp = Stamp { mono: Mono(0), wall: SystemTime::UNIX_EPOCH, clock: ClockLabel::Receive, pts: None };
    Ok(Frame::new(info, stamp, 0, Box::new(planes))?)
}
